"""One tool of a NEMO that really runs, asked while a caller waits."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from hub.federation.deployed import LiveSources
from hub.federation.entries import AnswerStatus, ServedFrom
from hub.federation.service import Federation, FreshenRequest
from hub.state.memory import MemoryState

pytestmark = [pytest.mark.nemo, pytest.mark.integration]
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
TEM, XRD = "moe:10335/lab1-1", "moe:10335/lab1-2"
STEM_MODE = 5
"""Number of the tool that is another mode of the microscope."""
PARTY = "hub:hub.delta.example/records"


@pytest.fixture
async def federation(database, time, nemo):
    made = Federation(
        database, MemoryState(time), time, PARTY, LiveSources(None, lambda: {nemo.id: nemo})
    )
    yield made
    await made.aclose()


async def freshened(federation, time, key):
    async def charge(_: int) -> None:
        return None

    request = FreshenRequest(
        since=time.now,
        until=asyncio.get_running_loop().time() + 10,
        is_anonymous=False,
        charge=charge,
    )
    (answer,) = await federation.freshen([key], request)
    return answer


async def taken(database, key):
    rows = await database.writes.fetch_all(
        "SELECT local_id FROM occupancy_source WHERE NOT withdrawn AND instrument_key = %s", (key,)
    )
    return {name for (name,) in rows}


async def test_bookings_of_a_tool_and_its_modes_are_seen_and_missed(
    harvester, federation, nemo, lab, database, time
):
    await harvester.harvest(nemo)
    before, other = await taken(database, TEM), await taken(database, XRD)
    start = time.now + 9 * DAY
    body = {"user": 3, "creator": 3, "project": 1, "short_notice": False}
    body |= {"start": start.isoformat(), "end": (start + HOUR).isoformat()}
    made = [lab.post("/api/reservations/", {**body, "tool": tool}) for tool in (1, STEM_MODE, 2)]
    assert [each.status_code for each in made] == [200, 200, 200], made[0].text
    cancelled = lab.patch("/api/reservations/1/", {"cancelled": True})
    assert cancelled.status_code == 200, cancelled.text
    time.pass_by(minutes=1)
    answer = await freshened(federation, time, TEM)
    assert (answer.status, answer.served_from) == (AnswerStatus.OK, ServedFrom.LIVE)
    new = {f"reservation-{each.json()['id']}" for each in made[:2]}
    assert await taken(database, TEM) == before - {"reservation-1"} | new
    assert await taken(database, XRD) == other

    # A calendar that stands writes nothing but when it was heard.
    count = "SELECT count(*) FROM entry"
    before = await database.writes.fetch_all(count)
    time.pass_by(minutes=1)
    answer = await freshened(federation, time, TEM)
    assert answer.status is AnswerStatus.OK
    assert answer.as_of == time.now
    assert await database.writes.fetch_all(count) == before
