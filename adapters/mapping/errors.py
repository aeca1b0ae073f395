"""Errors of mappings, split by who must act.

MappingError       the mapping is wrong or does not fit the table: the clerk changes the mapping
CellError          one cell cannot be read: the row is refused and sent back, the others go on
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MappingProblem:
    """One thing that is wrong with a mapping, for the person who wrote it."""

    code: str
    zh: str
    en: str
    line: int | None = None
    """Line of the mapping file, where there is one to point at."""
    where: str = ""
    """Part of the mapping or column of the table that is meant."""


class MappingError(ValueError):
    """A mapping that cannot be used; `problems` names everything that is wrong with it."""

    code = "MAPPING_INVALID"

    def __init__(self, problems: Sequence[MappingProblem]) -> None:
        super().__init__("; ".join(f"{each.where}: {each.en}" for each in problems))
        self.problems = tuple(problems)


class CellError(ValueError):
    """A cell that does not say what the mapping expects of it."""

    def __init__(self, code: str, zh: str, en: str) -> None:
        super().__init__(en)
        self.code = code
        self.zh = zh
        self.en = en
