"""`watch`: a hub looks whether its embedded servers live, starts what ended, and says so.

Where several hubs share a server, whoever looks first starts it; the others find it running.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Protocol

from hub.embedded.errors import EmbeddedError
from hub.embedded.limits import REVIVE_LEAVE_S, REVIVE_POLL_S

Tell = Callable[[str], None]


class Watched(Protocol):
    """An embedded server that this process uses."""

    @property
    def title(self) -> str:
        """Return the name that people know it by."""
        ...

    def is_alive(self) -> bool:
        """Say at once whether it lives."""
        ...

    def revive(self) -> bool:
        """Start it if it does not run; return whether it had to be started."""
        ...


@asynccontextmanager
async def watching(server: Watched, tell: Tell) -> AsyncIterator[None]:
    """Keep `server` alive while the block runs; `tell` gets a line when it had ended."""
    leave = asyncio.Event()
    task = asyncio.create_task(_watch(server, tell, leave), name=f"watch {server.title}")
    try:
        yield
    finally:
        leave.set()
        await asyncio.wait([task], timeout=REVIVE_LEAVE_S)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _watch(server: Watched, tell: Tell, leave: asyncio.Event) -> None:
    last = ""
    while not leave.is_set():
        with suppress(TimeoutError):
            await asyncio.wait_for(leave.wait(), REVIVE_POLL_S)
        if leave.is_set() or server.is_alive():
            continue
        line = await asyncio.to_thread(_revived, server)
        if line and line != last:  # one line however often the attempt fails
            tell(line)
        last = line


def _revived(server: Watched) -> str:
    """Start what ended; return what to tell, nothing if another hub was first."""
    try:
        if not server.revive():
            return ""
    except (EmbeddedError, OSError) as error:
        return f"{server.title} 意外退出，无法重新启动；it ended and does not start: {error}"
    return f"{server.title} 意外退出，已重新启动；it had ended and was started again"
