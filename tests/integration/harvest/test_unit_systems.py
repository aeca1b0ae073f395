"""Systems of a single unit, each by its stand-in: read whole, and honest when they are not."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import pytest

from adapters import discover
from hub.harvest.connections import HttpConnection
from hub.harvest.report import HarvestReport, RunStatus
from hub.harvest.service import Harvester
from hub.harvest.source import HarvestSource
from hub.sandbox.asset_cloud import asset_cloud
from hub.sandbox.elabftw import FACTS, elabftw
from hub.sandbox.faults import Switchboard
from hub.sandbox.lims_cf import lims_cf
from hub.sandbox.serve import serving
from hub.store.database import Database
from hub.store.drifts import drifts_of
from schema.dates import local_date
from tests.integration.harvest.conftest import LIMITS
from tests.standing_clock import StandingClock

pytestmark = pytest.mark.integration
SCALE = 0.25
"""Of 463 instruments; each list has two pages or more."""
INSTITUTION = {
    "institutionKey": "moe:10269",
    "name": {"zh": "华东师范大学"},
    "kind": "UNIVERSITY",
    "divisionCode": "310107",
}


@dataclass
class System:
    """A running stand-in, and the source that reads it."""

    source: HarvestSource
    switchboard: Switchboard
    has_calendar: bool


@dataclass(frozen=True)
class Made:
    """How a stand-in is made, and what of it is known beforehand."""

    make: Any
    owner: str = "moe:10269"
    facts: dict[str, Any] = field(default_factory=dict)
    has_calendar: bool = True


MADE = {
    "asset_cloud": Made(asset_cloud, owner="uscc:12100000425006133D", has_calendar=False),
    "elabftw": Made(elabftw, facts=FACTS),
    "lims_cf": Made(lims_cf),
}


@pytest.fixture(params=MADE)
async def system(request: pytest.FixtureRequest, time: StandingClock) -> AsyncIterator[System]:
    name, made = request.param, MADE[request.param]

    def today() -> date:
        return local_date(time())

    running = made.make(today, SCALE)
    async with serving(running.app) as url:
        yield System(
            HarvestSource(
                id=name,
                adapter=discover()[name],
                connection=HttpConnection(base_url=url, auth=getattr(running, "auth", None)),
                institution=INSTITUTION,
                owners=(made.owner,),
                division_code="310000",
                facts=made.facts,
                limits=LIMITS,
            ),
            running.switchboard,
            made.has_calendar,
        )


async def count(database: Database, table: str) -> int:
    ((found,),) = await database.writes.fetch_all(
        f"SELECT count(*) FROM {table}_source WHERE NOT withdrawn"
    )
    return int(found)


async def entries(database: Database) -> int:
    ((found,),) = await database.writes.fetch_all("SELECT count(*) FROM entry")
    return int(found)


async def harvested(harvester: Harvester, system: System, fault: str = "") -> HarvestReport:
    system.switchboard.set({fault: True} if fault else {})
    return await harvester.harvest(system.source)


REFUSALS = {
    "dead": "SOURCE_UNAVAILABLE",
    "limited": "SOURCE_UNAVAILABLE",
    "denied": "SOURCE_DENIED",
    "html": "SOURCE_BAD_DATA",
}
UNPROVED = ("repeated", "dropped", "moved")


async def test_it_is_read_whole_and_whatever_goes_wrong_takes_nothing_away(
    harvester: Harvester, system: System, database: Database
) -> None:
    for fault, code in REFUSALS.items():
        report = await harvested(harvester, system, fault)
        assert (report.status, report.error_code) == (RunStatus.FAILED, code), fault
    assert await count(database, "instrument") == 0

    report = await harvested(harvester, system)
    assert report.status is RunStatus.OK, report.message
    stood = await count(database, "instrument")
    assert stood == int(463 * SCALE)
    assert bool(await count(database, "occupancy_coverage")) == system.has_calendar
    written = await entries(database)
    again = await harvested(harvester, system)
    assert again.status is RunStatus.OK
    assert again.counts()["accepted"] == 0
    assert await entries(database) == written

    for fault in UNPROVED:
        report = await harvested(harvester, system, fault)
        assert report.status is RunStatus.PARTIAL, fault
        assert report.error_code == "SOURCE_BAD_DATA", fault
    for fault in ("shrunk", "empty"):
        report = await harvested(harvester, system, fault)
        assert report.status in (RunStatus.HELD, RunStatus.FAILED), fault
    assert await count(database, "instrument") == stood
    assert (await harvested(harvester, system)).status is RunStatus.OK


async def test_a_spoiled_row_is_refused_and_the_others_go_in(
    harvester: Harvester, system: System, database: Database
) -> None:
    report = await harvested(harvester, system, "spoiled")
    assert report.status is RunStatus.PARTIAL
    assert report.counts()["quarantined"] >= 3
    assert 0 < await count(database, "instrument") < int(463 * SCALE)


@pytest.mark.parametrize("system", ["lims_cf"], indirect=True)
async def test_a_token_that_is_kept_for_one_page_only_is_asked_for_anew(
    harvester: Harvester, system: System, database: Database
) -> None:
    report = await harvested(harvester, system, "expired")
    assert report.status is RunStatus.OK, report.message
    assert await count(database, "instrument") == int(463 * SCALE)


@pytest.mark.parametrize("system", ["asset_cloud"], indirect=True)
async def test_rows_in_another_form_or_unit_are_told_and_take_nothing_away(
    harvester: Harvester, system: System, database: Database, time: StandingClock
) -> None:
    await harvested(harvester, system)
    stood = await count(database, "instrument")
    for fault, status, kind in (
        ("schema", RunStatus.PARTIAL, "FIELD_GONE"),
        ("units", RunStatus.OK, "UNIT"),
    ):
        time.pass_by(hours=1)
        report = await harvested(harvester, system, fault)
        assert report.status is status, (fault, report.message)
        assert kind in {each.kind for each in await drifts_of(database, system.source.id)}
        assert await count(database, "instrument") == stood, fault
