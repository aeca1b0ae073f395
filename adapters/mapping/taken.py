"""`Taken`: what a rule took out of one row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

Note: TypeAlias = tuple[str, str, str]
"""A stable code, and words in Chinese and English."""


@dataclass(frozen=True, slots=True)
class Taken:
    """A value in wire form, and what the source wrote where that differs in kind."""

    value: Any
    original: str | None = None
    note: Note | None = None
    """What its sender should look at, though it is taken."""
