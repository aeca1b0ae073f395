"""`Rounds`: harvests every source of this hub again, on one plain interval, beside the application.

- Sources are the files of a folder, read anew at each look, and those that the program hands over.
- Each runs by itself: a bad file, a source that is silent or a bug in one stops neither the others
  nor the rounds. How a source stands is told when it changes, by id and code; what an error of a
  source says is kept at its run and not logged: it may quote the source.
- Every worker of every machine goes these rounds. Whether a source is due is decided under its lock
  (`Harvester.harvest_if_due`), so it is harvested once an interval; who comes second passes by.
- At `stop` the runs that go on are cancelled, and noted as ended, before `run` returns.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path

from hub.clock import Clock
from hub.errors import ErrorCode, HubError, RefusedError, SettingsError
from hub.harvest import registry
from hub.harvest.config import load_source, sources_in
from hub.harvest.limits import LOOK_FAILED_S, LOOK_S_MIN
from hub.harvest.report import RunStatus
from hub.harvest.run import Harvester
from hub.harvest.source import Source
from hub.store.database import Database

__all__ = ["Rounds"]

ROUNDS = "(all sources)"
"""What is told of the rounds themselves, beside the ids of sources."""
FOLDER = "HUB_SOURCE_SECRETS_DIR"
INTERVAL = "HUB_HARVEST_INTERVAL_S"
_LOG = logging.getLogger(__name__)


class Rounds:
    """The harvests that a running hub begins by itself; `interval_s` 0: none."""

    def __init__(
        self, database: Database, party: str, clock: Clock, folder: Path | None, interval_s: int
    ) -> None:
        self._database = database
        self._harvester = Harvester(database, party, clock)
        self._clock = clock
        self._folder = folder
        self._interval = timedelta(seconds=interval_s)
        self._given: dict[str, Source] = {}
        self._going: set[str] = set()
        self._tried: dict[str, datetime] = {}
        """When a source was last due here; a run that could not begin leaves no other mark."""
        self._told: dict[str, str] = {}
        self._warned: set[str] = set()
        self._woken = asyncio.Event()

    def add(self, *sources: Source) -> None:
        """Harvest these too; each comes before a file of the same id."""
        self._given |= {source.id: source for source in sources}
        self._woken.set()

    async def run(self, stop: asyncio.Event) -> None:
        """Go rounds until `stop` is set."""
        if not self._interval:
            return
        work = asyncio.create_task(self._go(), name="rounds")
        try:
            await stop.wait()
        finally:
            work.cancel()
            await asyncio.wait([work])

    async def _go(self) -> None:
        async with asyncio.TaskGroup() as runs:
            while True:
                self._woken.clear()
                try:
                    pause_s = await self._look(runs)
                except Exception as error:  # noqa: BLE001 - outermost: never stand still silently
                    self._tell(ROUNDS, _code(error))
                    pause_s = min(LOOK_FAILED_S, self._interval.total_seconds())
                # Not `wait_for`: before Python 3.12 it can swallow the cancellation at the end.
                with suppress(TimeoutError):
                    async with asyncio.timeout(pause_s):
                        await self._woken.wait()

    async def _look(self, runs: asyncio.TaskGroup) -> float:
        """Begin what is due; return how many seconds later something may be due."""
        sources = await self._sources()
        pauses = [self._interval]
        if sources:
            now = self._clock()
            known = await registry.recent(self._database, list(sources), now, self._interval)
            for name, source in sources.items():
                if name in known.closed or name in self._going:
                    continue
                last = self._last(name, known.begun.get(name), now)
                if last is not None:
                    pauses.append(last + self._interval - now)
                    continue
                self._tried[name] = now
                self._going.add(name)
                runs.create_task(self._harvest(source), name=f"harvest of {name}")
        self._tell(ROUNDS, RunStatus.OK)
        return max(min(pauses).total_seconds(), LOOK_S_MIN)

    def _last(self, name: str, begun: datetime | None, now: datetime) -> datetime | None:
        """Return when the source was last begun or tried, if that is within the interval."""
        tried = self._tried.get(name)
        times = [at for at in (begun, tried) if at and abs(now - at) < self._interval]
        return max(times, default=None)

    async def _harvest(self, source: Source) -> None:
        try:
            report = await self._harvester.harvest_if_due(source, self._interval)
        except RefusedError as error:
            if error.code is not ErrorCode.CONFLICT:  # else another worker harvests it now
                self._tell(source.id, _code(error))
        except Exception as error:  # noqa: BLE001 - outermost: one source stops no other
            self._tell(source.id, _code(error))
        else:
            if report is not None:
                code = f" {report.error_code}" if report.error_code else ""
                self._tell(source.id, f"{report.status}{code}")
        finally:
            self._going.discard(source.id)

    async def _sources(self) -> dict[str, Source]:
        """Return every source that can be harvested; what cannot be read is told and noted."""
        found, problems = await asyncio.to_thread(_read, self._folder)
        found |= self._given
        for name, problem in problems.items():
            if name in found:
                continue
            self._tell(name, problem)
            await registry.note_failure(self._database, name, ErrorCode.SETTINGS_INVALID)
        self._warn(found)
        kept = {*found, *problems, ROUNDS}
        self._told = {name: state for name, state in self._told.items() if name in kept}
        self._tried = {name: at for name, at in self._tried.items() if name in found}
        return found

    def _warn(self, sources: Mapping[str, Source]) -> None:
        """Tell once which sources go stale between two rounds."""
        late = {
            name
            for name, source in sources.items()
            if source.adapter.promised_freshness <= self._interval
        }
        for name in sorted(late - self._warned):
            _LOG.warning(
                "%s promises data of the last %d s, but is harvested every %d s: between two "
                "rounds its calendar counts as unknown. Set %s below it.",
                name,
                sources[name].adapter.promised_freshness.total_seconds(),
                self._interval.total_seconds(),
                INTERVAL,
            )
        self._warned = late

    def _tell(self, name: str, state: str) -> None:
        """Log how a source stands, where that has changed."""
        before = self._told.get(name, RunStatus.OK)
        self._told[name] = state
        if state != before:
            _LOG.warning("harvest of %s: %s (before: %s)", name, state, before)


def _read(folder: Path | None) -> tuple[dict[str, Source], dict[str, str]]:
    """Read the files of the folder; return sources, and what is wrong with the other files."""
    found: dict[str, Source] = {}
    problems: dict[str, str] = {}
    if folder is None:
        return found, problems
    try:
        files = sources_in(folder)
    except SettingsError as error:
        return found, {FOLDER: "; ".join(error.problems)}
    for name, path in files.items():
        try:
            found[name] = load_source(path)
        except SettingsError as error:
            problems[name] = "; ".join(error.problems)
        except Exception as error:  # noqa: BLE001 - one file stops no other
            problems[name] = f"{path} cannot be read: {type(error).__name__}"
    return found, problems


def _code(error: Exception) -> str:
    return error.code.name if isinstance(error, HubError) else type(error).__name__
