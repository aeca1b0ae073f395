"""`registry`: keeps the tables of sources and runs.

- "Running" and "last result" are two facts: a run that begins does not hide how the last one ended,
  and a source that never succeeded has no `last_ok_at`.
- A run is alive exactly while a session holds the lock of its source (`alone`): it is noted as
  RUNNING after the lock was taken and as ended before it is given back. So a run that is RUNNING
  while nobody holds the lock was cut off, whoever looks, on whichever machine.
- A run ends once: what was closed as cut off is not made good by whoever believed it still ran.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import psycopg
from sqlalchemy import update

from hub.errors import ErrorCode, RefusedError
from hub.harvest.limits import MESSAGE_CHARACTERS_MAX, OPEN_RUNS_MAX
from hub.harvest.report import Report, RunStatus
from hub.harvest.source import Source
from hub.intake.limits import QUARANTINE_PAGE_MAX
from hub.intake.quarantine import discard
from hub.store.copying import Connection
from hub.store.database import Database, translated
from hub.store.sources import register_source
from hub.store.tables import RUN, SOURCE

MODE = "HARVEST"
PAGES_MAX = 1_000
"""Pages of old quarantine rows that one run lays aside."""
CUT_OFF = "the run was cut off before its end; the next run repeats it"
_LOCK = "hashtextextended('harvest:' || %s, 0)"
_HELD = """
SELECT source FROM unnest(%s::text[]) source WHERE EXISTS (
  SELECT FROM pg_locks l JOIN pg_database d ON d.oid = l.database AND d.datname = current_database()
  WHERE l.locktype = 'advisory' AND l.objsubid = 1 AND l.granted
    AND (l.classid::bigint << 32 | l.objid::bigint)
      = hashtextextended('harvest:' || source, 0))
"""
"""Which of these sources have a session that holds their lock; `objsubid` 1 marks bigint keys."""
_CLOSE = """
WITH cut AS (
  UPDATE run SET status = 'FAILED', error_code = 'INTERNAL', message = %(message)s,
    ended_at = %(now)s
  WHERE source = %(source)s AND run_id = ANY(%(runs)s) AND status = 'RUNNING'
  RETURNING started_at
), told AS (
  UPDATE source SET last_status = 'FAILED', last_error_code = 'INTERNAL'
  WHERE source_id = %(source)s AND EXISTS (SELECT FROM cut) AND NOT EXISTS (
    SELECT FROM run WHERE source = %(source)s AND status <> 'RUNNING'
    AND started_at > (SELECT max(started_at) FROM cut))
)
SELECT count(*) FROM cut
"""
"""Closes runs; where the last one of its source is among them, this is how the source stands."""


@dataclass(frozen=True, slots=True)
class HarvestLock:
    """The only run of a source, for as long as the session lives that holds its lock."""

    _connection: Connection

    async def check(self) -> None:
        """Raise `DatabaseUnavailableError` when the session, and with it the lock, is lost."""
        with translated():
            await self._connection.execute("SELECT 1")


@dataclass(frozen=True, slots=True)
class Recent:
    """What is known of sources that are to be harvested again."""

    closed: set[str] = field(default_factory=set)
    """Those which the operator has closed."""
    begun: dict[str, datetime] = field(default_factory=dict)
    """When the last run began, of those which have one that is recent."""


async def register(database: Database, source: Source, now: datetime) -> None:
    """Add a source, or renew what describes it; its history and its `active` switch stay."""
    adapter = source.adapter
    await register_source(
        database,
        source.id,
        source.title_zh or adapter.title_zh,
        mode=MODE,
        now=now,
        owners=source.owners,
        kind=source.kind,
        authority=source.authority,
        title_en=source.title_en or adapter.title_en,
        publisher=adapter.publisher_zh,
        division_code=source.division_code,
        promised_freshness_s=int(adapter.promised_freshness.total_seconds()),
    )


async def begin(database: Database, source: str, run_id: str, now: datetime) -> None:
    """Note that a run has begun, by whoever holds the source's lock.

    What is still RUNNING of this source was therefore cut off, and is closed.
    """
    async with database.writes.transaction() as connection:
        cursor = await connection.execute(
            "SELECT run_id FROM run WHERE source = %s AND status = 'RUNNING'", (source,)
        )
        await _close(connection, source, [cut for (cut,) in await cursor.fetchall()], now)
        await connection.execute(
            "INSERT INTO run (run_id, source, mode, status, started_at) "
            "VALUES (%s, %s, %s, 'RUNNING', %s)",
            (run_id, source, MODE, now),
        )
        await connection.execute(
            "UPDATE source SET last_run_at = %s WHERE source_id = %s", (now, source)
        )


async def finish(
    database: Database, report: Report, document_hash: bytes | None, began: datetime, now: datetime
) -> bool:
    """Note how a run ended, at the run and at its source; False: it was not RUNNING any more.

    A source counts as heard at the time the run began, and only if every list was read to its end.
    """
    message = (report.message or "")[:MESSAGE_CHARACTERS_MAX] or None
    heard = report.status in (RunStatus.OK, RunStatus.PARTIAL, RunStatus.HELD) and all(
        each.status == "OK" for each in report.collections
    )
    of_source: dict[str, Any] = {
        "last_status": report.status.value,
        "last_error_code": report.error_code,
    }
    if heard:
        of_source |= {"last_ok_at": began}
    async with database.core() as connection:
        ended = await connection.execute(
            update(RUN)
            .where(RUN.c.run_id == report.run_id, RUN.c.status == RunStatus.RUNNING.value)
            .values(
                status=report.status.value,
                document_hash=document_hash,
                counts=report.counts(),
                error_code=report.error_code,
                message=message,
                ended_at=now,
            )
        )
        if ended.rowcount == 0:
            return False
        await connection.execute(
            update(SOURCE).where(SOURCE.c.source_id == report.source).values(**of_source)
        )
    return True


async def abandon(database: Database, now: datetime) -> int:
    """Close every run that was cut off; return how many.

    The runs are read before the locks: one that was RUNNING and whose lock nobody holds afterwards
    is dead. Nothing is locked for that, so a run that begins at this moment is not refused.
    """
    found = await database.writes.fetch_all(
        "SELECT source, array_agg(run_id) FROM (SELECT source, run_id FROM run "
        "WHERE status = 'RUNNING' ORDER BY started_at LIMIT %s) open GROUP BY source",
        (OPEN_RUNS_MAX,),
    )
    if not found:
        return 0
    held = await database.writes.fetch_all(_HELD, ([source for source, _ in found],))
    alive = {source for (source,) in held}
    count = 0
    for source, runs in found:
        if source not in alive:
            async with database.writes.transaction() as connection:
                count += await _close(connection, source, runs, now)
    return count


async def _close(connection: Connection, source: str, runs: Sequence[str], now: datetime) -> int:
    if not runs:
        return 0
    cursor = await connection.execute(
        _CLOSE, {"source": source, "runs": list(runs), "now": now, "message": CUT_OFF}
    )
    row = await cursor.fetchone()
    return int(row[0]) if row else 0


async def recent(
    database: Database, sources: Sequence[str], now: datetime, interval: timedelta
) -> Recent:
    """Tell which sources are closed, and which had a run that began within `interval` of `now`.

    It is the runs that are asked and not `last_run_at`: that also moves when a source pushes. A run
    from the future beyond `interval` is the mistake of a clock and keeps nothing from being done.
    """
    made = Recent()
    found = await database.writes.fetch_all(
        "SELECT s.source_id, s.active, (SELECT max(r.started_at) FROM run r "
        "WHERE r.source = s.source_id AND r.started_at > %s AND r.started_at < %s) "
        "FROM source s WHERE s.source_id = ANY(%s)",
        (now - interval, now + interval, list(sources)),
    )
    for source, active, begun in found:
        if not active:
            made.closed.add(source)
        if begun is not None:
            made.begun[source] = begun
    return made


async def note_failure(database: Database, source: str, code: ErrorCode) -> None:
    """Note at a source that is known why no run of it could even begin."""
    async with database.writes.connection() as connection:
        await connection.execute(
            "UPDATE source SET last_status = 'FAILED', last_error_code = %(code)s "
            "WHERE source_id = %(source)s AND mode = %(mode)s "
            "AND (last_status, last_error_code) IS DISTINCT FROM ('FAILED', %(code)s)",
            {"code": code.name, "source": source, "mode": MODE},
        )


@asynccontextmanager
async def alone(database: Database, source: str) -> AsyncIterator[HarvestLock]:
    """Hold the only run of a source; a run that dies gives its place back by itself.

    Raises `RefusedError` CONFLICT when another run of the source is going on.
    """
    async with database.writes.connection() as connection:
        try:
            cursor = await connection.execute(f"SELECT pg_try_advisory_lock({_LOCK})", (source,))
            row = await cursor.fetchone()
        except BaseException:
            # Cancelled meanwhile, it may hold the lock: no such session goes back to the others.
            await connection.close()
            raise
        if row is None or not row[0]:
            raise RefusedError(
                ErrorCode.CONFLICT,
                message_zh=f"{source} 的采集正在进行",
                message_en=f"a harvest of {source} is going on",
                hint="Wait for it to end; its result is in the list of runs.",
            )
        try:
            yield HarvestLock(connection)
        finally:
            # Where the connection is gone, the lock is gone with it.
            with suppress(psycopg.OperationalError):
                await connection.execute(f"SELECT pg_advisory_unlock({_LOCK})", (source,))


async def lay_aside(database: Database, source: str, run_id: str, now: datetime) -> int:
    """Discard open rows that earlier runs put into quarantine; return how many there were.

    A run that read every list has seen each of them again: what is still wrong waits anew.
    """
    count = 0
    for _ in range(PAGES_MAX):
        found = await database.writes.fetch_all(
            "SELECT quarantine_id FROM quarantine WHERE source = %s AND status = 'OPEN' "
            "AND channel = 'HARVEST' AND run_id <> %s ORDER BY quarantine_id LIMIT %s",
            (source, run_id, QUARANTINE_PAGE_MAX),
        )
        if not found:
            break
        await discard(database, [quarantine_id for (quarantine_id,) in found], now)
        count += len(found)
    return count
