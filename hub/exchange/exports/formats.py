"""`formats`: the files that a part of an export can be; bytes in, a file out, nothing else.

- NDJSON holds the rows as the interface answers them. The others are tables: one column for each
  value of a row, with a dotted name; a list is JSON text in its cell.
- Nothing is rounded or rewritten: decimals are text, instants have their offset. What a format
  cannot hold fails the export (`FormatError`); nothing is cut off in silence.
- A text that a spreadsheet would take for a formula has an apostrophe before it in CSV, and so has
  a text that begins with an apostrophe: taking one away gives back what was there
  (`adapters.catalogue.uniquip.plain_cell`, and `POST /files`). In XLSX all texts are text cells.
- In CSV an absent value is an empty cell and a text is in quotes, so that "" is an empty text, as
  PostgreSQL's COPY reads it.

RFC 4180 (CSV); ISO/IEC 29500 (XLSX); https://parquet.apache.org/docs/file-format/.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any, Protocol

import xlsxwriter

from adapters.catalogue.uniquip import FORMULA_MARKS, TEXT_MARK
from hub.intake.files.names import fits_cell, writable
from hub.query.sql.streaming import ColumnKind, StreamColumn

NUMBER_MAX = 2**53
"""Whole numbers below it are exact in a spreadsheet."""
SHEET = "export"


class FormatError(Exception):
    """A value that the format cannot hold. `column` names it; its content is not told."""

    def __init__(self, column: str, zh: str, en: str) -> None:
        self.column = column
        self.zh = zh
        self.en = en
        super().__init__(f"{column}: {en}")


class PartWriter(Protocol):
    """Writes one part."""

    def add(self, rows: Sequence[bytes]) -> None:
        """Add rows, each the JSON text of an object."""
        ...

    def close(self) -> None:
        """Write what belongs at the end; the file stays open."""
        ...


def _cells(columns: Sequence[StreamColumn], row: bytes) -> list[Any]:
    """Return the values of a row, each what JSON made of it, lists as JSON text."""
    whole = json.loads(row)
    cells = []
    for column in columns:
        value: Any = whole
        for key in column.path:
            value = value.get(key) if isinstance(value, dict) else None
        if value is not None and column.kind is ColumnKind.JSON:
            value = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        cells.append(value)
    return cells


class NdjsonPart:
    """Lines of JSON, as PostgreSQL built them."""

    def __init__(self, out: IO[bytes], _: Sequence[StreamColumn], __: Path) -> None:
        self._out = out

    def add(self, rows: Sequence[bytes]) -> None:
        """Add rows."""
        self._out.writelines(row + b"\n" for row in rows)

    def close(self) -> None:
        """Nothing belongs at the end."""


class CsvPart:
    """A table in UTF-8 with a byte order mark, by which spreadsheets know the encoding."""

    def __init__(self, out: IO[bytes], columns: Sequence[StreamColumn], _: Path) -> None:
        self._out, self._columns = out, columns
        out.write(b"\xef\xbb\xbf")
        self._line(column.name for column in columns)

    def add(self, rows: Sequence[bytes]) -> None:
        """Add rows."""
        for row in rows:
            self._line(_cells(self._columns, row))

    def close(self) -> None:
        """Nothing belongs at the end."""

    def _line(self, values: Iterable[Any]) -> None:
        self._out.write((",".join(map(csv_cell, values)) + "\r\n").encode())


def csv_cell(value: Any) -> str:
    """Return a value as it stands in CSV."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, str):
        return str(value)
    marked = value.startswith((*FORMULA_MARKS, TEXT_MARK)) and not _is_number(value)
    text = f"{TEXT_MARK}{value}" if marked else value
    return '"' + text.replace('"', '""') + '"'


def _is_number(text: str) -> bool:
    """Tell a decimal with a sign from a formula."""
    whole, _, places = text[1:].partition(".")
    digits = whole + places
    return text[0] in "+-" and whole != "" and digits.isascii() and digits.isdigit()


class XlsxPart:
    """A workbook with one sheet, written row by row."""

    def __init__(self, out: IO[bytes], columns: Sequence[StreamColumn], folder: Path) -> None:
        self._columns = columns
        options = {
            "constant_memory": True,
            "tmpdir": str(folder),
            "strings_to_formulas": False,
            "strings_to_urls": False,
            "strings_to_numbers": False,
        }
        self._book = xlsxwriter.Workbook(out, options)
        self._sheet = self._book.add_worksheet(SHEET)
        self._at = 0
        self._row([column.name for column in columns])

    def add(self, rows: Sequence[bytes]) -> None:
        """Add rows."""
        for row in rows:
            self._row(_cells(self._columns, row))

    def close(self) -> None:
        """Write the workbook."""
        self._book.close()

    def _row(self, values: Sequence[Any]) -> None:
        for at, value in enumerate(values):
            self._cell(at, value)
        self._at += 1

    def _cell(self, at: int, value: Any) -> None:
        if value is None or value == "":
            return
        if isinstance(value, bool):
            self._sheet.write_boolean(self._at, at, value)
        elif isinstance(value, int) and abs(value) < NUMBER_MAX:
            self._sheet.write_number(self._at, at, value)
        else:
            text = str(value)
            if not fits_cell(text) or writable(text) != text:
                raise FormatError(
                    self._columns[at].name,
                    "内容过长，或含有工作簿不能保存的字符；请改用 NDJSON、CSV 或 PARQUET",
                    "too long for a cell, or with characters that no workbook holds: choose "
                    "NDJSON, CSV or PARQUET",
                )
            self._sheet.write_string(self._at, at, text)


class ParquetPart:
    """A table in columns; needs the package pyarrow (the extra `parquet`)."""

    def __init__(self, out: IO[bytes], columns: Sequence[StreamColumn], _: Path) -> None:
        import pyarrow
        from pyarrow import parquet

        kinds = {ColumnKind.INTEGER: pyarrow.int64(), ColumnKind.FLAG: pyarrow.bool_()}
        self._columns, self._arrow = columns, pyarrow
        self._schema = pyarrow.schema(
            [(column.name, kinds.get(column.kind, pyarrow.string())) for column in columns]
        )
        self._writer = parquet.ParquetWriter(out, self._schema)

    def add(self, rows: Sequence[bytes]) -> None:
        """Add rows as one group."""
        cells = [_cells(self._columns, row) for row in rows]
        arrays = [
            self._arrow.array([row[at] for row in cells], kind.type)
            for at, kind in enumerate(self._schema)
        ]
        self._writer.write_table(self._arrow.table(arrays, schema=self._schema))

    def close(self) -> None:
        """Write the footer."""
        self._writer.close()


@dataclass(frozen=True, slots=True)
class FileForm:
    """What a format is called outside, and what writes it."""

    media_type: str
    suffix: str
    write: Callable[[IO[bytes], Sequence[StreamColumn], Path], PartWriter]
    """Takes the file, the columns, and a folder for what is only needed meanwhile."""


class ExportFormat(Enum):
    """The formats."""

    NDJSON = FileForm("application/x-ndjson", "ndjson", NdjsonPart)
    CSV = FileForm("text/csv; charset=utf-8; header=present", "csv", CsvPart)
    XLSX = FileForm(
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "xlsx", XlsxPart
    )
    PARQUET = FileForm("application/vnd.apache.parquet", "parquet", ParquetPart)


def has_parquet() -> bool:
    """Tell whether this hub can write Parquet."""
    return find_spec("pyarrow") is not None
