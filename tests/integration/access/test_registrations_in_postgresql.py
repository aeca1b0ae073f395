"""`DatabaseClientStore` on a real PostgreSQL."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import anyio
import pytest

from hub.access.clients import (
    Client,
    ClientKey,
    ClientKind,
    ClientStatus,
    KeyStatus,
    RegistrationError,
)
from hub.access.config import local_config
from hub.access.limits import KEYS_PER_CLIENT
from hub.access.service import Access
from hub.access.store import DatabaseClientStore
from hub.crypto.keys import SigningKey, generate_key
from hub.state import MemoryState
from hub.store.database import Database
from hub.store.sources import register_source

pytestmark = pytest.mark.integration
NOW = datetime(2026, 11, 24, 2, 0, 0, 250_000, tzinfo=UTC)


def client(client_id: str, key: SigningKey) -> Client:
    return Client(
        client_id=client_id,
        party="moe:10335",
        kind=ClientKind.UNIVERSITY,
        name="浙江大学",
        scopes=("catalogue:read", "records:push"),
        sources=("zju",),
        status=ClientStatus.ACTIVE,
        created_at=NOW,
        not_before=NOW,
        keys=(ClientKey(key.public, client_id, KeyStatus.ACTIVE, NOW),),
    )


def added(client_id: str, key: SigningKey) -> ClientKey:
    return ClientKey(key.public, client_id, KeyStatus.ACTIVE, NOW)


@pytest.fixture
async def store(database: Database) -> DatabaseClientStore:
    await register_source(database, "zju", "浙江大学", mode="PUSH", owners=["moe:10335"], now=NOW)
    return DatabaseClientStore(database)


async def test_what_is_registered_is_found_by_id_and_by_key(store: DatabaseClientStore) -> None:
    key = generate_key()
    registered = client("zju", key)
    await store.register(registered)
    assert await store.get("zju") == registered
    assert await store.by_kid(key.kid) == registered
    assert await store.get("nobody") is None
    assert await store.by_kid("nobody") is None


async def test_neither_an_id_nor_a_key_is_registered_twice(store: DatabaseClientStore) -> None:
    key = generate_key()
    await store.register(client("zju", key))
    for again in (client("zju", generate_key()), client("ustc", key)):
        with pytest.raises(RegistrationError, match="registered already"):
            await store.register(again)
    assert await store.get("ustc") is None, "nothing is left of a refused registration"
    with pytest.raises(RegistrationError, match="registered already"):
        await store.add_key(added("zju", key))


async def test_a_key_is_rotated_with_an_overlap(store: DatabaseClientStore) -> None:
    old, new = generate_key(), generate_key()
    await store.register(client("zju", old))
    await store.add_key(added("zju", new), retire=old.kid, overlap_s=60)
    found = await store.get("zju")
    assert found is not None
    both = [found.key(old.kid), found.key(new.kid)]
    assert [k is not None and k.active(NOW + timedelta(seconds=59)) for k in both] == [True, True]
    assert [k is not None and k.active(NOW + timedelta(seconds=60)) for k in both] == [False, True]


async def test_a_rotation_that_names_a_wrong_old_key_changes_nothing(
    store: DatabaseClientStore,
) -> None:
    key, new = generate_key(), generate_key()
    await store.register(client("zju", key))
    with pytest.raises(RegistrationError, match="to retire"):
        await store.add_key(added("zju", new), retire="x", overlap_s=60)
    assert await store.by_kid(new.kid) is None
    with pytest.raises(RegistrationError, match="there is no client"):
        await store.add_key(added("nobody", new))


async def test_a_lost_key_ends_and_moves_the_epoch_in_one_change(
    store: DatabaseClientStore,
) -> None:
    key, later = generate_key(), NOW + timedelta(hours=1)
    await store.register(client("zju", key))
    await store.revoke_key(key.kid, KeyStatus.LOST, later)
    found = await store.get("zju")
    assert found is not None
    assert found.not_before == later
    assert found.keys[0].status is KeyStatus.LOST
    assert found.keys[0].ended_at == later
    for status in (KeyStatus.REVOKED, KeyStatus.ACTIVE):
        with pytest.raises(RegistrationError):
            await store.revoke_key(key.kid, status, later)


async def test_retiring_a_key_leaves_the_tokens_alone(store: DatabaseClientStore) -> None:
    key = generate_key()
    await store.register(client("zju", key))
    await store.revoke_key(key.kid, KeyStatus.RETIRED, NOW + timedelta(hours=1))
    found = await store.get("zju")
    assert found is not None
    assert found.not_before == NOW


async def test_an_epoch_never_moves_back(store: DatabaseClientStore) -> None:
    await store.register(client("zju", generate_key()))
    later = NOW + timedelta(hours=1)
    await store.set_epoch("zju", later)
    await store.set_epoch("zju", NOW)
    found = await store.get("zju")
    assert found is not None
    assert found.not_before == later


async def test_the_number_of_active_keys_is_bounded_also_at_once(
    store: DatabaseClientStore,
) -> None:
    await store.register(client("zju", generate_key()))
    refused: list[RegistrationError] = []

    async def add() -> None:
        try:
            await store.add_key(added("zju", generate_key()))
        except RegistrationError as error:
            refused.append(error)

    async with anyio.create_task_group() as tasks:
        for _ in range(KEYS_PER_CLIENT + 3):
            tasks.start_soon(add)
    found = await store.get("zju")
    assert found is not None
    assert len(found.keys) == KEYS_PER_CLIENT
    assert len(refused) == 4


async def test_clients_are_listed_page_by_page(store: DatabaseClientStore) -> None:
    for name in ("c", "a", "b"):
        await store.register(client(name, generate_key()))
    first = await store.list(limit=2)
    rest = await store.list(after=first[-1].client_id)
    assert [c.client_id for c in (*first, *rest)] == ["a", "b", "c"]
    assert all(len(c.keys) == 1 for c in first)


async def test_a_client_from_the_database_gets_a_token_and_loses_it_with_its_key(
    store: DatabaseClientStore,
) -> None:
    import httpx
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import JSONResponse, Response
    from starlette.routing import Route

    from hub.access.errors import AccessError
    from hub.client import CallRefusedError, HubClient

    now = [NOW]
    config = local_config(8000, anonymous_reads=False)
    access = Access(config, generate_key(), store, MemoryState(lambda: now[0]), lambda: now[0])

    async def graphql(request: Request) -> Response:
        try:
            caller = await access.authenticate(access.envelope(request.scope))
        except AccessError as error:
            return access.refusal(error, None)
        return JSONResponse({"data": {"party": caller.party}})

    key = generate_key()
    await store.register(replace(client("zju", key), not_before=None))
    app = Starlette(routes=[*access.routes(), Route("/graphql", graphql, methods=["POST"])])
    transport = httpx.ASGITransport(app)
    async with HubClient(
        config.public_base, "zju", key, clock=lambda: now[0], transport=transport
    ) as hub:
        assert (await hub.query("{party}")) == {"data": {"party": "moe:10335"}}
        now[0] += timedelta(seconds=2)
        await store.revoke_key(key.kid, KeyStatus.LOST, now[0])
        now[0] += timedelta(seconds=5)
        with pytest.raises(CallRefusedError, match="invalid_client"):
            await hub.query("{party}")
