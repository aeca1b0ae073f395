"""`registry`: keeps the tables of sources and runs.

"Running" and "last result" are two facts: a run that begins does not hide how the last one ended,
and a source that never succeeded has no `last_ok_at`.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert

from hub.harvest.limits import MESSAGE_CHARACTERS_MAX
from hub.harvest.report import Report, RunStatus
from hub.harvest.source import Source
from hub.store.database import Database
from hub.store.tables import RUN, SOURCE

MODE = "HARVEST"


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
        of_source |= {"last_ok_at": began, "rows": report.records}
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


async def is_running(database: Database, source: str) -> bool:
    """Tell whether a run of this source is going on."""
    statement = select(func.count()).where(
        RUN.c.source == source, RUN.c.status == RunStatus.RUNNING.value
    )
    async with database.core() as connection:
        return bool((await connection.execute(statement)).scalar_one())
