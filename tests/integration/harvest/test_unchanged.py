"""A list that its source calls unchanged is heard and stands, and a false word is found out."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from hashlib import sha256

import pytest

from connectors.rest import PagedJson, WholeList
from hub.harvest import last_reading
from hub.harvest.report import ListStatus, RunStatus
from hub.store.feeds import feeds_of
from hub.watching.metrics import METRICS

pytestmark = pytest.mark.integration
OFTEN = timedelta(minutes=10)


def by_content(name, body):
    """Name an answer by what it holds."""
    return f'"{name}-{sha256(body).hexdigest()[:12]}"'


def by_list(name, body):
    """Call a list unchanged whatever it holds."""
    del body
    return f'"{name}"'


@pytest.fixture
def tagged(laboratory, source):
    """The small source with lists that come in one answer with an entity tag."""
    laboratory.tags = by_content
    lists = tuple(
        replace(
            each,
            reader=PagedJson(
                path=each.name, paging=WholeList(), items_at="rows", total_at="total", key=("id",)
            ),
            window=replace(source.adapter.collections[0]).window,
        )
        for each in source.adapter.collections
    )
    laboratory.rows |= {"bookings": ["1", "2"], "offers": ["1", "2"]}
    return replace(source, adapter=replace(source.adapter, collections=lists))


@pytest.fixture
def run(harvester, laboratory, tagged, time):
    """Let a quarter of an hour pass and harvest as the schedule does."""

    async def ran(source=None, **span):
        time.pass_by(**(span or {"minutes": 15}))
        laboratory.conditions.clear()
        return await harvester.harvest_if_due(source or tagged, OFTEN)

    return ran


async def standing(database, table):
    rows = await database.writes.fetch_all(f"SELECT key FROM {table}_source WHERE NOT withdrawn")
    return sorted((key.rpartition("/")[2] for (key,) in rows), key=lambda name: (len(name), name))


def lists_heard(came):
    """How many lists the figures of this process count."""
    wanted = f'deltahub_harvest_lists_total{{came="{came}",source="laboratory"}}'
    lines = METRICS.exposition().decode().splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.startswith(wanted))


NAMES = ("instruments", "offers", "bookings", "coverage")
SAVED = [f"{name} 304" for name in NAMES]


async def test_what_is_unchanged_is_heard_and_stands(run, laboratory, database, heard, time):
    first = await run()
    assert (first.status, laboratory.conditions) == (RunStatus.OK, [])
    kept = await database.writes.fetch_all("SELECT count(*) FROM entry")
    before = lists_heard("nothing")
    again = await run()
    assert (again.status, laboratory.conditions) == (RunStatus.OK, SAVED)
    assert lists_heard("nothing") - before == len(SAVED)
    counts = again.counts()
    assert (counts["rows"], counts["unchanged"], counts["listsUnchanged"]) == (0, 8, 4)
    assert await standing(database, "occupancy") == ["1", "2"]
    assert await standing(database, "instrument") == ["1", "2"]
    assert await database.writes.fetch_all("SELECT count(*) FROM entry") == kept
    feeds = (await feeds_of(database, ["laboratory"]))["laboratory"]
    assert {feed.heard_at for feed in feeds} == {time.now}
    laboratory.rows["bookings"] = ["2", "3"]
    changed = await run()
    assert changed.status is RunStatus.OK
    assert laboratory.conditions == [*SAVED[:2], "bookings 200", SAVED[3]]
    assert await standing(database, "occupancy") == ["2", "3"]
    assert changed.withdrawn == {"Occupancy": 1}
    await run()
    assert laboratory.conditions == SAVED


async def test_a_source_that_calls_a_changed_list_unchanged_is_found_at_the_next_full_reading(
    run, laboratory, database
):
    laboratory.tags = by_list
    await run()
    laboratory.rows["bookings"] = ["2", "3"]
    await run()
    assert laboratory.conditions == SAVED
    assert await standing(database, "occupancy") == ["1", "2"]
    for _ in range(3):
        await run(hours=6)
    assert await standing(database, "occupancy") == ["1", "2"]
    full = await run(hours=6)
    assert (full.status, laboratory.conditions) == (RunStatus.OK, [])
    assert await standing(database, "occupancy") == ["2", "3"]
    await run()
    assert laboratory.conditions == SAVED


async def test_what_a_person_asks_for_is_read_whole(harvester, run, laboratory, tagged, time):
    await run()
    time.pass_by(minutes=15)
    report = await harvester.harvest(tagged)
    assert (report.status, laboratory.conditions) == (RunStatus.OK, [])
    assert report.counts()["rows"] == 8


async def test_everything_is_read_anew_after_a_change_of_code_or_of_what_the_operator_states(
    run, laboratory, tagged, monkeypatch
):
    await run()
    monkeypatch.setattr(last_reading, "_code", lambda: "another version")
    await run()
    assert laboratory.conditions == []
    await run(replace(tagged, facts={"zone": "another"}))
    assert laboratory.conditions == []
    await run(replace(tagged, facts={"zone": "another"}))
    assert laboratory.conditions == SAVED


async def test_a_list_of_which_something_waits_or_shrank_is_read_anew(run, laboratory, database):
    laboratory.rows["offers"] = ["1", "2"]
    laboratory.bad = {"bookings 2"}
    laboratory.rows["bookings"] = [f"{n}" for n in range(1, 20)]
    report = await run()
    assert report.status is RunStatus.PARTIAL
    laboratory.bad = set()
    await run()
    assert "bookings 304" not in laboratory.conditions
    laboratory.rows["bookings"] = ["1"]
    for _ in range(2):
        held = await run()
        assert held.status is RunStatus.HELD, held.counts()
        assert "bookings 304" not in laboratory.conditions
    assert len(await standing(database, "occupancy")) == 19


async def test_a_list_that_comes_back_to_an_old_state_after_a_cut_is_read_anew(
    run, laboratory, database
):
    await run()
    laboratory.rows["bookings"] = ["1", "2", "3"]
    laboratory.dies_at = ("coverage", 1)
    cut = await run()
    assert cut.status is RunStatus.PARTIAL
    assert await standing(database, "occupancy") == ["1", "2", "3"]
    laboratory.dies_at = None
    laboratory.rows["bookings"] = ["1", "2"]
    await run()
    assert "bookings 304" not in laboratory.conditions
    assert await standing(database, "occupancy") == ["1", "2"]


async def test_unchanged_to_a_question_without_a_condition_is_an_error(run, laboratory, database):
    await run()
    laboratory.always_unchanged = True
    report = await run(hours=25)
    assert (report.status, report.error_code) == (RunStatus.FAILED, "SOURCE_BAD_DATA")
    assert {each.status for each in report.collections[1:2]} == {ListStatus.FAILED}
    assert await standing(database, "occupancy") == ["1", "2"]


async def test_what_the_hub_withdrew_since_is_not_called_unchanged(run, laboratory, database):
    await run()
    await database.writes.fetch_all(
        "UPDATE service_offer_source SET withdrawn = true WHERE key LIKE '%%/1/a' RETURNING key"
    )
    await run()
    assert "offers 304" not in laboratory.conditions


async def test_what_later_lists_look_up_is_read_and_a_change_of_it_reads_them_anew(
    run, laboratory, tagged
):
    first, *others = tagged.adapter.collections

    def remembering(row, context):
        context.remember("place", row.text("id"), "here")
        yield from first.map(row, context)

    lists = (replace(first, map=remembering), *others)
    source = replace(tagged, adapter=replace(tagged.adapter, collections=lists))
    await run(source)
    await run(source)
    assert laboratory.conditions == SAVED[1:]
    laboratory.rows["instruments"] = ["1", "2", "3"]
    await run(source)
    assert laboratory.conditions == []
    await run(source)
    assert laboratory.conditions == SAVED[1:]
