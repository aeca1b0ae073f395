"""`sending`: one attempt to hand a message to a webhook.

- The name is looked up once, all its addresses are judged, and the connection goes to one of those
  that were judged: an answer of the name server that changes in between changes nothing. The
  certificate is still checked for the name.
- Nothing is followed, no proxy of the environment is used, no connection is used twice, and of the
  answer only what is needed is read. Each attempt ends in time.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum, unique
from urllib.parse import urlsplit

import httpx

from hub.errors import RefusedError
from hub.exchange.webhooks.addresses import WebhookTarget, is_own, is_public, target_of
from hub.exchange.webhooks.limits import (
    ADDRESSES_TRIED,
    ATTEMPT_S,
    CONNECT_S,
    LOOK_UPS_AT_ONCE,
    REPLY_BYTES_MAX,
)

Resolve = Callable[[str, int], Awaitable[list[str]]]
"""Looks a name up; OSError where it has no address."""
_OK = range(200, 300)
_GONE = 410


@unique
class DeliveryFault(StrEnum):
    """Why an attempt failed. An answer that is no success is told by its status, as `HTTP 503`."""

    ADDRESS_REFUSED = "ADDRESS_REFUSED"
    """The name leads where the hub does not call."""
    UNRESOLVED = "UNRESOLVED"
    UNREACHABLE = "UNREACHABLE"
    """No connection, no TLS, or one that broke off."""
    TIMEOUT = "TIMEOUT"


@dataclass(frozen=True, slots=True)
class DeliveryOutcome:
    """What came of an attempt; `fault` None: it was delivered."""

    fault: str | None = None
    is_gone: bool = False
    """The receiver wants nothing any more (410)."""
    retry_after_s: int | None = None
    reply: bytes = b""


async def look_up(names: ThreadPoolExecutor, host: str, port: int) -> list[str]:
    """Return the addresses of a host, in the order in which the system prefers them."""
    loop = asyncio.get_running_loop()
    found = await loop.run_in_executor(
        names, lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    )
    return list(dict.fromkeys(str(each[4][0]) for each in found))


class WebhookSender:
    """Sends messages to webhooks."""

    def __init__(
        self,
        listed: Collection[str],
        base: str,
        resolve: Resolve | None = None,
        allows: Callable[[str], bool] = is_public,
    ) -> None:
        """Call `listed` origins whatever they are, and never `base`, which is the hub's own.

        `resolve`, `allows`: other ways to look up and to judge addresses, for tests.
        """
        self._listed = frozenset(listed)
        self._own_host = urlsplit(base).hostname or ""
        self._names = ThreadPoolExecutor(LOOK_UPS_AT_ONCE, "webhook names")
        self._resolve = resolve or self._look_up
        self._allows = allows
        self._client: httpx.AsyncClient | None = None

    async def aclose(self) -> None:
        """Close what is open."""
        self._names.shutdown(wait=False, cancel_futures=True)
        if self._client is not None:
            await self._client.aclose()

    def check(self, url: str) -> None:
        """Raise RefusedError BAD_USER_INPUT for a URL that is never called."""
        target_of(url, self._listed)

    async def post(
        self, url: str, headers: Mapping[str, str], body: bytes, *, reads: bool = False
    ) -> DeliveryOutcome:
        """Send a message once; never raises for what the other side does.

        `reads`: return the beginning of the answer.
        """
        try:
            target = target_of(url, self._listed)
        except RefusedError:  # the operator has struck its origin off
            return DeliveryOutcome(DeliveryFault.ADDRESS_REFUSED)
        try:
            async with asyncio.timeout(ATTEMPT_S):
                addresses = await self._addresses(target)
                if isinstance(addresses, DeliveryFault):
                    return DeliveryOutcome(addresses)
                return await self._exchange(target, addresses, headers, body, reads=reads)
        except TimeoutError:
            return DeliveryOutcome(DeliveryFault.TIMEOUT)

    async def _addresses(self, target: WebhookTarget) -> list[str] | DeliveryFault:
        """Return the addresses to connect to; if one may not be called, none is."""
        try:
            found = await self._resolve(target.host, target.port)
            own = [] if target.is_listed else await self._own_addresses()
        except OSError:
            return DeliveryFault.UNRESOLVED
        if not found:
            return DeliveryFault.UNRESOLVED
        if target.is_listed:
            return found
        if all(self._allows(each) and each not in own and not is_own(each) for each in found):
            return found
        return DeliveryFault.ADDRESS_REFUSED

    async def _own_addresses(self) -> list[str]:
        """Return under which addresses the hub itself is reached, by a proxy before it too."""
        try:
            return await self._look_up(self._own_host, 0)
        except OSError:
            return []  # its name is not known here, so nobody reaches it by that

    async def _look_up(self, host: str, port: int) -> list[str]:
        return await look_up(self._names, host, port)

    async def _exchange(
        self,
        target: WebhookTarget,
        addresses: list[str],
        headers: Mapping[str, str],
        body: bytes,
        *,
        reads: bool,
    ) -> DeliveryOutcome:
        for address in addresses[:ADDRESSES_TRIED]:
            try:
                return await self._send(target, address, headers, body, reads=reads)
            except (httpx.ConnectError, httpx.ConnectTimeout):
                continue
            except httpx.TimeoutException:
                return DeliveryOutcome(DeliveryFault.TIMEOUT)
            except httpx.HTTPError:
                break
        return DeliveryOutcome(DeliveryFault.UNREACHABLE)

    async def _send(
        self,
        target: WebhookTarget,
        address: str,
        headers: Mapping[str, str],
        body: bytes,
        *,
        reads: bool,
    ) -> DeliveryOutcome:
        literal = f"[{address}]" if ":" in address else address
        request = self._http().build_request(
            "POST",
            f"{target.scheme}://{literal}:{target.port}{target.path}",
            headers={**headers, "host": target.authority, "accept-encoding": "identity"},
            content=body,
            extensions={"sni_hostname": target.host},
        )
        answer = await self._http().send(request, stream=True)
        try:
            if answer.status_code not in _OK:
                return DeliveryOutcome(
                    f"HTTP {answer.status_code}",
                    is_gone=answer.status_code == _GONE,
                    retry_after_s=_seconds(answer.headers.get("retry-after")),
                )
            return DeliveryOutcome(reply=await _beginning(answer) if reads else b"")
        finally:
            await answer.aclose()

    def _http(self) -> httpx.AsyncClient:
        if self._client is None:
            self._client = httpx.AsyncClient(
                trust_env=False,
                follow_redirects=False,
                timeout=httpx.Timeout(ATTEMPT_S, connect=CONNECT_S),
                # a connection is for one name: the next one may share its address
                limits=httpx.Limits(max_connections=None, max_keepalive_connections=0),
                headers={"user-agent": "deltahub-webhook"},
            )
        return self._client


async def _beginning(answer: httpx.Response) -> bytes:
    came = b""
    async for part in answer.aiter_raw():
        came += part
        if len(came) >= REPLY_BYTES_MAX:
            break
    return came[:REPLY_BYTES_MAX]


def _seconds(text: str | None) -> int | None:
    """Return what `Retry-After` says in seconds; a date is not needed by anybody here."""
    return int(text) if text is not None and text.isascii() and text.isdecimal() else None
