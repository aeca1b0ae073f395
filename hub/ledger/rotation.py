"""`rotation`: the change from one log to the next (new origin), and from one key to the next.

The log that grows is the one whose origin is configured. A new origin begins a new log for the
entries that are in none yet; the old log grows no more and stays served. A new key under the same
origin signs the same tree from then on.

Invariants:
- An entry is in one log. Before a new log takes entries, leaves of the old log that no checkpoint
  covers are removed (nobody outside this hub saw them), and that log has ended. A log that was
  signed to its last leaf has not ended: it goes on when its origin is configured again.
- The checkpoint in the old log's file may have been seen, so it is published before leaves are
  removed. That needs only the public key; the private one may be lost.
- A key belongs to one log: a policy file may hold a public key once.
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
    """Cut every other log back to its last checkpoint, so that unsigned entries are free."""
    for origin in await store.unsigned_others():
        await _end(store.of(origin), CheckpointFile(folder, origin), now)


async def known_keys(store: LogStore, key: VerifierKey) -> list[VerifierKey]:
    """Return every key that signed this log, the present one first.

    Raises `FrozenError` when the present key signed another log.
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
    """Return the head in the checkpoint file; None without a file or when it is of another tree."""
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
