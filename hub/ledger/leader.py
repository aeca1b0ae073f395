"""`leader`: one epoch of the log's leader: what it does in a turn, in an order that survives kills.

`hub.ledger.sequencer` says why the order is this one. A `Lead` that raised is thrown away: what it
remembers may be wrong, what is stored is not.
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
from hub.ledger.log_store import START, Head, LogStore, Mark, TakenEntries, Turn
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
class Means:
    """What every leader of a process works with."""

    signer: Signer
    file: CheckpointFile
    clock: Clock
    batch: int
    on_step: Callable[[Step], None]


class Lead:
    """A leader in its epoch; `resume` comes first."""

    def __init__(self, store: LogStore, epoch: int, means: Means) -> None:
        self.epoch = epoch
        self.edge: TreeEdge
        self.signed: Head | None = None
        self._store = store
        self._means = means
        self._note: bytes | None = None
        """What the file holds, as far as this leader knows."""
        self._mark: Mark = START
        self._is_late = False
        """Whether entries without a place may stand anywhere in the order: behind those that are in
        another log, or where another server numbered their transactions."""

    async def resume(self) -> None:
        """Take up the log as it is stored; finish what a killed leader left half done.

        Raises `FrozenError` when the store does not have what was signed.
        """
        store, signer = self._store, self._means.signer
        keys, state = await known_keys(store, signer.key), await store.state()
        count, self._mark = await store.last_leaf()
        if count != state.size:
            raise FrozenError(
                "LOG_STORE_DAMAGED",
                f"log_state says {state.size} leaves, the last leaf says {count}",
                hint="The database is a partly restored copy: restore the newest one whole.",
            )
        if count:
            self._is_late = int(self._mark[0]) >= int(await store.horizon())
        else:
            self._is_late = await store.is_late()
        self.edge = await load_stored(store, state)
        self._note = await to_thread(self._means.file.read)
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
        turn = Turn(self.epoch, state, self._means.clock())
        await store.add_key(turn, signer.key)
        if self.signed is not None and not is_signed_by(self.signed.note, signer.key):
            _LOG.warning(
                "log %s: another key signs from %d leaves on; partners must pin it: /log/policy",
                *(signer.key.name, state.size),
            )

    async def sequence(self) -> bool:
        """Make leaves of the next entries; say whether there are probably more."""
        horizon = await self._store.horizon()
        limit = self._means.batch
        if self._is_late:
            taken = await self._store.take_any(limit)
        else:
            taken = await self._store.take(self._mark, limit)
        new = [entry for entry in taken if not entry.is_leaf]
        if new:
            await self._append(new)
        is_full = len(taken) == limit
        if not self._is_late and taken:
            self._mark = (taken[-1].xid, taken[-1].entry_id)
        elif self._is_late and not is_full:
            self._is_late, self._mark = False, (horizon, -1)
        return is_full

    async def publish(self) -> bool:
        """Sign the tree if it grew or the key is new; say whether the world has it now."""
        state, key = Head(self.edge.size, self.edge.root), self._means.signer.key
        signed = self.signed
        if signed and signed.size == state.size and is_signed_by(signed.note, key):
            return False
        if not _is_same(await self._store.last_checkpoint(), self.signed):
            raise FencedError("LOG_MOVED", "the table has another last checkpoint than was signed")
        await check_growth(self._store, self.signed, state)
        signer = self._means.signer
        checkpoint = Checkpoint(signer.key.name, state.size, state.root)
        note = sign_checkpoint(checkpoint, signer).encode()
        self._means.on_step(Step.SIGNED)
        await self._keep(note)
        self._means.on_step(Step.FILE_SYNCED)
        await self._show(Head(state.size, state.root, note))
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
            await self._keep(file_head.note)  # again: the killed leader may not have synced it
            await self._show(file_head)
        elif file_head is not None and table is not None and file_head.size < table.size:
            await self._keep(table.note)

    async def _append(self, entries: Sequence[TakenEntries]) -> None:
        before = self.edge
        leaves, after, tiles = await to_thread(_grow, before, entries)
        turn = Turn(self.epoch, Head(before.size, before.root), self._means.clock())
        on_step = self._means.on_step
        await self._store.append(turn, after, leaves, tiles, lambda: on_step(Step.LEAVES_STAGED))
        self.edge = after
        on_step(Step.LEAVES_COMMITTED)

    async def _keep(self, note: bytes) -> None:
        await to_thread(self._means.file.replace, self._note, note)
        self._note = note

    async def _show(self, head: Head) -> None:
        turn = Turn(self.epoch, Head(self.edge.size, self.edge.root), self._means.clock())
        on_step = self._means.on_step
        await self._store.publish(turn, head, lambda: on_step(Step.CHECKPOINT_STAGED))
        self.signed = head
        on_step(Step.CHECKPOINT_COMMITTED)


def _grow(
    edge: TreeEdge, entries: Sequence[TakenEntries]
) -> tuple[list[tuple[int, bytes]], TreeEdge, dict[tuple[int, int], bytes]]:
    leaves = [(entry.entry_id, _leaf_hash(entry)) for entry in entries]
    after, tiles = edge.grown([value for _, value in leaves])
    return leaves, after, tiles


def _leaf_hash(entry: TakenEntries) -> bytes:
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
