"""A hub that is killed while it delivers: the message comes again, under the same id."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from hub.access.clients import ClientKind
from hub.access.registration import ClientGrant, admit, application_document, read_application
from hub.access.store import DatabaseClientStore
from hub.app import build
from hub.clock import system_clock
from hub.crypto.keys import generate_key
from hub.exchange.webhooks.signing import new_secret, new_webhook_id
from hub.settings import Settings
from hub.store.database import Database
from hub.store.sources import register_source
from hub.store.webhooks import Webhook, WebhookState, add_webhook, messages_of
from tests.eventually import until

from .conftest import READING, SOURCE, UNIVERSITY, World
from .receiver import HookReceiver, receiving

pytestmark = pytest.mark.integration
KILLS = int(os.environ.get("HUB_DELIVERY_KILLS", "0"))
RUN = """
import asyncio, sys
from pathlib import Path
from hub.app import build
from hub.clock import system_clock
from hub.settings import Settings
from hub.store.database import Database

async def main(url, folder, origin):
    async with Database(url) as database:
        settings = Settings(data_dir=Path(folder), webhook_origins=(origin,))
        hub = await build(settings, database, system_clock)
        async with hub.running():
            await asyncio.Event().wait()

asyncio.run(main(*sys.argv[1:]))
"""


async def active_webhook(database: Database, hook: HookReceiver) -> str:
    """Keep a webhook as one that has answered its challenge."""
    hook.secret = new_secret()
    made = Webhook(
        webhook_id=new_webhook_id(),
        client_id="partner",
        url=hook.url,
        types=None,
        owner=None,
        scopes=list(READING),
        state=WebhookState.PENDING,
        secret=hook.secret,
        former_secret=None,
        former_until=None,
        cursor=None,
        dead=0,
        fault=None,
        created_at=system_clock(),
        tried_at=None,
    )
    await add_webhook(database, replace(made, state=WebhookState.ACTIVE))
    return made.webhook_id


@asynccontextmanager
async def another_hub(
    url: str, folder: Path, origin: str
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run a hub as a process of its own, and kill it."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HUB_")}
    arguments = (sys.executable, "-c", RUN, url, str(folder), origin)
    process = await asyncio.create_subprocess_exec(*arguments, env=kept)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGKILL)
        await process.wait()


async def followed_world(database: Database, hook: HookReceiver, folder: Path) -> tuple[World, str]:
    """Make a hub with a source and a client whose webhook is active; it delivers when it runs."""
    await register_source(
        database, SOURCE, "推送", mode="PUSH", owners=[UNIVERSITY], now=system_clock()
    )
    document = application_document("partner", "partner", generate_key().public)
    grant = ClientGrant("moe:10246", ClientKind.PARTNER, READING, ())
    store = DatabaseClientStore(database)
    await admit(store, read_application(document), grant, system_clock())
    settings = Settings(data_dir=folder, webhook_origins=(hook.origin,))
    hub = await build(settings, database, system_clock)
    world = World(hub, settings.base, database, AsyncExitStack())
    return world, await active_webhook(database, hook)


async def test_what_was_under_way_when_the_hub_was_killed_comes_again(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    async with receiving() as hook:
        world, webhook = await followed_world(database, hook, tmp_path / "here")
        await world.state("K1", "K2")
        hook.standing = None  # it takes the message, and never answers
        async with another_hub(database_url, tmp_path / "there", hook.origin) as process:

            async def taken() -> bool:
                assert process.returncode is None
                return len(hook.came) == 1

            await until(taken)
        hook.standing = (200, {})
        async with world.hub.running():

            async def delivered() -> bool:
                (message,) = await messages_of(database, webhook)
                return message.state == "DELIVERED"

            await until(delivered)
    first, again = hook.came
    assert first == again  # the same id, and the same body
    assert len(hook.items) == 4


@pytest.mark.skipif(not KILLS, reason="a long form: HUB_DELIVERY_KILLS (make suites)")
async def test_nothing_is_lost_over_many_kills(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    chance = random.Random(29)
    stated = 0
    async with receiving() as hook:
        world, _ = await followed_world(database, hook, tmp_path / "here")
        for _ in range(KILLS):
            before = len(hook.came)
            async with another_hub(database_url, tmp_path / "there", hook.origin) as process:
                await world.state(f"K{stated}")
                stated += 1

                async def delivers(before: int = before) -> bool:
                    assert process.returncode is None
                    return len(hook.came) > before

                await until(delivers)
                for _ in range(20):
                    await world.state(f"K{stated}")
                    stated += 1
                    await asyncio.sleep(chance.uniform(0, 0.1))
        async with world.hub.running():

            async def all_told() -> bool:
                return len(set(hook.items)) == stated

            await until(all_told)
    bodies: dict[str, object] = {}
    for identity, message in hook.came:  # whatever came twice was the same
        assert bodies.setdefault(identity, message) == message
