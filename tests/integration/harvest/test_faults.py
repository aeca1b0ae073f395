"""Sources that die within a page, answer late, twice or from the past; many of them at once."""

from __future__ import annotations

import asyncio
import resource
from contextlib import suppress
from dataclasses import replace

import pytest

from adapters import discover
from adapters._adapter import Context, Mapped
from connectors.limits import Limits
from hub.harvest.limits import RUNS_MAX
from hub.harvest.report import ListStatus, RunStatus
from hub.harvest.runs import running_runs
from hub.harvest.schedule import Schedule
from hub.intake.batch import Outcome
from tests.eventually import until
from tests.integration.harvest.conftest import PARTY

pytestmark = pytest.mark.integration
SOURCES = 60
MEMORY_KIB_MAX = 96 * 2**10
"""By how much the memory of this process may grow at its highest while 60 sources are read."""
HOURS_DAYS = 100


def part(report, name):
    return next(each for each in report.collections if each.name == name)


async def bookings(database):
    rows = await database.writes.fetch_all(
        "SELECT local_id FROM occupancy_source WHERE NOT withdrawn ORDER BY local_id::int"
    )
    return [number for (number,) in rows]


async def covered(database):
    rows = await database.writes.fetch_all(
        "SELECT count(*) FROM occupancy_coverage_source WHERE NOT withdrawn"
    )
    return rows[0][0]


EVERYTHING = [f"{n}" for n in range(1, 9)]


async def test_a_page_of_which_half_comes_is_no_page_and_the_next_run_goes_on_there(
    harvester, laboratory, source, database, time
):
    laboratory.breaks_at = ("bookings", 3)
    report = await harvester.harvest(source)
    bad = part(report, "bookings")
    assert (bad.status, bad.error_code) == (ListStatus.FAILED, "SOURCE_UNAVAILABLE")
    assert await bookings(database) == EVERYTHING[:4]
    assert await covered(database) == 0
    laboratory.breaks_at = None
    time.pass_by(minutes=15)
    laboratory.asked.clear()
    assert part(await harvester.harvest(source), "bookings").status is ListStatus.CONTINUED
    assert await bookings(database) == EVERYTHING
    assert laboratory.asked.count("bookings 1") == 0


async def test_an_answer_that_comes_too_late_is_a_timeout_and_takes_nothing_away(
    harvester, laboratory, source, database, time
):
    await harvester.harvest(source)
    laboratory.hangs_at = ("bookings", 2)
    time.pass_by(minutes=15)
    hasty = replace(source, limits=Limits(attempts_max=1, read_s=0.2))
    late = part(await harvester.harvest(hasty), "bookings")
    assert (late.status, late.error_code) == (ListStatus.FAILED, "SOURCE_TIMEOUT")
    assert await bookings(database) == EVERYTHING


async def test_a_page_that_comes_twice_is_no_list_and_takes_nothing_away(
    harvester, laboratory, source, database, time
):
    await harvester.harvest(source)
    laboratory.repeats_at = ("bookings", 3)
    time.pass_by(minutes=15)
    twice = part(await harvester.harvest(source), "bookings")
    assert (twice.status, twice.error_code) == (ListStatus.FAILED, "SOURCE_BAD_DATA")
    assert await bookings(database) == EVERYTHING


async def test_a_source_that_goes_back_in_time_is_held_and_its_former_state_is_a_revision(
    harvester, laboratory, source, database, time
):
    laboratory.rows["bookings"] = EVERYTHING[:1]
    await harvester.harvest(source)
    laboratory.rows["bookings"] = EVERYTHING
    time.pass_by(minutes=15)
    await harvester.harvest(source)
    laboratory.rows["bookings"] = EVERYTHING[:1]  # the state of yesterday once more
    time.pass_by(minutes=15)
    held = await harvester.harvest(source)
    assert held.status is RunStatus.HELD
    assert held.held == {"Occupancy": (8, 1)}
    assert await bookings(database) == EVERYTHING
    followed = await harvester.harvest(source, approve_shrink=True)
    assert followed.withdrawn == {"Occupancy": 7}
    laboratory.rows["bookings"] = EVERYTHING
    time.pass_by(minutes=15)
    again = await harvester.harvest(source)
    assert again.total(Outcome.ACCEPTED) == 7
    revisions = await database.writes.fetch_all(
        "SELECT revision FROM entry WHERE record_type = 'Occupancy' AND key LIKE '%%/5' ORDER BY 1"
    )
    assert [number for (number,) in revisions] == [1, 2, 3]


async def test_a_clock_that_jumps_a_day_back_makes_no_source_wait_for_a_day(
    harvester, source, time
):
    assert await harvester.harvest_if_due(source, None) is not None
    time.pass_by(minutes=-1)
    assert await harvester.harvest_if_due(source, None) is None
    time.pass_by(days=-1)
    assert await harvester.harvest_if_due(source, None) is not None
    time.pass_by(days=2)
    assert await harvester.harvest_if_due(source, None) is not None


async def test_two_readings_of_an_unchanged_source_have_one_hash_and_write_nothing(
    harvester, source, database, time
):
    first = await harvester.harvest(source)
    time.pass_by(minutes=15)
    second = await harvester.harvest(source)
    hashes = await database.writes.fetch_all("SELECT DISTINCT document_hash FROM run")
    assert len(hashes) == 1
    assert second.total(Outcome.ACCEPTED) == 0
    known = Outcome.DUPLICATE
    assert second.total(known) == first.total(Outcome.ACCEPTED) + first.total(known)


def test_machine_hours_are_read_again_for_100_days_from_their_first_instant_on(time):
    nemo = discover()["nemo"]
    (ended,) = [each for each in nemo.collections if each.name == "usage_events_ended"]
    window = ended.window(Context(source="nemo", now=time.now, lookback=nemo.lookback))
    assert (time.now - window.since).days == HOURS_DAYS
    assert set(window.filters) == {"end__gte", "end__lt"}


def one_list(source, number):
    """A source of one list, with instruments of its own."""

    def instrument(row, context):
        yield Mapped(
            "Instrument",
            {
                "institutionKey": context.institution_key,
                "localNo": f"{context.source}-{row.text('id')}",
                "name": {"zh": "电镜"},
                "status": "IN_SERVICE",
            },
        )

    lists = (replace(source.adapter.collections[0], map=instrument),)
    return replace(
        source,
        id=f"source-{number:02}",
        authority=f"moe:10269/source-{number:02}",
        adapter=replace(source.adapter, collections=lists),
    )


async def test_60_sources_are_harvested_a_few_at_a_time_in_bounded_memory(
    laboratory, source, database, time
):
    sources = [one_list(source, number) for number in range(SOURCES)]
    schedule = Schedule(database, PARTY, time, None, None)
    schedule.add(*sources)
    stop, most = asyncio.Event(), 0

    async def watch():
        nonlocal most
        while True:
            most = max(most, len(await running_runs(database)))
            await asyncio.sleep(0.05)

    watching = asyncio.create_task(watch())
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    work = asyncio.create_task(schedule.run(stop))

    async def are_done(count):
        rows = await database.writes.fetch_all("SELECT count(*) FROM run WHERE status = 'OK'")
        return rows[0][0] >= count

    try:
        for count in (SOURCES // 3, 2 * SOURCES // 3, SOURCES):  # each in the time of one wait
            await until(lambda count=count: are_done(count))
    finally:
        stop.set()
        await work
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching
    assert 1 < most <= RUNS_MAX
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < MEMORY_KIB_MAX
    rows = await database.writes.fetch_all("SELECT count(*) FROM instrument_source")
    assert rows == [(2 * SOURCES,)]
