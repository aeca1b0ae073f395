"""What `/livez`, `/readyz` and `/healthz` notice, and that a running hub logs it."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from pathlib import Path

import httpx
import psycopg
import pytest

from hub.app import Hub, build
from hub.clock import system_clock
from hub.embedded.server import EmbeddedPostgres
from hub.errors import DatabaseUnavailableError
from hub.operate import health as health_module
from hub.operate.figures import Figures
from hub.operate.health import HubHealth
from hub.settings import Settings
from hub.state import open_state
from hub.store.database import Database
from hub.store.migrations import migrate
from tests.conftest import PREFIX
from tests.databases import as_owner, name_of
from tests.eventually import until

pytestmark = pytest.mark.integration
BASE = "http://127.0.0.1:8000"
SMALL = 4 * 2**20


@contextmanager
def small_disk(folder: Path, size: int) -> Iterator[Path]:
    """A file system of its own that is soon full."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size},mode=755", "tmpfs", str(folder)]
    if subprocess.run(mount, check=False, capture_output=True).returncode != 0:
        pytest.skip("mounting a small file system needs root")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(folder: Path) -> Path:
    """Fill a disk to its last byte."""
    file = folder / "filling"
    with file.open("wb", buffering=0) as out, pytest.raises(OSError, match="space"):
        while True:
            out.write(bytes(65_536))
    return file


def impatient(health: HubHealth) -> HubHealth:
    """Let the next look write again."""
    health._probed.clear()
    return health


@asynccontextmanager
async def hub_on(database: Database, folder: Path) -> AsyncIterator[tuple[Hub, httpx.AsyncClient]]:
    hub = await build(Settings(data_dir=folder), database, system_clock)
    transport = httpx.ASGITransport(hub.asgi)
    async with httpx.AsyncClient(transport=transport, base_url=BASE) as http:
        yield hub, http
    await hub.state.aclose()


@asynccontextmanager
async def health_of(
    database: Database, folder: Path, ahead_s: float = 0
) -> AsyncIterator[HubHealth]:
    def clock():
        return system_clock() + timedelta(seconds=ahead_s)

    state = open_state(None, clock)
    figures = Figures(database, "hub.delta.example/records", clock)
    yield HubHealth(database, state, figures, folder, free_min_bytes=0)
    await state.aclose()


async def test_a_hub_that_is_well_says_so_in_three_ways(database: Database, tmp_path: Path) -> None:
    async with hub_on(database, tmp_path) as (hub, http), hub.running():

        async def signs() -> bool:
            return hub.sequencer.health.is_well

        await until(signs)
        assert (await http.get("/livez")).text == "ok"
        codes = await http.get("/healthz")
        assert codes.status_code == 200
        assert set(codes.json()) == {"database", "log", "shared", "disk", "clock"}
        assert set(codes.json().values()) == {"ok"}
        ready = await http.get("/readyz")
        assert ready.status_code == 200
        assert ready.json()["ready"] is True
        assert ready.headers["cache-control"] == "no-store"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["keys", "log"]


async def test_a_full_disk_is_noticed_told_and_logged_and_recovers_by_itself(
    database: Database, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with small_disk(tmp_path / "small", SMALL) as folder:
        async with health_of(database, folder) as health:
            health.report(await health.look())
            assert (await health.codes())["disk"] == "ok"
            file = fill(folder)
            parts = await impatient(health).look()
            health.report(parts)
            assert parts["disk"].code == "DISK_FULL"
            assert "make room" in parts["disk"].en
            assert "磁盘" in parts["disk"].zh
            file.unlink()
            parts = await impatient(health).look()
            health.report(parts)
            assert parts["disk"].code == "ok"
    told = [each.getMessage() for each in caplog.records if "health of disk" in each.getMessage()]
    assert ["DISK_FULL" in told[0], "ok again" in told[1], len(told)] == [True, True, 2]


async def test_little_free_space_is_noticed_before_it_is_gone(
    database: Database, tmp_path: Path
) -> None:
    async with hub_on(database, tmp_path) as (hub, http):
        hub.health._free_min_bytes = 2**62
        answer = await http.get("/readyz", headers={"accept-language": "en"})
        assert answer.status_code == 503
        assert answer.json()["parts"]["disk"]["code"] == "DISK_FULL"
        assert "make room" in answer.json()["parts"]["disk"]["message"]
        assert (await http.get("/healthz")).status_code == 503
        assert (await http.get("/livez")).status_code == 200


async def test_a_full_disk_of_postgresql_is_noticed_by_writing(tmp_path: Path) -> None:
    with (
        tempfile.TemporaryDirectory(prefix=PREFIX) as place,
        small_disk(Path(place) / "disk", 200 * 2**20) as folder,
    ):
        server = EmbeddedPostgres(folder / "data", throwaway=True)
        try:
            migrate(server.start())
            async with Database(server.url) as database:
                await database.writes.fetch_all("SELECT 1")
                async with health_of(database, tmp_path) as health:
                    assert (await health.codes())["database"] == "ok"
                    file = fill(folder)
                    assert (await impatient(health).codes())["database"] == "DISK_FULL"
                    file.unlink()
                    assert (await impatient(health).codes())["database"] == "ok"
        finally:
            server.stop()


async def test_a_database_that_takes_no_writes_is_noticed(
    database: Database, tmp_path: Path
) -> None:
    name = name_of(database.url)
    with psycopg.connect(as_owner(database.url), autocommit=True) as connection:
        connection.execute(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
    async with health_of(database, tmp_path) as health:
        assert (await health.codes())["database"] == "DATABASE_READ_ONLY"


async def test_a_lost_database_is_noticed(tmp_path: Path) -> None:
    async with (
        Database("postgresql://hub@127.0.0.1:1/hub") as database,
        health_of(database, tmp_path) as health,
    ):
        parts = await health.look()
    assert parts["database"].code == "DATABASE_UNAVAILABLE"
    assert parts["disk"].is_well


async def test_a_clock_that_is_far_off_is_noticed(database: Database, tmp_path: Path) -> None:
    for ahead_s in (90, -90):
        async with health_of(database, tmp_path, ahead_s) as health:
            part = (await health.look())["clock"]
            assert part.code == "CLOCK_OFF"
            assert f"{ahead_s:+d}" in part.en
    async with health_of(database, tmp_path, 1) as health:
        assert (await health.look())["clock"].is_well


async def test_a_sequencer_that_does_nothing_is_noticed_by_what_waits(
    database: Database, tmp_path: Path
) -> None:
    with psycopg.connect(database.url) as connection:
        connection.execute(
            "INSERT INTO entry (record_type, source, authority, key, owner, issuer, revision,"
            " commitment, withdrawal, assurance, channel, party, as_of, accepted_at) SELECT"
            " 'Instrument', 's', '', n::text, 'o', 'o', 1, sha256(''), false,"
            " 'HUB_OBSERVED', 'PUSH', 'hub:h',"
            " now(), now() - interval '10 minutes' FROM generate_series(1, 3) n"
        )
    async with hub_on(database, tmp_path) as (hub, http):
        hub.health._sequencer = None  # as on a machine whose sequencer stands by
        codes = await http.get("/healthz")
        assert codes.status_code == 503
        assert codes.json()["log"] == "LOG_STUCK"
        ready = await http.get("/readyz", headers={"accept-language": "en"})
        assert "3 entries have no checkpoint" in ready.json()["parts"]["log"]["message"]
        assert ready.status_code == 200  # records are taken and answered without the log
        found = await Figures(database, hub.settings.log_origin, system_clock).look()
        assert found.log.waiting == 3
        assert found.log.waiting_s > 590
        await hub.sequencer.catch_up()
        found = await Figures(database, hub.settings.log_origin, system_clock).look()
        assert (found.log.waiting, found.log.waiting_s, found.log.leaves) == (0, 0, 3)


async def test_a_dead_sequencer_is_noticed(database: Database, tmp_path: Path) -> None:
    async with hub_on(database, tmp_path) as (hub, http):
        assert hub.sequencer.health.state == "STOPPED"
        assert (await http.get("/healthz")).json()["log"] == "STOPPED"


async def test_a_running_hub_looks_at_itself(
    database: Database, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with health_of(database, tmp_path) as health:
        stop = asyncio.Event()
        task = asyncio.create_task(health.watch(stop, every_s=0.01))
        health._free_min_bytes = 2**62

        async def is_logged() -> bool:
            return any("health of disk: DISK_FULL" in each.getMessage() for each in caplog.records)

        await until(is_logged)
        stop.set()
        await task
    errors = [each for each in caplog.records if each.levelno == logging.ERROR]
    assert len([each for each in errors if "health of disk" in each.getMessage()]) == 1


async def test_a_part_that_does_not_answer_is_told_after_its_bound(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health_module, "PART_WAIT_S", 0.05)
    async with health_of(database, tmp_path) as health:
        monkeypatch.setattr(health._shared, "check", lambda: asyncio.sleep(30))
        parts = await health.look()
    assert parts["shared"].code == "STATE_UNAVAILABLE"
    assert "0.05" in parts["shared"].en


async def test_the_figures_raise_the_hubs_errors(tmp_path: Path) -> None:
    async with Database("postgresql://hub@127.0.0.1:1/hub") as database:
        with pytest.raises(DatabaseUnavailableError):
            await Figures(database, "o", system_clock).look()
