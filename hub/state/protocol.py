"""`protocol`: the small contract that every shared state keeps, in this process or in Redis.

- `reserve` answers True exactly once per key within its time; the answer is atomic over workers.
- Keys are ASCII text of at most `MAX_KEY_CHARS` characters; values are bytes.
- When the state is away or full of live entries it raises `StateUnavailableError`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from hub.errors import ErrorCode, UnavailableError

MAX_KEY_CHARS = 256
MAX_TTL_S = 86_400.0
MAX_VALUE_BYTES = 1 << 20


class StateUnavailableError(UnavailableError):
    """The shared state cannot answer safely: it is away, or full of live entries."""

    def __init__(self, detail: str) -> None:
        super().__init__(
            ErrorCode.STATE_UNAVAILABLE,
            message_en=f"The shared state is away: {detail}",
            hint="Nothing was done. Send the request again in a moment.",
        )


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a token bucket says.

    `ok`: the cost was taken. `remaining`: whole tokens left. `retry_after_s`: seconds until the
    cost could be taken, 0 when it was.
    """

    ok: bool
    remaining: int
    retry_after_s: float


class State(Protocol):
    """What the workers of one hub share."""

    async def reserve(self, key: str, ttl_s: float) -> bool:
        """Return True when `key` was not reserved within its time, and reserve it; else False."""
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


def check_key(key: str) -> None:
    """Refuse a key that some implementation could not hold: a mistake of the program."""
    if not key or len(key) > MAX_KEY_CHARS or not key.isascii():
        raise ValueError(f"state keys are 1 to {MAX_KEY_CHARS} ASCII characters")


def check_ttl(ttl_s: float) -> None:
    """Refuse a time to live that is not within (0, one day]."""
    if not 0 < ttl_s <= MAX_TTL_S:
        raise ValueError(f"a time to live lies in (0, {MAX_TTL_S:.0f}] seconds")


def check_bucket(capacity: int, refill_per_s: float, cost: int) -> None:
    """Refuse a bucket that could never grant, or a cost that is not positive."""
    if capacity < 1 or refill_per_s <= 0 or not 1 <= cost <= capacity:
        raise ValueError(
            "a bucket needs capacity >= 1, a positive refill and 1 <= cost <= capacity"
        )
