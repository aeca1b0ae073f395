from __future__ import annotations

import asyncio
import os
import signal
from typing import Any

import pytest

from hub.embedded.server import EmbeddedPostgres
from hub.errors import DatabaseUnavailableError
from hub.intake.batch import Outcome
from hub.store.database import Database
from hub.store.projection import REBUILD_LOCK
from hub.store.roles import prepare
from tests.databases import make_roles

pytestmark = pytest.mark.integration


@pytest.fixture
def database_url(server: EmbeddedPostgres) -> str:
    """This module's tests run on a server that they may kill."""
    roles = make_roles(server.start())
    prepare(roles)
    return roles.hub


async def test_a_batch_sent_while_the_database_is_away_can_be_sent_again(
    push: Any, instrument: Any, server: EmbeddedPostgres, database: Database
) -> None:
    first = await push(instrument(1), key="k1")
    os.kill(int((server.data / "postmaster.pid").read_text().splitlines()[0]), signal.SIGKILL)
    async with asyncio.timeout(20):
        while server.is_running():
            await asyncio.sleep(0.01)
    with pytest.raises(DatabaseUnavailableError):
        await push(instrument(2), key="k2")
    server.start()
    assert (await push(instrument(1), key="k1")).rows == first.rows
    (made,) = (await push(instrument(2), key="k2")).rows
    assert made.outcome is Outcome.ACCEPTED


async def test_a_database_killed_under_load_keeps_whole_batches_only(
    push: Any, instrument: Any, server: EmbeddedPostgres, database: Database
) -> None:
    acknowledged: list[int] = []

    async def send(task: int) -> None:
        for number in range(task * 1000, task * 1000 + 200):
            rows = [instrument(number * 3 + n) for n in range(3)]
            made = (await push(*rows)).rows
            acknowledged.extend(each.entry_id for each in made)

    tasks = [asyncio.create_task(send(task)) for task in range(4)]
    async with asyncio.timeout(60):
        while len(acknowledged) < 60:
            await asyncio.sleep(0.01)
    os.kill(int((server.data / "postmaster.pid").read_text().splitlines()[0]), signal.SIGKILL)
    ended = await asyncio.gather(*tasks, return_exceptions=True)
    assert {type(each) for each in ended} == {DatabaseUnavailableError}
    server.start()
    kept = {each for (each,) in await database.reads.fetch_all("SELECT entry_id FROM entry")}
    assert set(acknowledged) <= kept
    counts = await database.reads.fetch_all(
        "SELECT (SELECT count(*) FROM entry), (SELECT count(*) FROM entry_body), "
        "(SELECT count(*) FROM instrument_source), (SELECT count(*) FROM instrument), "
        "(SELECT sum(rows) FROM source)"
    )
    assert set(counts[0]) == {len(kept)}
    assert len(kept) % 3 == 0


async def test_intake_waits_while_projections_are_rebuilt(
    push: Any, instrument: Any, database: Database
) -> None:
    waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
    async with database.writes.transaction() as connection:
        await connection.execute(f"SELECT pg_advisory_xact_lock({REBUILD_LOCK})".encode())
        task = asyncio.create_task(push(instrument()))
        async with asyncio.timeout(20):
            while (await database.reads.fetch_all(waiting)) != [(1,)]:
                await asyncio.sleep(0.01)
        assert not task.done()
    assert (await task).rows[0].outcome is Outcome.ACCEPTED
