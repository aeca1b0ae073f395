"""`sources`: the register of systems that say facts to the hub."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert

from hub.store.database import Database
from hub.store.tables import SOURCE

SOURCES_MAX = 10_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """One registered source and how its last run went."""

    source_id: str
    title: str
    mode: str
    owners: tuple[str, ...] | None
    active: bool
    rows: int
    promised_freshness_s: int
    last_status: str | None
    last_error_code: str | None
    last_ok_at: datetime | None
    last_run_at: datetime | None


async def register_source(
    database: Database,
    source_id: str,
    title: str,
    *,
    mode: str,
    now: datetime,
    owners: Sequence[str] | None = None,
    **facts: Any,
) -> None:
    """Register a source, or renew what its registration says; its history stays.

    `owners`: institutions it may speak for; None for a platform that speaks for any. `facts`:
    further columns of the table `source` (title_en, publisher, division_code, …); a source that is
    new and states no `promised_freshness_s` promises `PROMISED_FRESHNESS_S`.
    """
    values = {
        "source_id": source_id,
        "title": title,
        "mode": mode,
        "owners": None if owners is None else list(owners),
        **facts,
    }
    statement = insert(SOURCE).values(**values, created_at=now)
    renewed = {name: statement.excluded[name] for name in values if name != "source_id"}
    async with database.core() as connection:
        await connection.execute(
            statement.on_conflict_do_update(index_elements=["source_id"], set_=renewed)
        )


async def heard_from(
    database: Database, source_id: str, as_of: datetime, now: datetime, *, added: int
) -> None:
    """Note that a source that pushes has said what it knew at `as_of`; `added` rows are new."""
    statement = (
        update(SOURCE)
        .where(SOURCE.c.source_id == source_id)
        .values(
            last_ok_at=func.greatest(SOURCE.c.last_ok_at, as_of),
            last_run_at=now,
            rows=SOURCE.c.rows + added,
            last_status="OK",
            last_error_code=None,
        )
    )
    async with database.core() as connection:
        await connection.execute(statement)


async def list_sources(database: Database) -> list[Source]:
    """Return every source in order of its id."""
    columns = [SOURCE.c[name] for name in Source.__dataclass_fields__]
    async with database.core() as connection:
        found = await connection.execute(
            select(*columns).order_by(SOURCE.c.source_id).limit(SOURCES_MAX)
        )
        return [
            Source(**{**row, "owners": None if row["owners"] is None else tuple(row["owners"])})
            for row in found.mappings()
        ]
