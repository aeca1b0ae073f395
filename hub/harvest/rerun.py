"""`rerun`: converts rows in quarantine again, after an adapter or a code table was mended.

- A row that could not be converted is converted by the adapter as it is now, as of when it came.
  What earlier lists remember for it comes from the documents that are kept of their newest run.
- A row that was refused by the standard is sent again as it stands (`hub.intake.quarantine`).
- A row that waits for a change of form goes in once that was accepted.
- What is still wrong stays, with its present reasons.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb

from adapters._adapter import Adapter, Collection, Context, Mapped, Removed
from hub.clock import Clock
from hub.harvest.drift import DriftKind
from hub.harvest.ended import ended_rows
from hub.harvest.source import HarvestSource
from hub.intake.batch import (
    Assurance,
    Batch,
    Channel,
    Evidence,
    Outcome,
    RowOutcome,
    problem_to_wire,
)
from hub.intake.limits import QUARANTINE_PAGE_MAX
from hub.intake.quarantine import Quarantined, quarantined, resubmit, settle
from hub.intake.service import submit
from hub.store.database import Database
from hub.store.drifts import drifts_of
from hub.store.raw_documents import documents_of, newest_kept_run
from schema.dates import format_instant
from schema.errors import Problem

__all__ = ["Rerun", "Stays", "rerun"]

DRIFT_PREFIX = "DRIFT_"


@dataclass(frozen=True, slots=True)
class Stays:
    """A row that goes on waiting."""

    quarantine_id: int
    problems: tuple[Problem, ...]


@dataclass(slots=True)
class Rerun:
    """What came of it."""

    rows: int = 0
    went_in: int = 0
    stays: list[Stays] = field(default_factory=list)


async def rerun(database: Database, source: HarvestSource, party: str, clock: Clock) -> Rerun:
    """Convert and send again every open row of a source."""
    work = _Work(database, source, party, clock)
    await work.begin()
    done, after = Rerun(), 0
    while True:
        page = await quarantined(database, source=source.id, after=after, limit=QUARANTINE_PAGE_MAX)
        # Rows that are refused again come after those that were there, and are not met twice.
        page = [row for row in page if row.quarantine_id <= work.last]
        if not page:
            return done
        after = page[-1].quarantine_id
        await work.page(page, done)


class _Work:
    """Takes rows page by page."""

    def __init__(self, database: Database, source: HarvestSource, party: str, clock: Clock) -> None:
        self._database = database
        self._source = source
        self._adapter: Adapter = source.adapter
        self._party = party
        self._clock = clock
        self._lists = {each.name: each for each in self._adapter.collections}
        self._unaccepted: set[tuple[str, str, str]] = set()
        self._context: Context | None = None
        self.last = 0
        """The newest row that waits when this begins."""

    async def begin(self) -> None:
        """Learn what waits, and which changes of form were not accepted."""
        rows = await self._database.writes.fetch_all(
            "SELECT coalesce(max(quarantine_id), 0) FROM quarantine WHERE source = %s",
            (self._source.id,),
        )
        self.last = rows[0][0]
        self._unaccepted = {
            (each.collection, each.kind, each.field)
            for each in await drifts_of(self._database, self._source.id)
            if each.accepted_at is None
        }

    async def page(self, rows: Iterable[Quarantined], done: Rerun) -> None:
        """Send some rows again."""
        as_they_stand: list[int] = []
        groups: dict[Any, list[tuple[Quarantined, Collection, dict[str, Any]]]] = defaultdict(list)
        for row in rows:
            done.rows += 1
            collection, raw = self._converted_form(row.raw)
            if collection is None:
                as_they_stand.append(row.quarantine_id)
            elif waits := self._waits(row, collection):
                done.stays.append(Stays(row.quarantine_id, waits))
            else:
                groups[row.run_id].append((row, collection, raw))
        for group in groups.values():
            await self._convert(group, done)
        if as_they_stand:
            outcomes = await resubmit(self._database, as_they_stand, clock=self._clock)
            for each, outcome in outcomes.items():
                _count(done, each, [outcome])

    def _converted_form(self, text: str) -> tuple[Collection | None, dict[str, Any]]:
        """Return list and row of a row that an adapter could not read."""
        try:
            raw = json.loads(text)
        except ValueError:
            return None, {}
        if not isinstance(raw, dict) or set(raw) != {"collection", "row"}:
            return None, {}
        return self._lists.get(str(raw["collection"])), raw["row"]

    def _waits(self, row: Quarantined, collection: Collection) -> tuple[Problem, ...]:
        """Return the changes of form for which a row goes on waiting."""
        return tuple(
            each
            for each in row.problems
            if each.code.startswith(DRIFT_PREFIX)
            and (collection.name, each.code.removeprefix(DRIFT_PREFIX), each.path)
            in self._unaccepted
            and each.code.removeprefix(DRIFT_PREFIX) in set(DriftKind)
        )

    async def _convert(
        self, group: list[tuple[Quarantined, Collection, dict[str, Any]]], done: Rerun
    ) -> None:
        """Convert rows of one run, and send what they became."""
        known = await self._database.writes.fetch_all(
            "SELECT quarantine_id, evidence, as_of FROM quarantine WHERE quarantine_id = ANY(%s)",
            ([row.quarantine_id for row, _, _ in group],),
        )
        vouched = {each: (evidence, as_of) for each, evidence, as_of in known}
        for row, collection, raw in group:
            if row.quarantine_id not in vouched:
                continue
            evidence, as_of = vouched[row.quarantine_id]
            context = await self._context_at(as_of)
            converted = self._adapter.convert(collection, raw, context)
            if converted.problems:
                await self._renew(row.quarantine_id, converted.problems)
                done.stays.append(Stays(row.quarantine_id, converted.problems))
                continue
            records = [
                {"type": one.type, "record": one.record}
                for one in converted.yielded
                if isinstance(one, Mapped)
            ]
            ended = [
                one
                for one in converted.yielded
                if isinstance(one, Removed) and one.record is not None
            ]
            outcomes = await self._send(records, row, evidence, as_of)
            for part in await ended_rows(
                self._database, self._source.id, ended, format_instant(as_of)
            ):
                outcomes += await self._send(part, row, evidence, as_of)
            _count(done, row.quarantine_id, outcomes)
            entry = next((each.entry_id for each in outcomes if each.entry_id is not None), None)
            await settle(self._database, {row.quarantine_id: entry}, self._clock())

    async def _send(
        self, records: list[Any], row: Quarantined, evidence: bytes | None, as_of: datetime
    ) -> list[RowOutcome]:
        if not records:
            return []
        batch = Batch(
            source=self._source.id,
            party=self._party,
            channel=Channel.HARVEST,
            rows=records,
            evidence=Evidence(
                assurance=Assurance.HUB_OBSERVED, document_hash=evidence, run_id=row.run_id
            ),
            as_of=as_of,
        )
        return list((await submit(self._database, batch, clock=self._clock)).rows)

    async def _renew(self, quarantine_id: int, problems: Iterable[Problem]) -> None:
        async with self._database.writes.connection() as connection:
            await connection.execute(
                "UPDATE quarantine SET problems = %s WHERE quarantine_id = %s AND status = 'OPEN'",
                (Jsonb([problem_to_wire(each) for each in problems]), quarantine_id),
            )

    async def _context_at(self, at: datetime) -> Context:
        """Return what a mapping may know, with what the kept documents of its lists remember."""
        if self._context is None:
            self._context = Context(
                source=self._source.id,
                now=at,
                institution=self._source.institution,
                facts=self._source.facts,
                judge=self._source.judge,
                lookback=self._adapter.lookback,
            )
            for collection in self._adapter.collections:
                await self._remember(collection, self._context)
        self._context.now = at
        return self._context

    async def _remember(self, collection: Collection, context: Context) -> None:
        run_id = await newest_kept_run(self._database, self._source.id, collection.name)
        if run_id is None:
            return
        async for document in documents_of(self._database, run_id, collection.name):
            for raw in document.rows:
                self._adapter.convert(collection, raw, context)


def _count(done: Rerun, quarantine_id: int, outcomes: Iterable[RowOutcome]) -> None:
    refused = [each for each in outcomes if each.outcome is Outcome.QUARANTINED]
    if refused:
        problems = tuple(problem for each in refused for problem in each.problems)
        done.stays.append(Stays(quarantine_id, problems))
    else:
        done.went_in += 1
