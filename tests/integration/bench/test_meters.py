"""The short form of `python -m bench.meters`: nothing is lost, and a day is stated once."""

from __future__ import annotations

import pytest

from bench.meters import measure, told
from hub.store.database import Database
from tests.mosquitto import program

pytestmark = pytest.mark.integration
METERS = 30


async def test_every_reading_is_kept_and_every_day_is_stated_once(database: Database) -> None:
    program()
    found = await measure(database, METERS, 0.5, rate=100.0)
    assert found.kept == found.sent == 50
    assert len(found.lags_s) == found.sent
    assert (found.days, found.again) == (METERS, 0)
    assert len(found.bare_ms) == found.batches
    assert f"kept {found.kept}" in told(found, METERS)
