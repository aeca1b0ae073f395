"""What an operator sees of webhooks, and how dead messages are sent again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest
from typer.testing import CliRunner

from hub.cli.webhook import app
from hub.clock import system_clock
from hub.errors import HubError
from hub.exchange.webhooks.signing import new_message_id
from hub.store.database import Database
from hub.store.webhooks import (
    MessageState,
    WebhookMessage,
    WebhookState,
    add_message,
    find_webhook,
    settle_message,
)

from .receiver import HookReceiver
from .test_killed_deliveries import active_webhook

pytestmark = pytest.mark.integration
Done = Callable[[Database], Awaitable[Any]]


def test_dead_messages_are_listed_and_sent_again(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HUB_DATABASE_URL", database_url)

    def deltahub(*words: str, code: int = 0) -> str:
        done = CliRunner().invoke(app, list(words))
        if code:
            assert isinstance(done.exception, HubError)
            return str(done.exception)
        assert done.exit_code == 0, done.exception
        return done.output

    def on_database(work: Done) -> Any:
        async def run() -> Any:
            async with Database(database_url) as database:
                return await work(database)

        return asyncio.run(run())

    async def two_dead(database: Database) -> tuple[str, list[str]]:
        name, ids = await active_webhook(database, HookReceiver(port=9)), []
        for cursor in ("a", "b"):
            now = system_clock()
            message = WebhookMessage(
                message_id=new_message_id(),
                webhook_id=name,
                body="{}",
                state=MessageState.WAITING,
                in_turn=True,
                attempts=0,
                fault=None,
                made_at=now,
                next_at=now,
                ended_at=None,
            )
            former = (await find_webhook(database, name)).cursor  # type: ignore[union-attr]
            assert await add_message(database, message, former, cursor)
            assert not await add_message(database, message, former, cursor)  # somebody else did
            ended = replace(
                message, state=MessageState.DEAD, fault="HTTP 500", next_at=None, ended_at=now
            )
            await settle_message(database, ended, now, stops=False, dead_max=2)
            ids.append(message.message_id)
        return name, ids

    name, ids = on_database(two_dead)
    assert f"{name}  STOPPED  partner" in deltahub("list")
    assert "HTTP 500" in deltahub("list")
    said = deltahub("dead", name)
    assert all(each in said for each in ids)
    assert "2 dead messages" in said
    assert "1 messages" in deltahub("replay", name, "--message", ids[0])
    assert "1 messages" in deltahub("replay", name)
    assert "0 messages" in deltahub("replay", name)
    assert "NOT_FOUND" in deltahub("replay", "wh_nothing", code=2)

    async def state(database: Database) -> Any:
        found = await find_webhook(database, name)
        return found and found.state

    assert on_database(state) == WebhookState.ACTIVE
    assert "0 dead messages" in deltahub("dead", name)
