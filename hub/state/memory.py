"""`memory`: the shared state of a hub with one worker, inside the process.

- Bounded: nonces, buckets and values each hold at most `max_entries`; expired entries leave first.
- Nonces fail closed: full of live ones means refusal, because forgetting one allows a replay.
  Buckets fail closed too, unless one is full again and may be forgotten. Cached values may be
  forgotten at any time, oldest first.
- Nothing awaits inside an operation, so each is atomic in its event loop.
"""

from __future__ import annotations

import heapq
from collections import OrderedDict

from hub.clock import Clock, system_clock
from hub.state.protocol import (
    MAX_VALUE_BYTES,
    Allowance,
    StateUnavailableError,
    check_bucket,
    check_key,
    check_ttl,
)

MAX_ENTRIES = 1_000_000
MAX_VALUES = 10_000
_SWEEP = 64
"""Most expired nonces that one call removes, so that no call is long."""


class MemoryState:
    """An implementation of `State` for one process."""

    def __init__(
        self,
        clock: Clock = system_clock,
        max_entries: int = MAX_ENTRIES,
        max_values: int = MAX_VALUES,
    ) -> None:
        self._clock = clock
        self._max_entries = max_entries
        self._max_values = max_values
        self._nonces: dict[str, float] = {}
        self._expiry: list[tuple[float, str]] = []
        self._buckets: OrderedDict[str, tuple[float, float, float]] = OrderedDict()
        self._values: OrderedDict[str, tuple[float, bytes]] = OrderedDict()

    async def reserve(self, key: str, ttl_s: float) -> bool:
        """Return True the first time within `ttl_s`; see `State.reserve`."""
        check_key(key)
        check_ttl(ttl_s)
        now = self._clock().timestamp()
        until = self._nonces.get(key)
        if until is not None and until > now:
            return False
        self._drop_expired(now)
        if key not in self._nonces and len(self._nonces) >= self._max_entries:
            raise StateUnavailableError("too many live nonces")
        self._nonces[key] = now + ttl_s
        heapq.heappush(self._expiry, (now + ttl_s, key))
        return True

    async def take(
        self, bucket: str, capacity: int, refill_per_s: float, cost: int = 1
    ) -> Allowance:
        """Take `cost` tokens; see `State.take`."""
        check_key(bucket)
        check_bucket(capacity, refill_per_s, cost)
        now = self._clock().timestamp()
        tokens = float(capacity)
        kept = self._buckets.get(bucket)
        if kept is not None:
            tokens = min(tokens, kept[0] + max(0.0, now - kept[1]) * refill_per_s)
        elif len(self._buckets) >= self._max_entries:
            self._forget_a_full_bucket(now)
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
        kept = self._values.get(key)
        if kept is None:
            return None
        if kept[0] <= self._clock().timestamp():
            del self._values[key]
            return None
        return kept[1]

    async def put(self, key: str, value: bytes, ttl_s: float) -> None:
        """Keep `value` for a time; see `State.put`."""
        check_key(key)
        check_ttl(ttl_s)
        if len(value) > MAX_VALUE_BYTES:
            raise ValueError(f"a kept value is at most {MAX_VALUE_BYTES} bytes")
        self._values[key] = (self._clock().timestamp() + ttl_s, value)
        self._values.move_to_end(key)
        while len(self._values) > self._max_values:
            self._values.popitem(last=False)

    def _drop_expired(self, now: float) -> None:
        for _ in range(_SWEEP):
            if not self._expiry or self._expiry[0][0] > now:
                return
            until, key = heapq.heappop(self._expiry)
            # A key may have been reserved anew after its first time was over.
            if self._nonces.get(key) == until:
                del self._nonces[key]

    def _forget_a_full_bucket(self, now: float) -> None:
        """Make room by one bucket that has refilled: forgetting that one changes nothing."""
        for _ in range(_SWEEP):
            name, kept = next(iter(self._buckets.items()))
            if kept[2] <= now:
                del self._buckets[name]
                return
            self._buckets.move_to_end(name)
        raise StateUnavailableError("too many live rate buckets")
