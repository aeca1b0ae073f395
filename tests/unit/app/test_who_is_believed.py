"""A caller's address is the one that connected, or what a proxy says that the operator trusts."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from hub.cli.serve import server_config
from hub.errors import SettingsError
from hub.settings import Settings

CLAIMED = {"X-Forwarded-For": "203.0.113.7"}


async def seen(trusted: tuple[str, ...], peer: str) -> str:
    addresses: list[str] = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        addresses.append(scope["client"][0])
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})

    config = server_config(application, trusted)
    config.load()
    transport = httpx.ASGITransport(config.loaded_app, client=(peer, 4000))
    async with httpx.AsyncClient(transport=transport, base_url="http://hub.test") as client:
        await client.get("/", headers=CLAIMED)
    return addresses[0]


@pytest.mark.parametrize("peer", ["127.0.0.1", "10.0.0.5", "192.0.2.1"])
async def test_nobody_is_believed_who_is_not_named(peer: str) -> None:
    assert await seen((), peer) == peer


@pytest.mark.parametrize(
    ("peer", "address"),
    [("10.1.2.3", "203.0.113.7"), ("10.2.0.1", "10.2.0.1"), ("127.0.0.1", "127.0.0.1")],
)
async def test_a_named_proxy_is_believed_and_nobody_else(peer: str, address: str) -> None:
    trusted = Settings.from_environment({"HUB_TRUSTED_PROXIES": "10.1.0.0/16"}).trusted_proxies
    assert await seen(trusted, peer) == address


@pytest.mark.parametrize("text", ["*", "proxy.example", "10.0.0.0/33", ",", "10.0.0.5/8"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(SettingsError, match="HUB_TRUSTED_PROXIES"):
        Settings.from_environment({"HUB_TRUSTED_PROXIES": text})
