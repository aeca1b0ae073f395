"""Every door reads no more of a body than it takes, and JSON that has one meaning."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from hub.access import dpop
from hub.clock import system_clock
from hub.crypto.keys import generate_key
from hub.intake.limits import BATCH_BYTES_MAX
from tests.integration.app.conftest import BASE, World

pytestmark = pytest.mark.integration
JSON = {"Content-Type": "application/json"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture
async def stranger(world: World) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(world.hub.asgi)
    async with httpx.AsyncClient(transport=transport, base_url=BASE) as client:
        yield client


def sandbox_headers() -> dict[str, str]:
    proof = dpop.make(generate_key(), "POST", f"{BASE}/sandbox/clients", system_clock())
    return {**JSON, "DPoP": proof}


@pytest.mark.parametrize("states_its_length", [True, False])
@pytest.mark.parametrize(
    ("path", "length", "status"),
    [
        ("/graphql", 1024 * 1024, 413),
        ("/oauth/token", 16_384, 400),
        ("/sandbox/clients", 4096, 413),
    ],
)
async def test_a_body_that_is_too_long_is_refused_and_not_read_to_its_end(
    stranger: httpx.AsyncClient, path: str, length: int, status: int, *, states_its_length: bool
) -> None:
    read = 0

    async def body() -> AsyncIterator[bytes]:
        nonlocal read
        for _ in range(200):
            read += 1
            yield b" " * (length // 10)

    headers = FORM if path == "/oauth/token" else sandbox_headers()
    if path == "/graphql":
        headers = JSON
    if states_its_length:
        headers = {**headers, "Content-Length": str(length + 1)}
    sent = body()
    answer = await stranger.post(path, content=sent, headers=headers)
    assert answer.status_code == status
    # httpx hands over a body piece by piece, as it is asked for
    assert read <= (0 if states_its_length else 12)


async def test_a_length_that_is_no_number_does_not_matter(stranger: httpx.AsyncClient) -> None:
    for length in (b"9" * 5000, b"-1", b"x", "١".encode()):
        headers = [(b"Content-Type", b"application/json"), (b"Content-Length", length)]
        answer = await stranger.post("/graphql", content=b"{}", headers=headers)
        assert answer.status_code in (400, 413)


@pytest.mark.parametrize(
    "body",
    [
        b'{"query":"{ __typename }","query":"{ me { party } }"}',
        b'{"query":"{ __typename }","variables":{"a":1,"a":2}}',
        b'{"query":"{ __typename }","variables":{"a":NaN}}',
        b'{"query":' + b"[" * 100_000,
    ],
)
async def test_json_that_has_two_meanings_or_none_is_refused(
    stranger: httpx.AsyncClient, body: bytes
) -> None:
    answer = await stranger.post("/graphql", content=body, headers=JSON)
    assert (answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) == (
        400,
        "NOT_JSON",
    )


def test_a_batch_takes_what_the_documents_promise() -> None:
    assert BATCH_BYTES_MAX == 16 * 2**20
