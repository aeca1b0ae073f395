"""A hub that listens in this process, and partners who follow its changes over real connections."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect

from hub.access import dpop
from hub.access.clients import ClientKind
from hub.access.registration import ClientGrant, admit, application_document, read_application
from hub.access.store import DatabaseClientStore
from hub.app import Hub, build
from hub.cli.serve import Listening, bind, listening
from hub.client import HubClient
from hub.clock import system_clock
from hub.crypto.keys import generate_key
from hub.exchange import watch
from hub.intake.batch import Assurance, Batch, Channel, Evidence, Outcome
from hub.intake.service import submit
from hub.settings import Settings
from hub.store.database import Database
from hub.store.sources import register_source

UNIVERSITY = "moe:10335"
SOURCE = "zju-push"
READING = ("catalogue:read", "changes:read", "graphql:adhoc")
CHANGES = """subscription($after: String, $types: [String!], $first: Int! = 100) {
  changes(after: $after, types: $types, first: $first) {
    nodes { kind recordType id key } resync endCursor hasMore retryAfterS } }"""
WAIT_S = 30
PROTOCOL = "graphql-transport-ws"


@dataclass
class World:
    """The hub that listens, its database, and ways to speak to it."""

    hub: Hub
    base: str
    database: Database
    stack: AsyncExitStack
    clients: dict[str, HubClient] = field(default_factory=dict)
    server: Listening | None = None

    async def register(
        self, name: str, *scopes: str, party: str = "moe:10246", kind: ClientKind | None = None
    ) -> HubClient:
        key = generate_key()
        application = read_application(application_document(name, name, key.public))
        store = DatabaseClientStore(self.database)
        grant = ClientGrant(party, kind or ClientKind.PARTNER, scopes or READING, ())
        await admit(store, application, grant, system_clock())
        client = await self.stack.enter_async_context(HubClient(self.base, name, key))
        self.clients[name] = client
        return client

    async def state(self, *numbers: str, name: str = "电镜") -> None:
        """State instruments, as a university does."""
        rows = [
            {
                "type": "Instrument",
                "record": {
                    "institutionKey": UNIVERSITY,
                    "localNo": number,
                    "name": {"zh": name},
                    "status": "IN_SERVICE",
                },
            }
            for number in numbers
        ]
        batch = Batch(
            source=SOURCE,
            party="hub:delta.example",
            channel=Channel.FILE,
            rows=rows,
            evidence=Evidence(
                assurance=Assurance.HUB_OBSERVED, document_hash=b"\0" * 32, run_id="1"
            ),
            as_of=system_clock(),
        )
        outcomes = await submit(self.database, batch, clock=system_clock)
        assert [row for row in outcomes.rows if row.outcome is not Outcome.ACCEPTED] == []

    async def credentials(self, client: HubClient, method: str) -> dict[str, str]:
        token = await client.token()
        proof = dpop.make(client.key, method, f"{self.base}/graphql", system_clock(), token=token)
        return {"Authorization": f"DPoP {token}", "DPoP": proof}

    @asynccontextmanager
    async def socket(
        self, client: HubClient | None = None, *, init: bool = True, **more: Any
    ) -> AsyncIterator[Socket]:
        address = f"{self.base.replace('http', 'ws')}/graphql"
        async with connect(address, subprotocols=[PROTOCOL], **more) as connection:  # type: ignore[list-item]
            made = Socket(connection)
            if init:
                payload = {} if client is None else await self.credentials(client, "GET")
                await made.send(type="connection_init", payload=payload)
            if init and client is not None:
                assert await made.read() == {"type": "connection_ack"}
            yield made

    @asynccontextmanager
    async def events(
        self, client: HubClient, document: str = CHANGES, **variables: Any
    ) -> AsyncIterator[Events]:
        headers = {"accept": "text/event-stream", **await self.credentials(client, "POST")}
        asked = {"query": document, "variables": variables}
        async with (
            httpx.AsyncClient(timeout=WAIT_S) as http,
            http.stream("POST", f"{self.base}/graphql", json=asked, headers=headers) as answer,
        ):
            yield Events(answer)


class Socket:
    """A WebSocket, by the package `websockets`."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection

    async def send(self, **message: Any) -> None:
        await self.connection.send(json.dumps(message))

    async def subscribe(self, name: str = "1", document: str = CHANGES, **variables: Any) -> None:
        payload = {"query": document, "variables": variables}
        await self.send(type="subscribe", id=name, payload=payload)

    async def read(self) -> dict[str, Any]:
        async with asyncio.timeout(WAIT_S):
            found: dict[str, Any] = json.loads(await self.connection.recv())
            return found

    async def page(self) -> dict[str, Any]:
        message = await self.read()
        assert message["type"] == "next", message
        return dict(message["payload"]["data"]["changes"])

    async def closed(self) -> tuple[int | None, str | None]:
        async with asyncio.timeout(WAIT_S):
            await self.connection.wait_closed()
        return self.connection.close_code, self.connection.close_reason


class Events:
    """A stream of server-sent events."""

    def __init__(self, answer: httpx.Response) -> None:
        self.answer = answer
        self._lines = answer.aiter_lines()
        self.comments = 0

    async def read(self) -> tuple[str, Any]:
        """Return the next event and its data; ("", None) at the end of the stream."""
        name, data = "", ""
        async with asyncio.timeout(WAIT_S):
            async for line in self._lines:
                if line.startswith(":"):
                    self.comments += 1
                elif line.startswith("event: "):
                    name = line.removeprefix("event: ")
                elif line.startswith("data: "):
                    data = line.removeprefix("data: ")
                elif name:
                    return name, json.loads(data) if data else None
        return "", None

    async def page(self) -> dict[str, Any]:
        name, data = await self.read()
        assert name == "next", (name, data)
        return dict(data["data"]["changes"])


Serve = Callable[..., Awaitable[World]]


@pytest.fixture
async def serve(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Serve]:
    """Serve a hub, with more settings if wanted; it looks at its feed more often than others."""
    monkeypatch.setattr(watch, "WATCH_S", 0.05)
    async with AsyncExitStack() as stack:

        async def start(**more: Any) -> World:
            bound = bind("127.0.0.1", 0)
            port = bound.getsockname()[1]
            settings = Settings(
                data_dir=tmp_path, port=port, public_base=f"http://127.0.0.1:{port}", **more
            )
            hub = await build(settings, database, system_clock)
            server = await stack.enter_async_context(listening(hub, bound))
            await register_source(
                database,
                *(SOURCE, "浙江大学推送"),
                mode="PUSH",
                owners=[UNIVERSITY],
                now=system_clock(),
            )
            return World(hub, settings.base, database, stack, server=server)

        yield start


@pytest.fixture
async def world(serve: Serve) -> World:
    return await serve()
