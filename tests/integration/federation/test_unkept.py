"""A source whose answers must not be kept: shown for a while to who asks, proved, and gone."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest

from adapters._feed import Mode
from hub.federation.question import question_hash
from hub.harvest.report import RunStatus
from hub.harvest.source import HarvestSource
from hub.housekeeping import forget
from hub.sandbox.serve import serving
from hub.store.check import check
from hub.store.rebuild import rebuild
from tests.integration.federation.campus import Campus, booking, source_at
from tests.integration.federation.conftest import World
from tests.integration.federation.questions import DAY, E1, E2, ONE, PAGE, free, stands

pytestmark = pytest.mark.integration
SEARCH = f"""query ($s: Duration) {{ instruments(maxStaleness: $s,
  filter: {{availableFor: {{{DAY}, hours: 9}}}}) {{ nodes {{ localNo }} }} }}"""
SHOWN = timedelta(minutes=10)
STATUS = ONE.replace("longestFreeHours asOf", "longestFreeHours asOf sources")


def secretive(source: HarvestSource) -> HarvestSource:
    """The same source, whose calendars must not be kept."""
    feeds = dict(source.adapter.metadata.feeds)
    for name in ("Occupancy", "OccupancyCoverage"):
        unkept = {"mode": Mode.LIVE, "every": None, "rows": None, "stale_max": SHOWN}
        feeds[name] = replace(feeds[name], **unkept)
    adapter = replace(source.adapter, metadata=replace(source.adapter.metadata, feeds=feeds))
    adapter.check()
    return replace(source, adapter=adapter)


@pytest.fixture
async def secret(world: World) -> AsyncIterator[Campus]:
    """Another university with one instrument, E9, which is taken from 9 to 11."""
    other = Campus(("E9",))
    other.bookings.append(booking("E9", "b9", 1, 9, 11))
    async with serving(other.app) as url:
        world.sources["secret"] = secretive(source_at(url, "secret"))
        report = await world.harvester.harvest(world.sources["secret"])
        assert report.status is RunStatus.OK, report.message
        yield other
        other.switchboard.set({})


E9 = E1.replace("E1", "E9")


async def entries(world: World) -> list[tuple[str, str]]:
    """Record type and source of every entry but those of the university that may be kept."""
    rows = await world.database.reads.fetch_all(
        "SELECT record_type, source FROM entry WHERE source <> 'campus' ORDER BY entry_id"
    )
    return [(record_type, source) for record_type, source in rows]


async def long_free(world: World) -> list[str]:
    """Numbers of what is free for nine hours in one stretch, as far as it was told."""
    answer = await world.ask(SEARCH, {"s": "PT5M"})
    return [row["localNo"] for row in answer["data"]["instruments"]["nodes"]]


async def test_an_answer_is_shown_to_who_asks_and_one_observation_proves_it(world, secret):
    before = await entries(world)
    assert not {"Occupancy", "OccupancyCoverage"} & {name for name, _ in before}
    assert await long_free(world) == ["E1", "E3"]
    fresh = await world.ask(STATUS, {"key": E9, "s": "PT5M"})
    assert (free(fresh), *stands(fresh, "secret")) == ("9", "OK", "LIVE", None)
    assert "secret" in fresh["data"]["instrument"]["availability"]["sources"]
    assert await entries(world) == [*before, ("Observation", "operator")]
    ((answered_by, question, rows),) = await world.database.reads.fetch_all(
        "SELECT answered_by, question, rows_count FROM observation_source"
    )
    assert (answered_by, rows) == ("secret", 1)
    assert question == question_hash("secret", "Occupancy", E9)
    world.time.pass_by(minutes=4)
    again = await world.ask(ONE, {"key": E9, "s": "PT5M"})
    assert (free(again), *stands(again, "secret")) == ("9", "OK", "STORE", None)
    assert await long_free(world) == ["E1", "E3", "E9"]
    assert len(secret.asked) == 1
    assert len(await entries(world)) == len(before) + 1
    plain = await world.ask(
        f'{{ instrument(by: {{key: "{E9}"}}) {{ availability({DAY}) {{ status }} }} }}'
    )
    assert plain["data"]["instrument"]["availability"]["status"] == "UNKNOWN"


async def test_it_stands_in_for_its_source_until_it_expires(world, secret):
    await world.ask(ONE, {"key": E9, "s": "PT5M"})
    secret.switchboard.set({"dead": True})
    world.time.pass_by(minutes=9)
    stale = await world.ask(ONE, {"key": E9, "s": "PT5M"})
    assert (free(stale), *stands(stale, "secret")) == ("9", "ERROR", "STORE", "SOURCE_UNAVAILABLE")
    world.time.pass_by(minutes=1)
    gone = await world.ask(ONE, {"key": E9, "s": "PT5M"})
    assert gone["data"]["instrument"]["availability"]["status"] == "UNKNOWN"
    assert stands(gone, "secret") == ("ERROR", "NONE", "SOURCE_UNAVAILABLE")
    count = "SELECT count(*) FROM transient_calendar"
    assert await world.database.reads.fetch_all(count) == [(1,)]
    await forget(world.database, world.time)
    assert await world.database.reads.fetch_all(count) == [(0,)]

    # An answer that cannot be read shows nothing and proves nothing.
    before = await entries(world)
    for fault in ("empty", "spoiled"):
        secret.switchboard.set({})
        world.time.pass_by(minutes=1)
        await world.ask(ONE, {"key": E9, "s": "PT5M"})
        secret.switchboard.set({fault: True})
        world.time.pass_by(minutes=6)
        bad = await world.ask(ONE, {"key": E9, "s": "PT5M"})
        assert (free(bad), *stands(bad, "secret")) == ("9", "BAD_DATA", "STORE", "SOURCE_BAD_DATA")
        world.time.pass_by(minutes=5)
    assert len(await entries(world)) == len(before) + 2


async def test_it_covers_only_where_nobody_else_speaks_of_the_instrument(world, secret):
    twin = Campus(("E1", "E9"))
    twin.bookings += [booking("E1", "more", 1, 13, 20), booking("E9", "b9", 1, 9, 11)]
    async with serving(twin.app) as url:
        world.sources["twin"] = secretive(source_at(url, "twin"))
        await world.harvester.harvest(world.sources["twin"])
        led = await world.ask(STATUS, {"key": E1, "s": "PT1H"})
        available = led["data"]["instrument"]["availability"]
        assert available["longestFreeHours"] == "2"  # its bookings subtract all the same
        assert available["sources"] == ["campus", "twin"]
        assert available["asOf"] == "2026-11-30T02:00:00Z"
        both = await world.ask(ONE, {"key": E9, "s": "PT5M"})
        assert both["data"]["instrument"]["availability"]["status"] == "UNKNOWN"
        assert stands(both, "secret")[0] == stands(both, "twin")[0] == "OK"


async def test_check_and_rebuild_pass_it_by(world, secret, database):
    await world.ask(PAGE, {"s": "PT5M"})
    await world.ask(ONE, {"key": E2, "s": "PT0S"})
    assert (await check(database)).differences == []
    await rebuild(database)
    assert (await check(database)).differences == []
    answer = await world.ask(ONE, {"key": E9, "s": "PT5M"})
    assert (free(answer), stands(answer, "secret")[1]) == ("9", "STORE")
