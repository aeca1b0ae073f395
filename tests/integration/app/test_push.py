from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from hub.access.clients import ClientKind, KeyStatus
from hub.access.store import DatabaseClientStore
from hub.client import CallRefusedError, HubClient
from hub.clock import system_clock
from hub.store.database import Database
from hub.store.sources import list_sources
from tests.integration.app.conftest import BASE, UNIVERSITY, World

SCOPES = ("records:push", "records:withdraw", "receipt:read")


def row(number: str, **changed: Any) -> dict[str, Any]:
    record = {
        "institutionKey": UNIVERSITY,
        "localNo": number,
        "name": {"zh": "透射电子显微镜"},
        "status": "IN_SERVICE",
        **changed,
    }
    return {"type": "Instrument", "record": record}


@pytest.fixture
async def university(world: World) -> HubClient:
    return await world.register("zju", UNIVERSITY, ClientKind.UNIVERSITY, SCOPES, "zju-push")


async def test_a_signed_push_answers_each_row_and_the_answer_is_signed(
    university: HubClient,
) -> None:
    answer = await university.push([row("A1"), row("A2", status="BROKEN")], source="zju-push")
    first, second = answer.body["rows"]
    assert first["outcome"] == "ACCEPTED"
    assert first["key"] == f"{UNIVERSITY}/A1"
    assert second["outcome"] == "QUARANTINED"
    assert second["problems"][0]["path"] == "status"
    assert b'"@status"' in answer.base


async def test_the_same_key_answers_again_and_writes_nothing(
    university: HubClient, database: Database
) -> None:
    first = await university.push([row("A1")], source="zju-push", idempotency_key="k-1")
    again = await university.push([row("A1")], source="zju-push", idempotency_key="k-1")
    assert again.body["replayed"]
    assert again.body["rows"] == first.body["rows"]
    ((entries,),) = await database.reads.fetch_all("SELECT count(*) FROM entry")
    assert entries == 1


async def test_the_same_key_with_another_body_is_a_conflict(university: HubClient) -> None:
    await university.push([row("A1")], source="zju-push", idempotency_key="k-1")
    with pytest.raises(CallRefusedError) as refused:
        await university.push([row("A2")], source="zju-push", idempotency_key="k-1")
    assert refused.value.code == "IDEMPOTENCY_CONFLICT"


async def test_a_dry_run_says_the_same_and_writes_nothing(
    university: HubClient, database: Database
) -> None:
    rows = [row("A1"), row("A2", status="BROKEN")]
    dry = await university.push(rows, source="zju-push", dry_run=True)
    assert [r["outcome"] for r in dry.body["rows"]] == ["ACCEPTED", "QUARANTINED"]
    for table in ("entry", "quarantine", "instrument"):
        ((found,),) = await database.writes.fetch_all(f"SELECT count(*) FROM {table}")
        assert found == 0


async def test_one_row_is_corrected_and_one_withdrawn_by_one_call_each(
    university: HubClient,
) -> None:
    await university.push([row("A1")], source="zju-push")
    corrected = await university.push([row("A1", model="JEM-2100F")], source="zju-push")
    assert corrected.body["rows"][0]["revision"] == 2
    key = f"{UNIVERSITY}/A1"
    withdrawn = await university.push(
        [{"type": "Instrument", "withdraw": {"key": key, "reason": "scrapped"}}], source="zju-push"
    )
    assert withdrawn.body["rows"][0]["outcome"] == "WITHDRAWN"


async def test_a_source_of_another_is_refused(university: HubClient) -> None:
    with pytest.raises(CallRefusedError) as refused:
        await university.push([row("A1")], source="anhui")
    assert refused.value.code == "SOURCE_FORBIDDEN"


async def test_an_instrument_of_another_institution_is_quarantined(university: HubClient) -> None:
    answer = await university.push([row("A1", institutionKey="moe:10248")], source="zju-push")
    assert answer.body["rows"][0]["problems"][0]["code"] == "OWNER_MISMATCH"


async def test_without_the_scope_nothing_is_read(world: World) -> None:
    reader = await world.register(
        "reader", UNIVERSITY, ClientKind.PARTNER, ("catalogue:read",), "zju-push"
    )
    with pytest.raises(CallRefusedError) as refused:
        await reader.push([row("A1")], source="zju-push")
    assert refused.value.code == "SCOPE_MISSING"


async def test_a_revoked_key_is_refused(
    university: HubClient, world: World, database: Database
) -> None:
    await university.push([row("A1")], source="zju-push")
    kid = world.keys["zju"].kid
    await DatabaseClientStore(database).revoke_key(kid, KeyStatus.LOST, system_clock())
    world.hub.access.clients.forget("zju")
    with pytest.raises(CallRefusedError) as refused:
        await university.push([row("A2")], source="zju-push")
    assert refused.value.status == 401


async def test_without_a_token_a_push_is_401_and_says_how_to_get_one(world: World) -> None:
    async with httpx.AsyncClient(transport=world.transport, base_url=BASE) as http:
        answer = await http.post("/batches?source=zju-push", content=b"x")
    assert answer.status_code == 401
    assert answer.json()["code"] == "TOKEN_MISSING"
    assert answer.headers["www-authenticate"].startswith("DPoP ")


async def test_a_push_renews_the_age_of_its_source(
    university: HubClient, database: Database
) -> None:
    await university.push([row("A1"), row("A2")], source="zju-push")
    (source,) = await list_sources(database)
    assert source.last_ok_at is not None
    assert (source.last_status, source.rows) == ("OK", 2)


class Tampering(httpx.AsyncBaseTransport):
    """A gateway that changes what passes."""

    def __init__(self, inner: httpx.AsyncBaseTransport, change: Any) -> None:
        self.inner = inner
        self.change = change

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == "/batches":
            request = self.change(request)
        return await self.inner.handle_async_request(request)


def with_body(request: httpx.Request, body: bytes) -> httpx.Request:
    headers = {n: v for n, v in request.headers.items() if n != "content-length"}
    return httpx.Request(request.method, request.url, headers=headers, content=body)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda r: with_body(r, r.content + b"\n"), "SIG_DIGEST_MISMATCH"),
        (
            lambda r: httpx.Request(
                r.method, str(r.url) + "&dryRun=true", headers=r.headers, content=r.content
            ),
            "SIG_INVALID",
        ),
    ],
    ids=["body changed, digest intact", "query changed"],
)
async def test_a_changed_request_is_refused(
    university: HubClient, world: World, change: Any, code: str
) -> None:
    transport = Tampering(world.transport, change)
    async with HubClient(BASE, "zju", world.keys["zju"], transport=transport) as client:
        with pytest.raises(CallRefusedError) as refused:
            await client.push([row("A1")], source="zju-push")
    assert refused.value.code == code


async def test_a_request_that_is_sent_twice_is_refused(world: World, university: HubClient) -> None:
    kept: list[httpx.Request] = []

    def keep(request: httpx.Request) -> httpx.Request:
        kept.append(request)
        return request

    transport = Tampering(world.transport, keep)
    async with HubClient(BASE, "zju", world.keys["zju"], transport=transport) as client:
        await client.push([row("A1")], source="zju-push")
    async with httpx.AsyncClient(transport=world.transport) as http:
        again = await http.send(kept[0])
    assert again.status_code == 401
    assert json.loads(again.content)["code"] == "DPOP_REPLAYED"


@pytest.mark.parametrize(
    ("body", "code", "status"),
    [
        (b"\xff\xfe", "NOT_UTF8", 400),
        (b'{"type": "Instrument"', "NOT_JSON", 400),
        (b"[1]\n", "NOT_JSON", 400),
        (b'{"a":1,"a":2}\n', "NOT_JSON", 400),
        (b"\n\n", "BATCH_EMPTY", 400),
    ],
)
async def test_a_body_that_is_no_batch_is_one_clear_error_and_nothing_is_written(
    world: World, university: HubClient, database: Database, body: bytes, code: str, status: int
) -> None:
    with pytest.raises(CallRefusedError) as refused:
        await push_raw(university, body)
    assert (refused.value.code, refused.value.status) == (code, status)
    ((found,),) = await database.writes.fetch_all("SELECT count(*) FROM quarantine")
    assert found == 0


async def push_raw(client: HubClient, body: bytes) -> None:
    """Push bytes that the client itself would not make."""
    from hub.access.content_digest import content_digest
    from hub.client.wire import refused

    headers = {
        "content-type": "application/x-ndjson",
        "content-digest": content_digest(body),
        "idempotency-key": "raw-1",
    }
    answer, sent = await client._signed("/batches", "source=zju-push", headers, body)
    assert answer.is_error
    raise refused(answer, sent)


async def test_half_a_character_costs_its_row_and_no_other(university: HubClient) -> None:
    rows = [row("A1", name={"zh": "A\ud83d"}), row("A2")]
    answer = await university.push(rows, source="zju-push")
    assert [each["outcome"] for each in answer.body["rows"]] == ["QUARANTINED", "ACCEPTED"]
    assert answer.body["rows"][0]["problems"][0]["code"] == "CONTROL_CHARACTER"


async def test_half_a_character_in_a_question_is_answered(university: HubClient) -> None:
    answer = await university.query("{ me { party } }", {"x": "\ud83d"})
    assert "errors" in answer or "data" in answer


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("application/x-ndjson", None),
        ("application/jsonl; charset=UTF-8", None),
        ("application/json", None),
        ("text/plain", "UNSUPPORTED_MEDIA_TYPE"),
        ("text/csv", "UNSUPPORTED_MEDIA_TYPE"),
        ("application/x-www-form-urlencoded", "UNSUPPORTED_MEDIA_TYPE"),
        ("application/x-ndjson; charset=gbk", "UNSUPPORTED_MEDIA_TYPE"),
    ],
)
async def test_a_batch_of_another_content_type_is_refused_with_what_to_send(
    world: World, kind: str, code: str | None
) -> None:
    scopes = ("records:push",)
    client = await world.register("zju", UNIVERSITY, ClientKind.UNIVERSITY, scopes, "zju-push")
    headers = {"content-type": kind, "idempotency-key": "k"}
    answer = await client.relay("POST", "/batches?source=zju-push&dryRun=true", headers, b"{}")
    said = answer.json()
    assert said.get("code") == code, said
    assert code is None or (answer.status_code, "x-ndjson" in said["hint"]) == (415, True)


async def test_an_address_that_answers_to_get_answers_to_head(world: World) -> None:
    async with httpx.AsyncClient(transport=world.transport, base_url=BASE) as http:
        for path in ("/graphql?query=%7BserviceInfo%7Bversion%7D%7D", "/explore", "/verify"):
            get, head = await http.get(path), await http.head(path)
            assert head.status_code == get.status_code < 405, path
            assert head.headers["content-type"] == get.headers["content-type"]
