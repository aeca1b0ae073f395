"""Monthly workbook: what a unit without an interface sends, as XLSX or CSV.

The template is generated from the standard (`schema.flat` says which columns a record type has):
row 1 says each column in Chinese, row 2 names it, data begins in row 3. A CSV file holds one record
type and the same rows; row 1 may be missing.

- The sheet is named after the record type, in English or Chinese; a CSV file is recognised by its
  columns. Sheets of other names are left alone (the guide, a clerk's own notes) and reported.
- A column that is not of the standard is an error: silence would lose data for months.
- Formatting is a person's: codes by name, number or Chinese label, local times, several values
  separated by semicolons. Whatever cannot be read is reported with sheet, row and column.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from adapters._adapter import Adapter, Collection, Context, Sheet, Yielded
from adapters._row import Row
from connectors.tables import Cell, TableRow
from schema.errors import Problem
from schema.flat import Cell as FlatCell
from schema.flat import assemble, columns
from schema.item import RecordSpec
from schema.registry import standard

__all__ = ["ADAPTER", "WorkbookRow", "read_workbook"]

HEADER_SEARCHED_MAX = 5
"""Rows from the top in which the row of column names must stand."""

BY_TITLE = {title: spec.name for spec in standard() for title in (spec.zh, spec.name)}


@dataclass(frozen=True, kw_only=True, slots=True)
class WorkbookRow:
    """One row of data, or a header that cannot be read (then `record` is None)."""

    sheet: str
    number: int
    record_type: str | None
    record: dict[str, Any] | None
    problems: tuple[Problem, ...] = ()
    columns: tuple[str, ...] = ()
    """Column paths in order of the sheet, so that a problem can be shown in its cell."""
    raw: tuple[str, ...] = ()


def read_workbook(rows: Iterable[TableRow]) -> Iterator[WorkbookRow]:
    """Yield every row of data of a workbook or CSV file in wire form, unchecked.

    A sheet whose header is wrong yields one row with all that is wrong with it, and nothing else.
    """
    sheets: dict[str, list[TableRow]] = {}
    for row in rows:
        sheets.setdefault(row.sheet, []).append(row)
    for name, members in sheets.items():
        record_type = _type_of(name, members)
        if record_type is None:
            if not name:
                yield _unknown_table(members)
            continue
        yield from _sheet(name, standard()[record_type], members)


def unused_sheets(rows: Iterable[TableRow]) -> list[str]:
    """List the sheets that were left alone because no record type has their name."""
    names = dict.fromkeys(row.sheet for row in rows)
    return [name for name in names if name and _type_of(name, []) is None]


def _type_of(sheet: str, members: Sequence[TableRow]) -> str | None:
    """Return the record type of a sheet by its name; of a nameless table by its columns."""
    if sheet:
        return BY_TITLE.get(sheet.strip())
    best, most = None, 0
    for row in members[:HEADER_SEARCHED_MAX]:
        texts = {cell for cell in row.cells if isinstance(cell, str)}
        for name, spec in standard().specs.items():
            needed = {column.path for column in columns(spec) if column.required}
            paths = {column.path for column in columns(spec)}
            if needed <= texts and len(texts & paths) > most:
                best, most = name, len(texts & paths)
    return best


def _unknown_table(members: Sequence[TableRow]) -> WorkbookRow:
    flaw = Problem(
        "",
        "HEADER_UNKNOWN",
        "无法从列名判断记录类型；第 2 行应为标准的数据项名称",
        "no record type has these columns; row 2 must hold the item names of the standard",
    )
    first = members[0]
    return WorkbookRow(
        sheet="",
        number=first.number,
        record_type=None,
        record=None,
        problems=(flaw,),
        raw=_texts(first.cells),
    )


def _sheet(name: str, spec: RecordSpec, members: Sequence[TableRow]) -> Iterator[WorkbookRow]:
    header, paths, problems = _header(spec, members)
    if problems:
        yield WorkbookRow(
            sheet=name,
            number=header.number,
            record_type=spec.name,
            record=None,
            problems=tuple(problems),
            columns=paths,
            raw=_texts(header.cells),
        )
        return
    for row in members:
        if row.number <= header.number:
            continue
        cells: dict[str, FlatCell] = dict(zip(paths, row.cells, strict=False))
        surplus = [cell for cell in row.cells[len(paths) :] if cell is not None]
        yield WorkbookRow(
            sheet=name,
            number=row.number,
            record_type=spec.name,
            record=None if surplus else assemble(spec, cells),
            problems=(_surplus(len(paths)),) if surplus else (),
            columns=paths,
            raw=_texts(row.cells),
        )


def _surplus(width: int) -> Problem:
    return Problem(
        "",
        "CELL_WITHOUT_COLUMN",
        f"第 {width} 列之后还有内容，但没有列名",
        f"there is content beyond column {width}, where the header has no name",
    )


def _header(
    spec: RecordSpec, members: Sequence[TableRow]
) -> tuple[TableRow, tuple[str, ...], list[Problem]]:
    """Find the row of column names, and everything that is wrong with it."""
    known = {column.path: column for column in columns(spec)}
    head = members[:HEADER_SEARCHED_MAX]
    header = max(head, key=lambda row: sum(cell in known for cell in row.cells))
    paths = tuple(str(cell).strip() if cell is not None else "" for cell in header.cells)
    while paths and not paths[-1]:
        paths = paths[:-1]
    problems = [_wrong(path, position) for position, path in enumerate(paths) if path not in known]
    for position, path in enumerate(paths):
        if path in known and path in paths[:position]:
            problems.append(
                Problem(path, "COLUMN_REPEATED", "列名重复", "this column stands there twice")
            )
    problems += [
        Problem(path, "COLUMN_MISSING", "缺少必填列", "this required column is missing")
        for path, column in known.items()
        if column.required and path not in paths
    ]
    return header, paths, problems


def _wrong(path: str, position: int) -> Problem:
    return Problem(
        path or f"#{position + 1}",
        "COLUMN_UNKNOWN",
        "标准中没有该列；请使用最新模板，不要改动前两行",
        "is no column of this record type; use the present template and leave rows 1 and 2 alone",
    )


def _texts(cells: Sequence[Cell]) -> tuple[str, ...]:
    return tuple("" if cell is None else str(cell) for cell in cells)


def _nothing(row: Row, context: Context) -> Iterable[Yielded]:
    """Rows of a table come through `read_workbook`, which sees the header too."""
    del context
    row.ignore(*row.unread())
    return ()


ADAPTER = Adapter(
    id="monthly_workbook",
    title_zh="月度报送表",
    title_en="Monthly workbook",
    publisher_zh="报送单位",
    publisher_en="The submitting unit",
    collections=(
        Collection(name="workbook", reader=Sheet(), map=_nothing, types=standard().names),
    ),
    promised_freshness=timedelta(days=31),
    records_min=1,
    additions="strict",
    many_institutions=True,
)
