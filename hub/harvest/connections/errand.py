"""`Errand`: one question that this hub asks another one for somebody, and how it is sent.

The token is exchanged for what this hub says of its caller (RFC 8693), so that the other one knows
for whom it answers and may do no more than both may. The request is signed with the headers by
which a question ends (`hub.access.relay`), made when it leaves: what is left of the caller's time
is told less `SPARE_S`, in which the answer travels.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

import httpx

from connectors.errors import SlowError
from hub.access.content_digest import content_digest
from hub.access.envelope import Envelope
from hub.access.relay import Relay, relay_headers
from hub.access.requester import Requester
from hub.access.resource import Caller
from hub.access.signatures import MUTATION, sign_request
from hub.clock import Clock
from hub.crypto.keys import SigningKey

__all__ = ["SPARE_S", "Errand", "ErrandAuth", "Principal"]

SPARE_S = 0.05
"""What the way back may take, of a caller's time."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Principal:
    """For whom a hub asks: what it says of that client to the other one."""

    subject: str
    party: str | None
    scopes: tuple[str, ...]
    actors: tuple[str, ...] = ()
    """Hubs through which the client came to this one, the nearest first."""

    @property
    def act(self) -> dict[str, Any] | None:
        """Return the chain of who acts for the client, as RFC 8693 §4.1 nests it."""
        nested: dict[str, Any] | None = Requester(self.subject, self.party, self.actors).claims.get(
            "act"
        )
        return nested


@dataclass(frozen=True, kw_only=True, slots=True)
class Errand:
    """What goes with a question. `via`: origins of the hubs on its way, this one the last."""

    caller: Caller
    """For whom this hub asks."""
    principal: Principal
    """What it says of him."""
    via: tuple[str, ...]
    request_id: str
    until: float
    """When the caller goes on, in the time of the event loop."""
    max_staleness_s: float

    @property
    def left_s(self) -> float:
        """How long the other hub may take, by now."""
        return self.until - asyncio.get_running_loop().time() - SPARE_S

    def headers(self, source: str) -> Mapping[str, str]:
        """Return the headers of a request that leaves now; `SlowError` where it is too late."""
        left_s = self.left_s
        if left_s <= 0:
            raise SlowError(source, "no time is left to ask", was_sent=False)
        return relay_headers(Relay(via=self.via, request_id=self.request_id, left_s=left_s))


class ErrandAuth(httpx.Auth):
    """Signs the requests of an errand, after `inner` has given them token and proof."""

    requires_request_body = True

    def __init__(
        self, source: str, errand: Errand, inner: httpx.Auth, key: SigningKey, clock: Clock
    ) -> None:
        self._source = source
        self._errand = errand
        self._inner = inner
        self._key = key
        self._clock = clock

    async def async_auth_flow(
        self, request: httpx.Request
    ) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """Send what `inner` sends; sign the request itself, whenever it is sent."""
        async with aclosing(self._inner.async_auth_flow(request)) as flow:
            outgoing = await anext(flow, None)
            while outgoing is not None:
                if outgoing is request:
                    self._sign(request)
                response = yield outgoing
                try:
                    outgoing = await flow.asend(response)
                except StopAsyncIteration:
                    return

    def _sign(self, request: httpx.Request) -> None:
        headers = dict(self._errand.headers(self._source))
        headers["content-digest"] = content_digest(request.content)
        headers["idempotency-key"] = self._errand.request_id
        request.headers.update(headers)
        target = str(request.url.copy_with(query=None, fragment=None))
        names = (name.strip('"') for name in MUTATION.components)
        covered = {name: request.headers[name] for name in names if name in request.headers}
        envelope = Envelope(request.method, request.url.path, target, str(request.url), covered)
        signed, _ = sign_request(envelope, self._key, MUTATION, self._clock())
        request.headers.update(signed)
