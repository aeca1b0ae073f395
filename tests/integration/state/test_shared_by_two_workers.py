"""Buckets, topics, leases and single flight over two workers; Redis away and back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from functools import partial

import pytest
from redis.asyncio import Redis

from hub.clock import system_clock
from hub.state import (
    Flights,
    FlightTimeoutError,
    StateUnavailableError,
    open_state,
)
from hub.state.redis import RedisState
from tests.integration.state.two_workers import answers, two_workers, until
from tests.redis_server import RedisServer

Workers = tuple[RedisState, RedisState]


@pytest.fixture
async def workers(redis_server: RedisServer) -> AsyncIterator[Workers]:
    async with two_workers(redis_server.url, system_clock) as found:
        yield found


async def test_two_workers_never_give_more_than_the_bucket_holds(workers: Workers) -> None:
    taken = await asyncio.gather(
        *(workers[n % 2].take("client:zju", 100, 0.002) for n in range(400))
    )
    assert sum(a.ok for a in taken) == 100
    assert all(a.retry_after_s > 0 for a in taken if not a.ok)


async def test_every_key_but_the_epoch_goes_away_by_itself(
    workers: Workers, redis_server: RedisServer
) -> None:
    await workers[0].reserve("n", 80, None)
    await workers[0].take("b", 10, 1.0)
    await workers[0].put("v", b"x", 5)
    await workers[0].lease("l", 5)
    await workers[0].publish("t", b"x")
    async with Redis.from_url(redis_server.url) as redis:
        ends = {key: await redis.pttl(key) async for key in redis.scan_iter()}
    assert len(ends) == 5
    assert [key for key, left in ends.items() if left < 0] == [b"hub:epoch"]


async def test_a_redis_that_may_forget_nonces_is_not_accepted(
    workers: Workers, redis_server: RedisServer
) -> None:
    await workers[0].check()
    async with Redis.from_url(redis_server.url) as redis:
        await redis.config_set("maxmemory", "100mb")
        await redis.config_set("maxmemory-policy", "allkeys-lru")
    with pytest.raises(StateUnavailableError, match="noeviction"):
        await workers[0].check()


async def test_a_full_redis_refuses_and_does_not_forget(
    workers: Workers, redis_server: RedisServer
) -> None:
    assert await workers[0].reserve("known", 80, None)
    async with Redis.from_url(redis_server.url) as redis:
        await redis.config_set("maxmemory", "1mb")
        with pytest.raises(StateUnavailableError):
            await workers[0].put("large", bytes(1 << 20), 60)
            await workers[0].put("larger", bytes(1 << 20), 60)
        with pytest.raises(StateUnavailableError):
            await workers[1].reserve("new", 80, None)
        await redis.config_set("maxmemory", "0")
    assert not await workers[1].reserve("known", 80, None)
    assert await workers[1].reserve("new", 80, None)


async def test_every_operation_says_that_redis_is_away_and_works_when_it_is_back(
    workers: Workers, redis_server: RedisServer
) -> None:
    state = workers[0]
    await state.put("v", b"x", 60)
    redis_server.kill()
    attempts = (
        state.check(),
        state.reserve("n", 80, None),
        state.take("b", 10, 1.0),
        state.get("v"),
        state.put("v", b"x", 5),
        state.lease("l", 5),
        state.release("l", "t"),
        state.publish("t", b"x"),
    )
    for attempt in attempts:
        with pytest.raises(StateUnavailableError) as caught:
            await attempt
        assert str(redis_server.port) not in str(caught.value)
    with pytest.raises(StateUnavailableError):
        async with state.subscribe("t"):
            pass
    redis_server.start()
    await until(partial(answers, state))
    await state.check()
    assert await state.get("v") is None
    assert await state.reserve("n", 80, None)
    async with state.subscribe("t") as subscriber:
        await workers[1].publish("t", b"again")
        assert await anext(subscriber) == b"again"


async def test_a_redis_that_accepts_and_never_answers_is_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("hub.state.limits.REDIS_TIMEOUT_S", 0.05)
    left = asyncio.Event()

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()
        left.set()

    async with await asyncio.start_server(listen, "127.0.0.1", 0) as silent:
        port = silent.sockets[0].getsockname()[1]
        state = RedisState(f"redis://127.0.0.1:{port}/0")
        with pytest.raises(StateUnavailableError):
            await state.reserve("n", 80, None)
        await state.aclose()
        await left.wait()


async def test_a_subscriber_hears_that_messages_may_be_lost_and_can_subscribe_again(
    workers: Workers, redis_server: RedisServer
) -> None:
    async with workers[0].subscribe("t") as first, workers[0].subscribe("u") as second:
        await workers[1].publish("t", b"one")
        assert await anext(first) == b"one"
        redis_server.kill()
        for subscriber in (first, second):
            with pytest.raises(StateUnavailableError):
                await anext(subscriber)
        redis_server.start()
        for state in workers:
            await until(partial(answers, state))
        async with workers[0].subscribe("t") as again:
            await workers[1].publish("t", b"two")
            assert await anext(again) == b"two"


async def test_a_subscription_that_is_given_up_leaves_the_others_alone(workers: Workers) -> None:
    async with workers[0].subscribe("kept") as kept:
        for n in range(20):
            async with workers[0].subscribe(f"left-{n}"):
                pass
        await workers[1].publish("kept", b"one")
        assert await anext(kept) == b"one"


async def test_a_subscription_that_is_cancelled_half_way_leaves_the_others_alone(
    workers: Workers,
) -> None:
    async def wait_for(topic: str) -> bytes:
        async with workers[0].subscribe(topic) as subscriber:
            return await anext(subscriber)

    async with workers[0].subscribe("kept") as kept:
        for steps in range(12):
            given_up = asyncio.ensure_future(wait_for(f"given-up-{steps}"))
            for _ in range(steps):
                await asyncio.sleep(0)
            given_up.cancel()
            with pytest.raises(asyncio.CancelledError):
                await given_up
            async with workers[0].subscribe(f"given-up-{steps}") as again:
                await workers[1].publish(f"given-up-{steps}", b"x")
                assert await anext(again) == b"x"
        await workers[1].publish("kept", b"one")
        assert await anext(kept) == b"one"


class Source:
    """A source that counts how often it is asked and answers when it is let."""

    def __init__(self) -> None:
        self.asked = 0
        self.may_answer = asyncio.Event()

    async def __call__(self) -> bytes:
        self.asked += 1
        await self.may_answer.wait()
        return f"answer {self.asked}".encode()


async def test_of_all_who_ask_in_two_workers_one_asks_the_source(workers: Workers) -> None:
    flights = [Flights(state) for state in workers]
    source = Source()
    asking = [
        asyncio.ensure_future(flights[n % 2].fetch_once("ecnu:free", source, lease_s=30, wait_s=30))
        for n in range(50)
    ]

    async def asked() -> bool:
        return source.asked > 0

    await until(asked)
    source.may_answer.set()
    assert set(await asyncio.gather(*asking)) == {b"answer 1"}
    assert source.asked == 1


async def test_when_the_leader_dies_another_takes_over(workers: Workers) -> None:
    source = Source()
    dead = await workers[0].lease("ecnu:free", 0.3)
    assert dead, "a worker that leads and is killed leaves only its lease"
    source.may_answer.set()
    answer = await Flights(workers[1]).fetch_once("ecnu:free", source, lease_s=30, wait_s=30)
    assert answer == b"answer 1"
    assert not await workers[0].release("ecnu:free", dead)


async def test_when_the_leader_fails_another_takes_over(workers: Workers) -> None:
    flights = [Flights(state) for state in workers]
    source, leading = Source(), asyncio.Event()

    async def fail() -> bytes:
        leading.set()
        await source.may_answer.wait()
        raise ConnectionResetError("the source hung up")

    first = asyncio.ensure_future(flights[0].fetch_once("q", fail, lease_s=30, wait_s=30))
    await leading.wait()
    second = asyncio.ensure_future(flights[1].fetch_once("q", source, lease_s=30, wait_s=30))
    source.may_answer.set()
    with pytest.raises(ConnectionResetError):
        await first
    assert await second == b"answer 1"


async def test_a_follower_waits_no_longer_than_it_says(workers: Workers) -> None:
    flights = [Flights(state) for state in workers]
    source = Source()
    leader = asyncio.ensure_future(flights[0].fetch_once("q", source, lease_s=30, wait_s=30))

    async def asked() -> bool:
        return source.asked == 1

    await until(asked)
    for asking in flights:
        with pytest.raises(FlightTimeoutError) as caught:
            await asking.fetch_once("q", source, lease_s=30, wait_s=0.05)
        assert caught.value.code.name == "TIMEOUT"
    source.may_answer.set()
    assert await leader == b"answer 1"
    assert source.asked == 1


async def test_a_caller_that_gives_up_does_not_take_the_answer_from_the_others(
    workers: Workers,
) -> None:
    flights, source = Flights(workers[0]), Source()
    impatient = asyncio.ensure_future(flights.fetch_once("q", source, lease_s=30, wait_s=30))
    patient = asyncio.ensure_future(flights.fetch_once("q", source, lease_s=30, wait_s=30))

    async def asked() -> bool:
        return source.asked == 1

    await until(asked)
    impatient.cancel()
    source.may_answer.set()
    assert await patient == b"answer 1"
    with pytest.raises(asyncio.CancelledError):
        await impatient


async def test_a_leader_whose_lease_is_over_is_cut_off(workers: Workers) -> None:
    flights, source = Flights(workers[0]), Source()
    with pytest.raises(FlightTimeoutError):
        await flights.fetch_once("q", source, lease_s=0.1, wait_s=30)
    source.may_answer.set()
    assert await Flights(workers[1]).fetch_once("q", source, lease_s=30, wait_s=30) == b"answer 2"


async def test_flights_that_are_given_up_let_the_other_worker_lead(workers: Workers) -> None:
    flights, source = Flights(workers[0]), Source()
    asking = asyncio.ensure_future(flights.fetch_once("q", source, lease_s=30, wait_s=30))

    async def asked() -> bool:
        return source.asked == 1

    await until(asked)
    await flights.aclose()
    with pytest.raises(StateUnavailableError):
        await asking
    source.may_answer.set()
    assert await Flights(workers[1]).fetch_once("q", source, lease_s=30, wait_s=30) == b"answer 2"


async def test_the_state_of_a_hub_is_in_redis_when_there_is_an_address(
    redis_server: RedisServer,
) -> None:
    states = [open_state(redis_server.url, system_clock) for _ in range(2)]
    assert await states[0].reserve("n", 80, None)
    assert not await states[1].reserve("n", 80, None)
    for state in states:
        await state.aclose()
