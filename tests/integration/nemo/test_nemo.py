"""The adapter against a NEMO that really runs: each trap of the system, met and survived."""

import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from adapters import discover
from adapters._adapter import Context, Probe
from adapters._nemo_fields import NOT_TAKEN
from connectors.errors import SourceRefusedError
from connectors.rest import NextLink, PagedJson
from hub.harvest.connections import StaticToken
from hub.harvest.report import RunStatus
from schema.dates import SHANGHAI

pytestmark = [pytest.mark.nemo, pytest.mark.integration]

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
TEM, XRD, NMR, SEM = (f"moe:10335/lab1-{number}" for number in (1, 2, 3, 4))


async def fetch(database, statement, *parameters):
    return await database.writes.fetch_all(statement, parameters)


async def taken(database):
    """What is taken of each instrument now, by the source's own identifiers."""
    rows = await fetch(
        database,
        "SELECT instrument_key, local_id, kind, start_at, end_at FROM occupancy_source "
        "WHERE NOT withdrawn",
    )
    return {(key, local_id): (kind, start, end) for key, local_id, kind, start, end in rows}


async def test_a_laboratory_is_harvested_whole(harvester, nemo, database, time):
    report = await harvester.harvest(nemo)
    assert report.status is RunStatus.OK, report.message
    now = time.now
    instruments = await fetch(
        database, "SELECT local_no, status, sharing FROM instrument ORDER BY local_no"
    )
    assert instruments == [
        ("lab1-1", "IN_SERVICE", None),
        ("lab1-2", "IN_SERVICE", None),
        ("lab1-3", "AWAITING_REPAIR", None),
        ("lab1-4", "IN_SERVICE", "NOT_SHARED"),
    ]
    found = await taken(database)
    assert found[TEM, "reservation-1"] == ("RESERVATION", now + 2 * DAY, now + 2 * DAY + 4 * HOUR)
    assert found[XRD, "scheduled-outage-1"][0] == "MAINTENANCE"
    assert found[TEM, "usage-13"] == ("OWN_USE", now - HOUR, now + HOUR)
    window_end = Context(source="x", now=now).window_end
    assert found[NMR, "task-1"][0] == found[SEM, "unplanned-outage-2"][0] == "OUTAGE"
    assert found[NMR, "task-1"][2] == found[SEM, "unplanned-outage-2"][2] == window_end
    # The booking of the STEM mode takes the microscope that it is a mode of.
    assert (TEM, "reservation-3") in found
    covered = await fetch(database, "SELECT instrument_key FROM occupancy_coverage_source")
    assert {key for (key,) in covered} == {TEM, XRD, NMR, SEM}


async def test_cancelled_missed_and_moved_bookings_leave_their_time_free(harvester, nemo, database):
    await harvester.harvest(nemo)
    bookings = {name for _, name in await taken(database) if name.startswith("reservation")}
    assert bookings == {"reservation-1", "reservation-2", "reservation-3", "reservation-6"}


async def test_an_outage_of_an_area_or_resource_stops_the_tools_that_need_it(
    harvester, nemo, database, time
):
    await harvester.harvest(nemo)
    found = await taken(database)
    stopped = {place: span for place, span in found.items() if "scheduled" in place[1]}
    # A tool may only be used from inside a room of the building that is shut; the water is needed
    # by that room and by one tool, while the other one that uses it can go on without.
    assert set(stopped) == {
        (XRD, "scheduled-outage-1"),
        (NMR, "scheduled-outage-2"),
        (NMR, "scheduled-outage-3"),
        (TEM, "scheduled-outage-3"),
    }
    assert stopped[NMR, "scheduled-outage-2"][:2] == ("MAINTENANCE", time.now + 9 * DAY)
    assert not any(name == "reservation-9" for _, name in found), "an area was booked, no tool"


async def test_use_from_outside_is_a_service_as_long_as_its_project_says_so(
    harvester, nemo, lab, database
):
    await harvester.harvest(nemo)
    statement = (
        "SELECT local_id, purpose, ways, withdrawn FROM service_record_source ORDER BY local_id"
    )
    ways = {"usage-5": ["COMMISSIONED"]}
    assert await fetch(database, statement) == [
        (name, "TEACHING" if name == "usage-8" else "RESEARCH", ways.get(name, []), False)
        for name in ("usage-11", "usage-2", "usage-5", "usage-8")
    ]
    moved = lab.patch("/api/usage_events/2/", {"project": 1})
    assert moved.status_code == 200, moved.text
    report = await harvester.harvest(nemo)
    assert report.withdrawn == {"ServiceRecord": 1}
    standing = [name for name, *_, withdrawn in await fetch(database, statement) if not withdrawn]
    assert standing == ["usage-11", "usage-5", "usage-8"]


def deleted(lab, *numbers):
    """Delete uses in NEMO's own database: its interface has no way to."""
    with closing(sqlite3.connect(lab.folder / "sqlite.db")) as connection, connection:
        connection.executemany(
            "DELETE FROM NEMO_usageevent WHERE id = ?", [(each,) for each in numbers]
        )


async def uses(database, table="usage_record"):
    statement = f"SELECT local_id FROM {table}_source WHERE NOT withdrawn"
    return {local_id for (local_id,) in await fetch(database, statement)}


async def test_a_use_that_was_deleted_is_withdrawn_with_its_service(
    harvester, nemo, lab, database, time
):
    await harvester.harvest(nemo)
    before, services = await uses(database), await uses(database, "service_record")
    assert {"usage-5", "usage-13"} <= before
    assert "usage-5" in services
    deleted(lab, 5, 13)
    time.pass_by(minutes=10)
    report = await harvester.harvest(nemo)
    assert report.withdrawn["UsageRecord"] == 2
    assert report.withdrawn["ServiceRecord"] == 1
    assert await uses(database) == before - {"usage-5", "usage-13"}
    assert await uses(database, "service_record") == services - {"usage-5"}


async def test_a_use_that_ended_before_the_window_stays_and_one_that_ends_meanwhile_too(
    harvester, nemo, lab, database, time
):
    await harvester.harvest(nemo)
    end = time.now + timedelta(minutes=30)
    ended = lab.patch("/api/usage_events/13/", {"end": end.isoformat(), "has_ended": 13})
    assert ended.status_code == 200, ended.text
    report = await harvester.harvest(nemo)  # to this run it ends after its beginning
    assert report.withdrawn["UsageRecord"] == 0
    assert "usage-13" in await uses(database)
    oldest = await uses(database) - {"usage-13"}
    deleted(lab, 11, 12)
    time.pass_by(days=90)  # of the seeded use only what ended on the last days is asked for
    await harvester.harvest(nemo)
    assert {"usage-11", "usage-12"} <= oldest <= await uses(database)


async def test_every_list_of_the_real_system_is_read_or_named_with_a_reason(nemo):
    async with nemo.session() as session:
        offered = set(await session.get_json("api/"))
    read = {
        one.reader.path.removeprefix("api/").rstrip("/")
        for name in ("nemo", "nemo_sensors")
        for one in discover()[name].collections
    }
    assert not read & NOT_TAKEN.keys()
    assert read | NOT_TAKEN.keys() == offered


async def test_moving_a_booking_withdraws_the_old_time_and_takes_the_new(
    harvester, nemo, lab, database, time
):
    await harvester.harvest(nemo)
    start = time.now + 9 * DAY
    moved = {"user": 3, "creator": 3, "tool": 1, "project": 1, "short_notice": False}
    made = lab.post(
        "/api/reservations/",
        {**moved, "start": start.isoformat(), "end": (start + HOUR).isoformat()},
    )
    assert made.status_code == 200, made.text
    new = made.json()["id"]
    old = lab.patch("/api/reservations/1/", {"cancelled": True, "descendant": new})
    assert old.status_code == 200, old.text
    time.pass_by(minutes=10)
    report = await harvester.harvest(nemo)
    assert report.withdrawn == {"Occupancy": 1}
    found = await taken(database)
    assert (TEM, "reservation-1") not in found
    assert found[TEM, f"reservation-{new}"][1] == start
    ((canon,),) = await fetch(
        database,
        "SELECT b.canon FROM entry e JOIN entry_body b USING (entry_id) WHERE e.withdrawal",
    )
    assert f"MOVED to reservation-{new}".encode() in bytes(canon)


async def test_two_overlapping_bookings_that_nemo_accepted_are_both_kept(
    harvester, nemo, lab, database, time
):
    start = time.now + 10 * DAY
    body = {"user": 3, "creator": 3, "tool": 2, "project": 1, "short_notice": False}
    made = [
        lab.post(
            "/api/reservations/",
            {**body, "start": start.isoformat(), "end": (start + 2 * HOUR).isoformat()},
        )
        for _ in range(2)
    ]
    assert [one.status_code for one in made] == [200, 200]
    await harvester.harvest(nemo)
    found = await taken(database)
    assert all((XRD, f"reservation-{one.json()['id']}") in found for one in made)


async def test_an_open_use_has_no_end_and_gets_one_when_it_ends(
    harvester, nemo, lab, database, time
):
    await harvester.harvest(nemo)
    statement = "SELECT revision, ended_at, hours FROM usage_record_source WHERE local_id = %s"
    assert await fetch(database, statement, "usage-13") == [(1, None, None)]
    end = time.now + timedelta(minutes=30)
    ended = lab.patch("/api/usage_events/13/", {"end": end.isoformat(), "has_ended": 13})
    assert ended.status_code == 200, ended.text
    time.pass_by(hours=1)
    report = await harvester.harvest(nemo)
    assert report.status is RunStatus.OK, report.message
    ((revision, ended_at, hours),) = await fetch(database, statement, "usage-13")
    assert (revision, ended_at, str(hours)) == (2, end, "1.5")
    assert (TEM, "usage-13") not in await taken(database)


async def test_who_used_it_is_told_by_account_type_only(harvester, nemo, database):
    await harvester.harvest(nemo)
    sides = await fetch(
        database,
        "SELECT user_side, user_name, count(*) FROM usage_record_source GROUP BY 1, 2 ORDER BY 1",
    )
    assert sides == [
        ("INSIDE", None, 5),
        ("OUTSIDE", "示例半导体材料有限公司", 4),
        ("UNKNOWN", None, 4),
    ]


async def test_no_person_passes_the_border(harvester, nemo, database):
    report = await harvester.harvest(nemo)
    assert sum(part.dropped for part in report.collections) > 0
    kept = [bytes(canon) for (canon,) in await fetch(database, "SELECT canon FROM entry_body")]
    kept += [raw.encode() for (raw,) in await fetch(database, "SELECT raw FROM quarantine")]
    for secret in (b"people.invalid", b"BADGE", b"First", b"private words", b"0571-"):
        assert not any(secret in text for text in kept), secret


async def test_a_list_is_paged_only_when_a_size_is_sent(nemo):
    async with nemo.session() as session:
        assert isinstance(await session.get_json("api/tools/"), list)
        paged = await session.get_json("api/tools/", {"page_size": "2"})
        assert (paged["count"], len(paged["results"])) == (5, 2)
        reader = PagedJson(path="api/tools/", paging=NextLink(rows=2))
        pages = [page async for page in reader.read(session)]
        assert [len(page.rows) for page in pages] == [2, 2, 1]


async def test_a_misspelt_filter_is_found_out_before_it_dumps_everything(harvester, nemo, database):
    async with nemo.session() as session:
        asked = {"ends__gte": "not-a-value", "page_size": "1"}
        assert await session.accepts("api/usage_events/", asked)
        for probe in (*nemo.adapter.probes, *discover()["nemo_sensors"].probes):
            assert await session.accepts(probe.path, probe.query) is probe.accepted
    wrong = Probe(path="api/usage_events/", query=asked, accepted=False, says="filter ignored")
    report = await harvester.harvest(replace(nemo, adapter=replace(nemo.adapter, probes=(wrong,))))
    assert (report.status, report.error_code) == (RunStatus.FAILED, "SOURCE_BAD_DATA")
    assert "filter ignored" in report.message
    assert await fetch(database, "SELECT count(*) FROM entry") == [(0,)]


async def test_pages_that_shift_while_they_are_read_lose_and_repeat_nothing(nemo, lab, time):
    ended = next(one for one in nemo.adapter.collections if one.name == "usage_events_ended")
    context = Context(source=nemo.id, now=time.now)
    reader = replace(ended.reader, paging=NextLink(rows=5))
    numbers = []
    async with nemo.session() as session:
        async for page in reader.read(session, ended.window(context)):
            numbers += [row["id"] for row in page.rows]
            start = time.now + timedelta(minutes=page.number)
            body = {"user": 3, "operator": 3, "project": 1, "tool": 2, "has_ended": 500}
            body |= {"start": start.isoformat(), "end": (start + HOUR).isoformat()}
            made = lab.post("/api/usage_events/", body | {"has_ended": 500 + page.number})
            assert made.status_code == 200, made.text
    assert sorted(numbers) == list(range(1, 13))


async def test_two_laboratories_with_the_same_numbers_stay_apart(harvester, nemo, database):
    await harvester.harvest(nemo)
    other = replace(nemo, id="nemo-lab2", facts={**nemo.facts, "instance": "lab2"})
    report = await harvester.harvest(other)
    assert report.status is RunStatus.OK, report.message
    assert await fetch(database, "SELECT count(*) FROM instrument") == [(8,)]


async def test_a_token_without_the_right_is_refused_and_said_so(harvester, nemo, database):
    async with nemo.session() as session:
        with pytest.raises(SourceRefusedError, match="403"):
            await session.get("api/consumables/")
    report = await harvester.harvest(
        replace(nemo, connection=replace(nemo.connection, auth=StaticToken("Token " + "0" * 40)))
    )
    assert (report.status, report.error_code) == (RunStatus.FAILED, "SOURCE_DENIED")
    assert await fetch(database, "SELECT count(*) FROM entry") == [(0,)]


async def test_a_declared_power_meter_tells_days_and_other_sensors_nothing(
    harvester, nemo, database, time
):
    meters = {
        "instance": "lab1",
        "unit": "A",
        "thresholds": {"on_from": 2, "off_below": 1},
        "bindings": [{"instrument": TEM, "sensor": 1, "since": "2020-01-01T00:00:00+08:00"}],
    }
    await harvester.harvest(nemo)
    source = replace(nemo, id="nemo-meters", adapter=discover()["nemo_sensors"], facts=meters)
    report = await harvester.harvest(source)
    assert report.status is RunStatus.OK, report.message
    days = await fetch(database, "SELECT instrument_key, sensor, day, spans FROM power_day_source")
    # Today is not over, and the thermometer below zero was never asked for.
    local = time.now.astimezone(SHANGHAI)
    nine = local.replace(hour=9) - DAY
    ((key, sensor, day, spans),) = days
    assert (key, sensor, day) == (TEM, "lab1-1", nine.date())
    told = [(span["state"], datetime.fromisoformat(span["startAt"])) for span in spans]
    assert told == [("OFF", nine), ("ON", nine + HOUR / 2)]
    assert datetime.fromisoformat(spans[-1]["endAt"]) == nine + HOUR * 1.5
    assert await fetch(database, "SELECT sensor FROM sensor_binding_source") == [("lab1-1",)]
    again = await harvester.harvest(source)
    assert await fetch(database, "SELECT max(revision) FROM power_day_source") == [(1,)], again


async def test_without_a_declared_meter_no_sensor_is_read(nemo):
    values = discover()["nemo_sensors"].collections[1]
    window = values.window(Context(source="nemo-meters", now=datetime.now(SHANGHAI)))
    async with nemo.session() as session:
        pages = [page async for page in values.reader.read(session, window)]
        everything = await session.get_json("api/sensors/sensor_data/", {"page_size": "1"})
    assert sum(len(page.rows) for page in pages) == 0
    assert everything["count"] == 92
