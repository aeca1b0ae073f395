"""graphql-ws and graphql-sse, the clients of others, follow the hub's changes and find back."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from hub.access.clients import ClientKind
from hub.access.registration import ClientGrant, admit, application_document, read_application
from hub.access.store import DatabaseClientStore
from hub.client import HubClient, create_key
from hub.clock import system_clock
from hub.demo import records
from hub.store.database import Database
from tests.databases import Spares
from tests.node_tools import NodeTools
from tests.running_hub import running_hub, state_instrument

pytestmark = [pytest.mark.external, pytest.mark.integration]
SCOPES = ("catalogue:read", "changes:read", "graphql:adhoc")
WAIT_S = 60


class Followed:
    """What a program in Node prints, line by line."""

    def __init__(self, lines: asyncio.StreamReader) -> None:
        self._lines = lines
        self.keys: list[str] = []

    async def line(self) -> dict[str, Any]:
        async with asyncio.timeout(WAIT_S):
            text = await self._lines.readline()
        assert text, "the program ended"
        found: dict[str, Any] = json.loads(text)
        assert not found.keys() & {"error", "errors", "complete"}, found
        self.keys += found.get("keys", [])
        return found

    async def told(self, number: str) -> None:
        while f"{records.UNIVERSITY}/{number}" not in self.keys:
            await self.line()


@asynccontextmanager
async def followed(tools: NodeTools, *arguments: str) -> AsyncIterator[Followed]:
    process = await asyncio.create_subprocess_exec(
        *("node", "follow.mjs", *arguments),
        cwd=tools.folder,
        env=dict(os.environ),
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        yield Followed(process.stdout)
    finally:
        process.kill()
        await process.wait()


@pytest.fixture(scope="module")
def served(spares: Spares, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """The address of a hub, and that of its database."""
    with spares.lent() as url, running_hub(url, tmp_path_factory.mktemp("hub")) as base:
        yield base, url


@pytest.mark.parametrize("way", ["ws", "sse"])
async def test_a_client_hears_of_changes_and_finds_back_to_its_cursor_after_a_cut(
    way: str, served: tuple[str, str], tmp_path: Path, suites: NodeTools
) -> None:
    (hub, database_url), client_id = served, f"follower-{way}"
    file = tmp_path / "key.pem"
    key = create_key(file)
    document = application_document(client_id, client_id, key.public)
    async with Database(database_url) as database, HubClient(hub, client_id, key) as client:
        grant = ClientGrant("moe:10246", ClientKind.PARTNER, SCOPES, ())
        store = DatabaseClientStore(database)
        await admit(store, read_application(document), grant, system_clock())
        arguments = (way, hub, str(file), await client.token())
        async with followed(suites, *arguments) as program:
            assert await program.line() == {"refused": "GRAPHQL_VALIDATION_FAILED"}
            assert await program.line() == {"me": client_id}
            while "cut" not in await program.line():
                pass
            await state_instrument(database, f"AFTER-THE-CUT-{way}")
            await program.told(f"AFTER-THE-CUT-{way}")
            await state_instrument(database, f"AND-ONE-MORE-{way}")
            await program.told(f"AND-ONE-MORE-{way}")
            assert len(program.keys) == len(set(program.keys))  # it went on, and not from the start
