"""A list that can be asked for what changed is asked so between two full readings."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from connectors.reader import Window
from hub.harvest.limits import CHANGED_LOOKBACK
from hub.harvest.report import RunStatus
from tests.integration.harvest.test_unchanged import standing

pytestmark = pytest.mark.integration
OFTEN = timedelta(minutes=10)
PLENTY = [f"{n}" for n in range(1, 11)]


def _changed(context, since):
    del context
    return Window(filters={"changed": since.isoformat()})


@pytest.fixture
def run(harvester, laboratory, source, time):
    """Harvest as the schedule does; offers and instruments can be asked for what changed."""
    laboratory.rows |= {"instruments": list(PLENTY), "offers": list(PLENTY), "bookings": ["1", "2"]}
    lists = tuple(
        replace(each, changed=_changed if each.name in ("instruments", "offers") else None)
        for each in source.adapter.collections
    )
    changing = replace(source, adapter=replace(source.adapter, collections=lists))

    async def ran(**span):
        time.pass_by(**(span or {"minutes": 15}))
        laboratory.changed_since.clear()
        return await harvester.harvest_if_due(changing, OFTEN)

    return ran


async def codes(database):
    rows = await database.writes.fetch_all(
        "SELECT instrument_key FROM service_offer_source WHERE NOT withdrawn"
    )
    return sorted((key.rpartition("/")[2] for (key,) in rows), key=int)


async def test_what_did_not_change_stands_and_what_changed_comes(run, laboratory, database, time):
    assert (await run()).status is RunStatus.OK
    began = time.now
    laboratory.changed["offers"] = ["10", "11"]
    laboratory.changed["instruments"] = ["11"]
    report = await run()
    assert report.status is RunStatus.OK
    since = (began - CHANGED_LOOKBACK).isoformat()
    assert set(laboratory.changed_since) == {f"instruments {since}", f"offers {since}"}
    assert await codes(database) == [*PLENTY, "11"]
    assert not report.withdrawn
    offers = next(each for each in report.collections if each.name == "offers")
    assert (offers.rows, offers.unchanged) == (2, 9)
    assert (offers.outcomes["ACCEPTED"], offers.outcomes["DUPLICATE"]) == (1, 1)
    second = time.now
    await run()
    assert f"offers {(second - CHANGED_LOOKBACK).isoformat()}" in laboratory.changed_since


async def test_nothing_that_changed_is_no_empty_list(run, laboratory, database, heard, time):
    await run()
    report = await run()
    assert (report.status, report.held) == (RunStatus.OK, {})
    assert await codes(database) == PLENTY
    assert await standing(database, "occupancy_coverage") != []


async def test_what_left_the_list_is_found_by_the_full_reading(run, laboratory, database):
    await run()
    laboratory.rows["offers"] = PLENTY[1:]
    await run()
    assert await codes(database) == PLENTY
    report = await run(hours=24)
    assert (report.status, laboratory.changed_since) == (RunStatus.OK, [])
    assert await codes(database) == PLENTY[1:]


async def test_what_waits_is_asked_for_again_from_the_same_moment(run, laboratory, database, time):
    await run()
    since = (time.now - CHANGED_LOOKBACK).isoformat()
    laboratory.bad, laboratory.changed["offers"] = {"offers 11"}, ["11"]
    assert (await run()).status is RunStatus.PARTIAL
    laboratory.bad = set()
    assert (await run()).status is RunStatus.OK
    assert f"offers {since}" in laboratory.changed_since
    assert await codes(database) == [*PLENTY, "11"]


async def test_after_a_run_that_was_cut_off_with_other_records_everything_is_asked_for(
    run, laboratory, database
):
    await run()
    laboratory.changed["offers"], laboratory.dies_at = ["11"], ("coverage", 1)
    assert (await run()).status is RunStatus.PARTIAL
    laboratory.dies_at, laboratory.rows["offers"] = None, [*PLENTY, "11"]
    assert (await run()).status is RunStatus.OK
    assert not [each for each in laboratory.changed_since if each.startswith("offers")]
    assert await codes(database) == [*PLENTY, "11"]


@pytest.mark.parametrize("span", [{"minutes": -1}, {"days": -1}], ids=["a minute", "a day"])
async def test_a_clock_that_was_set_back_asks_for_everything(run, laboratory, span):
    await run()
    await run(**span)
    assert laboratory.changed_since == []
