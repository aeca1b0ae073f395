"""The authorization server over HTTP: what it gives, and each override of Authlib's defaults."""

from __future__ import annotations

import json
import logging
from dataclasses import replace

import httpx
import pytest

from hub.access.clients import ClientKey, ClientStatus, KeyStatus
from hub.access.config import AccessConfig
from hub.access.service import Access
from hub.crypto import jws
from hub.crypto.keys import generate_key
from hub.state import StateUnavailableError
from tests.unit.access.world import BASE, World


@pytest.fixture
def world() -> World:
    return World()


async def ask(world: World, proof: str | None = "", **changes: str | None) -> httpx.Response:
    headers = {} if proof is None else {"DPoP": proof or world.proof()}
    async with world.http() as http:
        return await http.post("/oauth/token", data=world.token_form(**changes), headers=headers)


async def test_a_registered_client_gets_a_token_bound_to_its_key(world: World) -> None:
    answer = await ask(world)
    assert answer.status_code == 200
    body = answer.json()
    assert body["token_type"] == "DPoP"
    assert body["expires_in"] == 300
    assert body["scope"] == "catalogue:read receipt:read records:push"
    assert answer.headers["cache-control"] == "no-store"
    claims = jws.claims(jws.parse(body["access_token"]))
    assert claims["cnf"] == {"jkt": world.key.kid}
    assert claims["aud"] == BASE
    assert claims["sub"] == claims["client_id"] == "zju"
    assert claims["exp"] - claims["iat"] == 300
    assert claims["hub_party"] == "ror:zju"


async def test_fewer_scopes_can_be_asked_for(world: World) -> None:
    answer = await ask(world, scope="catalogue:read")
    assert answer.json()["scope"] == "catalogue:read"


@pytest.mark.parametrize(
    "scope", ["operator:keys", "catalogue:read operator:keys", "", " ", "catalogue:read  x", "锁"]
)
async def test_a_scope_beyond_the_registration_is_an_error_and_not_an_empty_token(
    world: World, scope: str
) -> None:
    answer = await ask(world, scope=scope)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_scope")


async def test_a_client_that_does_not_authenticate_is_401_without_a_basic_challenge(
    world: World,
) -> None:
    answer = await ask(world, client_assertion="a.b.c")
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    assert "www-authenticate" not in answer.headers


@pytest.mark.parametrize(
    "changes",
    [
        {"client_assertion": None},
        {"client_assertion_type": None},
        {"client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:saml2-bearer"},
        {"client_id": "ustc"},
        {"client_assertion": None, "client_id": "zju", "client_secret": "x"},
        {"client_assertion": None, "client_id": "zju"},
    ],
)
async def test_there_is_no_other_way_to_authenticate(
    world: World, changes: dict[str, str | None]
) -> None:
    answer = await ask(world, **changes)
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


async def test_plain_http_beyond_loopback_is_an_error_document_and_not_a_crash(
    world: World,
) -> None:
    config = AccessConfig("http://hub.delta.example", frozenset({"hub.delta.example"}))
    world.access = Access(config, world.hub_key, world.store, world.state, world.clock)
    answer = await ask(world)
    assert (answer.status_code, answer.json()["error"]) == (400, "insecure_transport")


async def test_an_unknown_grant_type_is_refused_and_not_repeated(world: World) -> None:
    answer = await ask(world, grant_type='password"<script>')
    assert (answer.status_code, answer.json()["error"]) == (400, "unsupported_grant_type")
    assert "<" not in answer.text


@pytest.mark.parametrize(
    "resource",
    [
        None,
        "",
        BASE + "/",
        BASE + "/admin",
        "https://evil.example",
        BASE.upper(),
        BASE + "/graphql/",
    ],
)
async def test_the_resource_must_be_one_of_ours(world: World, resource: str | None) -> None:
    answer = await ask(world, resource=resource)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_target")


async def test_a_token_without_proof_of_a_key_is_never_issued(world: World) -> None:
    answer = await ask(world, proof=None)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_dpop_proof")


async def test_an_assertion_works_once(world: World) -> None:
    form = world.token_form()
    async with world.http() as http:
        first = await http.post("/oauth/token", data=form, headers={"DPoP": world.proof()})
        again = await http.post("/oauth/token", data=form, headers={"DPoP": world.proof()})
    assert first.status_code == 200
    assert (again.status_code, again.json()["error"]) == (401, "invalid_client")


async def test_a_proof_works_once(world: World) -> None:
    proof = world.proof()
    first, again = await ask(world, proof), await ask(world, proof)
    assert first.status_code == 200
    assert (again.status_code, again.json()["error"]) == (400, "invalid_dpop_proof")


async def test_the_server_asks_for_its_nonce_and_accepts_it_for_a_minute_or_two() -> None:
    world = World(nonce_required=True)
    first = await ask(world)
    assert (first.status_code, first.json()["error"]) == (400, "use_dpop_nonce")
    nonce = first.headers["dpop-nonce"]
    assert (await ask(world, world.proof(nonce=nonce))).status_code == 200
    world.clock.advance(59)
    assert (await ask(world, world.proof(nonce=nonce))).status_code == 200
    world.clock.advance(61)
    late = await ask(world, world.proof(nonce=nonce))
    assert late.json()["error"] == "use_dpop_nonce"


@pytest.mark.parametrize("nonce", ["", "x", "A" * 30, "A" * 65, "锁"])
async def test_a_nonce_of_another_hub_is_refused(nonce: str) -> None:
    world = World(nonce_required=True)
    answer = await ask(world, world.proof(nonce=nonce))
    assert answer.json()["error"] == "use_dpop_nonce"


async def test_a_refused_request_uses_nothing_up() -> None:
    world = World(nonce_required=True)
    form = world.token_form()
    async with world.http() as http:
        first = await http.post("/oauth/token", data=form, headers={"DPoP": world.proof()})
        proof = world.proof(nonce=first.headers["dpop-nonce"])
        second = await http.post("/oauth/token", data=form, headers={"DPoP": proof})
    assert second.status_code == 200, "the same assertion is still good for the repeated request"


async def test_when_the_shared_state_is_unsure_there_is_no_token(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(key: str, ttl_s: float, issued_at: float | None) -> bool:
        raise StateUnavailableError("gone")

    monkeypatch.setattr(world.state, "reserve", away)
    answer = await ask(world)
    assert answer.status_code == 503
    assert answer.json()["error"] == "temporarily_unavailable"
    assert int(answer.headers["retry-after"]) > 0
    assert "access_token" not in answer.json()


@pytest.mark.parametrize(
    ("body", "media_type"),
    [
        (b"grant_type=client_credentials&grant_type=x", "application/x-www-form-urlencoded"),
        (b"grant_type", "application/x-www-form-urlencoded"),
        (b"a=%ff", "application/x-www-form-urlencoded"),
        ("a=锁".encode(), "application/x-www-form-urlencoded"),
        (b"a=" + b"x" * 20_000, "application/x-www-form-urlencoded"),
        (b"&".join(b"a%d=1" % i for i in range(30)), "application/x-www-form-urlencoded"),
        (b"", "application/x-www-form-urlencoded"),
        (b'{"grant_type":"client_credentials"}', "application/json"),
        (b"--x", "multipart/form-data; boundary=x"),
    ],
)
async def test_a_body_that_is_not_one_strict_form_is_invalid_request(
    world: World, body: bytes, media_type: str
) -> None:
    async with world.http() as http:
        answer = await http.post("/oauth/token", content=body, headers={"Content-Type": media_type})
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


async def test_a_basic_header_is_refused(world: World) -> None:
    async with world.http() as http:
        answer = await http.post("/oauth/token", data=world.token_form(), auth=("zju", "x"))
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


async def test_a_suspended_client_gets_no_token(world: World) -> None:
    world.store.clients["zju"] = replace(world.store.clients["zju"], status=ClientStatus.SUSPENDED)
    assert (await ask(world)).json()["error"] == "invalid_client"


async def test_a_proof_by_a_key_that_was_lost_gets_no_token(world: World) -> None:
    fresh = generate_key()
    added = ClientKey(fresh.public, "zju", KeyStatus.ACTIVE, world.clock())
    await world.store.add_key(added)
    await world.store.revoke_key(world.key.kid, KeyStatus.LOST, world.clock())
    lost = world.proof()
    world.key = fresh
    assert (await ask(world, lost)).json()["error"] == "invalid_dpop_proof"
    assert (await ask(world)).status_code == 200


async def test_another_host_is_misdirected(world: World) -> None:
    async with world.http() as http:
        answer = await http.post(
            "/oauth/token", data=world.token_form(), headers={"Host": "evil.example"}
        )
    assert (answer.status_code, answer.json()["code"]) == (421, "HOST_MISDIRECTED")


async def test_the_token_is_in_no_log(world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    token = await world.token()
    assert token not in caplog.text


async def test_metadata_names_what_the_server_does(world: World) -> None:
    async with world.http() as http:
        server = (await http.get("/.well-known/oauth-authorization-server")).json()
        resource = (await http.get("/.well-known/oauth-protected-resource/graphql")).json()
        whole = (await http.get("/.well-known/oauth-protected-resource")).json()
        keys = (await http.get("/.well-known/jwks.json")).json()["keys"]
    assert server["issuer"] == BASE
    assert server["token_endpoint"] == BASE + "/oauth/token"
    assert server["token_endpoint_auth_methods_supported"] == ["private_key_jwt"]
    assert resource["resource"] == BASE + "/graphql"
    assert whole["resource"] == BASE
    assert resource["dpop_bound_access_tokens_required"] is True
    assert [k["kid"] for k in keys] == [world.hub_key.kid]
    assert "d" not in json.dumps(keys).split('"')


async def revoke(world: World, token: str, client_id: str = "zju") -> httpx.Response:
    from hub.access import assertion

    key = world.key if client_id == "zju" else world.other_key
    form = {
        "token": token,
        "client_assertion_type": assertion.ASSERTION_TYPE,
        "client_assertion": assertion.make(client_id, BASE, key, world.clock()),
    }
    async with world.http() as http:
        return await http.post("/oauth/revoke", data=form)


async def test_revocation_ends_the_tokens_of_the_client_and_new_ones_work(world: World) -> None:
    token = await world.token()
    assert await world.call(token) == 200
    world.clock.advance(2)
    assert (await revoke(world, token)).status_code == 200
    assert await world.call(token) == "TOKEN_REVOKED"
    assert await world.call(await world.token()) == 200


async def test_a_client_cannot_revoke_the_token_of_another(world: World) -> None:
    token = await world.token()
    world.clock.advance(2)
    answer = await revoke(world, token, "ustc")
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
    assert await world.call(token) == 200


async def test_revoking_nonsense_is_quietly_done_and_needs_authentication(world: World) -> None:
    assert (await revoke(world, "nonsense")).status_code == 200
    async with world.http() as http:
        answer = await http.post("/oauth/revoke", data={"token": "x"})
    assert answer.json()["error"] == "invalid_client"


async def test_concurrent_use_of_one_assertion_gives_one_token(world: World) -> None:
    import anyio

    form, statuses = world.token_form(), []

    async def one(http: httpx.AsyncClient) -> None:
        answer = await http.post("/oauth/token", data=form, headers={"DPoP": world.proof()})
        statuses.append(answer.status_code)

    async with world.http() as http, anyio.create_task_group() as tasks:
        for _ in range(8):
            tasks.start_soon(one, http)
    assert sorted(statuses) == [200] + [401] * 7
