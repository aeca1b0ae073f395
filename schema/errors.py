"""Errors of the standard.

StandardError
├── CanonicalError      data lies outside the canonical subset; the sender must change it
├── ConformanceError    data breaks a record type; `problems` names every breach
├── DateError           a text is no date or moment (schema.dates)
├── UnknownCodeError    a code is not in its closed list (schema.codes.code_list)
└── UnknownSchemeError  a classification has no table here (schema.codes.tables)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """One breach of the standard: where, what, and in words for the sender."""

    path: str
    code: str
    zh: str
    en: str
    value: str | None = None
    """What stood there, shortened; absent where the item is personal or missing."""


class StandardError(ValueError):
    """Root of everything that says data is not of the standard."""

    code = "STANDARD"


class CanonicalError(StandardError):
    """Data cannot be written as canonical bytes."""

    code = "NOT_CANONICAL"


class ConformanceError(StandardError):
    """Data breaks a record type of the standard."""

    code = "NOT_CONFORMING"

    def __init__(self, subject: str, problems: Sequence[Problem]) -> None:
        message = "; ".join(f"{p.path}: {p.en}" for p in problems)
        super().__init__(f"{subject} does not conform: {message}")
        self.subject = subject
        self.problems = tuple(problems)
