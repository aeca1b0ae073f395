"""A party asks whether a token of its own is good; of other tokens it learns nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from hub.access import assertion
from hub.access.clients import ClientStatus, KeyStatus
from tests.unit.access.world import BASE, World


@pytest.fixture
def world() -> World:
    return World()


async def introspect(world: World, token: str, by: str = "zju", **more: str) -> Any:
    key = world.key if by == "zju" else world.other_key
    form = {
        "token": token,
        "client_assertion_type": assertion.ASSERTION_TYPE,
        "client_assertion": assertion.make(by, BASE, key, world.clock()),
        **more,
    }
    async with world.http() as http:
        answer = await http.post("/oauth/introspect", data=form)
    assert answer.headers["cache-control"] == "no-store"
    return answer.json()


async def test_a_party_is_told_what_its_token_says(world: World) -> None:
    told = await introspect(world, await world.token(scope="catalogue:read"))
    assert told["active"] is True
    assert told["scope"] == "catalogue:read"
    assert told["client_id"] == told["sub"] == "zju"
    assert told["token_type"] == "DPoP"
    assert told["aud"] == told["iss"] == BASE
    assert told["cnf"] == {"jkt": world.key.kid}
    assert told["exp"] - told["iat"] == 300


async def test_another_party_learns_nothing_of_it(world: World) -> None:
    token = await world.token()
    assert await introspect(world, token, by="ustc") == {"active": False}
    world.store.clients["ustc"] = replace(world.store.clients["ustc"], party="ror:zju")
    assert (await introspect(world, token, by="ustc"))["active"] is True


@pytest.mark.parametrize("token", ["", "nonsense", "a.b.c", "锁"])
async def test_nonsense_is_not_active(world: World, token: str) -> None:
    assert await introspect(world, token) == {"active": False}


@pytest.mark.parametrize("end", ["expiry", "revocation", "key", "suspension"])
async def test_what_the_resource_refuses_is_not_active(world: World, end: str) -> None:
    token = await world.token()
    spare = world.other_key
    world.clock.advance(1)
    if end == "expiry":
        world.clock.advance(300)
    elif end == "revocation":
        await world.store.set_epoch("zju", world.clock())
    elif end == "key":
        await world.store.revoke_key(world.key.kid, KeyStatus.LOST, world.clock())
    else:
        await world.store.set_status("zju", ClientStatus.SUSPENDED, world.clock())
    other = replace(world.store.clients["ustc"], party="ror:zju")
    world.store.clients["ustc"] = other
    assert spare.kid in {key.kid for key in other.keys}
    assert await introspect(world, token, by="ustc") == {"active": False}


async def test_who_does_not_authenticate_is_told_nothing(world: World) -> None:
    token = await world.token()
    async with world.http() as http:
        answer = await http.post("/oauth/introspect", data={"token": token})
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


async def test_an_unknown_hint_is_passed_over_and_a_missing_token_is_told(world: World) -> None:
    told = await introspect(world, await world.token(), token_type_hint="refresh_token")
    assert told["active"] is True
    form = {
        "client_assertion_type": assertion.ASSERTION_TYPE,
        "client_assertion": assertion.make("zju", BASE, world.key, world.clock()),
    }
    async with world.http() as http:
        answer = await http.post("/oauth/introspect", data=form)
    assert answer.json()["error"] == "invalid_request"
