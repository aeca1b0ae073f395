"""Tables: rows of XLSX, XLS and CSV files, with the sheet and row a person can find again.

Invariants:
- a file is measured before it is opened: parts, unpacked bytes and the rectangle each sheet spans
  (a workbook of 10 kB can ask for hundreds of gigabytes);
- row numbers are those that the spreadsheet program shows, from 1, empty rows counted;
- numbers arrive as `int` or `Decimal` with the 15 digits a spreadsheet shows, never as `float`;
- text is what its mark says, UTF-8, or Chinese text in GB 18030 (`connectors.charset`);
- of an XLSX file nothing is blank that holds an error or a formula (`connectors.workbook_cells`).
"""

import csv
import io
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import TypeAlias

import python_calamine as calamine

from connectors.charset import decode_text
from connectors.errors import PayloadError
from connectors.limits import Limits
from connectors.workbook_cells import completed, untold_cells
from connectors.workbook_guard import measure

__all__ = ["Cell", "TableRow", "read_table"]

Cell: TypeAlias = str | int | Decimal | bool | date | datetime | time | None

XLSX_MAGIC = b"PK\x03\x04"
XLS_MAGIC = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
XLS_BYTES_MAX = 4 * 1024 * 1024
"""The old format cannot be measured before it is opened, so less of it is taken."""
DAMAGE = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, NotImplementedError, ValueError)
"""What the standard library raises while it reads the directory of a broken ZIP file."""
DELIMITERS = ",\t;"


@dataclass(frozen=True, slots=True)
class TableRow:
    """One row that is not empty."""

    sheet: str
    number: int
    cells: tuple[Cell, ...]


def read_table(source: str, data: bytes, limits: Limits | None = None) -> Iterator[TableRow]:
    """Yield the rows of a workbook or CSV file; what it is follows from its first bytes."""
    bounds = limits or Limits()
    if len(data) > bounds.table_bytes_max:
        raise PayloadError(
            source,
            f"the file has {len(data)} bytes, {bounds.table_bytes_max} are allowed",
            hint="send the rows in several files",
        )
    if data.startswith((XLSX_MAGIC, XLS_MAGIC)):
        return _workbook_rows(source, data, bounds)
    return _csv_rows(source, data, bounds)


def _workbook_rows(source: str, data: bytes, limits: Limits) -> Iterator[TableRow]:
    if data.startswith(XLSX_MAGIC):
        try:
            measure(source, data, limits)
        except DAMAGE as error:
            raise PayloadError(source, f"the workbook is damaged: {error}") from error
    elif len(data) > XLS_BYTES_MAX:
        raise PayloadError(
            source,
            f"the file has {len(data)} bytes, {XLS_BYTES_MAX} are allowed in the XLS format",
            hint="save it as XLSX",
        )
    try:
        book = calamine.CalamineWorkbook.from_filelike(io.BytesIO(data))
        names = book.sheet_names
        if len(names) > limits.table_sheets_max:
            raise PayloadError(source, f"{len(names)} sheets, {limits.table_sheets_max} allowed")
        seen = 0
        untold = untold_cells(data) if data.startswith(XLSX_MAGIC) else {}
        for name in names:
            sheet = book.get_sheet_by_name(name)
            _check_size(source, name, sheet.total_height, sheet.total_width, limits)
            # Rows above the first used one are skipped by the reader; the numbers must not be.
            table = sheet.to_python(skip_empty_area=False)
            merged = sheet.merged_cell_ranges
            for number, cells in completed(table, untold.get(name, {}), merged):
                row = tuple(_cell(source, name, number, value, limits) for value in cells)
                if any(cell is not None for cell in row):
                    seen += 1
                    _check_rows(source, seen, limits)
                    yield TableRow(name, number, row)
    except calamine.PasswordError as error:
        raise PayloadError(
            source, "the workbook is locked with a password", hint="save it without one"
        ) from error
    except calamine.CalamineError as error:
        raise PayloadError(source, f"the workbook cannot be read: {error}") from error


def _check_size(source: str, sheet: str, rows: int, columns: int, limits: Limits) -> None:
    if rows * columns > limits.table_cells_max or columns > limits.table_columns_max:
        raise PayloadError(
            source,
            f"sheet {sheet!r} spans {rows} rows and {columns} columns",
            hint="delete the empty rows and columns that carry only formatting",
        )


def _check_rows(source: str, seen: int, limits: Limits) -> None:
    if seen > limits.table_rows_max:
        raise PayloadError(
            source,
            f"more than {limits.table_rows_max} rows",
            hint="send the rows in several files",
        )


def _cell(source: str, sheet: str, number: int, value: object, limits: Limits) -> Cell:
    match value:
        case bool() | int():
            return value
        case float():
            # A spreadsheet keeps binary fractions and shows 15 digits; those are what was meant.
            exact = Decimal(format(value, ".15g"))
            return int(exact) if exact == exact.to_integral_value() else exact
        case datetime() | date() | time():
            return value
        case timedelta():
            minutes, seconds = divmod(int(value.total_seconds()), 60)
            return f"{minutes // 60}:{minutes % 60:02}:{seconds:02}"
        case _:
            text = str(value).strip()
            if len(text) > limits.cell_characters_max:
                raise PayloadError(source, f"sheet {sheet!r}, row {number}: a cell is too long")
            return text or None


def _csv_rows(source: str, data: bytes, limits: Limits) -> Iterator[TableRow]:
    _, text = decode_text(source, data)
    head = text.split("\n", 1)[0]
    delimiter = max(DELIMITERS, key=head.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    seen = 0
    number = 0
    try:
        for number, cells in enumerate(reader, start=1):
            if len(cells) > limits.table_columns_max:
                raise PayloadError(source, f"row {number} has {len(cells)} columns")
            row = tuple(_cell(source, "", number, cell, limits) for cell in cells)
            if any(cell is not None for cell in row):
                seen += 1
                _check_rows(source, seen, limits)
                yield TableRow("", number, row)
    except csv.Error as error:
        raise PayloadError(
            source,
            f"after row {number}: {error}",
            hint="a quotation mark is not closed, or a cell is too long",
        ) from error
