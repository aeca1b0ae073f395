"""`redis`: the shared state of a hub with several workers, in one Redis or Valkey.

- One primary that keeps what it acknowledged (`maxmemory-policy noeviction`); not Redis Cluster.
- Commands are sent once and never repeated by the client library: a lost answer is an error, and a
  retry is up to the caller. Lost connections are replaced as needed.
- Every error of Redis, of the network or of time becomes `StateUnavailableError`.
- After a start, a flush or a promotion, proofs older than that are refused (`scripts.EPOCH`).
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from math import ceil
from typing import Any

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from hub.clock import Clock, system_clock
from hub.state import limits, scripts
from hub.state.errors import StateUnavailableError
from hub.state.listener import Listener, unavailable
from hub.state.protocol import (
    Allowance,
    check_bucket,
    check_issued,
    check_key,
    check_message,
    check_ttl,
    check_value,
)
from hub.state.topics import Topics


class RedisState:
    """An implementation of `State` for every worker that names the same Redis and namespace.

    `url`: redis://, rediss:// or unix://. `clock`: the one that judges the age of proofs.
    """

    def __init__(
        self,
        url: str,
        clock: Clock = system_clock,
        *,
        namespace: str = "hub",
        topics: Topics | None = None,
    ) -> None:
        pool = BlockingConnectionPool.from_url(
            url,
            max_connections=limits.REDIS_CONNECTIONS + 1,
            timeout=limits.REDIS_POOL_WAIT_S,
            socket_timeout=limits.REDIS_TIMEOUT_S,
            socket_connect_timeout=limits.REDIS_TIMEOUT_S,
            retry=Retry(NoBackoff(), 0),
            protocol=2,
        )
        self._redis: Redis = Redis.from_pool(pool)
        self._clock = clock
        self._namespace = namespace
        self._epoch = f"{namespace}:epoch"
        self._listener = Listener(self._redis, f"{namespace}:t:", topics or Topics())
        self._begin = self._redis.register_script(scripts.BEGIN)
        self._reserve = self._redis.register_script(scripts.RESERVE)
        self._take = self._redis.register_script(scripts.TAKE)
        self._release = self._redis.register_script(scripts.RELEASE)

    async def check(self) -> None:
        """Raise unless Redis answers and keeps what it acknowledged; see `State.check`."""
        with _translated_errors():
            info: dict[str, Any] = {}
            for section in ("server", "memory"):
                info |= await self._redis.info(section)
        version = str(info["redis_version"])
        if tuple(int(part) for part in version.split(".")[:2]) < limits.REDIS_OLDEST:
            raise StateUnavailableError(
                f"Redis is {version}", "The operator needs Redis 6.2 or newer, or Valkey."
            )
        if info["maxmemory"] and info["maxmemory_policy"] != "noeviction":
            raise StateUnavailableError(
                f"Redis may forget used nonces ({info['maxmemory_policy']})",
                "The operator must set maxmemory-policy to noeviction.",
            )
        await self._run(self._begin, [self._epoch], [self._believed_from()])

    async def reserve(self, key: str, ttl_s: float, issued_at: float | None) -> bool:
        """Return True the first time within `ttl_s`; see `State.reserve`."""
        check_ttl(ttl_s)
        answer, believed_from = await self._run(
            self._reserve,
            [self._epoch, self._name("n", key)],
            [self._believed_from(), _ms(ttl_s), "" if issued_at is None else repr(issued_at)],
        )
        if answer < 0:
            check_issued(issued_at, float(believed_from), self._clock().timestamp())
        return bool(answer == 1)

    async def take(
        self, bucket: str, capacity: int, refill_per_s: float, cost: int = 1
    ) -> Allowance:
        """Take `cost` tokens; see `State.take`."""
        check_bucket(capacity, refill_per_s, cost)
        ok, left = await self._run(
            self._take, [self._name("b", bucket)], [capacity, repr(refill_per_s), cost]
        )
        tokens = float(left)
        return Allowance(ok == 1, int(tokens), 0.0 if ok else (cost - tokens) / refill_per_s)

    async def get(self, key: str) -> bytes | None:
        """Return the live value under `key`; see `State.get`."""
        name = self._name("v", key)
        with _translated_errors():
            value = await self._redis.get(name)
        return value if isinstance(value, bytes) else None

    async def put(self, key: str, value: bytes, ttl_s: float) -> None:
        """Keep `value` for a time; see `State.put`."""
        name = self._name("v", key)
        check_ttl(ttl_s)
        check_value(value)
        with _translated_errors():
            await self._redis.set(name, value, px=_ms(ttl_s))

    async def lease(self, key: str, ttl_s: float) -> str | None:
        """Return a token when `key` is free; see `State.lease`."""
        name = self._name("l", key)
        check_ttl(ttl_s)
        token = secrets.token_hex(16)
        with _translated_errors():
            held = await self._redis.set(name, token, px=_ms(ttl_s), nx=True)
        return token if held else None

    async def release(self, key: str, token: str) -> bool:
        """End a lease; see `State.release`."""
        return bool(await self._run(self._release, [self._name("l", key)], [token]))

    async def publish(self, topic: str, message: bytes) -> None:
        """Hand `message` to the subscribers of `topic`; see `State.publish`."""
        name = self._name("t", topic)
        check_message(message)
        with _translated_errors():
            await self._redis.publish(name, message)

    @asynccontextmanager
    async def subscribe(self, topic: str) -> AsyncIterator[AsyncIterator[bytes]]:
        """Receive the messages of `topic`; see `State.subscribe`."""
        check_key(topic)
        async with self._listener.subscribed(topic) as subscriber:
            yield subscriber

    async def aclose(self) -> None:
        """End the subscribers and close the connections; see `State.aclose`."""
        await self._listener.aclose()
        with _translated_errors():
            await self._redis.aclose()

    def _name(self, kind: str, key: str) -> str:
        check_key(key)
        return f"{self._namespace}:{kind}:{key}"

    def _believed_from(self) -> str:
        """Return from when proofs are accepted if Redis turns out to have restarted.

        A whole second, because proofs are dated in whole seconds.
        """
        return str(ceil(self._clock().timestamp() + limits.CLOCK_MARGIN_S))

    async def _run(self, script: Any, keys: Sequence[str], args: Sequence[str | int]) -> Any:
        with _translated_errors():
            return await script(keys=keys, args=args)


@contextmanager
def _translated_errors() -> Iterator[None]:
    try:
        yield
    except (RedisError, OSError) as error:
        raise unavailable(error) from error


def _ms(seconds: float) -> int:
    return max(1, round(seconds * 1000))
