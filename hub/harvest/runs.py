"""`runs`: keeps the table of runs, and at each source how its last run ended.

- "Running" and "last result" are two facts: a run that begins does not hide how the last one ended,
  and a source that never succeeded has no `last_ok_at`.
- A run is alive exactly while a session holds the lock of its source (`source_lock`): it is noted
  as RUNNING after the lock was taken and as ended before it is given back. So a run that is RUNNING
  while nobody holds the lock was cut off, whoever looks, on whichever machine.
- A run ends once: what was closed as cut off is not made good by whoever believed it still ran.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

import psycopg
from sqlalchemy import insert, update

from hub.errors import ErrorCode, RefusedError
from hub.harvest.limits import (
    FAILURES_HOURS,
    MESSAGE_CHARACTERS_MAX,
    OPEN_RUNS_MAX,
    RUNS_SHOWN_MAX,
    SUPERSEDED_PAGES_MAX,
)
from hub.harvest.report import HarvestReport, RunStatus
from hub.harvest.source import MODE
from hub.intake.limits import QUARANTINE_PAGE_MAX
from hub.intake.quarantine import discard
from hub.store.copying import Connection
from hub.store.database import Database, translated
from hub.store.feeds import note_asked, note_heard
from hub.store.harvest_tables import SOURCE_EVENT
from hub.store.source_events import EventKind, SourceEvent
from hub.store.tables import RUN, SOURCE

MILLISECOND = timedelta(milliseconds=1)
LATENCY_MS_MAX = 2**31 - 1
"""What the column holds: 24 days; a clock that was set tells more, or less than nothing."""
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
), standing AS (
  UPDATE source SET last_status = 'FAILED', last_error_code = 'INTERNAL'
  WHERE source_id = %(source)s AND EXISTS (SELECT FROM cut) AND NOT EXISTS (
    SELECT FROM run WHERE source = %(source)s AND status <> 'RUNNING'
    AND started_at > (SELECT max(started_at) FROM cut))
)
SELECT count(*) FROM cut
"""
"""Closes runs; where the last one of its source is among them, this is how the source stands."""


@dataclass(frozen=True, slots=True)
class SourceLock:
    """The only run of a source, for as long as the session lives that holds its lock."""

    _connection: Connection

    async def check(self) -> None:
        """Raise `DatabaseUnavailableError` when the session, and with it the lock, is lost."""
        with translated():
            await self._connection.execute("SELECT 1")

    async def ask(self, statement: str, parameters: Sequence[Any]) -> Any:
        """Return the first value of a statement over this session, None where nothing comes."""
        with translated():
            cursor = await self._connection.execute(statement.encode(), parameters)
            row = await cursor.fetchone()
        return row[0] if row else None


@dataclass(frozen=True, slots=True)
class PastRun:
    """A run as the table keeps it."""

    run_id: str
    source: str
    status: str
    started_at: datetime
    ended_at: datetime | None
    counts: dict[str, Any]
    error_code: str | None
    message: str | None


async def begin(
    database: Database,
    source: str,
    run_id: str,
    now: datetime,
    record_types: Sequence[str] = (),
    mode: str = MODE,
) -> None:
    """Note that a run has begun that reads these, by whoever holds the source's lock.

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
            (run_id, source, mode, now),
        )
        await connection.execute(
            "UPDATE source SET last_run_at = %s WHERE source_id = %s", (now, source)
        )
        await note_asked(connection, source, record_types, now)


async def finish(
    database: Database,
    report: HarvestReport,
    document_hash: bytes | None,
    began: datetime,
    now: datetime,
) -> bool:
    """Note how a run ended, at the run and at its source; False: it was not RUNNING any more.

    A source counts as heard at the time the run began, and only if every list that was due was read
    whole; a record type, if all of its lists were.
    """
    message = (report.message or "")[:MESSAGE_CHARACTERS_MAX] or None
    has_ended_well = report.status in (RunStatus.OK, RunStatus.PARTIAL, RunStatus.HELD)
    of_source: dict[str, Any] = {
        "last_status": report.status.value,
        "last_error_code": report.error_code,
    }
    if report.status is RunStatus.CANCELLED or report.is_replay:  # nothing of the source
        of_source = {"source_id": report.source}
    if has_ended_well and report.is_heard:
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
        await note_heard(connection, report.source, report.heard, began)
        if "last_status" in of_source:
            await connection.execute(insert(SOURCE_EVENT).values(**_event(report, began, now)))
    return True


def _event(report: HarvestReport, began: datetime, now: datetime) -> dict[str, Any]:
    """Return the row of a run in the history of its source."""
    return asdict(
        SourceEvent(
            source=report.source,
            kind=EventKind.HARVEST,
            status=report.status.value,
            latency_ms=min(max(round((now - began) / MILLISECOND), 0), LATENCY_MS_MAX),
            rows=sum(each.rows for each in report.collections),
            error_code=report.error_code,
            at=began,
        )
    )


async def close_interrupted(database: Database, now: datetime) -> int:
    """Close every run that was cut off; return how many.

    The runs are read before the locks: one that was RUNNING and whose lock nobody holds afterwards
    is dead. Nothing is locked for that, so a run that begins at this moment is not refused.
    """
    open_runs = await database.writes.fetch_all(
        "SELECT source, array_agg(run_id) FROM (SELECT source, run_id FROM run "
        "WHERE status = 'RUNNING' ORDER BY started_at LIMIT %s) open GROUP BY source",
        (OPEN_RUNS_MAX,),
    )
    if not open_runs:
        return 0
    held = await database.writes.fetch_all(_HELD, ([source for source, _ in open_runs],))
    alive = {source for (source,) in held}
    count = 0
    for source, runs in open_runs:
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


async def ask_to_cancel(database: Database, run_id: str, now: datetime) -> PastRun | None:
    """Ask that a run end; return it as it stands, None where there is no such run."""
    async with database.writes.connection() as connection:
        await connection.execute(
            "UPDATE run SET cancel_asked_at = coalesce(cancel_asked_at, %s) "
            "WHERE run_id = %s AND status = 'RUNNING'",
            (now, run_id),
        )
    return await run_named(database, run_id)


async def failures_of(database: Database, sources: Iterable[str], now: datetime) -> dict[str, int]:
    """Return how many runs of each source failed since the last one that did not."""
    rows = await database.writes.fetch_all(
        "SELECT source, count(*) FROM run r WHERE source = ANY(%s) AND status = 'FAILED' "
        "AND started_at > greatest(%s, coalesce((SELECT max(x.started_at) FROM run x "
        "WHERE x.source = r.source AND x.status NOT IN ('FAILED', 'RUNNING')), '-infinity')) "
        "GROUP BY source",
        (list(sources), now - timedelta(hours=FAILURES_HOURS)),
    )
    return dict(rows)


async def closed_sources(database: Database, sources: Sequence[str]) -> set[str]:
    """Return which of these sources the operator has closed."""
    rows = await database.writes.fetch_all(
        "SELECT source_id FROM source WHERE source_id = ANY(%s) AND NOT active", (list(sources),)
    )
    return {source for (source,) in rows}


async def note_failure(database: Database, source: str, code: ErrorCode) -> None:
    """Note at a source that is known why no run of it could even begin."""
    async with database.writes.connection() as connection:
        await connection.execute(
            "UPDATE source SET last_status = 'FAILED', last_error_code = %(code)s "
            "WHERE source_id = %(source)s AND mode = %(mode)s "
            "AND (last_status, last_error_code) IS DISTINCT FROM ('FAILED', %(code)s)",
            {"code": code.name, "source": source, "mode": MODE},
        )


_PAST = "run_id, source, status, started_at, ended_at, counts, error_code, message"


async def run_named(database: Database, run_id: str) -> PastRun | None:
    """Return a run as it stands, None where there is no such run."""
    rows = await database.writes.fetch_all(
        f"SELECT {_PAST} FROM run WHERE run_id = %s",  # noqa: S608 - own words
        (run_id,),
    )
    return PastRun(*rows[0]) if rows else None


async def running_runs(database: Database) -> list[PastRun]:
    """Return the runs that go on, or were cut off and not yet closed, the oldest first."""
    rows = await database.writes.fetch_all(
        f"SELECT {_PAST} FROM run WHERE status = 'RUNNING' ORDER BY started_at LIMIT %s",  # noqa: S608
        (OPEN_RUNS_MAX,),
    )
    return [PastRun(*row) for row in rows]


async def list_runs(database: Database, source: str | None, limit: int) -> list[PastRun]:
    """Return the newest runs of a source, or of all, the newest first."""
    rows = await database.writes.fetch_all(
        f"SELECT {_PAST} FROM run "  # noqa: S608 - own words
        "WHERE %s::text IS NULL OR source = %s ORDER BY started_at DESC, run_id LIMIT %s",
        (source, source, min(limit, RUNS_SHOWN_MAX)),
    )
    return [PastRun(*row) for row in rows]


@asynccontextmanager
async def source_lock(database: Database, source: str) -> AsyncIterator[SourceLock]:
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
                hint_zh="请等它结束；结果见采集记录。",
            )
        try:
            yield SourceLock(connection)
        finally:
            # Where the connection is gone, the lock is gone with it.
            with suppress(psycopg.OperationalError):
                await connection.execute(f"SELECT pg_advisory_unlock({_LOCK})", (source,))


async def discard_superseded(
    database: Database, report: HarvestReport, unread: Collection[str], now: datetime
) -> int:
    """Discard open rows that earlier runs put into quarantine; return how many there were.

    A run that read a list whole has seen each of its rows again: what is still wrong waits anew.
    Rows of record types that were not read (`unread`) wait on.
    """
    count = 0
    for _ in range(SUPERSEDED_PAGES_MAX):
        rows = await database.writes.fetch_all(
            "SELECT quarantine_id FROM quarantine WHERE source = %s AND status = 'OPEN' "
            "AND channel = 'HARVEST' AND run_id <> %s "
            "AND (record_type IS NULL OR record_type <> ALL(%s)) ORDER BY quarantine_id LIMIT %s",
            (report.source, report.run_id, list(unread), QUARANTINE_PAGE_MAX),
        )
        if not rows:
            break
        await discard(database, [quarantine_id for (quarantine_id,) in rows], now)
        count += len(rows)
    return count
