"""`leader`: what the leading sequencer does in each turn, in an order that survives being killed.

`hub.ledger.sequencer` says why the order is this one. A `Leader` lasts for one epoch. One that
raised is discarded and made anew from the tables: its memory may be wrong, the tables are not.
"""

from __future__ import annotations

import logging
from asyncio import to_thread
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum, unique

from hub.clock import Clock
from hub.ledger.checkpoint import Checkpoint, sign_checkpoint
from hub.ledger.errors import NoteError
from hub.ledger.failures import FencedError, FrozenError
from hub.ledger.growth import TreeEdge
from hub.ledger.heads import check_growth, is_signed_by, load_stored, open_head, prove_stored
from hub.ledger.leaf import Leaf
from hub.ledger.log_files import CheckpointFile
from hub.ledger.log_store import START, Head, LogStore, Mark, TakenEntry, Turn
from hub.ledger.note import Signer
from hub.ledger.rotation import known_keys

_LOG = logging.getLogger(__name__)


@unique
class Step(StrEnum):
    """The points of a turn between which a process can die."""

    LEAVES_STAGED = "LEAVES_STAGED"
    LEAVES_COMMITTED = "LEAVES_COMMITTED"
    SIGNED = "SIGNED"
    FILE_SYNCED = "FILE_SYNCED"
    CHECKPOINT_STAGED = "CHECKPOINT_STAGED"
    CHECKPOINT_COMMITTED = "CHECKPOINT_COMMITTED"


@dataclass(frozen=True, slots=True)
class LeaderParts:
    """What the leaders of one process share: key, file, clock and settings."""

    signer: Signer
    file: CheckpointFile
    clock: Clock
    batch: int
    on_step: Callable[[Step], None]


class Leader:
    """The leader of one epoch; call `resume` first."""

    def __init__(self, store: LogStore, epoch: int, parts: LeaderParts) -> None:
        self.epoch = epoch
        self.edge: TreeEdge
        self.signed: Head | None = None
        self._store = store
        self._parts = parts
        self._note: bytes | None = None
        """What the file holds, as far as this leader knows."""
        self._mark: Mark = START
        self._is_out_of_order = False
        """Whether entries that are no leaves yet may come before `_mark`: because entries went to
        another log, or because a restored backup holds transaction numbers of another server."""

    async def resume(self) -> None:
        """Load the log from its tables and finish what a killed leader left half done.

        Raises `FrozenError` when the store does not have what was signed.
        """
        store, signer = self._store, self._parts.signer
        keys, state = await known_keys(store, signer.key), await store.state()
        count, self._mark = await store.last_leaf()
        if count != state.size:
            raise FrozenError(
                "LOG_STORE_DAMAGED",
                f"log_state says {state.size} leaves, the last leaf says {count}",
                hint="The database is a partly restored copy: restore the newest one whole.",
            )
        if count:
            self._is_out_of_order = int(self._mark[0]) >= int(await store.horizon())
        else:
            self._is_out_of_order = await store.has_entries_out_of_order()
        self.edge = await load_stored(store, state)
        self._note = await to_thread(self._parts.file.read)
        table = await store.last_checkpoint()
        file_head = None if self._note is None else open_head(self._note, keys, "file")
        if table is not None:
            published = open_head(table.note, keys, "table")
            if not _is_same(published, table):
                raise FrozenError(
                    "LOG_STORE_DAMAGED",
                    f"the checkpoint of {table.size} leaves is not the one in its note",
                    hint="Restore the newest copy of the database.",
                )
            await prove_stored(store, state, published)
        if file_head is not None:
            await prove_stored(store, state, file_head)
        await self._reconcile(file_head, table)
        turn = Turn(self.epoch, state, self._parts.clock())
        await store.add_key(turn, signer.key)
        if self.signed is not None and not is_signed_by(self.signed.note, signer.key):
            _LOG.warning(
                "log %s: another key signs from %d leaves on; partners must pin it: /log/policy",
                *(signer.key.name, state.size),
            )

    async def sequence(self) -> bool:
        """Append the next entries as leaves; return whether there are probably more."""
        horizon = await self._store.horizon()
        limit = self._parts.batch
        if self._is_out_of_order:
            taken = await self._store.take_any(limit)
        else:
            taken = await self._store.take(self._mark, limit)
        new = [entry for entry in taken if not entry.is_leaf]
        if new:
            await self._append(new)
        is_full = len(taken) == limit
        if not self._is_out_of_order and taken:
            self._mark = (taken[-1].xid, taken[-1].entry_id)
        elif self._is_out_of_order and not is_full:
            self._is_out_of_order, self._mark = False, (horizon, -1)
        return is_full

    async def publish(self) -> bool:
        """Sign and publish the tree if it grew or the key is new; return whether it was signed."""
        state, key = Head(self.edge.size, self.edge.root), self._parts.signer.key
        signed = self.signed
        if signed and signed.size == state.size and is_signed_by(signed.note, key):
            return False
        if not _is_same(await self._store.last_checkpoint(), self.signed):
            raise FencedError("LOG_MOVED", "the table has another last checkpoint than was signed")
        await check_growth(self._store, self.signed, state)
        signer = self._parts.signer
        checkpoint = Checkpoint(signer.key.name, state.size, state.root)
        note = sign_checkpoint(checkpoint, signer).encode()
        self._parts.on_step(Step.SIGNED)
        await self._write_file(note)
        self._parts.on_step(Step.FILE_SYNCED)
        await self._publish_head(Head(state.size, state.root, note))
        return True

    async def _reconcile(self, file_head: Head | None, table: Head | None) -> None:
        """Make file and table agree on the newest head; both are known to be in the store."""
        if file_head is None and table is not None:
            raise FrozenError(
                "LOG_FILE_MISSING",
                f"{table.size} leaves were published, and there is no checkpoint file",
                hint="Put the file back. On a new machine, and only if the database is not a "
                "restored copy, adopt the published checkpoint.",
            )
        self.signed = table
        if file_head is not None and (table is None or table.size < file_head.size):
            # Written again: the leader that was killed may not have synced it.
            await self._write_file(file_head.note)
            await self._publish_head(file_head)
        elif file_head is not None and table is not None and file_head.size < table.size:
            await self._write_file(table.note)

    async def _append(self, entries: Sequence[TakenEntry]) -> None:
        before = self.edge
        leaves, after, tiles = await to_thread(_grow, before, entries)
        turn = Turn(self.epoch, Head(before.size, before.root), self._parts.clock())
        on_step = self._parts.on_step
        await self._store.append(turn, after, leaves, tiles, lambda: on_step(Step.LEAVES_STAGED))
        self.edge = after
        on_step(Step.LEAVES_COMMITTED)

    async def _write_file(self, note: bytes) -> None:
        await to_thread(self._parts.file.replace, self._note, note)
        self._note = note

    async def _publish_head(self, head: Head) -> None:
        turn = Turn(self.epoch, Head(self.edge.size, self.edge.root), self._parts.clock())
        on_step = self._parts.on_step
        await self._store.publish(turn, head, lambda: on_step(Step.CHECKPOINT_STAGED))
        self.signed = head
        on_step(Step.CHECKPOINT_COMMITTED)


def _grow(
    edge: TreeEdge, entries: Sequence[TakenEntry]
) -> tuple[list[tuple[int, bytes]], TreeEdge, dict[tuple[int, int], bytes]]:
    leaves = [(entry.entry_id, _leaf_hash(entry)) for entry in entries]
    after, tiles = edge.grown([value for _, value in leaves])
    return leaves, after, tiles


def _leaf_hash(entry: TakenEntry) -> bytes:
    try:
        return Leaf(
            entry.record_type, entry.commitment, entry.party, entry.key_id, entry.signature_hash
        ).hash()
    except NoteError as error:
        raise FrozenError(
            "LOG_ENTRY_UNFIT",
            f"entry {entry.entry_id} cannot be a leaf: {error.message}",
            hint="Intake let a party or key id through that it must refuse; report this.",
        ) from error


def _is_same(one: Head | None, other: Head | None) -> bool:
    if one is None or other is None:
        return one is other
    return (one.size, one.root) == (other.size, other.root)
