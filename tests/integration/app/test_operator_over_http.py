"""What the operator's commands do, over HTTP: for the operator alone, signed, and by a decider."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from hub.access.clients import ClientKey, ClientKind, KeyRole, KeyStatus
from hub.access.content_digest import content_digest
from hub.access.registration import application_document
from hub.access.store import DatabaseClientStore
from hub.client import CallRefusedError, HubClient
from hub.client.applying import apply
from hub.client.wire import to_json
from hub.clock import system_clock
from hub.crypto.keys import generate_key
from hub.store.database import Database
from tests.integration.app.conftest import BASE, UNIVERSITY, World

pytestmark = pytest.mark.integration
OPERATOR_PARTY = "uscc:91110000600037341L"
GRANT = {"party": UNIVERSITY, "kind": "UNIVERSITY", "scopes": ["records:push"]}


@dataclass
class Desk:
    """An operator's client, and a partner's."""

    operator: HubClient
    partner: HubClient


@pytest.fixture
async def desk(world: World) -> Desk:
    scopes = ("operator:clients", "operator:keys")
    return Desk(
        await world.register("desk", OPERATOR_PARTY, ClientKind.OPERATOR, scopes),
        await world.register("zju", UNIVERSITY, ClientKind.UNIVERSITY, ("records:push",)),
    )


async def look(client: HubClient, path: str) -> Any:
    answer = await client._call("GET", path, {}, b"")
    return answer.json()


async def act(client: HubClient, path: str, body: dict[str, Any] | None = None) -> Any:
    return await client._change_keys("POST", path, to_json(body or {}))


async def test_the_operator_lists_changes_suspends_resumes_and_removes(desk: Desk) -> None:
    listed = await look(desk.operator, "/operator/clients")
    assert [each["clientId"] for each in listed["clients"]] == ["desk", "zju"]
    changed = await act(
        desk.operator,
        "/operator/clients/zju",
        {"name": "浙江大学", "scopes": ["catalogue:read"], "sources": ["zju-push"]},
    )
    assert (changed["name"], changed["scopes"]) == ("浙江大学", ["catalogue:read"])
    suspended = await act(desk.operator, "/operator/clients/zju/suspend")
    assert suspended["status"] == "SUSPENDED"
    with pytest.raises(CallRefusedError, match="invalid_client"):
        await desk.partner.registration()
    await act(desk.operator, "/operator/clients/zju/resume")
    assert (await desk.partner.registration())["status"] == "ACTIVE"
    removed = await act(desk.operator, "/operator/clients/zju/remove")
    assert removed["status"] == "REMOVED"
    with pytest.raises(CallRefusedError, match="已注销"):
        await act(desk.operator, "/operator/clients/zju/resume")
    assert (await look(desk.operator, "/operator/clients/nobody"))["code"] == "NOT_FOUND"


async def test_the_operator_decides_on_what_waits(desk: Desk, world: World) -> None:
    keys = [generate_key(), generate_key()]
    asked = [
        await apply(
            BASE,
            application_document(f"new-{number}", "new", key.public),
            key,
            transport=world.transport,
        )
        for number, key in enumerate(keys)
    ]
    waiting = (await look(desk.operator, "/operator/registrations"))["registrations"]
    assert [each["requestId"] for each in waiting] == [each["requestId"] for each in asked]
    first, second = (f"/operator/registrations/{each['requestId']}" for each in asked)
    with pytest.raises(CallRefusedError, match="没有这些来源"):
        await act(desk.operator, f"{first}/approve", {**GRANT, "sources": ["nowhere"]})
    made = await act(desk.operator, f"{first}/approve", {**GRANT, "role": "PROPOSER"})
    assert made["keys"][0]["role"] == "PROPOSER"
    async with HubClient(BASE, "new-0", keys[0], transport=world.transport) as partner:
        assert (await partner.registration())["scopes"] == ["records:push"]
    refused = await act(desk.operator, f"{second}/refuse", {"reason": "who are you"})
    assert (refused["state"], refused["reason"]) == ("REFUSED", "who are you")
    with pytest.raises(CallRefusedError, match="已有决定"):
        await act(desk.operator, f"{second}/approve", GRANT)


async def test_the_operator_ends_a_key(desk: Desk) -> None:
    path = f"/operator/keys/{desk.partner.key.kid}/revoke"
    ended = await act(desk.operator, path, {"lost": True})
    assert ended["keys"][0]["status"] == "LOST"
    with pytest.raises(CallRefusedError, match="没有指纹如此"):
        await act(desk.operator, path)
    with pytest.raises(CallRefusedError, match="invalid_client"):
        await desk.partner.registration()


WRONG: list[dict[str, Any]] = [
    {},
    {"party": "foo:1"},
    {"party": 1},
    {"kind": "KING"},
    {"kind": ["PEER"]},
    {"scopes": ["root"]},
    {"scopes": "records:push"},
    {"scopes": ["operator:policy"]},
    {"sources": ["nowhere"]},
    {"sources": [1]},
    {"name": ""},
    {"status": "ACTIVE"},
]


async def test_a_wrong_change_is_refused_with_its_reason(desk: Desk) -> None:
    before = await look(desk.operator, "/operator/clients/zju")
    for change in WRONG:
        with pytest.raises(CallRefusedError) as refused:
            await act(desk.operator, "/operator/clients/zju", change)
        assert (refused.value.status, refused.value.code) == (400, "BAD_USER_INPUT"), change
    assert await look(desk.operator, "/operator/clients/zju") == before


ACTS = [
    "/operator/clients/zju",
    "/operator/clients/zju/suspend",
    "/operator/clients/zju/remove",
    "/operator/registrations/reg-1/approve",
    "/operator/registrations/reg-1/refuse",
    "/operator/keys/x/revoke",
]


async def test_nobody_else_and_nobody_unsigned_acts(desk: Desk, world: World) -> None:
    scopes = ("operator:clients", "operator:keys")
    impostor = await world.register("impostor", UNIVERSITY, ClientKind.PARTNER, scopes)
    for path in ACTS:
        await nobody_else_acts(desk, impostor, world, path)


async def nobody_else_acts(desk: Desk, impostor: HubClient, world: World, path: str) -> None:
    for client, code in ((desk.partner, "SCOPE_MISSING"), (impostor, "FORBIDDEN")):
        with pytest.raises(CallRefusedError) as refused:
            await act(client, path, {"name": "x"})
        assert refused.value.code == code
    headers = {"content-type": "application/json", "content-digest": content_digest(b"{}")}
    unsigned = await desk.operator._call("POST", path, headers, b"{}")
    assert unsigned.json()["code"] == "SIG_MISSING"
    async with httpx.AsyncClient(transport=world.transport, base_url=BASE) as http:
        assert (await http.post(path, json={})).json()["code"] == "TOKEN_MISSING"
        assert (await http.get("/operator/clients")).json()["code"] == "TOKEN_MISSING"


async def test_where_the_operator_uses_roles_a_proposer_s_key_decides_nothing(
    desk: Desk, world: World, database: Database
) -> None:
    clients = {}
    for role in KeyRole:
        key = generate_key()
        added = ClientKey(key.public, "desk", KeyStatus.ACTIVE, system_clock(), role=role)
        await DatabaseClientStore(database).add_key(added)
        clients[role] = HubClient(BASE, "desk", key, transport=world.transport)
    with pytest.raises(CallRefusedError, match="DECIDER"):
        await act(clients[KeyRole.PROPOSER], "/operator/clients/zju/suspend")
    assert (await look(clients[KeyRole.PROPOSER], "/operator/clients/zju"))["status"] == "ACTIVE"
    decided = await act(clients[KeyRole.DECIDER], "/operator/clients/zju/suspend")
    assert decided["status"] == "SUSPENDED"


async def test_each_change_is_in_the_audit_with_who_signed_it(
    desk: Desk, database: Database
) -> None:
    await look(desk.operator, "/operator/clients")
    await act(desk.operator, "/operator/clients/zju/suspend")
    with pytest.raises(CallRefusedError):
        await act(desk.operator, "/operator/clients/nobody/resume")
    rows = await database.writes.fetch_all(
        "SELECT action, detail->>'id', detail->>'client', detail->>'key' "
        "FROM audit ORDER BY audit_id"
    )
    kid = desk.operator.key.kid
    assert rows == [
        ("operator clients suspend", "zju", "desk", kid),
        ("operator clients resume", "nobody", "desk", kid),
    ]
