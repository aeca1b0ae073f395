"""A reading with more records than its metadata allow is left off, one with too few fails."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hub.harvest.report import ListStatus, RunStatus
from hub.intake.batch import Outcome
from tests.source_metadata import bounded

pytestmark = pytest.mark.integration
MOST = 5


def held_to(source, record_type, least, most):
    known = bounded(source.adapter.metadata, record_type, least, most)
    return replace(source, adapter=replace(source.adapter, metadata=known))


def part(report, name):
    return next(each for each in report.collections if each.name == name)


async def standing(database, table):
    rows = await database.writes.fetch_all(
        f"SELECT count(*) FROM {table}_source WHERE NOT withdrawn"
    )
    return rows[0][0]


async def test_what_is_beyond_the_maximum_does_not_go_in_until_the_operator_approves(
    harvester, laboratory, source, database, time
):
    narrow = held_to(source, "Occupancy", 0, MOST)
    report = await harvester.harvest(narrow)
    assert (report.status, report.error_code) == (RunStatus.HELD, "SOURCE_OVERFULL")
    assert "Occupancy" in report.message
    assert f"{MOST}" in report.message
    assert "--approve-growth" in report.message
    assert part(report, "bookings").status is ListStatus.HELD
    assert part(report, "instruments").status is ListStatus.OK
    assert await standing(database, "occupancy") == MOST - 1  # pages of two
    assert await standing(database, "occupancy_coverage") == 0
    ((status, code, heard),) = await database.writes.fetch_all(
        "SELECT last_status, last_error_code, last_ok_at FROM source"
    )
    assert (status, code, heard) == ("HELD", "SOURCE_OVERFULL", None)

    time.pass_by(minutes=15)
    approved = await harvester.harvest(narrow, approve_growth=True)
    assert approved.status is RunStatus.OK
    assert await standing(database, "occupancy") == 8
    assert await standing(database, "occupancy_coverage") == 2

    time.pass_by(minutes=15)
    laboratory.asked.clear()
    again = await harvester.harvest(narrow)
    assert again.status is RunStatus.HELD
    assert laboratory.asked.count("bookings 1") == 1  # from the beginning, not where it was left
    assert again.withdrawn == {}
    assert await standing(database, "occupancy") == 8


async def test_what_needs_an_overfull_list_is_not_read(harvester, source, database):
    report = await harvester.harvest(held_to(source, "Instrument", 0, 1))
    assert report.status is RunStatus.HELD
    assert part(report, "bookings").status is ListStatus.SKIPPED
    assert await standing(database, "occupancy") == 0


async def test_a_run_that_goes_on_is_held_to_the_maximum_and_to_no_minimum(
    harvester, laboratory, source, time
):
    laboratory.dies_at = ("bookings", 3)
    await harvester.harvest(source)
    laboratory.dies_at = None
    time.pass_by(minutes=15)
    went_on = await harvester.harvest(held_to(source, "Occupancy", 8, 100))
    assert part(went_on, "bookings").status is ListStatus.CONTINUED
    assert went_on.status is RunStatus.PARTIAL
    laboratory.dies_at = ("bookings", 3)
    time.pass_by(minutes=15)
    await harvester.harvest(source)
    laboratory.dies_at = None
    time.pass_by(minutes=15)
    held = await harvester.harvest(held_to(source, "Occupancy", 0, 3))
    assert (held.status, held.error_code) == (RunStatus.HELD, "SOURCE_OVERFULL")


async def test_each_record_type_has_a_minimum_of_its_own(
    harvester, laboratory, source, database, time
):
    assert (await harvester.harvest(source)).status is RunStatus.OK
    laboratory.rows["offers"] = []
    time.pass_by(hours=1)
    short = await harvester.harvest(held_to(source, "ServiceOffer", 1, 100))
    assert (short.status, short.error_code) == (RunStatus.FAILED, "SOURCE_BAD_DATA")
    assert "ServiceOffer" in short.message
    assert short.total(Outcome.DUPLICATE) > 0
    assert await standing(database, "service_offer") == 2
