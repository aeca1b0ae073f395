"""`deltahub client proxy`: the hub as plain HTTP on this machine, for programs of others."""

from __future__ import annotations

from functools import partial
from typing import Any

import typer
import uvicorn

from hub.cli.context import run
from hub.cli.limits import BACKLOG, CLOSE_S, KEEP_ALIVE_S
from hub.client.local_proxy import LocalProxy
from hub.client.profile import Profile
from hub.clock import system_clock
from hub.explorer import samples

LOOPBACK = "127.0.0.1"


def _table(name: str) -> tuple[str, dict[str, Any]]:
    return samples.document(name), samples.variables(name, system_clock())


TABLES = {name: partial(_table, name) for name in samples.ORDER}
"""Every registered document that people use."""


def serve_proxy(profile: Profile, port: int, origins: list[str]) -> None:
    """Serve until the program is told to stop."""
    run(_serve(profile, port, origins))


async def _serve(profile: Profile, port: int, origins: list[str]) -> None:
    async with profile.client() as hub:
        await hub.token()  # a profile that cannot be used is told now, not at the first question
        application = LocalProxy(hub, TABLES, port, origins).application()
        config = uvicorn.Config(
            application,
            host=LOOPBACK,
            port=port,
            log_level="warning",
            server_header=False,
            backlog=BACKLOG,
            timeout_keep_alive=KEEP_ALIVE_S,
            timeout_graceful_shutdown=CLOSE_S,
        )
        base = f"http://{LOOPBACK}:{port}"
        typer.echo(f"{base}/graphql  asks {profile.hub} as {profile.client_id}")
        typer.echo(f"{base}/table/{samples.ORDER[0]}.csv  and so on: lists for spreadsheets")
        typer.echo("Whoever uses this machine can ask as this client. Ctrl-C stops it.")
        await uvicorn.Server(config).serve()
