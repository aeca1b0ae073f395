"""`generation`: whether entries can be seen that could not be seen a moment ago.

What answers show changes with entries (design §2-19). A process counts generations: each time that
it finds entries which the snapshot before it did not show, a new one begins. So what was read after
a generation was asked for, and is asked about again in the same one, is what would be read now.
Whoever wrote, this process, another worker or a command line, makes no difference: the snapshots
decide.

Entries of a restored database were numbered by another server (`hub.store.epoch`): they are never
new, and the restored database is another epoch, in which a new generation begins.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from hub.clock import Clock
from hub.store.database import Database
from hub.store.together import Together

__all__ = ["Generation", "Generations"]

_LOOK = b"""
SELECT json_build_array(pg_current_snapshot()::text, f.epoch,
  EXISTS (SELECT FROM entry e WHERE e.xid >= pg_snapshot_xmax($1::pg_snapshot)
    AND e.entry_id > coalesce(f.restored_through, 0))
  OR EXISTS (SELECT FROM pg_snapshot_xip($1::pg_snapshot) AS x (xid) JOIN entry e ON e.xid = x.xid),
  (SELECT min(t.expires_at) FROM transient_calendar t WHERE t.expires_at > $2::timestamptz))::text
FROM (SELECT 1) o LEFT JOIN feed_state f ON f.name = 'entry'"""


@dataclass(frozen=True, slots=True)
class Generation:
    """One generation, as it was asked for."""

    number: int
    ends_by: datetime | None
    """When the next calendar that may not be kept expires; None: there is none."""


class Generations:
    """Counts the generations of a database, as its readers see it."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database, self._clock = database, clock
        self._looks: Together[None, Generation] = Together(self._look)
        self._snapshot: bytes | None = None
        self._epoch: str | None = None
        self._number = 0

    async def now(self) -> Generation:
        """Return the generation, by a look that begins after this was asked."""
        return await self._looks.of(None)

    async def _look(self, asked: Sequence[None]) -> Sequence[Generation]:
        now = self._clock().isoformat().encode()
        body = await self._database.answer(_LOOK, [self._snapshot, now])
        assert body is not None, "the statement always has a row"
        snapshot, epoch, has_moved, ends = json.loads(body)
        if self._snapshot is None or has_moved or epoch != self._epoch:
            self._number += 1
        self._snapshot, self._epoch = snapshot.encode(), epoch
        ends_by = None if ends is None else datetime.fromisoformat(ends)
        return [Generation(self._number, ends_by)] * len(asked)
