"""Files that people send: bytes in, a table with named columns out.

What kind of file it is follows from its first bytes; encoding, delimiter, sheet and header row are
found out unless the mapping states them. A statement about text (encoding, delimiter) says nothing
about a workbook, so that the rejected rows of a CSV file may come back as the workbook they went
out as.

- Blank rows are skipped, and rows keep the numbers that their sender sees.
- A line that cannot be parted into cells (an open quotation mark, broken JSON) is one bad row: it
  is told and sent back like any other, and the lines after it are read.
- The column of row numbers in front of rows that came back is taken off here and gives the number.
"""

from __future__ import annotations

import codecs
import csv
import io
import json
import re
import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from adapters.mapping import Column, FileFacts, SourceRow, Table, match_text
from adapters.mapping.moments import DAYS_1904
from adapters.mapping.table import ROW_NUMBER_COLUMN, Content, Unread, is_blank, text_of
from connectors.errors import PayloadError
from connectors.limits import Limits
from connectors.tables import XLS_MAGIC, XLSX_MAGIC, read_table

LIMITS = Limits()
HEADER_SEARCHED_MAX = 20
"""Rows from the top in which the header is looked for."""
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
NUMBERLIKE = re.compile(r"[0-9\s.,:/%+-]+")
BOOK_PART = "xl/workbook.xml"
BOOK_PART_BYTES_MAX = 4 * 1024 * 1024


def is_workbook(data: bytes) -> bool:
    """Tell whether a file is a spreadsheet program's own, by its first bytes."""
    return data.startswith((XLSX_MAGIC, XLS_MAGIC))


def read_file(name: str, data: bytes, facts: FileFacts, wanted: Iterable[str] = ()) -> Table:
    """Return the table of a file. `wanted` are the columns by which its header is recognised.

    Raises `PayloadError` when the file as a whole cannot be read.
    """
    if len(data) > LIMITS.table_bytes_max:
        raise PayloadError(
            name,
            f"the file has {len(data)} bytes, {LIMITS.table_bytes_max} are allowed",
            hint="send the rows in several files",
        )
    names = frozenset(match_text(each) for each in wanted)
    if is_workbook(data):
        return _workbook(name, data, facts, names)
    encoding, text = _decoded(name, data, facts.encoding)
    found = {"encoding": encoding}
    rows = _json_rows(name, text, facts.rows_at)
    if rows is not None:
        return _flattened(name, rows, found)
    delimiter = facts.delimiter or _delimiter(text)
    found["delimiter"] = "TAB" if delimiter == "\t" else delimiter
    return _headed(name, TEXT_SHEET, _text_rows(name, text, delimiter), facts, names, found)


def _workbook(name: str, data: bytes, facts: FileFacts, names: frozenset[str]) -> Table:
    sheets: dict[str, list[SourceRow]] = {}
    for row in read_table(name, data, LIMITS):
        sheets.setdefault(row.sheet, []).append(SourceRow(row.number, row.cells))
    sheet = facts.sheet
    if sheet is None and len(sheets) == 1:
        sheet = next(iter(sheets))
    if sheet is None:
        sheet = max(sheets, key=lambda each: _matches(sheets[each], names), default="")
        if sum(_matches(rows, names) > 0 for rows in sheets.values()) != 1:
            sheet = None
    if sheet is None or sheet not in sheets:
        listed = ", ".join(sheets) or "none with rows"
        raise PayloadError(
            name,
            f"which sheet is meant? There are: {listed}",
            hint='say so in the mapping 请在映射中写明: [file] sheet = "…"',
        )
    rows = _shifted(sheets[sheet], data, stated=facts.dates_1904)
    return _headed(name, sheet, rows, facts, names, {"format": "workbook"})


def _matches(rows: Sequence[SourceRow], names: frozenset[str]) -> int:
    """Count the wanted columns in the row that looks most like the header."""
    return max((_known(row, names) for row in rows[:HEADER_SEARCHED_MAX]), default=0)


def _known(row: SourceRow, names: frozenset[str]) -> int:
    return sum(match_text(cell) in names for cell in row.cells if isinstance(cell, str))


def _shifted(rows: list[SourceRow], data: bytes, *, stated: bool | None) -> list[SourceRow]:
    """Move dates between the two epochs where the workbook's own mark is known to be wrong."""
    if stated is None or not data.startswith(XLSX_MAGIC) or stated == _declares_1904(data):
        return rows
    by = timedelta(days=DAYS_1904 if stated else -DAYS_1904)
    return [
        SourceRow(
            row.number,
            tuple(c + by if isinstance(c, datetime | date) else c for c in row.cells),
        )
        for row in rows
    ]


def _declares_1904(data: bytes) -> bool:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        if BOOK_PART not in archive.namelist():
            return False
        with archive.open(BOOK_PART) as part:
            head = part.read(BOOK_PART_BYTES_MAX)
    return re.search(rb'date1904\s*=\s*["\'](1|true)["\']', head) is not None


def _decoded(name: str, data: bytes, stated: str | None) -> tuple[str, str]:
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


def _delimiter(text: str) -> str:
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


def _text_rows(name: str, text: str, delimiter: str) -> list[SourceRow]:
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
    told = Unread(code, zh, f"{en}: {reason}")
    return SourceRow(number, (line.strip()[:LINE_SHOWN_MAX],), told)


def _json_rows(name: str, text: str, rows_at: str) -> list[tuple[int, Any]] | None:
    """Return the rows of a JSON document or of JSON lines with their numbers; None: it is none."""
    if not text.lstrip().startswith(("{", "[")):
        return None
    try:
        document = json.loads(text, parse_float=Decimal)
    except (ValueError, RecursionError):
        document = None
    if document is not None:
        return list(enumerate(_at(name, document, rows_at), start=1))
    made: list[tuple[int, Any]] = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        found: Any = None
        reason = "it is another value"
        try:
            found = json.loads(line, parse_float=Decimal)
        except (ValueError, RecursionError) as error:
            reason = str(error)
        is_row = isinstance(found, dict)
        made.append((number, found if is_row else _unread(number, line, "NOT_JSON", reason)))
    objects = sum(isinstance(row, dict) for _, row in made)
    return made if objects * 2 >= len(made) else None


def _at(name: str, document: Any, rows_at: str) -> list[Any]:
    """Go to the rows: member names, and `*` for all members of an object or list."""
    found = [document]
    for step in rows_at.split(".") if rows_at else []:
        below: list[Any] = []
        for each in found:
            if step == "*":
                below += each.values() if isinstance(each, dict) else each
            elif isinstance(each, dict) and step in each:
                below.append(each[step])
        found = below
    if len(found) == 1 and isinstance(found[0], list):
        found = found[0]
    if not found or not all(isinstance(each, dict) for each in found):
        raise PayloadError(
            name,
            f"there are no rows at {rows_at or 'the top'}",
            hint='say where they stand 请写明数据行的位置: [file] rows_at = "data.rows"',
        )
    return found


def _flattened(name: str, rows: list[tuple[int, Any]], found: dict[str, str]) -> Table:
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
    made = tuple(
        row
        if isinstance(row, SourceRow)
        else SourceRow(number, tuple(row.get(each) for each in names))
        for number, row in flat
    )
    return Table(columns, made, TEXT_SHEET, found={**found, "format": "JSON"})


def _members(row: dict[str, Any], prefix: str) -> Iterator[tuple[str, Content]]:
    for name, value in row.items():
        if isinstance(value, dict) and value:
            yield from _members(value, f"{prefix}{name}.")
        elif value not in ("", None, [], {}):
            yield f"{prefix}{name}", value
        else:
            yield f"{prefix}{name}", None


def _headed(
    name: str,
    sheet: str,
    rows: list[SourceRow],
    facts: FileFacts,
    names: frozenset[str],
    found: dict[str, str],
) -> Table:
    """Find the header, name the columns, and take the rows below it."""
    head = [row for row in rows[:HEADER_SEARCHED_MAX] if row.unread is None]
    if facts.header_row is not None:
        at = next((row for row in rows if row.number == facts.header_row), None)
    elif names:
        at = max(head, key=lambda row: _known(row, names), default=None)
    else:
        at = max(head, key=lambda row: sum(map(_is_name, row.cells)), default=None)
    if at is None:
        raise PayloadError(name, "there is no header row", hint="the first row names the columns")
    below = tuple(row for row in rows if row.number > at.number)
    table = Table(
        columns=_columns(at, below),
        rows=below,
        sheet=sheet,
        header_row=at.number,
        above=tuple(row for row in rows if row.number < at.number),
        header=at,
        found=found,
    )
    return _renumbered(table)


def _is_name(cell: Content) -> bool:
    """Tell whether a cell could head a column: a text that is no number, date or time."""
    return isinstance(cell, str) and NUMBERLIKE.fullmatch(cell) is None


def _columns(header: SourceRow, rows: Sequence[SourceRow]) -> tuple[Column, ...]:
    """Name the columns; of equal names the second is `name#2`, blank ones between are kept."""
    texts = [text_of(cell) for cell in header.cells]
    while texts and not texts[-1]:
        texts.pop()
    counts: Counter[str] = Counter()
    made = []
    for position, text in enumerate(texts, start=1):
        counts[match_text(text)] += 1
        again = counts[match_text(text)]
        if text:
            made.append(Column(position, text if again == 1 else f"{text}#{again}"))
        elif any(position <= len(r.cells) and not is_blank(r.cells[position - 1]) for r in rows):
            made.append(Column(position, ""))
    return tuple(made)


def _renumbered(table: Table) -> Table:
    """Take off the column of original row numbers, where rows came back with it."""
    if not table.columns or table.columns[0].name != ROW_NUMBER_COLUMN:
        return table
    return replace(
        table,
        columns=tuple(Column(c.position - 1, c.name) for c in table.columns[1:]),
        rows=tuple(
            _numbered(row)
            for row in table.rows
            if row.unread or any(not is_blank(cell) for cell in row.cells[1:])
        ),
        above=tuple(SourceRow(r.number, r.cells[1:]) for r in table.above),
        header=table.header and SourceRow(table.header.number, table.header.cells[1:]),
    )


def _numbered(row: SourceRow) -> SourceRow:
    """Return a row with the number that stands in its first cell."""
    if row.unread:
        return row
    number = row.cells[0] if isinstance(row.cells[0], int) else row.number
    return SourceRow(number, row.cells[1:])
