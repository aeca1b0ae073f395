"""`place`: where the benchmark keeps what it makes, and the PostgreSQL that it measures on."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from hashlib import sha256
from itertools import count
from pathlib import Path

import psycopg

from bench.data import AUTHORITY, SOURCE, Data, Wire
from bench.machine import Running, cores_of_machine, free_port, pin, postmaster, process
from hub.embedded.server import EmbeddedPostgres
from hub.identity.precedence import precedence_on
from hub.store.copying import Connection
from hub.store.database import Database, DatabaseLimits
from hub.store.migrations import migrate
from hub.store.projection import Projection, Standing
from hub.store.settling import write
from hub.store.sources import heard_from, register_source
from hub.store.view import View
from schema.canonical import canonical

ROOT = Path(__file__).resolve().parent.parent
TOOLS = ROOT / ".tools" / "bench"


@contextmanager
def serving(mode: str, url: str, folder: Path) -> Iterator[Running]:
    """Run a hub as `bench.serve` does in a mode, on a database and a data folder."""
    port = free_port()
    environment = {
        "BENCH_URL": url, "BENCH_PORT": str(port), "BENCH_DATA_DIR": str(folder),
        "PYTHONPATH": str(ROOT),
    }  # fmt: skip
    command = [sys.executable, "-m", "bench.serve", mode]
    with process(command, environment, port, TOOLS / "server.log") as running:
        yield running


ROWS_PER_PART = 20_000
AS_OF = datetime(2026, 11, 23, tzinfo=UTC)
PROMISED_S = 10 * 365 * 86_400
"""What is measured is asked long after it was filled, and must still count."""


@contextmanager
def postgres() -> Iterator[EmbeddedPostgres]:
    """Run the embedded PostgreSQL of the benchmark, with the settings that the hub ships."""
    TOOLS.mkdir(parents=True, exist_ok=True)
    server = EmbeddedPostgres(TOOLS / "postgres")
    server.start()
    pin(postmaster(server.folder), cores_of_machine())  # a killed run may have left it bound
    try:
        yield server
    finally:
        server.stop()


def fresh_database(server: EmbeddedPostgres, name: str) -> str:
    """Make an empty, migrated database and return its address."""
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)".encode())
        connection.execute(f"CREATE DATABASE {name} TEMPLATE template0".encode())
    migrate(server.url_of(name))
    return server.url_of(name)


def drop_database(server: EmbeddedPostgres, name: str) -> None:
    """Drop a database."""
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)".encode())


async def filled(server: EmbeddedPostgres, data: Data) -> tuple[str, float]:
    """Return the address of the database with these rows, and the rows a second it was filled at.

    It is filled once and found again: zero rows a second means that it was there. Its name tells
    the size and the version of the tables and of the generator.
    """
    made = sha256()
    for file in (
        ROOT / "bench" / "data.py",
        ROOT / "bench" / "place.py",
        ROOT / "hub/store/derive.py",
        ROOT / "hub/store/computed.py",
    ):
        made.update(file.read_bytes())
    name = f"bench_{data.instruments}_{made.hexdigest()[:8]}"
    with psycopg.connect(server.url, autocommit=True) as connection:
        known = "SELECT datname FROM pg_database WHERE datname LIKE %s"
        old = [row[0] for row in connection.execute(known, (f"bench\\_{data.instruments}\\_%",))]
    if name in old:
        async with Database(server.url_of(name)) as database:
            if await database.reads.fetch_all("SELECT 1 FROM source WHERE last_status = 'OK'"):
                return server.url_of(name), 0.0
    for each in old:
        drop_database(server, each)
    url = fresh_database(server, name)
    limits = DatabaseLimits(write_timeout_s=600.0)
    async with Database(url, limits) as database:
        started = datetime.now(UTC)
        rows = await _fill(database, data)
        seconds = (datetime.now(UTC) - started).total_seconds()
        async with database.writes.connection() as connection:
            await connection.execute("VACUUM (ANALYZE)")
            await connection.execute("CHECKPOINT")
        async with database.writes.transaction() as connection:
            await heard_from(connection, SOURCE, added=data.instruments, at=(AS_OF, AS_OF))
    return url, rows / seconds


async def register_platform(database: Database, source: str, now: datetime) -> None:
    """Register a source that speaks for anybody."""
    await register_source(
        database,
        source,
        "性能测试",
        mode="PUSH",
        owners=None,
        authority=AUTHORITY,
        now=now,
        promised_freshness_s=PROMISED_S,
    )


async def _fill(database: Database, data: Data) -> int:
    await register_platform(database, SOURCE, AS_OF)
    ids, rows = count(1), 0
    for name, each in data.everything().items():
        writer = database.records.projection(name)
        while True:
            part = [pair for _, pair in zip(range(ROWS_PER_PART), each, strict=False)]
            if not part:
                break
            async with database.writes.transaction() as connection:
                await _write(connection, writer, part, ids)
            rows += len(part)
        print(f"  {name}: filled, {rows} rows so far", flush=True)
    return rows


async def _write(
    connection: Connection, writer: Projection, part: Iterable[tuple[str, Wire]], ids: Iterator[int]
) -> None:
    lines = (
        writer.row(
            Standing(
                source=SOURCE,
                authority=AUTHORITY if writer.tables.spec.per_system else "",
                key=key,
                owner=writer.tables.spec.owner_of(wire),
                issuer=writer.tables.spec.issuer_of(wire),
                party="hub:bench",
                entry_id=next(ids),
                revision=1,
                digest=sha256(canonical(wire)).digest(),
                as_of=AS_OF,
                accepted_at=AS_OF,
                assurance="HUB_OBSERVED",
                channel="HARVEST",
                withdrawn=False,
            ),
            wire,
        )
        for key, wire in part
    )
    await write(connection, writer, lines, View(precedence_on(AS_OF.date())))


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[Database]:
    """Give the hub's view of a database."""
    async with Database(url) as database:
        yield database
