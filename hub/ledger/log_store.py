"""`log_store`: the log's tables: what the sequencer writes and what proofs are computed from.

Invariants:
- Everything that is written is written by `LogStore.append` and `LogStore.publish`, each one
  transaction that first moves `log_state` from the epoch and size that the writer believes in; when
  they are not the present ones nothing is written (`FencedError`).
- Commits are synchronous: a leaf that was reported committed survives the server.
- Tiles only grow: a prefix of a stored tile is the tile of an earlier tree.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from psycopg import AsyncConnection

from hub.ledger.failures import FencedError, FrozenError
from hub.ledger.growth import Edge
from hub.ledger.limits import HASH_BYTES
from hub.ledger.merkle import EMPTY_ROOT
from hub.ledger.tile import Tile
from hub.store.copying import Connection, copy_rows
from hub.store.database import translated

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
"""Where in the order of entries the log has arrived: transaction and entry id."""
START: Mark = ("0", -1)

_TAKE = """
SELECT e.entry_id, e.xid::text, e.record_type, e.commitment, e.party, e.key_id, e.signature_hash,
       coalesce(l.found, false)
FROM entry e
LEFT JOIN LATERAL (SELECT true AS found FROM leaf WHERE entry_id = e.entry_id LIMIT 1) l ON true
WHERE (e.xid, e.entry_id) > (%s::xid8, %s) AND e.xid < pg_snapshot_xmin(pg_current_snapshot())
ORDER BY e.xid, e.entry_id LIMIT %s"""
_TAKE_FOREIGN = """
SELECT e.entry_id, e.xid::text, e.record_type, e.commitment, e.party, e.key_id, e.signature_hash,
       false
FROM entry e
WHERE NOT EXISTS (SELECT FROM leaf l WHERE l.entry_id = e.entry_id)
  AND (e.xid < pg_snapshot_xmin(pg_current_snapshot())
       OR e.xid >= pg_snapshot_xmax(pg_current_snapshot()))
ORDER BY e.xid, e.entry_id LIMIT %s"""
_MOVE = """
UPDATE log_state SET size = %s, root = %s, updated_at = %s
WHERE origin = %s AND epoch = %s AND size = %s"""
_TILES = """
SELECT t.level, t.tile_index, t.hashes FROM unnest(%s::int[], %s::bigint[]) AS w (level, tile_index)
JOIN tile t USING (level, tile_index)"""


@dataclass(frozen=True, slots=True)
class Taken:
    """What of an entry goes into its leaf."""

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


async def fetch_tiles(connection: Connection, tiles: Collection[Tile]) -> dict[Tile, bytes]:
    """Read hash tiles, each cut to the width asked for; those not stored or too short are absent.

    One statement, one primary-key probe of at most 8 KiB per tile.
    """
    wanted = {(tile.level or 0, tile.index): tile for tile in tiles}
    levels, indexes = [key[0] for key in wanted], [key[1] for key in wanted]
    cursor = await connection.execute(_TILES, (levels, indexes))
    found: dict[Tile, bytes] = {}
    for level, index, hashes in await cursor.fetchall():
        tile = wanted[level, index]
        if len(hashes) >= tile.width * HASH_BYTES:
            found[tile] = hashes[: tile.width * HASH_BYTES]
    return found


@dataclass(frozen=True, slots=True)
class Turn:
    """What a writer believes when it writes: its epoch, the log as it is, and the time."""

    epoch: int
    state: Head
    now: datetime


@asynccontextmanager
async def open_log(url: str, origin: str) -> AsyncIterator[LogStore]:
    """Open a connection of the log's own; its end frees the leader's lock."""
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
        self._connection = connection
        self._origin = origin
        lock = sha256(b"deltahub log\n" + origin.encode()).digest()
        self._lock = int.from_bytes(lock[:8], "big", signed=True)

    async def try_lock(self) -> bool:
        """Ask for the leader's lock; the connection holds it until it ends."""
        row = await self._one("SELECT pg_try_advisory_lock(%s)", (self._lock,))
        return bool(row and row[0])

    async def take_epoch(self, now: datetime) -> int:
        """Begin a new epoch: whoever still writes under an older one is refused from here on."""
        if await self._one(
            "SELECT origin FROM log_state WHERE origin <> %s LIMIT 1", (self._origin,)
        ):
            raise FrozenError(
                "LOG_ORIGIN_CHANGED",
                f"this database holds the log of another origin than {self._origin}",
                hint="Set the origin back, or begin the new log in a database of its own.",
            )
        row = await self._one(
            """INSERT INTO log_state AS s (origin, epoch, size, root, updated_at)
               VALUES (%s, 1, 0, %s, %s)
               ON CONFLICT (origin) DO UPDATE SET epoch = s.epoch + 1, updated_at = %s
               RETURNING epoch""",
            (self._origin, EMPTY_ROOT, now, now),
        )
        assert row is not None
        return int(row[0])

    async def state(self) -> Head:
        """Return size and root that the tables should have."""
        row = await self._one("SELECT size, root FROM log_state WHERE origin = %s", (self._origin,))
        return Head(0, EMPTY_ROOT) if row is None else Head(row[0], row[1])

    async def last_leaf(self) -> tuple[int, Mark]:
        """Return how many leaves there are by the last index, and the mark of the last one."""
        row = await self._one(
            """SELECT l.leaf_index + 1, e.xid::text, e.entry_id
               FROM leaf l LEFT JOIN entry e USING (entry_id)
               ORDER BY l.leaf_index DESC LIMIT 1"""
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
        row = await self._one("SELECT size, root, note FROM checkpoint ORDER BY size DESC LIMIT 1")
        return None if row is None else Head(row[0], row[1], row[2].encode())

    async def horizon(self) -> str:
        """Return the oldest transaction that may still commit an entry."""
        row = await self._one("SELECT pg_snapshot_xmin(pg_current_snapshot())::text")
        assert row is not None
        return str(row[0])

    async def take(self, mark: Mark, limit: int) -> list[Taken]:
        """Return the next entries behind the mark that no running transaction can precede."""
        cursor = await self._connection.execute(_TAKE, (*mark, limit))
        return [Taken(*row) for row in await cursor.fetchall()]

    async def take_foreign(self, limit: int) -> list[Taken]:
        """Return entries that are no leaves, among them those that another server numbered.

        A visible row whose transaction this server has not yet reached was loaded from a dump;
        nothing that is still running can come before it.
        """
        cursor = await self._connection.execute(_TAKE_FOREIGN, (limit,))
        return [Taken(*row) for row in await cursor.fetchall()]

    async def tiles(self, tiles: Collection[Tile]) -> dict[Tile, bytes]:
        """Read hash tiles."""
        return await fetch_tiles(self._connection, tiles)

    async def append(
        self,
        turn: Turn,
        after: Edge,
        leaves: Sequence[tuple[int, bytes]],
        tiles: Mapping[tuple[int, int], bytes],
        staged: Callable[[], None],
    ) -> None:
        """Add leaves, as (entry id, hash), and the tiles they grew, or nothing.

        `staged` is called when all is written and nothing is committed.
        """
        lines = (
            f"{index}\t{entry_id}\t\\\\x{value.hex()}\n".encode()
            for index, (entry_id, value) in enumerate(leaves, start=turn.state.size)
        )
        async with self._connection.transaction():
            await self._move(turn, after.size, after.root)
            await copy_rows(
                self._connection, "leaf", ("leaf_index", "entry_id", "leaf_hash"), lines
            )
            await self._connection.execute(
                """INSERT INTO tile (level, tile_index, hashes)
                   SELECT * FROM unnest(%s::int[], %s::bigint[], %s::bytea[])
                   ON CONFLICT (level, tile_index) DO UPDATE SET hashes = excluded.hashes""",
                ([key[0] for key in tiles], [key[1] for key in tiles], list(tiles.values())),
            )
            staged()

    async def publish(self, turn: Turn, head: Head, staged: Callable[[], None]) -> None:
        """Make a signed checkpoint visible, or nothing."""
        async with self._connection.transaction():
            await self._move(turn, turn.state.size, turn.state.root)
            await self._connection.execute(
                """INSERT INTO checkpoint (size, root, note, epoch, signed_at)
                   VALUES (%s, %s, %s, %s, %s)""",
                (head.size, head.root, head.note.decode(), turn.epoch, turn.now),
            )
            staged()

    async def _move(self, turn: Turn, size: int, root: bytes) -> None:
        cursor = await self._connection.execute(
            _MOVE, (size, root, turn.now, self._origin, turn.epoch, turn.state.size)
        )
        if cursor.rowcount != 1:
            raise FencedError(
                "LOG_FENCED",
                f"epoch {turn.epoch} at {turn.state.size} leaves is no longer that of the log",
            )

    async def _one(self, statement: str, parameters: Sequence[Any] = ()) -> tuple[Any, ...] | None:
        cursor = await self._connection.execute(statement.encode(), parameters)
        return await cursor.fetchone()
