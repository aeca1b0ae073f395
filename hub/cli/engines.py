"""`engines`: the PostgreSQL and the shared state of a hub that serves, its own where none is set.

Embedded ones are shared by every process that uses the data folder, looked after while the block
runs, and left at its end; `presences` make worker processes users of them too. `look` only looks.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import typer

from hub.cli.context import embedded_logins, named_logins, postgres_folder
from hub.client.checkup import CheckupFinding
from hub.embedded.server import EmbeddedPostgres
from hub.embedded.sharing import Sharing
from hub.embedded.valkey import EmbeddedValkey
from hub.embedded.watch import watching
from hub.errors import HubError
from hub.settings import Settings
from hub.store.database import Database
from hub.store.renewal import renew_search
from hub.store.roles import Logins, may_change_entries, prepare


@dataclass(frozen=True, kw_only=True, slots=True)
class Engines:
    """Where a hub finds its engines; `redis_url` is None where one process needs none."""

    logins: Logins
    redis_url: str | None
    presences: tuple[int, ...] = ()
    """Open files: whoever inherits them uses the embedded servers as long as he lives."""


@asynccontextmanager
async def engines(deployment: Settings) -> AsyncIterator[Engines]:
    """Give a migrated database, and a shared state if there are several workers."""
    async with AsyncExitStack() as stack:
        presences: list[int] = []
        logins, redis_url = named_logins(deployment), deployment.redis_url
        if logins is None:
            postgres = EmbeddedPostgres(postgres_folder(deployment))
            await _start(postgres, stack, presences)
            logins = await asyncio.to_thread(embedded_logins, postgres)
        if redis_url is None and deployment.workers > 1:
            valkey = EmbeddedValkey(valkey_folder(deployment))
            redis_url = await _start(valkey, stack, presences)
        await asyncio.to_thread(prepare, logins)
        async with Database(logins.hub, read_url=logins.read) as database:
            await renew_search(database)
        yield Engines(logins=logins, redis_url=redis_url, presences=tuple(presences))


def open_pools(servers: Engines) -> Database:
    """Return the database with its pools, each under its role."""
    return Database(servers.logins.hub, read_url=servers.logins.read)


def rights_advice(logins: Logins) -> str:
    """Return what is to be said of the rights of the hub's role; nothing where they are few."""
    if may_change_entries(logins.hub):
        return (
            "the role of HUB_DATABASE_URL may change and delete what was stated and signed; "
            "roles with less rights: deltahub database roles (docs/operators/roles.md)"
        )
    return ""


def say_rights(servers: Engines) -> None:
    """Say at the start of a hub if its role may do more than it needs."""
    advice = rights_advice(servers.logins)
    if advice:
        _tell(advice)


async def _start(
    server: EmbeddedPostgres | EmbeddedValkey, stack: AsyncExitStack, presences: list[int]
) -> str:
    stack.push_async_callback(asyncio.to_thread, server.stop)
    url = await asyncio.to_thread(server.start)
    await stack.enter_async_context(watching(server, _tell))
    if server.presence is not None:
        presences.append(server.presence)
    return url


def valkey_folder(deployment: Settings) -> Path:
    """Return the folder of the embedded Valkey."""
    return deployment.data_dir / "valkey"


def look(deployment: Settings) -> Iterator[CheckupFinding]:
    """Say how the embedded servers in the data folder are, and of another database the rights.

    Nothing of what there is not.
    """
    for server in (
        EmbeddedPostgres(postgres_folder(deployment)),
        EmbeddedValkey(valkey_folder(deployment)),
    ):
        with suppress(OSError):  # never started here, or another user's
            is_used, is_running = Sharing(server).seen()
            step = f"{server.title} 本机自带"
            if is_used and not is_running:
                advice = f"the hub starts it again within seconds; if not, look at {server.log}"
                yield CheckupFinding(step, f"{server.folder}: ended while a hub uses it", advice)
            elif is_running:
                yield CheckupFinding(step, f"{server.folder}: runs")
            else:
                yield CheckupFinding(step, f"{server.folder}: does not run, no hub uses it")
    logins = named_logins(deployment)
    if logins is not None:
        yield _rights(logins)


def _rights(logins: Logins) -> CheckupFinding:
    step = "PostgreSQL 角色权限"
    try:
        advice = rights_advice(logins)
    except HubError as error:
        return CheckupFinding(step, error.message_en, error.hint)
    return CheckupFinding(step, "too many" if advice else "as few as it needs", advice)


def _tell(line: str) -> None:
    typer.echo(line, err=True)
