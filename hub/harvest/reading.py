"""`HarvestReading`: one run of one source while it goes on: rows in, batches out, keys remembered.

- A batch holds the rows of one raw document, so that each entry names the hash of the document it
  was seen in; long documents make several batches.
- A key is taken once per run: lists that shift while they are read repeat rows. Of what comes into
  states every row is handed on: intake knows which is the newest.
- An instrument of which a booking could not be read is not covered: what is unknown is never free.
  A row that names no instrument takes nothing from any; it waits in quarantine. Where a list of
  bookings was not read whole, nothing is covered by this run, whoever says so.
- After each document is kept where its list goes on, should the run be cut off (`position`).
- Where documents say themselves when they were said, their rows are as of then, never ahead of the
  run: of a permission the last word counts, not the last message that came (`ended`).
- What is personal is dropped before anything is kept, also from rows that go to quarantine.
- What changed in the form of a list is told at its end, and as the source's file says its rows wait
  or the list stops (`drift`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import aclosing
from datetime import datetime
from hashlib import sha256
from typing import Any

from adapters._adapter import Adapter, Collection, Context, ConvertedRow, Mapped, Removed, Yielded
from connectors.document import RawRow
from connectors.drop.session import DropSession
from connectors.errors import PayloadError, StartAnewError
from connectors.reader import Session
from hub.clock import Clock
from hub.harvest.drift import DriftMode, FormWatch
from hub.harvest.drop_answer import document_answer
from hub.harvest.ended import ended_rows
from hub.harvest.followed import FollowedItems
from hub.harvest.forms import Forms, held_back, rejected
from hub.harvest.limits import BATCH_ROWS_MAX
from hub.harvest.position import Position, Positions
from hub.harvest.raw import NO_KEEPING, RawKeeper, RawKeeping
from hub.harvest.report import CollectionReport, ListStatus
from hub.harvest.resting import RestingLists
from hub.harvest.row_counts import RowCounts
from hub.intake.batch import (
    Assurance,
    Batch,
    Channel,
    Evidence,
    Outcome,
    Outcomes,
    RowOutcome,
)
from hub.intake.service import submit
from hub.store.database import Database
from hub.store.raw_documents import RawDocument
from schema.dates import format_instant
from schema.item import camel
from schema.traits import Bookable, Covers, Occupies, Progresses

__all__ = ["HarvestReading"]

UNPROVEN = "what it does not name may still stand: nothing is withdrawn, the next run reads it anew"


class HarvestReading:
    """What one run has read and handed on so far."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        context: Context,
        party: str,
        run_id: str,
        keeping: RawKeeping = NO_KEEPING,
    ) -> None:
        self.context = context
        self.raw = RawKeeper(database, context.source, run_id, keeping)
        self.forms = Forms(database, context.source, run_id, context.now)
        self.seen: dict[str, set[str]] = defaultdict(set)
        self.unconverted: dict[str, set[str]] = defaultdict(set)
        """Keys of rows that could not be converted: still named by the source, so not gone."""
        self.unsure: set[str] = set()
        """Record types of rows that could not even be told apart: nothing of them is missed."""
        self.doubtful: set[str] = set()
        """Keys of instruments of which an occupancy was refused in this run."""
        self.is_calendar_whole = True
        """Whether every list of what takes time was read whole so far."""
        self.counts = RowCounts(context.source)
        self.gone: dict[str, dict[str, str]] = defaultdict(dict)
        self._ended: list[Removed] = []
        """What the document in hand says to have ended, in its words."""
        self.resting = RestingLists(database, context, None)
        """Lists that are not read, because they are what they were: none, unless a run says so."""
        self.positions = Positions(database, context.source)
        self.followed = FollowedItems(database, context.source, self.seen, self.gone)
        self._database = database
        self._registry = database.records.registry
        self._clock = clock
        self._party = party
        self._run_id = run_id
        self._documents = sha256()
        self._any_document = False

    @property
    def document_hash(self) -> bytes | None:
        """SHA-256 over the hashes of all documents in their order."""
        return self._documents.digest() if self._any_document else None

    async def load(self, drift: Mapping[str, DriftMode]) -> None:
        """Take up what earlier runs have kept of the lists."""
        await self.positions.load()
        await self.forms.load(drift)
        await self.resting.load()

    async def state(self, adapter: Adapter, report: CollectionReport) -> None:
        """Hand on what the source stands for by itself."""
        await self._send(self._rows(adapter.states(self.context), report), None, report)

    async def collection(
        self, adapter: Adapter, collection: Collection, session: Session, report: CollectionReport
    ) -> ListStatus:
        """Read one list to its end and hand on what it holds; OK, CONTINUED or PARTIAL.

        Where the source does not take the position of a list that was cut off, it is read anew.
        """
        now = self.context.now
        position = self.positions.of(collection, now)
        if position is not None:
            try:
                await self._read(adapter, collection, session, report, position)
            except PayloadError:
                await self.positions.forget(collection)
                if report.documents:
                    raise
            else:
                return ListStatus.CONTINUED
        last = await self.resting.last_of(collection)
        changed = self.resting.changed_window(collection, last)
        window = changed or collection.window(self.context)
        position = Position(began=now, window=window, last=last)
        try:
            doubt = await self._read(adapter, collection, session, report, position)
        except StartAnewError:
            await self.resting.begin_anew(collection)
            position = Position(began=now, window=collection.window(self.context), last=None)
            doubt = await self._read(adapter, collection, session, report, position)
        except PayloadError:
            await self.positions.forget(collection)
            raise
        if doubt is None:
            return ListStatus.OK
        report.error_code = PayloadError.code
        report.message = f"{collection.name}: {doubt}; {UNPROVEN}"
        return ListStatus.PARTIAL

    async def _read(
        self,
        adapter: Adapter,
        collection: Collection,
        session: Session,
        report: CollectionReport,
        position: Position,
    ) -> str | None:
        """Take in what a list holds from a position on; return why it may not be all of it."""
        doubt, last = None, position.last
        remembered = self.context.remembered
        watch = self.forms.watch(collection)
        is_part = self.resting.changed_window(collection, last) is not None
        state = position.state or (last.again if last and not is_part else None)
        documents = collection.reader.read(session, position.window, state)
        async with self.forms.noting(collection, watch, report), aclosing(documents):
            async for document in documents:
                self._documents.update(document.digest)
                self._any_document = True
                if await self.resting.answered(collection, document, last):
                    report.is_saved = True
                    break
                doubt = doubt or document.doubt
                report.documents += 1
                report.rows += len(document.rows)
                pairs = self._pairs(adapter, collection, document.rows)
                self.counts.take(converted for _, converted in pairs)
                rows = self._taken(collection, document.place, pairs, report, watch)
                as_of = self._said_at(collection, document.rows)
                outcomes = await self._send(rows, document.digest, report, as_of)
                if collection.is_followed:
                    await self.followed.keep(rows, outcomes, self._clock())
                await self._end(document.digest, report, as_of)
                if isinstance(session, DropSession):
                    session.answers[document.place] = document_answer(document, outcomes)
                await self.raw.keep(collection, document, pairs, self._clock())
                is_looked_up = not collection.types or self.context.remembered > remembered
                if is_looked_up:
                    self.resting.look_up(collection, document.digest)
                if document.state is None or is_looked_up:
                    await self.positions.forget(collection)
                else:
                    await self.positions.keep(collection, position.at(document.state))
            is_all = position.state is None and not is_part and not report.is_saved
            if doubt is None and is_all:
                await self.forms.close(collection, watch)
        await self.positions.forget(collection)
        if last is not None and (is_part or report.is_saved):
            await self.resting.stand(collection, report, last, self.seen)
        return doubt

    def named(self, record_type: str) -> set[str]:
        """Return the keys that this run has heard of, in rows or because their list stands."""
        came = self.seen[record_type] | self.unconverted[record_type]
        return came | (self.resting.standing[record_type] - self.gone[record_type].keys())

    async def close(self, collection: Collection, report: CollectionReport) -> None:
        """Hand on what holds because the list was read to its end."""
        bookable = {
            key for spec, _ in self._registry.with_trait(Bookable) for key in self.named(spec.name)
        }
        statements = collection.closes(self.context, sorted(bookable))
        await self._send(self._rows(statements, report), self.document_hash, report)

    async def withdraw(self, record_type: str, keys: dict[str, str]) -> Outcomes | None:
        """Withdraw records, each with its reason."""
        rows = [
            {"type": record_type, "withdraw": {"key": key, "reason": reason}}
            for key, reason in keys.items()
        ]
        outcomes = None
        for at in range(0, len(rows), BATCH_ROWS_MAX):
            outcomes = await self._submit(rows[at : at + BATCH_ROWS_MAX], self.document_hash)
        return outcomes

    async def replay(
        self,
        adapter: Adapter,
        collection: Collection,
        documents: AsyncIterator[RawDocument],
        report: CollectionReport,
    ) -> ListStatus:
        """Read the documents that are kept of a list, in place of its source."""
        watch = FormWatch({}, (), DriftMode.EVOLVE)
        async for document in documents:
            self._documents.update(document.digest)
            self._any_document = True
            report.documents += 1
            report.rows += len(document.rows)
            pairs = self._pairs(adapter, collection, document.rows)
            rows = self._taken(collection, document.place, pairs, report, watch)
            as_of = self._said_at(collection, document.rows)
            await self._send(rows, document.digest, report, as_of)
            await self._end(document.digest, report, as_of)
        return ListStatus.REPLAYED

    def _pairs(
        self, adapter: Adapter, collection: Collection, rows: Sequence[RawRow]
    ) -> list[tuple[RawRow, ConvertedRow]]:
        return [(raw, adapter.convert(collection, raw, self.context)) for raw in rows]

    def _taken(
        self,
        collection: Collection,
        place: str,
        pairs: Sequence[tuple[RawRow, ConvertedRow]],
        report: CollectionReport,
        watch: FormWatch,
    ) -> list[Any]:
        """Return what goes to intake of the rows of a document."""
        rows: list[Any] = []
        changes = watch.document(pairs)
        if watch.mode is DriftMode.STOP:
            self.forms.require_none(place, changes)
        for (raw, came), changed in zip(pairs, changes, strict=True):
            converted = came
            if changed and watch.mode is DriftMode.QUARANTINE:
                converted = held_back(came, changed)
            report.dropped += len(converted.dropped)
            report.additions.update(converted.additions)
            if converted.problems:
                rows.append(rejected(collection, raw, converted))
                self._name(collection, converted)
            else:
                rows += self._rows(converted.yielded, report, is_followed=collection.is_followed)
        return rows

    def _name(self, collection: Collection, converted: ConvertedRow) -> None:
        if not converted.withheld:
            self.unsure.update(collection.types)
        for one in converted.withheld:
            key = one.key if isinstance(one, Removed) else self._key(one)
            if key is None or not all(key.split("/")):
                self.unsure.add(one.type)
                continue
            self.unconverted[one.type].add(key)
            if self._registry.has_trait(one.type, Occupies):
                self.doubtful.add(key.rpartition("/")[0])

    def _rows(
        self, yielded: Iterable[Yielded], report: CollectionReport, *, is_followed: bool = False
    ) -> list[Any]:
        rows: list[Any] = []
        for one in yielded:
            if isinstance(one, Removed) and one.record is not None:
                self._ended.append(one)
                continue
            if isinstance(one, Removed):
                self.followed.went(one)
                continue
            if self._covers_unread(one):
                continue
            key = self._key(one)
            repeats = key is not None and key in self.seen[one.type]
            if is_followed and key is not None:
                self.followed.came(one, key)
            elif repeats and not self._registry.has_trait(one.type, Progresses):
                report.repeated += 1
                continue
            if key is not None:
                self.seen[one.type].add(key)
            rows.append({"type": one.type, "record": one.record})
        return rows

    def _said_at(self, collection: Collection, rows: Sequence[RawRow]) -> datetime:
        said = collection.said_at(rows[0]) if rows else None
        now = self.context.now
        return now if said is None else min(said, now)

    async def _end(self, digest: bytes | None, report: CollectionReport, as_of: datetime) -> None:
        """Withdraw what the document in hand says to have ended."""
        ended, self._ended = self._ended, []
        at = format_instant(as_of)
        for each in await ended_rows(self._database, self.context.source, ended, at):
            await self._send(each, digest, report, as_of)

    async def _send(
        self,
        rows: list[Any],
        digest: bytes | None,
        report: CollectionReport,
        as_of: datetime | None = None,
    ) -> list[RowOutcome]:
        """Hand rows on; return what became of each."""
        sent: list[RowOutcome] = []
        for at in range(0, len(rows), BATCH_ROWS_MAX):
            outcomes = await self._submit(rows[at : at + BATCH_ROWS_MAX], digest, as_of)
            sent += outcomes.rows
            for outcome, count in outcomes.counts.items():
                report.outcomes[outcome.value] += count
            self.counts.note(rows[at : at + BATCH_ROWS_MAX], outcomes)
            if outcomes.counts[Outcome.QUARANTINED]:
                self._doubt(rows[at : at + BATCH_ROWS_MAX], outcomes)
        return sent

    def require_records(self, whole: Iterable[str]) -> None:
        """Raise `PayloadError` where too few records came of a type that was read whole."""
        named = {n: self.unconverted[n] | (self.resting.standing[n] - self.seen[n]) for n in whole}
        self.counts.require({each: self.counts.made[each] + len(named[each]) for each in whole})

    def _doubt(self, rows: list[Any], outcomes: Outcomes) -> None:
        for row, outcome in zip(rows, outcomes.rows, strict=True):
            if outcome.outcome is Outcome.QUARANTINED and isinstance(row, dict):
                taken = self._part(row["type"], Occupies, row["record"])
                if taken:
                    self.doubtful.add(taken)

    def _covers_unread(self, one: Mapped) -> bool:
        """Whether a record says that everything is known of what was not all read."""
        covered = self._part(one.type, Covers, one.record)
        return covered is not None and (covered in self.doubtful or not self.is_calendar_whole)

    def _part(
        self, record_type: str, kind: type[Covers] | type[Occupies], record: Mapping[str, Any]
    ) -> str | None:
        """Return what a record with a trait speaks of, None for other records."""
        spec = self._registry.get(record_type)
        trait = None if spec is None else spec.trait(kind)
        return None if trait is None else record.get(camel(trait.of))

    def _key(self, one: Mapped) -> str | None:
        """Return the key of a record; None where a part of it is missing, which intake reports."""
        try:
            return self._registry[one.type].key_of(one.record)
        except KeyError:
            return None

    async def _submit(
        self, rows: list[Any], digest: bytes | None, as_of: datetime | None = None
    ) -> Outcomes:
        batch = Batch(
            source=self.context.source,
            party=self._party,
            channel=Channel.HARVEST,
            rows=rows,
            evidence=Evidence(
                assurance=Assurance.HUB_OBSERVED,
                document_hash=digest or self.document_hash,
                run_id=self._run_id,
            ),
            as_of=as_of or self.context.now,
        )
        return await submit(self._database, batch, clock=self._clock)
