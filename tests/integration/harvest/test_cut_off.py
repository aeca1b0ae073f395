"""Runs that are cut off: by a kill, by a lost session, by a cancelled task, and who closes them."""

from __future__ import annotations

import asyncio
import signal
import sys
from contextlib import asynccontextmanager

import psycopg
import pytest

from hub.app import build
from hub.errors import DatabaseUnavailableError, ErrorCode, RefusedError
from hub.harvest.report import HarvestReport, RunStatus
from hub.harvest.runs import begin, close_interrupted, finish, source_lock
from hub.harvest.source import register
from hub.housekeeping import run_housekeeping
from hub.settings import Settings
from hub.store.database import Database
from hub.store.sources import register_source
from tests.eventually import until

pytestmark = pytest.mark.integration

SLOW_S = 60.0
HARVEST = """
import asyncio, sys
from datetime import datetime
from adapters import discover
from connectors.limits import Limits
from hub.harvest.service import Harvester
from hub.harvest.connections import ClientCredentials, HttpConnection
from hub.harvest.source import HarvestSource
from hub.store.database import Database
from hub.store.sources import register_source

url, base, client_id, secret, now = sys.argv[1:]

async def main():
    auth = ClientCredentials("ecnu", "/oauth2/token", client_id, secret)
    limits = Limits(read_s=300, total_s=300)
    connection = HttpConnection(base_url=base, auth=auth)
    known = {"adapter": discover()["ecnu"], "connection": connection}
    source = HarvestSource(
        id="ecnu", owners=None, authority="moe:10269/lims", limits=limits, **known
    )
    async with Database(url) as database:
        clock = lambda: datetime.fromisoformat(now)
        await Harvester(database, "hub:elsewhere.example/records", clock).harvest(source)

asyncio.run(main())
"""


async def runs(database):
    """Return source, status and code of every run, oldest first."""
    return await database.writes.fetch_all(
        "SELECT source, status, error_code FROM run ORDER BY started_at, run_id"
    )


async def standing(database, source):
    ((status, code),) = await database.reads.fetch_all(
        "SELECT last_status, last_error_code FROM source WHERE source_id = %s", (source,)
    )
    return status, code


async def status_of(database, source):
    return [status for name, status, _ in await runs(database) if name == source]


async def cut_off(database, now, *, source="cut", run_id="run_cut"):
    """Leave behind what a run leaves that was killed after it had begun."""
    await register_source(database, source, "x", mode="HARVEST", owners=None, now=now)
    await begin(database, source, run_id, now)


@asynccontextmanager
async def process_that_harvests(database, systems, time):
    """Another process in the middle of a harvest of `ecnu`, which answers very slowly."""
    systems.ecnu.switchboard.set({"slow": SLOW_S})
    school = systems.ecnu
    words = (database.url, systems.ecnu_url, school.client_id, school.client_secret)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", HARVEST, *words, time.now.isoformat()
    )
    try:

        async def is_running():
            assert process.returncode is None
            return await status_of(database, "ecnu") == ["RUNNING"]

        await until(is_running)
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        systems.ecnu.switchboard.set({})


async def kill(process):
    process.send_signal(signal.SIGKILL)
    await process.wait()


async def test_a_run_whose_process_was_killed_is_closed_and_its_source_says_so(
    database, systems, time
):
    async with process_that_harvests(database, systems, time) as process:
        assert await close_interrupted(database, time.now) == 0
        assert await status_of(database, "ecnu") == ["RUNNING"]
        await kill(process)

        async def is_closed():  # PostgreSQL notices the end of a process in its own time
            return await close_interrupted(database, time.now) == 1

        await until(is_closed)
    ((status, code, message, ended),) = await database.writes.fetch_all(
        "SELECT status, error_code, message, ended_at FROM run"
    )
    assert (status, code, ended) == ("FAILED", "INTERNAL", time.now)
    assert "next run" in message
    assert await standing(database, "ecnu") == ("FAILED", "INTERNAL")


async def test_the_next_run_closes_the_one_that_was_killed(
    database, systems, harvester, ecnu, time
):
    async with process_that_harvests(database, systems, time) as process:
        with pytest.raises(RefusedError) as refused:
            await harvester.harvest(ecnu)
        assert refused.value.code is ErrorCode.CONFLICT
        await kill(process)
    time.pass_by(minutes=1)
    reports = []

    async def is_harvested():
        try:
            reports.append(await harvester.harvest(ecnu))
        except RefusedError:
            return False
        return True

    await until(is_harvested)
    assert reports[0].status is RunStatus.OK
    assert await runs(database) == [("ecnu", "FAILED", "INTERNAL"), ("ecnu", "OK", None)]
    assert await standing(database, "ecnu") == ("OK", None)


async def test_a_hub_that_starts_closes_what_was_cut_off_and_no_run_of_another_process(
    database, systems, time, tmp_path
):
    async with process_that_harvests(database, systems, time) as process:
        await cut_off(database, time.now)
        hub = await build(Settings(data_dir=tmp_path), database, time)
        async with hub.running():

            async def is_closed():
                return await status_of(database, "cut") == ["FAILED"]

            await until(is_closed)
            assert await status_of(database, "ecnu") == ["RUNNING"]
            assert await standing(database, "cut") == ("FAILED", "INTERNAL")
        await kill(process)


async def test_housekeeping_closes_what_is_cut_off_while_the_hub_runs(database, time):
    stop = asyncio.Event()
    await cut_off(database, time.now, run_id="run_1")
    house = asyncio.create_task(run_housekeeping(database, time, stop, pause_s=0.01))
    try:
        for count in (1, 2):

            async def is_closed(count=count):
                return await status_of(database, "cut") == ["FAILED"] * count

            await until(is_closed)
            if count == 1:
                await cut_off(database, time.now, run_id="run_2")
    finally:
        stop.set()
        await house


async def test_two_closers_at_once_close_each_run_once(database, time):
    for number in range(8):
        await cut_off(database, time.now, source=f"cut-{number}", run_id=f"run_{number}")
    async with (
        Database(database.url) as beside,
        source_lock(beside, "cut-0"),
        Database(database.url) as another,
    ):
        counts = await asyncio.gather(
            *(close_interrupted(each, time.now) for each in (database, another))
        )
    assert sum(counts) == 7
    assert [status for _, status, _ in await runs(database)] == ["RUNNING"] + ["FAILED"] * 7


async def test_a_later_result_is_not_hidden_by_an_older_run_that_is_closed(
    database, harvester, ecnu, time
):
    report = await harvester.harvest(ecnu)
    assert report.status is RunStatus.OK
    await database.writes.fetch_all(
        "INSERT INTO run (run_id, source, mode, status, started_at) "
        "VALUES ('run_old', 'ecnu', 'HARVEST', 'RUNNING', %s::timestamptz - interval '1 day') "
        "RETURNING 1",
        (time.now,),
    )
    assert await close_interrupted(database, time.now) == 1
    assert await standing(database, "ecnu") == ("OK", None)


async def test_a_cancelled_run_is_closed_before_the_cancellation_is_over(
    database, systems, harvester, ecnu
):
    systems.ecnu.switchboard.set({"slow": SLOW_S})
    task = asyncio.create_task(harvester.harvest(ecnu))

    async def is_running():
        assert not task.done()
        return await status_of(database, "ecnu") == ["RUNNING"]

    await until(is_running)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await runs(database) == [("ecnu", "FAILED", "INTERNAL")]
    assert await standing(database, "ecnu") == ("FAILED", "INTERNAL")
    async with source_lock(database, "ecnu"):
        pass
    systems.ecnu.switchboard.set({})


async def test_a_run_that_is_cancelled_while_its_end_is_noted_is_noted(database, harvester, ecnu):
    async with await psycopg.AsyncConnection.connect(database.url) as other:
        task = asyncio.create_task(harvester.harvest(ecnu))

        async def is_running():
            return await status_of(database, "ecnu") == ["RUNNING"]

        await until(is_running)
        await other.execute("SELECT FROM run FOR UPDATE")

        async def waits_to_note_its_end():
            return bool(
                await database.writes.fetch_all(
                    "SELECT FROM pg_stat_activity WHERE datname = current_database() "
                    "AND wait_event_type = 'Lock' AND query LIKE 'UPDATE run%%'"
                )
            )

        await until(waits_to_note_its_end)
        task.cancel()
        await asyncio.sleep(0)
        await other.commit()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await runs(database) == [("ecnu", "OK", None)]


async def test_a_run_that_lost_its_session_withdraws_nothing_and_stays_closed(
    database, systems, harvester, ecnu, time
):
    await harvester.harvest(ecnu)
    instruments = "SELECT count(*) FROM instrument_source WHERE NOT withdrawn"
    before = await database.reads.fetch_all(instruments)
    time.pass_by(hours=1)
    systems.ecnu.switchboard.set({"slow": 0.5, "shrunk": True})
    task = asyncio.create_task(harvester.harvest(ecnu, approve_shrink=True))

    async def is_running():
        return "RUNNING" in await status_of(database, "ecnu")

    await until(is_running)
    async with await psycopg.AsyncConnection.connect(database.url, autocommit=True) as other:
        await other.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' "
            "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        )

    async def is_closed():
        return await close_interrupted(database, time.now) == 1

    await until(is_closed)
    systems.ecnu.switchboard.set({"shrunk": True})
    with pytest.raises(DatabaseUnavailableError):
        await task
    assert await runs(database) == [("ecnu", "OK", None), ("ecnu", "FAILED", "INTERNAL")]
    assert await standing(database, "ecnu") == ("FAILED", "INTERNAL")
    assert await database.reads.fetch_all(instruments) == before


async def test_what_was_closed_as_cut_off_is_not_made_good_afterwards(database, ecnu, time):
    await register(database, ecnu, time.now)
    await begin(database, "ecnu", "run_1", time.now)
    assert await close_interrupted(database, time.now) == 1
    report = HarvestReport(run_id="run_1", source="ecnu", status=RunStatus.OK)
    assert not await finish(database, report, None, time.now, time.now)
    assert await runs(database) == [("ecnu", "FAILED", "INTERNAL")]
    assert await standing(database, "ecnu") == ("FAILED", "INTERNAL")
