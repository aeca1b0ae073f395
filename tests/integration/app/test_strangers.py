"""What somebody without a token gets at every route of the hub: status and code.

The list is compared with the routes that the hub has, so that a new one is listed here first.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.routing import BaseRoute, Route

from hub.app import build
from hub.clock import system_clock
from hub.settings import Settings
from hub.store.database import Database
from tests.integration.app.conftest import BASE

pytestmark = pytest.mark.integration
PUBLIC, ABSENT = (200, None), (404, "NOT_FOUND")
UNKNOWN = (401, "TOKEN_MISSING")
GRAPHQL = ("/graphql", "/federation/graphql")
STRANGERS: dict[tuple[str, str], tuple[int, str | None]] = {
    # pages and documents that are everybody's
    ("GET", "/"): PUBLIC,
    ("GET", "/figures.json"): PUBLIC,
    ("GET", "/front/front.js"): PUBLIC,
    ("GET", "/pages/{name}"): ABSENT,
    ("GET", "/submit"): PUBLIC,
    ("GET", "/verify"): PUBLIC,
    ("GET", "/customs"): PUBLIC,
    ("GET", "/vouchers"): PUBLIC,
    ("GET", "/attestation"): PUBLIC,
    ("GET", "/attestation/keys"): PUBLIC,
    ("GET", "/healthz"): (503, None),  # the sequencer does not run in this test
    ("GET", "/standard/{name}"): ABSENT,
    ("GET", "/explore"): PUBLIC,
    ("GET", "/explore/samples.json"): PUBLIC,
    ("GET", "/explore/types.json"): PUBLIC,
    ("GET", "/guide"): PUBLIC,
    ("GET", "/guide/{name:path}"): ABSENT,
    ("GET", "/.well-known/security.txt"): ABSENT,  # the operator has named no contact
    ("GET", "/access-policy"): PUBLIC,
    ("GET", "/livez"): PUBLIC,
    ("GET", "/readyz"): PUBLIC,
    ("GET", "/explore/{name}"): ABSENT,
    ("GET", "/.well-known/oauth-authorization-server"): PUBLIC,
    ("GET", "/.well-known/jwks.json"): PUBLIC,
    ("GET", "/.well-known/oauth-protected-resource"): PUBLIC,
    ("GET", "/.well-known/oauth-protected-resource/graphql"): PUBLIC,
    ("GET", "/.well-known/oauth-protected-resource/federation/graphql"): PUBLIC,
    # the log holds hashes
    ("GET", "/log/checkpoint"): ABSENT,
    ("GET", "/log/policy"): PUBLIC,
    ("GET", "/log/origins"): PUBLIC,
    ("GET", "/log/{origin:path}/checkpoint"): ABSENT,
    ("GET", "/log/{origin:path}/tile/{rest:path}"): (400, "BAD_USER_INPUT"),
    ("GET", "/log/vkey"): PUBLIC,
    ("GET", "/log/tile/{rest:path}"): (400, "BAD_USER_INPUT"),
    # a token is for registered clients
    ("POST", "/oauth/token"): (400, "invalid_request"),
    ("POST", "/oauth/revoke"): (400, "invalid_request"),
    ("POST", "/oauth/introspect"): (400, "invalid_request"),
    # a registration is asked for with a proof, and waits
    ("POST", "/clients"): (415, "UNSUPPORTED_MEDIA_TYPE"),
    # in sandbox mode a key that is proven may be registered from this machine
    ("POST", "/sandbox/clients"): (401, "DPOP_MISSING"),
    # the doors of the gate
    ("POST", "/batches"): UNKNOWN,
    ("POST", "/nrii/instruInfo"): UNKNOWN,
    ("GET", "/nrii/instruInfo"): (400, "BAD_USER_INPUT"),
    ("POST", "/files"): UNKNOWN,
    ("GET", "/mappings"): UNKNOWN,
    ("POST", "/mappings"): UNKNOWN,
    ("DELETE", "/mappings"): UNKNOWN,
    ("POST", "/mappings/draft"): UNKNOWN,
    ("GET", "/quarantine"): UNKNOWN,
    ("GET", "/vouchers/pack/{id}"): UNKNOWN,
    ("GET", "/attestations/{issuer}/{code}/{claim}"): UNKNOWN,
    ("GET", "/audit"): UNKNOWN,
    ("GET", "/clients/self"): UNKNOWN,
    ("POST", "/clients/self/keys"): UNKNOWN,
    ("DELETE", "/clients/self/keys/{kid}"): UNKNOWN,
    ("GET", "/clients/self/documents"): UNKNOWN,
    ("POST", "/clients/self/documents"): UNKNOWN,
    ("DELETE", "/clients/self/documents/{id}"): UNKNOWN,
    ("GET", "/clients/self/webhooks"): UNKNOWN,
    ("POST", "/clients/self/webhooks"): UNKNOWN,
    ("GET", "/clients/self/webhooks/{id}"): UNKNOWN,
    ("DELETE", "/clients/self/webhooks/{id}"): UNKNOWN,
    ("POST", "/clients/self/webhooks/{id}/challenge"): UNKNOWN,
    ("POST", "/clients/self/webhooks/{id}/secret"): UNKNOWN,
    ("POST", "/clients/self/webhooks/{id}/replay"): UNKNOWN,
    ("GET", "/exports"): UNKNOWN,
    ("GET", "/exports/{id}"): UNKNOWN,
    ("DELETE", "/exports/{id}"): UNKNOWN,
    ("GET", "/exports/{id}/parts/{number}"): UNKNOWN,
    ("GET", "/operator/clients"): UNKNOWN,
    ("GET", "/operator/clients/{id}"): UNKNOWN,
    ("POST", "/operator/clients/{id}"): UNKNOWN,
    ("POST", "/operator/clients/{id}/suspend"): UNKNOWN,
    ("POST", "/operator/clients/{id}/resume"): UNKNOWN,
    ("POST", "/operator/clients/{id}/remove"): UNKNOWN,
    ("GET", "/operator/registrations"): UNKNOWN,
    ("POST", "/operator/registrations/{id}/approve"): UNKNOWN,
    ("POST", "/operator/registrations/{id}/refuse"): UNKNOWN,
    ("POST", "/operator/keys/{id}/revoke"): UNKNOWN,
    ("GET", "/receipts/{entry}"): UNKNOWN,
    ("GET", "/records/{entry}"): UNKNOWN,
    **{(method, path): UNKNOWN for method in ("GET", "POST") for path in GRAPHQL},
}


def routes_of(routes: Iterable[BaseRoute]) -> Iterator[tuple[str, str]]:
    for route in routes:
        assert isinstance(route, Route), f"{route} is listed by hand"
        for method in sorted((route.methods or {"GET"}) - {"HEAD"}):
            yield method, route.path


async def answers(hub: Any, asked: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Any]:
    transport = httpx.ASGITransport(hub.asgi, raise_app_exceptions=False)
    found = {}
    async with httpx.AsyncClient(transport=transport, base_url=BASE) as client:
        for method, path in asked:
            made = (
                path.replace("{entry}", "1")
                .replace("{name}", "x")
                .replace("{name:path}", "x")
                .replace("{rest:path}", "x")
            )
            made = made.replace("{origin:path}", "other.example")
            made = made.replace("{kid}", "x").replace("{id}", "x")
            json = {"query": "{ me { party } }"} if method == "POST" and path in GRAPHQL else None
            answer = await client.request(method, made, json=json)
            found[method, path] = (answer.status_code, _code(answer))
    return found


def _code(answer: httpx.Response) -> str | None:
    if answer.status_code == 200 or "json" not in answer.headers["content-type"]:
        return None
    body = answer.json()
    if "errors" in body:
        return str(body["errors"][0]["extensions"]["code"])
    code = body.get("code") or body.get("error")
    return None if code is None else str(code)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path, sandbox=True)


async def test_somebody_without_a_token_gets_this_at_every_route(
    database: Database, settings: Settings
) -> None:
    hub = await build(settings, database, system_clock)
    doors = [(method, path) for method in ("GET", "POST") for path in GRAPHQL]
    routes = [*routes_of(hub.routes), *doors]
    assert len(routes) == len(set(routes))

    found = await answers(hub, routes)

    assert found == STRANGERS


async def test_where_the_operator_allows_it_somebody_without_a_token_asks_registered_documents(
    database: Database, settings: Settings
) -> None:
    hub = await build(replace(settings, anonymous=True), database, system_clock)
    found = await answers(hub, STRANGERS)
    changed = {each: found[each] for each in found if found[each] != STRANGERS[each]}
    assert changed == {
        **{("GET", path): (400, "BAD_USER_INPUT") for path in GRAPHQL},  # it asks nothing
        **{("POST", path): (403, "DOCUMENT_REQUIRED") for path in GRAPHQL},
    }


async def test_without_sandbox_mode_nobody_registers_himself(
    database: Database, settings: Settings
) -> None:
    hub = await build(replace(settings, sandbox=False), database, system_clock)
    found = await answers(hub, [("POST", "/sandbox/clients")])
    assert found == {("POST", "/sandbox/clients"): (404, "NOT_FOUND")}
