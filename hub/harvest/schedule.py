"""`Schedule`: harvests every source of this hub again when its feeds are due, beside the hub.

- What is due stands in the feeds (`hub.harvest.feed`); an interval of the operator's overrides it.
- Sources are the files of a folder, read anew at each look, and those that the program hands over.
- Each runs by itself: a bad file, a source that is silent or a bug in one stops neither the others
  nor the schedule. How a source stands is logged when it changes, by id and code; what an error of
  a source says is kept at its run and not logged: it may quote the source.
- Every worker of every machine keeps it. What of a source is due is decided under its lock
  (`Harvester.harvest_if_due`), so it is harvested once; who comes second passes by.
- At `stop` the runs that go on are cancelled, and noted as ended, before `run` returns.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path

from hub.clock import Clock
from hub.errors import ErrorCode, HubError, RefusedError
from hub.harvest import runs
from hub.harvest.config import load_sources
from hub.harvest.feed import due_times, pace, retry_pause
from hub.harvest.limits import LOOK_FAILED_S, LOOK_S_MAX, LOOK_S_MIN
from hub.harvest.raw import KEEPING, RawKeeping
from hub.harvest.report import RunStatus
from hub.harvest.service import Harvester
from hub.harvest.source import HarvestSource
from hub.store.database import Database
from hub.store.feeds import FeedRow, feeds_of

__all__ = ["Schedule"]

ALL = "(all sources)"
"""What is said of the schedule itself, beside the ids of sources."""
NOT_READ = "not read since this hub started"
INTERVAL = "HUB_HARVEST_INTERVAL_S"
_LOG = logging.getLogger(__name__)


class Schedule:
    """The harvests that a running hub begins by itself.

    `interval_s`: in place of the schedules of the feeds; 0: none is begun.
    """

    def __init__(
        self,
        database: Database,
        party: str,
        clock: Clock,
        folder: Path | None,
        interval_s: int | None,
        keeping: RawKeeping = KEEPING,
    ) -> None:
        self._database = database
        self._harvester = Harvester(database, party, clock, keeping)
        self._clock = clock
        self._folder = folder
        self._is_on = interval_s != 0
        self._interval = timedelta(seconds=interval_s) if interval_s else None
        self._added: dict[str, HarvestSource] = {}
        self._running: set[str] = set()
        self._tried: dict[str, datetime] = {}
        """When a source was last due here; a run that could not begin leaves no other mark."""
        self._states: dict[str, str] = {}
        """How each source stood when it was last logged."""
        self._warned: set[str] = set()
        self._woken = asyncio.Event()

    def add(self, *sources: HarvestSource) -> None:
        """Harvest these too; each comes before a file of the same id."""
        self._added |= {source.id: source for source in sources}
        self._woken.set()

    @property
    def added(self) -> Mapping[str, HarvestSource]:
        """The sources that the program has handed over."""
        return self._added

    async def run(self, stop: asyncio.Event) -> None:
        """Harvest what becomes due until `stop` is set."""
        if not self._is_on:
            return
        work = asyncio.create_task(self._keep(), name="schedule")
        try:
            await stop.wait()
        finally:
            work.cancel()
            await asyncio.wait([work])

    async def _keep(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            while True:
                self._woken.clear()
                try:
                    pause_s = await self._look(tasks)
                except Exception as error:  # noqa: BLE001 - outermost: never stand still silently
                    self._log(ALL, _code(error))
                    pause_s = min(LOOK_FAILED_S, self._look_s)
                # Not `wait_for`: before Python 3.12 it can swallow the cancellation at the end.
                with suppress(TimeoutError):
                    async with asyncio.timeout(pause_s):
                        await self._woken.wait()

    @property
    def _look_s(self) -> float:
        return min(self._interval.total_seconds() if self._interval else LOOK_S_MAX, LOOK_S_MAX)

    async def _look(self, tasks: asyncio.TaskGroup) -> float:
        """Begin what is due; return how many seconds later something may be due."""
        sources = await self._sources()
        now = self._clock()
        pauses_s = [self._look_s]
        closed = await runs.closed_sources(self._database, list(sources))
        feeds = await feeds_of(self._database, sources)
        failures = await runs.failures_of(self._database, sources, now)
        for name, source in sources.items():
            if name in closed or name in self._running or source.sends_by_itself:
                continue
            at = self._due_at(source, feeds.get(name, []), now, failures.get(name, 0))
            if at > now:
                pauses_s.append((at - now).total_seconds())
                continue
            self._tried[name] = now
            self._running.add(name)
            tasks.create_task(self._harvest(source), name=f"harvest of {name}")
        self._log(ALL, RunStatus.OK)
        return max(min(pauses_s), LOOK_S_MIN)

    def _due_at(
        self, source: HarvestSource, feeds: Sequence[FeedRow], now: datetime, failures: int
    ) -> datetime:
        """Return when something of a source is due that was not tried just before."""
        times = due_times(source.adapter, feeds, now, self._interval, failures)
        at = min(times.values(), default=now)
        tried, every = self._tried.get(source.id), pace(source.adapter, self._interval)
        every = min(every, retry_pause(max(failures, 1)) or every)
        return max(at, tried + every) if tried and abs(now - tried) < every else at

    async def _harvest(self, source: HarvestSource) -> None:
        try:
            report = await self._harvester.harvest_if_due(source, self._interval)
        except RefusedError as error:
            if error.code is not ErrorCode.CONFLICT:  # else another worker harvests it now
                self._log(source.id, _code(error))
        except Exception as error:  # noqa: BLE001 - outermost: one source stops no other
            self._log(source.id, _code(error))
        else:
            if report is not None:
                code = f" {report.error_code}" if report.error_code else ""
                self._log(source.id, f"{report.status}{code}")
        finally:
            self._running.discard(source.id)
            self._woken.set()  # when it is due again is known now

    async def _sources(self) -> dict[str, HarvestSource]:
        """Return every source that can be harvested; what cannot be read is logged and noted."""
        sources, problems = await asyncio.to_thread(load_sources, self._folder)
        sources |= self._added
        for name, problem in problems.items():
            if name in sources:
                continue
            self._log(name, problem)
            await runs.note_failure(self._database, name, ErrorCode.SETTINGS_INVALID)
        self._warn(sources)
        names = {*sources, *problems, ALL}
        self._states = {name: state for name, state in self._states.items() if name in names}
        self._tried = {name: at for name, at in self._tried.items() if name in sources}
        return sources

    def _warn(self, sources: Mapping[str, HarvestSource]) -> None:
        """Say once which sources go stale between two harvests."""
        late = {
            name: feed
            for name, source in sources.items()
            for feed in source.adapter.feeds
            if feed.promised_freshness <= (self._interval or feed.every or timedelta())
        }
        for name in sorted(late.keys() - self._warned):
            _LOG.warning(
                "%s promises %s of the last %d s, but is harvested every %d s: between two "
                "harvests it counts as unknown. Set %s below it.",
                name,
                late[name].record_type,
                late[name].promised_freshness.total_seconds(),
                (self._interval or late[name].every or timedelta()).total_seconds(),
                INTERVAL,
            )
        self._warned = set(late)

    def _log(self, name: str, state: str) -> None:
        """Log how a source stands, where that has changed."""
        before = self._states.get(name)
        self._states[name] = state
        if state != (before or RunStatus.OK):
            _LOG.warning("harvest of %s: %s (before: %s)", name, state, before or NOT_READ)


def _code(error: Exception) -> str:
    return error.code.name if isinstance(error, HubError) else type(error).__name__
