"""`monthly`: the mappings that ship, one per record type: those of the monthly workbook.

The workbook is generated from the standard. A sheet is named after its record type, in English or
Chinese; row 1 says each column in Chinese, row 2 names its item, data begins in row 3. A sheet
without such a name (a CSV file has none) is known by its columns.

- A mapping follows from the columns of the standard and of the sheet, as a value: as a file it
  would say nothing of its own, and could be stale.
- A column may be absent where records can do without it. One that the standard does not have, that
  stands there twice or that is missing is reported at its cell, and nothing of its sheet is read:
  silence would lose data for months.
"""

from __future__ import annotations

from collections.abc import Iterable

from adapters.mapping.convert import RowProblem
from adapters.mapping.model import Mapping, MappingRule, RecordRule
from adapters.mapping.slots import slot
from adapters.mapping.table import SourceRow, match_text, text_of
from schema.errors import Problem
from schema.flat import columns
from schema.item import RecordSpec
from schema.registry import standard

SPECS = {match_text(title): spec for spec in standard() for title in (spec.zh, spec.name)}
"""Record types by the names that a sheet may have."""


def type_by_name(sheet: str) -> RecordSpec | None:
    """Return the record type that a sheet is named after; None for any other sheet."""
    return SPECS.get(match_text(sheet))


def type_by_columns(head: Iterable[SourceRow]) -> RecordSpec | None:
    """Return the record type whose required columns a row names, and most of its columns."""
    best, most = None, 0
    for row in head:
        names = _names(row)
        for spec in standard():
            needed = {match_text(column.path) for column in columns(spec) if column.required}
            common = len(names & column_names(spec))
            if needed <= names and common > most:
                best, most = spec, common
    return best


def column_names(spec: RecordSpec) -> frozenset[str]:
    """Return the columns that a sheet of a record type may have, in the form that is compared."""
    return frozenset(match_text(column.path) for column in columns(spec))


def names_columns(spec: RecordSpec, head: Iterable[SourceRow]) -> bool:
    """Tell whether some row names a column of a record type."""
    return any(_names(row) & column_names(spec) for row in head)


def monthly_mapping(spec: RecordSpec, header: SourceRow) -> Mapping:
    """Return the mapping of a sheet: required columns, and the others that its header names."""
    names = _names(header)
    rules = []
    for column in columns(spec):
        if column.required or match_text(column.path) in names:
            place = slot(spec, column.path)
            assert place is not None, "the columns of a record type lead to its items"
            rules.append(MappingRule(slot=place, columns=(column.path,)))
    return Mapping(title=spec.zh, records=(RecordRule(spec=spec, rules=tuple(rules)),))


def header_problems(spec: RecordSpec, header: SourceRow) -> tuple[RowProblem, ...]:
    """Return everything that is wrong with the row of column names, each at its cell."""
    known = {match_text(column.path): column for column in columns(spec)}
    texts = [text_of(cell) for cell in header.cells]
    while texts and not texts[-1]:
        texts.pop()
    names = [match_text(text) for text in texts]
    if not known.keys() & set(names):
        return (_problem("", "HEADER_UNKNOWN", _UNKNOWN_HEADER),)
    cells = list(enumerate(zip(texts, names, strict=True), start=1))
    unknown = [
        _problem(text or f"#{at}", "COLUMN_UNKNOWN", _UNKNOWN, at)
        for at, (text, name) in cells
        if name not in known
    ]
    repeated = [
        _problem(known[name].path, "COLUMN_REPEATED", _REPEATED, at)
        for at, (_, name) in cells
        if name in known and name in names[: at - 1]
    ]
    missing = [
        _problem(column.path, "COLUMN_MISSING", _MISSING)
        for name, column in known.items()
        if column.required and name not in names
    ]
    return (*unknown, *repeated, *missing)


def _names(row: SourceRow) -> frozenset[str]:
    return frozenset(match_text(cell) for cell in row.cells if isinstance(cell, str))


def _problem(path: str, code: str, words: tuple[str, str], *positions: int) -> RowProblem:
    return RowProblem(Problem(path, code, *words), positions, path)


_UNKNOWN_HEADER = (
    "没有一行写有本类记录的数据项名称；请使用月度报送表模板，不要改动前两行",
    "no row names items of this record type; use the template and leave rows 1 and 2 alone",
)
_UNKNOWN = (
    "标准中没有该列；请使用最新模板，不要改动前两行",
    "is no column of this record type; use the present template and leave rows 1 and 2 alone",
)
_REPEATED = ("列名重复", "this column stands there twice")
_MISSING = ("缺少必填列", "this required column is missing")
