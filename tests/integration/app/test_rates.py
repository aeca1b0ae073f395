"""Every door counts its callers: by client where a token says who it is, else by address."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from hub.access import limits, rates
from hub.access.clients import ClientKind
from hub.access.rates import RatePolicy, Rates, address_of
from hub.client.wire import to_json
from hub.errors import RateLimitedError
from hub.query.plan.limits import QueryLimits
from tests.integration.app.conftest import BASE, UNIVERSITY, World

pytestmark = pytest.mark.integration
DOORS = [
    ("GET", "/"), ("GET", "/healthz"), ("GET", "/standard/hub.graphql"), ("GET", "/log/vkey"),
    ("GET", "/explore"), ("GET", "/nothing"), ("POST", "/sandbox/clients"),
    ("POST", "/oauth/token"), ("POST", "/oauth/revoke"), ("GET", "/.well-known/jwks.json"),
    ("POST", "/graphql"), ("POST", "/batches"), ("GET", "/receipts/1"), ("GET", "/records/1"),
]  # fmt: skip


def stranger(world: World, address: str) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(world.hub.asgi, client=(address, 1))
    return httpx.AsyncClient(transport=transport, base_url=BASE)


@pytest.fixture
async def spent(world: World, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody whose address has used up its quotas, which do not come back in this test."""
    monkeypatch.setattr(rates, "RATE_WINDOW_S", 1e9)
    scope = {"client": ("203.0.113.7", 1)}
    for policy in (rates.ADDRESS, rates.TOKEN_REQUESTS):
        for _ in range(policy.quota):
            world.hub.access.rates.count(scope, policy)
    async with stranger(world, "203.0.113.7") as client:
        yield client


@pytest.mark.parametrize(("method", "path"), DOORS)
async def test_a_door_tells_who_asks_too_often_when_to_come_back(
    spent: httpx.AsyncClient, method: str, path: str
) -> None:
    json = {"query": "{ __typename }"} if path == "/graphql" else None
    answer = await spent.request(method, path, json=json)
    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) >= 1
    body = answer.json()
    code = body.get("code") or body["errors"][0]["extensions"]["code"]
    assert code == "RATE_LIMITED"
    if path == "/graphql":
        assert body["errors"][0]["extensions"]["retryable"] is True
    assert answer.headers["ratelimit"].startswith(('"address";r=0;t=', '"token";r=0;t='))


@pytest.mark.usefixtures("spent")
async def test_other_addresses_and_clients_are_served_meanwhile(world: World) -> None:
    async with stranger(world, "203.0.113.8") as other:
        assert (await other.get("/log/vkey")).status_code == 200
    client = await world.register(
        "partner", UNIVERSITY, ClientKind.PARTNER, ("catalogue:read", "graphql:adhoc")
    )
    assert (await client.query("{ me { clientId } }"))["data"]["me"]["clientId"] == "partner"


async def test_a_bad_token_counts_for_the_address_that_sent_it(world: World) -> None:
    async with stranger(world, "203.0.113.9") as client:
        bad = {"Authorization": "DPoP x"}
        left = [
            (await client.get("/receipts/1", headers=bad)).headers["ratelimit"] for _ in range(2)
        ]
    assert left[0].startswith(f'"address";r={limits.ADDRESS_QUOTA - 1};t=')
    assert left[1].startswith(f'"address";r={limits.ADDRESS_QUOTA - 2};t=')


async def test_every_caller_is_told_where_he_stands(world: World) -> None:
    async with stranger(world, "203.0.113.10") as client:
        answer = await client.get("/log/vkey")
    quota, window = limits.ADDRESS_QUOTA, limits.RATE_WINDOW_S
    assert answer.headers["ratelimit-policy"] == f'"address";q={quota};w={window}'
    assert answer.headers["ratelimit"] == f'"address";r={quota - 1};t=1'


async def test_the_graph_says_what_the_headers_say(world: World) -> None:
    scopes = ("catalogue:read", "graphql:adhoc")
    partner = await world.register("partner", "moe:10335", ClientKind.PARTNER, scopes)
    fields = "policy limit windowS remaining resetS costPerRequest costAtOnce costPerS"
    body = {"query": f"{{ rateLimit {{ {fields} }} me {{ quota {{ remaining }} }} }}"}
    answer = await partner.relay(
        "POST", "/graphql", {"content-type": "application/json"}, to_json(body)
    )
    told = answer.json()["data"]
    stands = told["rateLimit"]
    policy, standing = answer.headers["ratelimit-policy"], answer.headers["ratelimit"]
    assert policy == f'"{stands["policy"]}";q={stands["limit"]};w={stands["windowS"]}'
    assert standing == f'"{stands["policy"]}";r={stands["remaining"]};t={stands["resetS"]}'
    assert told["me"]["quota"]["remaining"] == stands["remaining"]
    asked = QueryLimits()
    assert stands["costPerRequest"] == asked.cost
    assert (stands["costAtOnce"], stands["costPerS"]) == (asked.cost_capacity, 2_000)


def test_an_ipv6_caller_is_counted_by_the_network_that_he_has_to_himself() -> None:
    mine = {address_of({"client": (f"2001:db8:1:2::{n:x}", 1)}) for n in range(5)}
    assert mine == {"2001:db8:1:2::/64"}
    assert address_of({"client": ("::ffff:192.0.2.1", 1)}) == "192.0.2.1"
    assert address_of({"client": None}) == "unknown"


def test_a_quota_comes_back_with_time(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(rates, "monotonic", lambda: now)
    counted, policy = Rates(), RatePolicy("few", 60)
    for _ in range(60):
        counted.count({}, policy, "a")
    with pytest.raises(RateLimitedError) as refused:
        counted.count({}, policy, "a")
    assert refused.value.retry_after_s == 1
    now += 1.0
    counted.count({}, policy, "a")


def test_so_many_callers_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rates, "RATE_BUCKETS_MAX", 3)
    counted = Rates()
    for n in range(100):
        counted.count({}, rates.CLIENT, str(n))
    assert len(counted._buckets) == 3
