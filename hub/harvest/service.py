"""`harvest`: one run of one source, from the first question to the row that says how it went.

1. Probes: does the source behave as its adapter needs?
2. Collections in their order, those that are due (`feed`). A list that fails is noted; lists that
   need it are skipped, the others go on. A look-up list, institutions and instruments are needed
   by what follows.
3. Statements that hold because a list was read whole (coverage).
4. Reconciliation: what the source no longer names is withdrawn, or waits for the operator.

An error of the source ends as a status and a code, never as an exception; an error of the hub
itself (the database is away) is raised, after the run was noted as failed if that is possible.
A run that lost its lock (`runs.source_lock`) withdraws nothing: another one may be going on.

Only a whole reading from its beginning withdraws what a source no longer names, and only such a one
says that everything is known (coverage, freshness). A list that was read to its end and is not
proved to be whole (`connectors.completeness`) is PARTIAL: what it holds goes in, and no more; what
later lists look up in it is not looked up in a part of it. A run that goes on where another was cut
off (`position`) takes in what it reads, and no more: rows that moved to pages which were read
before would look missing, and rows that came there since would be missed. What a source itself
calls ended is withdrawn by every run that reads it.

A run on schedule asks for less where it may (`last_reading`): a list that its source calls
unchanged is heard, and its records stand; of one that can be asked for what changed, the others do.
A run that a person begins asks for everything, and once a day so does one on schedule.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any

from structlog.contextvars import bound_contextvars

from adapters._adapter import Adapter, Collection, Context
from connectors.drop.session import DropSession
from connectors.errors import ConnectorError, PayloadError
from connectors.http.session import HttpSession
from connectors.reader import Session
from hub.clock import Clock
from hub.errors import ErrorCode, HubError
from hub.harvest import runs
from hub.harvest.drop import is_drop_due, run_tables
from hub.harvest.feed import (
    Bounds,
    due_times,
    lists_harvested,
    lists_to_read,
    types_read,
    whole_parts,
)
from hub.harvest.known import known_keys
from hub.harvest.last_reading import LastReadings
from hub.harvest.limits import FINISH_S_MAX, RUN_S_MAX, RUNS_MAX
from hub.harvest.raw import KEEPING, RawKeeping
from hub.harvest.reading import HarvestReading
from hub.harvest.reconcile import NOTHING_APPROVED, ApprovedChanges, reconcile
from hub.harvest.report import CollectionReport, HarvestReport, ListStatus, RunStatus
from hub.harvest.resting import RestingLists
from hub.harvest.row_counts import OverfullError
from hub.harvest.source import HarvestSource, register
from hub.harvest.watch import RunCancelledError, Tell, watched
from hub.intake.batch import Outcome
from hub.store.database import Database
from hub.store.dropped import DroppedLedger
from hub.store.feeds import feeds_of
from hub.watching import tracing
from schema.traits import Covers, Occupies

__all__ = ["Harvester"]

STATEMENTS = "statements"
"""Name of the part of a report that is no list: what the source stands for by itself."""
READ = (ListStatus.OK, ListStatus.CONTINUED, ListStatus.PARTIAL)
UNREAD = "UNREAD: a booking of the instrument could not be read"


class Harvester:
    """Runs harvests; `party` is the hub's own, `hub:<origin>`."""

    def __init__(
        self, database: Database, party: str, clock: Clock, keeping: RawKeeping = KEEPING
    ) -> None:
        self._database = database
        self._keeping = keeping
        self._party = party
        self._clock = clock
        self._places = asyncio.Semaphore(RUNS_MAX)

    async def harvest(
        self,
        source: HarvestSource,
        *,
        approve_shrink: bool = False,
        approve_growth: bool = False,
        tell: Tell | None = None,
    ) -> HarvestReport:
        """Harvest every list of one source and return what came of it.

        `approve_shrink`, `approve_growth`: the operator has looked at a list that shrank, or that
        holds more than its source's metadata allow, and wants it followed this time. `tell` gets
        the report every other second while the run goes on. Raises `RefusedError` CONFLICT when a
        run of this source is going on, here or elsewhere.
        """
        async with self._places, runs.source_lock(self._database, source.id) as lock:
            approved = ApprovedChanges(shrink=approve_shrink, growth=approve_growth)
            run = self._run(source, lock, approved=approved, tell=tell)
            return await self._watched(source, run)

    async def harvest_if_due(
        self, source: HarvestSource, interval: timedelta | None
    ) -> HarvestReport | None:
        """Harvest what is due of a source; None where nothing is.

        `interval`: in place of the schedules of its feeds. Raises as `harvest` does, and
        `TimeoutError` when the run takes longer than `RUN_S_MAX`.
        """
        async with self._places, runs.source_lock(self._database, source.id) as lock:
            now = self._clock()
            feeds = (await feeds_of(self._database, [source.id])).get(source.id, [])
            failures = await runs.failures_of(self._database, [source.id], now)
            times = due_times(source.adapter, feeds, now, interval, failures.get(source.id, 0))
            due = [name for name, at in times.items() if at <= now]
            if not due and not await is_drop_due(self._database, source, now, interval):
                return None
            async with asyncio.timeout(RUN_S_MAX):
                return await self._watched(source, self._run(source, lock, due=due))

    async def _watched(
        self, source: HarvestSource, running: Coroutine[Any, Any, HarvestReport]
    ) -> HarvestReport:
        """Run it as a span of its own, its log lines with the id of the source."""
        with (
            bound_contextvars(source=source.id, operation="harvest"),
            tracing.span("harvest", **{"deltahub.source": source.id}) as span,
        ):
            report = await running
            if span is not None:
                span.set_attribute("deltahub.status", report.status.value)
            return report

    async def _run(
        self,
        source: HarvestSource,
        lock: runs.SourceLock,
        *,
        due: Sequence[str] | None = None,
        approved: ApprovedChanges = NOTHING_APPROVED,
        tell: Tell | None = None,
    ) -> HarvestReport:
        if source.tables is not None:
            return await run_tables(self._database, self._clock, self._party, source, lock)
        adapter, began = source.adapter, self._clock()
        report = HarvestReport(run_id=f"run_{secrets.token_urlsafe(12)}", source=source.id)
        context = Context(
            source=source.id,
            now=began,
            institution=source.institution,
            facts=source.facts,
            lookback=adapter.lookback,
            judge=source.judge,
        )
        await register(self._database, source, began)
        last = LastReadings(self._database, source, context, is_full=due is None)
        known = (self._database, self._clock, context, self._party, report.run_id)
        reading = HarvestReading(*known, self._keeping)
        reading.resting = RestingLists(self._database, context, last)
        reading.counts.bound(adapter.row_bounds, is_growth_approved=approved.growth)
        lists = (
            lists_harvested(adapter)
            if due is None
            else lists_to_read(adapter, due, self._is_needed)
        )
        try:
            types = types_read(adapter, lists)
            await runs.begin(self._database, source.id, report.run_id, began, types)
            async with watched(lock, report, tell):
                await reading.load(source.drift)
                async with source.session() as session:
                    if isinstance(session, DropSession):
                        session.ledger = DroppedLedger(self._database, source.id, self._clock)
                    await self._read(adapter, lists, session, reading, report)
                await lock.check()
                await self._reconcile(source, reading, report, approved=approved.shrink)
            report.status = _status(report)
            report.heard = _heard(adapter, context, report)
            if report.is_heard:
                await self._keep(adapter, reading, report, types)
        except RunCancelledError:
            report.status = RunStatus.CANCELLED
            report.message = "the operator cancelled it; the next run goes on where it was"
        except ConnectorError as error:
            report.status = RunStatus.FAILED
            report.error_code, report.message = error.code, f"{error}. {error.hint}"
        except BaseException as error:
            report.status = RunStatus.FAILED
            report.error_code, report.message = _of_the_hub(error)
            await self._finish(report, reading)
            raise
        await self._finish(report, reading)
        return report

    async def _keep(
        self, adapter: Adapter, reading: HarvestReading, report: HarvestReport, types: Sequence[str]
    ) -> None:
        """Keep on what the next run may rest; drop what this one has read anew."""
        await reading.resting.keep(adapter, report, reading.unsure)
        unread = {name for each in adapter.collections for name in each.types}
        await runs.discard_superseded(
            self._database, report, unread.difference(types), self._clock()
        )

    async def _finish(self, report: HarvestReport, reading: HarvestReading) -> None:
        began, now = reading.context.now, self._clock()
        with suppress(HubError):  # of documents that are kept beside, no run depends
            await reading.raw.close(now)
        noted = asyncio.ensure_future(
            runs.finish(self._database, report, reading.document_hash, began, now)
        )
        try:
            if not await asyncio.shield(noted):
                report.status = RunStatus.FAILED
                report.error_code, report.message = ErrorCode.INTERNAL.name, runs.CUT_OFF
        except asyncio.CancelledError:
            # The run is over: it must not go on looking as if it were not.
            await asyncio.wait([noted], timeout=FINISH_S_MAX)
            raise

    async def _read(
        self,
        adapter: Adapter,
        lists: Sequence[Collection],
        session: Session,
        reading: HarvestReading,
        report: HarvestReport,
    ) -> None:
        if isinstance(session, HttpSession):
            await _probe(adapter, session)
        parts = {each.name: CollectionReport(name=each.name) for each in adapter.collections}
        stated = CollectionReport(name=STATEMENTS)
        report.collections = [stated, *parts.values()]
        due = {each.name for each in lists}
        failed: list[Collection] = []
        for collection in adapter.collections:
            part = parts[collection.name]
            if collection.name not in due:
                part.status = ListStatus.NOT_DUE
            elif not any(self._is_needed(each) for each in failed):
                await self._read_list(adapter, collection, session, reading, part)
            is_short = part.status is ListStatus.PARTIAL and not collection.types
            if part.status in (ListStatus.FAILED, ListStatus.HELD) or is_short:
                failed.append(collection)
            if part.status is not ListStatus.OK and self._any_has(collection.types, Occupies):
                reading.is_calendar_whole = False
            if part.status in READ and stated.status is not ListStatus.OK:
                # Only a source that answered is a reason to say anything in its name.
                await reading.state(adapter, stated)
                stated.status = ListStatus.OK
            if part.status is ListStatus.OK and reading.is_calendar_whole:
                await reading.close(collection, part)
        whole = [each for each in adapter.collections if parts[each.name].status is ListStatus.OK]
        reading.require_records(set(types_read(adapter, whole)) - reading.unsure)

    async def _read_list(
        self,
        adapter: Adapter,
        collection: Collection,
        session: Session,
        reading: HarvestReading,
        part: CollectionReport,
    ) -> None:
        try:
            part.status = await reading.collection(adapter, collection, session, part)
        except ConnectorError as error:
            is_overfull = isinstance(error, OverfullError)
            part.status = ListStatus.HELD if is_overfull else ListStatus.FAILED
            part.error_code = error.code
            part.message = f"{error}. {error.hint}"

    def _is_needed(self, collection: Collection) -> bool:
        """Whether what follows needs a list: a look-up, or records that others refer to."""
        registry = self._database.records.registry
        return not collection.types or any(registry.referring_to(name) for name in collection.types)

    def _any_has(self, types: Sequence[str], kind: type[Any]) -> bool:
        registry = self._database.records.registry
        return any(registry.has_trait(name, kind) for name in types)

    async def _reconcile(
        self,
        source: HarvestSource,
        reading: HarvestReading,
        report: HarvestReport,
        *,
        approved: bool,
    ) -> None:
        parts = report.collections[1:]
        lists = list(zip(source.adapter.collections, parts, strict=True))
        types = dict.fromkeys(name for collection, _ in lists for name in collection.types)
        # Children first: an instrument is withdrawn after what hangs on it.
        for name in reversed(list(types)):
            of_type = [(one, part) for one, part in lists if name in one.types]
            whole = name not in reading.unsure and all(
                one.complete and part.status is ListStatus.OK for one, part in of_type
            )
            if self._any_has((name,), Covers):
                whole = whole and reading.is_calendar_whole
            await reading.followed.resolve(name)
            gone = reading.gone[name]
            if not whole and not gone and not reading.doubtful:
                continue
            lists_of_type = [one for one, _ in of_type]
            known = await known_keys(self._database, name, reading.context, lists_of_type)
            seen = reading.named(name)
            if self._any_has((name,), Covers):
                gone = {key: UNREAD for key in known if key.rpartition("/")[0] in reading.doubtful}
            verdict = reconcile(known, seen, gone, whole=whole, approved=approved)
            if verdict.held:
                report.held[name] = (len(known), len(seen))
            if verdict.withdraw:
                outcomes = await reading.withdraw(name, dict(verdict.withdraw))
                if outcomes is not None:
                    report.withdrawn[name] += len(verdict.withdraw)


async def _probe(adapter: Adapter, session: HttpSession) -> None:
    """Raise `PayloadError` where a source does not behave as its adapter needs."""
    for probe in adapter.probes:
        if await session.accepts(probe.path, probe.query) != probe.accepted:
            raise PayloadError(session.source, probe.says, hint="correct the adapter")


def _of_the_hub(error: BaseException) -> tuple[str, str]:
    """Return code and message for a run that the hub itself could not bring to its end."""
    if isinstance(error, asyncio.CancelledError):
        return ErrorCode.INTERNAL.name, runs.CUT_OFF
    code = error.code if isinstance(error, HubError) else ErrorCode.INTERNAL
    return code.name, f"{type(error).__name__}: {error}"


def _heard(adapter: Adapter, context: Context, report: HarvestReport) -> dict[str, Bounds]:
    """Return which record types were read whole, and which part of them was asked for."""
    whole = {each.name for each in report.of_status(ListStatus.OK)}
    windows = {
        each.name: each.window(context) for each in adapter.collections if each.name in whole
    }
    return whole_parts(
        adapter, {name: (window.since, window.until) for name, window in windows.items()}
    )


def _status(report: HarvestReport) -> RunStatus:
    """Sum up: the first list that is held, or that failed, gives the code."""
    overfull, failed, partial = (
        report.of_status(each) for each in (ListStatus.HELD, ListStatus.FAILED, ListStatus.PARTIAL)
    )
    told = next(iter((*overfull, *failed, *partial)), None)
    if told is not None:
        report.error_code, report.message = told.error_code, told.message
        has_read = bool(report.of_status(*READ)) or report.records > 0
        without = RunStatus.FAILED if failed and not has_read else RunStatus.PARTIAL
        return RunStatus.HELD if overfull else without
    continued = report.of_status(ListStatus.CONTINUED)
    if continued:
        names = ", ".join(each.name for each in continued)
        report.message = f"went on where it was cut off ({names}); the next run reads it whole"
        return RunStatus.PARTIAL
    if report.held:
        names = ", ".join(f"{name}: {a} -> {b}" for name, (a, b) in report.held.items())
        report.error_code = "SOURCE_BAD_DATA"
        report.message = f"lists shrank ({names}); nothing was withdrawn, the operator decides"
        return RunStatus.HELD
    if report.total(Outcome.QUARANTINED):
        report.message = f"{report.total(Outcome.QUARANTINED)} rows wait in quarantine"
        return RunStatus.PARTIAL
    if any(each.drift for each in report.collections):
        changed = ", ".join(each.name for each in report.collections if each.drift)
        report.message = f"the form of lists changed ({changed}); see: deltahub source drift"
    return RunStatus.OK
