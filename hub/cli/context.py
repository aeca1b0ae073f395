"""`context`: what every command needs: settings, and a migrated database.

The embedded PostgreSQL is used under the roles of `hub.store.roles`, which are made at its start;
another one under those that the settings name.
"""

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
from hub.embedded.server import DATABASE, EmbeddedPostgres
from hub.erasure.register import ErasureRegister
from hub.erasure.service import Erasing
from hub.errors import HubError
from hub.policy.law import current_law
from hub.settings import Settings
from hub.store.database import Database
from hub.store.renewal import renew_search
from hub.store.roles import HUB, OWNER, READ, Logins, ensure_roles, prepare
from hub.watching import logs
from hub.watching.scrub import SCRUBBER
from schema.parties import HUB_PARTY

T = TypeVar("T")


def settings() -> Settings:
    """Return the settings of this process's environment; what they name of the law is sound."""
    made = Settings.from_environment(os.environ)
    if made.law_dir is not None:
        current_law(made.law_dir)
    return made


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
    hub_settings: Settings | None = None, act: Act | None = None, *, is_owner: bool = False
) -> AsyncIterator[Database]:
    """Yield the hub's database, migrated.

    `act`: what is about to be changed. It is in the audit before anything is done, and once more
    where it failed. `is_owner`: under the role that owns the tables, for what the hub may not do.
    """
    async with server_logins(hub_settings or settings()) as logins:
        await asyncio.to_thread(prepare, logins)
        made = Database(logins.owning) if is_owner else Database(logins.hub, read_url=logins.read)
        async with made as database:
            await renew_search(database)
            if act is None:
                yield database
                return
            async with acting(database, act):
                yield database


@asynccontextmanager
async def acting(database: Database, act: Act) -> AsyncIterator[None]:
    """Do something that the audit says beforehand, and says again where it failed."""
    await note_act(database, act)
    try:
        yield
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
