"""`WaitingRows`: what a batch that was sent does to the rows of its source that wait in quarantine.

- The same row refused again is the row that waits already: the same bad file twice gives one set.
- A row of the same record that is refused for other reasons, or says something else, takes the
  place of the one that waited (REPLACED).
- A row of the same record that goes in closes what waited of it (CORRECTED).

What a harvest finds settles at its end (`hub.harvest.runs.discard_superseded`), since only a list
that was read whole tells what is no longer wrong. Statements of the caller's transaction; where
nothing waits, as is usual, one look at an index is all.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from hub.intake.decide import Decided
from hub.intake.limits import ROWS_AT_ONCE
from hub.store.copying import Connection
from hub.store.many_texts import ALL_TEXTS, many_texts
from hub.turns import Turns
from schema.personal import without_citizen_numbers

T = TypeVar("T")
Waiting = dict[tuple[str | None, str | None], dict[str, list[int]]]
"""Ids of open rows by their raw text, by record type and key."""

_ANY = b"SELECT 1 FROM quarantine WHERE status = 'OPEN' AND source = %s LIMIT 1"
_OPEN = (
    "SELECT record_type, key, quarantine_id, raw FROM quarantine "
    "WHERE status = 'OPEN' AND source = %s AND "
)
_OF_KEYS = f"{_OPEN} key = ANY({ALL_TEXTS})".encode()
_KEYLESS = f"{_OPEN} key IS NULL AND raw = ANY({ALL_TEXTS})".encode()
_CORRECTED = b"""
UPDATE quarantine SET status = 'CORRECTED', settled_at = %s, entry_id = c.entry_id
FROM json_to_recordset(%s) c (key text, entry_id bigint)
WHERE status = 'OPEN' AND source = %s AND record_type = %s AND quarantine.key = c.key
"""
_TOLD = b"""
UPDATE quarantine SET problems = t.problems::jsonb
FROM json_to_recordset(%s) t (quarantine_id bigint, problems text)
WHERE quarantine.quarantine_id = t.quarantine_id
"""
_REPLACED = b"""
UPDATE quarantine SET status = 'REPLACED', settled_at = %s WHERE quarantine_id = ANY(%s)
"""


@dataclass(frozen=True, slots=True)
class Kept:
    """A refused row as quarantine keeps it."""

    record_type: str | None
    key: str | None
    raw: str
    problems: str
    """JSON text."""


class WaitingRows:
    """The open rows of one source, as one batch meets them."""

    def __init__(self, connection: Connection, source: str, now: datetime) -> None:
        self._connection = connection
        self._source = source
        self._now = now

    async def is_empty(self) -> bool:
        """Tell whether no row of the source waits."""
        cursor = await self._connection.execute(_ANY, (self._source,))
        return await cursor.fetchone() is None

    async def correct(self, decided: Mapping[str, Decided]) -> None:
        """Close what waited of records that went in, or stand as they were sent."""
        for name, each in decided.items():
            entries = {entry.row.key: entry.current.entry_id for entry in each.entries}
            entries |= {row.key: current.entry_id for row, current in each.duplicates}
            async for part in _parts(list(entries.items())):
                keys = [
                    {"key": without_citizen_numbers(key or ""), "entry_id": entry}
                    for key, entry in part
                ]
                parameters = (self._now, json.dumps(keys), self._source, name)
                await self._connection.execute(_CORRECTED, parameters)

    async def replace(self, refused: Sequence[Kept]) -> list[bool]:
        """Return for each refused row whether it waits already; close what it takes the place of.

        One that waits already is told for what it is refused now.
        """
        waiting = await self._waiting(refused)
        told: dict[int, str] = {}
        replaced: set[int] = set()
        again: list[bool] = []
        turns = Turns()
        for each in refused:
            known = waiting.get((each.record_type, each.key), {})
            again.append(each.raw in known)
            await turns.pause()
        # What several rows say, or of one record, is looked at once: many rows may be all alike.
        for (record_type, key, raw), problems in {
            (each.record_type, each.key, each.raw): each.problems for each in refused
        }.items():
            told |= dict.fromkeys(waiting.get((record_type, key), {}).get(raw, ()), problems)
            await turns.pause()
        for name in {(each.record_type, each.key) for each in refused if each.key is not None}:
            for alike in waiting.get(name, {}).values():
                replaced.update(alike)
                await turns.pause()
        async for part in _parts(list(told.items())):
            lines = [{"quarantine_id": known, "problems": problems} for known, problems in part]
            await self._connection.execute(_TOLD, (json.dumps(lines),))
        if replaced - told.keys():
            closed = sorted(replaced - told.keys())
            await self._connection.execute(_REPLACED, (self._now, closed))
        return again

    async def _waiting(self, refused: Sequence[Kept]) -> Waiting:
        """Read what waits of these rows, once for each key and for each text without a key."""
        waiting: Waiting = {}
        keys = {each.key for each in refused if each.key is not None}
        keyless = {each.raw for each in refused if each.key is None}
        turns = Turns()
        for statement, names in ((_OF_KEYS, list(keys)), (_KEYLESS, list(keyless))):
            async for part in _parts(names):
                cursor = await self._connection.execute(statement, (self._source, many_texts(part)))
                for record_type, key, quarantine_id, raw in await cursor.fetchall():
                    of_record = waiting.setdefault((record_type, key), {})
                    of_record.setdefault(raw, []).append(quarantine_id)
                    await turns.pause()
        return waiting


async def _parts(rows: Sequence[T]) -> AsyncIterator[Sequence[T]]:
    """Yield the rows in parts that are written down in one turn of the event loop."""
    turns = Turns()
    for start in range(0, len(rows), ROWS_AT_ONCE):
        yield rows[start : start + ROWS_AT_ONCE]
        await turns.pause()
