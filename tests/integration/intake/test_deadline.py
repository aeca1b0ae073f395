"""A batch whose sender does not wait any longer: given up whole, and free to be sent again."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from hub.errors import ErrorCode, HubError
from hub.intake.batch import Outcome
from hub.store.database import Database
from hub.store.projection import REBUILD_LOCK

pytestmark = pytest.mark.integration
KEPT = "SELECT (SELECT count(*) FROM entry), (SELECT count(*) FROM instrument_source)"


def in_seconds(seconds: float) -> float:
    return asyncio.get_running_loop().time() + seconds


@pytest.mark.parametrize("seconds", [-1.0, 0.0])
async def test_what_comes_when_nobody_waits_is_not_begun(
    push: Any, instrument: Any, database: Database, seconds: float
) -> None:
    with pytest.raises(HubError) as refused:
        await push(instrument(1), key="k1", until=in_seconds(seconds))
    assert refused.value.code is ErrorCode.HOME_LATE
    assert await database.reads.fetch_all(KEPT) == [(0, 0)]


async def test_what_waits_too_long_is_given_up_and_can_be_sent_again(
    push: Any, instrument: Any, database: Database
) -> None:
    async with database.writes.transaction() as connection:
        await connection.execute(f"SELECT pg_advisory_xact_lock({REBUILD_LOCK})".encode())
        with pytest.raises(HubError) as refused:
            await push(instrument(1), key="k1", until=in_seconds(0.5))
        assert refused.value.code is ErrorCode.HOME_LATE
    assert await database.reads.fetch_all(KEPT) == [(0, 0)]
    assert database.writes.use().in_use == 0, "its transaction is over"
    again = await push(instrument(1), key="k1", until=in_seconds(60))
    assert (again.rows[0].outcome, again.replayed) == (Outcome.ACCEPTED, False)
    assert await database.reads.fetch_all(KEPT) == [(1, 1)]


async def test_a_dry_run_within_its_time_writes_nothing(
    push: Any, instrument: Any, database: Database
) -> None:
    tried = await push(instrument(1), dry_run=True, until=in_seconds(60))
    assert (tried.rows[0].outcome, tried.dry_run) == (Outcome.ACCEPTED, True)
    assert await database.reads.fetch_all(KEPT) == [(0, 0)]
