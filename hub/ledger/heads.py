"""`heads`: checks before signing that the database still holds the tree that was signed.

Invariants:
- Every check is computed from stored hashes, never from the memory of a sequencer.
- A failed check raises `FrozenError`: to sign on would make two different logs under one name.
"""

from __future__ import annotations

from asyncio import to_thread
from collections.abc import Collection
from typing import NoReturn

from hub.ledger.checkpoint import Checkpoint, open_checkpoint
from hub.ledger.errors import NoteError, NoteSignatureError, ProofError
from hub.ledger.failures import FrozenError, LogFileError
from hub.ledger.growth import TreeEdge, edge_tiles, load_edge
from hub.ledger.log_files import CheckpointFile
from hub.ledger.log_store import Head, LogStore
from hub.ledger.merkle import consistency_proof, root_at, verify_consistency
from hub.ledger.note import Note, VerifierKey, parse_note
from hub.ledger.tile import nodes_in, tiles_for_consistency, tiles_for_root

_RESTORE = (
    "The database is a restored or another copy. Restore the newest one; when leaves are lost for "
    "good, end this log: set another HUB_LOG_ORIGIN."
)


def open_head(note: bytes, keys: Collection[VerifierKey], where: str) -> Head:
    """Read a signed checkpoint of this log's own, from its file or table."""
    try:
        checkpoint = _opened(parse_note(note), keys)
    except NoteSignatureError as error:
        raise FrozenError(
            "LOG_KEY_UNKNOWN",
            f"the checkpoint in the {where} was not signed with any key of this log: "
            f"{error.message}",
            hint="Start once with the key that signed it, or begin a new log: HUB_LOG_ORIGIN.",
        ) from error
    except NoteError as error:
        raise FrozenError(
            "LOG_FILE_DAMAGED",
            f"the checkpoint in the {where} cannot be read: {error.message}",
            hint="Restore it from the copy of a witness or of a partner.",
        ) from error
    return Head(checkpoint.size, checkpoint.root, note)


def is_signed_by(note: bytes, key: VerifierKey) -> bool:
    """Return whether a note that was opened before carries a signature of this key."""
    return bool(parse_note(note).signatures_of(key))


async def load_stored(store: LogStore, state: Head) -> TreeEdge:
    """Rebuild the right edge of the tree, which must be the one that `log_state` names."""
    try:
        edge = load_edge(await store.tiles(edge_tiles(state.size)), state.size)
    except NoteError as error:
        _damaged(error.message)
    if edge.root != state.root:
        _damaged(f"the hashes of {state.size} leaves give another root than log_state has")
    return edge


async def prove_stored(store: LogStore, state: Head, head: Head) -> None:
    """Check that the stored hashes still give the root of a signed checkpoint."""
    if head.size > state.size:
        raise FrozenError(
            "LOG_STORE_BEHIND",
            f"{head.size} leaves were signed, the database has {state.size}",
            hint=_RESTORE,
        )
    tiles = await store.tiles(tiles_for_root(head.size))
    try:
        stored_root = root_at(nodes_in(tiles, head.size), head.size)
    except NoteError as error:
        _damaged(error.message)
    if stored_root != head.root:
        raise FrozenError(
            "LOG_STORE_FORKED",
            f"the first {head.size} leaves are not those that were signed",
            hint=_RESTORE,
        )


async def check_growth(store: LogStore, signed: Head | None, head: Head) -> None:
    """Check that the tree about to be signed extends the last signed one, hash by hash."""
    if signed is None or signed.size in (0, head.size):
        await prove_stored(store, head, head)
    if signed is None or signed.size == 0:
        return
    tiles = await store.tiles(tiles_for_consistency(signed.size, head.size))
    try:
        proof = consistency_proof(nodes_in(tiles, head.size), signed.size, head.size)
        verify_consistency(signed.size, head.size, signed.root, head.root, proof)
    except NoteError as error:
        _damaged(error.message)
    except ProofError as error:
        raise FrozenError(
            "LOG_STORE_FORKED",
            f"{head.size} leaves do not extend the {signed.size} that were signed",
            hint=_RESTORE,
        ) from error


async def follow_head(store: LogStore, file: CheckpointFile, keys: Collection[VerifierKey]) -> None:
    """Update the checkpoint file of a sequencer that does not lead to what was published.

    The table is read before the file: when both sequencers share a folder the file is never the
    older one, and nothing is done. A missing file is left to the leader.
    """
    table = await store.last_checkpoint()
    note = await to_thread(file.read)
    if table is None or note is None:
        return
    file_head = open_head(note, keys, "file")
    if file_head.size < table.size:
        head = open_head(table.note, keys, "table")
        await check_growth(store, file_head, head)
        await to_thread(file.replace, note, head.note)


async def adopt_head(
    store: LogStore, file: CheckpointFile, keys: Collection[VerifierKey]
) -> Checkpoint | None:
    """Write a missing checkpoint file from the table; None when nothing was ever published."""
    if await to_thread(file.read) is not None:
        raise LogFileError(
            "LOG_FILE_PRESENT",
            "there is a checkpoint file, and it decides",
            hint="Nothing needs to be adopted; read why the log is frozen.",
        )
    table = await store.last_checkpoint()
    if table is None:
        return None
    head = open_head(table.note, keys, "table")
    await prove_stored(store, await store.state(), head)
    await to_thread(file.replace, None, head.note)
    return Checkpoint(store.origin, head.size, head.root)


def _opened(note: Note, keys: Collection[VerifierKey]) -> Checkpoint:
    for key in keys:
        if note.signatures_of(key):
            return open_checkpoint(note, key)
    raise NoteSignatureError("SIGNATURE_MISSING", "no key of this log signed it")


def _damaged(why: str) -> NoReturn:
    raise FrozenError(
        "LOG_STORE_DAMAGED", f"the log's tables contradict each other: {why}", hint=_RESTORE
    )
