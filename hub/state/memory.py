"""`memory`: the shared state of a hub with one worker, inside the process.

- Bounded: nonces, buckets, values and leases each hold at most a fixed number; expired ones leave
  first.
- Nonces fail closed: full of live ones means refusal, because forgetting one allows a replay.
  Buckets fail closed too, unless one has refilled and may be dropped. Cached values may be dropped
  at any time, oldest first.
- The end of the process forgets every nonce: `accepted_from` says from when proofs are accepted.
- Nothing awaits inside an operation, so each is atomic in its event loop.
"""

from __future__ import annotations

import secrets
from collections import OrderedDict, defaultdict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from math import inf

from hub.clock import Clock, system_clock
from hub.state.errors import StateUnavailableError
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

MAX_ENTRIES = 1_000_000
MAX_VALUES = 10_000
_SWEEP = 64
"""Most expired nonces that one call removes, so that no call is long."""


class MemoryState:
    """An implementation of `State` for one process.

    `accepted_from`: proofs issued before this instant (seconds since 1970) are refused; None
    when there is no earlier process whose used nonces could be forgotten.
    """

    def __init__(
        self,
        clock: Clock = system_clock,
        max_entries: int = MAX_ENTRIES,
        max_values: int = MAX_VALUES,
        *,
        accepted_from: float | None = None,
        topics: Topics | None = None,
    ) -> None:
        self._clock = clock
        self._max_entries = max_entries
        self._max_values = max_values
        self._accepted_from = accepted_from
        self._nonces: dict[str, float] = {}
        # Names by second, because the garbage collector looks into each tuple of a heap.
        self._expiry: defaultdict[int, deque[str]] = defaultdict(deque)
        self._next_expiry = inf
        self._buckets: OrderedDict[str, tuple[float, float, float]] = OrderedDict()
        self._values: OrderedDict[str, tuple[float, bytes]] = OrderedDict()
        self._leases: dict[str, tuple[float, str]] = {}
        self._topics = topics or Topics()

    async def check(self) -> None:
        """Return: a state in this process is there; see `State.check`."""

    async def reserve(self, key: str, ttl_s: float, issued_at: float | None) -> bool:
        """Return True the first time within `ttl_s`; see `State.reserve`."""
        check_key(key)
        check_ttl(ttl_s)
        now = self._clock().timestamp()
        until = self._nonces.get(key)
        if until is not None and until > now:
            return False
        if self._accepted_from is not None:
            check_issued(issued_at, self._accepted_from, now)
        self._drop_expired(now)
        if key not in self._nonces and len(self._nonces) >= self._max_entries:
            raise StateUnavailableError("too many live nonces")
        self._nonces[key] = now + ttl_s
        second = int(now + ttl_s)
        self._expiry[second].append(key)
        self._next_expiry = min(self._next_expiry, second)
        return True

    async def take(
        self, bucket: str, capacity: int, refill_per_s: float, cost: int = 1
    ) -> Allowance:
        """Take `cost` tokens; see `State.take`."""
        check_key(bucket)
        check_bucket(capacity, refill_per_s, cost)
        now = self._clock().timestamp()
        tokens = float(capacity)
        stored = self._buckets.get(bucket)
        if stored is not None:
            tokens = min(tokens, stored[0] + max(0.0, now - stored[1]) * refill_per_s)
        elif len(self._buckets) >= self._max_entries:
            self._forget_full_bucket(now)
        ok = tokens >= cost
        if ok:
            tokens -= cost
        full_at = now + (capacity - tokens) / refill_per_s
        self._buckets[bucket] = (tokens, now, full_at)
        self._buckets.move_to_end(bucket)
        return Allowance(ok, int(tokens), 0.0 if ok else (cost - tokens) / refill_per_s)

    async def get(self, key: str) -> bytes | None:
        """Return the live value under `key`; see `State.get`."""
        check_key(key)
        stored = self._values.get(key)
        if stored is None:
            return None
        if stored[0] <= self._clock().timestamp():
            del self._values[key]
            return None
        return stored[1]

    async def put(self, key: str, value: bytes, ttl_s: float) -> None:
        """Keep `value` for a time; see `State.put`."""
        check_key(key)
        check_ttl(ttl_s)
        check_value(value)
        self._values[key] = (self._clock().timestamp() + ttl_s, value)
        self._values.move_to_end(key)
        while len(self._values) > self._max_values:
            self._values.popitem(last=False)

    async def lease(self, key: str, ttl_s: float) -> str | None:
        """Return a token when `key` is free; see `State.lease`."""
        check_key(key)
        check_ttl(ttl_s)
        now = self._clock().timestamp()
        held = self._leases.get(key)
        if held is not None and held[0] > now:
            return None
        if held is None and len(self._leases) >= self._max_values:
            self._leases = {name: lease for name, lease in self._leases.items() if lease[0] > now}
            if len(self._leases) >= self._max_values:
                raise StateUnavailableError("too many live leases")
        token = secrets.token_hex(16)
        self._leases[key] = (now + ttl_s, token)
        return token

    async def release(self, key: str, token: str) -> bool:
        """End a lease; see `State.release`."""
        check_key(key)
        held = self._leases.get(key)
        if held is None or held[1] != token or held[0] <= self._clock().timestamp():
            return False
        del self._leases[key]
        return True

    async def publish(self, topic: str, message: bytes) -> None:
        """Hand `message` to the subscribers of `topic`; see `State.publish`."""
        check_key(topic)
        check_message(message)
        self._topics.deliver(topic, message)

    @asynccontextmanager
    async def subscribe(self, topic: str) -> AsyncIterator[AsyncIterator[bytes]]:
        """Receive the messages of `topic`; see `State.subscribe`."""
        check_key(topic)
        with self._topics.subscribed(topic) as subscriber:
            yield subscriber

    async def aclose(self) -> None:
        """End the subscribers; see `State.aclose`."""
        self._topics.fail(StateUnavailableError("this worker is stopping"))

    def _drop_expired(self, now: float) -> None:
        for _ in range(_SWEEP):
            if now < self._next_expiry:
                return
            keys = self._expiry[int(self._next_expiry)]
            if not keys:
                del self._expiry[int(self._next_expiry)]
                self._next_expiry = min(self._expiry, default=inf)
                continue
            until = self._nonces.get(keys[0], now)
            if until > now and int(until) == self._next_expiry:
                return
            key = keys.popleft()
            # A key may have been reserved anew after its first time was over.
            if until <= now:
                self._nonces.pop(key, None)

    def _forget_full_bucket(self, now: float) -> None:
        """Make room by dropping one bucket that has refilled: a new one would be the same."""
        for _ in range(_SWEEP):
            name, stored = next(iter(self._buckets.items()))
            if stored[2] <= now:
                del self._buckets[name]
                return
            self._buckets.move_to_end(name)
        raise StateUnavailableError("too many live rate buckets")
