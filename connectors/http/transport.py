"""`Transport`: what httpx speaks through, over asyncio and httptools.

The API stays httpx; cookies, redirects, authentication and decompression stay httpx's work. What
is own is the path from a request to its bytes and back (`exchange`): stock httpx spends about a
millisecond of processor time per request there, this one a twentieth of it.

Invariants:
- connect, write, pool and read timeouts come from httpx; `total` (own key of the same extension,
  else `Limits.total_s`) bounds the exchange with its whole body;
- a request is sent a second time only when its method is idempotent, or its sender says that it
  changes nothing (`SAFE`), and its body can be repeated (RFC 9110 section 9.2.2);
- no proxy, no redirect, no HTTP/2, no upgrade.
"""

import ssl

import httpx

from connectors.http.credentials import QUERY_SECRET, SAFE
from connectors.http.exchange import ExchangeBounds, Exchanges, OutgoingRequest, head_of
from connectors.http.wire import OversizeError
from connectors.limits import Limits

__all__ = ["IDEMPOTENT", "OversizeError", "Transport", "open_client"]

IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE"})


class Transport(httpx.AsyncBaseTransport):
    """HTTP/1.1 client transport with a keep-alive pool per origin."""

    def __init__(
        self, limits: Limits | None = None, *, context: ssl.SSLContext | None = None
    ) -> None:
        """Use `context` for TLS, by default one that trusts the system's authorities."""
        self.exchanges = Exchanges(limits or Limits(), context)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request and return its answer with an open body."""
        bounds = ExchangeBounds(self.exchanges.limits, request.extensions.get("timeout"))
        message = _message(request)
        sni = request.extensions.get("sni_hostname")
        pool = self.exchanges.pool(request.url, None if sni is None else str(sni))
        body = await self.exchanges.send(message, pool, bounds)
        reply = body.reply
        return httpx.Response(
            status_code=reply.status,
            headers=reply.headers,
            stream=body,
            extensions={"http_version": b"HTTP/1.1", "reason_phrase": reply.reason},
        )

    async def aclose(self) -> None:
        """Close every connection."""
        await self.exchanges.aclose()


def _message(request: httpx.Request) -> OutgoingRequest:
    target = request.url.raw_path
    secret = request.extensions.get(QUERY_SECRET, "").encode("ascii")
    if secret:
        target += (b"&" if b"?" in target else b"?") + secret
    lines = [name + b": " + value for name, value in request.headers.raw]
    is_chunked = "chunked" in request.headers.get("transfer-encoding", "")
    has_body = is_chunked or request.headers.get("content-length", "0") != "0"
    stream = request.stream if has_body else None
    if stream is not None and not isinstance(stream, httpx.AsyncByteStream):
        raise httpx.LocalProtocolError("the body of the request is not asynchronous")
    changes_nothing = request.extensions.get(SAFE, False) or request.method in IDEMPOTENT
    return OutgoingRequest(
        method=request.method,
        head=head_of(request.method, target, lines),
        body=stream,
        is_chunked=is_chunked,
        may_repeat=changes_nothing and isinstance(request.stream, httpx.ByteStream),
    )


def open_client(
    base_url: str,
    *,
    limits: Limits | None = None,
    auth: httpx.Auth | None = None,
    context: ssl.SSLContext | None = None,
    transport: Transport | None = None,
) -> httpx.AsyncClient:
    """Return an httpx client over this transport: no proxy, no redirect, bounded everywhere.

    `transport`: one whose connections others use too; the client closes it with itself.

    A name and password inside the address are sent as credentials where `auth` gives none; they do
    not stay in the address, which messages and the log of httpx quote.
    """
    bounds = limits or Limits()
    address = httpx.URL(base_url)
    if auth is None and address.userinfo:
        auth = httpx.BasicAuth(address.username, address.password)
    return httpx.AsyncClient(
        base_url=address.copy_with(userinfo=b""),
        auth=auth,
        transport=transport or Transport(bounds, context=context),
        timeout=httpx.Timeout(
            connect=bounds.connect_s, read=bounds.read_s, write=bounds.write_s, pool=bounds.pool_s
        ),
        headers={"user-agent": "delta-instrument-hub/1", "accept-encoding": "gzip"},
        follow_redirects=False,
        trust_env=False,
    )
