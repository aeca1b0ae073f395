"""`in_time`: work that stops when whoever waits for it goes on.

A hub that hands rows on says how long it still waits (`Hub-Deadline`). Here its batch is given up
before that, as long as it is not being committed: a commit that has begun is never interrupted, so
the refusal says for certain that nothing was written.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from hub.errors import ErrorCode, HubError

__all__ = ["in_time"]


@asynccontextmanager
async def in_time(until: float | None) -> AsyncIterator[None]:
    """Cancel the block at a moment in the time of the event loop; None: it has all the time.

    Raises `HubError` HOME_LATE in its place. What the block holds (a transaction, a turn) must be
    given back by whoever is around it.
    """
    limit = asyncio.timeout_at(until)
    try:
        async with limit:
            yield
    except TimeoutError as error:
        if not limit.expired():
            raise
        raise HubError(ErrorCode.HOME_LATE) from error
