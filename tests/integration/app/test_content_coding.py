"""Answers are compressed for who asks for it, never signed ones or secrets; requests never are."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import AsyncIterator
from itertools import product

import httpx
import pytest
from starlette.responses import PlainTextResponse

from hub.access.clients import ClientKind
from hub.access.rates import Rates
from hub.client.errors import HubUnreachableError
from hub.coding import ContentCoding, accepts_gzip
from tests.integration.app.conftest import BASE, UNIVERSITY, World

pytestmark = pytest.mark.integration
LARGE = ["/standard/standard.md", "/standard/hub.graphql", "/guide", "/explore/types.json"]
BOMB = gzip.compress(b"[" * (32 << 20), 9)


@pytest.fixture
async def stranger(world: World) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(world.hub.asgi)
    async with httpx.AsyncClient(transport=transport, base_url=BASE) as client:
        yield client


async def raw(client: httpx.AsyncClient, path: str, accept: str | None) -> httpx.Response:
    """Return an answer whose `content` is what was sent."""
    request = client.build_request("GET", path)
    del request.headers["accept-encoding"]
    if accept is not None:
        request.headers["accept-encoding"] = accept
    answer = await client.send(request, stream=True)
    sent = b"".join([part async for part in answer.aiter_raw()])
    return httpx.Response(answer.status_code, headers=_plain(answer), content=sent)


def _plain(answer: httpx.Response) -> list[tuple[str, str]]:
    """Return the header fields, the coding under another name: httpx would decode by it."""
    lines = answer.headers.multi_items()
    return [("x-coding" if name == "content-encoding" else name, value) for name, value in lines]


async def test_who_asks_for_gzip_gets_the_same_answer_smaller(
    stranger: httpx.AsyncClient,
) -> None:
    for path in LARGE:
        plain = await raw(stranger, path, None)
        packed = await raw(stranger, path, "br, gzip;q=0.8")
        assert "x-coding" not in plain.headers
        assert packed.headers["x-coding"] == "gzip", path
        assert int(packed.headers["content-length"]) == len(packed.content)
        assert len(packed.content) < len(plain.content) / 2
        assert gzip.decompress(packed.content) == plain.content
        assert packed.headers["vary"].count("Accept-Encoding") == 1
        assert packed.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("value", "accepted"),
    [
        ("gzip", True), ("GZIP", True), ("deflate, gzip", True), ("gzip;q=1", True),
        ("gzip; q=0.001", True), ("gzip;q=0", False), ("gzip; q=0.000", False), ("br", False),
        ("identity", False), ("x-gzip-like", False), ("", False), ("*", False),
    ],
)  # fmt: skip
def test_a_coding_that_is_refused_is_not_used(value: str, accepted: bool) -> None:
    assert accepts_gzip(value.encode()) is accepted


async def test_what_is_short_packed_or_of_hashes_stays_as_it_is(
    stranger: httpx.AsyncClient,
) -> None:
    for path in ("/livez", "/standard/monthly_workbook.xlsx", "/log/vkey", "/log/policy"):
        answer = await raw(stranger, path, "gzip")
        assert answer.status_code == 200
        assert "x-coding" not in answer.headers, path


async def test_the_answer_of_a_head_request_says_what_the_get_would(
    stranger: httpx.AsyncClient,
) -> None:
    head = await stranger.head("/standard/standard.md", headers={"accept-encoding": "gzip"})
    packed = await raw(stranger, "/standard/standard.md", "gzip")
    assert head.status_code == 200
    assert head.headers["content-encoding"] == "gzip"
    assert head.headers["content-length"] == packed.headers["content-length"]


async def test_a_long_answer_of_graphql_is_compressed_and_a_signed_one_is_not(
    world: World, stranger: httpx.AsyncClient
) -> None:
    scopes = ("catalogue:read", "graphql:adhoc", "records:push")
    client = await world.register("zju", UNIVERSITY, ClientKind.PARTNER, scopes, "zju-push")
    seen: list[httpx.Response] = []

    async def note(answer: httpx.Response) -> None:
        seen.append(answer)

    client._http.headers["accept-encoding"] = "gzip"  # as a client that does not know better
    client._http.event_hooks["response"].append(note)
    rows = [{"type": "Institution", "record": {"institutionKey": "x"}} for _ in range(40)]
    answer = await client.push(rows, source="zju-push")  # the client checks digest and signature
    assert len(answer.body["rows"]) == 40
    assert "signature" in seen[-1].headers
    assert "content-encoding" not in seen[-1].headers
    assert int(seen[-1].headers["content-length"]) > 2_000
    with pytest.raises(HubUnreachableError, match="compresses"):
        await client.query("{ __schema { types { name } } }")
    assert seen[-1].headers["content-encoding"] == "gzip"


async def test_answers_with_tokens_keys_or_salts_are_never_compressed() -> None:
    long = ContentCoding(PlainTextResponse("x" * 5_000), Rates())
    transport = httpx.ASGITransport(long)
    secret = ["/oauth/token", "/oauth/revoke", "/sandbox/clients", "/receipts/1", "/clients",
              "/clients/self/keys", "/operator/clients", "/log/tile/0/000"]  # fmt: skip
    async with httpx.AsyncClient(transport=transport, base_url=BASE) as client:
        for path in secret:
            answer = await client.get(path, headers={"accept-encoding": "gzip"})
            assert "content-encoding" not in answer.headers, path
        answer = await client.get("/graphql", headers={"accept-encoding": "gzip"})
        assert answer.headers["content-encoding"] == "gzip"


async def test_a_compressed_request_is_refused_before_it_is_read(world: World) -> None:
    async def unread() -> AsyncIterator[bytes]:
        raise AssertionError("the body was read")
        yield b""

    transport = httpx.ASGITransport(world.hub.asgi)
    codings = ("gzip", "deflate", "br", "zstd", "gzip, gzip", "x", "")
    doors = ("/graphql", "/batches", "/files", "/oauth/token", "/clients", "/nowhere")
    async with httpx.AsyncClient(transport=transport, base_url=BASE) as client:
        for path, coding in product(doors, codings):
            headers = {"content-encoding": coding, "content-type": "application/json"}
            answer = await client.post(path, headers=headers, content=unread())
            assert (answer.status_code, answer.json()["code"]) == (415, "CONTENT_CODING_REFUSED")
            assert answer.headers["accept-encoding"] == "identity"


async def test_a_bomb_is_not_unpacked_and_identity_is_no_coding(
    stranger: httpx.AsyncClient,
) -> None:
    kind = {"content-type": "application/json"}
    for packed in (BOMB, zlib.compress(b"[" * 1_000)):
        told = {**kind, "content-encoding": "gzip"}
        answer = await stranger.post("/graphql", content=packed, headers=told)
        assert answer.status_code == 415
    told = {**kind, "content-encoding": "identity"}
    body = json.dumps({"query": "{ me { party } }"})
    answer = await stranger.post("/graphql", content=body, headers=told)
    assert answer.status_code != 415
