"""The database goes away and comes back under a running hub."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import httpx
import psycopg
import pytest

from hub.app import build
from hub.clock import system_clock
from hub.embedded.server import EmbeddedPostgres
from hub.settings import Settings
from hub.store.database import Database
from hub.store.migrations import migrate

BASE = "http://127.0.0.1:8000"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[EmbeddedPostgres]:
    """A server of this test's own, because the test kills it."""
    found = EmbeddedPostgres(tmp_path / "pg", throwaway=True)
    found.start()
    yield found
    found.stop()


def kill(server: EmbeddedPostgres) -> None:
    """Kill the server's first process the hard way; its children follow it."""
    pid = int((server.data / "postmaster.pid").read_text().splitlines()[0])
    os.kill(pid, signal.SIGKILL)


async def test_an_absent_database_is_503_and_the_hub_recovers_by_itself(
    server: EmbeddedPostgres, tmp_path: Path
) -> None:
    migrate(server.url)
    settings = Settings(data_dir=tmp_path / "data", sandbox=True, anonymous=True)
    async with Database(server.url) as database:
        hub = await build(settings, database, system_clock)
        transport = httpx.ASGITransport(hub.asgi)
        async with httpx.AsyncClient(transport=transport, base_url=BASE) as http:
            assert (await http.get("/log/checkpoint")).status_code == 404
            kill(server)
            away = await http.get("/log/checkpoint")
            assert away.status_code == 503
            assert away.json()["code"] == "DATABASE_UNAVAILABLE"
            assert int(away.headers["retry-after"]) > 0
            server.start()
            assert (await http.get("/log/checkpoint")).status_code == 404
    with psycopg.connect(server.url) as connection:
        assert connection.execute("SELECT count(*) FROM entry").fetchone() == (0,)
