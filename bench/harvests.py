"""`python -m bench.harvests`: a source of 130,000 instruments read whole, and read again unchanged.

    python -m bench.harvests --instruments 130000

The register (`bench.stand_in`) and the hub that reads it are processes of their own, so that their memory is told apart;
what is between them is the shipped reader, adapter, harvest and intake over the loopback interface. The second reading
finds nothing new: if it writes an entry, the program fails. Beside it stands what the same rows take by COPY alone.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field

from adapters import discover
from bench.bare import CopiedTable, copied_again
from bench.machine import children_seconds, postmaster
from bench.memory import Peaks, own_peak_mib
from bench.place import ROOT, drop_database, fresh_database, postgres
from connectors.http.credentials import StaticToken
from hub.clock import system_clock
from hub.embedded.server import EmbeddedPostgres
from hub.harvest.connections import HttpConnection
from hub.harvest.report import RunStatus
from hub.harvest.service import Harvester
from hub.harvest.source import HarvestSource
from hub.sandbox.asset_cloud import HEADER, UNIT
from hub.store.database import Database

SOURCE, PARTY = "asset_cloud", "hub:bench"
NAME, BARE = "bench_harvest", "bench_harvest_bare"
RUN_S_MAX = 1_800.0


@dataclass(kw_only=True)
class ReadOnce:
    """One reading of the whole source."""

    status: str
    message: str | None
    rows: int
    questions: int
    entries: int
    """Entries that it wrote."""
    withdrawn: int
    seconds: float
    cpu_s: float
    """Processor time of the process that reads."""
    peak_mib: float
    postgres_s: float = 0.0


@dataclass(kw_only=True)
class HarvestMeasured:
    """A reading, the same reading again, and the rows by COPY alone."""

    instruments: int
    readings: list[ReadOnce] = field(default_factory=list)
    peaks: dict[str, float] = field(default_factory=dict)
    bare: list[CopiedTable] = field(default_factory=list)

    @property
    def faults(self) -> list[str]:
        """What must not be, in words."""
        found = [f"{r.status}: {r.message}" for r in self.readings if r.status != RunStatus.OK]
        first, again = self.readings
        if first.entries < self.instruments:
            found.append(f"{first.entries} entries of {self.instruments} instruments")
        if again.entries or again.withdrawn:
            found.append(f"unchanged, and {again.entries} entries were written")
        return found


async def read_once(database: Database, source: HarvestSource) -> ReadOnce:
    """Harvest a source and say what came of it."""
    before, cpu, began = await _entries(database), time.process_time(), time.perf_counter()
    report = await Harvester(database, PARTY, system_clock).harvest(source)
    return ReadOnce(
        status=report.status.value,
        message=report.message or next((c.message for c in report.collections if c.message), None),
        rows=sum(each.rows for each in report.collections),
        questions=sum(each.documents for each in report.collections),
        entries=await _entries(database) - before,
        withdrawn=sum(report.withdrawn.values()),
        seconds=time.perf_counter() - began,
        cpu_s=time.process_time() - cpu,
        peak_mib=own_peak_mib(),
    )


def source_at(url: str, token: str) -> HarvestSource:
    """Return the stand-in as a deployed source."""
    return HarvestSource(
        id=SOURCE,
        adapter=discover()[SOURCE],
        connection=HttpConnection(base_url=url, auth=StaticToken(token, header=HEADER)),
        owners=(f"uscc:{UNIT}",),
        division_code="310000",
    )


async def _entries(database: Database) -> int:
    ((count,),) = await database.writes.fetch_all("SELECT count(*) FROM entry")
    return int(count)


@contextmanager
def stand_in(count: int) -> Iterator[tuple[int, dict[str, str]]]:
    """Run the register as a process; give its id, and its address with what lets in."""
    with subprocess.Popen(
        [sys.executable, "-m", "bench.stand_in", str(count)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    ) as running:
        try:
            assert running.stdout is not None
            yield running.pid, json.loads(running.stdout.readline())
        finally:
            running.terminate()


def measure(server: EmbeddedPostgres, instruments: int) -> HarvestMeasured:
    """Read so many instruments twice, each time in a process of its own; then copy the rows."""
    found = HarvestMeasured(instruments=instruments)
    url, parent = fresh_database(server, NAME), postmaster(server.folder)
    with stand_in(instruments) as (pid, place), Peaks(sandbox=pid, postgres=parent) as peaks:
        for _ in range(2):
            before = children_seconds(parent)
            words = [sys.executable, "-m", "bench.harvests", "--read", url, *place.values()]
            done = subprocess.run(
                words,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
                stdout=subprocess.PIPE,
                timeout=RUN_S_MAX,
                check=True,
                text=True,
                cwd=ROOT,
            )
            reading = ReadOnce(**json.loads(done.stdout.splitlines()[-1]))
            reading.postgres_s = children_seconds(parent) - before
            found.readings.append(reading)
    found.peaks = peaks.mib
    found.bare = copied_again(url, fresh_database(server, BARE))
    for each in (NAME, BARE):
        drop_database(server, each)
    return found


def told(found: HarvestMeasured) -> str:
    """Put it into words."""
    lines = [f"instruments: {found.instruments:,}"]
    for what, each in zip(("read whole", "read again, unchanged"), found.readings, strict=True):
        lines.append(
            f"{what}: {each.rows:,} rows in {each.questions:,} documents, {each.entries:,} entries, "
            f"{each.seconds:.1f} s ({each.rows / each.seconds:,.0f} rows/s); processor: hub "
            f"{each.cpu_s:.1f} s, PostgreSQL {each.postgres_s:.1f} s; hub at most {each.peak_mib:.0f} MiB"
        )
    bare_s = sum(each.seconds for each in found.bare)
    lines.append(f"the same rows by COPY alone: {bare_s:.1f} s")
    lines += [f"most memory of {who}: {mib:.0f} MiB" for who, mib in found.peaks.items()]
    return "\n".join([*lines, *(f"FAULT: {each}" for each in found.faults)])


async def _read(url: str, place: str, token: str) -> None:
    async with Database(url) as database:
        print(json.dumps(asdict(await read_once(database, source_at(place, token)))))


def main() -> int:
    """Measure and print; a reading by itself (`--read`) prints one line of JSON."""
    parser = argparse.ArgumentParser(prog="python -m bench.harvests", description=__doc__)
    parser.add_argument("--instruments", type=int, default=2_000)
    parser.add_argument("--read", nargs=3, metavar=("DATABASE", "URL", "TOKEN"), help="internal")
    asked = parser.parse_args()
    if asked.read:
        asyncio.run(_read(*asked.read))
        return 0
    with postgres() as server:
        found = measure(server, asked.instruments)
    print(told(found))
    return 1 if found.faults else 0


if __name__ == "__main__":
    raise SystemExit(main())
