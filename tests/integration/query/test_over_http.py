"""`POST /graphql` as a partner meets it: media types, refusals, documents, signed mutations."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from hub.access.clients import ClientKind
from hub.access.config import local_config
from hub.access.content_digest import content_digest
from hub.access.registration import ClientGrant, admit, application_document, read_application
from hub.access.service import Access
from hub.access.store import DatabaseClientStore
from hub.client import HubClient
from hub.clock import system_clock
from hub.crypto.keys import generate_key
from hub.edge import Application
from hub.explorer.samples import samples
from hub.graphql.endpoint import GraphQLEndpoint
from hub.graphql.hooks import ServiceFacts
from hub.graphql.service import Engine, Parts
from hub.intake.service import submit
from hub.query.plan.documents import document_id, registered
from hub.state import MemoryState
from hub.store.database import Database
from tests.integration.query.conftest import A, instrument, put, register

pytestmark = pytest.mark.integration

BASE = "http://127.0.0.1:8000"
NEW, OLD = "application/graphql-response+json", "application/json"
PUSHER = ("catalogue:read", "records:push", "records:withdraw", "graphql:adhoc")


@dataclass
class Served:
    database: Database
    http: httpx.AsyncClient
    client: Callable[..., Awaitable[HubClient]]


@pytest.fixture
async def served(database: Database) -> AsyncIterator[Served]:
    state = MemoryState(system_clock)
    store = DatabaseClientStore(database)
    access = Access(local_config(8000), generate_key(), store, state, system_clock)
    parts = Parts(
        facts=ServiceFacts(version="1", standard_version="1", sandbox=True),
        state=state,
        submit=lambda batch: submit(database, batch, clock=system_clock),
    )
    engine = Engine(database, system_clock, parts)
    endpoint = GraphQLEndpoint(engine, access)
    transport = httpx.ASGITransport(Application(endpoint, Starlette(routes=access.routes())))
    opened: list[HubClient] = []

    async def client(scopes: tuple[str, ...] = PUSHER) -> HubClient:
        key = generate_key()
        name = f"client-{len(opened)}"
        application = read_application(application_document(name, name, key.public))
        grant = ClientGrant(A, ClientKind.UNIVERSITY, scopes, ("alpha",))
        await admit(store, application, grant, system_clock())
        opened.append(HubClient(BASE, name, key, transport=transport))
        return opened[-1]

    await register(database)
    async with httpx.AsyncClient(transport=transport, base_url=BASE) as http:
        yield Served(database, http, client)
    for each in opened:
        await each.__aexit__(None, None, None)


async def post(served: Served, body: Any, accept: str = NEW, **headers: str) -> httpx.Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return await served.http.post(
        "/graphql",
        content=content,
        headers={"content-type": "application/json", "accept": accept, **headers},
    )


async def test_a_registered_document_is_answered_to_anybody(served: Served) -> None:
    row = instrument(A, "T1", "扫描电镜", [])
    await put(served.database, [("Instrument", row)], "alpha")
    for sample in samples(system_clock(), f"{A}/T1", A):
        identity = document_id(sample["document"])
        body = {"documentId": identity, "variables": sample["variables"]}
        answer = await post(served, body)
        assert answer.status_code == 200, answer.text
        codes = {e["extensions"]["code"] for e in answer.json().get("errors", [])}
        assert codes <= {"SCOPE_MISSING"}, answer.text
        assert answer.json()["data"] is not None
    assert {document_id(each["document"]) for each in samples(system_clock())} <= set(registered())


async def test_any_other_document_needs_a_scope(served: Served) -> None:
    answer = await post(served, {"query": "{ instruments { totalCount } }"})
    assert answer.status_code == 403
    assert answer.json()["errors"][0]["extensions"]["code"] == "DOCUMENT_REQUIRED"
    client = await served.client()
    assert (await client.query("{ instruments { totalCount } }"))["data"]
    poor = await served.client(("catalogue:read",))
    refused = await poor.query("{ instruments { totalCount } }")
    assert refused["errors"][0]["extensions"]["code"] == "DOCUMENT_REQUIRED"


async def test_an_unknown_document_is_not_found(served: Served) -> None:
    answer = await post(served, {"documentId": document_id("{ me { party } }")})
    assert answer.status_code == 404
    assert answer.json()["errors"][0]["extensions"]["code"] == "DOCUMENT_UNKNOWN"


SOURCES = next(text for text in registered().values() if "query Sources" in text)


@pytest.mark.parametrize(
    ("accept", "kind"),
    [(NEW, NEW), (OLD, OLD), ("*/*", OLD), ("", OLD), (f"text/html, {NEW};q=0.9", NEW)],
)
async def test_the_answer_has_the_type_that_is_accepted(
    served: Served, accept: str, kind: str
) -> None:
    answer = await post(served, {"query": SOURCES}, accept)
    assert answer.headers["content-type"] == f"{kind}; charset=utf-8"
    assert answer.status_code == 200
    assert (await post(served, {"query": SOURCES}, "text/html")).status_code == 406


@pytest.mark.parametrize(
    ("document", "code"),
    [
        ("{", "GRAPHQL_PARSE_FAILED"),
        ("{ instrument }", "GRAPHQL_VALIDATION_FAILED"),
        ("{ instrumens { totalCount } }", "GRAPHQL_VALIDATION_FAILED"),
        ("query ($n: Int!) { instruments(first: $n) { totalCount } }", "BAD_USER_INPUT"),
        ("query A { me { party } } query B { me { party } }", "OPERATION_UNKNOWN"),
        ("{" + " me" * 1200 + "}", "TOO_MANY_TOKENS"),
        ("{ " + " ".join(f"a{n}: me {{ party }}" for n in range(31)) + "}", "TOO_MANY_ALIASES"),
        ("{ me @skip(if: true)" + " @skip(if: true)" * 30 + " }", "TOO_MANY_DIRECTIVES"),
        ("{ " + "me { party } " * 21 + "}", "TOO_MANY_ROOT_FIELDS"),
        (
            "{ instruments { nodes " + "{ institution { instruments { nodes " * 4 + "{ id }"
            + " } } }" * 4 + " } }",
            "TOO_DEEP",
        ),
        ("{ instruments(first: 100) { nodes { institution { instruments(first: 100) "
         "{ nodes { id } } } } } }", "COST_LIMIT"),
        ("subscription { x }", "GRAPHQL_VALIDATION_FAILED"),
        ("{ ...A } fragment A on Query { ...A }", "GRAPHQL_VALIDATION_FAILED"),
    ],
)  # fmt: skip
async def test_a_bad_document_has_its_own_code(served: Served, document: str, code: str) -> None:
    client = await served.client()
    await client.token()

    async def ask(accept: str) -> httpx.Response:
        headers = {"content-type": "application/json", "accept": accept, "accept-language": "en"}
        body = json.dumps({"query": document}).encode()
        return await client._call("POST", "/graphql", headers, body)

    new, old = await ask(NEW), await ask(OLD)
    assert (new.status_code, old.status_code) == (400, 200)
    for answer in (new, old):
        found = answer.json()
        assert "data" not in found
        assert found["errors"][0]["extensions"]["code"] == code, answer.text
        assert "Did you mean" not in answer.text
        assert "Traceback" not in answer.text


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 400, "NOT_JSON"),
        (b"{", 400, "NOT_JSON"),
        (b'{"query":"\xff"}', 400, "NOT_UTF8"),
        (b"[" * 100_000, 400, "NOT_JSON"),
        (b'{"query": NaN}', 400, "NOT_JSON"),
        (b"[]", 400, "BAD_USER_INPUT"),
        (b"{}", 400, "BAD_USER_INPUT"),
        (b'{"query": 1}', 400, "BAD_USER_INPUT"),
        (b'{"query": "{me{party}}", "variables": []}', 400, "BAD_USER_INPUT"),
        (b'{"query": "{me{party}}", "operationName": {}}', 400, "BAD_USER_INPUT"),
        (b" " * (1024 * 1024 + 1), 413, "BODY_TOO_LARGE"),
    ],
)
async def test_a_body_that_is_no_request_is_refused(
    served: Served, body: bytes, status: int, code: str
) -> None:
    for accept in (NEW, OLD):
        answer = await post(served, body, accept)
        assert answer.status_code == status
        assert answer.json()["errors"][0]["extensions"]["code"] == code


async def test_an_address_may_ask_but_change_nothing(served: Served) -> None:
    read = await served.http.get("/graphql", params={"query": SOURCES, "variables": "{}"})
    assert read.status_code == 200
    assert read.json()["data"]["serviceInfo"]["version"]
    written = (
        'mutation { withdrawRecord(input: {source: "alpha", type: "Institution", key: "x",'
        ' reason: "x", idempotencyKey: "x"}) { userErrors { code } } }'
    )
    client = await served.client()
    proof = await client._with_proof("GET", "/graphql", {"accept": OLD})
    answer = await served.http.get("/graphql", params={"query": written}, headers=proof)
    assert answer.status_code == 405
    assert answer.json()["errors"][0]["extensions"]["code"] == "METHOD_NOT_ALLOWED"
    other = await served.http.put("/graphql", json={"query": SOURCES})
    assert (other.status_code, other.headers["allow"]) == (405, "GET, HEAD, POST")


@pytest.mark.parametrize(
    ("address", "code"),
    [
        ("", "BAD_USER_INPUT"),
        ("query=%7Bme%7Bparty%7D%7D&query=x", "BAD_USER_INPUT"),
        ("query=%7Bme%7Bparty%7D%7D&variables=x", "NOT_JSON"),
        ("query=%7Bme%7Bparty%7D%7D&variables=%5B%5D", "BAD_USER_INPUT"),
        ("query=%FF", "NOT_UTF8"),
        ("&".join(f"a{n}=1" for n in range(17)), "BAD_USER_INPUT"),
    ],
)
async def test_an_address_that_is_wrong_says_why(served: Served, address: str, code: str) -> None:
    answer = await served.http.get(f"/graphql?{address}", headers={"accept": NEW})
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["extensions"]["code"] == code


async def test_only_json_is_taken_by_post(served: Served) -> None:
    for kind in (
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
    ):
        answer = await post(served, {"query": SOURCES}, **{"content-type": kind})
        assert answer.status_code == 415
    utf16 = await post(
        served, {"query": SOURCES}, **{"content-type": "application/json; charset=utf-16"}
    )
    assert utf16.status_code == 415
    plain = await post(
        served, {"query": SOURCES}, **{"content-type": "application/json;charset=UTF-8"}
    )
    assert plain.status_code == 200


async def test_messages_are_chinese_unless_english_is_preferred(served: Served) -> None:
    chinese = (await post(served, {"query": "{"})).json()["errors"][0]["message"]
    english = (await post(served, {"query": "{"}, **{"accept-language": "en-GB, zh"})).json()
    assert chinese == "只接受已登记的查询"
    assert english["errors"][0]["message"] == "Only registered documents are accepted"


async def test_a_bad_token_is_refused_before_the_body_is_read(served: Served) -> None:
    answer = await post(served, b"{" * 99, authorization="Bearer x")
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("DPoP")


async def test_a_database_that_is_away_is_a_503(served: Served) -> None:
    await post(served, {"query": SOURCES})
    await served.database.close()
    served.database.reads._url = "host=/nowhere"
    answer = await post(served, {"query": SOURCES})
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 0
    assert answer.json()["errors"][0]["extensions"]["retryable"] is True


async def test_a_caller_may_spend_only_so_much(served: Served) -> None:
    body = {"documentId": document_id(SOURCES)}
    for _ in range(2000):
        answer = await post(served, body)
        if answer.status_code != 200:
            break
    assert answer.status_code == 429
    assert answer.json()["errors"][0]["extensions"]["code"] == "RATE_LIMITED"
    assert int(answer.headers["retry-after"]) >= 1


PUSH = """mutation ($input: PushRecordsInput!) { pushRecords(input: $input) {
  rows { row outcome key id entryId revision revisionId problems { path code message } }
  accepted duplicate withdrawn quarantined dryRun replayed userErrors { path code message } } }"""


async def mutate(
    client: HubClient, document: str, variables: dict[str, Any], key: str = "key-1"
) -> dict[str, Any]:
    body = json.dumps({"query": document, "variables": variables}).encode()
    headers = {
        "content-type": "application/json",
        "accept": NEW,
        "accept-language": "en",
        "content-digest": content_digest(body),
        "idempotency-key": key,
    }
    answer, _ = await client._signed("/graphql", "", headers, body)
    assert "signature" in answer.headers, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_rows_are_pushed_corrected_and_withdrawn(served: Served) -> None:
    client = await served.client()
    good, bad = instrument(A, "T1", "电镜", []), instrument(A, "T2", "电镜", [], status="NEW")
    rows = [{"type": "Instrument", "record": row} for row in (good, bad)]
    pushed = (await mutate(client, PUSH, {"input": {"source": "alpha", "rows": rows}}))["data"]
    outcome = pushed["pushRecords"]
    assert [row["outcome"] for row in outcome["rows"]] == ["ACCEPTED", "QUARANTINED"]
    assert outcome["rows"][1]["problems"][0]["path"] == "status"
    assert (outcome["accepted"], outcome["quarantined"]) == (1, 1)

    correct = """mutation ($input: CorrectRecordInput!) { correctRecord(input: $input) {
      rows { outcome revision } userErrors { code } } }"""
    record = {**good, "model": "JEM-2100F"}
    given = {"source": "alpha", "type": "Instrument", "record": record}
    made = await mutate(client, correct, {"input": given}, "key-2")
    assert made["data"]["correctRecord"]["rows"] == [{"outcome": "ACCEPTED", "revision": 2}]

    query = "{ instruments { nodes { key model provenance { assurance } } } }"
    found = (await client.query(query))["data"]["instruments"]["nodes"]
    assert found == [
        {"key": f"{A}/T1", "model": "JEM-2100F", "provenance": {"assurance": "REQUEST_SIGNED"}}
    ]

    withdraw = """mutation ($input: WithdrawRecordInput!) { withdrawRecord(input: $input) {
      rows { outcome } withdrawn userErrors { code } } }"""
    gone = {"source": "alpha", "type": "Instrument", "key": f"{A}/T1", "reason": "已报废"}
    made = await mutate(client, withdraw, {"input": gone}, "key-3")
    assert made["data"]["withdrawRecord"]["withdrawn"] == 1
    assert (await client.query(query))["data"]["instruments"]["nodes"] == []


async def test_a_mutation_takes_no_twin_of_a_key(served: Served) -> None:
    client = await served.client()
    twin = instrument(A, "T1\u200b", "电镜", [])
    given = {"source": "alpha", "type": "Instrument", "record": twin}
    correct = """mutation ($input: CorrectRecordInput!) { correctRecord(input: $input) {
      rows { key problems { path code message } } } }"""
    made = await mutate(client, correct, {"input": given})
    (row,) = made["data"]["correctRecord"]["rows"]
    assert row["problems"][0]["code"] == "KEY_CHARACTER"
    assert "U+200B" in row["problems"][0]["message"]
    assert "\u200b" not in json.dumps(row, ensure_ascii=False)
    withdraw = """mutation ($input: WithdrawRecordInput!) { withdrawRecord(input: $input) {
      rows { problems { path code } } } }"""
    gone = {"source": "alpha", "type": "Instrument", "key": f"{A}/T1\u200b", "reason": "已报废"}
    made = await mutate(client, withdraw, {"input": gone}, "key-2")
    (row,) = made["data"]["withdrawRecord"]["rows"]
    assert row["problems"] == [{"path": "withdraw.key", "code": "KEY_CHARACTER"}]


async def test_a_dry_run_writes_nothing_and_a_repeat_is_answered_again(served: Served) -> None:
    client = await served.client()
    rows = [{"type": "Instrument", "record": instrument(A, "T1", "电镜", [])}]
    dry = {"input": {"source": "alpha", "rows": rows, "dryRun": True}}
    assert (await mutate(client, PUSH, dry))["data"]["pushRecords"]["dryRun"] is True
    assert (await client.query("{ instruments { totalCount } }"))["data"]["instruments"] == {
        "totalCount": 0
    }
    wet = {"input": {"source": "alpha", "rows": rows}}
    first = (await mutate(client, PUSH, wet, "key-2"))["data"]["pushRecords"]
    again = (await mutate(client, PUSH, wet, "key-2"))["data"]["pushRecords"]
    assert (first["replayed"], again["replayed"]) == (False, True)
    assert again["rows"] == first["rows"]
    other = {"input": {"source": "alpha", "rows": []}}
    refused = (await mutate(client, PUSH, other, "key-2"))["data"]["pushRecords"]
    assert [e["code"] for e in refused["userErrors"]] != []


async def test_a_mutation_must_be_signed_scoped_and_of_an_own_source(served: Served) -> None:
    client = await served.client()
    given = {"input": {"source": "beta", "rows": [{}]}}
    unsigned = await client.query(PUSH, given)
    assert unsigned["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
    foreign = (await mutate(client, PUSH, given))["data"]["pushRecords"]
    assert foreign["userErrors"][0]["code"] == "SOURCE_FORBIDDEN"
    many = {"input": {"source": "alpha", "rows": [{}] * 501}}
    too_many = (await mutate(client, PUSH, many))["data"]["pushRecords"]
    assert too_many["userErrors"][0]["code"] == "BATCH_TOO_LARGE"
    reader = await served.client(("catalogue:read", "graphql:adhoc"))
    refused = await mutate(reader, PUSH, given)
    assert refused["errors"][0]["extensions"] == {
        "code": "SCOPE_MISSING",
        "detail": "pushRecords needs the scope records:push",
        "scope": "records:push",
        "retryable": False,
    }
