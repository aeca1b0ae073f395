"""`manifest`: every source behind an answer, with its status and age, in each response.

The sources are read at most once in `MANIFEST_CACHE_S`; an answer names those that give the record
types it read, and those that have never answered, as far as they could answer for whom the request
is about (`hub.query.plan.reach`). What came of asking a source for a request
(`Asked`) stands in place of what the store knows of it. A request keeps the reading that it began
with (`KnownSources`): its statements are given it as one value, and its answer ends with the same.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from psycopg import AsyncRawCursor

from hub.clock import Clock
from hub.identity.links import UNLINKED, Names
from hub.query.plan.reach import Places, Reach, SourceReach
from hub.query.sql.model import Model
from hub.query.sql.sources import manifest_statement, places_statement
from hub.store.database import Database
from hub.store.view import names_now
from schema.dates import format_instant

Asked = Mapping[str, Mapping[str, Any]]
"""The manifest of one request, by source."""
MANIFEST_CACHE_S = 1.0
"""Age after which the sources are read again."""
PLACES_CACHE_S = 60.0
"""Age after which is read again in which provinces institutions and their instruments are."""
TEXTS_MAX = 4_096
"""Manifests that are kept as text until the sources are read again."""


class KnownSources:
    """The sources as they were read at one moment."""

    def __init__(self, rows: Iterable[tuple[dict[str, Any], frozenset[str]]]) -> None:
        self._rows = list(rows)
        self._texts: dict[tuple[frozenset[str], frozenset[str] | None], bytes] = {}
        self._bound = _bound(self._rows, {})

    def facts(self, records: frozenset[str]) -> list[dict[str, Any]]:
        """Return what is known of the sources of some record types."""
        return [facts for facts, types in self._rows if types & records]

    def bound(self, asked: Asked | None) -> str:
        """Return all sources as a statement takes them (`hub.query.sql.sources`)."""
        return self._bound if asked is None else _bound(self._rows, asked)

    def text(
        self,
        records: frozenset[str],
        asked: Asked | None = None,
        could: frozenset[str] | None = None,
    ) -> bytes:
        """Return the JSON list of the sources of some record types.

        `could`: those that could answer; None: no source is left out.
        """
        if asked is not None:
            return _text((asked.get(each["id"], each) for each in self.facts(records)), could)
        text = self._texts.get((records, could))
        if text is None:
            text = _text(self.facts(records), could)
            if len(self._texts) < TEXTS_MAX:
                self._texts[records, could] = text
        return text


class Manifest:
    """The sources and their status, read again every `MANIFEST_CACHE_S`."""

    def __init__(self, database: Database, model: Model, clock: Clock) -> None:
        self._database = database
        self._statement = manifest_statement(model).encode()
        self._clock = clock
        self._read_at: datetime | None = None
        self._known = KnownSources(())
        self._names = UNLINKED
        self._reach = SourceReach((), UNLINKED)
        self._places: Places = {}
        self._places_at: datetime | None = None
        self._of_places = places_statement(model)
        self._lock = asyncio.Lock()

    async def now(self) -> KnownSources:
        """Return the sources as they stand."""
        await self._freshen()
        return self._known

    async def learn(self, reaches: Iterable[Reach | None]) -> None:
        """Read what is needed to say which sources could answer."""
        await self._freshen()
        if any(each is not None and each.provinces is not None for each in reaches):
            async with self._lock:
                if not _is_recent(self._places_at, self._clock(), PLACES_CACHE_S):
                    await self._read_places()

    def could(self, reach: Reach) -> frozenset[str]:
        """Return the sources that could answer for whom a request is about."""
        return self._reach.sources(reach, self._places)

    async def names(self) -> Names:
        """Return the present names of linked records."""
        await self._freshen()
        return self._names

    async def _freshen(self) -> None:
        if not self._fresh():
            async with self._lock:
                if not self._fresh():
                    await self._read()

    def _fresh(self) -> bool:
        return _is_recent(self._read_at, self._clock(), MANIFEST_CACHE_S)

    async def _read(self) -> None:
        now = self._clock()
        async with self._database.reads.connection() as connection:
            cursor = AsyncRawCursor(connection)
            await cursor.execute(self._statement, (format_instant(now),))
            rows = await cursor.fetchall()
            self._names = await names_now(connection, self._database.records)
        self._known = KnownSources((_facts(row), frozenset(row[7])) for row in rows)
        self._reach = SourceReach([(row[0], row[6]) for row in rows], self._names)
        self._read_at = now

    async def _read_places(self) -> None:
        now = self._clock()
        rows = await self._database.reads.fetch_all(
            self._of_places, {"owners": sorted(self._reach.owners)}
        )
        places: dict[str, set[str | None]] = {}
        for owner, province in rows:
            places.setdefault(owner, set()).add(province)
        self._places, self._places_at = places, now


def _is_recent(at: datetime | None, now: datetime, seconds: float) -> bool:
    return at is not None and 0 <= (now - at).total_seconds() < seconds


def _text(facts: Iterable[Mapping[str, Any]], could: frozenset[str] | None) -> bytes:
    chosen = [each for each in facts if could is None or each["id"] in could]
    return json.dumps(chosen, ensure_ascii=False).encode()


def _bound(rows: Iterable[tuple[dict[str, Any], frozenset[str]]], asked: Asked) -> str:
    whole = [{**asked.get(f["id"], f), "types": sorted(types)} for f, types in rows]
    return json.dumps(whole, ensure_ascii=False)


def _facts(row: tuple[Any, ...]) -> dict[str, Any]:
    source, state, as_of, rows, error_code, via, *_ = row
    return {
        "id": source,
        "status": state,
        "servedFrom": "STORE",
        "asOf": None if as_of is None else format_instant(as_of),
        "latencyMs": None,
        "rows": rows,
        "errorCode": error_code,
        "via": via,
    }
