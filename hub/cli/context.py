"""`context`: what every command needs: settings, and a migrated database."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import uvloop

from hub.embedded.server import EmbeddedPostgres
from hub.settings import Settings
from hub.store.database import Database
from hub.store.migrations import migrate
from hub.store.renewal import renew_search

T = TypeVar("T")


def settings() -> Settings:
    """Return the settings of this process's environment."""
    return Settings.from_environment(os.environ)


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run the asynchronous part of a command."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(work)


@asynccontextmanager
async def server_url(hub_settings: Settings) -> AsyncIterator[str]:
    """Yield the address of the database as it is; start the embedded PostgreSQL if none is set.

    The embedded server is shared by every process that uses the data folder.
    """
    if hub_settings.database_url is not None:
        yield hub_settings.database_url
        return
    server = EmbeddedPostgres(postgres_folder(hub_settings))
    url = await asyncio.to_thread(server.start)
    try:
        yield url
    finally:
        await asyncio.to_thread(server.stop)


@asynccontextmanager
async def database_url(hub_settings: Settings) -> AsyncIterator[str]:
    """Yield the address of a migrated database; see `server_url`."""
    async with server_url(hub_settings) as url:
        await asyncio.to_thread(migrate, url)
        yield url


@asynccontextmanager
async def open_database(hub_settings: Settings | None = None) -> AsyncIterator[Database]:
    """Yield the hub's database, migrated."""
    async with database_url(hub_settings or settings()) as url, Database(url) as database:
        await renew_search(database)
        yield database


def postgres_folder(hub_settings: Settings) -> Path:
    """Return the folder of the embedded PostgreSQL."""
    return hub_settings.data_dir / "postgres"
