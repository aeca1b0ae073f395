"""`context`: what every command needs: settings, and a migrated database."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from getpass import getuser
from pathlib import Path
from secrets import token_hex
from typing import Any, TypeVar

import uvloop

from hub.audit.service import Audit, act_row
from hub.clock import system_clock
from hub.embedded.server import EmbeddedPostgres
from hub.erasure.register import ErasureRegister
from hub.erasure.service import Erasing
from hub.errors import HubError
from hub.settings import Settings
from hub.store.database import Database
from hub.store.migrations import migrate
from schema.parties import HUB_PARTY

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


@dataclass(frozen=True, slots=True)
class Act:
    """Something that an operator does, as the audit says it; without content of records."""

    action: str
    """The verb, as it is typed."""
    detail: Mapping[str, Any] = field(default_factory=dict)
    owners: Sequence[str] = ()
    """Institutions that it concerns, which may read of it."""


@asynccontextmanager
async def open_database(
    hub_settings: Settings | None = None, act: Act | None = None
) -> AsyncIterator[Database]:
    """Yield the hub's database, migrated.

    `act`: what is about to be changed. It is in the audit before anything is done, and once more
    where it failed.
    """
    async with database_url(hub_settings or settings()) as url, Database(url) as database:
        if act is None:
            yield database
            return
        await note_act(database, act)
        try:
            yield database
        except BaseException as error:
            code = error.code.name if isinstance(error, HubError) else type(error).__name__
            with suppress(HubError):
                await note_act(database, act, failed=code)
            raise


async def note_act(database: Database, act: Act, *, failed: str | None = None) -> None:
    """Write an operator's act into the audit."""
    detail = {**act.detail, "user": getuser()} | ({} if failed is None else {"failed": failed})
    row = act_row(act.action, detail, act.owners, system_clock(), token_hex(8))
    await Audit(database, system_clock).act(row)


def erasing(hub_settings: Settings, database: Database) -> Erasing:
    """Return what carries out orders of erasure, with the list in the data folder."""
    party = f"{HUB_PARTY}{hub_settings.log_origin}"
    return Erasing(database, system_clock, party, ErasureRegister(hub_settings.data_dir))


def postgres_folder(hub_settings: Settings) -> Path:
    """Return the folder of the embedded PostgreSQL."""
    return hub_settings.data_dir / "postgres"
