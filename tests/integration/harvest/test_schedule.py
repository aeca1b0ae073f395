"""The hub harvests again by itself: one source, several, files, several hubs, and an end."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

import pytest

from hub.app import build
from hub.errors import ErrorCode, RefusedError
from hub.harvest.report import HarvestReport, RunStatus
from hub.harvest.schedule import Schedule
from hub.harvest.service import Harvester
from hub.harvest.source import register
from hub.settings import Settings
from hub.store.database import Database
from hub.store.migrations import migrate
from hub.store.sources import heard_from
from tests.eventually import until
from tests.source_metadata import promising

SCALE = 0.03
"""Of the world: these tests harvest it again and again."""
pytestmark = [
    pytest.mark.integration,
    pytest.mark.parametrize("systems", [SCALE], indirect=True),
]

PARTY = "hub:hub.delta.example/records"
INTERVAL_S = 1
HOUR = timedelta(hours=1)


@asynccontextmanager
async def schedule(database, time, *sources, folder=None, interval_s=INTERVAL_S):
    made = Schedule(database, PARTY, time, folder, interval_s)
    made.add(*sources)
    stop = asyncio.Event()
    task = asyncio.create_task(made.run(stop))
    try:
        yield made
    finally:
        stop.set()
        await task


async def results(database, source):
    """Return how the runs of a source stand, oldest first."""
    found = await database.writes.fetch_all(
        "SELECT status, error_code FROM run WHERE source = %s ORDER BY started_at", (source,)
    )
    return [status if code is None else f"{status} {code}" for status, code in found]


async def until_results(database, source, *expected):
    async def holds():
        return await results(database, source) == list(expected)

    await until(holds)


async def standing(database, source):
    return await database.reads.fetch_all(
        "SELECT last_status, last_error_code FROM source WHERE source_id = %s", (source,)
    )


async def until_failed(database, source):
    async def holds():
        return await standing(database, source) == [("FAILED", "SETTINGS_INVALID")]

    await until(holds)


def logged(caplog, source):
    return [r.getMessage() for r in caplog.records if r.getMessage().startswith(source)]


async def until_logged(caplog, source, count):
    async def holds():
        return len(logged(caplog, source)) >= count

    await until(holds)


def put(path, text, mode=0o600):
    """Write a file in one step, so that no look sees half of it."""
    draft = path.with_suffix(".draft")
    draft.write_text(text, "utf-8")
    draft.chmod(mode)
    draft.rename(path)


def file_of(folder, systems, name="ecnu", adapter="ecnu", mode=0o600):
    path = folder / f"{name}.toml"
    put(
        path,
        f'adapter = "{adapter}"\nbase_url = "{systems.ecnu_url}"\nowners = ["moe:10269"]\n'
        '[client_credentials]\ntoken_url = "/oauth2/token"\n'
        f'client_id = "{systems.ecnu.client_id}"\n'
        f'client_secret = "{systems.ecnu.client_secret}"\n',
        mode,
    )
    return path


async def test_a_running_hub_renews_coverage_without_a_hand(database, ecnu, time, tmp_path, heard):
    settings = Settings(data_dir=tmp_path, harvest_interval_s=INTERVAL_S)
    hub = await build(settings, database, time)
    hub.schedule.add(ecnu)
    async with hub.running():
        for count in (1, 2, 3):
            await until_results(database, "ecnu", *["OK"] * count)
            assert await heard() == [time.now]
            time.pass_by(hours=20)


async def test_a_dead_source_does_not_stop_the_other_and_is_told_once(
    database, systems, ecnu, anhui, time, caplog
):
    systems.ecnu.switchboard.set({"dead": True})
    dead = "FAILED SOURCE_UNAVAILABLE"
    async with schedule(database, time, ecnu, anhui):
        for count in (1, 2, 3):
            await until_results(database, "anhui", *["OK"] * count)
            await until_results(database, "ecnu", *[dead] * count)
            assert await standing(database, "ecnu") == [("FAILED", "SOURCE_UNAVAILABLE")]
            time.pass_by(hours=1)
        await until_results(database, "ecnu", *[dead] * 4)
        systems.ecnu.switchboard.set({})
        time.pass_by(hours=1)
        await until_results(database, "ecnu", *[dead] * 4, "OK")
        await until_logged(caplog, "harvest of ecnu", 2)
    told = logged(caplog, "harvest of ecnu")
    assert told == [
        f"harvest of ecnu: {dead} (before: not read since this hub started)",
        f"harvest of ecnu: OK (before: {dead})",
    ]
    assert systems.ecnu.client_secret not in caplog.text


async def test_a_source_that_is_silent_holds_up_nobody(database, systems, ecnu, anhui, time):
    systems.ecnu.switchboard.set({"slow": 60})
    async with schedule(database, time, ecnu, anhui):
        for count in (1, 2, 3):
            await until_results(database, "anhui", *["OK"] * count)
            time.pass_by(hours=1)
        assert await results(database, "ecnu") == ["RUNNING"]
    assert await results(database, "ecnu") == ["FAILED INTERNAL"]
    systems.ecnu.switchboard.set({})


async def test_a_hub_that_stops_leaves_no_run_behind(database, systems, ecnu, time, tmp_path):
    systems.ecnu.switchboard.set({"slow": 60})
    settings = Settings(data_dir=tmp_path, harvest_interval_s=INTERVAL_S)
    hub = await build(settings, database, time)
    hub.schedule.add(ecnu)
    async with hub.running():
        await until_results(database, "ecnu", "RUNNING")
    assert await results(database, "ecnu") == ["FAILED INTERNAL"]
    assert await standing(database, "ecnu") == [("FAILED", "INTERNAL")]
    systems.ecnu.switchboard.set({})


async def test_two_hubs_on_one_database_harvest_a_source_once_an_interval(
    database, ecnu, anhui, time, tmp_path
):
    settings = [
        Settings(data_dir=tmp_path / name, harvest_interval_s=INTERVAL_S) for name in ("a", "b")
    ]
    async with Database(database.url) as other:
        hubs = [
            await build(each, on, time)
            for each, on in zip(settings, (database, other), strict=True)
        ]
        for hub, own in zip(hubs, ("a", "b"), strict=True):
            # Each has a source of its own beside the shared one: when that was harvested, the hub
            # has looked at the shared one too.
            hub.schedule.add(replace(anhui, id=own), ecnu)
        async with hubs[0].running(), hubs[1].running():
            for count in (1, 2, 3):
                for source in ("a", "b", "ecnu"):
                    await until_results(database, source, *["OK"] * count)
                time.pass_by(hours=1)
            for source in ("a", "b", "ecnu"):
                await until_results(database, source, *["OK"] * 4)
    assert await results(database, "ecnu") == ["OK"] * 4


async def test_of_two_that_find_a_source_due_at_once_one_harvests_it(database, ecnu, time):
    async with Database(database.url) as other:
        harvesters = [Harvester(each, PARTY, time) for each in (database, other)]
        ended = await asyncio.gather(
            *(each.harvest_if_due(ecnu, HOUR) for each in harvesters), return_exceptions=True
        )
    reports = [each for each in ended if isinstance(each, HarvestReport)]
    (second,) = [each for each in ended if not isinstance(each, HarvestReport)]
    assert [report.status for report in reports] == [RunStatus.OK]
    assert second is None or (
        isinstance(second, RefusedError) and second.code is ErrorCode.CONFLICT
    )


async def test_due_is_what_was_not_harvested_for_an_interval_whatever_was_pushed(
    database, harvester, ecnu, time
):
    assert await harvester.harvest_if_due(ecnu, HOUR) is not None
    time.pass_by(minutes=59)
    assert await harvester.harvest_if_due(ecnu, HOUR) is None
    async with database.writes.transaction() as connection:
        await heard_from(connection, "ecnu", added=0, at=(time.now, time.now))
    time.pass_by(minutes=1)
    assert await harvester.harvest_if_due(ecnu, HOUR) is not None
    time.pass_by(days=-300)  # the clock that wrote these runs was wrong
    assert await harvester.harvest_if_due(ecnu, HOUR) is not None


async def test_interval_0_harvests_nothing(database, ecnu, time):
    off = Schedule(database, PARTY, time, None, 0)
    off.add(ecnu)
    await off.run(asyncio.Event())  # it ends by itself, without being stopped
    assert await results(database, "ecnu") == []


async def test_a_closed_source_is_left_alone(database, ecnu, anhui, time):
    await register(database, ecnu, time.now)
    await database.writes.fetch_all(
        "UPDATE source SET active = false WHERE source_id = 'ecnu' RETURNING 1"
    )
    async with schedule(database, time, ecnu, anhui):
        await until_results(database, "anhui", "OK")
    assert await results(database, "ecnu") == []


async def test_files_that_are_added_changed_and_spoiled_are_noticed(
    database, systems, anhui, time, tmp_path, caplog
):
    async with schedule(database, time, anhui, folder=tmp_path):
        await until_results(database, "anhui", "OK")
        path = file_of(tmp_path, systems)
        await until_results(database, "ecnu", "OK")

        put(path, path.read_text("utf-8").replace("client_secret", "client_secrete"))
        await until_failed(database, "ecnu")  # a look that began before may still go by the old one
        time.pass_by(hours=1)
        await until_results(database, "anhui", "OK", "OK")
        file_of(tmp_path, systems, "open", mode=0o644)
        file_of(tmp_path, systems, "people", adapter="monthly_workbook")
        put(tmp_path / "torn.toml", "adapter = [")
        time.pass_by(hours=1)
        await until_results(database, "anhui", "OK", "OK", "OK")
        assert await results(database, "ecnu") == ["OK"]

        file_of(tmp_path, systems)
        time.pass_by(hours=1)
        await until_results(database, "ecnu", "OK", "OK")
        assert await standing(database, "ecnu") == [("OK", None)]
        await until_logged(caplog, "harvest of ecnu", 2)
    said = {name: logged(caplog, f"harvest of {name}") for name in ("open", "people", "torn")}
    assert [len(lines) for lines in said.values()] == [1, 1, 1]
    assert "chmod 600" in said["open"][0]
    assert "deltahub submit" in said["people"][0]
    assert "torn.toml is not TOML" in said["torn"][0]
    assert len(logged(caplog, "harvest of ecnu")) == 2
    assert systems.ecnu.client_secret not in caplog.text


async def test_a_folder_that_is_missing_is_told_and_the_other_sources_go_on(
    database, anhui, time, tmp_path, caplog
):
    async with schedule(database, time, anhui, folder=tmp_path / "gone"):
        for count in (1, 2):
            await until_results(database, "anhui", *["OK"] * count)
            time.pass_by(hours=1)
    (line,) = logged(caplog, "harvest of HUB_SOURCE_SECRETS_DIR")
    assert "is no folder" in line


async def test_a_source_that_promises_less_than_the_interval_is_named_once(
    database, ecnu, anhui, time, caplog
):
    promise = timedelta(seconds=INTERVAL_S)
    hasty = replace(
        ecnu, adapter=replace(ecnu.adapter, metadata=promising(ecnu.adapter.metadata, promise))
    )
    with caplog.at_level(logging.WARNING):
        async with schedule(database, time, hasty, anhui):
            for count in (1, 2):
                await until_results(database, "anhui", *["OK"] * count)
                time.pass_by(hours=1)
    (line,) = [r.getMessage() for r in caplog.records if "promises" in r.getMessage()]
    assert line.startswith("ecnu ")
    assert "HUB_HARVEST_INTERVAL_S" in line


async def test_a_bug_in_one_source_stops_neither_the_other_nor_the_rounds(
    database, ecnu, anhui, time, caplog
):
    def states(context):
        raise RuntimeError("secret")

    broken = replace(ecnu, id="broken", adapter=replace(ecnu.adapter, states=states))
    async with schedule(database, time, broken, anhui):
        for count in (1, 2):
            await until_results(database, "anhui", *["OK"] * count)
            await until_results(database, "broken", *["FAILED INTERNAL"] * count)
            await until_logged(caplog, "harvest of broken", 1)
            time.pass_by(hours=1)
    (line,) = logged(caplog, "harvest of broken")
    assert "secret" not in line


async def test_the_rounds_go_on_when_the_database_comes_back(server, ecnu, time):
    migrate(server.start())
    async with Database(server.url) as database, schedule(database, time, ecnu):
        await until_results(database, "ecnu", "OK")
        pid = int((server.data / "postmaster.pid").read_text("utf-8").splitlines()[0])
        os.kill(pid, signal.SIGKILL)

        async def is_gone():
            return not server.is_running()

        await until(is_gone)
        time.pass_by(hours=1)
        await asyncio.sleep(2 * INTERVAL_S)  # so that it is looked for while it is away
        server.start()
        time.pass_by(hours=1)

        async def is_renewed():
            return (await results(database, "ecnu"))[-1:] == ["OK"] and len(
                await results(database, "ecnu")
            ) > 1

        await until(is_renewed)
