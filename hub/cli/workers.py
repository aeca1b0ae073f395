"""`workers`: several processes that serve one port, watched by a parent.

- The parent takes the port and the engines before any worker starts, and holds nothing else. Each
  worker is a fresh process that gets the listening socket and serves like a single one.
- A worker that dies is started again, at most `RESTARTS_MAX` times a minute all together: a hub
  that cannot live must say so and not spin.
- What tells the parent to stop stops the workers first. A terminal's signals reach the parent only:
  each worker has a session of its own.
- No worker outlives its parent for long: it stops by itself when its leash is torn (`signals.py`).
  Until then it is a user of the embedded servers, so that requests in hand are still answered.
"""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import typer

from hub.cli.engines import Engines
from hub.cli.limits import RESTART_PAUSE_S, RESTARTS_MAX, RESTARTS_WITHIN_S, WORKER_STOP_S
from hub.cli.signals import stop_when_told
from hub.errors import SettingsError
from hub.settings import Settings

COMMAND = "from hub.cli.serve import worker; worker()"
SOCKET = "HUB_WORKER_SOCKET"
"""Passes the number of the listening socket to a worker; not a setting."""
LEASH = "HUB_WORKER_LEASH"
"""Passes the number of the end of the leash; not a setting."""
NUMBER = "HUB_WORKER_NUMBER"
"""Passes the number of the worker; not a setting."""


@dataclass(slots=True)
class _Crew:
    """What the workers of one hub have in common."""

    environment: Mapping[str, str]
    files: tuple[int, ...]
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    deaths: deque[float] = field(default_factory=deque)


async def supervise(deployment: Settings, engines: Engines, bound: socket.socket) -> None:
    """Run the workers until told to stop; raise `SettingsError` when they will not live."""
    with _leash() as leash:
        crew = _Crew(
            {
                **os.environ,
                "HUB_DATABASE_URL": engines.logins.hub,
                "HUB_DATABASE_READ_URL": engines.logins.read or "",
                "HUB_DATABASE_OWNER_URL": "",  # the tables are of this version already
                "HUB_REDIS_URL": engines.redis_url or "",
                "HUB_WORKERS": "1",
                SOCKET: str(bound.fileno()),
                LEASH: str(leash),
            },
            (bound.fileno(), leash, *engines.presences),
        )
        stop_when_told(crew.stop.set)
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(_keep(each, crew)) for each in range(deployment.workers)]
                await asyncio.wait(
                    [group.create_task(crew.stop.wait()), *tasks],
                    return_when=asyncio.FIRST_COMPLETED,
                )
                crew.stop.set()
        except* SettingsError as errors:
            raise errors.exceptions[0] from None


@contextmanager
def _leash() -> Iterator[int]:
    """Give the end that workers hold; nobody writes to the other, it only closes."""
    read, write = os.pipe()
    try:
        yield read
    finally:
        os.close(read)
        os.close(write)


async def _keep(number: int, crew: _Crew) -> None:
    """Keep one worker alive until told to stop."""
    while not crew.stop.is_set():
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            COMMAND,
            env={**crew.environment, NUMBER: str(number)},
            pass_fds=crew.files,
            start_new_session=True,
        )
        ended = asyncio.create_task(process.wait())
        stopped = asyncio.create_task(crew.stop.wait())
        try:
            await asyncio.wait([ended, stopped], return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopped.cancel()
            await _end(process, ended)
        if crew.stop.is_set():
            return
        typer.echo(
            f"worker {number} ended with {process.returncode}; it is started again", err=True
        )
        _count(crew.deaths)
        await asyncio.sleep(RESTART_PAUSE_S)


def _count(deaths: deque[float]) -> None:
    now = asyncio.get_running_loop().time()
    deaths.append(now)
    while deaths and deaths[0] < now - RESTARTS_WITHIN_S:
        deaths.popleft()
    if len(deaths) > RESTARTS_MAX:
        raise SettingsError([f"workers ended {RESTARTS_MAX} times within a minute; see above"])


async def _end(process: asyncio.subprocess.Process, ended: asyncio.Task[int]) -> None:
    """Let a worker end; one that has ended needs nothing."""
    if process.returncode is None:
        process.terminate()
    _, waiting = await asyncio.wait([ended], timeout=WORKER_STOP_S)
    if waiting:
        process.kill()
        await ended
