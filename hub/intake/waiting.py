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

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from hub.intake.decide import Decided
from hub.store.copying import Connection
from schema.personal import without_citizen_numbers

Waiting = dict[tuple[str | None, str | None], list[tuple[int, str]]]
"""Ids and raw texts of open rows, by record type and key."""

_ANY = b"SELECT 1 FROM quarantine WHERE status = 'OPEN' AND source = %s LIMIT 1"
_WAITING = b"""
SELECT record_type, key, quarantine_id, raw FROM quarantine
WHERE status = 'OPEN' AND source = %s AND (key = ANY(%s) OR (key IS NULL AND raw = ANY(%s)))
"""
_CORRECTED = b"""
UPDATE quarantine SET status = 'CORRECTED', settled_at = %s, entry_id = c.entry_id
FROM unnest(%s::text[], %s::bigint[]) c (key, entry_id)
WHERE status = 'OPEN' AND source = %s AND record_type = %s AND quarantine.key = c.key
"""
_TOLD = b"""
UPDATE quarantine SET problems = t.problems::jsonb
FROM unnest(%s::bigint[], %s::text[]) t (quarantine_id, problems)
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
            keys = [without_citizen_numbers(key or "") for key in entries]
            parameters = (self._now, keys, list(entries.values()), self._source, name)
            await self._connection.execute(_CORRECTED, parameters)

    async def replace(self, refused: Sequence[Kept]) -> list[bool]:
        """Return for each refused row whether it waits already; close what it takes the place of.

        One that waits already is told for what it is refused now.
        """
        waiting = await self._waiting(refused)
        told: dict[int, str] = {}
        replaced: set[int] = set()
        again: list[bool] = []
        for each in refused:
            known = waiting.get((each.record_type, each.key), [])
            alike = [quarantine_id for quarantine_id, text in known if text == each.raw]
            told |= dict.fromkeys(alike, each.problems)
            again.append(bool(alike))
            if each.key is not None:
                replaced |= {quarantine_id for quarantine_id, _ in known}
        if told:
            await self._connection.execute(_TOLD, (list(told), list(told.values())))
        if replaced - told.keys():
            closed = sorted(replaced - told.keys())
            await self._connection.execute(_REPLACED, (self._now, closed))
        return again

    async def _waiting(self, refused: Sequence[Kept]) -> Waiting:
        keys = [each.key for each in refused if each.key is not None]
        keyless = [each.raw for each in refused if each.key is None]
        cursor = await self._connection.execute(_WAITING, (self._source, keys, keyless))
        waiting: Waiting = defaultdict(list)
        for record_type, key, quarantine_id, raw in await cursor.fetchall():
            waiting[record_type, key].append((quarantine_id, raw))
        return waiting
