"""The platforms of three provinces, asked of one instrument while a caller waits."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from adapters import discover
from adapters._adapter import Context
from connectors.http.credentials import StaticToken
from connectors.limits import Limits
from hub.federation.deployed import LiveSources
from hub.federation.entries import Answered, AnswerStatus, ServedFrom
from hub.federation.service import Federation, FreshenRequest
from hub.harvest.connections import HttpConnection
from hub.harvest.report import RunStatus
from hub.harvest.service import Harvester
from hub.harvest.source import HarvestSource
from hub.sandbox.anhui import platform
from hub.sandbox.faults import Switchboard
from hub.sandbox.jiangsu import jiangsu
from hub.sandbox.serve import serving
from hub.sandbox.shanghai import city
from hub.sandbox.world import SandboxInstrument, World
from hub.state.memory import MemoryState
from hub.store.database import Database
from schema.dates import SHANGHAI, local_date
from tests.standing_clock import StandingClock

pytestmark = pytest.mark.integration
NOW = datetime(2026, 11, 30, 2, 0, tzinfo=UTC)
PARTY = "hub:hub.delta.example/records"
SCALE = 0.02


@dataclass
class Stand:
    """One province: the source, its faults, and the world that it shows."""

    source: HarvestSource
    switchboard: Switchboard
    division: str
    federation: Federation
    harvester: Harvester
    database: Database
    time: StandingClock

    def stock(self) -> list[SandboxInstrument]:
        """The instruments of its units on the day."""
        world = World(local_date(self.time()), SCALE)
        return [one for one in world.platform if one.owner.division.startswith(self.division)]

    def booked(self, one: SandboxInstrument) -> set[str]:
        """Bookings that take time within the window of harvests."""
        context = Context(source="", now=self.time())
        since, until = context.window_start, context.window_end
        return {
            each.id
            for each in World(local_date(self.time()), SCALE).bookings(one)
            if each.state != "CANCELLED"
            and each.end.replace(tzinfo=SHANGHAI) > since
            and each.start.replace(tzinfo=SHANGHAI) < until
        }

    async def ask(self, one: SandboxInstrument) -> Answered:
        """Have an instrument read anew."""

        async def charge(_: int) -> None:
            return None

        request = FreshenRequest(
            since=self.time(),
            until=asyncio.get_running_loop().time() + 10,
            is_anonymous=False,
            charge=charge,
        )
        (answer,) = await self.federation.freshen([key_of(one)], request)
        return answer

    async def taken(self, one: SandboxInstrument) -> set[str]:
        """What the store has of the instrument within the window."""
        context = Context(source="", now=self.time())
        rows = await self.database.reads.fetch_all(
            "SELECT local_id FROM occupancy_source WHERE NOT withdrawn AND instrument_key = %s"
            " AND end_at > %s AND start_at < %s",
            (key_of(one), context.window_start, context.window_end),
        )
        return {name for (name,) in rows}

    async def heard_of(self, one: SandboxInstrument) -> datetime | None:
        """How old the newest coverage of the instrument is that holds."""
        ((at,),) = await self.database.reads.fetch_all(
            "SELECT max(greatest(c.as_of,h.as_of)) FROM occupancy_coverage_source c"
            " LEFT JOIN heard h USING (entry_id) WHERE NOT withdrawn AND instrument_key = %s",
            (key_of(one),),
        )
        found: datetime | None = at
        return found


def key_of(one: SandboxInstrument) -> str:
    """The key of an instrument: its unit under its best identifier, and its number."""
    owner = one.owner
    if owner.uscc:
        return f"uscc:{owner.uscc}/{one.number}"
    return (
        f"moe:{owner.school_code}/{one.number}"
        if owner.school_code
        else f"ror:{owner.ror}/{one.number}"
    )


MAKERS: dict[str, tuple[Callable[..., Any], str]] = {
    "shanghai": (city, "31"),
    "jiangsu": (jiangsu, "32"),
    "anhui": (platform, "3"),
}


@pytest.fixture(params=MAKERS)
async def stand(request: pytest.FixtureRequest, database: Database) -> AsyncIterator[Stand]:
    time = StandingClock(NOW)
    make, division = MAKERS[request.param]
    made = make(lambda: local_date(time()), SCALE)
    auth = (
        StaticToken(made.api_key, "X-Api-Key")
        if request.param == "anhui"
        else StaticToken(f"Bearer {made.token}")
    )
    async with serving(made.app) as url:
        source = HarvestSource(
            id=request.param,
            adapter=discover()[request.param],
            connection=HttpConnection(base_url=url, auth=auth),
            owners=None,
            authority=f"platform:{request.param}/booking",
            limits=Limits(attempts_max=1),
        )
        harvester = Harvester(database, PARTY, time)
        report = await harvester.harvest(source)
        assert report.status is RunStatus.OK, report.message
        live = LiveSources(None, lambda: {source.id: source})
        federation = Federation(database, MemoryState(time), time, PARTY, live)
        yield Stand(source, made.switchboard, division, federation, harvester, database, time)
        made.switchboard.set({})
        await federation.aclose()


async def test_one_instrument_is_asked_and_no_other_is_touched(stand):
    known = [one for one in stand.stock() if one.has_calendar]
    stand.time.pass_by(days=7)  # another week of bookings is there
    one, other = [each for each in known if len(stand.booked(each)) > 3][:2]
    before = await stand.taken(other)
    assert await stand.taken(one) != stand.booked(one)
    answer = await stand.ask(one)
    assert (answer.status, answer.served_from) == (AnswerStatus.OK, ServedFrom.LIVE)
    assert await stand.taken(one) == stand.booked(one)
    assert await stand.taken(other) == before != stand.booked(other)
    assert await stand.heard_of(one) == stand.time()


async def test_what_a_harvest_states_an_answer_states_in_the_same_words(stand):
    one = next(each for each in stand.stock() if each.has_calendar and stand.booked(each))
    count = "SELECT count(*) FROM entry"
    before = await stand.database.reads.fetch_all(count)
    stand.time.pass_by(minutes=10)
    assert (await stand.ask(one)).status is AnswerStatus.OK
    assert await stand.database.reads.fetch_all(count) == before
    assert await stand.heard_of(one) == stand.time()


async def test_an_instrument_whose_unit_does_not_report_is_never_free(stand):
    silent = next(each for each in stand.stock() if not each.has_calendar)
    stand.time.pass_by(minutes=10)
    answer = await stand.ask(silent)
    assert (answer.status, answer.served_from) == (AnswerStatus.OK, ServedFrom.LIVE)
    assert await stand.heard_of(silent) is None


async def test_a_platform_that_misbehaves_takes_nothing_of_what_is_known(stand):
    one = next(each for each in stand.stock() if each.has_calendar and stand.booked(each))
    stand.time.pass_by(minutes=10)
    before, heard = await stand.taken(one), await stand.heard_of(one)
    for fault, status in (
        ("empty", AnswerStatus.BAD_DATA),
        ("html", AnswerStatus.BAD_DATA),
        ("denied", AnswerStatus.DENIED),
        ("dead", AnswerStatus.ERROR),
    ):
        stand.switchboard.set({fault: True})
        assert (await stand.ask(one)).status is status, fault
        assert (await stand.taken(one), await stand.heard_of(one)) == (before, heard), fault
        stand.time.pass_by(minutes=1)
