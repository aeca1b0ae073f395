"""What real clients are answered fits the OpenAPI document: tokens, keys, files, mappings, acts."""

from __future__ import annotations

import json
import re

import httpx
import pytest
from jsonschema import Draft202012Validator

from hub.access.clients import ClientKind
from hub.access.registration import application_document
from hub.client import HubClient
from hub.client.applying import apply
from hub.crypto.keys import generate_key
from hub.graphql.endpoint import PATH
from hub.openapi.document import openapi
from tests.integration.app.conftest import BASE, UNIVERSITY, World
from tests.integration.app.test_operator_over_http import GRANT, OPERATOR_PARTY, act, look

pytestmark = pytest.mark.integration
SOURCE = "source=zju-push"
MAPPING = """title = "Ledger"
[[record]]
type = "Instrument"
[record.fixed]
institutionKey = "uscc:12100000470095016Q"
[record.items]
localNo = "No."
name.zh = "Name"
status = "State"
"""
TABLE = "No.,Name,State\nA1,电镜,在用\nA2,电镜,?\n".encode()


class Held(httpx.AsyncBaseTransport):
    """Passes requests on and holds every answer against the document."""

    def __init__(self, inner: httpx.AsyncBaseTransport) -> None:
        self._inner, self._document = inner, openapi()
        self.seen: set[tuple[str, str, int]] = set()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        answer = await self._inner.handle_async_request(request)
        body = await answer.aread()
        if request.url.path != PATH:
            self._check(request, answer, body)
        return answer

    def _check(self, request: httpx.Request, answer: httpx.Response, body: bytes) -> None:
        address = self._address_of(request.url.path)
        stated = self._document["paths"][address][request.method.lower()]["responses"]
        self.seen.add((request.method, address, answer.status_code))
        content = stated[str(answer.status_code)]["content"]
        kind = answer.headers["content-type"].partition(";")[0]
        assert kind in content, (request.method, address, answer.status_code, kind)
        if "json" in kind:
            whole = {**content[kind]["schema"], "components": self._document["components"]}
            errors = [
                each.message for each in Draft202012Validator(whole).iter_errors(json.loads(body))
            ]
            assert errors == [], (request.method, address, answer.status_code, body)

    def _address_of(self, path: str) -> str:
        if path in self._document["paths"]:
            return path
        fits = [
            each
            for each in self._document["paths"]
            if re.fullmatch(re.sub(r"\\?\{\w+\\?\}", "[^/]+", re.escape(each)), path)
        ]
        assert len(fits) == 1, (path, fits)
        return str(fits[0])


@pytest.fixture
def held(world: World) -> Held:
    return Held(world.transport)


async def client(world: World, held: Held, name: str, kind: ClientKind, *scopes: str) -> HubClient:
    party, sources = (
        (UNIVERSITY, ("zju-push",)) if kind is ClientKind.UNIVERSITY else (OPERATOR_PARTY, ())
    )
    await world.register(name, party, kind, scopes, *sources)
    return HubClient(BASE, name, world.keys[name], transport=held)


async def test_a_partner_is_answered_as_the_document_says(world: World, held: Held) -> None:
    scopes = ("records:push", "records:withdraw", "receipt:read")
    partner = await client(world, held, "zju", ClientKind.UNIVERSITY, *scopes)
    record = {"institutionKey": UNIVERSITY, "localNo": "B1", "name": {"zh": "电镜"}}
    good = {"type": "Instrument", "record": {**record, "status": "IN_SERVICE"}}
    await partner.push([good, {"type": "Instrument", "record": record}], source="zju-push")
    csv, toml = {"content-type": "text/csv"}, {"content-type": "application/toml"}
    await partner.relay("POST", f"/mappings?{SOURCE}&name=ledger", toml, MAPPING.encode())
    await partner.relay("POST", f"/mappings?{SOURCE}&name=bad", toml, b"title = 1")
    await partner.relay("POST", f"/mappings/draft?{SOURCE}&name=t.csv", csv, TABLE)
    query = f"{SOURCE}&name=t.csv&mapping=ledger&cells=true&marked=true"
    await partner.relay("POST", f"/files?{query}", csv, TABLE)
    for target in (
        f"/mappings?{SOURCE}",
        f"/mappings?{SOURCE}&name=ledger",
        "/quarantine",
        "/audit",
    ):
        await partner.relay("GET", target, {}, b"")
    for target in ("/receipts/1", "/records/1", "/receipts/999"):
        await partner.relay("GET", target, {}, b"")
    await partner.rotate(generate_key())
    assert {
        ("POST", "/oauth/token", 200),
        ("POST", "/oauth/token", 400),
        ("POST", "/batches", 200),
        ("POST", "/mappings", 200),
        ("POST", "/mappings", 422),
        ("POST", "/mappings/draft", 200),
        ("POST", "/files", 200),
        ("GET", "/mappings", 200),
        ("GET", "/quarantine", 200),
        ("GET", "/audit", 200),
        ("GET", "/records/{entry}", 200),
        ("GET", "/receipts/{entry}", 404),
        ("POST", "/clients/self/keys", 201),
    } <= held.seen
    await partner.__aexit__(None, None, None)


async def test_an_operator_is_answered_as_the_document_says(world: World, held: Held) -> None:
    scopes = ("operator:clients", "operator:keys")
    operator = await client(world, held, "desk", ClientKind.OPERATOR, *scopes)
    partner = await world.register("zju", UNIVERSITY, ClientKind.UNIVERSITY, ("records:push",))
    for name in ("first", "second"):
        key = generate_key()
        await apply(BASE, application_document(name, name, key.public), key, transport=held)
    waiting = (await look(operator, "/operator/registrations"))["registrations"]
    first, second = (f"/operator/registrations/{each['requestId']}" for each in waiting)
    await act(operator, f"{first}/approve", GRANT)
    await act(operator, f"{second}/refuse", {"reason": "who are you"})
    await look(operator, "/operator/clients")
    await act(operator, "/operator/clients/zju", {"name": "浙江大学"})
    await act(operator, f"/operator/keys/{partner.key.kid}/revoke", {"lost": True})
    for verb in ("suspend", "resume", "remove"):
        await act(operator, f"/operator/clients/zju/{verb}")
    acts = {address for method, address, status in held.seen if (method, status) == ("POST", 200)}
    assert len([each for each in acts if each.startswith("/operator/")]) == 7
    assert ("POST", "/clients", 202) in held.seen
    await operator.__aexit__(None, None, None)


async def test_an_answer_that_does_not_fit_is_noticed(world: World, held: Held) -> None:
    partner = await client(world, held, "zju", ClientKind.UNIVERSITY, "records:push")
    await partner.registration()
    held._document["components"]["schemas"]["Client"]["required"].append("nothing")
    with pytest.raises(AssertionError, match="clients/self"):
        await partner.registration()
    await partner.__aexit__(None, None, None)
