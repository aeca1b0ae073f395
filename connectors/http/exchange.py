"""`Exchanges`: requests go out as bytes and answers come back, over kept connections.

Everything that asks a source goes through here: httpx by `transport`, a plain question by
`straight`.

Invariants:
- connect, write, pool and read are bounded, and the exchange with its whole body is
  (`ExchangeBounds`);
- a request is sent a second time only where its sender allows it (`may_repeat`), the connection had
  been used before, and not one byte of an answer came (RFC 9110 section 9.2.2);
- what goes wrong leaves as an `httpx.TransportError` that tells whether the request can have
  arrived.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterable, AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from connectors.http.pool import HttpPool, Origin
from connectors.http.wire import Connection, Reply
from connectors.limits import Limits

__all__ = ["AnswerBody", "ExchangeBounds", "Exchanges", "OutgoingRequest", "head_of"]

PORTS = {"http": 80, "https": 443}
CLOSING_TURNS = 3
"""Turns of the loop an aborted connection needs to give its socket back."""
ORIGINS_MAX = 256
"""Origins that pools are kept for; a source has one or two."""


class ExchangeBounds:
    """The bounds of one exchange: those of `limits`, unless the request states others."""

    __slots__ = ("connect", "pool", "read", "until", "write")

    def __init__(self, limits: Limits, stated: Mapping[str, Any] | None = None) -> None:
        def bound(name: str, default: float) -> float:
            value = (stated or {}).get(name)
            return default if value is None else float(value)

        self.connect = bound("connect", limits.connect_s)
        self.read = bound("read", limits.read_s)
        self.write = bound("write", limits.write_s)
        self.pool = bound("pool", limits.pool_s)
        self.until = asyncio.get_running_loop().time() + bound("total", limits.total_s)

    def reading(self) -> asyncio.Timeout:
        """Bound the next wait by the read timeout and by what is left of the whole."""
        return asyncio.timeout_at(min(asyncio.get_running_loop().time() + self.read, self.until))


@dataclass(frozen=True, slots=True)
class OutgoingRequest:
    """One request as it leaves."""

    method: str
    head: bytes
    body: AsyncIterable[bytes] | None = None
    is_chunked: bool = False
    may_repeat: bool = False
    """Whether it changes nothing when it is sent twice, and its body can be."""


class AnswerBody(httpx.AsyncByteStream):
    """The body of one answer; returns its connection when it ends or is closed."""

    def __init__(
        self, pool: HttpPool, connection: Connection, reply: Reply, bounds: ExchangeBounds
    ) -> None:
        self._pool = pool
        self._connection = connection
        self.reply = reply
        self._bounds = bounds

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            try:
                if self.reply.has_news:
                    part = await self._connection.chunk(self.reply)
                else:
                    async with self._bounds.reading():
                        part = await self._connection.chunk(self.reply)
            except TimeoutError as error:
                self._release(reusable=False)
                raise httpx.ReadTimeout("the rest of the answer does not come") from error
            except httpx.TransportError:
                self._release(reusable=False)
                raise
            if part is None:
                self._release(reusable=self.reply.reusable)
                return
            yield part

    async def aclose(self) -> None:
        """Give the connection back; one with an unread answer is closed."""
        done = self.reply.complete and not self.reply.chunks and self.reply.error is None
        self._release(reusable=done and self.reply.reusable)

    def _release(self, *, reusable: bool) -> None:
        self._pool.release(self._connection, reusable=reusable)


class Exchanges:
    """The connections to some origins, and what is asked over them."""

    def __init__(self, limits: Limits, context: ssl.SSLContext | None) -> None:
        self.limits = limits
        self._context = context
        self._pools: dict[Origin, HttpPool] = {}

    def pool(self, url: httpx.URL, sni: str | None = None) -> HttpPool:
        """Return the connections to the origin of an address; `sni`: the name it is to prove."""
        port = url.port or PORTS.get(url.scheme)
        if port is None or not url.host:
            raise httpx.UnsupportedProtocol(f"{url.scheme!r} is not http or https")
        secure = url.scheme == "https"
        origin = Origin(url.host, port, (sni or url.host) if secure else None)
        found = self._pools.get(origin)
        if found is None:
            if secure and self._context is None:
                self._context = httpx.create_ssl_context(trust_env=True)
            if len(self._pools) >= ORIGINS_MAX:
                self._drop_unused()
            found = self._pools[origin] = HttpPool(origin, self._context, self.limits)
        return found

    async def send(
        self, message: OutgoingRequest, pool: HttpPool, bounds: ExchangeBounds
    ) -> AnswerBody:
        """Send a request and return its answer, of which the head has come."""
        body = await self._once(message, pool, bounds, may_repeat=message.may_repeat)
        if body is None:
            body = await self._once(message, pool, bounds, may_repeat=False, fresh=True)
        assert body is not None, "only what may be repeated ends without an answer or an error"
        return body

    async def aclose(self) -> None:
        """Close every connection."""
        pools, self._pools = self._pools, {}
        for pool in pools.values():
            pool.close()
        for _ in range(CLOSING_TURNS):
            await asyncio.sleep(0)

    def _drop_unused(self) -> None:
        for origin in [origin for origin, pool in self._pools.items() if not pool.busy]:
            self._pools.pop(origin).close()
        if len(self._pools) >= ORIGINS_MAX:
            raise httpx.PoolTimeout("too many servers at a time for one transport")

    async def _once(
        self,
        message: OutgoingRequest,
        pool: HttpPool,
        bounds: ExchangeBounds,
        *,
        may_repeat: bool,
        fresh: bool = False,
    ) -> AnswerBody | None:
        """Try once; None when a stale connection swallowed a request that may be repeated."""
        connection = await pool.acquire(connect_s=bounds.connect, pool_s=bounds.pool, fresh=fresh)
        was_used = connection.used
        reply = connection.begin(message.method, self.limits)
        try:
            await connection.send(
                message.head, message.body, chunked=message.is_chunked, write_s=bounds.write
            )
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
        return AnswerBody(pool, connection, reply, bounds)


def head_of(method: str, target: bytes, lines: list[bytes]) -> bytes:
    """Write request line and headers (RFC 9112 sections 3 and 5); each line without its end."""
    lines = [f"{method} ".encode("ascii") + target + b" HTTP/1.1", *lines]
    head = b"\r\n".join(lines)
    if head.count(b"\r") != len(lines) - 1 or head.count(b"\n") != len(lines) - 1:
        raise httpx.LocalProtocolError("a line of the request holds a line break")
    return head + b"\r\n\r\n"
