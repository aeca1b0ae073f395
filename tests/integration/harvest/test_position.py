"""A harvest that was cut off goes on; only a whole reading from its beginning withdraws."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from adapters._adapter import Removed
from hub.harvest.report import ListStatus, RunStatus
from hub.store.feeds import feeds_of
from tests.eventually import until

pytestmark = pytest.mark.integration


async def standing(database, table):
    rows = await database.writes.fetch_all(
        f"SELECT local_id FROM {table}_source WHERE NOT withdrawn ORDER BY local_id::int"
        if table == "occupancy"
        else f"SELECT key FROM {table}_source WHERE NOT withdrawn ORDER BY key"
    )
    return [name for (name,) in rows]


async def covered_at(database):
    """When each coverage was last heard of."""
    rows = await database.reads.fetch_all(
        "SELECT DISTINCT greatest(c.as_of, h.as_of) FROM occupancy_coverage_source c "
        "LEFT JOIN heard h USING (entry_id) WHERE NOT withdrawn"
    )
    return [at for (at,) in rows]


async def feed(database, record_type):
    (found,) = [
        each
        for each in (await feeds_of(database, ["laboratory"]))["laboratory"]
        if each.record_type == record_type
    ]
    return found


def status_of(report, name):
    return next(each.status for each in report.collections if each.name == name)


TWICE = 2
"""A list that is read from its beginning is read once more, which proves it whole."""


def pages_of(laboratory, name):
    """Pages of a list that were asked for since this was last asked."""
    pages = [int(each.split()[1]) for each in laboratory.asked if each.split()[0] == name]
    laboratory.asked.clear()
    return pages


async def cut_off(harvester, laboratory, source, time, page=3):
    """Harvest while the laboratory dies at a page of its bookings."""
    laboratory.dies_at = ("bookings", page)
    report = await harvester.harvest(source)
    assert report.error_code == "SOURCE_UNAVAILABLE"
    assert status_of(report, "bookings") is ListStatus.FAILED
    laboratory.dies_at = None
    laboratory.asked.clear()
    time.pass_by(minutes=15)
    return report


async def test_the_next_run_goes_on_at_the_page_that_did_not_come(
    harvester, laboratory, source, database, time
):
    await cut_off(harvester, laboratory, source, time)
    assert await standing(database, "occupancy") == ["1", "2", "3", "4"]
    report = await harvester.harvest(source)
    assert status_of(report, "bookings") is ListStatus.CONTINUED
    assert report.status is RunStatus.PARTIAL
    assert pages_of(laboratory, "bookings") == [3, 4]
    assert await standing(database, "occupancy") == [f"{n}" for n in range(1, 9)]
    # It asks what the run asked that was cut off.
    assert len({window for window in laboratory.windows if window}) == 1


async def test_a_run_that_went_on_covers_nothing_and_is_not_heard_and_the_one_after_it_is(
    harvester, laboratory, source, database, time
):
    await cut_off(harvester, laboratory, source, time)
    await harvester.harvest(source)
    assert await standing(database, "occupancy_coverage") == []
    assert (await feed(database, "Occupancy")).heard_at is None
    assert (await feed(database, "ServiceOffer")).heard_at == time.now
    ((last_ok, code),) = await database.reads.fetch_all(
        "SELECT last_ok_at, last_error_code FROM source"
    )
    assert (last_ok, code) == (None, None)

    time.pass_by(minutes=15)
    laboratory.asked.clear()
    whole = await harvester.harvest(source)
    assert whole.status is RunStatus.OK
    assert pages_of(laboratory, "bookings") == [1, 2, 3, 4] * TWICE
    assert await covered_at(database) == [time.now]
    assert (await feed(database, "Occupancy")).heard_at == time.now
    assert (await feed(database, "Occupancy")).state == {}


async def test_only_a_whole_reading_withdraws_what_is_not_named(
    harvester, laboratory, source, database, time
):
    assert (await harvester.harvest(source)).status is RunStatus.OK
    time.pass_by(minutes=15)
    await cut_off(harvester, laboratory, source, time)
    everything = [f"{n}" for n in range(1, 9)]
    assert await standing(database, "occupancy") == everything
    # One row is replaced by another, so that the number of all is the same and it goes on.
    laboratory.rows["bookings"][0] = "9"
    went_on = await harvester.harvest(source)
    assert status_of(went_on, "bookings") is ListStatus.CONTINUED
    assert went_on.withdrawn == {}
    assert await standing(database, "occupancy") == everything
    time.pass_by(minutes=15)
    whole = await harvester.harvest(source)
    assert whole.withdrawn == {"Occupancy": 1}
    assert await standing(database, "occupancy") == [*everything[1:], "9"]


async def test_a_list_that_moved_meanwhile_is_read_from_its_beginning(
    harvester, laboratory, source, database, time
):
    await cut_off(harvester, laboratory, source, time)
    laboratory.rows["bookings"].remove("1")
    report = await harvester.harvest(source)
    assert report.status is RunStatus.OK
    assert pages_of(laboratory, "bookings") == [3, *[1, 2, 3, 4] * TWICE]
    assert report.withdrawn == {"Occupancy": 1}
    assert await standing(database, "occupancy") == [f"{n}" for n in range(2, 9)]


async def test_a_list_may_be_cut_off_again_and_goes_on_again(
    harvester, laboratory, source, database, time
):
    await cut_off(harvester, laboratory, source, time, page=2)
    await cut_off(harvester, laboratory, source, time, page=4)
    assert await standing(database, "occupancy") == [f"{n}" for n in range(1, 7)]
    await harvester.harvest(source)
    assert pages_of(laboratory, "bookings") == [4]
    assert await standing(database, "occupancy") == [f"{n}" for n in range(1, 9)]


async def test_a_run_that_is_cancelled_in_the_middle_of_a_list_is_gone_on_with(
    harvester, laboratory, source, database
):
    laboratory.hangs_at = ("bookings", 3)
    task = asyncio.create_task(harvester.harvest(source))

    async def hangs():
        return "bookings 3" in laboratory.asked

    await until(hangs)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    laboratory.hangs_at = None
    laboratory.asked.clear()
    report = await harvester.harvest(source)
    assert status_of(report, "bookings") is ListStatus.CONTINUED
    assert pages_of(laboratory, "bookings") == [3, 4]
    assert await standing(database, "occupancy") == [f"{n}" for n in range(1, 9)]


async def test_while_bookings_cannot_be_read_nobody_says_that_they_are_all_known(
    harvester, laboratory, source, database, time
):
    assert (await harvester.harvest(source)).status is RunStatus.OK
    before = time.now
    time.pass_by(minutes=15)
    report = await cut_off(harvester, laboratory, source, time)
    assert status_of(report, "coverage") is ListStatus.OK
    assert report.held == {}
    assert await covered_at(database) == [before]


async def test_a_position_of_yesterday_is_forgotten(harvester, laboratory, source, time):
    await cut_off(harvester, laboratory, source, time)
    time.pass_by(hours=7)
    report = await harvester.harvest(source)
    assert report.status is RunStatus.OK
    assert pages_of(laboratory, "bookings") == [1, 2, 3, 4] * TWICE


async def test_a_list_that_others_look_up_is_never_gone_on_with(
    harvester, laboratory, source, database, time
):
    def remembering(row, context):
        context.remember("instrument", row.text("id"), "known")
        return first.map(row, context)

    laboratory.rows["instruments"] = ["1", "2", "3", "4", "5"]
    first, *others = source.adapter.collections
    adapter = replace(source.adapter, collections=(replace(first, map=remembering), *others))
    looked_up = replace(source, adapter=adapter)
    for deployed, pages in ((looked_up, [1, 2, 3] * TWICE), (source, [2, 3])):
        laboratory.dies_at = ("instruments", 2)
        await harvester.harvest(deployed)
        laboratory.dies_at = None
        laboratory.asked.clear()
        await harvester.harvest(deployed)
        assert pages_of(laboratory, "instruments") == pages


async def test_what_the_source_itself_calls_ended_is_withdrawn_by_a_run_that_goes_on(
    harvester, laboratory, source, database, time
):
    assert (await harvester.harvest(source)).status is RunStatus.OK
    time.pass_by(minutes=15)
    await cut_off(harvester, laboratory, source, time)
    *others, bookings, coverage = source.adapter.collections

    def ending(row, context):
        if row.text("id") == "8":
            row.ignore("good")
            return [Removed("Occupancy", "moe:10269/1/8", "CANCELLED")]
        return bookings.map(row, context)

    adapter = replace(
        source.adapter, collections=(*others, replace(bookings, map=ending), coverage)
    )
    report = await harvester.harvest(replace(source, adapter=adapter))
    assert status_of(report, "bookings") is ListStatus.CONTINUED
    assert report.withdrawn == {"Occupancy": 1}
    assert "8" not in await standing(database, "occupancy")
