"""A source that leaves tables in a folder, here or behind SFTP, as it is deployed."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from connectors.limits import Limits
from hub.harvest.config import load_source
from hub.harvest.report import HarvestReport
from hub.harvest.service import Harvester
from hub.store.database import Database
from tests.integration.drop.places import USER, Play, sftp_server
from tests.standing_clock import StandingClock

INSTITUTION = "moe:10335"
NOW = datetime(2026, 11, 25, 2, 0, tzinfo=UTC)
LIMITS = Limits(attempts_max=1, connect_s=5, read_s=5, total_s=10)
MAPPING = f"""
title = "Ledger"
[[record]]
type = "Instrument"
[record.fixed]
institutionKey = "{INSTITUTION}"
[record.items]
localNo = "No."
name.zh = "Name"
status = "State"
"""
GOOD = "No.,Name,State\nA1,电镜,在用\nA2,质谱,在用\n"
BAD = "No.,Name,State\nA3,核磁,在用\nA4,色谱,不知道\n"


@dataclass
class Drop:
    """The folder, and the hub that looks at it."""

    folder: Path
    file: Path
    database: Database
    play: Play
    time: StandingClock = field(default_factory=lambda: StandingClock(NOW))
    limits: Limits = LIMITS

    @property
    def mapping(self) -> Path:
        return self.file.parent.parent / "keys" / "ledger.toml"

    @property
    def source(self) -> Any:
        return replace(load_source(self.file), limits=self.limits)

    @property
    def harvester(self) -> Harvester:
        return Harvester(self.database, "hub:test", self.time)

    async def look(self) -> HarvestReport:
        return await self.harvester.harvest(self.source)

    def leave(self, name: str, content: str | bytes = GOOD, *, is_marked: bool = True) -> Path:
        path = self.folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        if is_marked:
            (self.folder / f"{name}.ok").touch()
        return path

    def receipts(self, name: str) -> Any:
        return json.loads((self.folder / f"{name}.receipts.json").read_text("utf-8"))

    async def rows(self) -> dict[str, int]:
        found = await self.database.reads.fetch_all(
            "SELECT key, revision FROM instrument_source WHERE NOT withdrawn ORDER BY key"
        )
        return {key.rpartition("/")[2]: revision for key, revision in found}

    async def states(self) -> dict[str, str]:
        found = await self.database.writes.fetch_all("SELECT name, state FROM dropped_file")
        return dict(sorted(found))

    async def entries(self) -> int:
        ((count,),) = await self.database.reads.fetch_all("SELECT count(*) FROM entry")
        return int(count)


async def deployed(kind: str, database: Database, tmp_path: Path, stack: AsyncExitStack) -> Drop:
    """Deploy the source with its files in a folder of either kind."""
    folder, keys = tmp_path / "left", tmp_path / "keys"
    folder.mkdir()
    keys.mkdir()
    mapping = keys / "ledger.toml"
    mapping.write_text(MAPPING, "utf-8")
    play = Play()
    if kind == "folder":
        where = f'[folder]\npath = "{folder}"\n'
    else:
        server = await stack.enter_async_context(sftp_server(folder, keys))
        play = server.play
        where = (
            f'[sftp]\nhost = "127.0.0.1"\nport = {server.port}\nuser = "{USER}"\n'
            f'key_file = "{server.key_file}"\nhost_key = "{server.host_key}"\nfolder = "/"\n'
        )
    file = tmp_path / "sources" / "unit.toml"
    file.parent.mkdir()
    file.write_text(
        f'adapter = "tables"\nowners = ["{INSTITUTION}"]\nauthority = "{INSTITUTION}/ledger"\n'
        f'title_zh = "台账"\n{where}settle_s = 60\n[mappings]\n"*.csv" = "{mapping}"\n',
        "utf-8",
    )
    file.chmod(0o600)
    return Drop(folder, file, database, play)


@pytest.fixture(params=["folder", "sftp"])
async def drop(
    request: pytest.FixtureRequest, database: Database, tmp_path: Path
) -> AsyncIterator[Drop]:
    """Both kinds of folder."""
    async with AsyncExitStack() as stack:
        yield await deployed(request.param, database, tmp_path, stack)


@pytest.fixture
async def folder(database: Database, tmp_path: Path) -> AsyncIterator[Drop]:
    """A folder of this machine."""
    async with AsyncExitStack() as stack:
        yield await deployed("folder", database, tmp_path, stack)


@pytest.fixture
async def sftp(database: Database, tmp_path: Path) -> AsyncIterator[Drop]:
    """A folder behind SFTP."""
    async with AsyncExitStack() as stack:
        yield await deployed("sftp", database, tmp_path, stack)


def touched(path: Path, at: float) -> None:
    """Give a file another time of change."""
    os.utime(path, (at, at))
