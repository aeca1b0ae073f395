import asyncio
import json
import os
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from hub.errors import ErrorCode, RefusedError
from hub.harvest.connections import HttpConnection
from hub.harvest.report import RunStatus
from hub.harvest.runs import begin, close_interrupted, source_lock
from hub.harvest.source import register
from hub.intake.batch import Assurance, Batch, Channel, Evidence, Outcome
from hub.intake.service import submit
from hub.sandbox.world import UNIVERSITY_COUNT, World
from schema.dates import format_instant, local_date
from tests.source_metadata import bounded

NOW = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)
SCALE = 0.12
COUNT = int(UNIVERSITY_COUNT * SCALE)
PROVINCE = float(os.environ.get("HUB_PROVINCE_SCALE") or "0.2")
"""How much of a province is harvested: 1 is all of it, 4,500 instruments and more."""
BAD = 2
"""One row in fifty of that many."""
pytestmark = pytest.mark.integration


async def one(database, statement, *parameters):
    (row,) = await database.writes.fetch_all(statement, parameters)
    return row


async def source_row(database, source="ecnu"):
    return await one(
        database,
        "SELECT last_status, last_error_code, last_ok_at, last_run_at, rows FROM source "
        "WHERE source_id = %s",
        source,
    )


def part(report, name):
    return next(each for each in report.collections if each.name == name)


async def standing(database, table):
    statement = f"SELECT count(*) FROM {table}_source WHERE NOT withdrawn"
    return (await one(database, statement))[0]


async def test_a_university_is_harvested_whole(harvester, ecnu, database, time):
    report = await harvester.harvest(ecnu)
    assert report.status is RunStatus.OK
    assert (await one(database, "SELECT count(*) FROM instrument"))[0] == COUNT
    world = World(local_date(time.now), SCALE)
    booked = [each for one in world.university for each in world.bookings(one)]
    firm = sum(each.state != "CANCELLED" for each in booked)
    assert await standing(database, "occupancy") == firm
    assert await standing(database, "occupancy_coverage") == COUNT
    assert await source_row(database) == ("OK", None, time.now, time.now, report.records)

    status, counts, document_hash = await one(
        database, "SELECT status, counts, document_hash FROM run WHERE run_id = %s", report.run_id
    )
    assert status == "OK"
    assert counts["accepted"] == report.records
    assert len(document_hash) == 32


async def test_each_entry_names_run_and_hash_of_the_document_it_was_seen_in(
    harvester, ecnu, database
):
    report = await harvester.harvest(ecnu)
    rows = await database.reads.fetch_all(
        "SELECT assurance, channel, party, run_id, count(DISTINCT evidence), "
        "count(*) FILTER (WHERE evidence IS NULL AND record_type <> 'Institution') "
        "FROM entry GROUP BY 1, 2, 3, 4"
    )
    ((assurance, channel, party, run_id, documents, without),) = rows
    assert (assurance, channel, run_id) == ("HUB_OBSERVED", "HARVEST", report.run_id)
    assert party.startswith("hub:")
    assert documents > 5
    assert without == 0


async def test_a_second_harvest_writes_nothing_but_the_age_of_coverage(
    harvester, ecnu, database, time, heard
):
    first = await harvester.harvest(ecnu)
    entries = await one(database, "SELECT count(*) FROM entry")
    time.pass_by(hours=2)
    second = await harvester.harvest(ecnu)
    assert second.counts()["duplicate"] == first.counts()["accepted"]
    assert second.counts()["accepted"] == 0
    assert await one(database, "SELECT count(*) FROM entry") == entries
    assert await heard() == [time.now]


async def test_a_booking_the_source_no_longer_names_is_withdrawn(harvester, ecnu, database, time):
    await harvester.harvest(ecnu)
    ((key, start, end),) = await database.reads.fetch_all(
        "SELECT instrument_key, start_at, end_at FROM occupancy_source "
        "WHERE start_at > %s ORDER BY key LIMIT 1",
        (time.now,),
    )
    record = {
        "instrumentKey": key,
        "localId": "deleted-meanwhile",
        "kind": "RESERVATION",
        "certainty": "FIRM",
        "startAt": format_instant(start),
        "endAt": format_instant(end),
    }
    old = {"startAt": "2020-01-01T00:00:00Z", "endAt": "2020-01-01T01:00:00Z"}
    rows = [record, {**record, **old, "localId": "outside-the-window"}]
    evidence = Evidence(assurance=Assurance.HUB_OBSERVED, document_hash=b"x" * 32)
    await submit(
        database,
        Batch(
            source="ecnu",
            party="hub:hub.delta.example/records",
            channel=Channel.HARVEST,
            rows=[{"type": "Occupancy", "record": row} for row in rows],
            evidence=evidence,
            as_of=time.now,
        ),
        clock=time,
    )
    time.pass_by(hours=1)
    report = await harvester.harvest(ecnu)
    assert report.status is RunStatus.OK
    assert report.withdrawn == {"Occupancy": 1}
    withdrawn = await database.reads.fetch_all("SELECT key FROM occupancy_source WHERE withdrawn")
    assert withdrawn == [(f"{key}/deleted-meanwhile",)]


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ("dead", "SOURCE_UNAVAILABLE"),
        ("denied", "SOURCE_DENIED"),
        ("html", "SOURCE_BAD_DATA"),
    ],
)
async def test_a_source_that_fails_is_noted_and_takes_nothing_away(
    harvester, ecnu, systems, database, fault, code
):
    await harvester.harvest(ecnu)
    heard = NOW
    before = await one(database, "SELECT count(*) FROM entry")
    systems.ecnu.switchboard.set({fault: True})
    report = await harvester.harvest(ecnu)
    assert report.error_code == code
    assert report.message
    assert await one(database, "SELECT count(*) FROM entry") == before
    last_status, last_code, last_ok, last_run, rows = await source_row(database)
    assert last_status == "FAILED"
    assert (last_code, last_ok, last_run) == (code, heard, heard)
    assert rows > 0
    secret = systems.ecnu.client_secret
    assert secret not in json.dumps([report.message, report.counts()])


async def test_nobody_listening_is_unavailable(harvester, ecnu, database):
    gone = replace(ecnu, id="gone", connection=HttpConnection(base_url="http://127.0.0.1:9"))
    report = await harvester.harvest(gone)
    assert (report.status, report.error_code) == (RunStatus.FAILED, "SOURCE_UNAVAILABLE")
    assert await one(database, "SELECT count(*) FROM entry") == (0,)
    assert (await source_row(database, "gone"))[2] is None


async def test_a_list_that_shrinks_waits_for_the_operator(harvester, ecnu, systems, database, time):
    await harvester.harvest(ecnu)
    systems.ecnu.switchboard.set({"shrunk": True})
    time.pass_by(hours=1)
    report = await harvester.harvest(ecnu)
    assert report.status is RunStatus.HELD
    assert report.held["Instrument"] == (COUNT, COUNT // 2)
    assert report.withdrawn == {}
    assert await standing(database, "instrument") == COUNT
    assert (await source_row(database))[:2] == ("HELD", "SOURCE_BAD_DATA")

    approved = await harvester.harvest(ecnu, approve_shrink=True)
    assert approved.status is RunStatus.OK
    assert await standing(database, "instrument") == COUNT // 2


async def test_zero_rows_never_delete_even_when_approved(harvester, ecnu, systems, database, time):
    await harvester.harvest(ecnu)
    systems.ecnu.switchboard.set({"empty": True})
    for approve, least, ends in ((False, 0, "HELD"), (True, 0, "HELD"), (True, 1, "FAILED")):
        time.pass_by(hours=1)
        known = bounded(ecnu.adapter.metadata, "Instrument", least, 5_000)
        ecnu = replace(ecnu, adapter=replace(ecnu.adapter, metadata=known))
        report = await harvester.harvest(ecnu, approve_shrink=approve)
        assert report.status == ends
        assert await standing(database, "instrument") == COUNT
        assert await standing(database, "occupancy") > 0


async def test_bad_rows_go_to_quarantine_without_what_is_personal_and_the_rest_goes_in(
    harvester, ecnu, systems, database
):
    systems.ecnu.switchboard.set({"lying": True})
    report = await harvester.harvest(ecnu)
    assert report.status is RunStatus.PARTIAL
    assert report.error_code == "SOURCE_BAD_DATA"
    assert "promised" in report.message
    first = part(report, "dxyq")
    assert (first.status, first.outcomes["QUARANTINED"]) == ("FAILED", BAD)
    assert part(report, "sfbz").status == "SKIPPED"
    assert await standing(database, "instrument") == COUNT - BAD
    rows = await database.writes.fetch_all("SELECT raw, problems FROM quarantine")
    assert len(rows) == BAD
    for raw, problems in rows:
        row = json.loads(raw)["row"]
        assert not {"lxr", "dh", "email"} & set(row)
        assert {"yxzt", "qyrq"} == {problem["path"] for problem in problems}
        assert all(problem["messageZh"] and problem["messageEn"] for problem in problems)


async def test_one_source_may_not_speak_for_another_institution(harvester, ecnu, database):
    foreign = replace(ecnu, owners=("moe:10335",))
    report = await harvester.harvest(foreign)
    assert report.records == 0
    assert await one(database, "SELECT count(*) FROM entry") == (0,)


@pytest.mark.parametrize("systems", [PROVINCE], indirect=True)
async def test_a_province_is_harvested_and_its_money_is_in_yuan(harvester, anhui, database):
    report = await harvester.harvest(anhui)
    assert report.status is RunStatus.OK
    count, least, most, without = await one(
        database,
        "SELECT count(*), min((original_value->>'amount')::numeric), "
        "max((original_value->>'amount')::numeric), "
        "count(*) FILTER (WHERE NOT EXISTS (SELECT FROM institution n "
        "WHERE n.institution_key = i.institution_key)) FROM instrument i",
    )
    assert count >= 4500 * PROVINCE
    assert (least >= 300_000, most <= 40_000_000, without) == (True, True, 0)
    provinces = await database.reads.fetch_all(
        "SELECT left(division_code, 2), count(*) FROM institution GROUP BY 1 ORDER BY 1"
    )
    assert [code for code, _ in provinces] == ["31", "32", "33", "34"]
    kept = await one(
        database, "SELECT count(*) FROM entry_body WHERE position('@'::bytea in canon) > 0"
    )
    assert kept == (0,)


async def test_two_runs_of_one_source_do_not_meet(harvester, ecnu, database, time):
    async with source_lock(database, ecnu.id):
        with pytest.raises(RefusedError) as caught:
            await harvester.harvest(ecnu)
    assert caught.value.code is ErrorCode.CONFLICT
    assert (await harvester.harvest(ecnu)).status is RunStatus.OK
    first, second = await asyncio.gather(
        harvester.harvest(replace(ecnu, id="a")), harvester.harvest(replace(ecnu, id="b"))
    )
    assert (first.status, second.status) == (RunStatus.OK, RunStatus.OK)


async def test_rows_of_earlier_runs_do_not_pile_up_in_quarantine(
    harvester, anhui, systems, database, time
):
    systems.anhui.switchboard.set({"spoiled": True})
    for _ in range(2):
        report = await harvester.harvest(anhui)
        assert report.status is RunStatus.PARTIAL
        time.pass_by(hours=1)
    statement = "SELECT status, count(*), count(DISTINCT run_id) FROM quarantine GROUP BY 1"
    by_status = {status: rest for status, *rest in await database.writes.fetch_all(statement)}
    assert by_status["OPEN"] == by_status["DISCARDED"]
    systems.anhui.switchboard.set({})
    assert (await harvester.harvest(anhui)).status is RunStatus.OK
    left = await one(database, "SELECT count(*) FROM quarantine WHERE status = 'OPEN'")
    assert left == (0,)


async def test_a_run_that_was_cut_off_is_closed_when_the_hub_starts(
    harvester, ecnu, database, time
):
    await register(database, ecnu, time.now)
    await begin(database, ecnu.id, "run_cut", time.now)
    assert await close_interrupted(database, time.now) == 1
    assert await close_interrupted(database, time.now) == 0
    row = await one(database, "SELECT status, error_code, message FROM run")
    assert row[:2] == ("FAILED", "INTERNAL")
    assert "next run" in row[2]


async def test_a_row_that_became_unreadable_keeps_what_stood_for_it(
    harvester, ecnu, systems, database, time
):
    await harvester.harvest(ecnu)
    tables = ("instrument", "service_offer", "opening_hours", "occupancy")
    before = [await standing(database, table) for table in tables]
    systems.ecnu.switchboard.set({"spoiled": True})
    time.pass_by(hours=1)
    report = await harvester.harvest(ecnu)
    assert report.total(Outcome.QUARANTINED) > 0
    assert [await standing(database, table) for table in tables] == before

    # What a booking says of an instrument is unknown now, so its calendar is not covered.
    unread = await database.writes.fetch_all(
        "SELECT DISTINCT coalesce(key, 'moe:10269/' || (raw::jsonb #>> '{row,yqbh}')) "
        "FROM quarantine WHERE record_type = 'Occupancy'"
    )
    instruments = {"/".join(key.split("/")[:2]) for (key,) in unread}
    uncovered = await database.reads.fetch_all(
        "SELECT key FROM occupancy_coverage_source WHERE withdrawn"
    )
    assert {key.rpartition("/")[0] for (key,) in uncovered} == instruments
    assert report.withdrawn == {"OccupancyCoverage": len(instruments)}
    systems.ecnu.switchboard.set({})
    await harvester.harvest(ecnu)
    assert await standing(database, "occupancy_coverage") == COUNT
