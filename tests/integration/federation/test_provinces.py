"""The platforms of three provinces, asked of one instrument while a caller waits."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from adapters._adapter import Context
from hub.federation.deployed import LiveSources
from hub.federation.entries import Answered, AnswerStatus, ServedFrom
from hub.federation.service import Federation, FreshenRequest
from hub.harvest.report import RunStatus
from hub.harvest.service import Harvester
from hub.harvest.source import HarvestSource
from hub.sandbox.faults import Switchboard
from hub.sandbox.world import SandboxInstrument, World
from hub.state.memory import MemoryState
from hub.store.database import Database
from schema.dates import SHANGHAI, local_date
from tests.integration.federation.provinces import MAKERS, key_of, province, stock_of
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
    federation: Federation
    harvester: Harvester
    database: Database
    time: StandingClock

    def stock(self) -> list[SandboxInstrument]:
        """The instruments of its units on the day."""
        return stock_of(self.source.id, self.time, SCALE)

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


@pytest.fixture(params=MAKERS)
async def stand(request: pytest.FixtureRequest, database: Database) -> AsyncIterator[Stand]:
    time = StandingClock(NOW)
    async with province(request.param, time, SCALE) as (source, switchboard):
        harvester = Harvester(database, PARTY, time)
        report = await harvester.harvest(source)
        assert report.status is RunStatus.OK, report.message
        live = LiveSources(None, lambda: {source.id: source})
        federation = Federation(database, MemoryState(time), time, PARTY, live)
        yield Stand(source, switchboard, federation, harvester, database, time)
        await federation.aclose()


async def test_one_instrument_is_asked_as_a_harvest_asks_all(stand):
    count = "SELECT count(*) FROM entry"
    known = [one for one in stand.stock() if one.has_calendar and len(stand.booked(one)) > 3]
    silent = next(each for each in stand.stock() if not each.has_calendar)
    one, other = known[:2]

    # What a harvest stated an answer states in the same words.
    stand.time.pass_by(minutes=10)
    entries = await stand.database.reads.fetch_all(count)
    assert (await stand.ask(one)).status is AnswerStatus.OK
    assert await stand.database.reads.fetch_all(count) == entries
    assert await stand.heard_of(one) == stand.time()

    # Of an instrument whose unit does not report nothing is covered, so it is never free.
    answer = await stand.ask(silent)
    assert (answer.status, answer.served_from) == (AnswerStatus.OK, ServedFrom.LIVE)
    assert await stand.heard_of(silent) is None

    # A platform that misbehaves takes nothing of what is known.
    before, heard = await stand.taken(one), await stand.heard_of(one)
    for fault, status in (
        ("empty", AnswerStatus.BAD_DATA),
        ("html", AnswerStatus.BAD_DATA),
        ("denied", AnswerStatus.DENIED),
        ("dead", AnswerStatus.ERROR),
    ):
        stand.time.pass_by(minutes=1)
        stand.switchboard.set({fault: True})
        assert (await stand.ask(one)).status is status, fault
        assert (await stand.taken(one), await stand.heard_of(one)) == (before, heard), fault
    stand.switchboard.set({})

    # A week later another week of bookings is there: of the one that is asked about.
    stand.time.pass_by(days=7)
    before = await stand.taken(other)
    assert await stand.taken(one) != stand.booked(one)
    answer = await stand.ask(one)
    assert (answer.status, answer.served_from) == (AnswerStatus.OK, ServedFrom.LIVE)
    assert await stand.taken(one) == stand.booked(one)
    assert await stand.taken(other) == before != stand.booked(other)
