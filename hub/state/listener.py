"""`listener`: the connection of a worker over which it receives what is published in Redis.

- Opened by the first subscriber; one Redis subscription per topic serves all subscribers here.
- When the connection is lost, messages may be lost: every subscriber gets an error, and the next
  subscription opens a new connection.
- A silent connection is pinged, so that a dead network is noticed within two `REDIS_PING_S`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager, suppress

from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError

from hub.state.errors import StateUnavailableError
from hub.state.limits import REDIS_PING_S, REDIS_TIMEOUT_S
from hub.state.topics import Subscriber, Topics


def unavailable(error: BaseException) -> StateUnavailableError:
    """Return what to raise for an error of Redis; its text may name hosts and stays out."""
    return StateUnavailableError(f"Redis does not answer ({type(error).__name__})")


class Listener:
    """Feeds `topics` with what is published on the channels `prefix` + topic."""

    def __init__(self, redis: Redis, prefix: str, topics: Topics) -> None:
        self._redis = redis
        self._prefix = prefix
        self._topics = topics
        self._lock = asyncio.Lock()
        self._pubsub: PubSub | None = None
        self._reader: asyncio.Task[None] | None = None
        self._confirmed: dict[str, asyncio.Future[None]] = {}

    @asynccontextmanager
    async def subscribed(self, topic: str) -> AsyncIterator[Subscriber]:
        """Yield a subscriber that gets every message published after the context was entered."""
        try:
            with self._topics.subscribed(topic) as subscriber:
                async with self._lock:
                    await self._subscribe(topic)
                yield subscriber
        finally:
            async with self._lock:
                await self._unsubscribe(topic)

    async def aclose(self) -> None:
        """Close the connection and end every subscriber."""
        async with self._lock:
            await self._close(StateUnavailableError("this worker is stopping"))

    async def _subscribe(self, topic: str) -> None:
        if self._reader is not None and self._reader.done():
            await self._close(None)
        if topic in self._confirmed:
            return
        try:
            confirmed = asyncio.get_running_loop().create_future()
            self._confirmed[topic] = confirmed
            pubsub = self._pubsub or self._redis.pubsub()
            self._pubsub = pubsub
            await self._send_whole(pubsub.subscribe(self._prefix + topic))
            if self._reader is None:
                self._reader = asyncio.create_task(self._read(pubsub))
            async with asyncio.timeout(REDIS_TIMEOUT_S):
                await confirmed
        except (RedisError, OSError) as error:
            # Which topics Redis knows of is uncertain now: all start again on a new connection.
            lost = unavailable(error)
            await self._close(lost)
            raise lost from error
        except (asyncio.CancelledError, StateUnavailableError):
            # The others stay; whoever comes next asks for the topic again, which does no harm.
            self._confirmed.pop(topic, None)
            raise

    async def _unsubscribe(self, topic: str) -> None:
        if topic in self._topics or topic not in self._confirmed or self._pubsub is None:
            return
        if self._reader is None or self._reader.done():
            return
        del self._confirmed[topic]
        try:
            await self._send_whole(self._pubsub.unsubscribe(self._prefix + topic))
        except (RedisError, OSError) as error:
            await self._close(unavailable(error))

    async def _send_whole(self, sending: Awaitable[object]) -> None:
        """Send a whole command even when the caller is cancelled meanwhile.

        The library would drop a half-sent one and reconnect silently, and messages would be lost.
        """
        sent = asyncio.ensure_future(sending)
        try:
            await asyncio.shield(sent)
        except asyncio.CancelledError:
            await asyncio.wait({sent}, timeout=2 * REDIS_TIMEOUT_S)
            if not sent.done() or sent.cancelled() or sent.exception() is not None:
                await self._close(StateUnavailableError("the connection to Redis was lost"))
            raise

    async def _read(self, pubsub: PubSub) -> None:
        try:
            await self._receive(pubsub)
        except (RedisError, OSError) as error:
            lost = unavailable(error)
            for waiting in self._confirmed.values():
                if not waiting.done():
                    waiting.set_exception(lost)
            self._topics.fail(lost)
            # The library has connected again by itself, to a queue that nobody would read.
            await _disconnect(pubsub)

    async def _receive(self, pubsub: PubSub) -> None:
        silent = False
        while True:
            message = await pubsub.get_message(timeout=REDIS_PING_S)
            if message is None:
                if silent:
                    raise RedisTimeoutError("no answer to PING")
                silent = True
                await pubsub.ping()
                continue
            silent = False
            if message["type"] not in ("message", "subscribe"):
                continue
            topic = message["channel"].decode("ascii").removeprefix(self._prefix)
            if message["type"] == "message":
                self._topics.deliver(topic, message["data"])
            elif topic in self._confirmed and not self._confirmed[topic].done():
                self._confirmed[topic].set_result(None)

    async def _close(self, reason: StateUnavailableError | None) -> None:
        """Close the connection; subscribers get `reason`, None when they have an error already."""
        reader, pubsub = self._reader, self._pubsub
        self._reader = self._pubsub = None
        self._confirmed = {}
        if reason is not None:
            self._topics.fail(reason)
        if reader is not None:
            reader.cancel()
            with suppress(asyncio.CancelledError):
                await reader
        if pubsub is not None:
            await _disconnect(pubsub)


async def _disconnect(pubsub: PubSub) -> None:
    with suppress(RedisError, OSError):
        await pubsub.aclose()  # type: ignore[no-untyped-call]
