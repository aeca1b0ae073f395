"""`rejects`: refused rows as a workbook, as their sender wrote them, with what is wrong beside it.

- The same sheets, the same columns in the same order, the same rows above the header; of the rows
  below it the refused ones. Where the header itself is refused, all of them.
- Bad cells are red, doubted ones of rows that went in are yellow, and so is the number of a row of
  which its home hub has not said what became of it; each carries a comment in Chinese and English.
  What belongs to no cell is said at the row's number, in a column in front that a later submission
  takes off again.
- Texts are written as text: nothing that came in can become a formula.
- A name or text that the format cannot hold is changed as little as it takes (`names`); what cannot
  be made a workbook for whatever reason goes back as lines of JSON, which hold everything.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal

import xlsxwriter

from adapters.mapping import RowProblem, SourceRow, Table
from adapters.mapping.table import ROW_NUMBER_COLUMN, Content, RoundedNumber, text_of
from hub.intake.files.names import CELL_TEXT_MAX, fits_cell, sheet_name, writable
from hub.intake.files.template import CREATED

HEADER_ROW_MAX = 1_000
"""A header that stands lower is written at the top: below it there must be room for the rows."""
NUMBER_MAX = 2**53
COMMENT_MAX = 2_000
"""Characters of one comment; more than that nobody reads in a tooltip."""
COMMENT_SHAPE = {"x_scale": 2.2, "y_scale": 1.6, "author": "deltahub"}
RED, YELLOW = "#FFC7CE", "#FFEB9C"
TAKEN = "已接收，请核对\ntaken, please check"
AT_HOME = "归属枢纽 home hub: "
DATE, MOMENT, CLOCK = "yyyy-mm-dd", "yyyy-mm-dd hh:mm:ss", "hh:mm:ss"
TOO_LONG = "内容过长，未写回；请以原文件为准\ntoo long to be written back; see the original file"


@dataclass(frozen=True, slots=True)
class Refused:
    """One row that goes back and everything that is wrong with it."""

    row: SourceRow
    problems: Sequence[RowProblem]
    is_taken: bool = False
    """It went in; what is told of it is only doubted."""
    homes: tuple[str, ...] = ()
    """Addresses of the hubs at which its records are at home, where that are others than this."""
    waits: bool = False
    """Nothing of it is refused; those hubs have not said what became of it."""

    @property
    def is_red(self) -> bool:
        """Whether something must be corrected."""
        return not (self.is_taken or self.waits)


def rejects_workbook(
    tables: Iterable[tuple[Table, Sequence[Refused]]], *, dates_1904: bool = False
) -> bytes:
    """Return the refused rows of tables as XLSX bytes, a sheet for each table that has some."""
    stream = io.BytesIO()
    options = {"in_memory": True, "date_1904": dates_1904}
    taken: set[str] = set()
    with xlsxwriter.Workbook(stream, options) as book:
        book.set_properties({"title": "Rejected rows 退回的行", "created": CREATED})
        for table, refused in tables:
            if refused:
                name = sheet_name(table.sheet, taken)
                _Sheet(book, table, name, first_year=1904 if dates_1904 else 1900).write(refused)
    return stream.getvalue()


def rejects_lines(tables: Iterable[tuple[Table, Sequence[Refused]]]) -> bytes:
    """Return the refused rows as lines of JSON, a line for each row."""
    lines = []
    for table, refused in tables:
        names = {column.position: column.name for column in table.columns}
        for each in refused:
            said = [
                {"columns": [names.get(at, "") for at in one.columns], "zh": one.problem.zh,
                 "en": one.problem.en}
                for one in each.problems
            ]  # fmt: skip
            cells = [text_of(cell) for cell in each.row.cells]
            row = {"sheet": table.sheet, "row": each.row.number, "cells": cells, "problems": said}
            if each.homes:
                row["homes"] = list(each.homes)
            lines.append(json.dumps(row).encode())
    return b"\n".join((*lines, b""))


class _Sheet:
    """One sheet, and the formats it uses."""

    def __init__(
        self, book: xlsxwriter.Workbook, table: Table, name: str, *, first_year: int
    ) -> None:
        self._table = table
        self._first_year = first_year
        self._sheet = book.add_worksheet(name)
        head = {"bold": True, "text_wrap": True, "valign": "top"}
        self._head = book.add_format(head)
        self._bad_head = book.add_format({**head, "bg_color": RED})
        self._grey = book.add_format({"font_color": "#777777"})
        self._formats = {
            (shape, shade): book.add_format(
                {
                    **({"num_format": shape} if shape else {}),
                    **({"bg_color": shade} if shade else {}),
                }
            )
            for shape in ("", DATE, MOMENT, CLOCK)
            for shade in ("", RED, YELLOW)
        }

    def write(self, refused: Sequence[Refused]) -> None:
        """Write rows above the header, the header, and the refused rows."""
        table = self._table
        lines = {row.number: row.number - 1 for row in table.above}
        header = max(table.header_row - 1, 0)
        if header >= HEADER_ROW_MAX:
            lines = {number: at for at, number in enumerate(lines)}
            header = len(lines)
        for row in table.above:
            for position, cell in enumerate(row.cells, start=1):
                self._cell(lines[row.number], position, cell, shade="")
        of_header = [each for each in refused if each.row is table.header]
        words = _words_by_column(of_header[0].problems if of_header else ())
        shade = self._bad_head if 0 in words else self._grey
        self._sheet.write_string(header, 0, ROW_NUMBER_COLUMN, shade)
        self._sheet.set_column(0, 0, 12)
        for position, name in self._names():
            shade = self._bad_head if position in words else self._head
            self._sheet.write_string(header, position, writable(name)[:CELL_TEXT_MAX], shade)
            self._sheet.set_column(position, position, max(10, min(40, len(name) * 2)))
        self._comment(header, words)
        self._sheet.freeze_panes(header + 1, 1)
        rows = (each for each in refused if each.row is not table.header)
        for line, each in enumerate(rows, start=header + 1):
            self._row(line, each)

    def _names(self) -> list[tuple[int, str]]:
        """Return the header as it was written, by position."""
        written = self._table.header
        if written is None:
            return [(column.position, column.name) for column in self._table.columns]
        return [(at, text_of(cell)) for at, cell in enumerate(written.cells, start=1)]

    def _row(self, line: int, refused: Refused) -> None:
        words = _words_by_column(refused.problems)
        marked = RED if refused.is_red else YELLOW
        if refused.is_taken:
            words.setdefault(0, []).append(TAKEN)
        if refused.homes:
            words.setdefault(0, []).append(f"{AT_HOME}{', '.join(refused.homes)}")
        shade = self._formats["", marked if 0 in words else ""]
        number = refused.row.number
        self._sheet.write_number(line, 0, number if abs(number) < NUMBER_MAX else 0, shade)
        for position, cell in enumerate(refused.row.cells, start=1):
            shown = marked if position in words else ""
            if not self._cell(line, position, cell, shade=shown):
                words.setdefault(position, []).append(TOO_LONG)
        self._comment(line, words)

    def _comment(self, line: int, words: Mapping[int, Sequence[str]]) -> None:
        """Say what is wrong at each cell of a line."""
        for position, texts in words.items():
            comment = writable("\n\n".join(dict.fromkeys(texts)))[:COMMENT_MAX]
            self._sheet.write_comment(line, position, comment, COMMENT_SHAPE)

    def _cell(self, line: int, position: int, cell: Content, *, shade: str) -> bool:
        """Write one cell in its own type; tell whether it could be written."""
        sheet, plain = self._sheet, self._formats["", shade]
        if cell is None:
            sheet.write_blank(line, position, None, plain)
        elif isinstance(cell, bool):
            sheet.write_boolean(line, position, cell, plain)
        elif isinstance(cell, RoundedNumber):
            sheet.write_number(line, position, int(cell), plain)  # as rounded as it came
        elif _is_number(cell):
            sheet.write_number(line, position, cell, plain)
        elif (shape := self._shape(cell)) is not None:
            sheet.write_datetime(line, position, cell, self._formats[shape, shade])
        else:
            text = writable(text_of(cell))
            if not fits_cell(text):
                return False
            sheet.write_string(line, position, text, plain)
        return True

    def _shape(self, cell: Content) -> str | None:
        """Return the number format of a date or time; None for everything else."""
        if isinstance(cell, date) and cell.year < self._first_year:
            return None  # the format counts days from there
        if isinstance(cell, datetime):
            return MOMENT if cell.tzinfo is None else None
        if isinstance(cell, date):
            return DATE
        return CLOCK if isinstance(cell, time) else None


def _is_number(cell: Content) -> bool:
    if isinstance(cell, Decimal) and not cell.is_finite():
        return False
    return isinstance(cell, int | Decimal) and -NUMBER_MAX < cell < NUMBER_MAX


def _words_by_column(problems: Sequence[RowProblem]) -> dict[int, list[str]]:
    """Return the messages by column position; those that belong to no column are at 0."""
    words_by_column: dict[int, list[str]] = {}
    for each in problems:
        words = f"{each.problem.zh}\n{each.problem.en}"
        place = f"{each.problem.path}: " if each.problem.path and not each.columns else ""
        for position in each.columns or (0,):
            words_by_column.setdefault(position, []).append(f"{place}{words}")
    return words_by_column
