"""`patiently`: a request that is sent again while the hub is away, with the key that it has."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from hub.client.errors import HubUnreachableError

ATTEMPTS = 6
"""Times that a part of something long is sent to a hub that does not answer …"""
PAUSE_S = 1.0
"""… and the pause after the first of them; each one after it is longer by as much."""
T = TypeVar("T")


async def patiently(send: Callable[[], Awaitable[T]], *, is_first: bool) -> T:
    """Send, and send again while nobody answers. A hub that never answered is not waited for."""
    for attempt in range(1, ATTEMPTS):
        try:
            return await send()
        except HubUnreachableError:
            if is_first:
                raise
            await asyncio.sleep(PAUSE_S * attempt)
    return await send()
