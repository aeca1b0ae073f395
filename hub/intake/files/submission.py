"""`submission`: a table with its mapping becomes batches; every row gets its outcome.

- The records of one row stay in one batch.
- The same file, mapping and source again is the same request: it gets the answer it got before.
- Of a refused row quarantine keeps the columns that the mapping uses, and no others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256

from adapters.mapping import Converted, Converter, RowProblem, SourceRow, Table
from adapters.mapping import Mapping as SavedMapping
from adapters.mapping.convert import unread
from hub.access.resource import Caller
from hub.clock import Clock
from hub.errors import ErrorCode
from hub.intake.batch import (
    Assurance,
    Batch,
    Channel,
    Evidence,
    Idempotency,
    Outcome,
    Rejected,
    RequestSignature,
    RowOutcome,
    Take,
)
from hub.intake.files.rejects import Refused
from hub.intake.files.report import FileReport, report_of
from hub.intake.files.tables import is_workbook, read_file
from hub.intake.limits import BATCH_ROWS_MAX
from hub.intake.service import submit
from hub.store.database import Database


@dataclass(frozen=True, kw_only=True, slots=True)
class MappedFile:
    """A file with the mapping that goes with it, and as whose records its rows are taken."""

    name: str
    data: bytes
    mapping: SavedMapping
    mapping_text: str
    source: str
    document: bytes | None = None
    """SHA-256 of the whole file where this is a part of one."""

    @property
    def digest(self) -> bytes:
        """SHA-256 of the file: the evidence that its entries refer to."""
        return self.document or sha256(self.data).digest()

    @property
    def request(self) -> bytes:
        """SHA-256 of all that decides the answer: file, mapping and source."""
        parts = (self.data, self.mapping_text.encode(), self.source.encode())
        return sha256(b"".join(sha256(part).digest() for part in parts)).digest()


@dataclass(frozen=True, kw_only=True, slots=True)
class Sender:
    """Who sends a file, and what vouches for it.

    Without a signed request the hub vouches for what it saw in the file, as `party`, and the same
    file, mapping and source is the same request. With one its idempotency key decides that.
    """

    party: str
    client_id: str | None = None
    request: RequestSignature | None = None
    idempotency: Idempotency | None = None
    caller: Caller | None = None
    """Who sent it at a door: for him rows may be handed on to their home (`hub.forwarding`) …"""
    take: Take | None = None
    """… by this way in; None: rows that are at home elsewhere are refused."""


@dataclass(frozen=True, slots=True)
class Submission:
    """The report of a table, the table, its refused rows with their problems.

    `outcomes`: what became of each record, with the number of its row.
    """

    report: FileReport
    table: Table
    refused: tuple[Refused, ...]
    outcomes: tuple[tuple[int, RowOutcome], ...] = ()
    doubted: tuple[Refused, ...] = ()
    """Rows that went in and hold something implausible; they are shown in the marked workbook."""


@dataclass(frozen=True, slots=True)
class ReadTable:
    """A table that was read through its mapping; nothing of it is written yet."""

    file: MappedFile
    table: Table
    converted: tuple[Converted, ...]
    cells_to_keep: Callable[[SourceRow], dict[str, str]]
    """Returns the cells of a row that quarantine may store."""
    below: tuple[SourceRow, ...] = ()
    """Rows that were not read because their header was refused; they go back with it."""

    columns_of: Callable[[str | None, str], tuple[int, ...]] = lambda *_: ()
    """Returns the positions of the columns that feed an item of a record type."""

    @property
    def record_type(self) -> str:
        """Return what its rows become, or what they become first."""
        return self.file.mapping.records[0].spec.name


def read_mapped(file: MappedFile) -> ReadTable:
    """Read and convert a file, writing nothing.

    Raises `PayloadError` when the file cannot be read and `MappingError` when the mapping does not
    fit it.
    """
    mapping = file.mapping
    wanted = (*mapping.addresses, *mapping.drop, *mapping.ignore)
    return convert_table(file, read_file(file.name, file.data, mapping.file, wanted))


def convert_table(file: MappedFile, table: Table) -> ReadTable:
    """Convert a table of a file. Raises `MappingError` when the mapping does not fit it."""
    if table.rows and all(row.unread for row in table.rows):
        # What its columns are cannot be known; each of its lines is refused for itself.
        return ReadTable(file, table, tuple(map(unread, table.rows)), lambda _: {})
    converter = Converter(file.mapping, table.columns)
    return ReadTable(
        file,
        table,
        tuple(converter.convert(table.rows)),
        converter.cells_to_keep,
        columns_of=converter.columns_of,
    )


def refuse_header(file: MappedFile, table: Table, problems: Sequence[RowProblem]) -> ReadTable:
    """Refuse a table for its header, which stands for all the rows below it."""
    assert table.header is not None, "a table without a header has nothing wrong with it"
    refused = Converted(table.header, problems=tuple(problems))
    only_header = replace(table, rows=(table.header,))
    return ReadTable(file, only_header, (refused,), lambda _: {}, below=table.rows)


async def submit_read(
    database: Database,
    read: ReadTable,
    *,
    sender: Sender,
    clock: Clock,
    dry_run: bool = False,
    table: int = 1,
) -> Submission:
    """Submit what was read of one table of a file; `table` is its number in the file.

    Raises as `submit`. Nothing of a batch that failed is written; the file can be sent again whole.
    """
    file, converted = read.file, read.converted
    outcomes: list[tuple[int, RowOutcome]] = []
    replayed = False
    for number, part in enumerate(_parts(converted), start=1):
        batch = _batch(read, part, sender, clock)
        key = _key(sender, file, f"{table}-{number}")
        batch = replace(batch, idempotency=key, dry_run=dry_run)
        taken = sender.take(batch) if sender.take else submit(database, batch, clock=clock)
        answer = await taken
        replayed = replayed or answer.replayed
        records = [(at, n) for at, each in part for n in range(max(len(each.records), 1))]
        outcomes += [
            (at, _doubting(converted[at], n, outcome))
            for (at, n), outcome in zip(records, answer.rows, strict=True)
        ]
    refused = tuple(_refused(converted, outcomes).values())
    below = tuple(Refused(row, ()) for row in read.below)
    report = report_of(file.name, read.table, converted, outcomes, refused)
    stated = dict.fromkeys((each.reason for each in file.mapping.leave_out), 0)
    report = replace(
        report,
        left_out={**stated, **report.left_out},  # a rule that met no row may be misspelt
        below=len(below),
        dry_run=dry_run,
        replayed=replayed,
    )
    assert report.balanced, "every row is accounted for exactly once"
    doubted = tuple(_doubted(read, outcomes).values())
    numbered = tuple((converted[at].row.number, each) for at, each in outcomes)
    return Submission(report, read.table, (*refused, *below), numbered, doubted)


def _doubting(row: Converted, record: int, outcome: RowOutcome) -> RowOutcome:
    """Return an outcome with what was doubted when the record was read out of its row."""
    doubts = row.doubts[record] if row.doubts else ()
    if not doubts or outcome.outcome is Outcome.QUARANTINED:
        return outcome
    return replace(outcome, warnings=(*doubts, *outcome.warnings))


Part = Sequence[tuple[int, Converted]]
GO_BACK = frozenset({Outcome.QUARANTINED, Outcome.UNSETTLED})


def _parts(converted: Sequence[Converted]) -> Iterator[Part]:
    """Split the rows that are read into batches; the records of one row stay together."""
    part: list[tuple[int, Converted]] = []
    size = 0
    for at, each in enumerate(converted):
        if each.left_out is not None:
            continue
        count = max(len(each.records), 1)
        if size + count > BATCH_ROWS_MAX:
            yield part
            part, size = [], 0
        part.append((at, each))
        size += count
    if part:
        yield part


def _batch(read: ReadTable, part: Part, sender: Sender, clock: Clock) -> Batch:
    file = read.file
    rows: list[object] = []
    for _, each in part:
        if each.problems:
            rows.append(_rejected(read, each))
        else:
            rows += [{"type": name, "record": wire} for name, wire in each.records]
    return Batch(
        source=file.source,
        party=sender.party,
        client_id=sender.client_id,
        channel=Channel.WORKBOOK if is_workbook(file.data) else Channel.FILE,
        rows=rows,
        evidence=_evidence(file, sender),
        as_of=file.mapping.as_of or clock(),
        caller=sender.caller,
        said_at=file.mapping.as_of,
    )


def _evidence(file: MappedFile, sender: Sender) -> Evidence:
    if sender.request is not None:
        return Evidence(assurance=Assurance.REQUEST_SIGNED, request=sender.request)
    run = f"file-{file.request.hex()[:24]}"
    return Evidence(assurance=Assurance.HUB_OBSERVED, document_hash=file.digest, run_id=run)


def _key(sender: Sender, file: MappedFile, part: str) -> Idempotency:
    """Return the idempotency key of a batch: the same part of the same request has the same one."""
    known = sender.idempotency or Idempotency(key=file.request.hex(), body_hash=file.request)
    request = sha256(known.key.encode()).hexdigest()
    return Idempotency(key=f"file-{request}-{part}", body_hash=known.body_hash)


def _rejected(read: ReadTable, each: Converted) -> Rejected:
    """Return a row as quarantine keeps it: by column, without personal data."""
    file = read.file
    record_type, key = each.refused or (read.record_type, None)
    return Rejected(
        raw={"file": file.name, "row": each.row.number, "cells": read.cells_to_keep(each.row)},
        problems=tuple(row_problem.problem for row_problem in each.problems),
        record_type=record_type,
        key=key,
    )


def _refused(
    converted: Sequence[Converted], outcomes: Sequence[tuple[int, RowOutcome]]
) -> dict[int, Refused]:
    """Collect rows that go back: refused ones, and those whose home has not said what they became.

    What only intake found (owner, size) belongs to the whole row.
    """
    refused: dict[int, Refused] = {}
    for at, outcome in outcomes:
        if outcome.outcome not in GO_BACK:
            continue
        problems = converted[at].problems or tuple(
            RowProblem(problem, (), problem.path) for problem in outcome.problems
        )
        known = refused.get(at, Refused(converted[at].row, (), waits=True))
        refused[at] = Refused(
            known.row,
            (*known.problems, *problems),
            homes=tuple(dict.fromkeys((*known.homes, *_homes(outcome)))),
            waits=known.waits and outcome.outcome is Outcome.UNSETTLED,
        )
    return dict(sorted(refused.items()))


def _homes(outcome: RowOutcome) -> Iterator[str]:
    """Yield the addresses of the hubs at which a row is at home, where this one is not."""
    if outcome.home is not None:
        yield outcome.home.hub
    for problem in outcome.problems:
        if problem.code == ErrorCode.HOME_ELSEWHERE.name and problem.value:
            yield problem.value


def _doubted(read: ReadTable, outcomes: Sequence[tuple[int, RowOutcome]]) -> dict[int, Refused]:
    """Collect the rows that went in with warnings, with the columns to look at."""
    doubted: dict[int, Refused] = {}
    for at, outcome in outcomes:
        if not outcome.warnings:
            continue
        told = [
            RowProblem(warning, read.columns_of(outcome.record_type, warning.path), warning.path)
            for warning in outcome.warnings
        ]
        known = doubted.get(at)
        row = read.converted[at].row
        doubted[at] = Refused(row, (*(known.problems if known else ()), *told), is_taken=True)
    return dict(sorted(doubted.items()))
