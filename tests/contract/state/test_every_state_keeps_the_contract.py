"""One suite for every implementation of `State`: what a caller may rely on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from hub.state import MemoryState, State, StateUnavailableError


class Hands:
    """A clock whose hands the test moves."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 24, 2, 0, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def hands() -> Hands:
    return Hands()


@pytest.fixture(params=["memory"])
def state(request: pytest.FixtureRequest, hands: Hands) -> State:
    return {"memory": lambda: MemoryState(hands)}[request.param]()


async def test_a_nonce_is_new_exactly_once(state: State) -> None:
    answers = [await state.reserve("sig:k:n1", 300) for _ in range(5)]
    assert answers == [True, False, False, False, False]


async def test_two_nonces_do_not_disturb_each_other(state: State) -> None:
    assert await state.reserve("a", 10)
    assert await state.reserve("b", 10)


async def test_a_nonce_is_refused_until_the_last_moment_of_its_time(
    state: State, hands: Hands
) -> None:
    assert await state.reserve("a", 10)
    hands.advance(9.999)
    assert not await state.reserve("a", 10)
    hands.advance(0.002)
    assert await state.reserve("a", 10)
    hands.advance(9)
    assert not await state.reserve("a", 10), "the second reservation has its own full time"


async def test_a_bucket_gives_its_capacity_and_then_says_when_to_come_back(state: State) -> None:
    taken = [await state.take("c1", capacity=3, refill_per_s=0.5) for _ in range(4)]
    assert [a.ok for a in taken] == [True, True, True, False]
    assert [a.remaining for a in taken] == [2, 1, 0, 0]
    assert taken[3].retry_after_s == pytest.approx(2.0)


async def test_a_bucket_refills_with_time_and_never_above_its_capacity(
    state: State, hands: Hands
) -> None:
    await state.take("c1", 10, 1.0, cost=10)
    hands.advance(4)
    assert (await state.take("c1", 10, 1.0, cost=4)).ok
    assert not (await state.take("c1", 10, 1.0)).ok
    hands.advance(10_000)
    assert (await state.take("c1", 10, 1.0)).remaining == 9


async def test_a_value_is_kept_for_its_time_and_can_be_replaced(state: State, hands: Hands) -> None:
    assert await state.get("answer") is None
    await state.put("answer", b"one", 5)
    await state.put("answer", b"two", 5)
    assert await state.get("answer") == b"two"
    hands.advance(5)
    assert await state.get("answer") is None


async def test_values_and_nonces_have_separate_names(state: State) -> None:
    await state.put("x", b"v", 5)
    assert await state.reserve("x", 5)
    assert await state.get("x") == b"v"


@pytest.mark.parametrize("key", ["", "k" * 257, "键"])
async def test_a_key_that_redis_could_not_hold_is_refused_everywhere(
    state: State, key: str
) -> None:
    with pytest.raises(ValueError, match="state keys"):
        await state.reserve(key, 1)


@pytest.mark.parametrize("ttl", [0, -1, 86_401])
async def test_a_time_to_live_out_of_bounds_is_refused(state: State, ttl: float) -> None:
    with pytest.raises(ValueError, match="time to live"):
        await state.reserve("a", ttl)
    with pytest.raises(ValueError, match="time to live"):
        await state.put("a", b"", ttl)


async def test_a_cost_above_the_capacity_is_a_mistake_of_the_program(state: State) -> None:
    with pytest.raises(ValueError, match="bucket"):
        await state.take("b", 5, 1.0, cost=6)


async def test_memory_full_of_live_nonces_refuses_and_recovers_when_they_expire(
    hands: Hands,
) -> None:
    state = MemoryState(hands, max_entries=3)
    for key in "abc":
        assert await state.reserve(key, 10)
    with pytest.raises(StateUnavailableError) as caught:
        await state.reserve("d", 10)
    assert caught.value.code.name == "STATE_UNAVAILABLE"
    assert not await state.reserve("a", 10), "what is known stays refused"
    hands.advance(10)
    assert await state.reserve("d", 10)


async def test_memory_full_of_drained_buckets_refuses_a_new_one(hands: Hands) -> None:
    state = MemoryState(hands, max_entries=2)
    await state.take("a", 1, 0.1)
    await state.take("b", 1, 0.1)
    with pytest.raises(StateUnavailableError):
        await state.take("c", 1, 0.1)
    hands.advance(10)
    assert (await state.take("c", 1, 0.1)).ok


async def test_memory_forgets_the_oldest_value_when_it_is_full(hands: Hands) -> None:
    state = MemoryState(hands, max_values=2)
    for key in "abc":
        await state.put(key, key.encode(), 10)
    assert [await state.get(k) for k in "abc"] == [None, b"b", b"c"]
