"""`targets`: which sources know the calendars of some instruments, and how old what they said is.

An instrument may be stated by several sources, each under a key of its own (links). Age is that of
the coverage within the window of harvests: it says when a source last gave all that it knows. Of a
source whose answers must not be kept it is that of the last one which may still be shown.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from adapters._adapter import Context
from hub.clock import Clock
from hub.store.database import Database
from hub.store.records import StoredRecords
from hub.store.together import Together
from schema.traits import Bookable, Covers, Occupies

__all__ = ["Target", "TargetLookup", "authorities", "coverage_from", "standing"]


@dataclass(frozen=True, slots=True)
class Target:
    """One instrument at one source."""

    source: str
    key: str
    """The key by which queries know it."""
    own_key: str
    """The key by which the source names it."""
    covered_at: datetime | None
    """When the source last gave all that it knows of the window of harvests."""
    heard_at: datetime | None
    """When it last gave all that it knows of any window."""


def _statement(records: StoredRecords) -> bytes:
    """Return the statement for the sources of the keys in `$1`; `$2`: the window, `$3`: now.

    The keys are a JSON list, of which PostgreSQL expects as many whatever it holds. Of an array it
    looks at each one, and so plans the statement anew each time, which takes longer than to run it.
    """
    ((instrument, _),) = records.registry.with_trait(Bookable)
    ((coverage, covers),) = records.registry.with_trait(Covers)
    tables, covered = records.tables[instrument.name], records.tables[coverage.name].source.name
    at = "max(greatest(v.as_of,h.as_of))"
    found = (
        "SELECT g.key,c.source,c.key AS own_key,"  # noqa: S608 - names of the registry
        "greatest(k.covered_at,t.as_of) AS covered_at,greatest(k.heard_at,t.as_of) AS heard_at"
        " FROM jsonb_array_elements_text($1::jsonb) AS w (key)"
        f" JOIN {tables.read.name} g ON g.key = w.key"
        f" JOIN {tables.source.name} c ON c.item_id = g.item_id"
        " AND NOT c.withdrawn JOIN source s ON s.source_id = c.source AND s.active"
        " LEFT JOIN transient_calendar t ON t.source = c.source AND t.instrument_key = g.key"
        " AND t.expires_at > $3::timestamptz,"
        f" LATERAL (SELECT {at} FILTER (WHERE v.{covers.start} = $2::timestamptz) AS covered_at,"
        f"{at} AS heard_at FROM {covered} v LEFT JOIN heard h USING (entry_id)"
        f" WHERE v.{covers.of} = g.key AND v.source = c.source AND NOT v.withdrawn) k"
    )
    columns = "f.key,f.source,f.own_key,f.covered_at,f.heard_at"
    return (
        f"SELECT coalesce(json_agg(json_build_array({columns})"  # noqa: S608 - own words
        f" ORDER BY f.key,f.source,f.own_key),'[]')::text FROM ({found}) f"
    ).encode()


class TargetLookup:
    """Finds which sources know some instruments, for all who ask at once by one statement."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database, self._clock = database, clock
        self._statement = _statement(database.records)
        self._looks: Together[Sequence[str], list[Target]] = Together(self._look)

    async def of(self, keys: Sequence[str]) -> list[Target]:
        """Return the sources of some instruments, and how old what they said is."""
        return await self._looks.of(keys)

    async def aclose(self) -> None:
        """Cancel the look under way."""
        await self._looks.aclose()

    async def _look(self, asked: Sequence[Sequence[str]]) -> Sequence[list[Target]]:
        now = self._clock()
        keys = sorted({key for each in asked for key in each})
        window = Context(source="", now=now).window_start
        texts = (json.dumps(keys), window.isoformat(), now.isoformat())
        body = await self._database.answer(self._statement, [each.encode() for each in texts])
        assert body is not None, "an aggregate always has a row"
        of_key: dict[str, list[Target]] = {}
        for key, source, own_key, covered_at, heard_at in json.loads(body):
            target = Target(source, key, own_key, _instant(covered_at), _instant(heard_at))
            of_key.setdefault(key, []).append(target)
        return [[one for key in sorted(set(each)) for one in of_key.get(key, ())] for each in asked]


def _instant(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


async def standing(
    database: Database, record_type: str, target: Target, since: datetime, until: datetime
) -> dict[str, datetime]:
    """Return what the store has of a target within a window: keys, and when each was stated."""
    records = database.records
    table = records.tables[record_type].source.name
    takes = records.registry[record_type].trait(Occupies)
    assert takes is not None, "live questions are about what takes time"
    rows = await database.writes.fetch_all(
        f"SELECT key,as_of FROM {table} WHERE source = %s AND {takes.of} = %s"  # noqa: S608
        f" AND starts_with(key,%s) AND NOT withdrawn AND {takes.end} > %s AND {takes.start} < %s",
        (target.source, target.key, f"{target.own_key}/", since, until),
    )
    return dict(rows)


async def authorities(
    database: Database, record_type: str, target: Target, keys: Sequence[str]
) -> list[tuple[str, dict[str, str]]]:
    """Return keys that stand of a target, each with what a row says of the system that numbers it.

    That is nothing where the source numbers them itself.
    """
    table = database.records.tables[record_type].source.name
    rows = await database.writes.fetch_all(
        f"SELECT c.key, CASE WHEN c.authority <> s.authority THEN c.authority END FROM {table} c"  # noqa: S608
        " JOIN source s ON s.source_id = c.source WHERE c.source = %s AND c.key = ANY(%s)"
        " AND NOT c.withdrawn ORDER BY c.key, c.authority",
        (target.source, list(keys)),
    )
    return [(key, {} if by is None else {"authority": by}) for key, by in rows]


async def coverage_from(database: Database, target: Target, since: datetime) -> list[str]:
    """Return the keys of a target's coverage that reaches beyond a moment."""
    records = database.records
    ((coverage, covers),) = records.registry.with_trait(Covers)
    rows = await database.writes.fetch_all(
        f"SELECT key FROM {records.tables[coverage.name].source.name}"  # noqa: S608
        f" WHERE source = %s AND {covers.of} = %s AND starts_with(key,%s) AND NOT withdrawn"
        f" AND {covers.end} > %s AND as_of <= %s",
        (target.source, target.key, f"{target.own_key}/", since, since),
    )
    return [key for (key,) in rows]
