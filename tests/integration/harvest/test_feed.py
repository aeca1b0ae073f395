"""The table of feeds: written at registration, kept by runs, read for what is due."""

from __future__ import annotations

import asyncio
import json
from functools import partial

import pytest
from typer.testing import CliRunner

from hub.cli.source import app
from hub.harvest.report import ListStatus, RunStatus
from hub.harvest.schedule import Schedule
from hub.harvest.source import register
from hub.intake.batch import Outcome
from hub.operate.backup import backup, restore
from hub.store.database import Database
from hub.store.feeds import feeds_of
from hub.store.sources import register_source, rename_source
from tests.databases import lent_database
from tests.eventually import until
from tests.integration.harvest.conftest import NOW, PARTY

pytestmark = pytest.mark.integration
ID = "laboratory"


async def feeds(database, source=ID):
    return {each.record_type: each for each in (await feeds_of(database, [source])).get(source, [])}


async def test_registration_writes_what_the_adapter_declares(database, source, time):
    await register(database, source, time.now)
    declared = {
        name: (feed.mode, feed.every_s, feed.promised_freshness_s)
        for name, feed in (await feeds(database)).items()
    }
    assert declared == {
        "Instrument": ("HARVEST", 3600, 7200),
        "ServiceOffer": ("HARVEST", 3600, 7200),
        "Occupancy": ("HARVEST", 900, 7200),
        "OccupancyCoverage": ("HARVEST", 900, 7200),
    }


async def test_a_renewed_registration_keeps_what_runs_wrote_and_drops_what_is_not_declared(
    database, source, harvester, time
):
    await harvester.harvest(source)
    before = await feeds(database)
    await register(database, source, time.now)
    assert await feeds(database) == before
    await register_source(
        database,
        ID,
        "x",
        mode="HARVEST",
        owners=["moe:10269"],
        now=time.now,
        feeds=[before["Occupancy"]],
    )
    assert await feeds(database) == {"Occupancy": before["Occupancy"]}


async def test_a_run_reads_only_what_is_due_and_what_that_needs(
    database, laboratory, source, harvester, time
):
    first = time.now
    assert (await harvester.harvest_if_due(source, None)).status is RunStatus.OK
    assert await harvester.harvest_if_due(source, None) is None
    laboratory.asked.clear()
    time.pass_by(minutes=15)
    report = await harvester.harvest_if_due(source, None)
    assert report.status is RunStatus.OK
    assert {each.split()[0] for each in laboratory.asked} == {"instruments", "bookings", "coverage"}
    statuses = {each.name: each.status for each in report.collections}
    assert statuses["offers"] is ListStatus.NOT_DUE
    known = await feeds(database)
    assert known["ServiceOffer"].heard_at == known["ServiceOffer"].asked_at == first
    assert known["Occupancy"].heard_at == known["Occupancy"].asked_at == time.now
    assert report.withdrawn == {}
    ((last_ok,),) = await database.reads.fetch_all("SELECT last_ok_at FROM source")
    assert last_ok == time.now


async def test_the_part_that_was_read_whole_is_told(database, source, harvester, time):
    await harvester.harvest(source)
    rows = await database.reads.fetch_all(
        "SELECT record_type, since IS NULL, until FROM feed ORDER BY record_type"
    )
    assert rows == [
        ("Instrument", True, None),
        ("Occupancy", False, time.now),
        ("OccupancyCoverage", True, None),
        ("ServiceOffer", True, None),
    ]


async def test_a_list_that_fails_is_asked_and_not_heard(
    database, laboratory, source, harvester, time
):
    laboratory.dies_at = ("offers", 1)
    report = await harvester.harvest_if_due(source, None)
    assert report.status is RunStatus.PARTIAL
    known = await feeds(database)
    assert known["ServiceOffer"].asked_at == time.now
    assert known["ServiceOffer"].heard_at is None
    assert known["Occupancy"].heard_at == time.now
    assert await harvester.harvest_if_due(source, None) is None


async def test_rows_in_quarantine_wait_on_while_their_list_is_not_due(
    database, laboratory, source, harvester, time
):
    async def waiting():
        rows = await database.writes.fetch_all(
            "SELECT record_type, raw FROM quarantine WHERE status = 'OPEN' ORDER BY 1"
        )
        return [(name, json.loads(raw)["row"]["id"]) for name, raw in rows]

    laboratory.bad = {"offers 2", "bookings 8"}
    report = await harvester.harvest_if_due(source, None)
    assert report.total(Outcome.QUARANTINED) == 2
    assert await waiting() == [("Occupancy", "8"), ("ServiceOffer", "2")]
    laboratory.bad = set()
    time.pass_by(minutes=15)
    await harvester.harvest_if_due(source, None)
    assert await waiting() == [("ServiceOffer", "2")]
    time.pass_by(minutes=45)
    await harvester.harvest_if_due(source, None)
    assert await waiting() == []


async def test_a_renamed_source_keeps_its_feeds(database, source, harvester):
    await harvester.harvest(source)
    before = await feeds(database)
    await rename_source(database, ID, "elsewhere")
    assert await feeds(database) == {}
    assert await feeds(database, "elsewhere") == before


async def test_the_list_of_sources_shows_the_feeds(database, source, harvester, time, monkeypatch):
    await register(database, source, time.now)
    monkeypatch.setenv("HUB_DATABASE_URL", database.url)

    def listed():
        shown = CliRunner().invoke(app, ["list"])
        assert shown.exit_code == 0, shown.output
        return [line.split() for line in shown.output.splitlines() if "Occupancy " in line]

    (line,) = await asyncio.to_thread(listed)
    assert line[:2] == ["Occupancy", "HARVEST"]
    assert "never" in line
    await harvester.harvest(source)
    (line,) = await asyncio.to_thread(listed)
    assert time.now.isoformat(timespec="seconds") in line


async def test_a_backup_holds_the_feeds_with_where_they_go_on(
    database, laboratory, source, harvester, cluster, tmp_path
):
    laboratory.dies_at = ("bookings", 3)
    await harvester.harvest(source)
    before = await feeds(database)
    assert "bookings" in before["Occupancy"].state
    file = tmp_path / "hub.backup"
    await backup(database, file, NOW)
    with lent_database(cluster) as url:
        async with Database(url) as restored:
            await restore(restored, file)
            assert await feeds(restored) == before


async def test_a_running_hub_keeps_the_schedule_of_each_feed(database, laboratory, source, time):
    schedule = Schedule(database, PARTY, time, None, None)
    schedule.add(source)
    stop = asyncio.Event()
    task = asyncio.create_task(schedule.run(stop))

    async def has_run(count):
        rows = await database.writes.fetch_all("SELECT FROM run WHERE status = 'OK'")
        return len(rows) == count

    lists = []
    for count, minutes in ((1, 15), (2, 45), (3, 0)):
        await until(partial(has_run, count))
        lists.append(sorted({each.split()[0] for each in laboratory.asked}))
        laboratory.asked.clear()
        time.pass_by(minutes=minutes)
        schedule.add()  # it looks anew at once
    stop.set()
    await task
    everything = ["bookings", "coverage", "instruments", "offers"]
    assert lists == [everything, everything[:3], everything]
