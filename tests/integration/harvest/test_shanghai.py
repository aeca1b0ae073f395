"""The stand-in of Shanghai's platform through its adapter, well and with every fault."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from adapters import discover
from connectors.http.credentials import StaticToken
from connectors.limits import Limits
from hub.harvest.connections import HttpConnection
from hub.harvest.report import RunStatus
from hub.harvest.source import HarvestSource
from hub.sandbox.serve import serving
from hub.sandbox.shanghai import CITY, City, CityOptions, city
from hub.sandbox.world import World
from schema.dates import local_date

pytestmark = pytest.mark.integration
SCALE = 0.05
PAGE = 25


@dataclass
class Platform:
    city: City
    source: HarvestSource


@pytest.fixture
async def platform(time) -> AsyncIterator[Platform]:
    made = city(lambda: local_date(time()), SCALE, CityOptions(page_rows_max=PAGE))
    async with serving(made.app) as url:
        source = HarvestSource(
            id="shanghai",
            adapter=discover()["shanghai"],
            connection=HttpConnection(base_url=url, auth=StaticToken(f"Bearer {made.token}")),
            owners=None,
            authority="platform:shanghai/booking",
            division_code="310000",
            limits=Limits(attempts_max=1, read_s=1),
        )
        yield Platform(made, source)


async def counts(database) -> dict[str, int]:
    tables = ("institution", "instrument", "service_offer", "opening_hours", "occupancy")
    found = {}
    for table in (*tables, "occupancy_coverage"):
        statement = f"SELECT count(*) FROM {table}_source WHERE NOT withdrawn"
        ((found[table],),) = await database.reads.fetch_all(statement)
    return found


async def test_the_city_is_harvested_whole_and_covers_only_whose_units_report(
    harvester, platform, database, time
):
    report = await harvester.harvest(platform.source)
    assert report.status is RunStatus.OK, report.message
    world = World(local_date(time()), SCALE)
    stock = [one for one in world.platform if one.owner.division.startswith(CITY)]
    found = await counts(database)
    assert found["instrument"] == len(stock) > 2 * PAGE
    assert found["opening_hours"] == 7 * len(stock)
    reporting = sum(one.has_calendar for one in stock)
    assert found["occupancy_coverage"] == reporting < len(stock)
    again = await harvester.harvest(platform.source)
    assert again.counts()["accepted"] == 0


FAILURES = (
    ({"dead": True}, "SOURCE_UNAVAILABLE"),
    ({"denied": True}, "SOURCE_DENIED"),
    ({"html": True}, "SOURCE_BAD_DATA"),
    ({"slow": 1.5}, "SOURCE_TIMEOUT"),
    ({"limited": True}, "SOURCE_UNAVAILABLE"),
    ({"cut": True}, "SOURCE_UNAVAILABLE"),
)


async def test_a_platform_that_fails_takes_nothing_away_and_says_how(
    harvester, platform, database, time
):
    await harvester.harvest(platform.source)
    before = await counts(database)
    for fault, code in FAILURES:
        time.pass_by(hours=1)
        platform.city.switchboard.set(fault)
        report = await harvester.harvest(platform.source)
        assert report.status is RunStatus.FAILED, fault
        assert code in {report.error_code, *(part.error_code for part in report.collections)}
        assert await counts(database) == before, fault


async def test_pages_that_repeat_leave_out_or_shift_rows_withdraw_nothing_and_cover_nothing(
    harvester, platform, database, time
):
    await harvester.harvest(platform.source)
    before = await counts(database)
    newest = "SELECT max(as_of) FROM occupancy_coverage_source"
    covered = await database.reads.fetch_all(newest)
    for fault in ("repeated", "dropped", "moved"):
        time.pass_by(hours=1)
        platform.city.switchboard.set({fault: True})
        report = await harvester.harvest(platform.source)
        assert report.status is not RunStatus.OK, fault
        assert await counts(database) == before, fault
        assert await database.reads.fetch_all(newest) == covered, fault


async def test_a_platform_that_lies_about_its_rows_is_not_believed(
    harvester, platform, database, time
):
    await harvester.harvest(platform.source)
    before = await counts(database)
    for fault, said in (("lying", "DIVISION"), ("spoiled", "NOT_DECIMAL")):
        time.pass_by(hours=1)
        platform.city.switchboard.set({fault: True})
        report = await harvester.harvest(platform.source)
        assert report.status is not RunStatus.OK
        assert (await counts(database))["instrument"] == before["instrument"]
        refused = await database.writes.fetch_all("SELECT problems::text FROM quarantine")
        assert any(said in text for (text,) in refused), refused


async def test_a_platform_that_goes_back_in_time_takes_no_instrument_away(
    harvester, platform, database, time
):
    await harvester.harvest(platform.source)
    before = await counts(database)
    platform.city.switchboard.set({"stale": True})
    time.pass_by(hours=1)
    await harvester.harvest(platform.source)
    after = await counts(database)
    assert after["instrument"] == before["instrument"]
    assert after["institution"] == before["institution"]
