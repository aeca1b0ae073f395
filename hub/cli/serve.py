"""`deltahub serve`: run the hub until it is told to stop, in one process or in several."""

from __future__ import annotations

import asyncio
import errno
import gc
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Annotated

import typer
import uvicorn

from hub.app import Hub, build
from hub.cli.context import database_url, open_database, run, settings
from hub.cli.workers import SOCKET, supervise
from hub.clock import system_clock
from hub.errors import SettingsError
from hub.settings import Settings

STOP_TIMEOUT_S = 10
"""Longest wait for open requests when the hub stops."""
BACKLOG = 1024
KEEP_ALIVE_S = 30
COLLECT_AFTER = 20_000
"""New objects after which the youngest are looked through."""


def serve(
    workers: Annotated[
        int | None, typer.Option(min=1, help="processes; above 1 needs HUB_REDIS_URL")
    ] = None,
) -> None:
    """Serve the hub; settings come from the environment (docs/operators/settings.md)."""
    found = settings()
    if workers is not None:
        found = replace(found, workers=workers).checked()
    run(_serve(found) if found.workers == 1 else _serve_many(found))


async def _serve(found: Settings) -> None:
    async with open_database(found) as database:
        hub = await build(found, database, system_clock)
        settle_collector()
        async with listening(hub) as server:
            typer.echo(f"deltahub serves {found.base}")
            await server.wait_closed()


async def _serve_many(found: Settings) -> None:
    with bind(found.host, found.port) as bound:
        async with database_url(found) as url:
            typer.echo(f"deltahub serves {found.base} with {found.workers} workers")
            await supervise(found, url, bound)


def worker() -> None:
    """Serve as one of several workers, on the socket that the parent holds."""
    number = int(os.environ.pop(SOCKET))
    run(_worker(settings(), socket.socket(fileno=number)))


async def _worker(found: Settings, bound: socket.socket) -> None:
    async with open_database(found) as database:
        hub = await build(found, database, system_clock)
        settle_collector()
        async with listening(hub, bound) as server:
            await server.wait_closed()


def settle_collector() -> None:
    """Keep the garbage collector off what lives as long as the process.

    Modules, schema and plans are never garbage; looking through them again and again costs a tenth
    of intake's time (10,000-row batches, measured).
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(COLLECT_AFTER, 20, 20)


class Listening:
    """A server that listens; it stops on SIGINT and SIGTERM, or when it is told."""

    def __init__(self, server: uvicorn.Server, task: asyncio.Task[None]) -> None:
        self._server = server
        self._task = task

    async def wait_closed(self) -> None:
        """Wait until the server has stopped."""
        await asyncio.shield(self._task)

    async def stop(self) -> None:
        """Let open requests finish, then stop."""
        self._server.should_exit = True
        await asyncio.wait([self._task], timeout=STOP_TIMEOUT_S)


def bind(host: str, port: int) -> socket.socket:
    """Take the port before anything else starts, so that a taken one is told at once."""
    try:
        return socket.create_server((host, port), backlog=BACKLOG)
    except OSError as error:
        reason = error.strerror
        if error.errno == errno.EADDRINUSE:
            reason = f"is taken, by a hub that runs already? Another one: HUB_PORT={port + 1}"
        raise SettingsError([f"HUB_PORT: {host}:{port} {reason}"]) from error


@asynccontextmanager
async def listening(hub: Hub, bound: socket.socket | None = None) -> AsyncIterator[Listening]:
    """Run the hub's application and its sequencer while the block runs."""
    listener = bound or bind(hub.settings.host, hub.settings.port)
    config = uvicorn.Config(
        hub.asgi,
        http="httptools",
        lifespan="off",
        log_level="warning",
        access_log=False,
        server_header=False,
        backlog=BACKLOG,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=STOP_TIMEOUT_S,
    )
    server = uvicorn.Server(config)
    async with hub.running():
        task = asyncio.create_task(server.serve(sockets=[listener]), name="server")
        opened = Listening(server, task)
        try:
            yield opened
        finally:
            await opened.stop()
