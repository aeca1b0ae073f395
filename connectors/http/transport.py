"""`Transport`: what httpx speaks through, over asyncio and httptools.

The API stays httpx; cookies, redirects, authentication and decompression stay httpx's work. What
is own is the path from a request to its bytes and back: stock httpx spends about a millisecond of
processor time per request there, this one a twentieth of it.

Invariants:
- connect, write, pool and read timeouts come from httpx; `total` (own key of the same extension,
  else `Limits.total_s`) bounds the exchange with its whole body;
- a request is sent a second time only when its method is idempotent, or its sender says that it
  changes nothing (`SAFE`); its body can be repeated, the connection had been used before, and not
  one byte of an answer came (RFC 9110 section 9.2.2);
- no proxy, no redirect, no HTTP/2, no upgrade.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping
from typing import Any

import httpx

from connectors.http.credentials import QUERY_SECRET, SAFE
from connectors.http.pool import HttpPool, Origin
from connectors.http.wire import Connection, OversizeError, Reply
from connectors.limits import Limits

__all__ = ["OversizeError", "Transport", "open_client"]

IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE"})
PORTS = {"http": 80, "https": 443}
CLOSING_TURNS = 3
"""Turns of the loop an aborted connection needs to give its socket back."""
ORIGINS_MAX = 256
"""Origins one transport keeps pools for; a source has one or two."""


class _Timeouts:
    """The bounds of one exchange, read from the request."""

    def __init__(self, stated: Mapping[str, Any], limits: Limits) -> None:
        def bound(name: str, default: float) -> float:
            value = stated.get(name)
            return default if value is None else float(value)

        self.connect = bound("connect", limits.connect_s)
        self.read = bound("read", limits.read_s)
        self.write = bound("write", limits.write_s)
        self.pool = bound("pool", limits.pool_s)
        self.until = asyncio.get_running_loop().time() + bound("total", limits.total_s)

    def reading(self) -> "asyncio.Timeout":
        """Bound the next wait by the read timeout and by what is left of the whole."""
        return asyncio.timeout_at(min(asyncio.get_running_loop().time() + self.read, self.until))


class _Body(httpx.AsyncByteStream):
    """The body of one answer; returns its connection when it ends or is closed."""

    def __init__(
        self, pool: HttpPool, connection: Connection, reply: Reply, bounds: _Timeouts
    ) -> None:
        self._pool = pool
        self._connection = connection
        self._reply = reply
        self._bounds = bounds

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            try:
                async with self._bounds.reading():
                    part = await self._connection.chunk(self._reply)
            except TimeoutError as error:
                self._release(reusable=False)
                raise httpx.ReadTimeout("the rest of the answer does not come") from error
            except httpx.TransportError:
                self._release(reusable=False)
                raise
            if part is None:
                self._release(reusable=self._reply.reusable)
                return
            yield part

    async def aclose(self) -> None:
        done = self._reply.complete and not self._reply.chunks and self._reply.error is None
        self._release(reusable=done and self._reply.reusable)

    def _release(self, *, reusable: bool) -> None:
        self._pool.release(self._connection, reusable=reusable)


class Transport(httpx.AsyncBaseTransport):
    """HTTP/1.1 client transport with a keep-alive pool per origin."""

    def __init__(
        self, limits: Limits | None = None, *, context: ssl.SSLContext | None = None
    ) -> None:
        """Use `context` for TLS, by default one that trusts the system's authorities."""
        self._limits = limits or Limits()
        self._context = context
        self._pools: dict[Origin, HttpPool] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request and return its answer with an open body."""
        bounds = _Timeouts(request.extensions.get("timeout", {}), self._limits)
        head = _head(request)
        pool = self._pool(request)
        changes_nothing = request.extensions.get(SAFE, False) or request.method in IDEMPOTENT
        repeatable = changes_nothing and isinstance(request.stream, httpx.ByteStream)
        response = await self._exchange(request, head, pool, bounds, may_repeat=repeatable)
        if response is None:
            response = await self._exchange(
                request, head, pool, bounds, may_repeat=False, fresh=True
            )
        if response is None:
            raise httpx.RemoteProtocolError("the server closed the connection without an answer")
        return response

    async def aclose(self) -> None:
        """Close every connection."""
        pools, self._pools = self._pools, {}
        for pool in pools.values():
            pool.close()
        for _ in range(CLOSING_TURNS):
            await asyncio.sleep(0)

    def _pool(self, request: httpx.Request) -> HttpPool:
        url = request.url
        port = url.port or PORTS.get(url.scheme)
        if port is None or not url.host:
            raise httpx.UnsupportedProtocol(f"{url.scheme!r} is not http or https")
        secure = url.scheme == "https"
        name = str(request.extensions.get("sni_hostname") or url.host) if secure else None
        origin = Origin(url.host, port, name)
        if origin not in self._pools:
            if secure and self._context is None:
                self._context = httpx.create_ssl_context(trust_env=True)
            if len(self._pools) >= ORIGINS_MAX:
                self._drop_unused()
            self._pools[origin] = HttpPool(origin, self._context, self._limits)
        return self._pools[origin]

    def _drop_unused(self) -> None:
        for origin in [origin for origin, pool in self._pools.items() if not pool.busy]:
            self._pools.pop(origin).close()
        if len(self._pools) >= ORIGINS_MAX:
            raise httpx.PoolTimeout("too many servers at a time for one transport")

    async def _exchange(
        self,
        request: httpx.Request,
        head: bytes,
        pool: HttpPool,
        bounds: _Timeouts,
        *,
        may_repeat: bool,
        fresh: bool = False,
    ) -> httpx.Response | None:
        """Try once; None when a stale connection swallowed a request that may be repeated."""
        connection = await pool.acquire(connect_s=bounds.connect, pool_s=bounds.pool, fresh=fresh)
        was_used = connection.used
        reply = connection.begin(request.method, self._limits)
        try:
            await _send(request, head, connection, bounds.write)
            async with bounds.reading():
                await connection.head(reply)
        except TimeoutError as error:
            pool.release(connection, reusable=False)
            raise httpx.ReadTimeout("no answer in time") from error
        except httpx.TransportError:
            pool.release(connection, reusable=False)
            if may_repeat and was_used and not reply.started:
                return None
            raise
        except BaseException:
            pool.release(connection, reusable=False)
            raise
        return httpx.Response(
            status_code=reply.status,
            headers=reply.headers,
            stream=_Body(pool, connection, reply, bounds),
            extensions={"http_version": b"HTTP/1.1", "reason_phrase": reply.reason},
        )


async def _send(
    request: httpx.Request, head: bytes, connection: Connection, write_s: float
) -> None:
    chunked = "chunked" in request.headers.get("transfer-encoding", "")
    has_body = chunked or request.headers.get("content-length", "0") != "0"
    stream = request.stream if has_body else None
    if stream is not None and not isinstance(stream, httpx.AsyncByteStream):
        raise httpx.LocalProtocolError("the body of the request is not asynchronous")
    await connection.send(head, stream, chunked=chunked, write_s=write_s)


def _head(request: httpx.Request) -> bytes:
    """Write request line and headers (RFC 9112 sections 3 and 5)."""
    target = request.url.raw_path
    secret = request.extensions.get(QUERY_SECRET, "").encode("ascii")
    if secret:
        target += (b"&" if b"?" in target else b"?") + secret
    lines = [f"{request.method} ".encode("ascii") + target + b" HTTP/1.1"]
    lines.extend(name + b": " + value for name, value in request.headers.raw)
    if any(b"\r" in line or b"\n" in line for line in lines):
        raise httpx.LocalProtocolError("a line of the request holds a line break")
    return b"\r\n".join(lines) + b"\r\n\r\n"


def open_client(
    base_url: str,
    *,
    limits: Limits | None = None,
    auth: httpx.Auth | None = None,
    context: ssl.SSLContext | None = None,
) -> httpx.AsyncClient:
    """Return an httpx client over this transport: no proxy, no redirect, bounded everywhere.

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
        transport=Transport(bounds, context=context),
        timeout=httpx.Timeout(
            connect=bounds.connect_s, read=bounds.read_s, write=bounds.write_s, pool=bounds.pool_s
        ),
        headers={"user-agent": "delta-instrument-hub/1", "accept-encoding": "gzip"},
        follow_redirects=False,
        trust_env=False,
    )
