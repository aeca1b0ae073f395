"""`python -m bench`: measure the hub beside its peers and write `bench/RESULTS.md`.

Needs wrk and npm (both are installed where the machine lets us); nothing leaves this machine.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import platform
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path

import psycopg
import uvloop

from bench import reads, report, stalls
from bench.audit import AuditCost, audit_costs
from bench.checks import check_costs
from bench.data import SOURCE, Data
from bench.intake import Taken, intake
from bench.load import Proofs
from bench.machine import postmaster
from bench.partners import Partner, Tokens, register
from bench.place import ROOT, TOOLS, filled, fresh_database, opened, postgres
from bench.questions import Question, questions
from bench.reads import Race, Started
from bench.section import kept
from bench.serve import settings
from bench.statements import Alone, compiled, explained, pgbench
from bench.storms import storms
from bench.tools import PEERS, need_wrk, node_peers
from hub.cli.serve import settle_collector
from hub.embedded.server import EmbeddedPostgres
from hub.store.database import Database

READS = ("W1", "W2", "W3")
FREE = ("FREE6", "FREE4", "FREE2")
PROOFS_PER_S = 9_000
"""More proofs are made than the fastest question uses; each is good for one request."""
OWNERS_MAX = 9_000
"""Institutions that the generator of credit codes has numbers for."""
CHECKED = 4_000
"""Requests that the cost of each check is taken over."""
RESULTS = ROOT / "bench" / "RESULTS.md"
Asked = dict[tuple[str, str], Question]


@dataclass(frozen=True, slots=True)
class Options:
    """How long and how much. `parts`: what is measured."""

    data: Data
    seconds: float
    rounds: int
    parts: frozenset[str]
    large: int
    batches: int
    batch_rows: int
    only: tuple[str, ...]
    node: Path | None


@dataclass(frozen=True, slots=True)
class Place:
    """The filled database, its server and what is asked of it."""

    server: EmbeddedPostgres
    url: str
    asked: Asked

    @property
    def postmaster(self) -> int:
        """The process id of the server."""
        return postmaster(self.server.folder)


def engine_alone(place: Place, options: Options) -> tuple[Race, dict[str, Started]]:
    """Race the reading part without a token beside its peers."""
    port, other, third = reads.ports(3)
    racers = [
        reads.hub("hub, engine alone", "engine", place.url, port),
        reads.strawberry(place.url, other),
    ]
    if options.node is not None:
        racers.append(reads.postgraphile(options.node, place.url, third, checked=False))
    return reads.race(
        racers,
        place.asked,
        options.only,
        place.postmaster,
        seconds=options.seconds,
        rounds=options.rounds,
    )


async def as_shipped(
    place: Place, options: Options
) -> tuple[Race, dict[str, Started], dict[str, float]]:
    """Race what `deltahub serve` runs, each request with token and proof, beside its peer."""
    port, other = reads.ports(2)
    folder = TOOLS / "hub-shipped"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, mode=0o700)
    async with opened(place.url) as database:
        partners: list[Partner] = await register(database, (SOURCE,))
        tokens = Tokens(settings(place.url, port, folder), partners)
        shipped = reads.hub(
            "hub, as shipped", "shipped", place.url, port, BENCH_DATA_DIR=str(folder)
        )
        racers = [
            replace(
                shipped,
                proofs=Proofs(tokens.lines, PROOFS_PER_S),
                some_headers=tokens.headers,
                settle_s=reads.SETTLE_S,
            )
        ]
        if options.node is not None:
            racers.append(reads.postgraphile(options.node, place.url, other, checked=True))
        race, started = await asyncio.to_thread(
            reads.race,
            racers,
            place.asked,
            [name for name in options.only if name in READS],
            place.postmaster,
            seconds=options.seconds,
            rounds=options.rounds,
        )
        costs = await check_costs(
            database,
            settings(place.url, port, folder),
            tokens,
            place.asked["W1", "hub"],
            CHECKED,
        )
    return race, started, costs


def statements(place: Place, options: Options) -> dict[str, Alone]:
    """Run the hub's own statements through pgbench."""
    found = {}
    for name in options.only:
        sent = compiled(place.asked[name, "hub"])
        (TOOLS / f"{name}.sql").write_text(sent[0].sql + "\n")
        (TOOLS / f"{name}.plan").write_text(explained(place.url, sent[0]) + "\n")
        found[name] = pgbench(
            place.url,
            sent,
            seconds=max(1, round(options.seconds)),
            times=options.rounds,
        )
        print(f"  {name} pgbench: {found[name].rps:.0f} requests/s", flush=True)
    return found


def grown(server: EmbeddedPostgres, options: Options) -> dict[str, Alone]:
    """Run the same statements on a table of another size; it is filled once and kept."""
    data = sized(options.large)
    url, _ = asyncio.run(filled(server, data))
    only = tuple(name for name in options.only if name in READS)
    return statements(Place(server, url, questions(data)), replace(options, data=data, only=only))


def versions(server: EmbeddedPostgres, options: Options) -> dict[str, str]:
    """Return the versions of what is measured."""
    packages = ("strawberry-graphql", "graphql-core", "SQLAlchemy", "asyncpg", "psycopg", "uvicorn")
    with psycopg.connect(server.url) as connection:
        found = connection.execute("SHOW server_version").fetchone()
    made = {"Python": platform.python_version(), "PostgreSQL": str(found[0] if found else "")}
    made |= {name: version(name) for name in packages}
    if options.node is not None:
        peer = json.loads((PEERS / "package.json").read_text())["dependencies"]
        told = subprocess.run(
            [options.node, "--version"], capture_output=True, text=True, check=True
        )
        made |= {"Node": told.stdout.strip().lstrip("v"), "PostGraphile": peer["postgraphile"]}
    return made


def sized(instruments: int) -> Data:
    """Return data of a size, with its share of everything else."""
    return Data(
        instruments=instruments,
        institutions=min(max(4, instruments // 65), OWNERS_MAX),
        occupancies=instruments * 3,
    )


async def pushes(place: Place, options: Options) -> dict[str, Taken]:
    """Push batches from end to end."""
    found = {}
    for name, signed in (("request-signed", False), ("producer-signed", True)):
        found[name] = await intake(
            place.server, signed=signed, batches=options.batches, rows=options.batch_rows
        )
        print(f"  {name}: {found[name].to_receipt:.0f} rows/s", flush=True)
    return found


async def audited(place: Place) -> list[AuditCost]:
    """Measure the audit on a database of its own."""
    async with Database(fresh_database(place.server, "bench_audit")) as database:
        return await audit_costs(database)


def stalled(place: Place) -> list[stalls.Stall]:
    """Send the hostile requests to a hub on an empty database."""
    url = fresh_database(place.server, "bench_stalls")
    folder = TOOLS / "hub-stalls"
    shutil.rmtree(folder, ignore_errors=True)

    async def measure() -> list[stalls.Stall]:
        async with Database(url) as database:
            settle_collector()
            return await stalls.measure(database, folder)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        found = runner.run(measure())
    worst = stalls.longest(found)
    print(f"  longest stall: {worst.seconds * 1000:.1f} ms, {worst.attack}", flush=True)
    return found


def measured(options: Options) -> report.Results:
    """Measure the parts that are asked for, one after another."""
    with postgres() as server:
        url, filled_at = asyncio.run(filled(server, options.data))
        place = Place(server, url, questions(options.data))
        made = report.Results(
            options.data, options.seconds, options.rounds, versions(server, options), filled_at
        )
        if "reads" in options.parts:
            made.engine, made.started = engine_alone(place, options)
            made.alone = statements(place, options)
        if options.large:
            made.large_instruments = options.large
            made.large = grown(server, options)
        if "shipped" in options.parts:
            made.shipped, started, made.checks = asyncio.run(as_shipped(place, options))
            made.started.update(started)
        if "intake" in options.parts:
            made.intake = asyncio.run(pushes(place, options))
        if "audit" in options.parts:
            made.audit = asyncio.run(audited(place))
        if "stalls" in options.parts:
            made.stalls = stalled(place)
        if "storms" in options.parts:
            made.storms = asyncio.run(storms(place.url, place.asked))
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and write the report."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--instruments", type=int, default=130_000)
    parser.add_argument("--seconds", type=float, default=5.0, help="length of one run")
    parser.add_argument("--rounds", type=int, default=3, help="runs of which the median counts")
    parser.add_argument("--batches", type=int, default=12, help="pushed batches")
    parser.add_argument("--batch-rows", type=int, default=5_000)
    parser.add_argument("--large", type=int, default=0, help="instruments of a second table")
    parser.add_argument("--parts", default="reads,shipped,intake,audit,stalls,storms")
    parser.add_argument("--only", default=",".join((*READS, *FREE)), help="questions")
    parser.add_argument("--no-node", action="store_true", help="leave out the peers on Node")
    parser.add_argument("--out", type=Path, default=RESULTS)
    asked = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that what was started is ended
    need_wrk()
    options = Options(
        data=sized(asked.instruments),
        seconds=asked.seconds,
        rounds=asked.rounds,
        parts=frozenset(asked.parts.split(",")),
        large=asked.large,
        batches=asked.batches,
        batch_rows=asked.batch_rows,
        only=tuple(asked.only.split(",")),
        node=None if asked.no_node else node_peers(),
    )
    made = measured(options)
    before = asked.out.read_text("utf-8") if asked.out.exists() else ""
    asked.out.write_text(report.markdown(made) + kept(before), encoding="utf-8")
    print(f"written: {asked.out}")
    return 0 if made.is_good else 1


if __name__ == "__main__":
    raise SystemExit(main())
