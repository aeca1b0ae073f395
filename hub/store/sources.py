"""`sources`: the register of systems that say facts to the hub."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from hub.store.copying import Connection
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
    owners: Sequence[str] | None,
    **facts: Any,
) -> None:
    """Register a source, or renew what its registration says; its history stays.

    `owners`: institutions it may speak for; None for a platform that speaks for anybody, which may
    state facts but no rights and no decisions. `facts`:
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


_HEARD = b"""
UPDATE source SET rows = rows + %(added)s,
  last_ok_at = CASE WHEN %(heard)s THEN greatest(last_ok_at, %(as_of)s) ELSE last_ok_at END,
  last_run_at = CASE WHEN %(heard)s THEN %(now)s ELSE last_run_at END,
  last_status = CASE WHEN %(heard)s THEN 'OK' ELSE last_status END,
  last_error_code = CASE WHEN %(heard)s THEN NULL ELSE last_error_code END
WHERE source_id = %(source)s
"""


async def heard_from(
    connection: Connection,
    source_id: str,
    *,
    added: int,
    at: tuple[datetime, datetime] | None,
) -> None:
    """Count the rows by which a source grew, in the transaction that adds them.

    `at`: what it said was known at the first instant and came at the second; None where that is not
    for one batch to say. The last statement of a transaction, since it holds the source's row.
    """
    if at is None and not added:
        return
    as_of, now = at or (None, None)
    await connection.execute(
        _HEARD,
        {
            "added": added,
            "heard": at is not None,
            "as_of": as_of,
            "now": now,
            "source": source_id,
        },
    )


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
