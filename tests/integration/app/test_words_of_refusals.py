"""Every refusal that a partner meets is in Chinese and in English, and in nobody else's words."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from hub.access.clients import ClientKind
from hub.access.errors import Reason
from hub.access.registration import application_document
from hub.client import HubClient
from hub.crypto.keys import generate_key
from tests.integration.app.conftest import BASE, UNIVERSITY, World

pytestmark = pytest.mark.integration

NDJSON = "application/x-ndjson"
JSON = "application/json"
SCOPES = (
    *("records:push", "records:withdraw", "graphql:adhoc", "catalogue:read", "receipt:read"),
    "changes:read",
)
BATCHES = "/batches?source=zju-push"
FILES = "/files?source=zju-push"
GOOD = b'{"type":"Instrument","record":{}}'


def asked(document: str, **variables: Any) -> bytes:
    return json.dumps({"query": document, "variables": variables}).encode()


def filtered(condition: str) -> bytes:
    return asked(f"{{ instruments(filter: {condition}) {{ totalCount }} }}")


SENT: tuple[tuple[str, str, str, bytes], ...] = (
    ("POST", "/graphql", JSON, b"{"),
    ("POST", "/graphql", JSON, b"[]"),
    ("POST", "/graphql", JSON, b"\xff"),
    ("POST", "/graphql", JSON, b"{}"),
    ("POST", "/graphql", JSON, b'{"query": 5}'),
    ("POST", "/graphql", JSON, b'{"query":"{x}","query":"{y}"}'),
    ("POST", "/graphql", JSON, b'{"documentId": "sha256:00"}'),
    ("POST", "/graphql", "text/plain", b"{}"),
    ("POST", "/graphql", JSON, asked("{ instruments { totalCount ")),
    ("POST", "/graphql", JSON, asked("{ nothing }")),
    ("POST", "/graphql", JSON, asked("{ instruments }")),
    ("POST", "/graphql", JSON, asked("query A { me { party } } query B { me { party } }")),
    ("POST", "/graphql", JSON, asked("{ instruments(first: 100000) { totalCount } }")),
    ("POST", "/graphql", JSON, asked("{ instruments(first: 1, last: 1) { totalCount } }")),
    ("POST", "/graphql", JSON, asked('{ instruments(after: "x", first: 1) { nodes { id } } }')),
    ("POST", "/graphql", JSON, asked("query($n: Int!) { instruments(first: $n) { totalCount } }")),
    ("POST", "/graphql", JSON, filtered("{ localNo: { eq: null } }")),
    ("POST", "/graphql", JSON, filtered('{ localNo: { eq: "\\u0000" } }')),
    ("POST", "/graphql", JSON, filtered('{ acceptedOn: { from: "2023-02-29" } }')),
    ("POST", "/graphql", JSON, filtered('{ originalValue: { from: "1e5" } }')),
    ("POST", "/graphql", JSON, filtered('{ classes: { under: "99", scheme: "GB/T32847" } }')),
    ("POST", "/graphql", JSON, filtered("{ province: { in: [MARS] } }")),
    ("POST", "/graphql", JSON, asked('{ receipt(entryId: "x") { state } }')),
    ("POST", "/graphql", JSON, asked("{ receipt { state } }")),
    ("POST", "/graphql", JSON, asked("{ changes(first: 0) { hasMore } }")),
    ("POST", "/graphql", JSON, asked('{ changes(after: "x") { hasMore } }')),
    ("POST", "/graphql", JSON, asked("{ usageRecords { totalCount } }")),
    ("POST", BATCHES, NDJSON, b""),
    ("POST", BATCHES, NDJSON, b"{"),
    ("POST", BATCHES, NDJSON, GOOD + b"\n[]"),
    ("POST", BATCHES, NDJSON, GOOD + b"\n\xd6\xd0"),
    ("POST", BATCHES, NDJSON, b'{"a":NaN}'),
    ("POST", "/batches", NDJSON, GOOD),
    ("POST", BATCHES + "&source=x", NDJSON, GOOD),
    ("POST", BATCHES + "&dryRun=ja", NDJSON, GOOD),
    ("POST", BATCHES + "&asOf=yesterday", NDJSON, GOOD),
    ("POST", BATCHES + "&asOf=2026-11-23T09:00:00", NDJSON, GOOD),
    ("POST", "/batches?source=other", NDJSON, GOOD),
    ("POST", FILES, "application/octet-stream", b""),
    ("POST", FILES + "&name=a.xlsx", "application/octet-stream", b"PK\x03\x04 no workbook"),
    ("POST", FILES + "&name=a.csv", "application/octet-stream", "编号,名称\n1,甲".encode()),
    ("POST", FILES + "&name=a.csv&mapping=x", "application/octet-stream", b"a,b\n1,2"),
    (
        "POST",
        FILES + "&name=a.csv",
        "application/octet-stream",
        "名称,值\nü\n".encode("latin-1", "ignore") + b"\xff\xfe\xfd",
    ),
    ("POST", FILES + "&name=a.json", "application/octet-stream", b'[{"a": NaN}]'),
    ("POST", FILES + "&name=a.xml", "application/octet-stream", b"<?xml version='1.0'?><a/>"),
    ("POST", FILES + "&name=a.xls", "application/octet-stream", b"<html><p>sign in</p></html>"),
    (
        "POST",
        FILES + "&name=a.xls",
        "application/octet-stream",
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1x",
    ),
    ("POST", FILES + "&cells=maybe", "application/octet-stream", b"a,b\n1,2"),
    ("POST", "/files?source=other", "application/octet-stream", b"a,b\n1,2"),
    ("GET", "/quarantine?source=other", JSON, b""),
    ("GET", "/quarantine?source=zju-push&first=x", JSON, b""),
    ("GET", "/quarantine?colour=red", JSON, b""),
    ("GET", "/receipts/99999", JSON, b""),
    ("GET", "/records/99999", JSON, b""),
    ("GET", "/graphql?query=" + quote("mutation { x }"), JSON, b""),
    ("GET", "/graphql", JSON, b""),
    ("GET", "/nowhere", JSON, b""),
    ("POST", "/clients/self/keys", JSON, b"{}"),
    ("POST", "/clients/self/keys", JSON, b'{"jwk": {}, "proof": "x"}'),
    ("POST", "/clients/self/keys", JSON, b'{"jwk": {"kty": "RSA"}, "proof": "x", "a": 1}'),
    ("DELETE", "/clients/self/keys/x", JSON, b""),
    ("GET", "/operator/clients", JSON, b""),
    ("POST", "/operator/clients/x", JSON, b"{}"),
    ("GET", "/audit?first=x", JSON, b""),
    ("POST", "/documents", JSON, b"{}"),
    ("POST", "/documents", JSON, b'{"text": 5}'),
)
HAN = re.compile(r"[\u4e00-\u9fff]")
FOREIGN = re.compile(
    r"codec|Traceback|psycopg|Error\b|Exception|Expecting|\[0-9|\\d|\(\?|\$\)|object at|NoneType|"
    r"Decoder|Undefined|Did you mean"
)


@pytest.fixture
async def university(world: World) -> HubClient:
    return await world.register("zju", UNIVERSITY, ClientKind.UNIVERSITY, SCOPES, "zju-push")


async def answered(client: HubClient, sent: tuple[str, str, str, bytes], language: str) -> Any:
    method, target, kind, body = sent
    headers = {"accept-language": language, "accept": "*/*"}
    return await client.relay(method, target, {**headers, "content-type": kind}, body)


def told(answer: httpx.Response) -> list[list[str]]:
    """Return the texts of each error: what is wrong, and what to do where that is said."""
    document = answer.json()
    if "errors" in document:
        return [
            [text for text in (e["message"], e["extensions"].get("detail")) if text]
            for e in document["errors"]
        ]
    texts = [document[name] for name in ("title", "detail", "hint") if name in document]
    return [texts]


async def test_every_refusal_is_in_the_language_of_its_reader(university: HubClient) -> None:
    wrong: list[str] = []
    for sent in SENT:
        for language in ("zh", "en"):
            answer = await answered(university, sent, language)
            errors = told(answer)
            texts = [text for each in errors for text in each]
            where = f"{sent[1]} {sent[3][:60]!r} {language} {answer.status_code}: {texts}"
            assert errors, where
            advises = sent[1] == "/nowhere" or all(len(each) > 1 for each in errors)
            if (
                not advises
                or any(map(FOREIGN.search, texts))
                or any((HAN.search(text) is None) is (language == "zh") for text in texts)
            ):
                wrong.append(where)
    assert not wrong, "\n".join(wrong)


async def test_without_a_language_a_refusal_is_in_chinese(university: HubClient) -> None:
    answer = await university.relay("POST", "/graphql", {"content-type": JSON}, b"{}")
    (error,) = told(answer)
    assert all(HAN.search(text) for text in error)


async def test_a_refused_row_is_told_in_the_reader_s_language_by_a_mutation(
    university: HubClient,
) -> None:
    document = """mutation ($input: PushRecordsInput!) { pushRecords(input: $input) {
      rows { problems { path code message } } userErrors { code message } } }"""
    rows = [{"type": "Instrument", "record": {"status": "BROKEN", "acceptedOn": "2023-02-29"}}]
    for language, is_zh in (("zh", True), ("en", False)):
        given = {"input": {"source": "zju-push", "rows": rows}}
        answer = await answered(
            university, ("POST", "/graphql", JSON, asked(document, **given)), language
        )
        (row,) = answer.json()["data"]["pushRecords"]["rows"]
        assert len(row["problems"]) >= 3
        for problem in row["problems"]:
            assert bool(HAN.search(problem["message"])) is is_zh, problem
            assert not FOREIGN.search(problem["message"]), problem
        given["input"]["source"] = "other"
        answer = await answered(
            university, ("POST", "/graphql", JSON, asked(document, **given)), language
        )
        (error,) = answer.json()["data"]["pushRecords"]["userErrors"]
        assert bool(HAN.search(error["message"])) is is_zh, error


REGISTRATIONS: tuple[dict[str, Any], ...] = (
    {},
    {"version": "hub-registration-1"},
    {"clientId": "A B"},
    {"name": ""},
    {"jwk": None},
    {"jwk": {"kty": "RSA"}},
    {"kid": "x"},
    {"scopes": ["everything"]},
    {"scopes": 5},
    {"sources": [""]},
    {"proof": "x"},
    {"proof": None},
)


@pytest.mark.parametrize("path", ["/clients", "/sandbox/clients"])
async def test_a_registration_that_is_refused_says_why_in_both_languages(
    world: World, path: str
) -> None:
    key = generate_key()
    good = application_document("new-client", "新客户", key.public)
    async with httpx.AsyncClient(transport=world.transport, base_url=BASE) as stranger:

        async def answers(body: bytes, kind: str = JSON) -> list[httpx.Response]:
            headers = {"content-type": kind}
            return [
                await stranger.post(path, content=body, headers={**headers, "accept-language": on})
                for on in ("zh", "en")
            ]

        sent = [json.dumps({**good, **each} if each else each).encode() for each in REGISTRATIONS]
        bodies = [*((body, JSON) for body in sent), (b"{", JSON), (b"[]", JSON), (b"{}", "text/x")]
        for body, kind in bodies:
            for answer, is_zh in zip(await answers(body, kind), (True, False), strict=True):
                said = answer.json()
                texts = [said[name] for name in ("title", "detail", "hint") if name in said]
                assert len(texts) > 1, said
                assert 400 <= answer.status_code < 430, said
                assert all(bool(HAN.search(text)) is is_zh for text in texts), said
                assert not any(map(FOREIGN.search, texts)), said


async def test_the_gate_says_what_to_do_in_both_languages(world: World) -> None:
    calls: list[dict[str, str]] = [
        {},
        {"authorization": "Bearer x"},
        {"authorization": "DPoP x"},
        {"authorization": "DPoP x", "dpop": "y"},
        {"host": "elsewhere.example"},
    ]
    async with httpx.AsyncClient(transport=world.transport, base_url=BASE) as stranger:
        for headers in calls:
            for language, is_zh in (("zh", True), ("en", False)):
                sent = {**headers, "accept-language": language}
                answer = await stranger.post("/batches?source=x", headers=sent, content=b"")
                said = answer.json()
                texts = [said["title"], said["hint"]]
                assert all(bool(HAN.search(text)) is is_zh for text in texts), said
    assert all(HAN.search(reason.advice_zh) and reason.advice for reason in Reason)
