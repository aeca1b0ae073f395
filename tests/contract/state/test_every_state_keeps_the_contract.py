"""One suite for every implementation of `State`: what a caller may rely on."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from redis.asyncio import Redis

from hub.state import (
    Flights,
    MemoryState,
    State,
    StateRestartedError,
    StateUnavailableError,
    SubscriberTooSlowError,
)
from hub.state.limits import MAX_MESSAGE_BYTES, MAX_VALUE_BYTES
from hub.state.redis import RedisState
from hub.state.topics import Topics

START = datetime(2026, 11, 24, 2, 0, 0, tzinfo=UTC)
UNREAD = 3


class Hands:
    """A clock whose hands the test moves."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now


@dataclass
class Shared:
    """A state, a second way into the same one, and a way to let time pass for it."""

    state: State
    other: State
    advance: Callable[[float], Awaitable[None]]
    believed_from: float


async def shift(redis: Redis, namespace: str, seconds: float) -> None:
    """Let time pass for what Redis keeps: bring everything nearer to its end."""
    async for key in redis.scan_iter(match=f"{namespace}:*"):
        left = await redis.pttl(key)
        if left < 0:
            continue
        if left <= seconds * 1000:
            await redis.delete(key)
            continue
        await redis.pexpire(key, left - round(seconds * 1000))
        if await redis.type(key) == b"hash":
            await redis.hincrbyfloat(key, "at", -seconds)


@pytest.fixture
async def in_memory() -> AsyncIterator[Shared]:
    hands = Hands()
    believed_from = START.timestamp()
    state = MemoryState(hands, accepted_from=believed_from, topics=Topics(UNREAD))

    async def advance(seconds: float) -> None:
        hands.now += timedelta(seconds=seconds)

    yield Shared(state, state, advance, believed_from)
    await state.aclose()


@pytest.fixture
async def in_redis(redis_url: str) -> AsyncIterator[Shared]:
    hands = Hands()
    namespace = f"hub-test-{secrets.token_hex(6)}"
    state = RedisState(redis_url, hands, namespace=namespace, topics=Topics(UNREAD))
    other = RedisState(redis_url, hands, namespace=namespace, topics=Topics(UNREAD))
    async with Redis.from_url(redis_url) as redis:

        async def advance(seconds: float) -> None:
            hands.now += timedelta(seconds=seconds)
            await shift(redis, namespace, seconds)

        await state.check()
        yield Shared(state, other, advance, START.timestamp() + 15)
        await state.aclose()
        await other.aclose()
        async for key in redis.scan_iter(match=f"{namespace}:*"):
            await redis.delete(key)


@pytest.fixture(params=["in_memory", "in_redis"])
def shared(request: pytest.FixtureRequest) -> Shared:
    found = request.getfixturevalue(request.param)
    assert isinstance(found, Shared)
    return found


@pytest.fixture
def state(shared: Shared) -> State:
    return shared.state


async def test_a_nonce_is_new_exactly_once(shared: Shared) -> None:
    answers = [await shared.state.reserve("sig:k:n1", 300, None) for _ in range(3)]
    answers += [await shared.other.reserve("sig:k:n1", 300, None) for _ in range(2)]
    assert answers == [True, False, False, False, False]


async def test_two_nonces_do_not_disturb_each_other(state: State) -> None:
    assert await state.reserve("a", 300, None)
    assert await state.reserve("b", 300, None)


async def test_a_nonce_is_refused_during_its_time_and_not_after(shared: Shared) -> None:
    state = shared.state
    assert await state.reserve("a", 1000, None)
    await shared.advance(900)
    assert not await state.reserve("a", 1000, None)
    await shared.advance(101)
    assert await state.reserve("a", 1000, None)
    await shared.advance(900)
    assert not await state.reserve("a", 1000, None), "the second has its own full time"


async def test_a_proof_from_before_the_start_is_refused_however_new_its_nonce(
    shared: Shared,
) -> None:
    with pytest.raises(StateRestartedError) as caught:
        await shared.state.reserve("a", 300, shared.believed_from - 1)
    assert caught.value.code.name == "STATE_UNAVAILABLE"
    with pytest.raises(StateRestartedError):
        await shared.other.reserve("b", 300, shared.believed_from - 0.001)
    assert await shared.state.reserve("a", 300, shared.believed_from), "a refusal uses nothing up"
    assert not await shared.state.reserve("a", 300, shared.believed_from)


async def test_a_refused_proof_says_in_how_many_seconds_a_new_one_works(shared: Shared) -> None:
    with pytest.raises(StateRestartedError) as caught:
        await shared.state.reserve("a", 300, shared.believed_from - 40)
    wait = caught.value.retry_after_s
    await shared.advance(wait)
    assert await shared.state.reserve("b", 300, START.timestamp() + wait)


async def test_a_replay_is_called_a_replay_even_when_its_proof_is_too_old(shared: Shared) -> None:
    assert await shared.state.reserve("a", 300, None)
    assert not await shared.state.reserve("a", 300, shared.believed_from - 100)


async def test_a_bucket_gives_its_capacity_and_then_says_when_to_come_back(shared: Shared) -> None:
    states = [shared.state, shared.other, shared.state, shared.other]
    taken = [await s.take("c1", capacity=3, refill_per_s=0.001) for s in states]
    assert [a.ok for a in taken] == [True, True, True, False]
    assert [a.remaining for a in taken] == [2, 1, 0, 0]
    assert taken[3].retry_after_s == pytest.approx(1000, abs=100)


async def test_a_bucket_refills_with_time_and_never_above_its_capacity(shared: Shared) -> None:
    state = shared.state
    await state.take("c1", 10, 0.01, cost=10)
    await shared.advance(400)
    assert (await state.take("c1", 10, 0.01, cost=4)).ok
    assert not (await state.take("c1", 10, 0.01)).ok
    await shared.advance(20_000)
    assert (await state.take("c1", 10, 0.01)).remaining == 9


async def test_a_refused_cost_takes_nothing(state: State) -> None:
    await state.take("c1", 10, 0.001, cost=4)
    assert not (await state.take("c1", 10, 0.001, cost=9)).ok
    assert (await state.take("c1", 10, 0.001, cost=6)).ok


async def test_a_value_is_kept_for_its_time_and_can_be_replaced(shared: Shared) -> None:
    state = shared.state
    assert await state.get("answer") is None
    await state.put("answer", b"one", 500)
    await state.put("answer", b"two\x00\xff", 500)
    assert await shared.other.get("answer") == b"two\x00\xff"
    await shared.advance(500)
    assert await state.get("answer") is None


async def test_kinds_of_things_have_separate_names(state: State) -> None:
    await state.put("x", b"v", 500)
    assert await state.reserve("x", 500, None)
    assert (await state.take("x", 2, 0.01)).remaining == 1
    assert await state.lease("x", 500)
    assert await state.get("x") == b"v"


async def test_a_lease_has_one_holder_until_it_ends_or_is_released(shared: Shared) -> None:
    first = await shared.state.lease("l", 100)
    assert first
    assert await shared.other.lease("l", 100) is None
    assert await shared.state.release("l", first)
    second = await shared.other.lease("l", 100)
    assert second
    assert second != first
    await shared.advance(100)
    third = await shared.state.lease("l", 100)
    assert third
    assert not await shared.other.release("l", second), "it ended, and is another's now"
    assert await shared.other.lease("l", 100) is None
    assert await shared.state.release("l", third)


async def test_a_message_reaches_every_subscriber_of_its_topic_in_order(shared: Shared) -> None:
    async with (
        shared.state.subscribe("t") as here,
        shared.state.subscribe("t") as beside,
        shared.other.subscribe("t") as there,
        shared.other.subscribe("elsewhere") as elsewhere,
    ):
        await shared.state.publish("t", b"one")
        await shared.other.publish("t", b"\xfftwo")
        await shared.other.publish("elsewhere", b"three")
        for subscriber in (here, beside, there):
            assert [await anext(subscriber), await anext(subscriber)] == [b"one", b"\xfftwo"]
        assert await anext(elsewhere) == b"three"


async def test_what_was_published_before_is_not_received(shared: Shared) -> None:
    await shared.state.publish("t", b"before")
    async with shared.other.subscribe("t") as subscriber:
        await shared.state.publish("t", b"after")
        assert await anext(subscriber) == b"after"


async def test_a_topic_can_be_left_and_joined_again(shared: Shared) -> None:
    for message in (b"one", b"two"):
        async with shared.state.subscribe("t") as subscriber:
            await shared.other.publish("t", message)
            assert await anext(subscriber) == message


async def test_a_slow_subscriber_is_dropped_with_an_error_and_nobody_else(shared: Shared) -> None:
    sent = [bytes([n]) for n in range(UNREAD + 2)]
    async with shared.state.subscribe("t") as slow, shared.state.subscribe("t") as quick:
        read = []
        for message in sent:
            await shared.other.publish("t", message)
            read.append(await anext(quick))
        assert read == sent
        assert [await anext(slow) for _ in range(UNREAD)] == sent[:UNREAD]
        with pytest.raises(SubscriberTooSlowError):
            await anext(slow)
        async with shared.state.subscribe("t") as again:
            await shared.other.publish("t", b"more")
            assert await anext(again) == b"more"


async def test_whoever_waits_for_a_message_hears_that_the_state_is_closed(state: State) -> None:
    async with state.subscribe("t") as subscriber:
        waiting = asyncio.ensure_future(anext(subscriber))
        await asyncio.sleep(0)
        await state.aclose()
        with pytest.raises(StateUnavailableError):
            await waiting


async def test_of_many_who_ask_the_same_one_asks_the_source(shared: Shared) -> None:
    asked = 0

    async def ask() -> bytes:
        nonlocal asked
        asked += 1
        await asyncio.sleep(0)
        return b"answer"

    flights = Flights(shared.state), Flights(shared.other)
    answers = await asyncio.gather(
        *(flights[n % 2].fetch_once("q", ask, lease_s=60, wait_s=60) for n in range(20))
    )
    assert set(answers) == {b"answer"}
    assert asked == 1
    await shared.advance(60)
    assert await flights[0].fetch_once("q", ask, lease_s=60, wait_s=60) == b"answer"
    assert asked == 2, "an answer is not kept for those who ask later"


async def test_a_leader_that_vanishes_is_replaced_when_its_lease_is_over(shared: Shared) -> None:
    asked = asyncio.Event()

    async def ask() -> bytes:
        asked.set()
        return b"answer"

    assert await shared.state.lease("q", 100)
    waiting = asyncio.ensure_future(
        Flights(shared.other).fetch_once("q", ask, lease_s=60, wait_s=60)
    )
    await shared.advance(99)
    assert not asked.is_set()
    await shared.advance(1)
    assert await waiting == b"answer"


async def test_what_the_source_raises_reaches_every_caller(shared: Shared) -> None:
    async def ask() -> bytes:
        raise TimeoutError("the source's own")

    flights = Flights(shared.state)
    answers = await asyncio.gather(
        *(flights.fetch_once("q", ask, lease_s=60, wait_s=60) for _ in range(3)),
        return_exceptions=True,
    )
    assert {str(a) for a in answers} == {"the source's own"}


@pytest.mark.parametrize("key", ["", "k" * 257, "键"])
async def test_a_key_that_redis_could_not_hold_is_refused_everywhere(
    state: State, key: str
) -> None:
    attempts = [
        state.reserve(key, 1, None),
        state.take(key, 1, 1.0),
        state.get(key),
        state.put(key, b"", 1),
        state.lease(key, 1),
        state.release(key, "t"),
        state.publish(key, b""),
    ]
    for attempt in attempts:
        with pytest.raises(ValueError, match="state keys"):
            await attempt
    with pytest.raises(ValueError, match="state keys"):
        async with state.subscribe(key):
            pass


@pytest.mark.parametrize("ttl", [0, -1, 86_401, float("nan")])
async def test_a_time_to_live_out_of_bounds_is_refused(state: State, ttl: float) -> None:
    for attempt in (state.reserve("a", ttl, None), state.put("a", b"", ttl), state.lease("a", ttl)):
        with pytest.raises(ValueError, match="time to live"):
            await attempt


async def test_a_bucket_that_makes_no_sense_is_a_mistake_of_the_program(state: State) -> None:
    for capacity, refill, cost in ((5, 1.0, 6), (0, 1.0, 1), (5, 0.0, 1), (100, 0.001, 1)):
        with pytest.raises(ValueError, match="bucket"):
            await state.take("b", capacity, refill, cost)


async def test_what_is_too_large_is_refused(state: State) -> None:
    await state.put("v", bytes(MAX_VALUE_BYTES), 10)
    with pytest.raises(ValueError, match="bytes"):
        await state.put("v", bytes(MAX_VALUE_BYTES + 1), 10)
    await state.publish("t", bytes(MAX_MESSAGE_BYTES))
    with pytest.raises(ValueError, match="bytes"):
        await state.publish("t", bytes(MAX_MESSAGE_BYTES + 1))
