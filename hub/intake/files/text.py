"""`text`: rows of text files: delimited lines, a JSON document, lines of JSON.

- Encoding and delimiter are found out unless the mapping states them.
- A line that cannot be split into cells (an open quotation mark, broken JSON) is one bad row: it
  is reported and sent back like any other, and the lines after it are read.
"""

from __future__ import annotations

import codecs
import csv
import io
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from adapters.mapping import Column, SourceRow, Table
from adapters.mapping.table import Content, Unread
from connectors.errors import PayloadError
from connectors.limits import Limits
from schema.strict_json import read_json

LIMITS = Limits()
DELIMITERS = ",\t;|"
SAMPLE_LINES = 20
MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
"""Byte order marks, the longer ones before those they begin with."""
GUESSED = ("utf-8", "gb18030")
TEXT_SHEET = "rows"
LINE_SHOWN_MAX = 2_000
"""Characters of a line that is sent back because it is no row."""


def decoded(name: str, data: bytes, stated: str | None) -> tuple[str, str]:
    """Return the encoding of a text file and its text. Raises `PayloadError`."""
    marked = [encoding for mark, encoding in MARKS if data.startswith(mark)]
    candidates = marked[:1] or ([stated] if stated else list(GUESSED))
    for encoding in candidates:
        try:
            text = data.decode(encoding)
        except (UnicodeDecodeError, LookupError):
            continue
        if "\0" not in text:
            return encoding, text
    raise PayloadError(
        name,
        f"the file is neither a workbook nor text in {' or '.join(candidates)}",
        hint='state it in the mapping 请在映射中写明编码: [file] encoding = "…"',
    )


def delimiter_of(text: str) -> str:
    """Find the delimiter by which the first lines fall into the most columns, alike."""
    sample = list(text.splitlines()[:SAMPLE_LINES])
    best, most = ",", 0.0
    for delimiter in DELIMITERS:
        try:
            widths = Counter(len(row) for row in csv.reader(sample, delimiter=delimiter) if row)
        except csv.Error:
            continue
        for width, count in widths.most_common(1):
            if width > 1 and width * count > most:
                best, most = delimiter, width * count
    return best


def delimited_rows(name: str, text: str, delimiter: str) -> list[SourceRow]:
    """Return the rows of lines with a delimiter. Raises `PayloadError` when no line is a row."""
    rows = list(_parsed(name, text, delimiter, csv.QUOTE_MINIMAL))
    if delimiter == "\t" and any(row.unread for row in rows):
        # Tab-separated files are often written without any quoting, inch marks included.
        rows = list(_parsed(name, text, delimiter, csv.QUOTE_NONE))
    if rows and all(row.unread for row in rows):
        hint = "is a quotation mark open?"
        raise PayloadError(name, "no line can be parted into cells", hint=hint)
    return rows


def _parsed(name: str, text: str, delimiter: str, quoting: Any) -> Iterator[SourceRow]:
    """Yield the rows; after a line that is none, reading goes on with the line that follows it."""
    lines = list(io.StringIO(text, newline=""))
    at = number = 0
    while at < len(lines):
        rest = (lines[n] for n in range(at, len(lines)))
        reader = csv.reader(rest, delimiter=delimiter, quoting=quoting, strict=True)
        read = at
        try:
            for row in reader:
                read, number = at + reader.line_num, number + 1
                if number > LIMITS.table_rows_max or len(row) > LIMITS.table_columns_max:
                    raise PayloadError(name, f"row {number}: too many rows or columns")
                cells = tuple(cell.strip() or None for cell in row)
                if any(cell is not None for cell in cells):
                    yield SourceRow(number, cells)
            at = len(lines)
        except csv.Error as error:
            number += 1
            yield _unread(number, lines[read], "NOT_CELLS", str(error))
            at = read + 1


def _unread(number: int, line: str, code: str, reason: str) -> SourceRow:
    words = {
        "NOT_CELLS": (
            "本行无法拆分为单元格，可能有未闭合的引号",
            "the line cannot be parted into cells",
        ),
        "NOT_JSON": ("本行不是 JSON 对象", "the line is not a JSON object"),
    }
    zh, en = words[code]
    unread = Unread(code, zh, f"{en}: {reason}")
    return SourceRow(number, (line.strip()[:LINE_SHOWN_MAX],), unread)


def _json_rows(name: str, text: str, rows_at: str) -> list[tuple[int, Any]] | None:
    """Return the rows of a JSON document or of JSON lines with their numbers; None: it is none."""
    if not text.lstrip().startswith(("{", "[")):
        return None
    try:
        document = read_json(text, fractions=Decimal)
    except ValueError:
        document = None
    if document is not None:
        return list(enumerate(_at(name, document, rows_at), start=1))
    rows: list[tuple[int, Any]] = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        value: Any = None
        reason = "it is another value"
        try:
            value = read_json(line, fractions=Decimal)
        except ValueError as error:
            reason = str(error)
        is_row = isinstance(value, dict)
        rows.append((number, value if is_row else _unread(number, line, "NOT_JSON", reason)))
    objects = sum(isinstance(row, dict) for _, row in rows)
    return rows if objects * 2 >= len(rows) else None


def _at(name: str, document: Any, rows_at: str) -> list[Any]:
    """Go to the rows: member names, and `*` for all members of an object or list."""
    values = [document]
    for step in rows_at.split(".") if rows_at else []:
        below: list[Any] = []
        for each in values:
            if step == "*":
                below += each.values() if isinstance(each, dict) else each
            elif isinstance(each, dict) and step in each:
                below.append(each[step])
        values = below
    if len(values) == 1 and isinstance(values[0], list):
        values = values[0]
    if not values or not all(isinstance(each, dict) for each in values):
        raise PayloadError(
            name,
            f"there are no rows at {rows_at or 'the top'}",
            hint='say where they stand 请写明数据行的位置: [file] rows_at = "data.rows"',
        )
    return values


def json_table(name: str, text: str, rows_at: str, facts: dict[str, str]) -> Table | None:
    """Return the table of a JSON text, a column for each member; None: it is no JSON.

    Raises `PayloadError`.
    """
    rows = _json_rows(name, text, rows_at)
    if rows is None:
        return None
    if len(rows) > LIMITS.table_rows_max:
        raise PayloadError(name, f"more than {LIMITS.table_rows_max} rows")
    flat: list[tuple[int, dict[str, Content] | SourceRow]] = []
    names: dict[str, int] = {}
    for number, row in rows:
        if isinstance(row, SourceRow):
            flat.append((number, row))
            continue
        cells = dict(_members(row, ""))
        for each in cells:
            names.setdefault(each, len(names))
        flat.append((number, cells))
    if len(names) > LIMITS.table_columns_max:
        raise PayloadError(name, f"the rows have {len(names)} different members")
    columns = tuple(Column(position, each) for position, each in enumerate(names, start=1))
    source_rows = tuple(
        row
        if isinstance(row, SourceRow)
        else SourceRow(number, tuple(row.get(each) for each in names))
        for number, row in flat
    )
    return Table(columns, source_rows, TEXT_SHEET, properties={**facts, "format": "JSON"})


def _members(row: dict[str, Any], prefix: str) -> Iterator[tuple[str, Content]]:
    for name, value in row.items():
        if isinstance(value, dict) and value:
            yield from _members(value, f"{prefix}{name}.")
        elif value not in ("", None, [], {}):
            yield f"{prefix}{name}", value
        else:
            yield f"{prefix}{name}", None
