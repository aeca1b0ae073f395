"""Sandbox clients: whoever registers many locks nobody out."""

from __future__ import annotations

import httpx
import pytest

from hub.access import dpop
from hub.access.clients import ClientKind
from hub.access.store import DatabaseClientStore
from hub.client import CallRefusedError, HubClient
from hub.clock import system_clock
from hub.crypto.keys import SigningKey, generate_key
from hub.explorer.endpoint import REGISTRATIONS, bucket_of
from hub.store.database import Database
from tests.integration.app.conftest import BASE, UNIVERSITY, World

pytestmark = pytest.mark.integration
PATH = "/sandbox/clients"
TRIES = 20


async def register(
    world: World, key: SigningKey | None = None, address: str = "127.0.0.1"
) -> httpx.Response:
    proof = dpop.make(key or generate_key(), "POST", BASE + PATH, system_clock())
    transport = httpx.ASGITransport(world.hub.asgi, client=(address, 1))
    async with httpx.AsyncClient(transport=transport, base_url=BASE) as http:
        return await http.post(PATH, json={"name": "x"}, headers={"DPoP": proof})


async def test_an_address_that_registers_too_much_stops_itself_only(world: World) -> None:
    for _ in range(TRIES):  # the bucket fills again by one each second
        for _ in range(REGISTRATIONS):
            await world.hub.state.take(bucket_of("127.0.0.66"), REGISTRATIONS, 1.0)
        refused = await register(world, address="127.0.0.66")
        if refused.status_code == 429:
            break
    assert refused.status_code == 429
    assert int(refused.headers["retry-after"]) <= 2
    assert (await register(world)).status_code == 201
    assert (await register(world, address="::1")).status_code == 201
    assert (await register(world, address="192.0.2.1")).status_code == 403


async def test_of_too_many_the_oldest_is_forgotten_and_no_partner_is(
    world: World, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.explorer.endpoint.CLIENTS_MAX", 2)
    scopes = ("catalogue:read",)
    partner = await world.register("zju", UNIVERSITY, ClientKind.UNIVERSITY, scopes)
    keys = [generate_key() for _ in range(3)]
    ids = [(await register(world, key)).json()["clientId"] for key in keys]
    store = DatabaseClientStore(database)
    assert [await store.get(each) is not None for each in ids] == [False, True, True]
    assert await store.by_kid(keys[0].kid) is None
    assert (await partner.registration())["clientId"] == "zju"
    async with HubClient(BASE, ids[0], keys[0], transport=world.transport) as forgotten:
        with pytest.raises(CallRefusedError, match="invalid_client"):
            await forgotten.registration()
    assert (await register(world, keys[0])).status_code == 201, "and may register anew"


async def test_a_proof_for_another_address_or_method_registers_nothing(world: World) -> None:
    key = generate_key()
    for method, path in (("GET", PATH), ("POST", "/clients"), ("POST", "/graphql")):
        proof = dpop.make(key, method, BASE + path, system_clock())
        async with httpx.AsyncClient(transport=world.transport, base_url=BASE) as http:
            answer = await http.post(PATH, json={}, headers={"DPoP": proof})
        assert (answer.status_code, answer.json()["code"]) == (401, "DPOP_TARGET")
