"""`python -m bench.large`: a file of a million service rows as one command, and what both ends hold.

    python -m bench.large --rows 1000000 --form csv

It writes a table of fourteen columns, serves a hub on the benchmark's PostgreSQL, and runs `deltahub
client submit` on it as a process of its own. Prints seconds, rows a second, the most memory that the
client with its reader of workbooks, the hub and PostgreSQL held, and what the same rows take by COPY
alone (`docs/operators/files.md` has the figures).
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from bench.bare import CopiedTable, copied_again
from bench.machine import children_seconds, cpu_seconds, postmaster
from bench.memory import Peaks
from bench.partners import Partner, register
from bench.place import (
    ROOT,
    TOOLS,
    drop_database,
    fresh_database,
    postgres,
    register_platform,
    serving,
)
from bench.service_rows import REFUSED_EVERY, instruments, mapping, write
from hub.client import HubClient
from hub.client.profile import Profile
from hub.clock import system_clock
from hub.embedded.server import EmbeddedPostgres
from hub.store.database import Database

SOURCE = "bench-files"
NAME, BARE = "bench_large", "bench_large_bare"
SUBMIT_S_MAX = 3_600.0
AGAIN_ROWS_MAX = 100_000
"""A longer file is not sent a second time: that its rows are known is seen of a short one."""


@dataclass(kw_only=True)
class FileMeasured:
    """One file from one command to its last row, and the same rows by COPY alone."""

    form: str
    rows: int
    file_mib: float
    seconds: float = 0.0
    again_s: float = 0.0
    """The same command again: every part gets the answer of then. 0: it was not sent again."""
    hub_us: float = 0.0
    postgres_us: float = 0.0
    """Processor time of the first run, for each row."""
    kept: int = 0
    code: int = 0
    said: str = ""
    cut: str = ""
    peaks: dict[str, float] = field(default_factory=dict)
    bare: list[CopiedTable] = field(default_factory=list)

    @property
    def expected(self) -> int:
        """Rows that conform."""
        return self.rows - self.rows // REFUSED_EVERY

    @property
    def is_whole(self) -> bool:
        """Whether no row was lost, and none taken twice."""
        return self.kept == self.expected


def submit(
    folder: Path,
    file: Path,
    killed_after_s: float | None = None,
    peaks: Peaks | None = None,
    part_rows: int | None = None,
) -> tuple[float, int, str]:
    """Run the command; return its seconds, its exit code and what it said.

    `killed_after_s`: kill it then, as a lost machine would; its exit code is negative.
    """
    words = ["client", "submit", "--as", str(folder / "profile.toml"), "--source", SOURCE]
    words += [str(file), "--mapping", str(folder / "bench.toml"), "--progress"]
    words += ["--rejects", str(folder / "back.xlsx")]
    words += [] if part_rows is None else ["--part-rows", str(part_rows)]
    program = "from hub.cli.main import main; main()"
    began = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, "-c", program, *words],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    ) as command:
        if peaks is not None:
            peaks.add("client", command.pid)
        try:
            said, _ = command.communicate(timeout=killed_after_s or SUBMIT_S_MAX)
        except subprocess.TimeoutExpired:
            command.kill()
            said, _ = command.communicate()
    return time.perf_counter() - began, command.returncode, said


def rows_in(url: str) -> int:
    """Return how many service records the hub has of the file."""
    with psycopg.connect(url) as connection:
        found = connection.execute(
            "SELECT count(*) FROM service_record_source WHERE source = %s AND NOT withdrawn",
            [SOURCE],
        ).fetchone()
    return int(found[0]) if found else 0


async def partner(url: str) -> Partner:
    """Register the source and the university that sends."""
    async with Database(url) as database:
        await register_platform(database, SOURCE, system_clock())
        return (await register(database, (SOURCE,), 1))[0]


async def state_instruments(base: str, sender: Partner) -> None:
    """Push the instruments that the services were given with; of unknown ones each row is doubted."""
    key = sender.client.party
    async with HubClient(base, sender.client.client_id, sender.key) as hub:
        answer = await hub.push(instruments(key), source=SOURCE)
    if answer.body["counts"].get("QUARANTINED"):
        raise RuntimeError(f"instruments were refused: {answer.body['rows'][0]}")


def measure(
    server: EmbeddedPostgres,
    rows: int,
    form: str,
    kill_after: float | None = None,
    part_rows: int | None = None,
) -> FileMeasured:
    """Send a file of so many rows to a hub of its own, twice; then copy its rows."""
    hub_folder = TOOLS / "hub-large"
    shutil.rmtree(hub_folder, ignore_errors=True)
    hub_folder.mkdir(parents=True, mode=0o700)
    url, parent = fresh_database(server, NAME), postmaster(server.folder)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sender = asyncio.run(partner(url))
        (folder / "key.pem").write_bytes(sender.key.pem())
        (folder / "key.pem").chmod(0o600)
        (folder / "bench.toml").write_text(mapping(sender.client.party), "utf-8")
        file = folder / f"table.{form}"
        write(file, rows)
        found = FileMeasured(form=form, rows=rows, file_mib=file.stat().st_size / 2**20)
        with serving("shipped", url, hub_folder) as running:
            base = f"http://{running.host}"
            profile = Profile(base, sender.client.client_id, folder / "key.pem")
            profile.write(folder / "profile.toml")
            asyncio.run(state_instruments(base, sender))
            if kill_after:
                cut, code, _ = submit(folder, file, kill_after, part_rows=part_rows)
                found.cut = f"killed after {cut:.0f} s ({code}); rows then: {rows_in(url):,}"
            before = cpu_seconds(running.pid), children_seconds(parent)
            with Peaks(hub=running.pid, postgres=parent) as peaks:
                found.seconds, found.code, found.said = submit(folder, file, None, peaks, part_rows)
            found.hub_us = (cpu_seconds(running.pid) - before[0]) / rows * 1e6
            found.postgres_us = (children_seconds(parent) - before[1]) / rows * 1e6
            if rows <= AGAIN_ROWS_MAX:
                found.again_s, _, _ = submit(folder, file, part_rows=part_rows)
            found.peaks = peaks.mib
    found.kept = rows_in(url)
    found.bare = copied_again(url, fresh_database(server, BARE))
    for each in (NAME, BARE):
        drop_database(server, each)
    return found


def told(found: FileMeasured) -> str:
    """Put it into words."""
    bare_s = sum(each.seconds for each in found.bare)
    figures = (
        ("exit code", found.code),
        ("file MiB", round(found.file_mib, 1)),
        ("seconds", round(found.seconds, 1)),
        ("rows a second", round(found.rows / found.seconds)),
        ("processor time of the hub, µs a row", round(found.hub_us)),
        ("processor time of PostgreSQL, µs a row", round(found.postgres_us)),
        ("seconds of the same command again", round(found.again_s, 1)),
        ("seconds of the same rows by COPY alone", round(bare_s, 1)),
        *((f"most memory of {who}, MiB", round(mib)) for who, mib in found.peaks.items()),
    )
    lines = [found.said, found.cut]
    lines.append(f"rows in the hub at the end: {found.kept:,}, expected {found.expected:,}")
    lines += [f"{what:<48}{figure:>12,}" for what, figure in figures]
    return "\n".join(line for line in lines if line)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.large", description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--form", choices=("csv", "ndjson", "xlsx"), default="csv")
    parser.add_argument("--kill-after", type=float, help="kill the command once, after seconds")
    parser.add_argument("--part-rows", type=int, help="cut a short file too, into parts of so many")
    asked = parser.parse_args()
    with postgres() as server:
        found = measure(server, asked.rows, asked.form, asked.kill_after, asked.part_rows)
    print(told(found))
    if not found.is_whole:
        sys.exit("rows were lost, or taken twice")


if __name__ == "__main__":
    main()
