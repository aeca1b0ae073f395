"""`applying`: asking a hub for registration, before one is its client."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx

from hub.access.registration import proof_of_possession
from hub.client.discovery import discover
from hub.client.network import unreachable
from hub.client.token import server_clock_difference
from hub.client.wire import object_of, refused, to_json
from hub.clock import Clock, system_clock
from hub.crypto.keys import SigningKey

TIMEOUT_S = 30.0


async def apply(
    base: str,
    document: Mapping[str, Any],
    key: SigningKey,
    *,
    clock: Clock = system_clock,
    transport: httpx.AsyncBaseTransport | None = None,
) -> dict[str, Any]:
    """Send a registration document with a proof that `key` is ours; return how it stands.

    Asking again with the same key tells what became of it. Raises `CallRefusedError`.
    """
    base = base.rstrip("/")
    try:
        async with httpx.AsyncClient(base_url=base, transport=transport, timeout=TIMEOUT_S) as http:
            hub = await discover(http, base)
            asked = await http.get("/.well-known/jwks.json")
            now = clock() + server_clock_difference(asked, clock())
            proof = proof_of_possession(str(document.get("clientId")), hub.issuer, key, now)
            body = to_json({**document, "proof": proof})
            headers = {"content-type": "application/json"}
            answer = await http.post("/clients", content=body, headers=headers)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise unreachable(base, error) from error
    if answer.is_error:
        raise refused(answer)
    return object_of(answer)
