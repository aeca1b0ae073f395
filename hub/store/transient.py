"""`transient`: calendars that sources told live and nobody may keep, until they expire.

A row is what one source said last of one instrument: taken, tentative and covered time, no booking.
It has no entry, so nothing that follows entries (exports, changes, rebuild, merges) ever meets it.
Queries show it to whoever asks for fresh data (`hub.query.computed.unkept`), never after its end.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from psycopg.types.multirange import TimestamptzMultirange
from psycopg.types.range import TimestamptzRange

from hub.store.database import Database
from hub.store.tables import METADATA

__all__ = ["Span", "TransientCalendar", "delete_expired", "keep_for_a_while"]

TABLE = METADATA.tables["transient_calendar"].name
Span = tuple[datetime, datetime]

_KEEP = f"""
INSERT INTO {TABLE} (source, instrument_key, owner, firm, tentative, cover, as_of, expires_at)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (source, instrument_key) DO UPDATE SET owner = EXCLUDED.owner, firm = EXCLUDED.firm,
  tentative = EXCLUDED.tentative, cover = EXCLUDED.cover, as_of = EXCLUDED.as_of,
  expires_at = EXCLUDED.expires_at
WHERE {TABLE}.as_of <= EXCLUDED.as_of
"""  # noqa: S608 - own name


@dataclass(frozen=True, kw_only=True, slots=True)
class TransientCalendar:
    """What a source said of one instrument; `expires_at`: nobody is shown it from then on."""

    source: str
    instrument_key: str
    owner: str
    firm: Sequence[Span]
    tentative: Sequence[Span]
    cover: Sequence[Span]
    as_of: datetime
    expires_at: datetime


async def keep_for_a_while(database: Database, calendar: TransientCalendar) -> None:
    """Put a calendar in place of what its source said before; an older one never replaces it."""
    spans = (_multirange(each) for each in (calendar.firm, calendar.tentative, calendar.cover))
    async with database.writes.connection() as connection:
        await connection.execute(
            _KEEP.encode(),
            (
                calendar.source,
                calendar.instrument_key,
                calendar.owner,
                *spans,
                calendar.as_of,
                calendar.expires_at,
            ),
        )


async def delete_expired(database: Database, now: datetime) -> int:
    """Delete what nobody is shown any more; return how many rows."""
    async with database.writes.connection() as connection:
        cursor = await connection.execute(
            f"DELETE FROM {TABLE} WHERE expires_at <= %s".encode(),  # noqa: S608 - own name
            (now,),
        )
        return cursor.rowcount


def _multirange(spans: Iterable[Span]) -> TimestamptzMultirange:
    """Return the time of all spans; they may overlap, which PostgreSQL puts right."""
    return TimestamptzMultirange([TimestamptzRange(start, end) for start, end in spans])
