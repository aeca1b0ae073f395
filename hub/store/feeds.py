"""`feeds`: the table of what each source tells of each record type.

What a feed is (mode, schedule, promise) is declared by its adapter and written when its source is
registered; when it was asked and heard, and where it goes on, is kept by the runs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncConnection as CoreConnection

from hub.store.copying import Connection
from hub.store.database import Database
from hub.store.tables import FEED

__all__ = ["FeedRow", "declare_feeds", "feeds_of", "keep_position", "note_asked", "note_heard"]


@dataclass(frozen=True, kw_only=True, slots=True)
class FeedRow:
    """One record type of one source; what is not declared of it is None or empty until a run."""

    record_type: str
    mode: str
    every_s: int | None
    promised_freshness_s: int
    asked_at: datetime | None = None
    heard_at: datetime | None = None
    state: Mapping[str, Any] | None = None


_DECLARE = """
INSERT INTO feed (source, record_type, mode, every_s, promised_freshness_s)
VALUES (%s, %s, %s, %s, %s)
ON CONFLICT (source, record_type) DO UPDATE SET mode = EXCLUDED.mode, every_s = EXCLUDED.every_s,
  promised_freshness_s = EXCLUDED.promised_freshness_s
WHERE (feed.mode, feed.every_s, feed.promised_freshness_s)
  IS DISTINCT FROM (EXCLUDED.mode, EXCLUDED.every_s, EXCLUDED.promised_freshness_s)
"""


async def declare_feeds(connection: Connection, source_id: str, feeds: Sequence[FeedRow]) -> None:
    """Write what a source tells, in the transaction that registers it; forget what it told once."""
    async with connection.cursor() as cursor:
        await cursor.execute(
            "DELETE FROM feed WHERE source = %s AND record_type <> ALL(%s)",
            (source_id, [feed.record_type for feed in feeds]),
        )
        await cursor.executemany(
            _DECLARE,
            [
                (source_id, feed.record_type, feed.mode, feed.every_s, feed.promised_freshness_s)
                for feed in feeds
            ],
        )


async def feeds_of(database: Database, sources: Iterable[str]) -> dict[str, list[FeedRow]]:
    """Return the feeds of some sources by their ids, each in order of its record types."""
    rows = await database.writes.fetch_all(
        "SELECT source, record_type, mode, every_s, promised_freshness_s, asked_at, heard_at, "
        "state FROM feed WHERE source = ANY(%s) ORDER BY source, record_type",
        (list(sources),),
    )
    feeds: dict[str, list[FeedRow]] = {}
    for source, record_type, mode, every_s, promised_s, asked_at, heard_at, state in rows:
        feed = FeedRow(
            record_type=record_type,
            mode=mode,
            every_s=every_s,
            promised_freshness_s=promised_s,
            asked_at=asked_at,
            heard_at=heard_at,
            state=state,
        )
        feeds.setdefault(source, []).append(feed)
    return feeds


async def note_asked(
    connection: Connection, source_id: str, record_types: Sequence[str], now: datetime
) -> None:
    """Note that a run began that reads these."""
    await connection.execute(
        "UPDATE feed SET asked_at = %s WHERE source = %s AND record_type = ANY(%s)",
        (now, source_id, list(record_types)),
    )


async def note_heard(
    connection: CoreConnection,
    source_id: str,
    parts: Mapping[str, tuple[datetime | None, datetime | None]],
    began: datetime,
) -> None:
    """Note which record types a run read whole, and which part of them: since and until."""
    for record_type, (since, until) in sorted(parts.items()):
        await connection.execute(
            update(FEED)
            .where(FEED.c.source == source_id, FEED.c.record_type == record_type)
            .values(heard_at=began, since=since, until=until)
        )


async def keep_position(
    database: Database,
    source_id: str,
    record_type: str,
    name: str,
    position: Mapping[str, Any] | None,
) -> None:
    """Keep where a list goes on after a cut; None: it begins anew."""
    change = (
        "state - %(name)s::text"
        if position is None
        else ("state || jsonb_build_object(%(name)s::text, %(position)s::jsonb)")
    )
    async with database.writes.connection() as connection:
        await connection.execute(
            f"UPDATE feed SET state = {change} "  # noqa: S608 - own words
            "WHERE source = %(source)s AND record_type = %(type)s",
            {
                "name": name,
                "position": None if position is None else Jsonb(position),
                "source": source_id,
                "type": record_type,
            },
        )
