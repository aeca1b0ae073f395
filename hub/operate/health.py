"""`health`: whether this hub is well, and whether it may get traffic; each part with its words.

Parts: database, shared state, log, disk, clock. A part is `ok` or has a code; a hub in which one is
not `ok` should get no traffic (`/readyz`), but for the log: records are taken and answered without.

- Free space is looked at always; whether a write really succeeds at most once in `PROBE_S`, in the
  data folder and in PostgreSQL, and nothing of it stays.
- The sequencer is judged by what it does, not by whether its task lives: a checkpoint covers every
  entry within seconds, whichever worker or machine signs it.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import shutil
import tempfile
from collections.abc import Awaitable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

import psycopg

from hub.errors import DatabaseUnavailableError, HubError
from hub.ledger.sequencer import Sequencer
from hub.operate.figures import DatabaseFigures, Figures
from hub.operate.limits import (
    CLOCK_AHEAD_MAX_S,
    DISK_FREE_MIN_BYTES,
    LOG_STUCK_S,
    LOOK_S,
    PART_WAIT_S,
    PROBE_BYTES,
    PROBE_S,
)
from hub.state import State
from hub.store.database import Database, translated

_LOGGER = logging.getLogger(__name__)
OK = "ok"
_NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT})
PARTS = ("database", "log", "shared", "disk", "clock")
ADVISORY = frozenset({"log"})
"""Parts without which requests are still answered truly."""
_PROBE = (
    "CREATE TEMP TABLE hub_write_probe ON COMMIT DROP AS "
    "SELECT repeat(md5(n::text), 32) FROM generate_series(1, 256) n",
    "SELECT pg_logical_emit_message(true, 'hub-probe', repeat('x', 8192))",
)
"""Takes new pages for a table that goes away, and makes a commit wait for the write-ahead log."""


@dataclass(frozen=True, slots=True)
class PartHealth:
    """How one part stands: `ok` or a code, and in two languages what it means."""

    code: str = OK
    zh: str = ""
    en: str = ""

    @property
    def is_well(self) -> bool:
        """Whether nothing is wrong with it."""
        return self.code == OK


WELL = PartHealth()


class HubHealth:
    """Looks at the parts of a hub."""

    def __init__(
        self,
        database: Database,
        shared: State,
        figures: Figures,
        data_dir: Path,
        sequencer: Sequencer | None = None,
        *,
        free_min_bytes: int = DISK_FREE_MIN_BYTES,
    ) -> None:
        """Look at these; without a sequencer of its own only what the database says of the log."""
        self._database = database
        self._shared = shared
        self._figures = figures
        self._data_dir = data_dir
        self._sequencer = sequencer
        self._free_min_bytes = free_min_bytes
        self._probed: dict[str, tuple[float, PartHealth]] = {}
        self._turn = asyncio.Lock()
        self._before: dict[str, str] = dict.fromkeys(PARTS, OK)

    async def look(self) -> dict[str, PartHealth]:
        """Return how every part stands."""
        database, shared, disk = await asyncio.gather(
            self._bounded(self._database_part(), "DATABASE_UNAVAILABLE"),
            self._bounded(self._shared_part(), "STATE_UNAVAILABLE"),
            self._bounded(self._disk_part(), "DISK_STUCK"),
        )
        figures = None
        if database.is_well:
            with suppress(HubError, psycopg.Error, TimeoutError):
                figures = await self._figures.look()
            database = await self._bounded(self._probe_part(), "DATABASE_STUCK")
        return {
            "database": database,
            "log": self._log_part(figures),
            "shared": shared,
            "disk": disk,
            "clock": _clock_part(figures),
        }

    async def codes(self) -> dict[str, str]:
        """Return for every part `ok` or a code."""
        return {name: part.code for name, part in (await self.look()).items()}

    async def watch(self, stop: asyncio.Event, *, every_s: float = LOOK_S) -> None:
        """Look again and again until `stop`, and log what changed."""
        while not stop.is_set():
            try:
                self.report(await self.look())
            except Exception:
                _LOGGER.exception("the look at the hub's own health failed")
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), every_s)

    def report(self, parts: dict[str, PartHealth]) -> None:
        """Log each part that stands otherwise than at the last report."""
        for name, part in parts.items():
            before, self._before[name] = self._before[name], part.code
            if part.code == before:
                continue
            if part.is_well:
                _LOGGER.warning("health of %s: ok again (before: %s)", name, before)
            else:
                _LOGGER.error("health of %s: %s: %s", name, part.code, part.en or part.code)

    async def _bounded(self, look: Awaitable[PartHealth], code: str) -> PartHealth:
        try:
            async with asyncio.timeout(PART_WAIT_S):
                return await look
        except TimeoutError:
            return PartHealth(code, "在限定时间内没有应答", f"no answer within {PART_WAIT_S} s")
        except HubError as error:
            return PartHealth(error.code.name, error.message_zh, error.message_en)

    async def _database_part(self) -> PartHealth:
        await self._database.reads.fetch_all("SELECT 1")
        return WELL

    async def _probe_part(self) -> PartHealth:
        """Write in PostgreSQL, at most once in `PROBE_S`."""
        async with self._turn:
            kept = self._kept("database")
            if kept is not None:
                return kept
            try:
                await self._write()
                part = WELL
            except DatabaseUnavailableError as error:
                if not isinstance(error.__cause__, psycopg.errors.DiskFull):
                    raise
                part = _full("PostgreSQL", str(error.__cause__).partition("\n")[0])
            except psycopg.errors.ReadOnlySqlTransaction:
                part = PartHealth(
                    "DATABASE_READ_ONLY",
                    "数据库只读：连接到了备库，或被设为只读",
                    "the database takes no writes: it is a standby, or was set read-only",
                )
            except psycopg.Error as error:
                part = PartHealth(
                    "DATABASE_WRITE_FAILED",
                    "数据库写入失败",
                    f"PostgreSQL does not write: {type(error).__name__}",
                )
            return self._keep("database", part)

    async def _write(self) -> None:
        """Write over a connection of its own: a pool that is busy says nothing about the disk."""
        with translated():
            connection = await self._database.writes.connect()
            try:
                async with connection.transaction():
                    for statement in _PROBE:
                        await connection.execute(statement.encode())
            finally:
                await connection.close()

    async def _shared_part(self) -> PartHealth:
        await self._shared.check()
        return WELL

    async def _disk_part(self) -> PartHealth:
        """Look at the free space, and write in the data folder at most once in `PROBE_S`."""
        return await asyncio.to_thread(self._disk)

    def _disk(self) -> PartHealth:
        folder = self._data_dir
        try:
            folder.mkdir(parents=True, exist_ok=True)
            free = shutil.disk_usage(folder).free
        except OSError as error:
            return _unwritable(folder, error)
        if free < self._free_min_bytes:
            return _full(str(folder), f"{free // 2**20} MiB are free")
        kept = self._kept("disk")
        return kept if kept is not None else self._keep("disk", _written(folder))

    def _log_part(self, figures: DatabaseFigures | None) -> PartHealth:
        health = None if self._sequencer is None else self._sequencer.health
        if health is not None and not health.is_well:
            return PartHealth(
                health.code or health.state.value,
                "透明日志停止签署",
                health.message or "the log signs nothing",
            )
        if figures is not None and figures.log.waiting_s > LOG_STUCK_S:
            return PartHealth(
                "LOG_STUCK",
                f"有 {figures.log.waiting} 条记录等待签署，最久已 {figures.log.waiting_s:.0f} 秒",
                f"{figures.log.waiting} entries have no checkpoint, the oldest for "
                f"{figures.log.waiting_s:.0f} s: look at the log of the worker that leads",
            )
        return WELL

    def _kept(self, name: str) -> PartHealth | None:
        until, part = self._probed.get(name, (0.0, WELL))
        return part if monotonic() < until else None

    def _keep(self, name: str, part: PartHealth) -> PartHealth:
        self._probed[name] = (monotonic() + PROBE_S, part)
        return part


def is_ready(parts: dict[str, PartHealth]) -> bool:
    """Say whether a hub whose parts stand so may get traffic."""
    return all(part.is_well or name in ADVISORY for name, part in parts.items())


def _written(folder: Path) -> PartHealth:
    """Write, sync and take away a file."""
    try:
        with tempfile.TemporaryFile(dir=folder, prefix=".probe-") as file:
            file.write(bytes(PROBE_BYTES))
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        return _unwritable(folder, error)
    return WELL


def _unwritable(folder: Path, error: OSError) -> PartHealth:
    if error.errno in _NO_SPACE:
        return _full(str(folder), str(error.strerror))
    return PartHealth(
        "DISK_UNWRITABLE",
        f"无法写入 {folder}：{error.strerror}",
        f"{folder} cannot be written: {error.strerror}",
    )


def _full(where: str, detail: str) -> PartHealth:
    return PartHealth(
        "DISK_FULL",
        f"{where} 磁盘空间不足（{detail}）：腾出空间后自动恢复",
        f"no space for {where} ({detail}): make room, nothing needs a restart",
    )


def _clock_part(figures: DatabaseFigures | None) -> PartHealth:
    ahead_s = 0.0 if figures is None else figures.clock_ahead_s
    if abs(ahead_s) <= CLOCK_AHEAD_MAX_S:
        return WELL
    return PartHealth(
        "CLOCK_OFF",
        f"本机时钟与数据库相差 {ahead_s:+.0f} 秒：请检查两台机器的时间同步",
        f"this machine's clock is {ahead_s:+.0f} s from the database's: check NTP on both",
    )
