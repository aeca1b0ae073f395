"""When a source is left alone, and who tries it again."""

from __future__ import annotations

from datetime import UTC, datetime

from hub.federation.breaker import Breaker, OutcomeWindow, Permit
from hub.federation.limits import FAILURES_MIN, OPEN_S, OUTCOMES_MAX, OUTCOMES_S, PROBE_S
from hub.state.memory import MemoryState
from tests.standing_clock import StandingClock

NAME = "campus:Occupancy"
NOW = datetime(2026, 12, 31, 15, 59, 50, tzinfo=UTC)


def test_a_few_failures_open_nothing() -> None:
    window = OutcomeWindow()
    assert [window.add(n, failed=True) for n in range(FAILURES_MIN)] == [
        *[False] * (FAILURES_MIN - 1),
        True,
    ]


def test_failures_among_more_good_answers_open_nothing() -> None:
    window = OutcomeWindow()
    for n in range(OUTCOMES_MAX):
        assert not window.add(n, failed=n % 3 == 0)


def test_failures_of_long_ago_count_no_more() -> None:
    window = OutcomeWindow()
    for n in range(FAILURES_MIN - 1):
        window.add(n, failed=True)
    assert not window.add(OUTCOMES_S + FAILURES_MIN, failed=True)


def test_a_good_answer_opens_nothing_whatever_came_before() -> None:
    window = OutcomeWindow()
    for _ in range(OUTCOMES_MAX):
        window.add(0, failed=True)
    assert not window.add(1, failed=False)


async def opened(state: MemoryState, time: StandingClock) -> Breaker:
    breaker = Breaker(NAME, state, time)
    for _ in range(FAILURES_MIN):
        permit = await breaker.enter()
        assert permit == Permit()
        await breaker.leave(permit, failed=True)
    return breaker


async def test_an_open_breaker_holds_for_every_worker() -> None:
    time = StandingClock(NOW)
    state = MemoryState(time)
    breaker, elsewhere = await opened(state, time), Breaker(NAME, state, time)
    assert await breaker.enter() is None
    assert await elsewhere.enter() is None
    assert await Breaker("campus:Other", state, time).enter() == Permit()


async def test_of_all_that_come_when_it_has_rested_one_asks() -> None:
    time = StandingClock(NOW)
    state = MemoryState(time)
    workers = [await opened(state, time), *(Breaker(NAME, state, time) for _ in range(3))]
    time.pass_by(seconds=OPEN_S)
    permits = [await worker.enter() for worker in workers for _ in range(10)]
    (probe,) = [each for each in permits if each is not None]
    assert probe.probe is not None
    await workers[0].leave(probe, failed=True)
    assert await workers[1].enter() is None
    time.pass_by(seconds=OPEN_S)
    again = await workers[1].enter()
    assert again is not None
    await workers[1].leave(again, failed=False)
    assert [await worker.enter() for worker in workers] == [Permit()] * len(workers)


async def test_a_probe_that_dies_gives_its_place_to_another_in_time() -> None:
    time = StandingClock(NOW)
    state = MemoryState(time)
    breaker = await opened(state, time)
    time.pass_by(seconds=OPEN_S)
    assert await breaker.enter() is not None
    assert await breaker.enter() is None
    time.pass_by(seconds=PROBE_S + 1)
    assert await breaker.enter() is not None


async def test_a_probe_without_outcome_gives_its_place_back() -> None:
    time = StandingClock(NOW)
    state = MemoryState(time)
    breaker = await opened(state, time)
    time.pass_by(seconds=OPEN_S)
    permit = await breaker.enter()
    assert permit is not None
    await breaker.give_back(permit)
    assert await breaker.enter() is not None
