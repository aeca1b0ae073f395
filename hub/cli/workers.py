"""`workers`: several processes that serve one port, watched by a parent.

- The parent takes the port and the database before any worker starts, and holds nothing else. Each
  worker is a fresh process that gets the listening socket and serves like a single one.
- A worker that dies is started again, at most `RESTARTS_MAX` times a minute all together: a hub
  that cannot live must say so and not spin.
- SIGTERM and SIGINT to the parent stop the workers first.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections import deque
from collections.abc import Mapping

import typer

from hub.errors import SettingsError
from hub.settings import Settings

RESTARTS_MAX = 30
RESTART_PAUSE_S = 0.2
STOP_TIMEOUT_S = 20
MINUTE_S = 60.0
COMMAND = "from hub.cli.serve import worker; worker()"
SOCKET = "HUB_WORKER_SOCKET"
"""Passes the number of the listening socket to a worker; not a setting."""


async def supervise(found: Settings, url: str, bound: socket.socket) -> None:
    """Run the workers until SIGINT or SIGTERM; raise `SettingsError` when they will not live."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    environment = {
        **os.environ,
        "HUB_DATABASE_URL": url,
        "HUB_WORKERS": "1",
        SOCKET: str(bound.fileno()),
    }
    bound.set_inheritable(True)
    restarts: deque[float] = deque()
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(_keep(number, environment, bound, stop, restarts))
                for number in range(found.workers)
            ]
            await asyncio.wait(
                [group.create_task(stop.wait()), *tasks], return_when=asyncio.FIRST_COMPLETED
            )
            stop.set()
    except* SettingsError as errors:
        raise errors.exceptions[0] from None


async def _keep(
    number: int,
    environment: Mapping[str, str],
    bound: socket.socket,
    stop: asyncio.Event,
    restarts: deque[float],
) -> None:
    """Keep one worker alive until `stop`."""
    while not stop.is_set():
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", COMMAND, env=environment, pass_fds=(bound.fileno(),)
        )
        ended = asyncio.create_task(process.wait())
        stopped = asyncio.create_task(stop.wait())
        await asyncio.wait([ended, stopped], return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        if stop.is_set():
            await _end(process, ended)
            return
        typer.echo(
            f"worker {number} ended with {process.returncode}; it is started again", err=True
        )
        _count(restarts)
        await asyncio.sleep(RESTART_PAUSE_S)


def _count(restarts: deque[float]) -> None:
    now = asyncio.get_running_loop().time()
    restarts.append(now)
    while restarts and restarts[0] < now - MINUTE_S:
        restarts.popleft()
    if len(restarts) > RESTARTS_MAX:
        raise SettingsError([f"workers ended {RESTARTS_MAX} times within a minute; see above"])


async def _end(process: asyncio.subprocess.Process, ended: asyncio.Task[int]) -> None:
    if process.returncode is None:
        process.terminate()
    _, waiting = await asyncio.wait([ended], timeout=STOP_TIMEOUT_S)
    if waiting:
        process.kill()
        await ended
