"""`LargeBook`: the sheets of a workbook of any size, opened once and kept in a temporary file.

Opening a workbook is what costs; so its rows are written down as they come and read from there as
often as they are wanted. The bounds are those of the machine of whoever sends the file, not of the
hub, which gets parts.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Self

from adapters.mapping import SourceRow
from connectors.cells import TableRow, cell_from_wire, cell_to_wire
from connectors.limits import MIB, Limits
from connectors.workbook import Workbook
from hub.intake.files.tables import kept_cell
from hub.intake.limits import CUT_ROWS_MAX

LIMITS = Limits(
    table_bytes_max=256 * MIB,
    table_unpacked_bytes_max=4_096 * MIB,
    table_rows_max=CUT_ROWS_MAX,
    table_cells_max=40_000_000,
    workbook_memory_bytes_max=6_144 * MIB,
    workbook_cpu_s=900.0,
    workbook_s=1_800.0,
    workbook_output_bytes_max=8_192 * MIB,
)
"""A sheet with all its 1,048,576 rows and 30 columns takes 2.8 GiB and 104 s to open
(docs/operators/files.md)."""
HEAD_ROWS_MAX = 1_000
"""Rows of a sheet that are held, in which its header is looked for."""


@dataclass(slots=True)
class BookSheet:
    """One sheet: its first rows, how many it has, and where they begin in the file."""

    name: str
    begins: int
    head: list[SourceRow]
    count: int = 0


class LargeBook:
    """A workbook whose rows can be read again; it is closed by leaving the block."""

    def __init__(self, path: Path) -> None:
        """Open the workbook and write its rows down. Raises `PayloadError`."""
        self.sheets: list[BookSheet] = []
        self._file: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `__exit__`
        try:
            book = Workbook(path.name, path.read_bytes(), LIMITS)
            for row in book:
                self._keep(row)
        except BaseException:
            self._file.close()
            raise
        self.from_1904 = book.from_1904
        self.hidden = frozenset(book.hidden)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    @property
    def count(self) -> int:
        """Rows of all sheets."""
        return sum(each.count for each in self.sheets)

    def rows(self, sheet: BookSheet) -> Iterator[SourceRow]:
        """Yield the rows of a sheet from the first; one such reading at a time."""
        self._file.seek(sheet.begins)
        for _ in range(sheet.count):
            number, cells = json.loads(self._file.readline())
            yield _row(number, cells)

    def _keep(self, row: TableRow) -> None:
        if not self.sheets or self.sheets[-1].name != row.sheet:
            self.sheets.append(BookSheet(row.sheet, self._file.tell(), []))
        sheet = self.sheets[-1]
        sheet.count += 1
        wire = [cell_to_wire(cell) for cell in row.cells]
        self._file.write(json.dumps([row.number, wire]).encode() + b"\n")
        if len(sheet.head) < HEAD_ROWS_MAX:
            sheet.head.append(_row(row.number, wire))


def _row(number: int, cells: list[object]) -> SourceRow:
    longest = LIMITS.cell_characters_max
    return SourceRow(number, tuple(kept_cell(cell_from_wire(each, longest)) for each in cells))
