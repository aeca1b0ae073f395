"""`epoch`: an id that changes whenever earlier places in the change feed lose their meaning.

- Followers of the entries hold a place in their order. A restored database has lost the entries
  after its backup and continues differently, so it is another epoch, in which no earlier place is
  valid. `hub.operate.backup` begins one with every restore.
- Transactions of restored entries were numbered by another server. Entries up to `restored_through`
  are therefore ordered by their ids alone, later ones by (xid, entry id).
- The epoch is created when it is first read; before that nobody can hold a place in it.
"""

from __future__ import annotations

from dataclasses import dataclass

from hub.store.copying import Connection
from hub.store.database import Database

_READ = """
SELECT pg_snapshot_xmin(pg_current_snapshot())::text, s.epoch, s.restored_through
FROM (SELECT 1) o LEFT JOIN feed_state s ON s.name = 'entry'"""
_BEGIN = """
INSERT INTO feed_state (name, epoch, restored_through)
SELECT 'entry', gen_random_uuid()::text, {through}
ON CONFLICT (name) DO {conflict}"""
_FIRST = _BEGIN.format(through="0", conflict="NOTHING")
_ANEW = _BEGIN.format(through="0", conflict="UPDATE SET epoch = EXCLUDED.epoch")
_RESTORED = _BEGIN.format(
    through="coalesce((SELECT max(entry_id) FROM entry), 0)",
    conflict="UPDATE SET epoch = EXCLUDED.epoch, restored_through = EXCLUDED.restored_through",
)


@dataclass(frozen=True, slots=True)
class Horizon:
    """How far the entries can be followed now, and in which epoch."""

    xid: int
    """Every transaction below this one has ended: no entry will appear before it any more."""
    epoch: str
    restored_through: int


async def horizon(database: Database) -> Horizon:
    """Return how far the entries can be followed."""
    ((xid, epoch, through),) = await database.reads.fetch_all(_READ)
    if epoch is None:
        async with database.writes.transaction() as connection:
            await connection.execute(_FIRST.encode())
        ((xid, epoch, through),) = await database.reads.fetch_all(_READ)
    return Horizon(int(xid), epoch, through)


async def begin_anew(connection: Connection) -> None:
    """Begin a new epoch of a running database: its followers read everything again."""
    await connection.execute(_ANEW.encode())


async def begin_restored(connection: Connection) -> None:
    """Begin the epoch of a database that was just filled from a backup."""
    await connection.execute(_RESTORED.encode())
