"""Mapped files: a file and a saved mapping become batches, and a report that adds up.

rows of the file = rows left out by the mapping + rows read;
rows read        = accepted + duplicate + quarantined.

- A row that yields several records counts once: as quarantined when any of them was refused, as
  accepted when any of them was new, else as duplicate.
- The same file, mapping and source again is the same request: it gets the answer it got before.
- Of a refused row quarantine keeps the columns that the mapping uses, and no others.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256

from adapters.mapping import Converted, Converter, RowProblem, Table
from adapters.mapping import Mapping as SavedMapping
from hub.clock import Clock
from hub.intake.batch import (
    Assurance,
    Batch,
    Channel,
    Evidence,
    Idempotency,
    Outcome,
    Rejected,
    RowOutcome,
)
from hub.intake.files.rejects import Refused
from hub.intake.files.tables import is_workbook, read_file
from hub.intake.limits import BATCH_ROWS_MAX
from hub.intake.submit import submit
from hub.store.database import Database

RANK = {Outcome.QUARANTINED: 4, Outcome.ACCEPTED: 3, Outcome.PROVEN: 2, Outcome.DUPLICATE: 1}
"""Which outcome a row with several records counts as: the highest. A mapping withdraws nothing."""


@dataclass(frozen=True, kw_only=True, slots=True)
class MappedFile:
    """A file with the mapping that goes with it, and as whose records its rows are taken."""

    name: str
    data: bytes
    mapping: SavedMapping
    mapping_text: str
    source: str

    @property
    def digest(self) -> bytes:
        """SHA-256 of the file: the evidence that its entries refer to."""
        return sha256(self.data).digest()

    @property
    def request(self) -> bytes:
        """SHA-256 of all that decides the answer: file, mapping and source."""
        parts = (self.data, self.mapping_text.encode(), self.source.encode())
        return sha256(b"".join(sha256(part).digest() for part in parts)).digest()


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """What became of a file. Reasons count problems by code and item; a row may have several."""

    file: str
    rows: int
    left_out: Mapping[str, int]
    outcomes: Mapping[Outcome, int]
    records: Mapping[tuple[str, Outcome], int]
    reasons: Mapping[tuple[str, str], int]
    dropped: Mapping[str, int]
    found: Mapping[str, str] = field(default_factory=dict)
    dry_run: bool = False
    replayed: bool = False

    @property
    def read(self) -> int:
        """Rows that the mapping meant to take over."""
        return self.rows - sum(self.left_out.values())

    @property
    def accepted(self) -> int:
        """Rows of which something was new."""
        return self.outcomes.get(Outcome.ACCEPTED, 0)

    @property
    def duplicate(self) -> int:
        """Rows that said only what stands already."""
        same = (Outcome.DUPLICATE, Outcome.PROVEN)
        return sum(self.outcomes.get(each, 0) for each in same)

    @property
    def quarantined(self) -> int:
        """Rows that came back."""
        return self.outcomes.get(Outcome.QUARANTINED, 0)

    @property
    def balanced(self) -> bool:
        """Whether every row is accounted for exactly once."""
        return self.read == self.accepted + self.duplicate + self.quarantined


@dataclass(frozen=True, slots=True)
class Submission:
    """The report of a file, its table, and its refused rows with their problems."""

    report: Report
    table: Table
    refused: tuple[Refused, ...]


@dataclass(frozen=True, slots=True)
class ReadFile:
    """A file that was read through its mapping; nothing of it is written yet."""

    file: MappedFile
    table: Table
    converted: tuple[Converted, ...]
    converter: Converter


def read_mapped(file: MappedFile) -> ReadFile:
    """Read and convert a file, writing nothing.

    Raises `PayloadError` when the file cannot be read and `MappingError` when the mapping does not
    fit it.
    """
    mapping = file.mapping
    wanted = (*mapping.addresses, *mapping.drop, *mapping.ignore)
    table = read_file(file.name, file.data, mapping.file, wanted)
    converter = Converter(mapping, table.columns)
    return ReadFile(file, table, tuple(converter.convert(table.rows)), converter)


async def submit_read(
    database: Database, read: ReadFile, *, party: str, clock: Clock, dry_run: bool = False
) -> Submission:
    """Submit what was read of a file; `party` is the hub's own, which saw the file.

    Raises as `submit`. Nothing of a batch that failed is written; the file can be sent again whole.
    """
    file, converted = read.file, read.converted
    outcomes: list[tuple[int, RowOutcome]] = []
    replayed = False
    for number, part in enumerate(_parts(converted), start=1):
        batch = _batch(file, part, read.converter, party=party, clock=clock)
        batch = _numbered(batch, file, number, dry_run=dry_run)
        answer = await submit(database, batch, clock=clock)
        replayed = replayed or answer.replayed
        rows = [at for at, each in part for _ in range(max(len(each.records), 1))]
        outcomes += zip(rows, answer.rows, strict=True)
    refused = _refused(converted, outcomes)
    report = _report(read, outcomes, refused)
    report = replace(report, dry_run=dry_run, replayed=replayed)
    assert report.balanced, "every row is accounted for exactly once"
    return Submission(report, read.table, tuple(refused.values()))


Part = Sequence[tuple[int, Converted]]


def _parts(converted: Sequence[Converted]) -> Iterator[Part]:
    """Part the rows that are read into batches; the records of one row stay together."""
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


def _batch(
    file: MappedFile, part: Part, converter: Converter, *, party: str, clock: Clock
) -> Batch:
    rows: list[object] = []
    for _, each in part:
        if each.problems:
            rows.append(_rejected(file, each, converter))
        else:
            rows += [{"type": name, "record": wire} for name, wire in each.records]
    return Batch(
        source=file.source,
        party=party,
        channel=Channel.WORKBOOK if is_workbook(file.data) else Channel.FILE,
        rows=rows,
        evidence=Evidence(
            assurance=Assurance.HUB_OBSERVED,
            document_hash=file.digest,
            run_id=f"file-{file.request.hex()[:24]}",
        ),
        as_of=file.mapping.as_of or clock(),
    )


def _numbered(batch: Batch, file: MappedFile, number: int, *, dry_run: bool) -> Batch:
    """Give a batch the key by which the same part of the same file is known again."""
    key = Idempotency(key=f"file-{file.request.hex()}-{number}", body_hash=file.request)
    return replace(batch, idempotency=None if dry_run else key, dry_run=dry_run)


def _rejected(file: MappedFile, each: Converted, converter: Converter) -> Rejected:
    """Return a row as quarantine keeps it: by column, without personal data."""
    return Rejected(
        raw={"file": file.name, "row": each.row.number, "cells": converter.kept(each.row)},
        problems=tuple(told.problem for told in each.problems),
        record_type=file.mapping.records[0].spec.name,
    )


def _refused(
    converted: Sequence[Converted], outcomes: Sequence[tuple[int, RowOutcome]]
) -> dict[int, Refused]:
    """Collect refused rows; what only intake found (owner, size) belongs to the whole row."""
    made: dict[int, Refused] = {}
    for at, outcome in outcomes:
        if outcome.outcome is not Outcome.QUARANTINED:
            continue
        problems = converted[at].problems or tuple(
            RowProblem(problem, (), problem.path) for problem in outcome.problems
        )
        known = made.get(at)
        made[at] = Refused(converted[at].row, (*(known.problems if known else ()), *problems))
    return dict(sorted(made.items()))


def _report(
    read: ReadFile,
    outcomes: Sequence[tuple[int, RowOutcome]],
    refused: Mapping[int, Refused],
) -> Report:
    converted, table = read.converted, read.table
    rows: dict[int, Outcome] = {}
    records: Counter[tuple[str, Outcome]] = Counter()
    for at, outcome in outcomes:
        before = rows.get(at)
        if before is None or RANK[outcome.outcome] > RANK[before]:
            rows[at] = outcome.outcome
        if not converted[at].problems:
            records[outcome.record_type or "", outcome.outcome] += 1
    reasons = Counter(
        reason
        for each in refused.values()
        for reason in {(told.problem.code, told.reason) for told in each.problems}
    )
    return Report(
        file=read.file.name,
        rows=len(table.rows),
        left_out=Counter(each.left_out for each in converted if each.left_out is not None),
        outcomes=Counter(rows.values()),
        records=records,
        reasons=reasons,
        dropped=Counter(name for each in converted for name in each.dropped),
        found=table.found,
    )
