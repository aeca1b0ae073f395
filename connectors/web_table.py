"""`web_tables`, `xml_spreadsheet`: tables that some systems save as .xls and that are no workbooks.

- A web page: each of its tables is a sheet. What is merged speaks for all cells that it covers, as
  a person sees it; what a page does (scripts, styles, links) is passed over.
- XML Spreadsheet 2003: sheets with typed cells. Declarations of any kind are refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal, InvalidOperation
from html.parser import HTMLParser
from xml.parsers import expat

from connectors.cells import Cell, TableRow
from connectors.errors import PayloadError
from connectors.limits import Limits
from connectors.words import Words
from connectors.xml_scan import walk

__all__ = ["charset_of_page", "is_web_page", "is_xml_spreadsheet", "web_tables", "xml_spreadsheet"]

HEAD_BYTES = 4_096
SPAN_MAX = 1_000
"""Cells that one cell of a page may cover in a direction."""
NAMESPACE = "urn:schemas-microsoft-com:office:spreadsheet"
DAMAGED = Words("请用电子表格程序另存为 XLSX", "save it as XLSX in a spreadsheet program")
_PAGE = (b"<html", b"<!doctype html", b"<table", b"<meta", b"<head", b"<body", b"<style")
_CHARSET = re.compile(rb"""charset\s*=\s*["']?\s*([A-Za-z0-9_.:-]{1,40})""", re.IGNORECASE)
_CHINESE = frozenset({"gb2312", "gbk", "gb_2312-80", "x-gbk"})
_SILENT = frozenset({"script", "style", "title"})
_XML_MARK = re.compile(rb"""<\?xml[^>]*\?>""")


def _head(data: bytes) -> bytes:
    return data[:HEAD_BYTES].lstrip(b"\xef\xbb\xbf \t\r\n")


def is_web_page(data: bytes) -> bool:
    """Tell whether a file is a web page, by how it begins."""
    head = _XML_MARK.sub(b"", _head(data), count=1).lstrip().lower()
    while head.startswith(b"<!--") and b"-->" in head:
        head = head.partition(b"-->")[2].lstrip()
    return head.startswith(_PAGE)


def is_xml_spreadsheet(data: bytes) -> bool:
    """Tell whether a file is XML Spreadsheet 2003, by how it begins."""
    head = _head(data)
    return head.startswith(b"<?xml") and NAMESPACE.encode() in head


def charset_of_page(data: bytes) -> str | None:
    """Return the encoding that a page states; what it calls GB 2312 is read as GB 18030."""
    stated = _CHARSET.search(data[:HEAD_BYTES])
    if stated is None:
        return None
    name = stated[1].decode("ascii").lower()
    return "gb18030" if name in _CHINESE else name


def web_tables(source: str, text: str, limits: Limits) -> Iterator[TableRow]:
    """Yield the rows of the tables of a page; a table within a table is text of its cell."""
    page = _Page(source, limits)
    page.feed(text)
    page.close()
    tables = [rows for rows in page.tables if rows]
    if not tables:
        raise PayloadError(
            source,
            Words("这是网页，其中没有表格", "this is a web page without a table"),
            hint=DAMAGED,
        )
    for number, rows in enumerate(tables, start=1):
        sheet = "" if len(tables) == 1 else f"table {number}"
        for at, cells in rows:
            yield TableRow(sheet, at, tuple(cells))


class _Page(HTMLParser):
    """Collects the cells of tables."""

    def __init__(self, source: str, limits: Limits) -> None:
        super().__init__(convert_charrefs=True)
        self.tables: list[list[tuple[int, list[Cell]]]] = []
        self._source, self._limits = source, limits
        self._depth = self._silent = self._row = 0
        self._cells: dict[int, Cell] = {}
        self._covered: dict[int, tuple[int, Cell]] = {}
        """By column: for how many more rows a cell above covers it, and what it holds."""
        self._text: list[str] | None = None
        self._spans = (1, 1)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Begin a table, a row or a cell; a new one ends the one that is open."""
        if tag in _SILENT:
            self._silent += 1
        elif tag == "table":
            self._depth += 1
            if self._depth == 1:
                self.tables.append([])
                self._row, self._covered = 0, {}
        elif self._depth == 1 and tag == "tr":
            self._end_row()
            self._row += 1
        elif self._depth == 1 and tag in ("td", "th"):
            self._end_cell()
            members = dict(attrs)
            self._spans = (_span(members.get("rowspan")), _span(members.get("colspan")))
            self._text = []
        elif tag in ("br", "p", "div") and self._text:
            self._text.append("\n")

    def handle_endtag(self, tag: str) -> None:
        """End a table, a row or a cell."""
        if tag in _SILENT:
            self._silent = max(self._silent - 1, 0)
        elif tag == "table" and self._depth:
            if self._depth == 1:
                self._end_row()
            self._depth -= 1
        elif self._depth == 1 and tag == "tr":
            self._end_row()
        elif self._depth == 1 and tag in ("td", "th"):
            self._end_cell()

    def handle_data(self, data: str) -> None:
        """Take text of a cell."""
        if self._text is not None and not self._silent:
            self._text.append(data)

    def _end_cell(self) -> None:
        if self._text is None:
            return
        lines = (" ".join(line.split()) for line in "".join(self._text).split("\n"))
        text = "\n".join(line for line in lines if line)
        self._text = None
        if len(text) > self._limits.cell_characters_max:
            raise PayloadError(
                self._source,
                Words(f"第 {self._row} 行有单元格过长", f"row {self._row}: a cell is too long"),
            )
        column = 0
        while column in self._cells or column in self._covered:
            column += 1
        rows, columns = self._spans
        for at in range(column, column + columns):
            self._cells[at] = text or None
            if rows > 1:
                self._covered[at] = (rows, text or None)

    def _end_row(self) -> None:
        self._end_cell()
        if not self._cells:
            return
        cells = {**{at: held for at, (_, held) in self._covered.items()}, **self._cells}
        width = max(cells) + 1
        if width > self._limits.table_columns_max or self._row > self._limits.table_rows_max:
            raise PayloadError(
                self._source,
                Words(
                    f"第 {self._row} 行：行数或列数过多",
                    f"row {self._row}: too many rows or columns",
                ),
            )
        if any(cell is not None for cell in self._cells.values()):
            self.tables[-1].append((self._row, [cells.get(at) for at in range(width)]))
        self._cells = {}
        self._covered = {
            at: (left - 1, held) for at, (left, held) in self._covered.items() if left > 1
        }


def _span(stated: str | None) -> int:
    text = (stated or "1").strip()
    return min(max(int(text), 1), SPAN_MAX) if text.isascii() and text.isdigit() else 1


def xml_spreadsheet(source: str, data: bytes, limits: Limits) -> Iterator[TableRow]:
    """Yield the rows of an XML Spreadsheet 2003."""
    book = _XmlBook(source, limits)
    try:
        walk(book, data, " ")
    except (expat.ExpatError, ValueError) as error:
        raise PayloadError(
            source, Words("表格文件已损坏", "the XML spreadsheet is damaged"), hint=DAMAGED
        ) from error
    yield from book.rows


class _XmlBook:
    """Collects the cells of the worksheets."""

    def __init__(self, source: str, limits: Limits) -> None:
        self.rows: list[TableRow] = []
        self._source, self._limits = source, limits
        self._sheet, self._row, self._column = "", 0, 0
        self._cells: dict[int, Cell] = {}
        self._covered: dict[int, tuple[int, Cell]] = {}
        self._kind, self._text, self._within = "", "", False
        self._across = self._down = 0
        self._value: Cell = None

    def begin(self, name: str, members: dict[str, str]) -> None:
        """Begin an element."""
        stated = {key.rpartition(" ")[2]: value for key, value in members.items()}
        match name.rpartition(" ")[2]:
            case "Worksheet":
                self._sheet, self._row, self._covered = stated.get("Name", ""), 0, {}
            case "Row":
                self._row = _number(stated.get("Index"), self._row + 1)
                self._column, self._cells = 0, {}
            case "Cell":
                self._column = _number(stated.get("Index"), self._free(self._column + 1))
                self._across = _number(stated.get("MergeAcross"), 0)
                self._down = _number(stated.get("MergeDown"), 0)
                self._value = "#NO_RESULT!" if "Formula" in stated else None
            case "Data":
                self._kind, self._text, self._within = stated.get("Type", "String"), "", True

    def text(self, data: str) -> None:
        """Take the text of a cell."""
        if self._within:
            self._text += data
            if len(self._text) > self._limits.cell_characters_max:
                raise PayloadError(
                    self._source,
                    Words(f"第 {self._row} 行有单元格过长", f"row {self._row}: a cell is too long"),
                )

    def end(self, name: str) -> None:
        """End an element."""
        match name.rpartition(" ")[2]:
            case "Data":
                self._within = False
                self._value = _typed(self._kind, self._text)
            case "Cell":
                self._cells[self._column] = self._value
                if self._down and self._value is not None:
                    self._covered[self._column] = (self._row + self._down, self._value)
                self._column += self._across
            case "Row":
                self._end_row()

    def _free(self, column: int) -> int:
        while column in self._covered and self._row <= self._covered[column][0]:
            column += 1
        return column

    def _end_row(self) -> None:
        if all(cell is None for cell in self._cells.values()):
            return
        held = {at: value for at, (last, value) in self._covered.items() if self._row <= last}
        cells = {**held, **{at: v for at, v in self._cells.items() if v is not None}}
        width = max(cells)
        too_many = len(self.rows) >= self._limits.table_rows_max
        if too_many or width > self._limits.table_columns_max:
            raise PayloadError(
                self._source,
                Words(
                    f"第 {self._row} 行：行数或列数过多",
                    f"row {self._row}: too many rows or columns",
                ),
            )
        row = tuple(cells.get(at) for at in range(1, width + 1))
        self.rows.append(TableRow(self._sheet, self._row, row))


def _number(stated: str | None, default: int) -> int:
    return int(stated) if stated and stated.isascii() and stated.isdigit() else default


def _typed(kind: str, text: str) -> Cell:
    plain = text.strip()
    try:
        match kind:
            case "Number":
                exact = Decimal(format(float(plain), ".15g"))
                return int(exact) if exact == exact.to_integral_value() else exact
            case "DateTime":
                return datetime.fromisoformat(plain)
            case "Boolean":
                return plain == "1"
    except (ValueError, InvalidOperation, OverflowError):
        return plain or None
    return plain or None
