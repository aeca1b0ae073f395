"""Requests that were made to break something: each is answered in the hub's own words."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator

import httpx
import pytest

from hub.access import dpop
from hub.clock import system_clock
from hub.crypto.keys import generate_key
from hub.edge import Edge, routed
from hub.operate.endpoint import health_routes
from hub.operate.figures import Figures
from hub.operate.health import HubHealth
from hub.state import open_state
from tests.integration.app.conftest import BASE, World

REFUSED = range(400, 500)
SANDBOX = "/sandbox/clients"


@pytest.fixture
async def stranger(world: World) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(world.hub.asgi, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url=BASE) as client:
        yield client


@pytest.mark.parametrize(
    "path",
    [
        *(f"/{what}/{digits}" for what in ("receipts", "records") for digits in ("9" * 5000, "٣")),
        "/receipts/9223372036854775808",
        *(f"/standard/{name}" for name in ("x" * 300, "%E4%B8%AD" * 90, "%00", "..%2F__init__.py")),
        *(f"/log/tile/{rest}" for rest in ("x", "0/" + "x" * 3000, "0/" + "9" * 5000, "%00/1")),
        *(f"/explore/{name}" for name in ("x" * 3000, "%00", "..%2Fserve.py")),
        "/.well-known/oauth-protected-resource/" + "x" * 3000,
        "/nothing",
    ],
)
async def test_no_path_fails_whatever_it_says(stranger: httpx.AsyncClient, path: str) -> None:
    answer = await stranger.get(path)
    assert answer.status_code in REFUSED
    assert "Traceback" not in answer.text
    assert answer.headers["content-type"].startswith("application/problem+json")


async def test_what_is_not_there_is_said_in_the_caller_s_language(
    stranger: httpx.AsyncClient,
) -> None:
    titles = [
        (await stranger.get("/nothing", headers={"Accept-Language": language})).json()["title"]
        for language in ("zh-CN", "en")
    ]
    assert titles == ["没有找到", "Not found"]


@pytest.mark.parametrize("path", ["/explore/", "/healthz/", "/receipts/1/", "/graphql/"])
async def test_nothing_redirects_to_an_address_that_the_caller_made_up(
    stranger: httpx.AsyncClient, path: str
) -> None:
    answer = await stranger.get(path, headers={"Host": "evil.example"})
    assert answer.status_code in REFUSED
    assert "evil" not in answer.text + str(answer.headers)


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/"), ("GET", "/healthz"), ("GET", "/explore"), ("GET", "/nothing"),
     ("PUT", "/batches"), ("GET", "/graphql"), ("POST", "/graphql"),
     ("GET", "/standard/hub.graphql"),
     ("POST", "/oauth/token"), ("GET", "/receipts/1"), ("GET", "/log/vkey")],
)  # fmt: skip
async def test_every_answer_is_kept_by_the_browser_to_itself(
    stranger: httpx.AsyncClient, method: str, path: str
) -> None:
    headers = (await stranger.request(method, path)).headers
    assert headers.get_list("x-content-type-options") == ["nosniff"]
    assert headers.get_list("referrer-policy") == ["no-referrer"]
    (policy,) = headers.get_list("content-security-policy")
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert "strict-transport-security" not in headers  # this hub is reached without TLS


async def test_over_tls_a_browser_is_told_to_stay_there() -> None:
    async def inner(scope, receive, send):
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})

    transport = httpx.ASGITransport(Edge(inner, is_secure=True))
    async with httpx.AsyncClient(transport=transport, base_url="https://hub.test") as client:
        answer = await client.get("/")
    assert answer.headers["strict-transport-security"].startswith("max-age=31536000")


async def test_a_route_that_fails_tells_the_caller_a_number_and_the_log_the_rest(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def inner(scope, receive, send):
        raise ValueError("the password is 12345")

    transport = httpx.ASGITransport(Edge(inner, is_secure=False))
    async with httpx.AsyncClient(transport=transport, base_url=BASE) as client:
        answer = await client.get("/")
    assert (answer.status_code, answer.json()["code"]) == (500, "INTERNAL")
    assert "12345" not in answer.text
    request_id = answer.json()["hint"].split()[-1].rstrip(".")
    assert request_id in caplog.text
    assert "12345" in caplog.text


@pytest.mark.parametrize("path", ["/oauth/token", "/batches", "/graphql", SANDBOX])
async def test_a_caller_that_hangs_up_is_no_failure(
    world: World, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    sent: list[dict[str, object]] = []
    headers = [(b"host", b"127.0.0.1:8000"), (b"content-length", b"100")]
    for kind in (b"application/json", b"application/x-www-form-urlencoded"):
        scope = {
            "type": "http", "http_version": "1.1", "method": "POST", "path": path,
            "raw_path": path.encode(), "query_string": b"", "scheme": "http", "root_path": "",
            "headers": [*headers, (b"content-type", kind)], "client": ("127.0.0.1", 5),
            "server": ("127.0.0.1", 8000),
        }  # fmt: skip

        async def receive() -> dict[str, str]:
            return {"type": "http.disconnect"}

        async def send(message: dict[str, object]) -> None:
            sent.append(message)

        await world.hub.asgi(scope, receive, send)
    assert [r for r in caplog.records if r.levelno >= logging.ERROR] == []
    assert all(message.get("status", 400) in REFUSED for message in sent)


async def test_health_says_when_what_the_workers_share_is_away(world: World) -> None:
    away = open_state("redis://127.0.0.1:1", system_clock)
    figures = Figures(world.hub.database, world.hub.settings.log_origin, system_clock)
    health = HubHealth(world.hub.database, away, figures, world.hub.settings.data_dir)
    routes = health_routes(health)
    transport = httpx.ASGITransport(Edge(routed(routes), is_secure=False))
    async with httpx.AsyncClient(transport=transport, base_url=BASE) as client:
        answer = await client.get("/healthz")
    await away.aclose()
    assert answer.status_code == 503
    assert answer.json()["shared"] == "STATE_UNAVAILABLE"


async def test_a_sandbox_client_is_registered_for_the_key_that_asks(
    stranger: httpx.AsyncClient,
) -> None:
    key, foreign = generate_key(), generate_key()
    proof = dpop.make(key, "POST", BASE + SANDBOX, system_clock())
    body = {"name": "x", "jwk": foreign.public.jwk}

    unproven = await stranger.post(SANDBOX, json=body)
    assert (unproven.status_code, unproven.json()["code"]) == (401, "DPOP_MISSING")
    registered = await stranger.post(SANDBOX, json=body, headers={"DPoP": proof})
    assert registered.status_code == 201
    again = await stranger.post(SANDBOX, json=body, headers={"DPoP": proof})
    assert (again.status_code, again.json()["code"]) == (401, "DPOP_REPLAYED")
