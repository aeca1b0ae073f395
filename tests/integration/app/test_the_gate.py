"""Whoever comes in by whichever door is judged in one order, and what is signed is verified."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import Any

import httpx
import pytest

from hub.access.clients import ClientKind
from hub.access.content_digest import content_digest
from hub.access.envelope import Envelope
from hub.access.signatures import MUTATION, PUSH, READ, Operation, sign_request
from hub.client import HubClient
from hub.client.hub_client import SentRequest
from hub.clock import system_clock
from hub.query.plan.documents import document_id, registered
from tests.integration.app.conftest import BASE, UNIVERSITY, World

SCOPES = ("catalogue:read", "records:push", "receipt:read", "graphql:adhoc", "operator:clients")
ORDER = ("host", "token", "rights", "headers", "size", "signature", "digest")
"""What may be wrong with a request, in the order in which the gate looks at it."""


@dataclass(frozen=True)
class Door:
    """A request as it should be, and what is said of each fault that it can have."""

    method: str
    path: str
    operation: Operation
    codes: dict[str, str]
    query: str = ""
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    too_big: int = 0
    is_ok: Callable[[httpx.Response], bool] = lambda answer: answer.status_code == 200


ROW = {"type": "Nothing", "record": {}}
ASKED = json.dumps({"query": "{ instruments { totalCount } }"}).encode()
EVERYWHERE = {
    "host": "HOST_MISDIRECTED",
    "token": "TOKEN_INVALID",
    "signature": "SIG_INVALID",
    "digest": "SIG_DIGEST_MISMATCH",
}
SCOPED = {**EVERYWHERE, "rights": "SCOPE_MISSING"}
JSON = {"content-type": "application/json", "idempotency-key": "k-1"}
WHO = next(text for text in registered().values() if "query WhoAmI" in text)
DOORS = {
    "batches": Door(
        "POST",
        "/batches",
        PUSH,
        {**SCOPED, "size": "BATCH_TOO_LARGE"},
        "source=zju-push",
        json.dumps(ROW).encode(),
        {"content-type": "application/x-ndjson", "idempotency-key": "k-1"},
        too_big=16 * 2**20 + 1,
    ),
    "graphql": Door(
        "POST",
        "/graphql",
        MUTATION,
        {**EVERYWHERE, "headers": "UNSUPPORTED_MEDIA_TYPE", "size": "BODY_TOO_LARGE"},
        body=ASKED,
        headers=JSON,
        too_big=2**20 + 1,
    ),
    "graphql by address": Door(
        "GET", "/graphql", READ, EVERYWHERE, f"documentId={document_id(WHO).replace(':', '%3A')}"
    ),
    "receipt": Door("GET", "/receipts/1", READ, SCOPED, is_ok=lambda a: a.status_code == 404),
    "record": Door("GET", "/records/1", READ, SCOPED, is_ok=lambda a: a.status_code == 404),
    "audit": Door("GET", "/audit", READ, SCOPED, "first=0", is_ok=lambda a: a.status_code == 400),
    "quarantine": Door("GET", "/quarantine", READ, SCOPED, "source=zju-push"),
    "mappings": Door("GET", "/mappings", READ, SCOPED, "source=zju-push"),
    "own registration": Door("GET", "/clients/self", READ, EVERYWHERE),
    "own documents": Door("GET", "/clients/self/documents", READ, EVERYWHERE),
    "an operator's list": Door(
        "GET", "/operator/clients", READ, SCOPED, is_ok=lambda a: a.status_code == 403
    ),
}


@dataclass
class Partner:
    client: HubClient
    reader: HubClient
    """The same without any right of the doors."""
    http: httpx.AsyncClient

    async def send(self, door: Door, *faults: str) -> tuple[httpx.Response, SentRequest]:
        """Send a signed request, wrong in some ways and right in all others."""
        client = self.reader if "rights" in faults else self.client
        body = b" " * door.too_big if "size" in faults else door.body
        headers = {"host": "127.0.0.1:8000", **door.headers, "content-digest": content_digest(body)}
        if "headers" in faults:
            headers["content-type"] = "text/plain"
        proven = await client._with_proof(door.method, door.path, headers)
        if "token" in faults:
            proven["authorization"] = "DPoP a.b.c"
        target = BASE + door.path
        uri = f"{target}?{door.query}" if door.query else target
        if "digest" in faults:
            proven["content-digest"] = content_digest(b"another body")
        envelope = Envelope(door.method, door.path, target, uri, proven)
        signed, base = sign_request(envelope, client.key, door.operation, system_clock())
        if "signature" in faults:
            other, _ = sign_request(envelope, client.key, door.operation, system_clock())
            signed["signature"] = other["signature"]
        every = {**proven, **signed}
        if "host" in faults:
            every["host"] = "evil.example"
        sent = SentRequest(door.method, uri, every, body, base.decode())
        return await self.http.request(door.method, uri, headers=every, content=body), sent


@pytest.fixture
async def partner(world: World) -> Any:
    kind = ClientKind.UNIVERSITY
    client = await world.register("zju", UNIVERSITY, kind, SCOPES, "zju-push")
    reader = await world.register("reader", UNIVERSITY, kind, ("changes:read",), "zju-push")
    async with httpx.AsyncClient(transport=world.transport) as http:
        yield Partner(client, reader, http)


def code_of(answer: httpx.Response) -> str:
    told = answer.json()
    return str(told["code"] if "code" in told else told["errors"][0]["extensions"]["code"])


@pytest.mark.parametrize("name", DOORS)
async def test_of_two_faults_the_one_that_the_gate_looks_at_first_is_told(
    partner: Partner, name: str
) -> None:
    door = DOORS[name]
    known = [fault for fault in ORDER if fault in door.codes]
    assert len(known) == len(door.codes)
    for fault in known:
        answer, _ = await partner.send(door, fault)
        assert code_of(answer) == door.codes[fault]
    for first, second in combinations(known, 2):
        answer, _ = await partner.send(door, first, second)
        assert code_of(answer) == door.codes[first], (first, second)


@pytest.mark.parametrize("name", DOORS)
async def test_a_signed_request_is_answered_signed_whatever_the_answer(
    partner: Partner, name: str
) -> None:
    door = DOORS[name]
    answer, sent = await partner.send(door)
    assert door.is_ok(answer), answer.text
    base = await partner.client._verified(answer, sent)
    assert f'"@status": {answer.status_code}'.encode() in base


@pytest.mark.parametrize("name", [name for name, door in DOORS.items() if door.method == "GET"])
async def test_a_signature_that_does_not_hold_is_refused_where_none_is_asked_for(
    partner: Partner, name: str
) -> None:
    door = DOORS[name]
    uri = f"{BASE}{door.path}?{door.query}" if door.query else BASE + door.path
    plain = {"host": "127.0.0.1:8000"}
    for sent, code in (
        ({}, None),
        ({"signature": "hub=:AAAA:"}, "SIG_MISSING"),
        ({"signature-input": "hub=()"}, "SIG_MISSING"),
        ({"signature": "garbage", "signature-input": "garbage"}, "SIG_MALFORMED"),
    ):
        proven = await partner.client._with_proof("GET", door.path, {**plain, **sent})
        answer = await partner.http.get(uri, headers=proven)
        if code is None:
            assert door.is_ok(answer)
            assert "signature" not in answer.headers
        else:
            assert code_of(answer) == code
            assert '"content-digest"' in answer.headers["accept-signature"]


async def test_nobody_without_a_token_is_let_in_but_to_what_is_public(world: World) -> None:
    async with httpx.AsyncClient(transport=world.transport, base_url=BASE) as http:
        for name, door in DOORS.items():
            where = f"{door.path}?{door.query}" if door.query else door.path
            answer = await http.request(door.method, where, content=door.body, headers=door.headers)
            if name.startswith("graphql"):
                assert answer.status_code in (200, 403), "what is not registered needs a right"
            else:
                assert (answer.status_code, code_of(answer)) == (401, "TOKEN_MISSING")
                assert answer.headers["www-authenticate"].startswith("DPoP ")


async def test_a_stranger_s_signature_is_not_passed_over(world: World) -> None:
    signed = {"signature": "hub=:AAAA:", "signature-input": "hub=()", **JSON}
    body = json.dumps({"documentId": document_id(WHO)})
    async with httpx.AsyncClient(transport=world.transport, base_url=BASE) as http:
        answer = await http.post("/graphql", content=body, headers=signed)
    assert (answer.status_code, code_of(answer)) == (401, "SIG_KEY_UNKNOWN")


async def test_too_many_parameters_are_refused_and_the_answer_is_signed(partner: Partner) -> None:
    many = replace(DOORS["batches"], query="source=zju-push&a=1&b=2&c=3&d=4")
    answer, sent = await partner.send(many)
    assert (answer.status_code, code_of(answer)) == (400, "BAD_USER_INPUT")
    assert await partner.client._verified(answer, sent)
