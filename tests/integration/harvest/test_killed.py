"""A process that harvests is killed at drawn points; what comes after it has lost nothing."""

from __future__ import annotations

import asyncio
import random
import signal
import sys
from datetime import timedelta

import pytest

from hub.errors import RefusedError
from hub.harvest.report import RunStatus
from hub.store.feeds import feeds_of
from tests.eventually import until

pytestmark = pytest.mark.integration
SEED, DRAWS = 20261126, 3
HARVEST = """
import asyncio, sys
from datetime import datetime
from hub.harvest.service import Harvester
from hub.store.database import Database
from tests.integration.harvest.small_source import Laboratory, source_of

url, base, now = sys.argv[1:]

async def main():
    async with Database(url) as database:
        clock = lambda: datetime.fromisoformat(now)
        harvester = Harvester(database, "hub:hub.delta.example/records", clock)
        for _ in range(50):
            await harvester.harvest(source_of(Laboratory(url=base)))

asyncio.run(main())
"""
STANDING = """
SELECT 'Instrument', key FROM instrument_source WHERE NOT withdrawn UNION ALL
SELECT 'ServiceOffer', key FROM service_offer_source WHERE NOT withdrawn UNION ALL
SELECT 'Occupancy', key FROM occupancy_source WHERE NOT withdrawn UNION ALL
SELECT 'OccupancyCoverage', key FROM occupancy_coverage_source WHERE NOT withdrawn ORDER BY 1, 2
"""


def drawn():
    """Which question it is killed at, and how many milliseconds later."""
    draw = random.Random(SEED)
    questions = draw.sample(range(1, 28), DRAWS)
    return [(question, draw.choice([0, 3, 15, 40])) for question in questions]


async def killed(database, laboratory, time, question, later_ms):
    """Harvest in another process, and kill it some time after a question of its."""
    reached = asyncio.Event()
    laboratory.asked.clear()
    laboratory.on_ask = lambda number: reached.set() if number == question else None
    words = (database.url, laboratory.url, time.now.isoformat())
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", HARVEST, *words)
    try:
        async with asyncio.timeout(60):
            await reached.wait()
        await asyncio.sleep(later_ms / 1000)
        assert process.returncode is None
    finally:
        laboratory.on_ask = lambda _: None
        if process.returncode is None:
            process.send_signal(signal.SIGKILL)
        await process.wait()


@pytest.mark.parametrize("point", drawn(), ids=str)
async def test_a_harvest_goes_on_after_kill_9_and_nothing_is_lost_or_doubled(
    harvester, laboratory, source, database, time, point
):
    await killed(database, laboratory, time, *point)
    time.pass_by(minutes=5)
    reports = []

    async def is_whole():
        """The session of the dead ends in its own time; until then the source is taken."""
        try:
            reports.append(await harvester.harvest(source))
        except RefusedError:
            return False
        time.pass_by(minutes=15)
        return reports[-1].status is RunStatus.OK

    await until(is_whole)
    assert len(reports) <= 2  # one that went on where it was cut off, and a whole one
    standing = await database.writes.fetch_all(STANDING)
    counted = {name: sum(each == name for each, _ in standing) for name, _ in standing}
    assert counted == {
        "Instrument": 2,
        "ServiceOffer": 2,
        "Occupancy": 8,
        "OccupancyCoverage": 2,
    }
    doubled = await database.writes.fetch_all(
        "SELECT key FROM entry WHERE record_type <> 'OccupancyCoverage' GROUP BY record_type, key "
        "HAVING count(*) > 1"
    )
    assert doubled == []
    cut = await database.writes.fetch_all("SELECT count(*) FROM run WHERE status = 'RUNNING'")
    assert cut == [(0,)]
    feeds = (await feeds_of(database, ["laboratory"]))["laboratory"]
    assert {each.heard_at for each in feeds} == {time.now - timedelta(minutes=15)}
    assert all(not each.state for each in feeds)
