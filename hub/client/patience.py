"""`patiently`: a request that is sent again while the hub cannot take it, under the same key."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from hub.client.errors import CallRefusedError, HubUnreachableError

ATTEMPTS = 6
"""Times that a part of something long is sent to a hub that does not answer, or not now …"""
PAUSE_S = 1.0
"""… and the pause after the first of them; each one after it is longer by as much."""
PAUSE_S_MAX = 60.0
"""Longest pause, however long the hub asks for."""
PASSING = frozenset({429, 503, 504})
"""Statuses that say: later, the same again."""
T = TypeVar("T")


async def patiently(
    send: Callable[[], Awaitable[T]],
    *,
    is_first: bool,
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> T:
    """Send, and send again while that may help. A hub that never answered is not waited for."""
    for attempt in range(1, ATTEMPTS):
        asked_s = 0.0
        try:
            return await send()
        except HubUnreachableError:
            if is_first:
                raise
        except CallRefusedError as error:
            if error.status not in PASSING:
                raise
            asked_s = error.retry_after_s or 0.0
        await pause(min(max(PAUSE_S * attempt, asked_s), PAUSE_S_MAX))
    return await send()
