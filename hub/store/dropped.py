"""`DroppedLedger`: what is known of the files that sources leave in folders, in the table of them.

A row is a file by its name and by what it looks like; one that looks otherwise is another row. What
was only seen and is not there any more, or not as it was, is forgotten: it stands still anew. What
was taken stays known by the SHA-256 of its bytes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from connectors.drop.entries import DropEntry
from connectors.drop.ledger import FileState, KnownFile
from hub.clock import Clock
from hub.store.database import Database

__all__ = ["DroppedLedger"]

MESSAGE_CHARACTERS_MAX = 2_000
NAMES_MAX = 1_000
_FORGET = """
DELETE FROM dropped_file d WHERE source = %(source)s AND state = 'SEEN' AND NOT EXISTS (
  SELECT FROM unnest(%(names)s::text[], %(sizes)s::bigint[], %(times)s::bigint[])
    f (name, size, modified)
  WHERE (f.name, f.size, f.modified) = (d.name, d.size, d.modified))
"""
_SEE = """
INSERT INTO dropped_file (source, name, size, modified, still_since, state, noted_at)
SELECT %(source)s, f.name, f.size, f.modified, %(now)s, 'SEEN', %(now)s
FROM unnest(%(names)s::text[], %(sizes)s::bigint[], %(times)s::bigint[]) f (name, size, modified)
ON CONFLICT (source, name, size, modified) DO UPDATE SET still_since = EXCLUDED.still_since
WHERE dropped_file.still_since > EXCLUDED.still_since
"""
"""A clock that was set back: what lies ahead of it says nothing."""
_KNOWN = """
SELECT d.name, d.state, d.still_since, d.noted_at, d.road, d.message FROM dropped_file d
JOIN unnest(%(names)s::text[], %(sizes)s::bigint[], %(times)s::bigint[]) f (name, size, modified)
  ON (f.name, f.size, f.modified) = (d.name, d.size, d.modified)
WHERE d.source = %(source)s
"""
_NOTE = """
INSERT INTO dropped_file
  (source, name, size, modified, still_since, state, digest, road, message, noted_at)
VALUES (%(source)s, %(name)s, %(size)s, %(modified)s, %(now)s, %(state)s, %(digest)s, %(road)s,
  %(message)s, %(now)s)
ON CONFLICT (source, name, size, modified) DO UPDATE SET state = EXCLUDED.state,
  digest = EXCLUDED.digest, road = EXCLUDED.road, message = EXCLUDED.message,
  noted_at = CASE WHEN dropped_file.state = EXCLUDED.state THEN dropped_file.noted_at
    ELSE EXCLUDED.noted_at END
"""


class DroppedLedger:
    """Keeps what is known of the files of one source; `clock` is the hub's."""

    def __init__(self, database: Database, source: str, clock: Clock) -> None:
        self._database = database
        self._source = source
        self._clock = clock

    async def watch(self, files: Sequence[DropEntry]) -> Mapping[str, KnownFile]:
        """Note what the files look like now; return what is known of each."""
        now = self._clock()
        given = {
            "source": self._source,
            "now": now,
            "names": [each.name for each in files],
            "sizes": [each.size for each in files],
            "times": [each.modified for each in files],
        }
        async with self._database.writes.transaction() as connection:
            await connection.execute(_FORGET, given)
            await connection.execute(_SEE, given)
            cursor = await connection.execute(_KNOWN, given)
            rows = await cursor.fetchall()
        return {name: _known(now, *row) for name, *row in rows}

    async def name_of(self, digest: bytes) -> str | None:
        """Return the name under which these bytes were taken; None: they never were."""
        rows = await self._database.writes.fetch_all(
            "SELECT name FROM dropped_file WHERE source = %s AND digest = %s "
            "AND state IN ('TAKEN', 'ANSWERED') ORDER BY noted_at LIMIT 1",
            (self._source, digest),
        )
        return str(rows[0][0]) if rows else None

    async def names_taken(self, prefix: str) -> list[str]:
        """Return the names of files that were taken and begin so, in any case; at most 1,000."""
        rows = await self._database.writes.fetch_all(
            "SELECT DISTINCT name FROM dropped_file WHERE source = %s "
            "AND starts_with(lower(name), lower(%s)) AND state IN ('TAKEN', 'ANSWERED') LIMIT %s",
            (self._source, prefix, NAMES_MAX),
        )
        return [str(name) for (name,) in rows]

    async def note(
        self,
        file: DropEntry,
        state: FileState,
        digest: bytes,
        *,
        road: bytes = b"",
        message: str = "",
    ) -> None:
        """Keep what became of a file, and since when."""
        given = {
            "source": self._source,
            "name": file.name,
            "size": file.size,
            "modified": file.modified,
            "now": self._clock(),
            "state": state.value,
            "digest": digest or None,
            "road": road or None,
            "message": message[:MESSAGE_CHARACTERS_MAX] or None,
        }
        async with self._database.writes.connection() as connection:
            await connection.execute(_NOTE, given)


def _known(
    now: datetime,
    state: str,
    still_since: datetime,
    noted_at: datetime,
    road: bytes | None,
    message: str | None,
) -> KnownFile:
    return KnownFile(
        state=FileState(state),
        still=now - still_since,
        since=now - noted_at,
        road=bytes(road or b""),
        message=message or "",
    )
