"""Sources are graded once a day from what stands in the database, and say so where read."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from hub.cli.source_grade import lines
from hub.graphql.request import Asking, GraphRequest
from hub.harvest.grades import Share, SourceGrade, rules
from hub.harvest.grading import counted_facts, grade_now, kept_grades
from hub.housekeeping import grade_once, join
from hub.intake.batch import Assurance, Batch, Channel, Evidence, Outcome
from hub.intake.service import submit
from hub.operate.status import facts_of
from hub.store.locks import SessionLock
from hub.store.sources import register_source
from schema.dates import format_instant
from tests.integration.harvest.conftest import PARTY
from tests.integration.harvest.small_source import INSTITUTION
from tests.integration.query.conftest import caller, engine_on

pytestmark = pytest.mark.integration
KEYS = [f"{INSTITUTION}/{number}" for number in (1, 2, 3)]


async def facts(database, time, source="laboratory"):
    return await counted_facts(database, source, rules(), time.now)


async def send(database, time, source, rows):
    batch = Batch(
        source=source,
        party=PARTY,
        channel=Channel.PUSH,
        rows=[{"type": name, "record": record} for name, record in rows],
        evidence=Evidence(assurance=Assurance.HUB_OBSERVED, document_hash=b"x" * 32),
        as_of=time.now,
    )
    outcomes = await submit(database, batch, clock=time)
    assert {each.outcome for each in outcomes.rows} == {Outcome.ACCEPTED}, outcomes.rows


def use(time, key, days_ago, hours):
    start = time.now.replace(hour=2) - timedelta(days=days_ago)
    return (
        "UsageRecord",
        {
            "instrumentKey": key,
            "localId": f"{key}-{days_ago}",
            "startedAt": format_instant(start),
            "endedAt": format_instant(start + timedelta(hours=hours)),
            "hours": str(hours),
            "collectionMethod": "MANUAL",
        },
    )


def sensed(time, key, days_ago, hours, state="IN_USE", known=24):
    day = (time.now - timedelta(days=days_ago)).date()
    begin = time.now.replace(hour=16) - timedelta(days=days_ago + 1)  # midnight in Shanghai
    cut, end = begin + timedelta(hours=hours), begin + timedelta(hours=known)
    spans = [
        {"startAt": format_instant(begin), "endAt": format_instant(cut), "state": state},
        {"startAt": format_instant(cut), "endAt": format_instant(end), "state": "OFF"},
    ]
    record = {"instrumentKey": key, "sensor": "m1", "day": day.isoformat(), "spans": spans}
    return "PowerDay", record


async def test_counts_are_those_of_the_source_and_a_sensor_of_another_source_judges_its_hours(
    harvester, laboratory, source, database, time
):
    laboratory.rows["instruments"] = laboratory.rows["coverage"] = ["1", "2", "3"]
    await harvester.harvest(source)
    before = await facts(database, time)
    assert (before.hours, before.declares_hours) == (Share(0, 0), False)
    assert before.timeliness == Share(4, 4)
    assert 0 < before.completeness.good < before.completeness.of

    await send(database, time, "laboratory", [use(time, key, 3, 8) for key in KEYS])
    unknown = await facts(database, time)
    assert (unknown.hours, unknown.declares_hours) == (Share(0, 0), True)

    await register_source(
        database, "meters", "电表", mode="PUSH", now=time.now, owners=(INSTITUTION,)
    )
    rows = [
        sensed(time, KEYS[0], 3, 7),  # agrees
        sensed(time, KEYS[1], 3, 2),  # declared four times as much
        sensed(time, KEYS[2], 3, 1, known=4),  # silent for most of the day: nothing is compared
    ]
    await send(database, time, "meters", rows)
    assert (await facts(database, time)).hours == Share(1, 2)
    assert (await facts(database, time, "meters")).declares_hours is False


async def test_rows_in_quarantine_lower_the_grade_and_silence_makes_feeds_late(
    harvester, laboratory, source, database, time
):
    laboratory.bad = {"offers 2"}
    await harvester.harvest(source)
    counted = await facts(database, time)
    assert counted.rejects.of - counted.rejects.good == 1
    time.pass_by(days=2)
    assert (await facts(database, time)).timeliness == Share(0, 4)


async def test_every_source_is_graded_once_a_day_and_kept(harvester, source, database, time):
    await harvester.harvest(source)
    assert await grade_once(database, time) == 1
    assert await grade_once(database, time) == 0
    first = (await kept_grades(database))["laboratory"]
    assert first.graded_at == time.now
    assert first.grade in set(SourceGrade)
    time.pass_by(days=1)
    assert await grade_once(database, time) == 1
    assert (await kept_grades(database))["laboratory"].graded_at == time.now


async def test_sources_are_graded_while_a_sequencer_leads(harvester, source, database, time):
    """The tasks of one worker at a time have locks of their own: none waits for another's."""
    await harvester.harvest(source)
    async with database.writes.connection() as connection:
        for lock in SessionLock:
            if lock not in {SessionLock.GRADING, SessionLock.JOINING}:
                await connection.execute(b"SELECT pg_advisory_lock(%s)", (lock.value,))
        try:
            assert await grade_once(database, time) == 1
            assert await join(database, time, "hub:x", 0) > 0
        finally:
            await connection.execute(b"SELECT pg_advisory_unlock_all()")


async def test_the_api_and_the_status_say_the_grade_and_what_is_missing(
    harvester, source, database, time
):
    await harvester.harvest(source)
    query = GraphRequest(query="{ sources { id grade missing } }", variables={})

    async def told():
        asking = Asking(caller=caller(), language="en")
        answer = await engine_on(database).answer(query, asking)
        return json.loads(answer.body)["data"]["sources"]

    assert await told() == [{"id": "laboratory", "grade": None, "missing": []}]
    graded, _ = await grade_now(database, "laboratory", time.now)
    assert graded.codes
    known = {"id": "laboratory", "grade": graded.grade.value, "missing": graded.codes}
    assert await told() == [known]
    assert (await facts_of(database))["grades"] == {graded.grade.value: 1}


async def test_the_command_says_every_share_and_why_something_is_missing(
    harvester, source, database, time
):
    await harvester.harvest(source)
    told = "\n".join(lines(*await grade_now(database, "laboratory", time.now)))
    for each in rules().requirements:
        assert each.zh in told
    assert "缺 missing COMPLETENESS" in told
