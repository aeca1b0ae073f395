"""`sequencer`: gives every accepted entry its place in the log, and signs the log's head.

The configured origin names the log that grows (`hub.ledger.rotation`). One sequencer leads: the one
that holds an advisory lock of PostgreSQL. The others stand by and take over when its connection
ends. The leader repeats these steps, always in this order:

    1  entries that nothing still running can precede become leaves and tiles; committed
    2  the newest tree is compared with the last signed one, from stored hashes; signed
    3  the checkpoint goes to the file of `hub.ledger.log_files`; synced
    4  the checkpoint goes to the table `checkpoint`, from which it is served; committed

Invariants:
- Entries are taken in the order (transaction, id) and only below the oldest running transaction.
  Ids commit out of order; with this rule none is skipped and none is taken twice.
- What is signed was committed before (1 before 2): signing a size again gives the same tree,
  whichever process signs it and however often it was killed in between.
- Every published checkpoint is in the file (3 before 4), so a database older than the file is
  detected.
- After a kill between 3 and 4 the file is ahead of the table. If the database holds the tree of the
  file, the next leader publishes the file's checkpoint. If not, it is an old or another database:
  the state is FROZEN, nothing is sequenced or signed, and the leader keeps its lock.
- A table ahead of the file means that a sequencer on another machine led. The file is updated after
  a check that the published tree extends its own. Sequencers that stand by do this every second, so
  that each machine can detect a restored database. A missing file beside a published log is FROZEN:
  with `adopt` the operator confirms that the database is not a restored copy.
- Each leader begins an epoch. Writes under an older epoch, or with a wrong size of the log, are
  refused by the database (`hub.ledger.log_store`) and by the file; the refused leader discards its
  memory and starts again from the tables.

It polls every 200 ms and does not use LISTEN/NOTIFY: NOTIFY serialises all commits of the hub.

RFC 6962 §2.1, C2SP tlog-checkpoint, tlog-tiles.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum, unique
from pathlib import Path

import psycopg

from hub.clock import Clock
from hub.errors import HubError
from hub.ledger.checkpoint import Checkpoint
from hub.ledger.errors import LedgerError
from hub.ledger.failures import FencedError, FrozenError
from hub.ledger.heads import adopt_head, follow_head
from hub.ledger.leader import Leader, LeaderParts, Step
from hub.ledger.log_files import CheckpointFile
from hub.ledger.log_store import LogStore, open_log
from hub.ledger.note import Signer
from hub.ledger.rotation import end_others, known_keys

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class SequencerLimits:
    """Bounds of one sequencer."""

    batch: int = 10_000
    """Most entries of one transaction."""
    poll_s: float = 0.2
    """Pause when there was nothing left to take."""
    checkpoint_s: float = 1.0
    """Least time between two checkpoints."""
    standby_s: float = 1.0
    """How often a follower asks for the lock; also the pause after a failure."""
    frozen_s: float = 30.0
    """How often a frozen log is checked again."""
    catch_up_batches: int = 10_000
    """Most transactions of one `catch_up`."""


@unique
class SequencerState(StrEnum):
    """What a sequencer is doing."""

    STOPPED = "STOPPED"
    STANDBY = "STANDBY"
    LEADING = "LEADING"
    FROZEN = "FROZEN"
    AWAY = "AWAY"


@dataclass(frozen=True, slots=True)
class Health:
    """The state that operators see; STANDBY and LEADING are healthy."""

    state: SequencerState = SequencerState.STOPPED
    code: str = ""
    message: str = ""
    epoch: int = 0
    size: int = 0
    """Leaves in the log."""
    signed_size: int = 0
    """Leaves under the newest checkpoint."""
    signed_at: datetime | None = None
    """When this sequencer last signed."""

    @property
    def is_well(self) -> bool:
        """Whether nobody needs to act."""
        return self.state in (SequencerState.STANDBY, SequencerState.LEADING)


def _ignore_step(_: Step) -> None:
    return


class Sequencer:
    """One candidate to lead the log whose origin is the signer's name."""

    def __init__(
        self,
        url: str,
        signer: Signer,
        clock: Clock,
        folder: Path,
        limits: SequencerLimits | None = None,
        on_step: Callable[[Step], None] = _ignore_step,
    ) -> None:
        self._url = url
        self._limits = limits or SequencerLimits()
        self._origin = signer.key.name
        self._folder = folder
        file = CheckpointFile(folder, self._origin)
        self._parts = LeaderParts(signer, file, clock, self._limits.batch, on_step)
        self.health = Health()

    async def run(self, stop: asyncio.Event) -> None:
        """Stand by, lead, stand by again, until `stop` is set."""
        try:
            while not stop.is_set():
                try:
                    async with open_log(self._url, self._origin) as store:
                        await self._serve(store, stop)
                except FencedError as error:
                    self._report(SequencerState.STANDBY, error.code, error.message)
                except (HubError, LedgerError, psycopg.Error) as error:
                    self._report(SequencerState.AWAY, _code(error), str(error))
                except Exception as error:  # noqa: BLE001 - outermost: never stand still silently
                    _LOG.exception("sequencer of %s failed", self._origin)
                    self._report(SequencerState.AWAY, "LOG_FAILED", type(error).__name__)
                await _pause(stop, self._limits.standby_s)
        finally:
            self.health = replace(self.health, state=SequencerState.STOPPED)

    async def catch_up(self) -> Checkpoint:
        """Lead once: include every entry that can be included, sign, and release the lock.

        Raises `FencedError` when another sequencer leads, `FrozenError` when the log must not be
        signed.
        """
        async with open_log(self._url, self._origin) as store:
            if not await store.try_lock():
                raise FencedError("LOG_LED", "another sequencer leads", hint="Wait for it.")
            leader = await self._begin(store)
            for _ in range(self._limits.catch_up_batches):
                if not await leader.sequence():
                    break
            await leader.publish()
            return Checkpoint(self._origin, leader.edge.size, leader.edge.root)

    async def adopt(self) -> Checkpoint | None:
        """Write the checkpoint file from the database, as the operator decided.

        Only for a machine that never had the file, or whose file is known to be lost; the database
        must not be a restored copy. Refused when there is a file.
        """
        async with open_log(self._url, self._origin) as store:
            keys = await known_keys(store, self._parts.signer.key)
            return await adopt_head(store, self._parts.file, keys)

    async def _serve(self, store: LogStore, stop: asyncio.Event) -> None:
        while not await store.try_lock():
            await self._follow(store)
            if await _pause(stop, self._limits.standby_s):
                return
        while not stop.is_set():
            try:
                leader = await self._begin(store)
                self._report(SequencerState.LEADING)
                await self._lead(leader, stop)
            except FrozenError as error:
                self._report(SequencerState.FROZEN, error.code, str(error))
                await _pause(stop, self._limits.frozen_s)

    async def _follow(self, store: LogStore) -> None:
        try:
            keys = await known_keys(store, self._parts.signer.key)
            await follow_head(store, self._parts.file, keys)
            self._report(SequencerState.STANDBY)
        except FrozenError as error:
            self._report(SequencerState.FROZEN, error.code, str(error))

    async def _lead(self, leader: Leader, stop: asyncio.Event) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        while not stop.is_set():
            is_more = await leader.sequence()
            if loop.time() >= due and await leader.publish():
                due = loop.time() + self._limits.checkpoint_s
                self.health = replace(self.health, signed_at=self._parts.clock())
            signed = 0 if leader.signed is None else leader.signed.size
            self.health = replace(
                self.health, epoch=leader.epoch, size=leader.edge.size, signed_size=signed
            )
            await _pause(stop, 0 if is_more else self._limits.poll_s)

    async def _begin(self, store: LogStore) -> Leader:
        leader = Leader(store, await store.take_epoch(self._parts.clock()), self._parts)
        await leader.resume()
        await end_others(store, self._folder, self._parts.clock())
        return leader

    def _report(self, state: SequencerState, code: str = "", message: str = "") -> None:
        before = self.health
        self.health = replace(before, state=state, code=code, message=message)
        if (before.state, before.code) == (state, code):
            return
        if state is SequencerState.FROZEN:
            _LOG.critical("log %s is frozen: %s", self._origin, message)
        elif code:
            _LOG.warning("sequencer of %s: %s %s", self._origin, state.value, message)
        else:
            _LOG.info("sequencer of %s: %s", self._origin, state.value)


async def _pause(stop: asyncio.Event, seconds: float) -> bool:
    """Wait until the time is over or `stop` is set; return whether it is set."""
    try:
        async with asyncio.timeout(seconds):
            return await stop.wait()
    except TimeoutError:
        return stop.is_set()


def _code(error: HubError | LedgerError | psycopg.Error) -> str:
    if isinstance(error, HubError):
        return error.code.name
    return error.code if isinstance(error, LedgerError) else "LOG_DATABASE_ERROR"
