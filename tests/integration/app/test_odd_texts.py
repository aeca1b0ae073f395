"""A text that PostgreSQL cannot hold is the caller's mistake at every route, never the hub's.

U+0000 and halves of surrogate pairs pass JSON and percent-encoding; no table takes them.
"""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from hub.access import assertion
from hub.access.clients import ClientKind
from hub.access.registration import application_document, proof_of_possession
from hub.client import CallRefusedError
from hub.client.wire import to_json
from hub.clock import system_clock
from hub.crypto.keys import generate_key
from tests.integration.app.conftest import BASE, UNIVERSITY, World
from tests.integration.app.test_operator_over_http import Desk, act, desk, look

__all__ = ["desk"]
pytestmark = pytest.mark.integration
ODD = ("a\0b", "\0", "a\ud800b", "\udfff")
BAD = (400, "BAD_USER_INPUT")


@pytest.mark.parametrize("odd", ODD)
async def test_an_operator_is_told_of_an_odd_text_in_a_document(desk: Desk, odd: str) -> None:
    change: list[dict[str, Any]] = [{"name": odd}, {"party": odd}, {"sources": [odd]}]
    for body in [*change, {"scopes": [odd]}, {"name": "x", odd: 1}]:
        with pytest.raises(CallRefusedError) as refused:
            await act(desk.operator, "/operator/clients/zju", body)
        assert (refused.value.status, refused.value.code) == BAD, body
    with pytest.raises(CallRefusedError) as refused:
        await act(desk.operator, "/operator/registrations/x/refuse", {"reason": odd})
    assert refused.value.status in (400, 404)


async def test_an_operator_is_told_of_an_odd_text_in_an_address(desk: Desk) -> None:
    told = await look(desk.operator, "/operator/clients?after=%00")
    assert (told["status"], told["code"]) == BAD
    assert "U+0000" in told["hint"]
    for path in ("/operator/clients/%00", "/operator/clients/a%00b"):
        told = await look(desk.operator, path)
        assert (told["status"], told["code"]) == BAD, path
    for path in (
        "clients/%00",
        "clients/%00/suspend",
        "keys/%00/revoke",
        "registrations/%00/refuse",
    ):
        with pytest.raises(CallRefusedError) as refused:
            await act(desk.operator, f"/operator/{path}", {})
        assert (refused.value.status, refused.value.code) == BAD, path


async def test_a_partner_is_told_of_an_odd_text_in_an_address(world: World) -> None:
    scopes = ("records:push", "receipt:read")
    partner = await world.register("zju", UNIVERSITY, ClientKind.UNIVERSITY, scopes, "zju-push")
    for target in (
        "/mappings?source=zju-push&name=%00",
        "/mappings?source=%00",
        "/quarantine?source=zju-push%00",
        "/quarantine?after=%00",
        "/audit?after=%00",
        "/receipts/%00",
        "/records/1%00",
    ):
        path, _, query = target.partition("?")
        answer = await partner._call("GET", path, {}, b"", query)
        assert 400 <= answer.status_code < 405, (path, answer.text)


async def test_a_stranger_is_told_of_an_odd_text(world: World) -> None:
    async with httpx.AsyncClient(transport=world.transport, base_url=BASE) as stranger:
        for path in ("/log/%00/checkpoint", "/log/a%00b/tile/0/000"):
            answer = await stranger.get(path)
            assert (answer.status_code, answer.json()["code"]) == BAD, path
        for path in ("/guide/%00", "/standard/%00", "/explore/%00"):
            assert (await stranger.get(path)).status_code == 404
        for odd in ODD:
            key = generate_key()
            document = {
                **application_document("new-client", "x", key.public),
                "proof": proof_of_possession("new-client", BASE, key, system_clock()),
                "name": odd,
            }
            answer = await stranger.post(
                "/clients", content=to_json(document), headers={"content-type": "application/json"}
            )
            assert (answer.status_code, answer.json()["code"]) == BAD, odd


@pytest.mark.parametrize("odd", ["a\0b", "\0", "a\nb"])
async def test_an_assertion_of_an_odd_client_is_refused_as_of_an_unknown_one(
    world: World, odd: str
) -> None:
    form = {
        "grant_type": "client_credentials",
        "client_assertion_type": assertion.ASSERTION_TYPE,
        "client_assertion": assertion.make(odd, BASE, generate_key(), system_clock()),
    }
    async with httpx.AsyncClient(transport=world.transport, base_url=BASE) as stranger:
        for path in ("token", "revoke", "introspect"):
            answer = await stranger.post(f"/oauth/{path}", data={**form, "token": "x"})
            assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client"), path
