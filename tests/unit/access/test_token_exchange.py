"""A peer asks for a client of its own: the requester travels in the token, and gains nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import httpx
import pytest

from hub.access import assertion, requester
from hub.access.clients import ClientKind
from hub.access.requester import ACCESS_TOKEN, EXCHANGE, JWT
from hub.crypto import jws
from hub.crypto.keys import SigningKey, generate_key
from tests.unit.access.world import BASE, World

SCOPES = ("catalogue:read", "service:read")


@pytest.fixture
def world() -> World:
    """`zju` is another hub here; `ustc` is a university."""
    made = World()
    made.enrol("zju", made.key, scopes=SCOPES)
    made.store.clients["zju"] = replace(made.store.clients["zju"], kind=ClientKind.PEER)
    return made


def statement(world: World, key: SigningKey | None = None, **changes: Any) -> str:
    said: dict[str, Any] = {
        "subject": "fudan",
        "scopes": ("catalogue:read", "receipt:read"),
        "party": "moe:10246",
        **changes,
    }
    return requester.make("zju", BASE, key or world.key, world.clock(), **said)


async def exchange(world: World, **changes: str | None) -> httpx.Response:
    form = world.token_form(
        **{
            "grant_type": EXCHANGE,
            "subject_token": statement(world),
            "subject_token_type": JWT,
            **changes,
        }
    )
    async with world.http() as http:
        return await http.post("/oauth/token", data=form, headers={"DPoP": world.proof()})


async def test_the_token_names_the_requester_and_who_acts_for_it(world: World) -> None:
    answer = (await exchange(world)).json()
    assert answer["issued_token_type"] == ACCESS_TOKEN
    assert answer["token_type"] == "DPoP"
    assert answer["scope"] == "catalogue:read", "what both the peer and the requester may"
    claims = jws.claims(jws.parse(answer["access_token"]))
    assert claims["sub"] == "fudan"
    assert claims["act"] == {"sub": "zju"}
    assert claims["client_id"] == "zju"
    assert claims["hub_party"] == "ror:zju", "rights are the peer's own"
    assert claims["hub_requester_party"] == "moe:10246"
    assert claims["cnf"] == {"jkt": world.key.kid}


async def test_the_resource_knows_for_whom_a_peer_asks(world: World) -> None:
    token = (await exchange(world)).json()["access_token"]
    assert await world.call(token) == 200
    seen = world.access._gate._verifier.verify(token, world.clock())
    assert seen.requester is not None
    assert (seen.requester.subject, seen.requester.actors) == ("fudan", ("zju",))


async def test_a_chain_of_hubs_stays_visible(world: World) -> None:
    said = statement(world, act={"sub": "anhui", "act": {"sub": "moe"}})
    token = (await exchange(world, subject_token=said)).json()["access_token"]
    claims = jws.claims(jws.parse(token))
    assert claims["act"] == {"sub": "zju", "act": {"sub": "anhui", "act": {"sub": "moe"}}}
    assert await world.call(token) == 200


@pytest.mark.parametrize("scope", ["service:read", "receipt:read", "records:push", "", "a b"])
async def test_a_scope_never_widens(world: World, scope: str) -> None:
    answer = await exchange(world, scope=scope)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_scope")


async def test_a_requester_without_any_scope_of_the_peer_gets_nothing(world: World) -> None:
    answer = await exchange(world, subject_token=statement(world, scopes=("voucher:read",)))
    assert answer.json()["error"] == "invalid_scope"


async def test_only_a_peer_may_ask_for_others(world: World) -> None:
    world.store.clients["zju"] = replace(world.store.clients["zju"], kind=ClientKind.PARTNER)
    answer = await exchange(world)
    assert (answer.status_code, answer.json()["error"]) == (400, "unauthorized_client")


def another_hub(world: World) -> str:
    now = world.clock()
    return requester.make("zju", "https://x.example", world.key, now, subject="f", scopes=SCOPES)


def another_peer(world: World) -> str:
    now = world.clock()
    return requester.make("ustc", BASE, world.key, now, subject="f", scopes=SCOPES)


def without(name: str) -> Any:
    def made(world: World) -> str:
        claims = jws.claims(jws.parse(statement(world)))
        del claims[name]
        return jws.sign({"typ": requester.TYPE, "kid": world.key.kid}, claims, world.key)

    return made


def stale(world: World) -> str:
    said = statement(world)
    world.clock.advance(400)
    return said


async def own_token(world: World) -> str:
    return await world.token()


HOSTILE: dict[str, Any] = {
    "nothing": lambda w: "",
    "nonsense": lambda w: "a.b.c",
    "another hub": another_hub,
    "another peer": another_peer,
    "a stranger's key": lambda w: statement(w, generate_key()),
    "another client's key": lambda w: statement(w, w.other_key),
    "stale": stale,
    "an assertion in its place": lambda w: assertion.make("zju", BASE, w.key, w.clock()),
    "no subject": without("sub"),
    "no scope": without("scope"),
    "no jti": without("jti"),
    "no exp": without("exp"),
    "an act that is text": lambda w: statement(w, act="anhui"),
    "an act with more": lambda w: statement(w, act={"sub": "a", "scope": "b"}),
    "too many actors": lambda w: statement(
        w, act={"sub": "1", "act": {"sub": "2", "act": {"sub": "3", "act": {"sub": "4"}}}}
    ),
    "a name that cannot be seen": lambda w: statement(w, subject="fudan\u202e"),
    "a long name": lambda w: statement(w, subject="x" * 129),
}


@pytest.mark.parametrize("name", HOSTILE)
async def test_a_statement_that_is_not_the_peer_s_own_is_refused(world: World, name: str) -> None:
    said = HOSTILE[name](world)
    answer = await exchange(world, subject_token=said)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
    assert "access_token" not in answer.text


async def test_a_statement_is_good_for_one_exchange(world: World) -> None:
    said = statement(world)
    assert (await exchange(world, subject_token=said)).status_code == 200
    assert (await exchange(world, subject_token=said)).json()["error"] == "invalid_grant"


async def test_a_token_of_this_hub_is_no_statement(world: World) -> None:
    token = await world.token(scope="catalogue:read")
    for kind in (JWT, ACCESS_TOKEN):
        answer = await exchange(world, subject_token=token, subject_token_type=kind)
        assert answer.json()["error"] in {"invalid_grant", "invalid_request"}


@pytest.mark.parametrize(
    "changes",
    [
        {"subject_token_type": None},
        {"actor_token": "x"},
        {"requested_token_type": "urn:ietf:params:oauth:token-type:refresh_token"},
    ],
)
async def test_what_is_not_served_is_an_invalid_request(
    world: World, changes: dict[str, str | None]
) -> None:
    assert (await exchange(world, **changes)).json()["error"] == "invalid_request"


def forged(world: World, **changes: Any) -> str:
    claims = {
        "iss": BASE,
        "aud": BASE,
        "sub": "fudan",
        "client_id": "zju",
        "jti": "x" * 22,
        "iat": int(world.clock().timestamp()),
        "exp": int(world.clock().timestamp()) + 300,
        "scope": "catalogue:read",
        "cnf": {"jkt": world.key.kid},
        "hub_party": "ror:zju",
        **changes,
    }
    stated = {name: value for name, value in claims.items() if value is not None}
    return jws.sign({"typ": "at+jwt", "kid": world.hub_key.kid}, stated, world.hub_key)


async def test_a_token_whose_actor_is_not_its_client_is_refused(world: World) -> None:
    assert await world.call(forged(world, act={"sub": "zju"})) == 200
    for act in (None, {}, {"sub": "ustc"}, {"sub": "ustc", "act": {"sub": "zju"}}, "zju", []):
        assert await world.call(forged(world, act=act)) == "TOKEN_INVALID"
