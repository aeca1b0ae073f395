"""The partner SDK against the access layer in this process."""

from __future__ import annotations

from datetime import timedelta
from email.utils import format_datetime
from pathlib import Path

import httpx
import pytest

from hub.access.clients import ClientKind, KeyStatus, RegistrationError
from hub.access.explain import explain
from hub.access.registration import (
    ClientGrant,
    admit,
    application_document,
    read_application,
)
from hub.access.signatures import PUSH
from hub.client import (
    AnswerUnverifiedError,
    CallRefusedError,
    ClientError,
    HubClient,
    HubUnreachableError,
    KeyFileError,
    create_key,
    load_key,
)
from hub.crypto.keys import generate_key
from tests.unit.access.world import BASE, World

ROWS = [
    {"type": "Instrument", "record": {"name": {"zh": "电镜"}}},
    {"type": "Instrument", "record": {}},
]


class Dated(httpx.AsyncBaseTransport):
    """The hub in this process, with the Date header that a real server adds, and a meddler."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.inner = httpx.ASGITransport(world.app())
        self.paths: list[str] = []
        self.meddle: bytes | None = None
        self.request_body: bytes | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.paths.append(request.url.path)
        if self.request_body is not None and request.url.path == "/batches":
            headers = [(k, v) for k, v in request.headers.raw if k.lower() != b"content-length"]
            request = httpx.Request(
                request.method, request.url, headers=headers, content=self.request_body
            )
        answer = await self.inner.handle_async_request(request)
        body = await answer.aread()
        if self.meddle is not None and request.url.path == "/batches":
            body = self.meddle
        headers = [(k, v) for k, v in answer.headers.raw if k.lower() != b"content-length"]
        date = format_datetime(self.world.clock(), usegmt=True).encode()
        return httpx.Response(answer.status_code, headers=[*headers, (b"date", date)], content=body)


def connect(world: World, transport: Dated | None = None, ahead_s: float = 0) -> HubClient:
    def clock():
        return world.clock() + timedelta(seconds=ahead_s)

    return HubClient(BASE, "zju", world.key, clock=clock, transport=transport or Dated(world))


@pytest.fixture
def world() -> World:
    return World(nonce_required=True)


async def test_one_key_and_one_registration_are_enough_to_ask_and_to_push(world: World) -> None:
    async with connect(world) as hub:
        answer = await hub.query("{ instruments { totalCount } }")
        assert answer["client"] == "zju"
        pushed = await hub.push(ROWS, source="zju", idempotency_key="k-1")
    assert pushed.status == 202
    assert pushed.body == {"rows": 2, "kid": world.key.kid}
    assert b'"signature";req;key="hub"' in pushed.base


async def test_a_token_is_fetched_once_and_used_until_shortly_before_its_end(world: World) -> None:
    transport = Dated(world)
    async with connect(world, transport) as hub:
        await hub.query("{a}")
        await hub.query("{a}")
        assert transport.paths.count("/oauth/token") == 2, "one for the nonce, one for the token"
        world.clock.advance(285)
        await hub.query("{a}")
    assert transport.paths.count("/oauth/token") > 2


@pytest.mark.parametrize("ahead_s", [-3600, -70, -30, 30, 400, 86_400])
async def test_a_wrong_clock_is_put_right_by_the_hub_s_date(world: World, ahead_s: float) -> None:
    async with connect(world, ahead_s=ahead_s) as hub:
        assert (await hub.query("{a}"))["client"] == "zju"
        assert (await hub.push(ROWS, source="zju")).status == 202


async def test_a_revoked_token_is_replaced_without_the_caller_noticing(world: World) -> None:
    async with connect(world) as hub:
        await hub.query("{a}")
        world.clock.advance(5)
        await world.store.set_epoch("zju", world.clock())
        world.clock.advance(5)
        assert (await hub.query("{a}"))["client"] == "zju"


async def test_a_lost_key_is_refused_with_words_about_what_to_do(world: World) -> None:
    async with connect(world) as hub:
        await hub.query("{a}")
        await world.store.revoke_key(world.key.kid, KeyStatus.LOST, world.clock())
        world.clock.advance(5)
        with pytest.raises(CallRefusedError) as caught:
            await hub.query("{a}")
    assert caught.value.code == "invalid_client"
    assert "registered" in caught.value.advice


async def test_an_answer_that_somebody_changed_is_not_believed(world: World) -> None:
    transport = Dated(world)
    transport.meddle = b'{"rows":2,"kid":"someone"}'
    async with connect(world, transport) as hub:
        with pytest.raises(AnswerUnverifiedError) as caught:
            await hub.push(ROWS, source="zju")
    assert caught.value.code == "ANSWER_SIG_DIGEST_MISMATCH"


async def test_a_body_that_somebody_changed_is_refused_although_it_was_right_when_made(
    world: World,
) -> None:
    transport = Dated(world)
    transport.request_body = b'{"type":"Instrument"}'
    async with connect(world, transport) as hub:
        with pytest.raises(CallRefusedError) as caught:
            await hub.push(ROWS, source="zju")
    assert caught.value.code == "SIG_DIGEST_MISMATCH"
    assert caught.value.sent is not None
    keys = {world.key.kid: world.key.public}
    found = explain(caught.value.sent, PUSH, keys=keys, server_time=world.clock())
    assert found == (), "right as it was made: the change happened on the way"


async def test_a_hub_that_calls_itself_otherwise_is_not_used(world: World) -> None:
    async with HubClient(
        "https://hub.delta.example.evil.example", "zju", world.key, transport=Dated(world)
    ) as hub:
        with pytest.raises(HubUnreachableError):
            await hub.query("{a}")


async def test_a_batch_that_is_empty_or_too_long_is_not_sent(world: World) -> None:
    transport = Dated(world)
    async with connect(world, transport) as hub:
        with pytest.raises(ClientError, match="BATCH_EMPTY"):
            await hub.push([], source="zju")
        with pytest.raises(ValueError, match="split it"):
            await hub.push([{}] * 10_001, source="zju")
    assert transport.paths == []


def test_a_key_file_is_private_made_once_and_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "zju.pem"
    key = create_key(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert load_key(path).kid == key.kid
    with pytest.raises(KeyFileError, match="exists already"):
        create_key(path)
    path.chmod(0o640)
    with pytest.raises(KeyFileError, match="chmod 600"):
        load_key(path)


@pytest.mark.parametrize("content", [b"", b"not a key", generate_key().pem()[:60]])
def test_a_file_that_holds_no_key_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.pem"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(KeyFileError, match="not a private"):
        load_key(path)


def test_a_missing_key_file_says_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(KeyFileError, match="Make a key first"):
        load_key(tmp_path / "none.pem")


async def test_the_operator_admits_an_application_and_the_partner_starts(world: World) -> None:
    key = generate_key()
    document = application_document("fudan", "复旦大学", key.public, ["catalogue:read"])
    assert key.private is not None
    assert "d" not in document["jwk"]
    grant = ClientGrant("ror:013q1eq08", ClientKind.UNIVERSITY, ("catalogue:read", "records:push"))
    await admit(world.store, read_application(document), grant, world.clock())
    async with HubClient(BASE, "fudan", key, clock=world.clock, transport=Dated(world)) as hub:
        answer = await hub.query("{a}")
    assert answer == {"client": "fudan", "scopes": ["catalogue:read", "records:push"]}


@pytest.mark.parametrize(
    "change",
    [
        {"version": "x"},
        {"clientId": "../etc"},
        {"clientId": "аdmin"},
        {"name": ""},
        {"jwk": None},
        {"jwk": {"kty": "oct", "k": "AA"}},
        {"kid": "x"},
        {"scopes": ["root"]},
    ],
)
def test_a_bad_registration_document_is_refused_with_its_reason(change: dict[str, object]) -> None:
    document = application_document("fudan", "复旦大学", generate_key().public)
    with pytest.raises(RegistrationError):
        read_application({**document, **change})


async def test_a_receipt_is_waited_for_and_then_said_to_be_pending(world: World) -> None:
    class Log(Dated):
        """Signs at the third time of asking; never for entry 8; entry 9 is endless."""

        asked = 0

        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            if not request.url.path.startswith("/receipts/"):
                return await super().handle_async_request(request)
            self.asked += 1
            if request.url.path == "/receipts/9":
                return httpx.Response(200, content=b"x" * (65 << 20))
            ready = self.asked >= 3 and request.url.path == "/receipts/7"
            return httpx.Response(200 if ready else 202, text="proof" if ready else "ACCEPTED")

    async with connect(world, Log(world)) as hub:
        assert await hub.receipt("7") == "proof"
        with pytest.raises(ClientError, match="RECEIPT_PENDING"):
            await hub.receipt("8", wait_s=0)
        with pytest.raises(HubUnreachableError, match="longer than"):
            await hub.receipt("9")
