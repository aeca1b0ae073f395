"""Whatever a source does: the answer comes, says so, and holds what the hub knew."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from hub.federation.deployed import LiveSources
from hub.federation.limits import (
    FAILURES_MIN,
    OPEN_S,
    RATE_CAPACITY,
    RATE_REFILL_PER_S,
)
from hub.federation.service import Federation
from hub.graphql.hooks import ServiceFacts
from hub.graphql.service import Engine, Parts
from hub.sandbox.serve import serving
from hub.state.flight import Flights
from hub.watching.metrics import METRICS
from tests.eventually import until
from tests.integration.federation.campus import Campus, booking, source_at
from tests.integration.federation.conftest import PARTY
from tests.integration.federation.questions import E1, E2, E3, ONE, PAGE, code, free, of, stands

pytestmark = pytest.mark.integration
FAULTS = {
    "dead": ("ERROR", "SOURCE_UNAVAILABLE"),
    "limited": ("ERROR", "SOURCE_UNAVAILABLE"),
    "cut": ("ERROR", "SOURCE_UNAVAILABLE"),
    "denied": ("DENIED", "SOURCE_DENIED"),
    "html": ("BAD_DATA", "SOURCE_BAD_DATA"),
    "lying": ("BAD_DATA", "SOURCE_BAD_DATA"),
    "spoiled": ("BAD_DATA", "SOURCE_BAD_DATA"),
    "empty": ("BAD_DATA", "SOURCE_BAD_DATA"),
}


def live_questions(status: str) -> float:
    """How many questions to the university were counted that came to this."""
    told = METRICS.exposition().decode()
    begin = f'deltahub_live_questions_total{{source="campus",status="{status}"}} '
    return sum(float(line[len(begin) :]) for line in told.splitlines() if line.startswith(begin))


async def test_a_source_that_misbehaves_is_named_and_what_was_known_stands(world):
    for fault, (status, error) in FAULTS.items():
        world.fault(**{fault: True})
        world.time.pass_by(minutes=2)
        answer = await world.ask(ONE, {"key": E1, "s": "PT1M"})
        assert "errors" not in answer, fault
        assert (free(answer), *stands(answer)) == ("9", status, "STORE", error), fault
        assert of(answer)["asOf"] == "2026-11-30T02:00:00Z", fault
        await world.state.put("breaker:campus:Occupancy", b"closed", 60)
    assert len(world.campus.asked) >= len(FAULTS)


async def test_a_slow_source_is_left_at_the_deadline_and_answers_the_next_caller(world):
    world.campus.bookings.append(booking("E1", "new", 1, 13, 20))
    world.fault(slow=60)
    answer = await world.ask(ONE, {"key": E1, "s": "PT1M", "d": "PT0.1S"})
    assert (free(answer), *stands(answer)) == ("9", "TIMEOUT", "STORE", "SOURCE_TIMEOUT")
    world.fault()

    async def is_warm() -> bool:
        found = await world.ask(ONE, {"key": E1, "s": "PT1M", "d": "PT0.01S"})
        return stands(found)[0] == "OK"

    await until(is_warm)
    assert free(await world.ask(ONE, {"key": E1})) == "2"
    assert len(world.campus.asked) == 1


async def test_a_silent_source_takes_nothing_from_another(world):
    other = Campus(("F1",))
    async with serving(other.app) as url:
        world.sources["other"] = source_at(url, "other")
        await world.harvester.harvest(world.sources["other"])
        world.time.pass_by(minutes=5)
        other.bookings.append(booking("F1", "new", 1, 8, 18))
        world.fault(slow=60)
        answer = await world.ask(PAGE, {"s": "PT1M", "d": "PT1S"})
        assert "errors" not in answer
        hours = {
            row["localNo"]: row["availability"]["longestFreeHours"]
            for row in answer["data"]["instruments"]["nodes"]
        }
        assert hours == {"E1": "9", "E2": "0", "E3": "12", "F1": "2"}
        assert stands(answer, "other") == ("OK", "LIVE", None)
        assert stands(answer) == ("TIMEOUT", "STORE", "SOURCE_TIMEOUT")
        assert answer["data"]["instruments"]["sources"] == answer["extensions"]["sources"]
        world.fault()


async def test_what_is_older_than_its_source_promises_is_unknown(world):
    world.fault(dead=True)
    world.time.pass_by(hours=25)
    answer = await world.ask(ONE, {"key": E1, "s": "PT1M"})
    assert answer["data"]["instrument"]["availability"]["status"] == "UNKNOWN"
    assert stands(answer) == ("ERROR", "STORE", "SOURCE_UNAVAILABLE")


async def test_a_request_that_takes_no_partial_answer_is_refused_with_the_sources(world):
    world.time.pass_by(minutes=2)
    asked = {"maxStaleness": "PT1M", "onSourceError": "FAIL"}
    assert "data" in await world.ask(ONE, {"key": E1}, **asked)
    world.time.pass_by(minutes=2)
    world.fault(dead=True)
    refused = await world.ask(ONE, {"key": E1}, **asked)
    assert code(refused) == "SOURCE_UNAVAILABLE"
    told = refused["errors"][0]["extensions"]
    assert "campus" in told["detail"]
    assert (told["sourceId"], told["sourceIds"], told["retryable"]) == ("campus", ["campus"], True)
    world.fault(slow=60)
    world.time.pass_by(minutes=2)
    refused = await world.ask(ONE, {"key": E1, "d": "PT0.1S"}, **asked)
    assert code(refused) == "SOURCE_TIMEOUT"
    del world.sources["campus"]
    assert code(await world.ask(ONE, {"key": E1}, **asked)) == "SOURCE_STALE"
    world.fault()


async def test_many_callers_share_one_question_and_one_who_leaves_takes_it_from_nobody(world):
    world.fault(slow=60)
    impatient = asyncio.create_task(world.ask(ONE, {"key": E1, "s": "PT1M", "d": "PT9S"}))
    async with asyncio.timeout(20):
        while not world.campus.asked:
            await asyncio.sleep(0.01)
    others = [
        asyncio.create_task(world.ask(ONE, {"key": E1, "s": "PT1M", "d": "PT9S"}))
        for _ in range(10)
    ]
    await asyncio.sleep(0.05)
    impatient.cancel()
    await asyncio.gather(impatient, return_exceptions=True)
    world.fault()
    before = live_questions("OK")
    answers = await asyncio.gather(*others)
    assert live_questions("OK") == before + 1
    assert {stands(answer)[0] for answer in answers} == {"OK"}
    assert len(world.campus.asked) == 1


async def test_two_workers_ask_once(world):
    facts = ServiceFacts(version="1", standard_version="1", sandbox=True)
    sources = LiveSources(None, lambda: world.sources)
    federation = Federation(world.database, world.state, world.time, PARTY, sources)
    parts = Parts(facts=facts, state=world.state, federation=federation)
    other = replace(world, engine=Engine(world.database, world.time, parts))
    questions = [each.ask(ONE, {"key": E1, "s": "PT1M"}) for each in (world, other) * 3]
    answers = await asyncio.gather(*questions)
    await federation.aclose()
    found = {stands(answer) for answer in answers}
    # Whoever looks for the first time after the answer came finds it in the store.
    assert ("OK", "LIVE", None) in found <= {("OK", "LIVE", None), ("OK", "STORE", None)}
    assert len(world.campus.asked) == 1


async def test_who_joins_a_question_learns_how_old_its_answer_is(world, monkeypatch):
    callers, fetch_once = [], Flights.fetch_once

    async def counted(flights, key, fetch, **times):
        callers.append(key)
        return await fetch_once(flights, key, fetch, **times)

    async def have_joined():
        return len(callers) == 3

    monkeypatch.setattr(Flights, "fetch_once", counted)
    world.fault(slow=60)
    first = asyncio.create_task(world.ask(ONE, {"key": E1, "s": "PT0S", "d": "PT9S"}))
    async with asyncio.timeout(20):
        while not world.campus.asked:
            await asyncio.sleep(0.01)
    world.time.pass_by(seconds=5)
    joined = [
        asyncio.create_task(world.ask(ONE, {"key": E1, "s": staleness, "d": "PT9S"}))
        for staleness in ("PT0S", "PT10S")
    ]
    await until(have_joined)
    world.fault()
    assert stands(await first) == ("OK", "LIVE", None)
    strict, lenient = await asyncio.gather(*joined)
    assert stands(strict) == ("STALE", "CACHE", "SOURCE_STALE")
    assert stands(lenient) == ("OK", "CACHE", None)
    assert len(world.campus.asked) == 1


async def test_a_source_that_fails_again_and_again_is_left_alone_then_one_probe_asks(world):
    world.fault(dead=True)
    for _ in range(FAILURES_MIN):
        world.time.pass_by(seconds=2)
        assert stands(await world.ask(ONE, {"key": E1, "s": "PT1S"}))[0] == "ERROR"
    world.time.pass_by(seconds=2)
    answer = await world.ask(ONE, {"key": E1, "s": "PT1S"})
    assert stands(answer) == ("OPEN", "STORE", "SOURCE_UNAVAILABLE")
    assert len(world.campus.asked) == FAILURES_MIN
    world.time.pass_by(seconds=OPEN_S)
    questions = [world.ask(ONE, {"key": key, "s": "PT1S"}) for key in (E1, E2, E3)]
    found = sorted(stands(each)[0] for each in await asyncio.gather(*questions))
    assert found == ["ERROR", "OPEN", "OPEN"]
    assert len(world.campus.asked) == FAILURES_MIN + 1
    world.fault()
    world.time.pass_by(seconds=OPEN_S + 1)
    assert stands(await world.ask(ONE, {"key": E1, "s": "PT1S"}))[0] == "OK"
    world.time.pass_by(seconds=2)
    assert stands(await world.ask(PAGE, {"s": "PT1S"}))[0] == "OK"


async def test_a_source_is_asked_no_more_often_than_its_budget_allows(world):
    await world.state.take("live:campus", RATE_CAPACITY, RATE_REFILL_PER_S, RATE_CAPACITY)
    answer = await world.ask(ONE, {"key": E1, "s": "PT1M"})
    assert (free(answer), *stands(answer)) == ("9", "BUDGET", "STORE", "RATE_LIMITED")
    assert world.campus.asked == []


async def test_a_mistake_in_an_adapter_is_that_source_s_alone(world):
    def broken(*_):
        raise KeyError("no such field")

    source = world.sources["campus"]
    adapter = replace(source.adapter, live=replace(source.adapter.live, question=broken))
    world.sources["campus"] = replace(source, adapter=adapter)
    answer = await world.ask(ONE, {"key": E1, "s": "PT1M"})
    assert (free(answer), *stands(answer)) == ("9", "UNKNOWN", "STORE", "INTERNAL")
    assert "errors" not in answer


async def test_a_closed_source_is_not_asked(world):
    async with world.database.writes.connection() as connection:
        await connection.execute("UPDATE source SET active = false WHERE source_id = 'campus'")
    await world.ask(ONE, {"key": E1, "s": "PT1M"})
    assert world.campus.asked == []
