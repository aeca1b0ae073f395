"""`service`: one file from its bytes to its report; the operator's command and `POST /files` alike.

Without a mapping the file is one whose mapping ships: a table of the ministry, the monthly
workbook, or a file in the form of an instrument catalogue.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from adapters.mapping import MappingError, Table, parse_mapping
from connectors.errors import PayloadError
from connectors.words import Words
from hub.clock import Clock
from hub.errors import ErrorCode, RefusedError
from hub.intake.files.catalogue import read_catalogue
from hub.intake.files.moe_tables import read_headed_moe, read_moe
from hub.intake.files.monthly import read_monthly
from hub.intake.files.rejects import Refused, rejects_workbook
from hub.intake.files.submission import (
    MappedFile,
    ReadTable,
    Sender,
    Submission,
    read_mapped,
    submit_read,
)
from hub.store.database import Database


@dataclass(frozen=True, kw_only=True, slots=True)
class GivenFile:
    """A file as it was given. `source`: whose records they are; empty: the mapping says it."""

    name: str
    data: bytes
    source: str = ""
    mapping_text: str | None = None
    document: bytes | None = None
    """SHA-256 of the whole file, of which this is a part."""
    institution: str = ""
    """Key of the institution whose instruments a catalogue lists, which does not say it itself."""

    @property
    def digest(self) -> bytes:
        """SHA-256 of all that decides the answer."""
        texts = (self.name, self.source, self.mapping_text or "", self.institution)
        parts = (self.data, self.document or b"", *(each.encode() for each in texts))
        return sha256(b"".join(sha256(part).digest() for part in parts)).digest()


@dataclass(frozen=True, kw_only=True, slots=True)
class ReadFile:
    """The tables of a file. Of a monthly workbook also the sheets that were not read."""

    tables: tuple[ReadTable, ...]
    is_monthly: bool = False
    empty: tuple[str, ...] = ()
    left_alone: tuple[str, ...] = ()

    @property
    def from_1904(self) -> bool:
        """Whether its dates count from 1904."""
        return any(each.file.mapping.file.dates_1904 for each in self.tables)


def read_given(given: GivenFile) -> ReadFile:
    """Read and convert a file, writing nothing.

    Raises `PayloadError` when the file cannot be read, `MappingError` when its mapping is wrong or
    does not fit it, `RefusedError` SOURCE_UNKNOWN when nobody says whose records it holds.
    """
    if not given.data.strip():
        hint = Words("请重新选择文件", "choose the file again; it may not have been saved")
        raise PayloadError(given.name, Words("文件是空的", "the file is empty"), hint=hint)
    if given.mapping_text is None:
        return _read_shipped(given)
    mapping = parse_mapping(given.mapping_text)
    source = given.source or mapping.source
    if not source:
        raise _source_unknown()
    mapped = MappedFile(
        name=given.name,
        data=given.data,
        mapping=mapping,
        mapping_text=given.mapping_text,
        source=source,
        document=given.document,
    )
    read = read_mapped(mapped)
    if not read.table.rows:
        raise no_rows(given.name)
    return ReadFile(tables=(read,))


def _source_unknown() -> RefusedError:
    hint = 'Name it: --source ID, or source = "ID" in the mapping. 请指明来源。'
    return RefusedError(ErrorCode.SOURCE_UNKNOWN, hint=hint)


def _read_shipped(given: GivenFile) -> ReadFile:
    """Read a file whose mapping ships: it is known by its name, its form or its columns."""
    found = read_moe(given.name, given.data, given.source, given.document)
    found = found or _read_catalogue(given, is_table=False)
    try:
        if found is None:
            monthly = read_monthly(given.name, given.data, given.source, given.document)
            return ReadFile(
                tables=monthly.read,
                is_monthly=True,
                empty=monthly.empty,
                left_alone=monthly.left_alone,
            )
    except MappingError:
        found = read_headed_moe(given.name, given.data, given.source, given.document)
        found = found or _read_catalogue(given, is_table=True)
        if found is None:
            raise
    if not given.source:
        raise _source_unknown()
    if not found.table.rows:
        raise no_rows(given.name)
    return ReadFile(tables=(found,))


def _read_catalogue(given: GivenFile, *, is_table: bool) -> ReadTable | None:
    return read_catalogue(
        given.name,
        given.data,
        given.source,
        given.institution,
        given.document,
        is_table=is_table,
    )


def no_rows(name: str) -> PayloadError:
    """Say that a file has a header and nothing below it."""
    return PayloadError(
        name,
        Words("表头之下没有数据行", "there are no rows below the header"),
        hint=Words(
            "请确认数据已保存在该工作表中", "make sure that the rows are saved in this sheet"
        ),
    )


async def submit_file(
    database: Database, file: ReadFile, *, sender: Sender, clock: Clock, dry_run: bool = False
) -> list[Submission]:
    """Submit every table of a file, one after another. Raises as `submit_read`."""
    return [
        await submit_read(database, each, sender=sender, clock=clock, dry_run=dry_run, table=number)
        for number, each in enumerate(file.tables, start=1)
    ]


def marked_tables(submissions: Sequence[Submission]) -> list[tuple[Table, Sequence[Refused]]]:
    """Return the tables that go back: refused rows, and rows that went in and are doubted."""
    marked = [(each.table, (*each.refused, *each.doubted)) for each in submissions]
    return [(table, rows) for table, rows in marked if rows]


def marked_workbook(file: ReadFile, submissions: Sequence[Submission]) -> bytes | None:
    """Return the rows that go back as a workbook, bad cells marked; None: none does."""
    marked = marked_tables(submissions)
    return rejects_workbook(marked, dates_1904=file.from_1904) if marked else None
