"""`text`: rows of text files: delimited lines, a JSON document, lines of JSON.

- Encoding (`connectors.charset`) and delimiter are found out unless the mapping states them.
- A line ends with a line feed and with nothing else: U+2028 and U+0085 may stand in a text.
- A line that cannot be split into cells (an open quotation mark, broken JSON) is one bad row: it
  is reported and sent back like any other, and the lines after it are read.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any, Literal, TypeAlias

from adapters.mapping import Column, SourceRow, Table
from adapters.mapping.table import ROW_NUMBER_COLUMN, Content, Unread
from connectors.errors import PayloadError
from connectors.limits import Limits
from connectors.words import Words
from hub.intake.files.json_rows import no_rows_at, not_json
from schema.strict_json import explained, read_json

LIMITS = Limits()
DELIMITERS = ",\t;|"
SAMPLE_LINES = 20
TEXT_SHEET = "rows"
MANY_LINES = 3
Quoting: TypeAlias = Literal[0, 3]
"""`csv.QUOTE_MINIMAL` or `csv.QUOTE_NONE`."""
ROW_MARKED = re.compile(f'^"?{ROW_NUMBER_COLUMN}"?([{DELIMITERS}])', re.MULTILINE)
"""The header of rows that came back, or of a part of a file: it says the delimiter itself."""
_AS_TEXT = re.compile(r'="([^"]*)"')
SURELY_JSON = re.compile(r"[\[{]\s*[\[{\"\]}]").match
ROW_NUMBER_MAX = 10_000_000
"""Largest number that a row which came back is believed to have had."""
ROW_DIGITS_MAX = 9
LINE_SHOWN_MAX = 2_000
"""Characters of a line that is sent back because it is no row."""


def delimiter_of(text: str) -> str:
    """Find the delimiter by which the first lines fall into the most columns, alike."""
    sample = text.split("\n", SAMPLE_LINES)[:SAMPLE_LINES]
    if marked := ROW_MARKED.search("\n".join(sample)):
        return marked[1]
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
        raise no_line_is_a_row(name)
    return rows


def no_line_is_a_row(name: str) -> PayloadError:
    """Say that a file of lines has no row."""
    return PayloadError(
        name,
        Words("没有一行能拆分为单元格", "no line can be parted into cells"),
        hint=Words("是否有未闭合的引号？", "is a quotation mark open?"),
    )


def _parsed(name: str, text: str, delimiter: str, quoting: Quoting) -> Iterator[SourceRow]:
    rows = parted_lines(name, io.StringIO(text, newline=""), delimiter, quoting)
    for row in rows:
        if row.number > LIMITS.table_rows_max:
            raise PayloadError(
                name, Words(f"第 {row.number} 行：行数过多", f"row {row.number}: too many rows")
            )
        yield row


def parted_lines(
    name: str, lines: Iterable[str], delimiter: str, quoting: Quoting
) -> Iterator[SourceRow]:
    """Yield the rows of lines; after a line that is none, reading goes on with the one after it.

    Of the lines only those of one row are held.
    """
    pending = _Lines(lines)
    number = 0
    while True:
        reader = csv.reader(pending, delimiter=delimiter, quoting=quoting, strict=True)
        try:
            for row in reader:
                pending.taken.clear()
                number += 1
                if len(row) > LIMITS.table_columns_max:
                    raise PayloadError(
                        name, Words(f"第 {number} 行：列数过多", f"row {number}: too many columns")
                    )
                cells = tuple(map(_cell, row))
                if any(cell is not None for cell in cells):
                    yield SourceRow(number, cells)
        except csv.Error:
            number += 1
            yield unread_line(number, pending.give_back(), "NOT_CELLS", NOT_CELLS)
            continue
        return


class _Lines(Iterator[str]):
    """Lines that can be given back, all but the first of those that were taken."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._lines = iter(lines)
        self._again: deque[str] = deque()
        self.taken: list[str] = []

    def __next__(self) -> str:
        line = self._again.popleft() if self._again else next(self._lines)
        self.taken.append(line)
        return line

    def give_back(self) -> str:
        first, *others = self.taken
        self._again.extendleft(reversed(others))
        self.taken = []
        return first


def _cell(text: str) -> str | None:
    """Return the text of a cell; `="0013"` is how a spreadsheet program is told to keep zeros."""
    plain = text.strip()
    if not plain.startswith("="):
        return plain or None
    as_text = _AS_TEXT.fullmatch(plain)
    return (as_text[1] if as_text else plain) or None


NOT_CELLS = (
    "本行无法拆分为单元格，可能有未闭合的引号",
    "the line cannot be parted into cells; a quotation mark may be open",
)


def unread_line(number: int, line: str, code: str, words: tuple[str, str]) -> SourceRow:
    """Return a line that is no row as a row that says why."""
    return SourceRow(number, (line.strip()[:LINE_SHOWN_MAX],), Unread(code, *words))


def _not_json(error: ValueError | None) -> tuple[str, str]:
    zh, en = ("是别的内容", "it is another value") if error is None else explained(error)
    return f"本行不是 JSON 对象：{zh}", f"the line is not a JSON object: {en}"


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
    lines = [line.strip("\ufeff \t\r") for line in text.split("\n")]
    objects = sum(line.startswith("{") for line in lines)
    if objects * 2 < sum(map(bool, lines)) or (objects < MANY_LINES and not _any_row(lines)):
        if SURELY_JSON(text.lstrip()):
            raise _no_document(name, text)
        return None
    return list(rows_of_json_lines(lines))


def rows_of_json_lines(lines: Iterable[str]) -> Iterator[tuple[int, dict[str, Any] | SourceRow]]:
    """Yield the objects of lines, or why a line is none, with their numbers."""
    for number, line in enumerate(lines, start=1):
        stripped = line.strip("\ufeff \t\r\n")
        if not stripped:
            continue
        value, fault = None, None
        try:
            value = read_json(stripped, fractions=Decimal)
        except ValueError as error:
            fault = error
        if isinstance(value, dict):
            yield number, value
        else:
            yield number, unread_line(number, stripped, "NOT_JSON", _not_json(fault))


def _any_row(lines: list[str]) -> bool:
    """Tell whether a few lines look like an object each, and not like one object over them all."""
    whole = sum(line.startswith("{") and line.endswith("}") for line in lines)
    return whole > 0 and sum(map(bool, lines)) > 1


def _no_document(name: str, text: str) -> PayloadError:
    """Say where a JSON document stops being one."""
    zh, en = "内容有误", "it is wrong"
    try:
        read_json(text, fractions=Decimal)
    except ValueError as error:
        zh, en = explained(error)
    return not_json(name, zh, en)


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
        raise no_rows_at(name, rows_at)
    return values


def json_table(name: str, text: str, rows_at: str, facts: dict[str, str]) -> Table | None:
    """Return the table of a JSON text, a column for each member; None: it is no JSON.

    Raises `PayloadError`.
    """
    rows = _json_rows(name, text, rows_at)
    if rows is None:
        return None
    if len(rows) > LIMITS.table_rows_max:
        raise PayloadError(
            name,
            Words(f"超过 {LIMITS.table_rows_max} 行", f"more than {LIMITS.table_rows_max} rows"),
        )
    names: dict[str, int] = {}
    flat = [_widened(row, names) for row in list(flat_rows(rows, names))]
    if len(names) > LIMITS.table_columns_max:
        raise PayloadError(
            name,
            Words(f"各行共有 {len(names)} 种成员", f"the rows have {len(names)} different members"),
        )
    columns = tuple(Column(position, each) for position, each in enumerate(names, start=1))
    return Table(columns, tuple(flat), TEXT_SHEET, properties={**facts, "format": "JSON"})


def _widened(row: SourceRow, names: dict[str, int]) -> SourceRow:
    """Return a row with a cell for members that only rows after it have."""
    missing = 0 if row.unread else len(names) - len(row.cells)
    return SourceRow(row.number, row.cells + (None,) * missing) if missing else row


NAMES_ONLY = 0
"""Row number of an object that only names the members of the others, in their order."""


def flat_rows(
    rows: Iterable[tuple[int, dict[str, Any] | SourceRow]], names: dict[str, int]
) -> Iterator[SourceRow]:
    """Yield objects as rows, a cell for each member; new names are added to `names`.

    An object may say the number that its row had, as rows do that came back.
    """
    for number, row in rows:
        if isinstance(row, SourceRow):
            yield row
            continue
        stated = row.pop(ROW_NUMBER_COLUMN, number)
        cells = dict(_members(row, ""))
        for each in cells:
            names.setdefault(each, len(names))
        if stated != NAMES_ONLY or stated is False:
            yield SourceRow(row_number(stated, number), tuple(map(cells.get, names)))


def row_number(stated: Any, number: int) -> int:
    """Return the number that a row says it had, where it can be one."""
    if isinstance(stated, str) and stated.isascii() and stated.isdigit():
        stated = int(stated[:ROW_DIGITS_MAX])
    is_number = isinstance(stated, int) and stated is not True and 0 < stated <= ROW_NUMBER_MAX
    return stated if is_number else number


def _members(row: dict[str, Any], prefix: str) -> Iterator[tuple[str, Content]]:
    for name, value in row.items():
        if isinstance(value, dict) and value:
            yield from _members(value, f"{prefix}{name}.")
        elif value not in ("", None, [], {}):
            yield f"{prefix}{name}", value
        else:
            yield f"{prefix}{name}", None
