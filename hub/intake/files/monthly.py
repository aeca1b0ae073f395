"""`monthly`: a monthly workbook, as XLSX, XLS or CSV, read through the mappings that ship.

- A sheet with another name is left alone (the guide, a clerk's own notes) and named. Only where no
  sheet has the name of a record type are sheets known by their columns. So is a hidden sheet.
- A sheet whose header is wrong goes back whole: its header is the one row that is refused, and the
  rows below it are not read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from adapters.mapping import Mapping, MappingError, MappingProblem, RowProblem, Table
from adapters.mapping.monthly import (
    column_names,
    header_problems,
    monthly_mapping,
    names_columns,
    type_by_columns,
    type_by_name,
)
from hub.intake.files.submission import MappedFile, ReadTable, convert_table, refuse_header
from hub.intake.files.tables import FileSheet, read_sheets, table_of_sheet
from schema.item import RecordSpec


@dataclass(frozen=True, slots=True)
class MonthlyFile:
    """The sheets of a file: those with rows, and the names of those without and of all others."""

    read: tuple[ReadTable, ...]
    empty: tuple[str, ...]
    left_alone: tuple[str, ...]


class GivenBook(NamedTuple):
    """A file, whose records it holds, and the SHA-256 of the whole file where it is a part."""

    name: str
    data: bytes
    source: str
    document: bytes | None


def read_monthly(name: str, data: bytes, source: str, document: bytes | None = None) -> MonthlyFile:
    """Read and convert a monthly workbook, writing nothing.

    `document`: the SHA-256 of the whole file where this is a part of one.
    Raises `PayloadError` when the file cannot be read and `MappingError` HEADER_UNKNOWN when no
    sheet of it is one of the monthly workbook.
    """
    sheets = read_sheets(name, data)
    typed = typed_sheets(sheets)
    file = GivenBook(name, data, source, document)
    tables = [_read(file, sheet, spec) for sheet, spec in typed]
    taken = {sheet.name for sheet, _ in typed}
    return MonthlyFile(
        read=tuple(each for each in tables if each.converted),
        empty=tuple(each.table.sheet for each in tables if not each.converted),
        left_alone=left_alone(sheets, taken),
    )


def typed_sheets(sheets: Sequence[FileSheet]) -> list[tuple[FileSheet, RecordSpec]]:
    """Return the sheets of a monthly workbook with their record types.

    Raises `MappingError` HEADER_UNKNOWN when it is none.
    """
    shown = [each for each in sheets if not each.is_hidden]
    typed = [(each, spec) for each in shown if (spec := type_by_name(each.name))]
    if not typed:
        typed = [(each, spec) for each in shown if (spec := type_by_columns(each.head))]
    if not any(names_columns(spec, sheet.head) for sheet, spec in typed):
        raise MappingError([_neither(sheets)])
    return typed


def left_alone(sheets: Sequence[FileSheet], taken: set[str]) -> tuple[str, ...]:
    """Return the names of the sheets that are not read; of a hidden one it is said that it is."""
    return tuple(
        f"{each.name}（隐藏 hidden）" if each.is_hidden else each.name
        for each in sheets
        if each.name not in taken
    )


def monthly_table(
    name: str, sheet: FileSheet, spec: RecordSpec
) -> tuple[Table, Mapping, tuple[RowProblem, ...]]:
    """Return the table of a sheet, its mapping, and what is wrong with its header.

    A nameless sheet takes the name of its record type, by which it comes back.
    """
    table = table_of_sheet(name, replace(sheet, name=sheet.name or spec.name), column_names(spec))
    assert table.header is not None, "a sheet has a header"
    return table, monthly_mapping(spec, table.header), header_problems(spec, table.header)


def _read(given: GivenBook, sheet: FileSheet, spec: RecordSpec) -> ReadTable:
    table, mapping, problems = monthly_table(given.name, sheet, spec)
    file = MappedFile(
        name=given.name,
        data=given.data,
        mapping=mapping,
        mapping_text="\n".join(("monthly", table.sheet, spec.name, *mapping.addresses)),
        source=given.source,
        document=given.document,
    )
    return refuse_header(file, table, problems) if problems else convert_table(file, table)


def _neither(sheets: Sequence[FileSheet]) -> MappingProblem:
    listed = "、".join(each.name for each in sheets if each.name)
    return MappingProblem(
        "HEADER_UNKNOWN",
        "这不是月度报送表：没有以记录类型命名的工作表，也没有一行写有标准的数据项名称。"
        "请填写模板（枢纽网页上的 /standard/monthly_workbook.xlsx），"
        "或为本表写一个映射文件：deltahub mapping suggest，再用 --mapping 提交",
        "this is no monthly workbook: no sheet is named after a record type and no row names items "
        "of the standard. Fill in the template (/standard/monthly_workbook.xlsx on the hub), or "
        "write a mapping for this table: deltahub mapping suggest, then submit it with --mapping",
        where=listed,
    )
