"""Opening hours on certain days: holidays, worked weekends, closures; each rule by its name."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from hub.store.database import Database
from tests.integration.query.conftest import A
from tests.integration.query.exact_availability import Covers, Excepts, Instrument, Opens, Says
from tests.integration.query.test_availability_exactly import DAY, HOUR, NOW, World, wire

pytestmark = pytest.mark.integration
ALL_DAY = ((0, 1440),)
WORK_DAY = ((540, 720), (840, 1020))
SUNDAY, TUESDAY = date(2026, 12, 6), date(2026, 12, 1)


@pytest.fixture
async def world(database: Database) -> AsyncIterator[World]:
    yield World(database)


def midnight(day: date) -> int:
    """The second at which a day of Asia/Shanghai begins."""
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) - 8 * HOUR


def on(
    first: date,
    *periods: tuple[int, int],
    until: date | None = None,
    source: str = "lims",
    **how: Any,
) -> Excepts:
    return Excepts(
        source=source, as_of=NOW, first=first, last=until or first, periods=periods, **how
    )


def week(*periods: tuple[int, int], days: range = range(5), source: str = "lims") -> list[Opens]:
    said = periods or WORK_DAY
    return [Opens(source=source, as_of=NOW, weekday=day, periods=said) for day in days]


def covered(source: str = "lims") -> Covers:
    start = midnight(TUESDAY) - 30 * DAY
    return Covers(source=source, as_of=NOW, start=start, end=start + 400 * DAY)


async def about(world: World, window: tuple[int, int], *said: Says) -> dict[str, Any]:
    known = Instrument(
        A,
        coverage=tuple(each for each in said if isinstance(each, Covers)),
        hours=tuple(each for each in said if isinstance(each, Opens)),
        exceptions=tuple(each for each in said if isinstance(each, Excepts)),
    )
    await world.tell(A, [known])
    return await world.availability(window)


async def of_day(world: World, day: date, *said: Says) -> dict[str, Any]:
    start = midnight(day)
    return await about(world, (start, start + DAY), *said)


def free(day: date, *periods: tuple[int, int]) -> list[dict[str, str]]:
    start = midnight(day)
    return [{"from": wire(start + a * 60), "until": wire(start + b * 60)} for a, b in periods]


async def test_a_holiday_closes_a_day_of_the_week(world: World) -> None:
    open_day = await of_day(world, TUESDAY, *week(), covered())
    assert (open_day["status"], open_day["free"]) == ("FREE", free(TUESDAY, *WORK_DAY))
    closed = await of_day(world, TUESDAY, *week(), covered(), on(TUESDAY))
    assert (closed["status"], closed["free"], closed["unknown"]) == ("BUSY", [], [])
    assert not closed["found"]


async def test_a_sunday_that_is_worked_is_open(world: World) -> None:
    closed_on_sundays = Opens(source="lims", as_of=NOW, weekday=6, periods=())
    said = (*week(), closed_on_sundays, covered())
    assert (await of_day(world, SUNDAY, *said))["status"] == "BUSY"
    found = await of_day(world, SUNDAY, *said, on(SUNDAY, *WORK_DAY))
    assert (found["status"], found["free"]) == ("FREE", free(SUNDAY, *WORK_DAY))


async def test_half_a_day_is_open(world: World) -> None:
    found = await of_day(world, TUESDAY, *week(), covered(), on(TUESDAY, (540, 720)))
    assert found["free"] == free(TUESDAY, (540, 720))
    assert found["longestFreeHours"] == "3"


async def test_a_day_may_have_several_periods(world: World) -> None:
    periods = ((0, 60), (600, 660), (1380, 1440))
    found = await of_day(world, TUESDAY, *week(*ALL_DAY), covered(), on(TUESDAY, *periods))
    assert found["free"] == free(TUESDAY, *periods)


async def test_hours_over_midnight_are_those_of_two_days(world: World) -> None:
    """20:00 to 02:00 is the end of one day and the beginning of the next; each has its word."""
    night = week((0, 120), (1200, 1440), days=range(7))
    start = midnight(TUESDAY)
    window = (start + 12 * HOUR, start + 36 * HOUR)
    plain = await about(world, window, *night, covered())
    assert plain["free"][0] == {"from": wire(start + 20 * HOUR), "until": wire(start + 26 * HOUR)}
    first = await about(world, window, *night, covered(), on(TUESDAY))
    assert first["free"][0] == {"from": wire(start + 24 * HOUR), "until": wire(start + 26 * HOUR)}
    gone, after = on(TUESDAY, withdrawn=True), on(TUESDAY + timedelta(days=1))
    second = await about(world, window, *night, covered(), gone, after)
    assert second["free"] == [{"from": wire(start + 20 * HOUR), "until": wire(start + 24 * HOUR)}]


async def test_a_closure_goes_over_the_end_of_the_year(world: World) -> None:
    last, first = date(2026, 12, 31), date(2027, 1, 1)
    closure = on(last, until=date(2027, 1, 2))
    window = (midnight(last) - DAY, midnight(first) + 3 * DAY)
    found = await about(world, window, *week(*ALL_DAY, days=range(7)), covered(), closure)
    assert found["free"] == [
        {"from": wire(midnight(last) - DAY), "until": wire(midnight(last))},
        {"from": wire(midnight(first) + 2 * DAY), "until": wire(midnight(first) + 3 * DAY)},
    ]


async def test_of_two_exceptions_for_a_day_the_one_that_begins_last_holds(world: World) -> None:
    """Closed for the week, but open on one of its days; whichever of the two was said first."""
    closed = on(TUESDAY - timedelta(days=1), until=SUNDAY)
    opened = on(TUESDAY, (600, 660))
    for said in ((closed, opened), (opened, closed)):
        found = await of_day(world, TUESDAY, *week(), covered(), *said)
        assert found["free"] == free(TUESDAY, (600, 660))
    after = TUESDAY + timedelta(days=1)
    assert (await of_day(world, after, *week(), covered(), closed, opened))["status"] == "BUSY"


async def test_an_exception_needs_no_hours_of_the_week(world: World) -> None:
    start = midnight(TUESDAY)
    window = (start, start + 2 * DAY)
    found = await about(world, window, covered(), on(TUESDAY, (600, 660)))
    assert (found["status"], found["free"]) == ("PARTLY", free(TUESDAY, (600, 660)))
    assert found["unknown"] == [{"from": wire(start + DAY), "until": wire(start + 2 * DAY)}]


async def test_without_coverage_an_open_exception_is_unknown_and_a_closed_one_is_not(
    world: World,
) -> None:
    opened = await of_day(world, SUNDAY, *week(), on(SUNDAY, (600, 660)))
    assert (opened["status"], opened["free"]) == ("UNKNOWN", [])
    assert opened["unknown"] == free(SUNDAY, (600, 660))
    closed = await of_day(world, TUESDAY, *week(), on(TUESDAY))
    assert (closed["status"], closed["unknown"]) == ("BUSY", [])


async def test_exceptions_come_from_the_source_that_leads_for_them(world: World) -> None:
    said = (*week(), covered())
    platform = on(TUESDAY, *ALL_DAY, source="delta")
    found = await of_day(world, TUESDAY, *said, on(SUNDAY), platform)
    assert found["free"] == free(TUESDAY, *WORK_DAY)
    assert found["sources"] == ["lims"]
    alone = await of_day(world, TUESDAY, *said, platform, on(SUNDAY, withdrawn=True))
    assert alone["free"] == free(TUESDAY, *ALL_DAY[0:1])
    assert alone["sources"] == ["delta", "lims"]


async def test_an_exception_that_is_taken_back_holds_no_more(world: World) -> None:
    found = await of_day(world, TUESDAY, *week(), covered(), on(TUESDAY, withdrawn=True))
    assert found["free"] == free(TUESDAY, *WORK_DAY)
