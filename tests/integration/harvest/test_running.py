"""Runs while they go on: they say how far they are, can be cancelled, and are tried again."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from datetime import timedelta
from itertools import pairwise

import psycopg
import pytest

from hub.cli.source_cancel import run_line
from hub.errors import DatabaseUnavailableError
from hub.harvest import watch
from hub.harvest.feed import retry_pause
from hub.harvest.limits import RETRY_S_MAX
from hub.harvest.report import ListStatus, RunStatus
from hub.harvest.runs import ask_to_cancel, failures_of, list_runs, running_runs
from hub.store.feeds import feeds_of
from tests.eventually import until

pytestmark = pytest.mark.integration
MINUTE = timedelta(minutes=1)


@pytest.fixture(autouse=True)
def _often(monkeypatch):
    monkeypatch.setattr(watch, "WATCH_S", 0.02)


@asynccontextmanager
async def hanging(harvester, laboratory, source, database, **more):
    """A run that waits for page 3 of the bookings; gives its task and what the table says of it."""
    laboratory.hangs_at = ("bookings", 3)
    task = asyncio.create_task(harvester.harvest(source, **more))
    found = []

    async def has_come_so_far():
        assert not task.done()
        found[:] = await running_runs(database)
        return bool(found) and "bookings 3" in laboratory.asked

    try:
        await until(has_come_so_far)
        yield task, found[0].run_id
    finally:
        laboratory.hangs_at = None
        task.cancel()
        await asyncio.wait([task])


async def test_a_run_says_how_many_documents_and_rows_came_while_it_goes_on(
    harvester, laboratory, source, database, time
):
    told = []
    async with hanging(harvester, laboratory, source, database, tell=told.append):

        async def is_told():
            (past,) = await running_runs(database)
            return past.counts.get("rows") == 2 + 2 + 4 and bool(told)

        await until(is_told)
        (past,) = await running_runs(database)
        line = run_line(past, time.now + timedelta(seconds=4))
    assert line.endswith(
        f"laboratory  RUNNING  4.0 s  4 documents, 8 rows, 2 rows/s  {past.run_id}"
    )
    assert told[-1].run_id == past.run_id


async def test_a_run_that_is_cancelled_ends_keeps_what_came_and_says_nothing_of_its_source(
    harvester, laboratory, source, database, time
):
    async with hanging(harvester, laboratory, source, database) as (task, run_id):
        assert (await ask_to_cancel(database, run_id, time.now)).status == "RUNNING"
        report = await task
    assert (report.status, report.error_code) == (RunStatus.CANCELLED, None)
    ((status, code),) = await database.reads.fetch_all(
        "SELECT last_status, last_error_code FROM source"
    )
    assert (status, code) == (None, None)
    (past,) = await list_runs(database, "laboratory", 5)
    assert (past.run_id, past.status, past.counts["rows"]) == (run_id, "CANCELLED", 8)
    assert await failures_of(database, ["laboratory"], time.now) == {}

    laboratory.asked.clear()
    time.pass_by(minutes=15)
    went_on = await harvester.harvest(source)
    bookings = next(each for each in went_on.collections if each.name == "bookings")
    assert bookings.status is ListStatus.CONTINUED
    assert [each for each in laboratory.asked if "bookings" in each] == ["bookings 3", "bookings 4"]


async def test_a_run_that_ended_cannot_be_cancelled_and_stays_as_it_is(
    harvester, source, database, time
):
    report = await harvester.harvest(source)
    found = await ask_to_cancel(database, report.run_id, time.now)
    assert found.status == "OK"
    assert await ask_to_cancel(database, "run_nobody", time.now) is None
    assert (await list_runs(database, None, 5))[0].status == "OK"


async def test_a_run_whose_session_is_lost_ends_where_it_waits(
    harvester, laboratory, source, database
):
    async with hanging(harvester, laboratory, source, database) as (task, _):
        async with await psycopg.AsyncConnection.connect(database.url, autocommit=True) as other:
            await other.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' "
                "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
            )
        with pytest.raises(DatabaseUnavailableError):
            await task


def test_the_pause_after_failures_doubles_to_a_bound():
    assert retry_pause(0) is None
    assert [retry_pause(n) / MINUTE for n in (1, 2, 3, 4)] == [1, 2, 4, 8]
    assert retry_pause(10_000) == timedelta(seconds=RETRY_S_MAX)


async def test_what_a_failed_run_did_not_read_is_due_after_a_pause_and_the_rest_on_its_schedule(
    harvester, laboratory, source, database, time
):
    laboratory.dies_at = ("instruments", 1)
    started = []
    for _ in range(40):
        if await harvester.harvest_if_due(source, None) is not None:
            started.append(time.now)
        time.pass_by(minutes=1)
    pauses = [(b - a) / MINUTE for a, b in pairwise(started)]
    assert pauses == [1, 2, 4, 8, 15]  # the calendar's own schedule comes before the sixth
    laboratory.dies_at = None
    time.pass_by(minutes=15)
    assert (await harvester.harvest_if_due(source, None)).status is RunStatus.OK
    time.pass_by(minutes=14)
    assert await harvester.harvest_if_due(source, None) is None
    asked = {
        each.record_type: each.asked_at
        for each in (await feeds_of(database, ["laboratory"]))["laboratory"]
    }
    assert len(set(asked.values())) == 1
