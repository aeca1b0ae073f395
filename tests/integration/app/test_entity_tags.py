"""An answer that its caller holds already is not sent again, and never serves another caller."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from urllib.parse import urlencode

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import Response

from hub.access import dpop
from hub.access.clients import ClientKind
from hub.client import HubClient
from hub.clock import system_clock
from hub.entity_tag import entity_tag, is_held, unless_held
from hub.explorer import samples
from hub.query.plan.documents import document_id
from hub.store.sources import register_source
from tests.eventually import until
from tests.integration.app.conftest import BASE, UNIVERSITY, World

pytestmark = pytest.mark.integration
LISTED = document_id(samples.document("institution_instruments"))
WHO = document_id(samples.document("who_am_i"))
VARIABLES = {"key": UNIVERSITY}
PROTECTED = f"""{{ instrument(by: {{ key: "{UNIVERSITY}/A1" }}) {{
  serviceRecords(first: 1) {{ nodes {{ localId }} }} }} }}"""
SECONDS_MOST = 5
"""New seconds that may begin between two questions."""
VARY = "Authorization, DPoP, Accept, Accept-Encoding, Accept-Language"


@pytest.fixture
async def http(world: World) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(world.hub.asgi)
    async with httpx.AsyncClient(transport=transport, base_url=BASE) as client:
        yield client


async def ask(
    http: httpx.AsyncClient,
    client: HubClient | None,
    headers: Mapping[str, str] | None = None,
    **parameters: str,
) -> httpx.Response:
    """GET a registered document with the token of a client, or without one."""
    told = dict(headers or {})
    if client is not None:
        token = await client.token()
        proof = dpop.make(client.key, "GET", f"{BASE}/graphql", system_clock(), token=token)
        told |= {"authorization": f"DPoP {token}", "dpop": proof}
    asked = {"documentId": LISTED, "variables": json.dumps(VARIABLES), **parameters}
    return await http.get(f"/graphql?{urlencode(asked)}", headers=told)


async def reader(world: World, name: str, party: str = UNIVERSITY) -> HubClient:
    scopes = ("catalogue:read", "records:push", "graphql:adhoc", "service:read")
    return await world.register(name, party, ClientKind.PARTNER, scopes, "zju-push")


async def push(client: HubClient, name: str) -> None:
    owner = {"institutionKey": UNIVERSITY, "name": {"zh": "浙江大学"}, "kind": "UNIVERSITY"}
    instrument = {
        "institutionKey": UNIVERSITY,
        "localNo": "A1",
        "name": {"zh": name},
        "status": "IN_SERVICE",
    }
    rows = [
        {"type": "Institution", "record": owner},
        {"type": "Instrument", "record": instrument},
    ]
    answer = await client.push(rows, source="zju-push")
    assert answer.body["counts"]["quarantined"] == 0


async def test_what_is_held_is_not_sent_until_it_changes(
    world: World, http: httpx.AsyncClient
) -> None:
    client = await reader(world, "zju")
    await push(client, "电镜")
    first = await ask(http, client)
    assert first.json()["data"]["institution"]["instruments"]["totalCount"] == 1
    tag = first.headers["etag"]
    assert first.json()["extensions"]["requestId"]
    assert (tag[:3], first.headers["cache-control"]) == ('W/"', "private, no-cache")
    assert first.headers["vary"] == VARY
    held = await ask(http, client, {"if-none-match": f'"other", {tag}'})
    assert (held.status_code, held.content) == (304, b"")
    for name in ("etag", "vary", "cache-control", "content-security-policy"):
        assert held.headers[name] == first.headers[name]
    assert "ratelimit" in held.headers
    await push(client, "透射电镜")
    changed = await ask(http, client, {"if-none-match": tag})
    assert changed.status_code == 200
    assert changed.headers["etag"] != tag


async def test_the_state_of_a_source_is_part_of_what_is_held(
    world: World, http: httpx.AsyncClient
) -> None:
    client = await reader(world, "zju")
    await push(client, "电镜")
    before = await ask(http, client)
    await register_source(
        world.hub.database, "silent", "未应答", mode="PUSH", owners=[UNIVERSITY], now=system_clock()
    )
    data, sources = before.json()["data"], before.json()["extensions"]["sources"]

    async def tells_of_the_silent_one() -> bool:
        now = await ask(http, client)
        assert now.json()["data"] == data
        is_told = now.json()["extensions"]["sources"] != sources
        assert is_told is (now.headers["etag"] != before.headers["etag"])
        return is_told

    await until(tells_of_the_silent_one)


async def test_the_tag_of_one_caller_says_nothing_to_another(
    world: World, http: httpx.AsyncClient
) -> None:
    one, other = await reader(world, "zju"), await reader(world, "zju-2")
    tags = [(await ask(http, each)).headers["etag"] for each in (one, other, None)]
    assert len(set(tags)) == 3
    for tag in tags[1:]:
        assert (await ask(http, one, {"if-none-match": tag})).status_code == 200
    nobody = await ask(http, None, {"if-none-match": tags[2]})
    assert (nobody.status_code, nobody.headers["cache-control"]) == (304, "no-cache")
    assert nobody.headers["vary"] == VARY


async def test_a_held_tag_opens_no_door(world: World, http: httpx.AsyncClient) -> None:
    client = await reader(world, "zju")
    tag = (await ask(http, client)).headers["etag"]
    headers = {"if-none-match": tag, "authorization": "DPoP x", "dpop": "x"}
    assert (await ask(http, None, headers)).status_code == 401
    unknown = await ask(http, client, {"if-none-match": "*"}, documentId="sha256:" + "0" * 64)
    assert unknown.json()["errors"][0]["extensions"]["code"] == "DOCUMENT_UNKNOWN"
    assert "etag" not in unknown.headers
    assert unknown.headers["cache-control"] == "no-store"


async def test_only_reads_of_registered_documents_by_get_have_a_tag(
    world: World, http: httpx.AsyncClient
) -> None:
    client = await reader(world, "zju")
    body = {"documentId": LISTED, "variables": VARIABLES}
    posted = await http.post("/graphql", json=body)
    token = await client.token()
    proof = dpop.make(client.key, "GET", f"{BASE}/graphql", system_clock(), token=token)
    told = {"authorization": f"DPoP {token}", "dpop": proof}
    free = await http.get(f"/graphql?{urlencode({'query': '{ me { party } }'})}", headers=told)
    for answer in (posted, free):
        assert answer.status_code == 200
        assert "etag" not in answer.headers
        assert answer.headers["cache-control"] == "no-store"


async def test_what_is_protected_is_kept_by_nobody(world: World, http: httpx.AsyncClient) -> None:
    client = await reader(world, "zju")
    await push(client, "电镜")
    service = {
        "instrumentKey": f"{UNIVERSITY}/A1",
        "localId": "S-1",
        "purpose": "RESEARCH",
        "collectionMethod": "SENSOR",
        "hours": "4.0",
        "userKey": "moe:10246",
    }
    await client.push([{"type": "ServiceRecord", "record": service}], source="zju-push")
    made = await client.register_document(PROTECTED)
    answer = await ask(http, client, documentId=made["documentId"], variables="{}")
    assert answer.json()["data"]["instrument"]["serviceRecords"]["nodes"] == [{"localId": "S-1"}]
    assert "etag" not in answer.headers
    assert answer.headers["cache-control"] == "no-store"


def time_of(answer: httpx.Response) -> str:
    return str(answer.json()["data"]["serviceInfo"]["time"])


async def test_what_the_executor_answers_has_a_tag_too(
    world: World, http: httpx.AsyncClient
) -> None:
    """The answer tells the time in seconds: only a new second makes it another one."""
    client = await reader(world, "zju")
    told = await ask(http, client, documentId=WHO, variables="{}")
    assert "errors" not in told.json()
    for _ in range(SECONDS_MOST):
        known = {"if-none-match": told.headers["etag"]}
        again = await ask(http, client, known, documentId=WHO, variables="{}")
        if again.status_code == 304:
            break
        former, told = told, again
        assert time_of(told) != time_of(former)
    assert again.status_code == 304


async def test_language_and_media_type_are_other_answers(
    world: World, http: httpx.AsyncClient
) -> None:
    client = await reader(world, "zju")
    tag = (await ask(http, client)).headers["etag"]
    english = await ask(http, client, {"if-none-match": tag, "accept-language": "en"})
    assert english.status_code == 200
    typed = {"if-none-match": tag, "accept": "application/graphql-response+json"}
    assert (await ask(http, client, typed)).status_code == 200


async def test_files_and_pages_that_are_everybodys_have_tags(http: httpx.AsyncClient) -> None:
    paths = ("/standard/standard.md", "/standard/monthly_workbook.xlsx", "/guide")
    for path in (*paths, "/guide/errors", "/guide/errors.md"):
        first = await http.get(path)
        packed = await http.get(path, headers={"accept-encoding": "identity"})
        assert packed.headers["etag"] == first.headers["etag"], "weak: the same in any coding"
        told = {"if-none-match": first.headers["etag"]}
        for answer in (await http.get(path, headers=told), await http.head(path, headers=told)):
            assert (answer.status_code, answer.content) == (304, b"")
            for name in ("etag", "cache-control", "content-security-policy"):
                assert answer.headers[name] == first.headers[name], path
            assert "Accept-Encoding" in answer.headers["vary"].split(", "), path
        assert (await http.get(path, headers={"if-none-match": '"x"'})).status_code == 200
    absent = await http.get("/standard/nothing", headers={"if-none-match": "*"})
    assert absent.status_code == 404


def test_tags_are_read_as_the_standard_writes_them() -> None:
    tag = entity_tag(b"a", b"b")
    assert tag != entity_tag(b"ab", b"")
    strong = tag.removeprefix("W/")
    for value in (tag, strong, "*", f'"a,b" , {tag}', f'W/"x",{strong}'):
        assert is_held(_asking(value), tag), value
    for value in ("", strong[1:-1], tag.lower(), f'"{tag}"', strong[:-1], '"x"', "W/*", ",,,"):
        assert not is_held(_asking(value), tag), value
    assert unless_held(_asking("*"), Response("no", 500)).status_code == 500


def _asking(value: str) -> Request:
    headers = [(b"if-none-match", value.encode())]
    return Request({"type": "http", "headers": headers})
