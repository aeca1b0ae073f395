"""`protocol`: the interface of every shared state, in this process or in Redis.

- `reserve` answers True exactly once per key within its time; the answer is atomic over workers.
- A state that started empty, or may have lost acknowledged writes, does not know which proofs were
  used before. So the caller passes when a proof was issued; one from before the start is refused
  with `StateRestartedError`.
- Keys and topics are ASCII text of at most `MAX_KEY_CHARS` characters; values are bytes. Nonces,
  buckets, values and leases have separate names.
- A state that is not reachable or full of live entries raises `StateUnavailableError`; the next
  call tries again, so that it recovers by itself.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from hub.state.errors import StateRestartedError
from hub.state.limits import MAX_KEY_CHARS, MAX_MESSAGE_BYTES, MAX_TTL_S, MAX_VALUE_BYTES


@dataclass(frozen=True, slots=True)
class Allowance:
    """The answer of a token bucket.

    `ok`: the cost was taken. `remaining`: whole tokens left. `retry_after_s`: seconds until the
    cost could be taken, 0 when it was.
    """

    ok: bool
    remaining: int
    retry_after_s: float


class State(Protocol):
    """What the workers of one hub share."""

    async def check(self) -> None:
        """Raise `StateUnavailableError` unless the state answers and can keep what it promises.

        Called at the start and by health checks; the first call of all starts the epoch.
        """
        ...

    async def reserve(self, key: str, ttl_s: float, issued_at: float | None) -> bool:
        """Return True when `key` was not reserved within its time, and reserve it; else False.

        `issued_at`: when the proof that `key` stands for was made, as its signed claim says, in
        seconds since 1970; None only for keys that cannot date from before a restart.
        Raises `StateRestartedError` for a proof that may have been used before the state started.
        """
        ...

    async def take(
        self, bucket: str, capacity: int, refill_per_s: float, cost: int = 1
    ) -> Allowance:
        """Take `cost` tokens from a bucket of `capacity` that refills by `refill_per_s`."""
        ...

    async def get(self, key: str) -> bytes | None:
        """Return the value kept under `key`, or None when there is none or its time is over."""
        ...

    async def put(self, key: str, value: bytes, ttl_s: float) -> None:
        """Keep `value` under `key` for `ttl_s` seconds, replacing what was there."""
        ...

    async def lease(self, key: str, ttl_s: float) -> str | None:
        """Return a token when nobody holds `key`, which the caller then holds for `ttl_s`."""
        ...

    async def release(self, key: str, token: str) -> bool:
        """End a lease early; False when `token` does not hold `key` any more."""
        ...

    async def publish(self, topic: str, message: bytes) -> None:
        """Send `message` to the present subscribers of `topic` in every worker; store nothing."""
        ...

    def subscribe(self, topic: str) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """Receive the messages of `topic` published after the context was entered, in order.

        A gap is never silent: the iterator raises `SubscriberTooSlowError` after too many unread
        messages, and `StateUnavailableError` when messages may have been lost on the way.
        """
        ...

    async def aclose(self) -> None:
        """Close the connections; subscribers get `StateUnavailableError`."""
        ...


def check_key(key: str) -> None:
    """Raise ValueError for a key that some implementation cannot hold."""
    if not key or len(key) > MAX_KEY_CHARS or not key.isascii():
        raise ValueError(f"state keys are 1 to {MAX_KEY_CHARS} ASCII characters")


def check_ttl(ttl_s: float) -> None:
    """Raise ValueError for a time to live that is not within [1 ms, one day]."""
    if not 0.001 <= ttl_s <= MAX_TTL_S:  # noqa: PLR2004 - the unit in which Redis counts
        raise ValueError(f"a time to live lies in [0.001, {MAX_TTL_S:.0f}] seconds")


def check_bucket(capacity: int, refill_per_s: float, cost: int) -> None:
    """Raise ValueError for a bucket that could never grant, or a cost that is not positive."""
    if capacity < 1 or not refill_per_s > 0 or not 1 <= cost <= capacity:
        raise ValueError(
            "a bucket needs capacity >= 1, a positive refill and 1 <= cost <= capacity"
        )
    if capacity / refill_per_s > MAX_TTL_S:
        raise ValueError(f"a bucket is full again within {MAX_TTL_S:.0f} seconds")


def check_value(value: bytes) -> None:
    """Raise ValueError for a value that is too large to be kept."""
    if len(value) > MAX_VALUE_BYTES:
        raise ValueError(f"a kept value is at most {MAX_VALUE_BYTES} bytes")


def check_message(message: bytes) -> None:
    """Raise ValueError for a message that is too large to be published."""
    if len(message) > MAX_MESSAGE_BYTES:
        raise ValueError(f"a message is at most {MAX_MESSAGE_BYTES} bytes")


def check_issued(issued_at: float | None, accepted_from: float, now: float) -> None:
    """Raise `StateRestartedError` for a proof issued before `accepted_from`."""
    if issued_at is not None and issued_at < accepted_from:
        raise StateRestartedError(accepted_from - now)
