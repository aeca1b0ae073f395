"""The proxy that a partner runs on its own machine, before a hub in this process."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import AsyncIterator

import httpx
import pytest

from hub.access.clients import ClientKind
from hub.cli.proxy import TABLES
from hub.client.flat_rows import as_csv, find_page, flatten
from hub.client.local_proxy import STATES, LocalProxy
from hub.clock import system_clock
from hub.demo import records
from tests.integration.app.conftest import UNIVERSITY, World

PORT = 8765
READS = ("catalogue:read", "graphql:adhoc", "receipt:read")
ME = "{ me { clientId } }"


@pytest.fixture
async def plain(world: World) -> AsyncIterator[httpx.AsyncClient]:
    """A program that knows nothing of tokens and signatures."""
    partner = await world.register(
        "zju", UNIVERSITY, ClientKind.PARTNER, (*READS, "records:push"), "zju-push"
    )
    application = LocalProxy(partner, TABLES, PORT, ["http://localhost:3000"]).application()
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(application), base_url=f"http://127.0.0.1:{PORT}"
    ) as client:
        yield client


async def push(plain: httpx.AsyncClient) -> dict:
    body = "\n".join(
        json.dumps(row)
        for row in records.batch(system_clock())
        if row["type"] in ("Institution", "Instrument")
    )
    answer = await plain.post(
        "/batches?source=zju-push",
        content=body.encode(),
        headers={"content-type": "application/x-ndjson", "idempotency-key": "k-1"},
    )
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_a_question_needs_no_token_and_no_proof(plain: httpx.AsyncClient) -> None:
    posted = await plain.post("/graphql", json={"query": ME})
    fetched = await plain.get("/graphql", params={"query": ME})
    assert posted.json()["data"] == fetched.json()["data"] == {"me": {"clientId": "zju"}}


async def test_a_push_is_signed_on_the_way_and_its_key_makes_it_repeatable(
    plain: httpx.AsyncClient,
) -> None:
    first, again = await push(plain), await push(plain)
    assert first["counts"]["accepted"] > 0
    assert again["replayed"] is True
    assert again["rows"] == first["rows"]


async def test_a_list_is_a_flat_table(plain: httpx.AsyncClient) -> None:
    await push(plain)
    answer = await plain.get(
        "/table/search_instruments.csv", params={"search": "Talos", "first": 1}
    )
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
    as_json = (
        await plain.get("/table/search_instruments.json", params={"search": "Talos", "first": 100})
    ).json()
    assert [row["key"] for row in rows] == [row["key"] for row in as_json], "page by page"
    assert rows
    assert {"key", "name.zh", "institution.name.zh"} <= set(rows[0])


async def test_a_parameter_that_looks_like_a_number_stays_the_text_that_it_is(
    plain: httpx.AsyncClient,
) -> None:
    await push(plain)
    found = await plain.get("/table/search_instruments.json", params={"search": "210101"})
    assert found.status_code == 200


async def test_what_cannot_be_a_table_says_what_can(plain: httpx.AsyncClient) -> None:
    for path, code in [
        ("/table/nothing.csv", "NO_TABLE"),
        ("/table/sources.xlsx", "NO_TABLE"),
        ("/table/sources.csv?sort=1", "PARAMETER_UNKNOWN"),
        ("/table/search_instruments.csv?search=x&first=many", "BAD_USER_INPUT"),
    ]:
        answer = await plain.get(path)
        assert answer.is_error
        assert answer.json()["code"] == code
        assert answer.json()["hint"]


async def test_a_source_that_did_not_answer_is_named_beside_the_table(
    plain: httpx.AsyncClient,
) -> None:
    answer = await plain.get("/table/search_instruments.csv", params={"search": "TEM"})
    assert answer.headers[STATES] == "zju-push=NEVER"


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "evil.example"},
        {"host": "127.0.0.1:9999"},
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
async def test_a_page_of_a_browser_cannot_ask_as_the_client(
    plain: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    for method, path in [("POST", "/graphql"), ("GET", f"/graphql?query={ME}"), ("GET", "/log/x")]:
        answer = await plain.request(method, path, headers=headers)
        assert answer.status_code in (403, 421)
        assert "access-control-allow-origin" not in answer.headers


async def test_a_page_whose_origin_was_named_may_ask(plain: httpx.AsyncClient) -> None:
    headers = {"origin": "http://localhost:3000", "sec-fetch-site": "same-site"}
    before = await plain.options("/graphql", headers=headers)
    answer = await plain.post("/graphql", json={"query": ME}, headers=headers)
    assert before.status_code == 204
    assert answer.headers["access-control-allow-origin"] == "http://localhost:3000"


async def test_nobody_gets_the_client_s_token_through_the_proxy(plain: httpx.AsyncClient) -> None:
    for path in ("/oauth/token", "/sandbox/clients"):
        answer = await plain.post(path, content=b"grant_type=client_credentials")
        assert answer.json()["code"] == "NOT_PASSED_ON"


async def test_what_the_hub_refuses_comes_back_as_the_hub_said_it(plain: httpx.AsyncClient) -> None:
    refused = await plain.post("/batches?source=other", content=b"{}")
    absent = await plain.get("/receipts/999999")
    assert refused.json()["code"] == "SOURCE_FORBIDDEN"
    assert absent.status_code == 404


def test_nested_items_become_dotted_columns() -> None:
    row = {"a": {"b": 1, "c": None}, "plain": ["x", "y"], "many": [{"z": 1}], "empty": []}
    assert flatten(row) == {
        "a.b": 1,
        "a.c": None,
        "plain": "x; y",
        "many": '[{"z": 1}]',
        "empty": "",
    }
    assert find_page({"me": {"clientId": "zju"}}) is None
    assert find_page({"a": {"edges": [{"node": 1}]}}) == ([1], {})


@pytest.mark.parametrize(
    ("value", "written"),
    [("=1+1", "'=1+1"), ("@x", "'@x"), ("-3.5", "-3.5"), ("+86 21", "'+86 21"), (True, "true")],
)
def test_no_text_of_a_record_becomes_a_formula(value: object, written: str) -> None:
    assert as_csv([{"a": value}]).decode("utf-8-sig").splitlines() == ["a", written]
