"""`source_events`: how asking each source went: questions, readings, breakers that changed.

It is what operators and callers see as the history of a source; nothing is decided by it. Old
events go, and of a busy source all but the newest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from enum import StrEnum
from operator import attrgetter

from hub.store.copying import Connection
from hub.store.database import Database

__all__ = ["EventKind", "SourceEvent", "delete_old_events", "keep_events"]

EVENTS_KEPT_DAYS = 30
EVENTS_KEPT_MAX = 1_000
"""Events of one source that are kept, the newest."""


class EventKind(StrEnum):
    """What happened."""

    LIVE = "LIVE"
    """The source was asked while a caller waited."""
    HARVEST = "HARVEST"
    """It was read."""
    BREAKER = "BREAKER"
    """It is not asked any more (OPEN), or is again (CLOSED)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SourceEvent:
    """One event; the fields are the columns of the table, in its order."""

    source: str
    kind: EventKind
    record_type: str | None = None
    status: str
    served_from: str | None = None
    latency_ms: int | None = None
    rows: int | None = None
    error_code: str | None = None
    at: datetime


_values = attrgetter(*(each.name for each in fields(SourceEvent)))
_KEEP = b"""
INSERT INTO source_event (source, kind, record_type, status, served_from, latency_ms, rows,
  error_code, at)
SELECT * FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::integer[],
  %s::bigint[], %s::text[], %s::timestamptz[])
"""
_OLD = b"""
DELETE FROM source_event e USING (
  SELECT event_id FROM (SELECT event_id, at,
      row_number() OVER (PARTITION BY source ORDER BY event_id DESC) AS n FROM source_event) r
  WHERE r.n > %s OR r.at < %s) o
WHERE e.event_id = o.event_id
"""


async def keep_events(connection: Connection, events: Sequence[SourceEvent]) -> None:
    """Write events in their order by one statement, in the caller's transaction."""
    if events:
        columns = [list(column) for column in zip(*map(_values, events), strict=True)]
        await connection.execute(_KEEP, columns)


async def delete_old_events(database: Database, now: datetime) -> int:
    """Delete the events that are not kept any more; return how many."""
    async with database.writes.connection() as connection:
        cursor = await connection.execute(
            _OLD, (EVENTS_KEPT_MAX, now - timedelta(days=EVENTS_KEPT_DAYS))
        )
        return cursor.rowcount
