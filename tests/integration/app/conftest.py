"""A hub in this process, and partners that talk to it through the real client."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from hub.access.clients import ClientKind
from hub.access.registration import ClientGrant, application_document, read_application
from hub.access.store import DatabaseClientStore
from hub.app import Hub, build
from hub.client import HubClient
from hub.clock import system_clock
from hub.crypto.keys import SigningKey, generate_key
from hub.settings import Settings
from hub.store.database import Database
from hub.store.sources import register_source
from tests.cases import cases_for
from tests.registered import admit_with_any_scope

BASE = "http://127.0.0.1:8000"
UNIVERSITY = "uscc:12100000470095016Q"


@dataclass(frozen=True)
class World:
    """The hub and a way to register partners with it."""

    hub: Hub
    transport: httpx.ASGITransport
    register: Callable[..., Awaitable[HubClient]]
    keys: dict[str, SigningKey]


@pytest.fixture
async def world(database: Database, tmp_path: Path) -> AsyncIterator[World]:
    settings = Settings(data_dir=tmp_path, sandbox=True, anonymous=True)
    hub = await build(settings, database, system_clock)
    transport = httpx.ASGITransport(hub.asgi)
    keys: dict[str, SigningKey] = {}
    opened: list[HubClient] = []

    async def register(
        client_id: str, party: str, kind: ClientKind, scopes: tuple[str, ...], *sources: str
    ) -> HubClient:
        key = keys[client_id] = generate_key()
        application = read_application(application_document(client_id, client_id, key.public))
        store = DatabaseClientStore(database)
        grant = ClientGrant(party, kind, scopes, sources, cases=cases_for(scopes))
        await admit_with_any_scope(store, application, grant)
        client = HubClient(BASE, client_id, key, transport=transport)
        opened.append(client)
        return client

    await register_source(
        database, "zju-push", "浙江大学推送", mode="PUSH", owners=[UNIVERSITY], now=system_clock()
    )
    async with hub.running():
        yield World(hub, transport, register, keys)
    for client in opened:
        await client.__aexit__(None, None, None)
