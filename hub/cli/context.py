"""`context`: what every command needs: settings, and a migrated database.

The embedded PostgreSQL is used under the roles of `hub.store.roles`, which are made at its start;
another one under those that the settings name.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import uvloop

from hub.embedded.server import DATABASE, EmbeddedPostgres
from hub.settings import Settings
from hub.store.database import Database
from hub.store.roles import HUB, OWNER, READ, Logins, ensure_roles, prepare
from hub.watching import logs
from hub.watching.scrub import SCRUBBER

T = TypeVar("T")


def settings() -> Settings:
    """Return the settings of this process's environment."""
    return Settings.from_environment(os.environ)


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run the asynchronous part of a command."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(work)


@asynccontextmanager
async def server_logins(hub_settings: Settings) -> AsyncIterator[Logins]:
    """Yield how to log in to the database as it is; start the embedded PostgreSQL if none is set.

    The embedded server is shared by every process that uses the data folder.
    """
    begin_log(hub_settings)
    named = named_logins(hub_settings)
    if named is not None:
        yield named
        return
    server = EmbeddedPostgres(postgres_folder(hub_settings))
    await asyncio.to_thread(server.start)
    try:
        yield await asyncio.to_thread(embedded_logins, server)
    finally:
        await asyncio.to_thread(server.stop)


def begin_log(hub_settings: Settings) -> None:
    """Keep passwords out of the log, and set it up unless that was done."""
    for url in (
        hub_settings.database_url,
        hub_settings.database_read_url,
        hub_settings.database_owner_url,
        hub_settings.redis_url,
        hub_settings.traces_url,
    ):
        SCRUBBER.hide_address(url)
    logs.ensure()


def named_logins(hub_settings: Settings) -> Logins | None:
    """Return the logins of the database that the settings name, None where they name none."""
    if hub_settings.database_url is None:
        return None
    return Logins(
        hub=hub_settings.database_url,
        read=hub_settings.database_read_url,
        owner=hub_settings.database_owner_url,
    )


def embedded_logins(server: EmbeddedPostgres) -> Logins:
    """Return the logins of an embedded server that runs; roles that are missing are made."""
    ensure_roles(server.url, DATABASE)
    return Logins(
        hub=server.url_of(DATABASE, HUB),
        read=server.url_of(DATABASE, READ),
        owner=server.url_of(DATABASE, OWNER),
    )


@asynccontextmanager
async def open_database(hub_settings: Settings | None = None) -> AsyncIterator[Database]:
    """Yield the hub's database, migrated."""
    async with server_logins(hub_settings or settings()) as logins:
        await asyncio.to_thread(prepare, logins)
        async with Database(logins.hub, read_url=logins.read) as database:
            yield database


def postgres_folder(hub_settings: Settings) -> Path:
    """Return the folder of the embedded PostgreSQL."""
    return hub_settings.data_dir / "postgres"
