"""`registry`: keeps the tables of sources and runs.

"Running" and "last result" are two facts: a run that begins does not hide how the last one ended,
and a source that never succeeded has no `last_ok_at`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from typing import Any

import psycopg
from sqlalchemy import update
from sqlalchemy.dialects.postgresql import insert

from hub.errors import ErrorCode, RefusedError
from hub.harvest.limits import MESSAGE_CHARACTERS_MAX
from hub.harvest.report import Report, RunStatus
from hub.harvest.source import Source
from hub.intake.limits import QUARANTINE_PAGE_MAX
from hub.intake.quarantine import discard
from hub.store.database import Database
from hub.store.tables import RUN, SOURCE

MODE = "HARVEST"
PAGES_MAX = 1_000
"""Pages of old quarantine rows that one run lays aside."""
_LOCK = "hashtextextended('harvest:' || %s, 0)"


async def register(database: Database, source: Source, now: datetime) -> None:
    """Add a source, or renew what describes it; its history and its `active` switch stay."""
    adapter = source.adapter
    described: dict[str, Any] = {
        "title": source.title_zh or adapter.title_zh,
        "title_en": source.title_en or adapter.title_en,
        "publisher": adapter.publisher_zh,
        "division_code": source.division_code,
        "mode": MODE,
        "owners": None if source.owners is None else list(source.owners),
        "promised_freshness_s": int(adapter.promised_freshness.total_seconds()),
    }
    statement = insert(SOURCE).values(source_id=source.id, created_at=now, **described)
    async with database.core() as connection:
        await connection.execute(
            statement.on_conflict_do_update(index_elements=["source_id"], set_=described)
        )


async def begin(database: Database, source: str, run_id: str, now: datetime) -> None:
    """Note that a run has begun."""
    async with database.core() as connection:
        await connection.execute(
            RUN.insert().values(
                run_id=run_id,
                source=source,
                mode=MODE,
                status=RunStatus.RUNNING.value,
                started_at=now,
            )
        )
        await connection.execute(
            update(SOURCE).where(SOURCE.c.source_id == source).values(last_run_at=now)
        )


async def finish(
    database: Database, report: Report, document_hash: bytes | None, began: datetime, now: datetime
) -> None:
    """Note how a run ended, at the run and at its source.

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
        await connection.execute(
            update(RUN)
            .where(RUN.c.run_id == report.run_id)
            .values(
                status=report.status.value,
                document_hash=document_hash,
                counts=report.counts(),
                error_code=report.error_code,
                message=message,
                ended_at=now,
            )
        )
        await connection.execute(
            update(SOURCE).where(SOURCE.c.source_id == report.source).values(**of_source)
        )


async def abandon(database: Database, now: datetime) -> int:
    """Close runs that were cut off, when the hub starts; return how many there were."""
    async with database.core() as connection:
        done = await connection.execute(
            update(RUN)
            .where(RUN.c.status == RunStatus.RUNNING.value)
            .values(
                status=RunStatus.FAILED.value,
                error_code="INTERNAL",
                message="the hub stopped while this run was going on; the next run repeats it",
                ended_at=now,
            )
        )
    return done.rowcount


@asynccontextmanager
async def alone(database: Database, source: str) -> AsyncIterator[None]:
    """Hold the only run of a source; a run that dies gives its place back by itself.

    Raises `RefusedError` CONFLICT when another run of the source is going on.
    """
    async with database.writes.connection() as connection:
        cursor = await connection.execute(f"SELECT pg_try_advisory_lock({_LOCK})", (source,))
        row = await cursor.fetchone()
        if row is None or not row[0]:
            raise RefusedError(
                ErrorCode.CONFLICT,
                message_zh=f"{source} 的采集正在进行",
                message_en=f"a harvest of {source} is going on",
                hint="Wait for it to end; its result is in the list of runs.",
            )
        try:
            yield
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
