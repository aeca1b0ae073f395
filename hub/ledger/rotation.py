"""`rotation`: what a log leaves to its successor, and what a key to the next one.

A log grows while its origin is the one that is set; another origin begins another log beside
it, for the entries that have no place yet. The old one stands still and stays served. Another key
under the same origin signs the same tree from then on.

Invariants:
- An entry has one place. When a log stands still, its leaves that no checkpoint covers are taken
  back before its successor takes anything: nobody but this hub ever saw them. Such a log has ended.
  One that was signed to its last leaf goes on when its origin is set again.
- What the file of the old log holds may have been seen, so it is published before leaves are taken
  back. That needs the public key only: the private one may be gone.
- A key belongs to one log: in a policy file a public key stands once.
"""

from __future__ import annotations

import logging
from asyncio import to_thread
from datetime import datetime
from pathlib import Path

from hub.ledger.failures import FrozenError
from hub.ledger.heads import open_head, prove_stored
from hub.ledger.log_files import CheckpointFile
from hub.ledger.log_store import Head, LogStore, Turn
from hub.ledger.merkle import EMPTY_ROOT
from hub.ledger.note import VerifierKey

_LOG = logging.getLogger(__name__)


async def end_others(store: LogStore, folder: Path, now: datetime) -> None:
    """Bring every other log to its last checkpoint, so that what it never signed is free."""
    for origin in await store.unsigned_others():
        await _end(store.of(origin), CheckpointFile(folder, origin), now)


async def known_keys(store: LogStore, key: VerifierKey) -> list[VerifierKey]:
    """Return every key whose checkpoints are this log's own, the present one first.

    Raises `FrozenError` when the present one is another log's.
    """
    other = await store.other_log_of(key)
    if other is not None:
        raise FrozenError(
            "LOG_KEY_SHARED",
            f"the key of {key.name} is that of {other}",
            hint="Each log has a key of its own: name another file in HUB_LOG_KEY_FILE, or none.",
        )
    return [key, *(each for each in await store.keys() if each != key)]


async def _end(store: LogStore, file: CheckpointFile, now: datetime) -> None:
    epoch, state = await store.take_epoch(now), await store.state()
    signed = await store.last_checkpoint() or Head(0, EMPTY_ROOT)
    left = await _last_signed(store, file, state)
    if left is not None and left.size > signed.size:
        await store.publish(Turn(epoch, state, now), left, lambda: None)
        signed = left
    if signed.size < state.size:
        await store.truncate(Turn(epoch, state, now), signed)
    _LOG.warning(
        "log %s stands still at %d leaves; %d go to the next log",
        *(store.origin, signed.size, state.size - signed.size),
    )


async def _last_signed(store: LogStore, file: CheckpointFile, state: Head) -> Head | None:
    """Return what was signed and perhaps not published; None when this store does not have it."""
    note = await to_thread(file.read)
    if note is None:
        return None
    try:
        head = open_head(note, await store.keys(), "file")
        await prove_stored(store, state, head)
    except FrozenError as error:
        _LOG.warning("log %s: its last file is not of this database: %s", store.origin, error)
        return None
    return head
