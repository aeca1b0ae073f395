"""`tables`: bytes in, tables with named columns out.

What kind of file it is follows from its first bytes; encoding, delimiter, sheet and header row are
found out unless the mapping states them. A statement about text (encoding, delimiter) says nothing
about a workbook, so that the rejected rows of a CSV file may come back as the workbook they went
out as.

- Blank rows are skipped, and rows keep the numbers that their sender sees.
- The column of row numbers in front of rows that came back is taken off here and gives the number.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from adapters.mapping import Column, FileFacts, SourceRow, Table, match_text
from adapters.mapping.moments import DAYS_1904
from adapters.mapping.table import (
    ROW_NUMBER_COLUMN,
    Cell,
    Content,
    RoundedNumber,
    is_blank,
    text_of,
)
from connectors.charset import decode_text
from connectors.errors import PayloadError
from connectors.tables import XLS_MAGIC, XLSX_MAGIC, TableRow, read_table
from connectors.web_table import (
    charset_of_page,
    is_web_page,
    is_xml_spreadsheet,
    web_tables,
    xml_spreadsheet,
)
from connectors.words import Words
from connectors.workbook import SEND_CSV, Workbook
from hub.intake.files.names import plain_sheet_name
from hub.intake.files.text import (
    LIMITS,
    TEXT_SHEET,
    delimited_rows,
    delimiter_of,
    json_table,
    row_number,
)

HEADER_SEARCHED_MAX = 20
"""Rows from the top in which the header is looked for."""
DIGITS_KEPT = 10**15
"""A spreadsheet keeps 15 digits; of a greater number the last ones are made up."""
NUMBERLIKE = re.compile(r"[0-9\s.,:/%+-]+")
ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
"""Name of the part that holds a workbook under its password ([MS-OFFCRYPTO] section 2.3.2)."""


@dataclass(frozen=True, slots=True)
class FileSheet:
    """Rows of one sheet, or of a text file, whose header is not known yet."""

    name: str
    """Empty for a text file."""
    rows: Sequence[SourceRow]
    properties: dict[str, str]
    """Detected properties of the file: format, encoding, delimiter."""
    from_1904: bool = False
    """Whether the workbook says that its dates count from 1904."""
    is_hidden: bool = False
    """Whether the spreadsheet program does not show it: read only where it is meant by name."""

    @property
    def head(self) -> list[SourceRow]:
        """Return the rows in which the header may stand."""
        return [row for row in self.rows[:HEADER_SEARCHED_MAX] if row.unread is None]


def is_workbook(data: bytes) -> bool:
    """Tell whether a file is a spreadsheet program's own, by its first bytes."""
    return data.startswith((XLSX_MAGIC, XLS_MAGIC))


def read_file(name: str, data: bytes, facts: FileFacts, wanted: Iterable[str] = ()) -> Table:
    """Return the table of a file. `wanted` are the columns by which its header is recognised.

    Raises `PayloadError` when the file as a whole cannot be read.
    """
    _check_size(name, data)
    names = frozenset(match_text(each) for each in wanted)
    if is_workbook(data) or is_markup(data):
        sheet = sheet_meant(name, _sheets(name, data), facts.sheet, names)
        rows = _shifted(sheet, data, stated=facts.dates_1904)
        return table_of_sheet(name, replace(sheet, rows=rows), names, header_row=facts.header_row)
    encoding, text = decode_text(name, data, facts.encoding)
    table = json_table(name, text, facts.rows_at, {"encoding": encoding})
    if table is not None:
        return table
    sheet = _delimited(name, encoding, text, facts.delimiter)
    return table_of_sheet(name, sheet, names, header_row=facts.header_row)


def read_sheets(name: str, data: bytes) -> list[FileSheet]:
    """Return every sheet of a workbook that has rows; of a text file the one that it is.

    Raises `PayloadError` when the file as a whole cannot be read.
    """
    _check_size(name, data)
    if is_workbook(data) or is_markup(data):
        return _sheets(name, data)
    return [_delimited(name, *decode_text(name, data), None)]


def _check_size(name: str, data: bytes) -> None:
    if len(data) > LIMITS.table_bytes_max:
        raise PayloadError(
            name,
            Words(
                f"文件有 {len(data)} 字节，至多 {LIMITS.table_bytes_max}",
                f"the file has {len(data)} bytes, {LIMITS.table_bytes_max} are allowed",
            ),
            hint=SEND_CSV,
        )
    check_kind(name, data)


def check_kind(name: str, data: bytes) -> None:
    """Refuse what is known to be no table by the bytes it has, or begins with."""
    if data.startswith(XLS_MAGIC) and ENCRYPTED in data:
        raise PayloadError(
            name,
            Words("工作簿有密码", "the workbook is locked with a password"),
            hint=Words("请取消密码后另存", "save it without one"),
        )
    if data.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<?xml") and not is_markup(data):
        raise PayloadError(
            name,
            Words("这是 XML 文件，其中没有表格", "this is an XML file and no table or web page"),
            hint=Words("请用电子表格程序另存为 XLSX", "save it as XLSX in a spreadsheet program"),
        )


def is_markup(data: bytes) -> bool:
    """Tell whether a file is a table in a web page, or XML Spreadsheet 2003."""
    return is_web_page(data) or is_xml_spreadsheet(data)


def _markup(name: str, data: bytes) -> list[FileSheet]:
    if is_xml_spreadsheet(data):
        rows, facts = xml_spreadsheet(name, data, LIMITS), {"format": "XML Spreadsheet 2003"}
    else:
        encoding, text = decode_text(name, data, charset_of_page(data))
        rows, facts = web_tables(name, text, LIMITS), {"format": "HTML", "encoding": encoding}
    return _by_sheet(rows, facts)


def _delimited(name: str, encoding: str, text: str, stated: str | None) -> FileSheet:
    delimiter = stated or delimiter_of(text)
    shown = "TAB" if delimiter == "\t" else delimiter
    rows = delimited_rows(name, text, delimiter)
    return FileSheet("", rows, {"encoding": encoding, "delimiter": shown})


def _sheets(name: str, data: bytes) -> list[FileSheet]:
    if is_markup(data):
        return _markup(name, data)
    table = read_table(name, data, LIMITS)
    sheets = _by_sheet(table, {"format": "workbook"})
    if not isinstance(table, Workbook):
        return sheets
    return [
        replace(each, from_1904=table.from_1904, is_hidden=each.name in table.hidden)
        for each in sheets
    ]


def _by_sheet(rows: Iterable[TableRow], facts: dict[str, str]) -> list[FileSheet]:
    sheets: dict[str, list[SourceRow]] = {}
    for row in rows:
        cells = tuple(map(kept_cell, row.cells))
        sheets.setdefault(row.sheet, []).append(SourceRow(row.number, cells))
    return [FileSheet(each, of_sheet, facts) for each, of_sheet in sheets.items()]


def kept_cell(cell: Cell) -> Cell:
    """Return a cell of a workbook; a number is told apart that has more digits than are kept."""
    is_rounded = type(cell) is int and not -DIGITS_KEPT < cell < DIGITS_KEPT
    return RoundedNumber(str(cell)) if is_rounded else cell


def sheet_meant(
    name: str, sheets: Sequence[FileSheet], stated: str | None, names: frozenset[str]
) -> FileSheet:
    """Return the sheet that is stated, or the only one, or the only one with wanted columns."""
    if stated is not None:
        meant = [each for each in sheets if each.name == stated]
        # Rows that came back stand on a sheet whose name is as near as the format allows.
        meant = meant or [each for each in sheets if each.name == plain_sheet_name(stated)]
    else:
        shown = [each for each in sheets if not each.is_hidden] or sheets
        meant = [each for each in shown if _matches(each, names)] if len(shown) > 1 else list(shown)
    if len(meant) == 1:
        return meant[0]
    listed = ", ".join(each.name for each in sheets)
    raise PayloadError(
        name,
        Words(
            f"不知应读哪张工作表；有：{listed or '无数据行'}",
            f"which sheet is meant? There are: {listed or 'none with rows'}",
        ),
        hint=Words(
            '请在映射中写明：[file] sheet = "…"', 'say so in the mapping: [file] sheet = "…"'
        ),
    )


def _matches(sheet: FileSheet, names: frozenset[str]) -> int:
    """Count the wanted columns in the row that looks most like the header."""
    return max((_known(row, names) for row in sheet.head), default=0)


def _known(row: SourceRow, names: frozenset[str]) -> int:
    return sum(match_text(cell) in names for cell in row.cells if isinstance(cell, str))


def _shifted(sheet: FileSheet, data: bytes, *, stated: bool | None) -> Sequence[SourceRow]:
    """Move dates between the two epochs where the workbook's own mark is known to be wrong."""
    if stated is None or not data.startswith(XLSX_MAGIC) or stated == sheet.from_1904:
        return sheet.rows
    by = timedelta(days=DAYS_1904 if stated else -DAYS_1904)
    return [
        SourceRow(row.number, tuple(_moved(cell, by) for cell in row.cells)) for row in sheet.rows
    ]


def _moved(cell: Content, by: timedelta) -> Content:
    if not isinstance(cell, datetime | date):
        return cell
    try:
        return cell + by
    except OverflowError:  # before the year 1 or after 9999: no date of either epoch
        return text_of(cell)


def table_of_sheet(
    name: str, sheet: FileSheet, names: frozenset[str], *, header_row: int | None = None
) -> Table:
    """Find the header, name the columns, and take the rows below it.

    `names` are what wanted columns are matched by. Raises `PayloadError` when there is no header.
    """
    rows, head = sheet.rows, sheet.head
    marked = next((row for row in head if row.cells[:1] == (ROW_NUMBER_COLUMN,)), None)
    if header_row is not None:
        at = next((row for row in rows if row.number == header_row), None)
    elif marked is not None:
        at = marked
    elif names:
        at = max(head, key=lambda row: _known(row, names), default=None)
    else:
        at = max(head, key=lambda row: sum(map(_is_name, row.cells)), default=None)
    if at is None:
        raise PayloadError(
            name,
            Words("没有表头行", "there is no header row"),
            hint=Words("第一行须为列名", "the first row names the columns"),
        )
    below = tuple(row for row in rows if row.number > at.number)
    table = Table(
        columns=named_columns(at, _filled(below)),
        rows=below,
        sheet=sheet.name or TEXT_SHEET,
        header_row=at.number,
        above=tuple(row for row in rows if row.number < at.number),
        header=at,
        properties=sheet.properties,
    )
    return _renumbered(table)


def _is_name(cell: Content) -> bool:
    """Tell whether a cell could head a column: a text that is no number, date or time."""
    return isinstance(cell, str) and NUMBERLIKE.fullmatch(cell) is None


def named_columns(header: SourceRow, is_filled: Callable[[int], bool]) -> tuple[Column, ...]:
    """Name the columns; of equal names the second is `name#2`, filled ones between are kept."""
    texts = [text_of(cell) for cell in header.cells]
    while texts and not texts[-1]:
        texts.pop()
    counts: Counter[str] = Counter()
    columns = []
    for position, text in enumerate(texts, start=1):
        counts[match_text(text)] += 1
        again = counts[match_text(text)]
        if text:
            columns.append(Column(position, text if again == 1 else f"{text}#{again}"))
        elif is_filled(position):
            columns.append(Column(position, ""))
    return tuple(columns)


def _filled(rows: Sequence[SourceRow]) -> Callable[[int], bool]:
    return lambda at: any(at <= len(r.cells) and not is_blank(r.cells[at - 1]) for r in rows)


def _renumbered(table: Table) -> Table:
    """Take off the column of original row numbers, where rows came back with it."""
    if not table.columns or table.columns[0].name != ROW_NUMBER_COLUMN:
        return table
    return replace(
        table,
        columns=tuple(Column(c.position - 1, c.name) for c in table.columns[1:]),
        rows=tuple(renumbered_rows(table.rows)),
        above=tuple(SourceRow(r.number, r.cells[1:]) for r in table.above),
        header=table.header and SourceRow(table.header.number, table.header.cells[1:]),
    )


def renumbered_rows(rows: Iterable[SourceRow]) -> Iterator[SourceRow]:
    """Yield rows with the number that stands in their first cell; what holds only that is none."""
    for row in rows:
        if row.unread:
            yield row
        elif any(not is_blank(cell) for cell in row.cells[1:]):
            stated, *cells = row.cells
            yield SourceRow(row_number(stated, row.number), tuple(cells))
