"""Over TCP nobody claims a TLS client certificate, at any route of the hub."""

from __future__ import annotations

import httpx
import pytest
from starlette.routing import Route

from tests.integration.app.conftest import BASE, World

pytestmark = pytest.mark.integration


def paths(world: World) -> set[str]:
    """Every path that the hub serves."""
    found = {route.path for route in world.hub.routes if isinstance(route, Route)}
    return found | {"/graphql", "/nowhere"}


async def test_every_route_refuses_a_request_that_claims_a_certificate(world: World) -> None:
    every = paths(world)
    assert {"/", "/healthz", "/oauth/token", "/batches", "/clients", "/explore"} <= every
    async with httpx.AsyncClient(transport=world.transport, base_url=BASE) as http:
        for path in sorted(every):
            for method in ("GET", "POST"):
                address = path.replace("{", "").replace("}", "")
                answer = await http.request(method, address, headers={"Client-Cert": ":AAAA:"})
                assert (answer.status_code, answer.json()["code"]) == (
                    400,
                    "CLIENT_CERT_UNTRUSTED",
                ), path
                assert "x-content-type-options" in answer.headers
