"""`Sensing`: reads every source of sensors for as long as the hub runs, one worker each.

- Sources are the files of the folder whose adapter speaks of messages, read anew at each look, and
  those that the program hands over. Which worker reads one is decided by the lock of the source
  (`hub.harvest.runs.source_lock`); when it dies, another takes over.
- A batch is acknowledged to the broker after it was kept. Whatever fails (broker, database, lock)
  ends the connection without that, and it is made anew after a pause: the messages come again.
- Days that are over are stated beside it (`days`), by the worker that reads.
- At `stop` the batch in hand is finished, and the connection ended: the broker keeps what comes.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Coroutine, Iterator, Mapping, Sequence
from contextlib import aclosing, suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from sys import maxsize
from typing import Any

import psycopg

from adapters._adapter import Adapter
from adapters.power_meters import Meter, meters_of
from connectors.errors import ConnectorError
from connectors.limits import Limits
from connectors.mqtt import Messages
from connectors.reader import Session
from hub.clock import Clock
from hub.errors import ErrorCode, HubError, RefusedError, SettingsError
from hub.harvest import runs
from hub.harvest.config import load_source, sources_in
from hub.harvest.source import HarvestSource, register
from hub.sensing.days import tell_days
from hub.sensing.limits import (
    BACKOFF_S,
    BACKOFF_S_MAX,
    LOOK_S,
    METERS_EVERY_S,
    METERS_MAX,
    READING_S_MAX,
    STOP_S,
    TELL_EVERY_S,
)
from hub.sensing.minutes import know_meters
from hub.sensing.taking import Taking
from hub.store.database import Database

__all__ = ["Sensing", "bindings_of", "is_of_sensors"]

_LOG = logging.getLogger(__name__)


def is_of_sensors(adapter: Adapter) -> bool:
    """Whether a source sends messages by itself."""
    return all(isinstance(each.reader, Messages) for each in adapter.collections)


class Sensing:
    """The reading of sensors that a running hub does by itself."""

    def __init__(self, database: Database, party: str, clock: Clock, folder: Path | None) -> None:
        self._database = database
        self._party = party
        self._clock = clock
        self._folder = folder
        self._added: dict[str, HarvestSource] = {}
        self._reading: dict[str, tuple[HarvestSource, asyncio.Task[None]]] = {}
        self._states: dict[str, str] = {}
        self._woken = asyncio.Event()

    def add(self, *sources: HarvestSource) -> None:
        """Read these too."""
        self._added |= {source.id: source for source in sources}
        self._woken.set()

    def is_reading(self, name: str) -> bool:
        """Whether this process reads a source, or waits for its turn."""
        return name in self._reading

    async def run(self, stop: asyncio.Event) -> None:
        """Read until `stop` is set."""
        work = asyncio.create_task(self._keep(stop), name="sources of sensors")
        try:
            await stop.wait()
        finally:
            work.cancel()
            await asyncio.wait([work])
            tasks = [task for _, task in self._reading.values()]
            for task in tasks:
                task.cancel()
            if tasks:
                await asyncio.wait(tasks, timeout=STOP_S)

    async def _keep(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            self._woken.clear()
            try:
                sources = await asyncio.to_thread(self._sources)
                closed = await runs.closed_sources(self._database, list(sources))
                open_now = {name: each for name, each in sources.items() if name not in closed}
                await self._follow(open_now)
            except Exception as error:  # noqa: BLE001 - outermost: never stand still
                self._log("(all sources)", type(error).__name__)
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_S):
                    await self._woken.wait()

    async def _follow(self, sources: Mapping[str, HarvestSource]) -> None:
        """Read these and no others; what has changed is read anew."""
        for name, (source, task) in list(self._reading.items()):
            if task.done() or sources.get(name) != source:
                task.cancel()
                await asyncio.wait([task], timeout=STOP_S)
                del self._reading[name]
        for name in sources.keys() - self._reading.keys():
            work = self._source(sources[name])
            task = asyncio.create_task(work, name=f"sensors of {name}")
            self._reading[name] = (sources[name], task)

    def _sources(self) -> dict[str, HarvestSource]:
        """Return what is to be read; a file that is wrong is told by the schedule of harvests."""
        found = dict(self._added)
        with suppress(SettingsError):
            for name, path in sources_in(self._folder).items():
                with suppress(SettingsError):
                    source = load_source(path)
                    if is_of_sensors(source.adapter):
                        found.setdefault(name, source)
        return found

    async def _source(self, source: HarvestSource) -> None:
        """Read one source for ever, by turns with whoever else holds its lock."""
        endless = replace(source, limits=endless_limits(source.limits))
        pause_s = BACKOFF_S
        while True:
            reading = SourceReading(self._database, self._clock, self._party, endless)
            try:
                async with runs.source_lock(self._database, source.id) as lock:
                    await reading.run(lock)
            except RefusedError as error:
                if error.code is not ErrorCode.CONFLICT:
                    self._log(source.id, error.code.name)
                pause_s = LOOK_S
            except ConnectorError as error:
                self._log(source.id, error.code)
                await self._note(source.id, ErrorCode[error.code])
            except ValueError as error:  # the facts of its file
                self._log(source.id, f"{ErrorCode.SETTINGS_INVALID.name}: {error}")
                await self._note(source.id, ErrorCode.SETTINGS_INVALID)
            except Exception as error:  # noqa: BLE001 - outermost: one source stops no other
                self._log(source.id, type(error).__name__)
            pause_s = BACKOFF_S if reading.batches else min(pause_s * 2, BACKOFF_S_MAX)
            await asyncio.sleep(pause_s * random.uniform(0.5, 1.0))  # noqa: S311 - a pause

    async def _note(self, name: str, code: ErrorCode) -> None:
        with suppress(HubError, psycopg.Error, TimeoutError):
            await runs.note_failure(self._database, name, code)

    def _log(self, name: str, state: str) -> None:
        if self._states.get(name) != state:
            _LOG.warning("sensors of %s: %s (before: %s)", name, state, self._states.get(name))
        self._states[name] = state


def endless_limits(limits: Limits) -> Limits:
    """Return the limits of a source without those that a list has and a stream has not."""
    return replace(limits, pages_max=maxsize, rows_max=maxsize, reading_s=READING_S_MAX)


class SourceReading:
    """One connection of a source, from its lock to its end."""

    def __init__(self, database: Database, clock: Clock, party: str, source: HarvestSource) -> None:
        self.batches = 0
        """Batches that were kept."""
        self._database = database
        self._clock = clock
        self._party = party
        self._source = source
        adapter = source.adapter
        self._taking = Taking(database, clock, party, source.id, adapter)

    async def run(self, lock: runs.SourceLock) -> None:
        """Read until something fails; raises what failed."""
        await register(self._database, self._source, self._clock())
        await self._know_meters()
        async with self._source.session() as session:
            work = [
                asyncio.create_task(self._read(session, lock), name="messages"),
                asyncio.create_task(self._tell(), name="power days"),
                asyncio.create_task(self._look_at_meters(), name="meters"),
            ]
            try:
                done, _ = await asyncio.wait(work, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in work:
                    task.cancel()
                await asyncio.gather(*work, return_exceptions=True)
            for task in done:
                task.result()

    async def _read(self, session: Session, lock: runs.SourceLock) -> None:
        (collection,) = self._source.adapter.collections
        while True:
            await lock.check()
            async with aclosing(collection.reader.read(session)) as documents:
                async for document in documents:
                    # KeptReadings whole before the hub ends; it comes again and says nothing new.
                    await _whole(self._taking.take(document))
                    self.batches += 1
            # Where it was quiet, the next reading goes on with the same connection.

    async def _tell(self) -> None:
        while True:
            await tell_days(self._database, self._clock, self._party, self._source.id)
            await asyncio.sleep(TELL_EVERY_S)

    async def _look_at_meters(self) -> None:
        while True:
            await asyncio.sleep(METERS_EVERY_S)
            await self._know_meters()

    async def _know_meters(self) -> None:
        now = self._clock()
        bindings = await bindings_of(self._database, self._source.owners)
        facts = {**self._source.facts, "bindings": bindings}
        meters = await asyncio.to_thread(meters_of, facts)
        self._taking.meters, self._taking.facts = meters, self._source.facts
        async with self._database.writes.transaction() as connection:
            await know_meters(connection, self._source.id, _bound(meters, now))


async def _whole(work: Coroutine[Any, Any, Any]) -> None:
    """Run to its end even where the caller is cancelled meanwhile; then be cancelled."""
    task = asyncio.ensure_future(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.gather(task, return_exceptions=True)
        raise


def _bound(meters: Mapping[str, Sequence[Meter]], now: datetime) -> Iterator[Meter]:
    return (each for of_sensor in meters.values() for each in of_sensor if each.is_at(now))


async def bindings_of(
    database: Database, owners: tuple[str, ...] | None
) -> list[dict[str, object]]:
    """Return which sensors are bound to which instruments of some institutions, and when."""
    table = database.records.tables["SensorBinding"].source.name
    rows = await database.writes.fetch_all(
        "SELECT instrument_key, sensor, bound_at, removed_at, interval_seconds "  # noqa: S608
        f"FROM {table} WHERE speaks AND NOT withdrawn "
        "AND (%s::text[] IS NULL OR owner = ANY(%s)) ORDER BY sensor, bound_at LIMIT %s",
        (owners and list(owners), owners and list(owners), METERS_MAX),
    )
    names = ("instrument", "sensor", "since", "until", "interval_s")
    return [dict(zip(names, row, strict=True)) for row in rows]
