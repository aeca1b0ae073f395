"""docs/standard/wire.md describes every route of the application, and no other."""

from __future__ import annotations

import re
from pathlib import Path

import httpx
import pytest
from starlette.routing import BaseRoute, Route

from hub.access import limits as access
from hub.access.errors import Reason
from hub.errors import ErrorCode
from hub.explorer.endpoint import BODY_BYTES_MAX, REGISTRATIONS
from hub.graphql.endpoint import METHODS, PARAMETERS_MAX, PATH, SUBGRAPH_PATH
from hub.graphql.enums import BookingReasonCode
from hub.intake import limits as intake
from hub.ledger import limits as ledger
from hub.query.plan.limits import QueryLimits
from tests.integration.app.conftest import BASE, World

PAGE = (Path(__file__).parents[3] / "docs/standard/wire.md").read_text("utf-8")
SECTIONS = dict(re.findall(r"^### `([A-Z]+ /[^`]*)`\n(.*?)(?=^##|\Z)", PAGE, re.M | re.S))
PARTS = ("Request", "Answer", "Refused", "Bounds")
HEADERS = (
    "x-content-type-options",
    "referrer-policy",
    "cross-origin-resource-policy",
    "content-security-policy",
)


def described(route: BaseRoute) -> set[str]:
    """Return `METHOD /path` of a route as the page writes it."""
    assert isinstance(route, Route), "a mounted application has routes of its own: list them"
    path = route.path.replace(":path}", "}")
    return {f"{method} {path}" for method in route.methods or () if method != "HEAD"}


def served(world: World) -> set[str]:
    routes = {name for route in world.hub.routes for name in described(route)}
    methods = [method for method in METHODS.split(", ") if method != "HEAD"]
    return routes | {f"{method} {path}" for method in methods for path in (PATH, SUBGRAPH_PATH)}


async def test_every_route_is_described_and_no_other(world: World) -> None:
    assert {"POST /batches", "GET /log/tile/{rest}"} <= served(world)
    assert served(world) ^ set(SECTIONS) == set()


@pytest.mark.parametrize("route", SECTIONS)
def test_a_description_says_request_answer_refusals_and_bounds(route: str) -> None:
    found = re.findall(r"^- \*\*(\w+)\*\*: \S", SECTIONS[route], re.M)
    assert tuple(found) == PARTS


def test_the_page_names_only_codes_that_there_are() -> None:
    named = set(re.findall(r"`([A-Z][A-Z0-9]*_[A-Z_0-9]+)`", PAGE))
    known = {code.name for code in ErrorCode} | {reason.name for reason in Reason}
    known |= {each.name for each in BookingReasonCode}
    assert len(named) > 20
    assert named - known - {"HUB_CONTACT"} == set()


def test_the_bounds_are_those_of_the_code() -> None:
    limits = QueryLimits()
    graphql, batches = SECTIONS["POST /graphql"], SECTIONS["POST /batches"]
    assert f"body {limits.body_bytes >> 20} MiB" in graphql
    assert f"document {limits.document_bytes >> 10} KiB and {limits.tokens:,} tokens" in graphql
    assert f"depth {limits.depth}, aliases {limits.aliases}" in graphql
    assert f"root fields {limits.root_fields}, `first` {limits.page}" in graphql
    assert f"cost {limits.cost:,} a request" in graphql
    assert f"{intake.MUTATION_ROWS_MAX} rows a mutation" in graphql
    assert f"at most {PARAMETERS_MAX}" in SECTIONS["GET /graphql"]
    size, rows = intake.BATCH_BYTES_MAX >> 20, intake.BATCH_ROWS_MAX
    assert f"{size} MiB and {rows:,} rows a batch" in batches
    assert f"a record {ledger.RECORD_BYTES_MAX >> 10} KiB" in batches
    assert f"1 to {intake.IDEMPOTENCY_KEY_LENGTH_MAX} characters" in batches
    assert f"{intake.IDEMPOTENCY_KEPT_DAYS} days" in batches
    form = f"form {access.FORM_MAX_BYTES >> 10} KiB and {access.FORM_MAX_FIELDS} parameters"
    assert form in SECTIONS["POST /oauth/token"]
    assert f"live {access.TOKEN_LIFETIME_S} s" in SECTIONS["POST /oauth/token"]
    assert access.TOKEN_LIFETIME_S == access.ASSERTION_LIFETIME_S
    sandbox = SECTIONS["POST /sandbox/clients"]
    assert f"body {BODY_BYTES_MAX >> 10} KiB; {REGISTRATIONS} registrations" in sandbox


async def test_every_route_answers_with_the_headers_that_protect_it(world: World) -> None:
    asked = 0
    transport = httpx.ASGITransport(world.hub.asgi, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url=BASE) as stranger:
        for name in sorted(served(world)):
            path = re.sub(r"\{\w+\}", "1", name.partition(" ")[2])
            for method in ("GET", "POST", "DELETE", "TRACE"):
                answer = await stranger.request(method, path)
                counts = {each: len(answer.headers.get_list(each)) for each in HEADERS}
                assert set(counts.values()) == {1}, (method, path, counts)
                assert answer.headers["x-content-type-options"] == "nosniff"
                assert answer.headers["content-security-policy"].startswith("default-src 'none'")
                assert "unsafe" not in answer.headers["content-security-policy"]
                assert answer.status_code not in range(300, 400), (method, path)
                assert answer.status_code != 500, (method, path)
                assert "set-cookie" not in answer.headers
                asked += 1
    assert asked >= 100
