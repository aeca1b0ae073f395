"""Two workers' states on one Redis, a clock to move, and bounded waiting."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

from hub.clock import Clock, system_clock
from hub.state import StateUnavailableError
from hub.state.redis import RedisState

POLLS, POLL_S = 500, 0.02


class Ahead:
    """The system's clock, moved ahead by the test: the age of proofs without the waiting."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        return system_clock() + self.ahead

    def advance(self, seconds: float) -> None:
        self.ahead += timedelta(seconds=seconds)


@asynccontextmanager
async def two_workers(url: str, clock: Clock) -> AsyncIterator[tuple[RedisState, RedisState]]:
    first, second = RedisState(url, clock), RedisState(url, clock)
    try:
        yield first, second
    finally:
        await first.aclose()
        await second.aclose()


async def until(happened: Callable[[], Awaitable[bool]]) -> None:
    """Wait, with a bound, for something to have happened; an absent state is 'not yet'."""
    for _ in range(POLLS):
        try:
            if await happened():
                return
        except StateUnavailableError:
            pass
        await asyncio.sleep(POLL_S)
    raise AssertionError("it did not happen in time")


async def answers(state: RedisState) -> bool:
    """Tell whether the state answers: connections of a server before are noticed and left."""
    await state.get("anything")
    return True
