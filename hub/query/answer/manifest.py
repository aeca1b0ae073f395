"""`manifest`: every source behind an answer, with its status and age, in each response.

The sources are read at most once in `MANIFEST_CACHE_S`; an answer names those that give the record
types it read, and those that have never answered. What came of asking a source for a request
(`Asked`) stands in place of what the store knows of it.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from psycopg import AsyncRawCursor

from hub.clock import Clock
from hub.identity.links import UNLINKED, Names
from hub.query.sql.model import Model
from hub.query.sql.sources import manifest_statement
from hub.store.database import Database
from hub.store.view import names_now
from schema.dates import format_instant

Asked = Mapping[str, Mapping[str, Any]]
"""The manifest of one request, by source."""
MANIFEST_CACHE_S = 1.0
"""Age after which the sources are read again."""


class Manifest:
    """The sources and their status, read again every `MANIFEST_CACHE_S`."""

    def __init__(self, database: Database, model: Model, clock: Clock) -> None:
        self._database = database
        self._statement = manifest_statement(model).encode()
        self._clock = clock
        self._read_at: datetime | None = None
        self._rows: list[tuple[dict[str, Any], frozenset[str]]] = []
        self._texts: dict[frozenset[str], bytes] = {}
        self._names = UNLINKED
        self._lock = asyncio.Lock()

    async def facts(self, records: frozenset[str]) -> list[dict[str, Any]]:
        """Return what the store knows of the sources of some record types."""
        await self._freshen()
        return [facts for facts, types in self._rows if types & records]

    async def of(self, records: frozenset[str], asked: Asked | None = None) -> bytes:
        """Return the JSON list of the sources of some record types."""
        if asked is not None:
            chosen = [asked.get(facts["id"], facts) for facts in await self.facts(records)]
            return json.dumps(chosen, ensure_ascii=False).encode()
        await self._freshen()
        text = self._texts.get(records)
        if text is None:
            chosen = [facts for facts, types in self._rows if types & records]
            text = self._texts[records] = json.dumps(chosen, ensure_ascii=False).encode()
        return text

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
        if self._read_at is None:
            return False
        return 0 <= (self._clock() - self._read_at).total_seconds() < MANIFEST_CACHE_S

    async def _read(self) -> None:
        now = self._clock()
        async with self._database.reads.connection() as connection:
            cursor = AsyncRawCursor(connection)
            await cursor.execute(self._statement, (format_instant(now),))
            rows = await cursor.fetchall()
            self._names = await names_now(connection, self._database.records)
        self._rows = [(_facts(row), frozenset(row[5])) for row in rows]
        self._texts = {}
        self._read_at = now


def _facts(row: tuple[Any, ...]) -> dict[str, Any]:
    source, state, as_of, rows, error_code, *_ = row
    return {
        "id": source,
        "status": state,
        "servedFrom": "STORE",
        "asOf": None if as_of is None else format_instant(as_of),
        "latencyMs": None,
        "rows": rows,
        "errorCode": error_code,
    }
