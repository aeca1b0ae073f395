"""Web pages of other origins: those that the operator lists may read answers, and nobody else."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from itertools import product
from pathlib import Path

import httpx
import pytest

from hub.access import rates
from hub.app import Hub, build
from hub.clock import system_clock
from hub.cross_origin import EXPOSED, SENT
from hub.errors import SettingsError
from hub.settings import Settings
from hub.store.database import Database
from tests.integration.app.conftest import BASE

pytestmark = pytest.mark.integration
ROOT = Path(__file__).parents[3]
LISTED, SECOND = "https://lab.example.edu.cn", "http://localhost:3000"
UNLISTED = [
    "https://evil.example", "null", "*", "", "https://lab.example.edu.cn.evil.example",
    "http://lab.example.edu.cn", "https://lab.example.edu.cn:8443", "https://LAB.example.edu.cn",
    "https://lab.example.edu.cn/", "https://sub.lab.example.edu.cn", "https://lab.example.edu.cn\xa0",
]  # fmt: skip
PATHS = ["/", "/standard/standard.md", "/graphql", "/batches", "/oauth/token", "/nowhere"]
ASKED = "DPoP, Authorization, Signature, Signature-Input, Content-Digest, Idempotency-Key"


@pytest.fixture
async def hub(database: Database, tmp_path: Path) -> Hub:
    listed = Settings(data_dir=tmp_path, cors_origins=(LISTED, SECOND))
    return await build(listed, database, system_clock)


@pytest.fixture
async def page(hub: Hub) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(hub.asgi, client=("203.0.113.9", 1))
    async with httpx.AsyncClient(transport=transport, base_url=BASE) as client:
        yield client


def asks(origin: str, method: str = "POST", headers: str = ASKED) -> list[tuple[str, bytes]]:
    return [
        ("origin", origin.encode("latin-1")),
        ("access-control-request-method", method.encode()),
        ("access-control-request-headers", headers.encode()),
    ]


def allowed(answer: httpx.Response) -> dict[str, str]:
    return {name: v for name, v in answer.headers.items() if name.startswith("access-control-")}


async def test_a_listed_page_reads_every_answer_and_refusal(page: httpx.AsyncClient) -> None:
    for path, origin in product(PATHS, (LISTED, SECOND)):
        answer = await page.get(path, headers={"origin": origin})
        assert answer.headers["access-control-allow-origin"] == origin
        assert "Origin" in answer.headers["vary"]
        exposed = answer.headers["access-control-expose-headers"]
        assert {"RateLimit", "ETag", "DPoP-Nonce", "WWW-Authenticate"} <= set(exposed.split(", "))
        assert "access-control-allow-credentials" not in answer.headers


async def test_no_other_page_is_named_or_told_anything(page: httpx.AsyncClient) -> None:
    for path, origin in product(PATHS, UNLISTED):
        answer = await page.get(path, headers=[("origin", origin.encode("latin-1"))])
        assert allowed(answer) == {}, origin
        assert "Origin" in answer.headers["vary"]
    for origin in UNLISTED:
        refused = await page.request("OPTIONS", "/graphql", headers=asks(origin))
        assert refused.status_code == 403, origin
        assert refused.json()["code"] == "CROSS_ORIGIN_REFUSED"
        assert allowed(refused) == {}


async def test_two_origins_in_one_request_are_nobodys(page: httpx.AsyncClient) -> None:
    raw = [("origin", LISTED), *asks("https://evil.example")]
    assert allowed(await page.get("/", headers=raw)) == {}
    refused = await page.request("OPTIONS", "/graphql", headers=raw)
    assert (refused.status_code, allowed(refused)) == (403, {})


async def test_without_an_origin_answers_still_differ_by_origin(page: httpx.AsyncClient) -> None:
    answer = await page.get("/standard/standard.md")
    assert "Origin" in answer.headers["vary"]
    assert allowed(answer) == {}


async def test_a_preflight_needs_no_token(page: httpx.AsyncClient) -> None:
    for path, method in product(PATHS, ["GET", "POST", "DELETE"]):
        answer = await page.request("OPTIONS", path, headers=asks(LISTED, method))
        assert (answer.status_code, answer.content) == (204, b"")
        assert answer.headers["access-control-allow-origin"] == LISTED
        names = answer.headers["access-control-allow-headers"].lower().split(", ")
        assert {name.lower() for name in ASKED.split(", ")} <= set(names)
        assert answer.headers["access-control-max-age"] == "600"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "access-control-allow-credentials" not in answer.headers


async def test_a_page_sends_only_what_the_hub_reads(page: httpx.AsyncClient) -> None:
    for method, headers in [("PUT", ASKED), ("post", ASKED), ("POST", "X-Other"), ("POST", "*")]:
        answer = await page.request("OPTIONS", "/graphql", headers=asks(LISTED, method, headers))
        assert answer.status_code == 403
        assert "access-control-allow-methods" not in answer.headers
        assert "access-control-allow-headers" not in answer.headers


async def test_a_page_out_of_the_internet_may_not_ask_for_a_private_network(
    page: httpx.AsyncClient,
) -> None:
    raw = [*asks(LISTED), ("access-control-request-private-network", b"true")]
    answer = await page.request("OPTIONS", "/graphql", headers=raw)
    assert answer.status_code == 403


async def test_options_that_are_no_preflight_reach_the_door(page: httpx.AsyncClient) -> None:
    for path in ("/graphql", "/standard/standard.md"):
        answer = await page.request("OPTIONS", path, headers={"origin": LISTED})
        assert answer.status_code == 405


@pytest.mark.parametrize("path", ["/graphql", "/"])
async def test_preflights_count_for_their_address_and_a_page_reads_that_there_were_too_many(
    hub: Hub, page: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    monkeypatch.setattr(rates, "RATE_WINDOW_S", 1e9)
    for _ in range(rates.ADDRESS.quota - 1):
        hub.access.rates.count({"client": ("203.0.113.9", 1)}, rates.ADDRESS)
    last = await page.request("OPTIONS", path, headers=asks(LISTED))
    refused = await page.request("OPTIONS", path, headers=asks(LISTED))
    assert (last.status_code, refused.status_code) == (204, 429)
    assert refused.headers["access-control-allow-origin"] == LISTED


async def test_without_a_list_the_hub_knows_no_other_origin(
    database: Database, tmp_path: Path
) -> None:
    hub = await build(Settings(data_dir=tmp_path), database, system_clock)
    transport = httpx.ASGITransport(hub.asgi)
    async with httpx.AsyncClient(transport=transport, base_url=BASE) as client:
        answer = await client.get("/standard/standard.md", headers={"origin": LISTED})
        preflight = await client.request("OPTIONS", "/standard/standard.md", headers=asks(LISTED))
    assert allowed(answer) == {}
    assert "Origin" not in answer.headers.get("vary", "")
    assert (preflight.status_code, allowed(preflight)) == (405, {})


@pytest.mark.parametrize(
    "text",
    [
        "*", "null", "https://*.example.cn", "https://lab.example.cn/", "https://lab.example.cn/x",
        "https://Lab.example.cn", "https://lab.example.cn:443", "http://localhost:80",
        "http://lab.example.cn", "lab.example.cn", "https://u@lab.example.cn", "file://", ",",
        "https://lab.example.cn:70000", "https://实验.cn", "https://a.cn https://b.cn",
        ",".join(f"https://h{number}.example.cn" for number in range(33)),
    ],
)  # fmt: skip
def test_only_exact_origins_can_be_listed(text: str) -> None:
    with pytest.raises(SettingsError, match="HUB_CORS_ORIGINS lists exact origins"):
        Settings.from_environment({"HUB_CORS_ORIGINS": text})


def test_origins_are_listed_with_commas() -> None:
    made = Settings.from_environment({"HUB_CORS_ORIGINS": f"{LISTED}, {SECOND},{LISTED}"})
    assert made.cors_origins == (LISTED, SECOND)


def test_a_page_may_send_or_read_every_header_field_of_ours_that_the_wire_page_names() -> None:
    page = (ROOT / "docs/standard/wire.md").read_text("utf-8")
    named = set(re.findall(r"\bHub-[A-Z][A-Za-z]*(?:-[A-Z][A-Za-z]*)*", page))
    assert {"Hub-Receipt-State", "Hub-Record-Standing"} <= named
    assert named <= {*SENT, *EXPOSED}
