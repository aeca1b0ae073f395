"""What only the state inside the process has to promise: its bounds, to the moment."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from hub.state import MemoryState, StateRestartedError, StateUnavailableError, open_state
from hub.state.topics import Topics


class Hands:
    """A clock whose hands the test moves."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 24, 2, 0, 0, 700_000, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def hands() -> Hands:
    return Hands()


async def test_a_nonce_is_refused_until_the_last_moment_of_its_time(hands: Hands) -> None:
    state = MemoryState(hands)
    assert await state.reserve("a", 10, None)
    hands.advance(9.999)
    assert not await state.reserve("a", 10, None)
    hands.advance(0.002)
    assert await state.reserve("a", 10, None)


async def test_memory_full_of_live_nonces_refuses_and_recovers_when_they_expire(
    hands: Hands,
) -> None:
    state = MemoryState(hands, max_entries=3)
    for key in "abc":
        assert await state.reserve(key, 10, None)
    with pytest.raises(StateUnavailableError) as caught:
        await state.reserve("d", 10, None)
    assert caught.value.code.name == "STATE_UNAVAILABLE"
    assert not await state.reserve("a", 10, None), "what is known stays refused"
    hands.advance(10)
    assert await state.reserve("d", 10, None)


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


async def test_memory_full_of_leases_refuses_and_recovers_when_they_end(hands: Hands) -> None:
    state = MemoryState(hands, max_values=2)
    assert await state.lease("a", 10)
    assert await state.lease("b", 10)
    with pytest.raises(StateUnavailableError):
        await state.lease("c", 10)
    hands.advance(10)
    assert await state.lease("c", 10)


async def test_memory_full_of_subscribers_refuses_one_more(hands: Hands) -> None:
    state = MemoryState(hands, topics=Topics(most=1))
    async with state.subscribe("a"):
        with pytest.raises(StateUnavailableError):
            async with state.subscribe("b"):
                pass
    async with state.subscribe("b"):
        pass


async def test_a_hub_without_redis_believes_proofs_from_the_second_it_started_in(
    hands: Hands,
) -> None:
    state = open_state(None, hands)
    second = int(hands().timestamp())
    with pytest.raises(StateRestartedError):
        await state.reserve("before", 80, second - 1)
    assert await state.reserve("now", 80, second), "proofs are dated in whole seconds"
