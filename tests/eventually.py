"""Waiting for what another task or process does: bounded, and without a guess how long it takes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

WAIT_S_MAX = 40
POLL_S = 0.02


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    """Wait until a condition holds; a test that waits for ever fails instead."""
    async with asyncio.timeout(WAIT_S_MAX):
        while not await holds():
            await asyncio.sleep(POLL_S)
