"""The database goes away and comes back under a running hub."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import httpx
import psycopg

from hub.app import build
from hub.clock import system_clock
from hub.embedded.server import EmbeddedPostgres
from hub.settings import Settings
from hub.store.database import Database
from hub.store.migrations import migrate

DEATH_S_MAX = 20
BASE = "http://127.0.0.1:8000"


def kill(server: EmbeddedPostgres) -> None:
    """Kill the server's first process the hard way; its children follow it."""
    pid = int((server.data / "postmaster.pid").read_text().splitlines()[0])
    os.kill(pid, signal.SIGKILL)


async def test_an_absent_database_is_503_and_the_hub_recovers_by_itself(
    server: EmbeddedPostgres, tmp_path: Path
) -> None:
    migrate(server.start())
    settings = Settings(data_dir=tmp_path / "data", sandbox=True, anonymous=True)
    async with Database(server.url) as database:
        hub = await build(settings, database, system_clock)
        transport = httpx.ASGITransport(hub.asgi)
        async with httpx.AsyncClient(transport=transport, base_url=BASE) as http:
            assert (await http.get("/log/checkpoint")).status_code == 404
            kill(server)
            async with asyncio.timeout(DEATH_S_MAX):
                while server.is_running():
                    await asyncio.sleep(0.01)
            away = await http.get("/log/checkpoint")
            assert away.status_code == 503
            assert away.json()["code"] == "DATABASE_UNAVAILABLE"
            assert int(away.headers["retry-after"]) > 0
            server.start()
            assert (await http.get("/log/checkpoint")).status_code == 404
    with psycopg.connect(server.url) as connection:
        assert connection.execute("SELECT count(*) FROM entry").fetchone() == (0,)
