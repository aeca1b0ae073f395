"""`context`: what every verb needs: settings, and a database that is there and migrated."""

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

T = TypeVar("T")


def settings() -> Settings:
    """Return the settings of this process's environment."""
    return Settings.from_environment(os.environ)


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run a verb's asynchronous part."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(work)


@asynccontextmanager
async def database_url(found: Settings) -> AsyncIterator[str]:
    """Give the address of a migrated database, starting the embedded PostgreSQL when none is set.

    The embedded server is shared by every process that uses the data folder.
    """
    if found.database_url is not None:
        await asyncio.to_thread(migrate, found.database_url)
        yield found.database_url
        return
    server = EmbeddedPostgres(postgres_folder(found))
    url = await asyncio.to_thread(server.start)
    try:
        await asyncio.to_thread(migrate, url)
        yield url
    finally:
        await asyncio.to_thread(server.stop)


@asynccontextmanager
async def open_database(found: Settings | None = None) -> AsyncIterator[Database]:
    """Give the hub's database, migrated."""
    async with database_url(found or settings()) as url, Database(url) as opened:
        yield opened


def postgres_folder(found: Settings) -> Path:
    """Return the folder of the embedded PostgreSQL."""
    return found.data_dir / "postgres"
