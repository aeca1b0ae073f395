"""Sandbox systems on the loopback interface, and sources that read them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime

import pytest

from adapters import discover
from connectors.limits import Limits
from hub.harvest.connections import ClientCredentials, HttpConnection, StaticToken
from hub.harvest.service import Harvester
from hub.harvest.source import HarvestSource
from hub.sandbox.serve import Systems, sandbox
from hub.store.database import Database
from tests.integration.harvest.small_source import Laboratory, serving, source_of
from tests.standing_clock import StandingClock

NOW = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)
PARTY = "hub:hub.delta.example/records"
LIMITS = Limits(attempts_max=1, read_s=30)


@pytest.fixture
def time() -> StandingClock:
    return StandingClock(NOW)


SCALE = 0.12


@pytest.fixture
def heard(database: Database) -> Callable[[], Awaitable[list[datetime]]]:
    """When coverage was last heard of, each instant once."""

    async def read() -> list[datetime]:
        found = await database.reads.fetch_all(
            "SELECT DISTINCT greatest(c.as_of, h.as_of) FROM occupancy_coverage_source c "
            "LEFT JOIN heard h USING (entry_id)"
        )
        return [instant for (instant,) in found]

    return read


@pytest.fixture
async def systems(time: StandingClock, request: pytest.FixtureRequest) -> AsyncIterator[Systems]:
    """A small world, or the whole one for a test that asks with `parametrize(indirect=True)`."""
    async with sandbox(time, scale=getattr(request, "param", SCALE)) as running:
        yield running


@pytest.fixture
def ecnu(systems: Systems) -> HarvestSource:
    return HarvestSource(
        id="ecnu",
        adapter=discover()["ecnu"],
        connection=HttpConnection(
            base_url=systems.ecnu_url,
            auth=ClientCredentials(
                source="ecnu",
                token_url="/oauth2/token",
                client_id=systems.ecnu.client_id,
                client_secret=systems.ecnu.client_secret,
            ),
        ),
        owners=("moe:10269",),
        division_code="310000",
        limits=LIMITS,
    )


@pytest.fixture
def anhui(systems: Systems) -> HarvestSource:
    return HarvestSource(
        id="anhui",
        adapter=discover()["anhui"],
        connection=HttpConnection(
            base_url=systems.anhui_url,
            auth=StaticToken(systems.anhui.api_key, header="X-Api-Key"),
        ),
        owners=None,
        authority="platform:anhui/booking",
        division_code="340000",
        limits=LIMITS,
    )


@pytest.fixture
def harvester(database: Database, time: StandingClock) -> Harvester:
    return Harvester(database, PARTY, time)


@pytest.fixture
async def laboratory():
    """A small source whose lists a test changes, cuts and stops."""
    async with serving(Laboratory()) as running:
        yield running


@pytest.fixture
def source(laboratory):
    return source_of(laboratory)
