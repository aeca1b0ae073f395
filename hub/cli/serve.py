"""`deltahub serve`: run the hub until it is told to stop, in one process or in several."""

from __future__ import annotations

import asyncio
import errno
import gc
import os
import socket
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import replace
from functools import partial
from typing import Annotated

import typer
import uvicorn
from starlette.types import ASGIApp

from hub.app import Hub, build
from hub.cli.connections import BoundedProtocol, BoundedSocket, Connections, make_room, told
from hub.cli.context import erasing, run, settings
from hub.cli.engines import Engines, engines, open_pools, say_rights
from hub.cli.limits import (
    ANSWER_S,
    BACKLOG,
    CLOSE_S,
    KEEP_ALIVE_S,
    SOCKET_PING_S,
    WORKERS_MOST,
    Bounds,
)
from hub.cli.metrics import beside_others, metrics_served
from hub.cli.signals import stop_when_orphaned, stop_when_told
from hub.cli.unix_socket import bind_path, over_socket
from hub.cli.watching import begin_watching
from hub.cli.workers import LEASH, NUMBER, SOCKET, supervise
from hub.clock import system_clock
from hub.errors import SettingsError
from hub.graphql.limits import MESSAGE_BYTES_MAX
from hub.settings import Settings
from hub.store.database import Database

COLLECT_AFTER = 20_000
"""New objects after which the youngest are looked through."""


def serve(
    workers: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=WORKERS_MOST,
            help="processes; several share HUB_REDIS_URL, or a Valkey that the hub starts",
        ),
    ] = None,
) -> None:
    """Serve the hub; settings come from the environment (docs/operators/settings.md)."""
    deployment = settings()
    if workers is not None:
        deployment = replace(deployment, workers=workers)
    begin_watching(deployment)
    run(_serve(deployment) if deployment.workers == 1 else _serve_many(deployment))


async def _serve(deployment: Settings) -> None:
    async with engines(deployment) as servers, open_pools(servers) as database:
        await _keep_erased(deployment, servers)
        hub = await build(deployment, database, system_clock)
        settle_collector()
        async with metrics_served(hub), listening(hub) as server:
            typer.echo(f"deltahub serves {deployment.base}\n{told(deployment)}")
            say_rights(servers)
            await server.wait_closed()


async def _keep_erased(deployment: Settings, servers: Engines) -> None:
    """Erase again what an old copy of the database brought back; it takes the owner's rights."""
    async with Database(servers.logins.owning) as database:
        await erasing(deployment, database).bring_up()


async def _serve_many(deployment: Settings) -> None:
    with listener_of(deployment) as bound:
        async with engines(deployment) as servers:
            typer.echo(f"deltahub serves {deployment.base} with {deployment.workers} workers")
            say_rights(servers)
            typer.echo(told(deployment))
            await supervise(deployment, servers, bound)


def worker() -> None:
    """Serve as one of several workers, on the socket that the parent holds."""
    number, leash = int(os.environ.pop(SOCKET)), int(os.environ.pop(LEASH))
    place = int(os.environ.pop(NUMBER))
    deployment = beside_others(settings(), place)
    begin_watching(deployment)
    run(_worker(deployment, socket.socket(fileno=number), leash))


async def _worker(deployment: Settings, bound: socket.socket, leash: int) -> None:
    async with engines(deployment) as servers, open_pools(servers) as database:
        await _keep_erased(deployment, servers)
        hub = await build(deployment, database, system_clock)
        settle_collector()
        async with metrics_served(hub), listening(hub, bound) as server:
            stop_when_orphaned(server.close, leash)
            await server.wait_closed()


def settle_collector() -> None:
    """Keep the garbage collector off what lives as long as the process.

    Modules, schema and plans are never garbage; looking through them again and again costs a tenth
    of intake's time (10,000-row batches, measured).
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(COLLECT_AFTER, 20, 20)


class _Server(uvicorn.Server):
    """A server that leaves signals alone: uvicorn dies of them once it has stopped listening."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Serve while the block runs."""
        yield


class Listening:
    """A server that listens until it is told to stop."""

    def __init__(
        self, server: uvicorn.Server, task: asyncio.Task[None], end_streams: Callable[[], None]
    ) -> None:
        self._server = server
        self._task = task
        self._end_streams = end_streams

    def close(self) -> None:
        """Take no more requests; those in hand are answered, and what stays open ends."""
        self._end_streams()
        self._server.should_exit = True

    async def wait_closed(self) -> None:
        """Serve until a signal comes, until `close`, or until the server fails."""
        stop_when_told(self.close)
        await asyncio.shield(self._task)

    async def stop(self) -> None:
        """Let open requests finish, then stop."""
        self.close()
        _, waiting = await asyncio.wait([self._task], timeout=CLOSE_S)
        for task in waiting:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


def listener_of(deployment: Settings) -> socket.socket:
    """Take the UNIX socket or the port that the settings name."""
    if deployment.socket is not None:
        return bind_path(deployment.socket)
    return bind(deployment.host, deployment.port)


def bind(host: str, port: int) -> socket.socket:
    """Take the port before anything else starts, so that a taken one is told at once."""
    try:
        return socket.create_server((host, port), backlog=BACKLOG)
    except OSError as error:
        reason = error.strerror
        if error.errno == errno.EADDRINUSE:
            reason = f"is taken, by a hub that runs already? Another one: HUB_PORT={port + 1}"
        raise SettingsError([f"HUB_PORT: {host}:{port} {reason}"]) from error


def server_config(
    application: ASGIApp, trusted_proxies: Sequence[str], bounds: Bounds | None = None
) -> uvicorn.Config:
    """Return how the application is served; a caller's address is what a trusted proxy says."""
    bounds = bounds or Bounds()
    room = make_room(bounds)
    connections = Connections(bounds, room, trusted_proxies)
    return uvicorn.Config(
        application,
        http=partial(BoundedProtocol, connections),  # type: ignore[arg-type]
        ws=partial(BoundedSocket, connections),  # type: ignore[arg-type]
        ws_max_size=MESSAGE_BYTES_MAX,
        ws_ping_interval=SOCKET_PING_S,
        ws_ping_timeout=SOCKET_PING_S,
        ws_per_message_deflate=False,  # it keeps a window of memory for each socket
        lifespan="off",
        log_config=None,  # its loggers go the way of all others (hub.watching.logs)
        log_level="error",  # a warning for each request that is no HTTP would fill the disk
        access_log=False,
        server_header=False,
        backlog=room.backlog,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=ANSWER_S,
        proxy_headers=bool(trusted_proxies),
        forwarded_allow_ips=list(trusted_proxies),
    )


@asynccontextmanager
async def listening(
    hub: Hub, bound: socket.socket | None = None, bounds: Bounds | None = None
) -> AsyncIterator[Listening]:
    """Run the hub's application and its sequencer while the block runs."""
    listener, proxies = bound or listener_of(hub.settings), hub.settings.trusted_proxies
    served = hub.asgi if hub.settings.socket is None else over_socket(hub.asgi, proxies)
    server = _Server(server_config(served, proxies, bounds))
    async with hub.running():
        task = asyncio.create_task(server.serve(sockets=[listener]), name="server")
        opened = Listening(server, task, hub.following.streams.end)
        try:
            yield opened
        finally:
            await opened.stop()
