"""`moe_tables`: the ministry's fixed-width tables SJ1 and SJ3, as text or as they came back.

- A text named `SJ1…` or `SJ3…` is read by the bytes of its rows (`connectors.fixed_width`). With a
  header that names the columns it is a part of one, or refused rows that came back, and is read
  like any other table.
- A workbook of refused rows is known by its columns too, whatever its name is.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import IO

from adapters.mapping import Column, Converter, SourceRow, Table, match_text
from adapters.mapping.moe_tables import MOE_TABLES, MoeTable, convert_moe, moe_table_named
from adapters.mapping.table import Unread, text_of
from connectors.errors import PayloadError
from connectors.fixed_width import FixedColumn, check_encoding, check_widths, fixed_rows
from hub.intake.files.monthly import GivenBook
from hub.intake.files.submission import MappedFile, ReadTable
from hub.intake.files.tables import FileSheet, is_markup, is_workbook, read_sheets, table_of_sheet
from hub.intake.files.text import LIMITS, ROW_MARKED
from hub.intake.limits import LINE_CHARACTERS_MAX

TEXT_SUFFIX = ".txt"
LOOKED_AT_BYTES = 1024 * 1024
"""From the beginning of a large file, by which its encoding is known."""


def is_fixed_width(name: str, head: bytes) -> bool:
    """Tell whether a file is one of the ministry's tables as text of fixed width."""
    if moe_table_named(name) is None or is_workbook(head) or is_markup(head):
        return False
    if "." in name and not name.lower().endswith(TEXT_SUFFIX):
        return False
    return ROW_MARKED.search(head[:LINE_CHARACTERS_MAX].decode("utf-8-sig", "replace")) is None


def read_moe(
    name: str, data: bytes, source: str, document: bytes | None = None
) -> ReadTable | None:
    """Read and convert one of the ministry's tables, writing nothing; None: the file is none.

    Raises `PayloadError` when the file as a whole cannot be read.
    """
    moe = moe_table_named(name)
    if moe is None:
        return None
    given = GivenBook(name, data, source, document)
    if is_fixed_width(name, data):
        return _converted(moe, _fixed(moe, name, data), given)
    headed = _headed((moe,), name, data)
    return None if headed is None else _converted(*headed, given)


def read_headed_moe(
    name: str, data: bytes, source: str, document: bytes | None = None
) -> ReadTable | None:
    """Read a table that has the columns of one of the ministry's tables; None: it has not."""
    headed = _headed(MOE_TABLES, name, data)
    return None if headed is None else _converted(*headed, GivenBook(name, data, source, document))


def fixed_width_table(moe: MoeTable, columns: tuple[FixedColumn, ...]) -> Table:
    """Return the table of a fixed-width file without its rows."""
    return Table(
        columns=tuple(Column(at, each.name) for at, each in enumerate(columns, start=1)),
        rows=(),
        sheet=moe.name,
        header_row=0,
        header=moe.header,
        properties={
            "format": f"{moe.name}，{sum(each.width for each in columns)} 字节 bytes",
            "encoding": "gbk",
        },
    )


def source_rows(lines: Iterable[bytes], columns: tuple[FixedColumn, ...]) -> Iterator[SourceRow]:
    """Yield the rows of lines of fixed width; one that cannot be parted says why."""
    for row in fixed_rows(lines, columns):
        fault = row.fault
        if fault is None:
            yield SourceRow(row.number, tuple(cell or None for cell in row.cells))
        else:
            yield SourceRow(row.number, row.cells, Unread(fault.code, fault.zh, fault.en))


def large_moe(path: Path) -> tuple[MoeTable, Table, Callable[[], Iterator[SourceRow]]] | None:
    """Return a table of the ministry in a file of any length, and how its rows are read.

    None: the file is none. Raises `PayloadError`.
    """
    moe = moe_table_named(path.name)
    with path.open("rb") as file:
        head = file.read(LOOKED_AT_BYTES)
        if moe is None or not is_fixed_width(path.name, head):
            return None
        check_encoding(path.name, head[: head.rfind(b"\n") + 1])
        file.seek(0)
        columns = edition_of(moe, path.name, _lines(file))

    def rows() -> Iterator[SourceRow]:
        with path.open("rb") as again:
            yield from source_rows(_lines(again), columns)

    return moe, fixed_width_table(moe, columns), rows


def _lines(file: IO[bytes]) -> Iterator[bytes]:
    return iter(lambda: file.readline(LINE_CHARACTERS_MAX), b"")


def edition_of(moe: MoeTable, name: str, lines: Iterable[bytes]) -> tuple[FixedColumn, ...]:
    """Return the columns of the edition whose width the rows have. Raises `PayloadError`."""
    editions = moe.editions
    return editions[check_widths(name, lines, tuple(editions))]


def _fixed(moe: MoeTable, name: str, data: bytes) -> Table:
    if len(data) > LIMITS.table_bytes_max:
        raise PayloadError(name, f"the file has over {LIMITS.table_bytes_max} bytes")
    check_encoding(name, data)
    columns = edition_of(moe, name, io.BytesIO(data))
    rows = tuple(source_rows(io.BytesIO(data), columns))
    if len(rows) > LIMITS.table_rows_max:
        raise PayloadError(name, f"more than {LIMITS.table_rows_max} rows")
    return replace(fixed_width_table(moe, columns), rows=rows)


def _headed(tables: tuple[MoeTable, ...], name: str, data: bytes) -> tuple[MoeTable, Table] | None:
    for sheet in read_sheets(name, data):
        for moe in tables:
            if _is_headed(moe, sheet):
                names = frozenset(match_text(each.name) for each in moe.columns)
                return moe, table_of_sheet(name, sheet, names)
    return None


def _is_headed(moe: MoeTable, sheet: FileSheet) -> bool:
    return any(moe.is_headed_by([text_of(cell) for cell in row.cells]) for row in sheet.head)


def _converted(moe: MoeTable, table: Table, given: GivenBook) -> ReadTable:
    mapping = moe.mapping
    file = MappedFile(
        name=given.name,
        data=given.data,
        mapping=mapping,
        mapping_text=moe.mapping_text,
        source=given.source,
        document=given.document,
    )
    converter = Converter(mapping, table.columns)
    return ReadTable(
        file,
        table,
        tuple(convert_moe(moe, converter, table.rows)),
        converter.cells_to_keep,
        columns_of=converter.columns_of,
    )
