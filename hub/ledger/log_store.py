"""`log_store`: the log's tables, which the sequencer writes and proofs are computed from.

Invariants:
- A `LogStore` reads and writes the log of one origin; the tables hold every log that this hub had.
- Each write is one transaction. It first updates `log_state` on the condition that epoch and size
  are those that the writer expects; otherwise nothing is written (`FencedError`).
- One lock for all origins: an entry goes into one log only, even when processes are configured with
  different origins.
- Commits are synchronous: a leaf that was reported committed survives the server.
- Tiles only grow: a prefix of a stored tile is the tile of an earlier tree.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection
from psycopg.errors import UniqueViolation

from hub.ledger.failures import FencedError, FrozenError
from hub.ledger.growth import TreeEdge
from hub.ledger.limits import HASH_BYTES
from hub.ledger.merkle import EMPTY_ROOT
from hub.ledger.note import LOG_KEY, VerifierKey
from hub.ledger.tile import Tile
from hub.store.copying import Connection, copy_rows
from hub.store.database import translated
from hub.store.locks import SessionLock

_SESSION = {
    "timezone": "UTC",
    "jit": "off",
    "client_min_messages": "warning",
    "synchronous_commit": "on",
    "enable_seqscan": "off",  # every statement here has an index; a plan made early must not scan
    "statement_timeout": "60s",
    "lock_timeout": "20s",
    "idle_in_transaction_session_timeout": "60s",
    # The server notices within seconds that the leader's machine is gone, and frees its lock.
    "tcp_keepalives_idle": "2",
    "tcp_keepalives_interval": "1",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "5000",
}
_CONNECT_TIMEOUT_S = 5
_USER_TIMEOUT_MS = 5000


Mark = tuple[str, int]
"""The last entry, in the order (transaction, entry id), that the log has taken."""
START: Mark = ("0", -1)

_TAKE = """
SELECT e.entry_id, e.xid::text, e.record_type, e.commitment, e.party, e.key_id, e.signature_hash,
       coalesce(l.found, false)
FROM entry e
LEFT JOIN LATERAL (SELECT true AS found FROM leaf WHERE entry_id = e.entry_id LIMIT 1) l ON true
WHERE (e.xid, e.entry_id) > (%s::xid8, %s) AND e.xid < pg_snapshot_xmin(pg_current_snapshot())
ORDER BY e.xid, e.entry_id LIMIT %s"""
_TAKE_ANY = """
SELECT e.entry_id, e.xid::text, e.record_type, e.commitment, e.party, e.key_id, e.signature_hash,
       false
FROM entry e
WHERE NOT EXISTS (SELECT FROM leaf l WHERE l.entry_id = e.entry_id)
  AND (e.xid < pg_snapshot_xmin(pg_current_snapshot())
       OR e.xid >= pg_snapshot_xmax(pg_current_snapshot()))
ORDER BY e.xid, e.entry_id LIMIT %s"""
_UPDATE_STATE = """
UPDATE log_state SET size = %s, root = %s, updated_at = %s
WHERE origin = %s AND epoch = %s AND size = %s"""
_TILES = """
SELECT t.level, t.tile_index, t.hashes FROM unnest(%s::int[], %s::bigint[]) AS w (level, tile_index)
JOIN tile t USING (level, tile_index) WHERE t.origin = %s"""
_UNSIGNED = """
SELECT origin FROM log_state s WHERE origin <> %s AND size > (
  SELECT coalesce(max(c.size), 0) FROM checkpoint c WHERE c.origin = s.origin)
ORDER BY origin"""
_TRUNCATE = (
    "UPDATE log_state SET ended_at = %(now)s WHERE origin = %(origin)s",
    "SELECT cut_unsigned_leaves(%(origin)s)",  # with the rights of the owner of the tables
)


@dataclass(frozen=True, slots=True)
class TakenEntry:
    """An entry that is to become a leaf: its place in the order, and what the leaf holds."""

    entry_id: int
    xid: str
    record_type: str
    commitment: bytes
    party: str
    key_id: str | None
    signature_hash: bytes | None
    is_leaf: bool


@dataclass(frozen=True, slots=True)
class Head:
    """A row of `log_state`, or of `checkpoint` with its note."""

    size: int
    root: bytes
    note: bytes = b""


async def fetch_tiles(
    connection: Connection, origin: str, tiles: Collection[Tile]
) -> dict[Tile, bytes]:
    """Read hash tiles of a log, each cut to the width asked for.

    Those not stored or too short are absent. One statement, and one primary-key probe of at most
    8 KiB per tile.
    """
    wanted = {(tile.level or 0, tile.index): tile for tile in tiles}
    levels, indexes = [key[0] for key in wanted], [key[1] for key in wanted]
    cursor = await connection.execute(_TILES, (levels, indexes, origin))
    fetched: dict[Tile, bytes] = {}
    for level, index, hashes in await cursor.fetchall():
        tile = wanted[level, index]
        if len(hashes) >= tile.width * HASH_BYTES:
            fetched[tile] = hashes[: tile.width * HASH_BYTES]
    return fetched


@dataclass(frozen=True, slots=True)
class Turn:
    """What a write depends on: the writer's epoch, the head that it expects, and the time."""

    epoch: int
    state: Head
    now: datetime


@asynccontextmanager
async def open_log(url: str, origin: str) -> AsyncIterator[LogStore]:
    """Open a connection for the log alone; closing it frees the leader's lock."""
    with translated():
        connection = await AsyncConnection.connect(
            url,
            autocommit=True,
            connect_timeout=_CONNECT_TIMEOUT_S,
            tcp_user_timeout=_USER_TIMEOUT_MS,
            options=" ".join(f"-c {name}={value}" for name, value in _SESSION.items()),
            application_name="deltahub-sequencer",
        )
        try:
            yield LogStore(connection, origin)
        finally:
            await connection.close()


class LogStore:
    """The log's tables, seen by one sequencer over its own connection."""

    def __init__(self, connection: Connection, origin: str) -> None:
        self.origin = origin
        self._connection = connection

    def of(self, origin: str) -> LogStore:
        """Return the log of another origin, over the same connection."""
        return LogStore(self._connection, origin)

    async def try_lock(self) -> bool:
        """Ask for the leader's lock; the connection holds it until it ends."""
        row = await self._one("SELECT pg_try_advisory_lock(%s)", (SessionLock.SEQUENCER.value,))
        return bool(row and row[0])

    async def take_epoch(self, now: datetime) -> int:
        """Begin a new epoch: whoever still writes under an older one is refused from here on."""
        row = await self._one(
            """INSERT INTO log_state AS s (origin, epoch, size, root, updated_at)
               VALUES (%s, 1, 0, %s, %s)
               ON CONFLICT (origin) DO UPDATE SET epoch = s.epoch + 1, updated_at = %s
               WHERE s.ended_at IS NULL RETURNING epoch""",
            (self.origin, EMPTY_ROOT, now, now),
        )
        if row is None:
            raise FrozenError(
                "LOG_ENDED",
                f"leaves of {self.origin} went to the log that followed it",
                hint="A log that ended does not grow again: give HUB_LOG_ORIGIN a new name.",
            )
        return int(row[0])

    async def state(self) -> Head:
        """Return size and root that the tables should have."""
        row = await self._one("SELECT size, root FROM log_state WHERE origin = %s", (self.origin,))
        return Head(0, EMPTY_ROOT) if row is None else Head(row[0], row[1])

    async def last_leaf(self) -> tuple[int, Mark]:
        """Return how many leaves there are by the last index, and the mark of the last one."""
        row = await self._one(
            """SELECT l.leaf_index + 1, e.xid::text, e.entry_id
               FROM leaf l LEFT JOIN entry e USING (entry_id)
               WHERE l.origin = %s ORDER BY l.leaf_index DESC LIMIT 1""",
            (self.origin,),
        )
        if row is None:
            return 0, START
        if row[1] is None:
            raise FrozenError(
                "LOG_STORE_DAMAGED",
                "the last leaf has no entry",
                hint="Entries are never deleted: restore the newest copy of the database.",
            )
        return int(row[0]), (row[1], row[2])

    async def last_checkpoint(self) -> Head | None:
        """Return the newest published checkpoint."""
        row = await self._one(
            """SELECT size, root, note FROM checkpoint WHERE origin = %s
               ORDER BY size DESC LIMIT 1""",
            (self.origin,),
        )
        return None if row is None else Head(row[0], row[1], row[2].encode())

    async def keys(self) -> list[VerifierKey]:
        """Return the keys that signed this log, newest first."""
        cursor = await self._connection.execute(
            b"SELECT public FROM log_key WHERE origin = %s ORDER BY added_at DESC, public",
            (self.origin,),
        )
        return [VerifierKey(self.origin, LOG_KEY, row[0]) for row in await cursor.fetchall()]

    async def other_log_of(self, key: VerifierKey) -> str | None:
        """Return the origin of another log that the key signed, or None."""
        row = await self._one(
            "SELECT origin FROM log_key WHERE public = %s AND origin <> %s LIMIT 1",
            (key.public, self.origin),
        )
        return None if row is None else str(row[0])

    async def add_key(self, turn: Turn, key: VerifierKey) -> None:
        """Store a key before it signs, so that no checkpoint of an unknown key is published."""
        async with self._connection.transaction():
            await self._update_state(turn, turn.state.size, turn.state.root)
            await self._connection.execute(
                b"INSERT INTO log_key VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING",
                (self.origin, key.public, turn.state.size, turn.now),
            )

    async def unsigned_others(self) -> list[str]:
        """Return the names of the other logs that have leaves which no checkpoint covers."""
        cursor = await self._connection.execute(_UNSIGNED.encode(), (self.origin,))
        return [row[0] for row in await cursor.fetchall()]

    async def truncate(self, turn: Turn, signed: Head) -> None:
        """Remove the leaves after the last checkpoint, and end the log.

        Their entries are free for another log. The log may not grow again: a process that died may
        have signed the removed leaves unseen, and the log would then sign two trees of one size.
        """
        async with self._connection.transaction():
            await self._update_state(turn, signed.size, signed.root)
            for statement in _TRUNCATE:
                await self._connection.execute(
                    statement.encode(),
                    {"origin": self.origin, "now": turn.now},
                )

    async def has_entries_out_of_order(self) -> bool:
        """Return whether a log without leaves cannot take its entries in the usual order.

        Some are leaves of other logs, or have transaction numbers that this server has not reached.
        """
        row = await self._one(
            """SELECT EXISTS (SELECT FROM leaf) OR EXISTS (
                 SELECT FROM entry WHERE xid >= pg_snapshot_xmax(pg_current_snapshot()))"""
        )
        return bool(row and row[0])

    async def horizon(self) -> str:
        """Return the oldest transaction that may still commit an entry."""
        row = await self._one("SELECT pg_snapshot_xmin(pg_current_snapshot())::text")
        assert row is not None
        return str(row[0])

    async def take(self, mark: Mark, limit: int) -> list[TakenEntry]:
        """Return the entries after the mark that no running transaction can still precede."""
        cursor = await self._connection.execute(_TAKE, (*mark, limit))
        return [TakenEntry(*row) for row in await cursor.fetchall()]

    async def take_any(self, limit: int) -> list[TakenEntry]:
        """Return entries that are no leaves, whatever the log has taken already.

        A visible row with a transaction number that this server has not reached was loaded from a
        backup; no running transaction can precede it.
        """
        cursor = await self._connection.execute(_TAKE_ANY, (limit,))
        return [TakenEntry(*row) for row in await cursor.fetchall()]

    async def tiles(self, tiles: Collection[Tile]) -> dict[Tile, bytes]:
        """Read hash tiles."""
        return await fetch_tiles(self._connection, self.origin, tiles)

    async def append(
        self,
        turn: Turn,
        after: TreeEdge,
        leaves: Sequence[tuple[int, bytes]],
        tiles: Mapping[tuple[int, int], bytes],
        staged: Callable[[], None],
    ) -> None:
        """Append leaves, as (entry id, hash), with the tiles that change, in one transaction.

        `staged` is called after the last write and before the commit.
        """
        lines = (
            f"{self.origin}\t{index}\t{entry_id}\t\\\\x{value.hex()}\n".encode()
            for index, (entry_id, value) in enumerate(leaves, start=turn.state.size)
        )
        columns = ("origin", "leaf_index", "entry_id", "leaf_hash")
        async with self._connection.transaction():
            await self._update_state(turn, after.size, after.root)
            try:
                await copy_rows(self._connection, "leaf", columns, lines)
            except UniqueViolation as error:
                raise FencedError(
                    "LOG_FENCED", "another sequencer gave these entries their places"
                ) from error
            levels, indexes = [key[0] for key in tiles], [key[1] for key in tiles]
            await self._connection.execute(
                """INSERT INTO tile (origin, level, tile_index, hashes)
                   SELECT %s, t.* FROM unnest(%s::int[], %s::bigint[], %s::bytea[]) t
                   ON CONFLICT (origin, level, tile_index)
                   DO UPDATE SET hashes = excluded.hashes""",
                (self.origin, levels, indexes, list(tiles.values())),
            )
            staged()

    async def publish(self, turn: Turn, head: Head, staged: Callable[[], None]) -> None:
        """Publish a signed checkpoint; a new key may sign the same tree again."""
        async with self._connection.transaction():
            await self._update_state(turn, turn.state.size, turn.state.root)
            cursor = await self._connection.execute(
                """INSERT INTO checkpoint AS c (origin, size, root, note, epoch, signed_at)
                   VALUES (%s, %s, %s, %s, %s, %s)
                   ON CONFLICT (origin, size) DO UPDATE SET
                     note = excluded.note, epoch = excluded.epoch, signed_at = excluded.signed_at
                   WHERE c.root = excluded.root""",
                (self.origin, head.size, head.root, head.note.decode(), turn.epoch, turn.now),
            )
            if cursor.rowcount != 1:
                raise FencedError("LOG_MOVED", f"{head.size} leaves were signed with another root")
            staged()

    async def _update_state(self, turn: Turn, size: int, root: bytes) -> None:
        cursor = await self._connection.execute(
            _UPDATE_STATE, (size, root, turn.now, self.origin, turn.epoch, turn.state.size)
        )
        if cursor.rowcount != 1:
            raise FencedError(
                "LOG_FENCED",
                f"epoch {turn.epoch} at {turn.state.size} leaves is no longer that of the log",
            )

    async def _one(self, statement: str, parameters: Sequence[Any] = ()) -> tuple[Any, ...] | None:
        cursor = await self._connection.execute(statement.encode(), parameters)
        return await cursor.fetchone()
