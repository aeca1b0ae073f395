"""`metrics`: the operator's own listener: `/metrics` and health, never on the public port.

It runs in the process that it tells of, on an address of this machine or of a private network
(`HUB_METRICS_LISTEN`). Of several workers, number n listens n ports above it.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import replace

import uvicorn
from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from hub.app import Hub
from hub.cli.limits import KEEP_ALIVE_S, METRICS_CLOSE_S, METRICS_REQUESTS_MAX
from hub.errors import SettingsError
from hub.settings import Settings


def beside_others(deployment: Settings, number: int) -> Settings:
    """Return the settings of worker `number`: it listens on a port of its own."""
    if deployment.metrics_listen is None:
        return deployment
    host, port = deployment.metrics_listen
    return replace(deployment, metrics_listen=(host, port + number))


@asynccontextmanager
async def metrics_served(hub: Hub) -> AsyncIterator[None]:
    """Serve the figures of this process while the block runs; nothing where no address is set."""
    listen = hub.settings.metrics_listen
    if listen is None:
        yield
        return
    host, port = listen
    bound = _bind(host, port)
    server = _MetricsServer(_config(_only_paths(hub.metrics)))
    task = asyncio.create_task(server.serve(sockets=[bound]), name="metrics")
    try:
        yield
    finally:
        server.should_exit = True
        _, waiting = await asyncio.wait([task], timeout=METRICS_CLOSE_S)
        for each in waiting:
            each.cancel()
            with suppress(asyncio.CancelledError):
                await each


class _MetricsServer(uvicorn.Server):
    """A server that leaves signals to the hub's own."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Serve while the block runs."""
        yield


def _bind(host: str, port: int) -> socket.socket:
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family)
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        raise SettingsError([f"HUB_METRICS_LISTEN: {host}:{port} {reason}"]) from error


def _config(application: ASGIApp) -> uvicorn.Config:
    return uvicorn.Config(
        application,
        http="httptools",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        limit_concurrency=METRICS_REQUESTS_MAX,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=1,
    )


def _only_paths(routes: ASGIApp) -> ASGIApp:
    """Answer what there is, and 404 for the rest."""

    async def answered(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        scope["app"] = None  # by this the router knows that somebody catches what it raises
        try:
            await routes(scope, receive, send)
        except HTTPException as error:
            await PlainTextResponse("/metrics", error.status_code)(scope, receive, send)

    return answered
