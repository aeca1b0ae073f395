"""`serve`: starts the sandbox systems on free ports of the loopback interface, in the running loop.

`async with sandbox(clock) as systems:` gives their addresses and credentials; leaving the block
stops them. Nothing listens beyond 127.0.0.1.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import date

import uvicorn
from starlette.applications import Starlette

from hub.clock import Clock
from hub.sandbox.anhui import Platform, platform
from hub.sandbox.ecnu import University, university
from schema.dates import local_date

STARTING_POLLS_MAX = 500
POLL_S = 0.01
STOPPING_S_MAX = 10
GRACE_S = 1


@dataclass(frozen=True)
class Systems:
    """The running sandbox systems."""

    ecnu_url: str
    ecnu: University
    anhui_url: str
    anhui: Platform


class SandboxError(RuntimeError):
    """A sandbox system did not start."""

    code = "SANDBOX"


@asynccontextmanager
async def serving(app: Starlette, port: int = 0) -> AsyncIterator[str]:
    """Serve one application on 127.0.0.1 until the block ends; yield its address."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        config = uvicorn.Config(
            app,
            log_level="warning",
            access_log=False,
            lifespan="off",
            timeout_graceful_shutdown=GRACE_S,
        )
        server = _Server(config)
        task = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            for _ in range(STARTING_POLLS_MAX):
                if server.started or task.done():
                    break
                await asyncio.sleep(POLL_S)
            if not server.started:
                raise SandboxError("a sandbox system did not start; is the port taken?")
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            await asyncio.wait([task], timeout=STOPPING_S_MAX)


class _Server(uvicorn.Server):
    """A server that leaves signals to the program it runs in."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


@asynccontextmanager
async def sandbox(
    clock: Clock, *, ecnu_port: int = 0, anhui_port: int = 0, scale: float = 1.0
) -> AsyncIterator[Systems]:
    """Serve all sandbox systems; they publish the data of the clock's day.

    `scale` is the share of its instruments: 1.0 is more than five thousand.
    """
    today: Callable[[], date] = lambda: local_date(clock())  # noqa: E731 - one expression
    school, province = university(today, scale), platform(today, scale)
    async with (
        serving(school.app, ecnu_port) as ecnu_url,
        serving(province.app, anhui_port) as anhui_url,
    ):
        yield Systems(ecnu_url, school, anhui_url, province)
