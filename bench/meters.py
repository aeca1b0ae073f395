"""`python -m bench.meters`: 11,000 meters with a reading a minute, and the days that they make.

    python -m bench.meters --meters 11000 --seconds 60

A broker (mosquitto) and the meters are processes of their own; this one reads as a hub does. Prints
what came of the readings, how old the present state was when it stood in the database, what this
process used, how many it takes at most, what the database alone needs for the same statements, and
how long the PowerDays of all meters take with a clock that was moved past midnight.
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import aclosing, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

from adapters.power_meters import ADAPTER, meters_of
from bench.memory import own_peak_mib
from bench.meter_sender import sensor_of
from bench.place import ROOT, fresh_database, postgres
from connectors.document import Document
from connectors.mqtt import Messages
from hub.clock import system_clock
from hub.harvest.connections import MqttConnection
from hub.harvest.source import HarvestSource, register
from hub.sensing import minutes, taking
from hub.sensing.days import tell_days
from hub.sensing.service import endless_limits
from hub.store.copying import Connection
from hub.store.database import Database

SOURCE, OWNER, PARTY = "bench-meters", "moe:10335", "hub:bench"
MINUTE_S = 60.0
START_S = 10.0
QUIET_S = 1.0
RECORDED_MAX = 300
"""Batches whose statements are run again alone."""
THRESHOLDS = {"on_from": 100, "off_below": 50, "use_from": 800}


@dataclass(kw_only=True)
class MetersMeasured:
    """What was measured."""

    sent: int = 0
    kept: int = 0
    batches: int = 0
    lags_s: list[float] = field(default_factory=list)
    """Age of each reading when its state stood in the database."""
    cpu_s: float = 0.0
    elapsed_s: float = 0.0
    most_rps: float = 0.0
    take_ms: list[float] = field(default_factory=list)
    bare_ms: list[float] = field(default_factory=list)
    days: int = 0
    days_s: float = 0.0
    again: int = 0
    """Entries that a second telling wrote."""
    wal_mib: float = 0.0
    peak_mib: float = 0.0

    @property
    def oldest_s(self) -> float:
        """Age of the reading that waited longest for its state to stand."""
        return max(self.lags_s, default=0.0)

    @property
    def is_whole(self) -> bool:
        """Whether every reading was kept, and every day stated once."""
        return self.kept == self.sent and self.days > 0 and self.again == 0


# The broker


@contextmanager
def broker(folder: Path) -> Iterator[int]:
    """Run mosquitto on a port of 127.0.0.1."""
    program = shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin:/usr/bin:/bin")
    if program is None:
        raise SystemExit("mosquitto is not here (Debian: apt-get install mosquitto)")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    config = folder / "mosquitto.conf"
    config.write_text(
        f"listener {port} 127.0.0.1\nallow_anonymous true\nmax_inflight_messages 256\n"
        "max_queued_messages 1000000\nuser root\n"
    )
    process = subprocess.Popen(
        [program, "-c", str(config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        until = time.monotonic() + START_S
        while time.monotonic() < until:
            with suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                break
            time.sleep(0.05)
        yield port
    finally:
        process.terminate()
        process.wait()


# The hub


class Recorder:
    """Passes statements on, and notes them."""

    def __init__(self, connection: Connection, noted: list[tuple[Any, Any]]) -> None:
        self._connection = connection
        self._noted = noted

    async def execute(self, statement: Any, parameters: Any = None) -> Any:
        """Run one statement."""
        self._noted.append((statement, parameters))
        return await self._connection.execute(statement, parameters)


class ReadingHub:
    """Reads the meters as `hub.sensing` does, and looks at the clock."""

    def __init__(self, database: Database, port: int, count: int) -> None:
        self.noted: list[list[tuple[Any, Any]]] = []
        self.is_noting = True
        self._database = database
        self._facts = {
            "thresholds": THRESHOLDS,
            "sensors": {
                sensor_of(at): {"instrument": f"{OWNER}/{sensor_of(at)}"} for at in range(count)
            },
        }
        self.source = HarvestSource(
            id=SOURCE,
            adapter=ADAPTER,
            connection=MqttConnection(
                source=SOURCE, host="127.0.0.1", port=port, topics=["meters/+/power"], tls=False
            ),
            facts=self._facts,
            owners=(OWNER,),
        )
        self._taking = taking.Taking(database, system_clock, PARTY, SOURCE, ADAPTER)
        self._taking.meters, self._taking.facts = meters_of(self._facts), self._facts

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[Any]:
        """Register the source, and subscribe."""
        await register(self._database, self.source, system_clock())
        limits = endless_limits(self.source.limits)
        async with self.source.connection.session(SOURCE, limits) as session:
            await session.receive(1, 0.01)  # type: ignore[attr-defined]  # it is one of MQTT
            yield session

    async def read(self, session: Any, wanted: int, found: MetersMeasured) -> None:
        """Read until so many messages came and were acknowledged; `elapsed_s` ends with the last."""
        began, came = time.perf_counter(), 0
        reader = Messages(quiet_s=QUIET_S)
        while came < wanted:
            async with aclosing(reader.read(session)) as documents:
                async for document in documents:
                    came += len(document.rows)
                    await self._take(document, found)
                    found.elapsed_s = time.perf_counter() - began

    async def _take(self, document: Document, found: MetersMeasured) -> None:
        noted: list[tuple[Any, Any]] = []

        async def recording(connection: Connection, *rest: Any) -> Any:
            recorder: Any = Recorder(connection, noted)
            return await minutes.keep(recorder, *rest)

        before = time.perf_counter()
        is_recorded = self.is_noting and len(self.noted) < RECORDED_MAX
        taking.keep = recording if is_recorded else minutes.keep  # type: ignore[attr-defined, assignment]
        kept = await self._taking.take(document)
        found.take_ms.append((time.perf_counter() - before) * 1000)
        if is_recorded:
            self.noted.append(noted)
        now = system_clock()
        for row in document.rows:
            found.lags_s.append((now - datetime.fromisoformat(row["time"])).total_seconds())
        found.batches += 1
        found.kept += kept.counts["TAKEN"] + kept.counts["REPEATED"]

    async def bare(self, found: MetersMeasured) -> None:
        """Run the statements of the first batches again, alone."""
        async with self._database.writes.connection() as connection:
            for batch in self.noted:
                before = time.perf_counter()
                async with connection.transaction():
                    for statement, parameters in batch:
                        await connection.execute(statement, parameters)
                found.bare_ms.append((time.perf_counter() - before) * 1000)


async def measure(
    database: Database, count: int, seconds: float, *, rate: float | None = None
) -> MetersMeasured:
    """Measure everything, one thing after another."""
    found = MetersMeasured()
    with (
        tempfile.TemporaryDirectory(prefix="bench-meters-") as folder,
        broker(Path(folder)) as port,
    ):
        hub = ReadingHub(database, port, count)
        async with hub.connected() as session:
            per_s = count / MINUTE_S if rate is None else rate
            found.sent = round(seconds * per_s)
            wal = await _wal_bytes(database)
            cpu = time.process_time()
            sender = await _sender(port, count, seconds, per_s)
            await hub.read(session, found.sent, found)
            await sender.wait()
            found.cpu_s = time.process_time() - cpu
            found.wal_mib = (await _wal_bytes(database) - wal) / 2**20
        hub.is_noting, fast = False, MetersMeasured()
        async with hub.connected() as session:
            sender = await _sender(port, count, 0, 0)
            await sender.wait()
            await hub.read(session, count, fast)
            found.most_rps = fast.kept / fast.elapsed_s
        await hub.bare(found)
        await _days(database, found)
    found.peak_mib = own_peak_mib()
    return found


async def _sender(port: int, count: int, seconds: float, rate: float) -> asyncio.subprocess.Process:
    words = (str(port), str(count), str(seconds), str(rate))
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.meter_sender", *words), cwd=ROOT
    )


async def _days(database: Database, found: MetersMeasured) -> None:
    """State the days of all meters, with a clock that was moved past two midnights."""

    def moved() -> datetime:
        return system_clock() + timedelta(days=1, hours=1)

    began = time.perf_counter()
    told = await tell_days(database, moved, PARTY, SOURCE)
    found.days_s = time.perf_counter() - began
    found.days = sum(told.values())
    found.again = sum((await tell_days(database, moved, PARTY, SOURCE)).values())


async def _wal_bytes(database: Database) -> int:
    rows = await database.writes.fetch_all("SELECT pg_current_wal_lsn() - '0/0'::pg_lsn")
    return int(rows[0][0])


def told(found: MetersMeasured, count: int) -> str:
    """Put it into words."""
    lags = sorted(found.lags_s) or [0.0]
    per_s = found.kept / found.elapsed_s if found.elapsed_s else 0.0
    core = found.cpu_s / found.elapsed_s if found.elapsed_s else 0.0
    return "\n".join(
        [
            f"meters: {count}; readings sent {found.sent}, kept {found.kept}: {per_s:.0f}/s",
            f"batches: {found.batches}; {core:.1%} of a core, {found.wal_mib:.1f} MiB of WAL",
            f"age of the state when it stood: p50 {median(lags):.2f} s, "
            f"p99 {lags[int(len(lags) * 0.99)]:.2f} s, most {lags[-1]:.2f} s",
            f"a batch: hub p50 {median(found.take_ms):.1f} ms, the same statements alone "
            f"{median(found.bare_ms):.1f} ms; first {len(found.bare_ms)} batches: "
            f"{sum(found.take_ms[: len(found.bare_ms)]):.0f} and {sum(found.bare_ms):.0f} ms",
            f"at most: {found.most_rps:.0f} readings/s from a full broker",
            f"PowerDays: {found.days} in {found.days_s:.1f} s "
            f"({found.days / max(found.days_s, 1e-9):.0f}/s); told again: {found.again}",
            f"peak memory of the reading process: {found.peak_mib:.0f} MiB",
        ]
    )


def run(url: str, count: int, seconds: float) -> MetersMeasured:
    """Measure on a database, in the process that calls."""

    async def measured() -> MetersMeasured:
        async with Database(url) as database:
            return await measure(database, count, seconds)

    return asyncio.run(measured())


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.meters", description=__doc__)
    parser.add_argument("--meters", type=int, default=11_000)
    parser.add_argument("--seconds", type=float, default=60.0)
    asked = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that what was started is ended
    with postgres() as server:
        url = fresh_database(server, "bench_meters")
        found = run(url, asked.meters, asked.seconds)
    print(told(found, asked.meters))
    return 0 if found.is_whole else 1


if __name__ == "__main__":
    raise SystemExit(main())
