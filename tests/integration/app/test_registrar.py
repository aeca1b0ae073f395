"""A partner registers, sees what stands, and changes its keys, over HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx
import pytest

from hub.access import assertion, dpop
from hub.access.clients import ClientKey, ClientKind, KeyRole, KeyStatus
from hub.access.pending import Registrations, RequestState
from hub.access.registration import application_document, proof_of_possession, read_application
from hub.access.store import DatabaseClientStore
from hub.client import CallRefusedError, HubClient
from hub.client.applying import apply
from hub.client.wire import to_json
from hub.clock import system_clock
from hub.crypto.keys import SigningKey, generate_key
from hub.store.database import Database
from tests.integration.app.conftest import BASE, UNIVERSITY, World

pytestmark = pytest.mark.integration
SCOPES = ("catalogue:read", "records:push")
PROVIDER = "uscc:91110000600037341L"


@pytest.fixture
async def partner(world: World) -> HubClient:
    return await world.register("zju", UNIVERSITY, ClientKind.UNIVERSITY, SCOPES, "zju-push")


def document(key: SigningKey, client_id: str = "fudan", **more: Any) -> dict[str, Any]:
    return {**application_document(client_id, "复旦大学", key.public, SCOPES), **more}


async def ask(world: World, body: dict[str, Any]) -> httpx.Response:
    async with httpx.AsyncClient(transport=world.transport, base_url=BASE) as http:
        return await http.post("/clients", json=body, headers={"accept-language": "en"})


async def test_who_asks_waits_for_the_operator_and_learns_what_became_of_it(
    world: World, database: Database
) -> None:
    key, registrations = generate_key(), Registrations(database)
    asked = await apply(BASE, document(key), key, transport=world.transport)
    assert asked["state"] == "PENDING"
    async with HubClient(BASE, "fudan", key, transport=world.transport) as early:
        with pytest.raises(CallRefusedError, match="invalid_client"):
            await early.registration()
    (waiting,) = await registrations.list(RequestState.PENDING)
    assert (waiting.request.client_id, waiting.request.scopes) == ("fudan", SCOPES)
    await registrations.decide(
        waiting.request_id, RequestState.REFUSED, system_clock(), "no agreement"
    )
    again = await apply(BASE, document(key), key, transport=world.transport)
    assert (again["requestId"], again["state"], again["reason"]) == (
        asked["requestId"],
        "REFUSED",
        "no agreement",
    )
    (decided,) = await registrations.list()
    assert decided.address is None, "whose address it was is forgotten"


@pytest.mark.parametrize("fault", ["none", "other key", "other client", "other hub", "used"])
async def test_a_request_without_a_proof_of_its_key_is_refused(world: World, fault: str) -> None:
    key, now = generate_key(), system_clock()
    signer = generate_key() if fault == "other key" else key
    client_id = "ustc" if fault == "other client" else "fudan"
    issuer = "https://other.example" if fault == "other hub" else BASE
    proof = proof_of_possession(client_id, issuer, signer, now)
    if fault == "used":
        assert (await ask(world, document(key, proof=proof))).status_code == 202
    refused = await ask(world, document(key, **({} if fault == "none" else {"proof": proof})))
    assert refused.status_code == 400
    assert refused.json()["hint"].startswith("proof:")


async def test_a_used_proof_gets_no_token_once_the_key_is_registered(
    world: World, database: Database
) -> None:
    key = generate_key()
    proof = proof_of_possession("zju-2", BASE, key, system_clock())
    assert (await ask(world, document(key, "zju-2", proof=proof))).status_code == 202
    store = DatabaseClientStore(database)
    await world.register("zju-2", UNIVERSITY, ClientKind.UNIVERSITY, SCOPES)
    await store.add_key(ClientKey(key.public, "zju-2", KeyStatus.ACTIVE, system_clock()))
    form = {
        "grant_type": "client_credentials",
        "client_assertion_type": assertion.ASSERTION_TYPE,
        "client_assertion": proof,
        "resource": BASE,
    }
    errors = []
    async with httpx.AsyncClient(transport=world.transport, base_url=BASE) as http:
        nonce = (await http.post("/oauth/token", data=form)).headers["dpop-nonce"]
        for text in (proof, proof_of_possession("zju-2", BASE, key, system_clock())):
            dpop_proof = dpop.make(key, "POST", f"{BASE}/oauth/token", system_clock(), nonce=nonce)
            answer = await http.post(
                "/oauth/token",
                data={**form, "client_assertion": text},
                headers={"DPoP": dpop_proof},
            )
            errors.append(answer.json().get("error"))
    assert errors == ["invalid_client", None]


@pytest.mark.parametrize(
    "change",
    [
        {"clientId": "-rf"},
        {"clientId": "../x"},
        {"scopes": ["root"]},
        {"scopes": ["operator:policy"]},
        {"jwk": {"kty": "oct", "k": "AA"}},
        {"version": 1},
        {"name": ""},
    ],
)
async def test_a_bad_document_is_refused_with_its_reason(
    world: World, change: dict[str, Any]
) -> None:
    key = generate_key()
    proof = proof_of_possession("fudan", BASE, key, system_clock())
    refused = await ask(world, {**document(key, proof=proof), **change})
    assert refused.status_code == 400
    assert refused.json()["hint"]


async def test_one_address_cannot_ask_without_end_and_is_told_when_to_ask_again(
    world: World,
) -> None:
    answers = [await ask(world, {}) for _ in range(12)]
    assert {answer.status_code for answer in answers[:10]} == {400}
    assert [answer.status_code for answer in answers[10:]] == [429, 429]
    assert int(answers[-1].headers["retry-after"]) >= 1
    elsewhere = httpx.ASGITransport(world.hub.asgi, client=("192.0.2.7", 1))
    assert (await ask(replace(world, transport=elsewhere), {})).status_code == 400


async def test_a_flood_pushes_out_itself_and_nobody_else(
    world: World, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.access.pending.PENDING_MAX", 3)
    registrations, now = Registrations(database), system_clock()

    async def wait(client_id: str, address: str) -> None:
        request = read_application(document(generate_key(), client_id))
        await registrations.ask(request, address, now)

    await wait("honest", "192.0.2.7")
    for number in range(6):
        await wait(f"flood-{number}", "192.0.2.66")
    assert sorted(each.request.client_id for each in await registrations.list())[-1] == "honest"
    assert len(await registrations.list()) == 3


async def test_a_client_rotates_its_key_by_itself_and_both_are_good_in_the_overlap(
    world: World, partner: HubClient
) -> None:
    new = generate_key()
    registered = await partner.rotate(new)
    assert [key["status"] for key in registered["keys"]] == ["ACTIVE", "ACTIVE"]
    old = HubClient(BASE, "zju", world.keys["zju"], transport=world.transport)
    async with old:
        assert (await old.registration())["clientId"] == "zju"
        assert (await partner.registration())["clientId"] == "zju"
        await partner.retire_key(old.key.kid)
        with pytest.raises(CallRefusedError, match="invalid_client"):
            await old.registration()
    with pytest.raises(CallRefusedError, match="唯一的有效密钥"):
        await partner.retire_key(new.kid)


async def test_a_new_key_needs_a_proof_and_a_signature_and_no_other_client_s_key_helps(
    world: World, partner: HubClient
) -> None:
    other = await world.register("ustc", UNIVERSITY, ClientKind.UNIVERSITY, SCOPES)
    stranger = generate_key()
    answer = await partner._call(
        "POST", "/clients/self/keys", {"content-type": "application/json"}, b"{}"
    )
    assert answer.json()["code"] == "SIG_MISSING"
    with pytest.raises(CallRefusedError, match="没有这把密钥"):
        await partner.retire_key(other.key.kid)
    with pytest.raises(CallRefusedError, match="已登记过"):
        await partner.add_key(other.key)
    assert len((await partner.registration())["keys"]) == 1
    proof = proof_of_possession("zju", BASE, generate_key(), system_clock())
    body = {"jwk": dict(stranger.public.jwk), "proof": proof}
    with pytest.raises(CallRefusedError, match="client assertion"):
        await partner._change_keys("POST", "/clients/self/keys", to_json(body))
    assert len((await partner.registration())["keys"]) == 1


async def test_the_same_key_sent_again_changes_nothing(partner: HubClient) -> None:
    new = generate_key()
    first = await partner.add_key(new)
    assert (await partner.add_key(new))["keys"] == first["keys"]


@pytest.fixture
async def proposer(
    world: World, database: Database, partner: HubClient
) -> AsyncIterator[HubClient]:
    """A key of the same client whose holder only proposes."""
    key = generate_key()
    added = ClientKey(key.public, "zju", KeyStatus.ACTIVE, system_clock(), role=KeyRole.PROPOSER)
    await DatabaseClientStore(database).add_key(added)
    async with HubClient(BASE, "zju", key, transport=world.transport) as client:
        yield client


async def test_nobody_gives_himself_another_role_or_ends_the_keys_of_one(
    partner: HubClient, proposer: HubClient
) -> None:
    registered = await proposer.add_key(generate_key())
    assert [key["role"] for key in registered["keys"]] == [None, "PROPOSER", "PROPOSER"]
    with pytest.raises(CallRefusedError, match="角色和持有人相同"):
        await proposer.retire_key(partner.key.kid)
    with pytest.raises(CallRefusedError, match="角色和持有人相同"):
        await partner.retire_key(proposer.key.kid)
    with pytest.raises(CallRefusedError, match="角色和持有人相同"):
        await proposer.add_key(generate_key(), replaces=partner.key.kid)


async def test_a_university_registers_the_key_of_its_service_provider_and_ends_it(
    world: World, partner: HubClient
) -> None:
    key = generate_key()
    await partner.add_key(key, agent=PROVIDER)
    async with HubClient(BASE, "zju", key, transport=world.transport) as provider:
        registered = await provider.add_key(generate_key())
        assert [each["agent"] for each in registered["keys"]] == [None, PROVIDER, PROVIDER]
        with pytest.raises(CallRefusedError, match="角色和持有人相同"):
            await provider.retire_key(partner.key.kid)
        with pytest.raises(CallRefusedError, match="服务商"):
            await provider.add_key(generate_key(), agent="moe:10246")
    with pytest.raises(CallRefusedError, match="原证"):
        await partner.add_key(generate_key(), agent="uscc:91110000600037341X")
    await partner.retire_key(key.kid)
