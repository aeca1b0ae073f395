"""`monthly`: a monthly workbook, as XLSX, XLS or CSV, read through the mappings that ship.

- A sheet with another name is left alone (the guide, a clerk's own notes) and named. Only where no
  sheet has the name of a record type are sheets known by their columns.
- A sheet whose header is wrong goes back whole: its header is the one row that is refused, and the
  rows below it are not read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from adapters.mapping import MappingError, MappingProblem
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


def read_monthly(name: str, data: bytes, source: str) -> MonthlyFile:
    """Read and convert a monthly workbook, writing nothing.

    Raises `PayloadError` when the file cannot be read and `MappingError` HEADER_UNKNOWN when no
    sheet of it is one of the monthly workbook.
    """
    sheets = read_sheets(name, data)
    typed = _typed(sheets)
    if not any(names_columns(spec, sheet.head) for sheet, spec in typed):
        raise MappingError([_neither(sheets)])
    tables = [_read(name, data, source, sheet, spec) for sheet, spec in typed]
    taken = {sheet.name for sheet, _ in typed}
    return MonthlyFile(
        read=tuple(each for each in tables if each.converted),
        empty=tuple(each.table.sheet for each in tables if not each.converted),
        left_alone=tuple(each.name for each in sheets if each.name not in taken),
    )


def _typed(sheets: Sequence[FileSheet]) -> list[tuple[FileSheet, RecordSpec]]:
    typed = [(each, spec) for each in sheets if (spec := type_by_name(each.name))]
    if typed:
        return typed
    return [(each, spec) for each in sheets if (spec := type_by_columns(each.head))]


def _read(name: str, data: bytes, source: str, sheet: FileSheet, spec: RecordSpec) -> ReadTable:
    """Read one sheet; a nameless one takes the name of its record type, by which it comes back."""
    table = table_of_sheet(name, replace(sheet, name=sheet.name or spec.name), column_names(spec))
    assert table.header is not None, "a sheet has a header"
    mapping = monthly_mapping(spec, table.header)
    file = MappedFile(
        name=name,
        data=data,
        mapping=mapping,
        mapping_text="\n".join(("monthly", table.sheet, spec.name, *mapping.addresses)),
        source=source,
    )
    problems = header_problems(spec, table.header)
    if not problems:
        return convert_table(file, table)
    return refuse_header(file, table, problems)


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
