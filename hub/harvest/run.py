"""`harvest`: one run of one source, from the first question to the row that says how it went.

1. Probes: does the source behave as its adapter needs?
2. Collections in their order. A list that fails is noted; lists that need it are skipped, the
   others go on. A look-up list, institutions and instruments are needed by what follows.
3. Statements that hold because a list was read whole (coverage).
4. Reconciliation: what the source no longer names is withdrawn, or waits for the operator.

An error of the source ends as a status and a code, never as an exception; an error of the hub
itself (the database is away) is raised, after the run was noted as failed if that is possible.
A run that lost its place (`registry.alone`) withdraws nothing: another one may be going on.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from adapters._adapter import Collection, Context
from connectors.errors import ConnectorError, PayloadError
from connectors.http.session import Session
from hub.clock import Clock
from hub.errors import ErrorCode, HubError
from hub.harvest import registry
from hub.harvest.known import known_keys
from hub.harvest.limits import FINISH_S_MAX, RUN_S_MAX, RUNS_MAX
from hub.harvest.reading import Reading
from hub.harvest.reconcile import reconcile
from hub.harvest.report import CollectionReport, Report, RunStatus
from hub.harvest.source import Source
from hub.intake.batch import Outcome
from hub.store.database import Database
from schema.traits import Covers, Occupies

__all__ = ["Harvester"]

STATEMENTS = "statements"
"""Name of the part of a report that is no list: what the source stands for by itself."""
UNREAD = "UNREAD: a booking of the instrument could not be read"


class Harvester:
    """Runs harvests; `party` is the hub's own, `hub:<origin>`."""

    def __init__(self, database: Database, party: str, clock: Clock) -> None:
        self._database = database
        self._party = party
        self._clock = clock
        self._places = asyncio.Semaphore(RUNS_MAX)

    async def harvest(self, source: Source, *, approve_shrink: bool = False) -> Report:
        """Harvest one source and return what was found.

        `approve_shrink`: the operator has looked at a shrunk list and wants it followed. Raises
        `RefusedError` CONFLICT when a run of this source is going on, here or elsewhere.
        """
        async with self._places, registry.alone(self._database, source.id) as place:
            return await self._run(source, place, approved=approve_shrink)

    async def harvest_if_due(self, source: Source, interval: timedelta) -> Report | None:
        """Harvest a source unless a run of it began within `interval`; None where one did.

        Raises as `harvest` does, and `TimeoutError` when the run takes longer than `RUN_S_MAX`.
        """
        async with self._places, registry.alone(self._database, source.id) as place:
            known = await registry.recent(self._database, [source.id], self._clock(), interval)
            if source.id in known.begun:
                return None
            async with asyncio.timeout(RUN_S_MAX):
                return await self._run(source, place, approved=False)

    async def _run(self, source: Source, place: registry.HarvestLock, *, approved: bool) -> Report:
        began = self._clock()
        report = Report(run_id=f"run_{secrets.token_urlsafe(12)}", source=source.id)
        context = Context(
            source=source.id,
            now=began,
            institution=source.institution,
            facts=source.facts,
            lookback=source.adapter.lookback,
        )
        await registry.register(self._database, source, began)
        reading = Reading(self._database, self._clock, context, self._party, report.run_id)
        try:
            await registry.begin(self._database, source.id, report.run_id, began)
            async with source.client() as client:
                await self._read(source, source.session(client), reading, report)
            await place.check()
            await self._reconcile(source, reading, report, approved=approved)
            report.status = _status(report)
            if all(each.status == "OK" for each in report.collections):
                await registry.lay_aside(self._database, source.id, report.run_id, self._clock())
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

    async def _finish(self, report: Report, reading: Reading) -> None:
        began, now = reading.context.now, self._clock()
        noted = asyncio.ensure_future(
            registry.finish(self._database, report, reading.document_hash, began, now)
        )
        try:
            if not await asyncio.shield(noted):
                report.status = RunStatus.FAILED
                report.error_code, report.message = ErrorCode.INTERNAL.name, registry.CUT_OFF
        except asyncio.CancelledError:
            # The run is over: it must not go on looking as if it were not.
            await asyncio.wait([noted], timeout=FINISH_S_MAX)
            raise

    async def _read(
        self, source: Source, session: Session, reading: Reading, report: Report
    ) -> None:
        adapter = source.adapter
        for probe in adapter.probes:
            if await session.accepts(probe.path, probe.query) != probe.accepted:
                raise PayloadError(source.id, probe.says, hint="correct the adapter")
        stated = CollectionReport(name=STATEMENTS)
        report.collections = [
            stated,
            *(CollectionReport(name=each.name) for each in adapter.collections),
        ]
        failed: list[Collection] = []
        for collection, part in zip(adapter.collections, report.collections[1:], strict=True):
            if any(self._is_needed(each) for each in failed):
                continue
            try:
                await reading.collection(adapter, collection, session, part)
            except ConnectorError as error:
                part.status, part.error_code = "FAILED", error.code
                part.message = f"{error}. {error.hint}"
                failed.append(collection)
                continue
            part.status = "OK"
            if stated.status != "OK":
                # Only a source that answered is a reason to say anything in its name.
                await reading.state(adapter, stated)
                stated.status = "OK"
            if not any(self._any_has(each.types, Occupies) for each in failed):
                await reading.close(collection, part)
        if report.records < adapter.records_min and not failed:
            raise PayloadError(
                source.id,
                f"{report.records} records, at least {adapter.records_min} are expected",
                hint="the source answers but has lost its data; ask its operator",
            )

    def _is_needed(self, collection: Collection) -> bool:
        """Whether what follows needs a list: a look-up, or records that others refer to."""
        registry = self._database.records.registry
        return not collection.types or any(registry.referring_to(name) for name in collection.types)

    def _any_has(self, types: Sequence[str], kind: type[Any]) -> bool:
        registry = self._database.records.registry
        return any(registry.has_trait(name, kind) for name in types)

    async def _reconcile(
        self, source: Source, reading: Reading, report: Report, *, approved: bool
    ) -> None:
        parts = report.collections[1:]
        lists = list(zip(source.adapter.collections, parts, strict=True))
        types = dict.fromkeys(name for collection, _ in lists for name in collection.types)
        # Children first: an instrument is withdrawn after what hangs on it.
        for name in reversed(list(types)):
            of_type = [(one, part) for one, part in lists if name in one.types]
            whole = name not in reading.unsure and all(
                one.complete and part.status == "OK" for one, part in of_type
            )
            gone = reading.gone[name]
            if not whole and not gone and not reading.doubtful:
                continue
            known = await known_keys(self._database, name, reading.context)
            seen = reading.seen[name] | reading.named[name]
            if self._any_has((name,), Covers):
                gone = {key: UNREAD for key in known if key.rpartition("/")[0] in reading.doubtful}
            verdict = reconcile(known, seen, gone, whole=whole, approved=approved)
            if verdict.held:
                report.held[name] = (len(known), len(seen))
            if verdict.withdraw:
                outcomes = await reading.withdraw(name, dict(verdict.withdraw))
                if outcomes is not None:
                    report.withdrawn[name] += len(verdict.withdraw)


def _of_the_hub(error: BaseException) -> tuple[str, str]:
    """Return code and message for a run that the hub itself could not bring to its end."""
    if isinstance(error, asyncio.CancelledError):
        return ErrorCode.INTERNAL.name, registry.CUT_OFF
    code = error.code if isinstance(error, HubError) else ErrorCode.INTERNAL
    return code.name, f"{type(error).__name__}: {error}"


def _status(report: Report) -> RunStatus:
    """Sum up: the first list that failed gives the code."""
    failed: Sequence[CollectionReport] = [
        each for each in report.collections if each.status == "FAILED"
    ]
    if failed:
        report.error_code, report.message = failed[0].error_code, failed[0].message
        read = any(each.status == "OK" for each in report.collections)
        return RunStatus.PARTIAL if read or report.records else RunStatus.FAILED
    if report.held:
        names = ", ".join(f"{name}: {a} -> {b}" for name, (a, b) in report.held.items())
        report.error_code = "SOURCE_BAD_DATA"
        report.message = f"lists shrank ({names}); nothing was withdrawn, the operator decides"
        return RunStatus.HELD
    if report.total(Outcome.QUARANTINED):
        report.message = f"{report.total(Outcome.QUARANTINED)} rows wait in quarantine"
        return RunStatus.PARTIAL
    return RunStatus.OK
