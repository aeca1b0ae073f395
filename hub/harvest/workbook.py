"""`workbook`: rows of a workbook or CSV file as rows of a batch, and the way back to their cells.

A sender corrects cells, not rows of a batch; so each problem is told with sheet, row and column.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from adapters.monthly_workbook import WorkbookRow, read_workbook
from connectors.limits import Limits
from connectors.tables import read_table
from hub.intake.batch import Outcomes, Rejected
from schema.errors import Problem

__all__ = ["CellProblem", "Workbook", "open_workbook"]

LETTERS = 26


@dataclass(frozen=True, slots=True)
class CellProblem:
    """What is wrong with one cell, or with a whole row (then `column` is empty)."""

    sheet: str
    row: int
    column: str
    """Column letters as the spreadsheet program shows them."""
    problem: Problem


@dataclass(frozen=True, slots=True)
class Workbook:
    """A file that was read: its rows of data in order of sheets."""

    rows: tuple[WorkbookRow, ...]

    def batch_rows(self) -> list[Any]:
        """Return the rows as `Batch.rows` takes them."""
        return [
            Rejected(dict(enumerate(row.raw)), row.problems, row.record_type)
            if row.record is None
            else {"type": row.record_type, "record": row.record}
            for row in self.rows
        ]

    def problems(self, outcomes: Outcomes) -> list[CellProblem]:
        """Return every problem of a submission at the cell where it stands."""
        return [
            CellProblem(row.sheet, row.number, _column(row, problem.path), problem)
            for row, outcome in zip(self.rows, outcomes.rows, strict=True)
            for problem in outcome.problems
        ]


def open_workbook(source: str, data: bytes, limits: Limits | None = None) -> Workbook:
    """Read an XLSX, XLS or CSV file.

    Raises `connectors.errors.PayloadError` when it cannot be read at all, or is too large.
    """
    return Workbook(tuple(read_workbook(read_table(source, data, limits))))


def _column(row: WorkbookRow, path: str) -> str:
    """Find the column of a problem: the longest column path that leads to it."""
    parts = path.split(".")
    for length in range(len(parts), 0, -1):
        wanted = ".".join(parts[:length])
        if wanted in row.columns:
            return _letters(row.columns.index(wanted) + 1)
    if path.startswith("#") and path[1:].isdigit():
        return _letters(int(path[1:]))
    return ""


def _letters(number: int) -> str:
    """Turn a column number into letters: 1 is A, 27 is AA."""
    letters = ""
    while number:
        number, rest = divmod(number - 1, LETTERS)
        letters = chr(ord("A") + rest) + letters
    return letters
