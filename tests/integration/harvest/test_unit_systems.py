"""Systems of a single unit, each by its stand-in: read whole, and honest when they are not."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import pytest

from adapters import discover
from hub.harvest.connections import HttpConnection
from hub.harvest.report import RunStatus
from hub.harvest.service import Harvester
from hub.harvest.source import HarvestSource
from hub.sandbox.faults import Switchboard
from hub.sandbox.lims_cf import lims_cf
from hub.sandbox.serve import serving
from hub.store.database import Database
from schema.dates import local_date
from tests.integration.harvest.conftest import LIMITS, Time

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
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Made:
    """How a stand-in is made, and what of it is known beforehand."""

    make: Any
    main: str
    """The table of its records by which is seen whether anything came."""
    facts: dict[str, Any] = field(default_factory=dict)
    has_calendar: bool = True


MADE = {"lims_cf": Made(lims_cf, "instrument")}


@pytest.fixture(params=MADE)
async def system(request: pytest.FixtureRequest, time: Time) -> AsyncIterator[System]:
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
                owners=("moe:10269",),
                division_code="310000",
                facts=made.facts,
                limits=LIMITS,
            ),
            running.switchboard,
            {"calendar": made.has_calendar},
        )


async def count(database: Database, table: str) -> int:
    ((found,),) = await database.writes.fetch_all(
        f"SELECT count(*) FROM {table}_source WHERE NOT withdrawn"
    )
    return int(found)


async def entries(database: Database) -> int:
    ((found,),) = await database.writes.fetch_all("SELECT count(*) FROM entry")
    return int(found)


async def test_it_is_read_whole_and_read_again_it_says_nothing_new(
    harvester: Harvester, system: System, database: Database
) -> None:
    report = await harvester.harvest(system.source)
    assert report.status is RunStatus.OK, report.message
    assert await count(database, "instrument") == int(463 * SCALE)
    assert bool(await count(database, "occupancy_coverage")) == system.facts["calendar"]
    before = await entries(database)
    again = await harvester.harvest(system.source)
    assert again.status is RunStatus.OK
    assert again.counts()["accepted"] == 0
    assert await entries(database) == before


FAULTS = {
    "dead": "SOURCE_UNAVAILABLE",
    "limited": "SOURCE_UNAVAILABLE",
    "denied": "SOURCE_DENIED",
    "html": "SOURCE_BAD_DATA",
}


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_source_that_does_not_answer_is_told_by_what_it_did(
    harvester: Harvester, system: System, database: Database, fault: str
) -> None:
    system.switchboard.set({fault: True})
    report = await harvester.harvest(system.source)
    assert report.status is RunStatus.FAILED
    assert report.error_code == FAULTS[fault]
    assert await count(database, "instrument") == 0


@pytest.mark.parametrize("fault", ["repeated", "dropped", "moving", "lying"])
async def test_a_list_that_is_not_proved_whole_withdraws_nothing(
    harvester: Harvester, system: System, database: Database, fault: str
) -> None:
    await harvester.harvest(system.source)
    before = await count(database, "instrument")
    system.switchboard.set({fault: True})
    report = await harvester.harvest(system.source)
    assert report.status is RunStatus.PARTIAL
    assert report.error_code == "SOURCE_BAD_DATA"
    assert await count(database, "instrument") == before


@pytest.mark.parametrize("fault", ["shrunk", "empty"])
async def test_a_list_that_lost_its_rows_waits_for_a_person(
    harvester: Harvester, system: System, database: Database, fault: str
) -> None:
    await harvester.harvest(system.source)
    before = await count(database, "instrument")
    system.switchboard.set({fault: True})
    report = await harvester.harvest(system.source)
    assert report.status in (RunStatus.HELD, RunStatus.FAILED)
    assert await count(database, "instrument") == before


async def test_a_spoiled_row_is_refused_and_the_others_go_in(
    harvester: Harvester, system: System, database: Database
) -> None:
    system.switchboard.set({"spoiled": True})
    report = await harvester.harvest(system.source)
    assert report.status is RunStatus.PARTIAL
    assert report.counts()["quarantined"] >= 3
    stood = await count(database, "instrument")
    assert 0 < stood < int(463 * SCALE)
