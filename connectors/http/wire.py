"""`Reply` and `Connection`: HTTP/1.1 over one asyncio transport, parsed by llhttp (httptools).

Invariants:
- `Reply` is sans I/O: bytes go in, status, headers and body chunks come out. It never reads past
  its bounds, and what follows a complete answer is never taken for the next one.
- A connection carries one exchange at a time and is used again only after an answer that was
  framed (length or chunks), complete, and not followed by bytes nobody asked for.
- Everything that can go wrong leaves as an `httpx.TransportError`.

RFC 9112 (messages, framing), RFC 9110 section 15.2 (interim answers).
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterable
from typing import Any, cast

import httptools
import httpx

from connectors.limits import MIB, Limits

__all__ = ["Connection", "OversizeError", "Reply"]

BUFFER_BYTES_MAX = 1 * MIB
"""Body bytes kept unread per connection before the peer is told to wait."""
STATUS_FINAL_MIN = 200
STATUS_SWITCHING = 101


class OversizeError(httpx.RemoteProtocolError):
    """The answer is larger than the limits of its source allow."""


class Reply:
    """One answer while its bytes arrive."""

    def __init__(self, method: str, limits: Limits) -> None:
        """Expect the answer to a request with this method."""
        self.status = 0
        self.reason = b""
        self.headers: list[tuple[bytes, bytes]] = []
        self.chunks: deque[bytes] = deque()
        self.buffered = 0
        self.started = False
        self.head_complete = False
        self.complete = False
        self.reusable = False
        self.error: httpx.TransportError | None = None
        self._bodyless = method == "HEAD"
        self._framed = False
        self._head_bytes = 0
        self._body_bytes = 0
        self._limits = limits
        self._parser: Any = httptools.HttpResponseParser(self)

    @property
    def has_news(self) -> bool:
        """Whether a piece of the body, its end or an error is there, without waiting."""
        return bool(self.chunks) or self.complete or self.error is not None

    def feed(self, data: bytes) -> None:
        """Take the next bytes; afterwards look at `head_complete`, `complete` and `error`."""
        if self.error is not None:
            return
        if self.complete:
            self.reusable = False
            return
        self.started = True
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._fail(httpx.RemoteProtocolError("the server switched to another protocol"))
        except httptools.HttpParserError as error:
            if not self.complete:
                self._fail(httpx.RemoteProtocolError(f"not valid HTTP: {error}"))
            self.reusable = False
        if not self.head_complete:
            self._head_bytes += len(data)
            if self._head_bytes > self._limits.header_bytes_max:
                self._fail(OversizeError("the head of the answer is too large"))

    def end(self, cause: BaseException | None = None) -> None:
        """Note that no more bytes will come."""
        self.reusable = False
        if self.complete or self.error is not None:
            return
        if self.head_complete and not self._framed and cause is None:
            self.complete = True
        elif cause is not None:
            self._fail(httpx.ReadError(f"the connection broke: {cause}"))
        else:
            what = "in the middle of an answer" if self.started else "without an answer"
            self._fail(httpx.RemoteProtocolError(f"the server closed the connection {what}"))

    def fields(self) -> dict[str, str]:
        """Return the headers by name in lower case; several of one name joined by commas."""
        found: dict[str, str] = {}
        for raw, value in self.headers:
            name, text = raw.decode("latin-1").lower(), value.decode("latin-1")
            found[name] = f"{found[name]}, {text}" if name in found else text
        return found

    def take(self) -> bytes | None:
        """Return the next body chunk that has arrived, if any."""
        if not self.chunks:
            return None
        chunk = self.chunks.popleft()
        self.buffered -= len(chunk)
        return chunk

    def _fail(self, error: httpx.TransportError) -> None:
        if self.error is None:
            self.error = error
        self.reusable = False

    def on_message_begin(self) -> None:
        """Start an answer, or the final one after an interim one."""
        if not self.complete:
            self.status, self.reason, self.headers = 0, b"", []

    def on_status(self, reason: bytes) -> None:
        """Take a piece of the reason phrase."""
        if not self.complete:
            self.reason += reason

    def on_header(self, name: bytes, value: bytes | None) -> None:
        """Take one header line, within the bounds of the head."""
        if self.complete:
            return
        self.headers.append((name, value or b""))
        self._head_bytes += len(name) + len(value or b"")
        if (
            self._head_bytes > self._limits.header_bytes_max
            or len(self.headers) > self._limits.header_count_max
        ):
            self._fail(OversizeError("the head of the answer is too large"))

    def on_headers_complete(self) -> None:
        """Decide how the body is framed."""
        if self.complete:
            return
        self.status = self._parser.get_status_code()
        if self.status < STATUS_FINAL_MIN:
            if self.status == STATUS_SWITCHING:
                self._fail(httpx.RemoteProtocolError("the server switched to another protocol"))
            return
        self.head_complete = True
        names = {name.lower(): value for name, value in self.headers}
        self._framed = b"content-length" in names or b"transfer-encoding" in names
        self.reusable = self._framed and bool(self._parser.should_keep_alive())
        length = names.get(b"content-length", b"")
        if self._bodyless:
            self.complete = True
            self.reusable = False
        elif length.isdigit() and int(length) > self._limits.response_bytes_max:
            self._fail(OversizeError(f"the answer announces {int(length)} bytes"))

    def on_body(self, data: bytes) -> None:
        """Take a piece of the body."""
        if self.complete or self.error is not None:
            return
        self._body_bytes += len(data)
        if self._body_bytes > self._limits.response_bytes_max:
            self._fail(OversizeError(f"more than {self._limits.response_bytes_max} bytes came"))
            return
        self.chunks.append(data)
        self.buffered += len(data)

    def on_message_complete(self) -> None:
        """Close the answer; an interim one is followed by another."""
        if not self.head_complete or self.complete:
            return
        self.complete = True
        if self.status in {204, 304}:
            self.reusable = bool(self._parser.should_keep_alive())


class Connection(asyncio.Protocol):
    """One connection to an origin."""

    def __init__(self) -> None:
        """Wait for `connection_made`."""
        self.closed = False
        self.idle_since = 0.0
        self.used = False
        self._transport: asyncio.Transport | None = None
        self._reply: Reply | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._writable: asyncio.Future[None] | None = None
        self._paused = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Hand bytes to the answer that waits for them; unasked bytes end the connection."""
        reply = self._reply
        if reply is None:
            self.abort()
            return
        reply.feed(data)
        self._regulate(reply)
        self._wake()

    def eof_received(self) -> bool:
        """Note the end of what the peer sends, and close our side."""
        self._end(None)
        return False

    def connection_lost(self, error: Exception | None) -> None:
        """Note that the connection is gone."""
        self._end(error)
        if self._writable is not None and not self._writable.done():
            self._writable.set_result(None)

    def pause_writing(self) -> None:
        """Hold back the request body."""
        self._writable = asyncio.get_running_loop().create_future()

    def resume_writing(self) -> None:
        """Go on with the request body."""
        if self._writable is not None and not self._writable.done():
            self._writable.set_result(None)
        self._writable = None

    def begin(self, method: str, limits: Limits) -> Reply:
        """Make ready for the answer to one request."""
        self._reply = Reply(method, limits)
        return self._reply

    async def send(
        self, head: bytes, body: AsyncIterable[bytes] | None, *, chunked: bool, write_s: float
    ) -> None:
        """Write one request; stop early when the answer is already complete."""
        self._write(head)
        if body is None:
            return
        async for part in body:
            if not part:
                continue
            if self._reply is not None and (self._reply.complete or self._reply.error):
                self._reply.reusable = False
                return
            self._write(b"%x\r\n%b\r\n" % (len(part), part) if chunked else part)
            if self._writable is not None:
                try:
                    async with asyncio.timeout(write_s):
                        await self._writable
                except TimeoutError as error:
                    raise httpx.WriteTimeout("the server does not take the request") from error
        if chunked:
            self._write(b"0\r\n\r\n")

    async def head(self, reply: Reply) -> None:
        """Wait until status and headers have arrived."""
        while not reply.head_complete and reply.error is None:
            await self._wait()
        if reply.error is not None:
            raise reply.error

    async def chunk(self, reply: Reply) -> bytes | None:
        """Return the next piece of the body, None at its end."""
        while True:
            if reply.error is not None:
                raise reply.error
            part = reply.take()
            if part is not None:
                self._regulate(reply)
                return part
            if reply.complete:
                return None
            await self._wait()

    def finish(self) -> None:
        """Forget the answer, so that the connection can serve the next request."""
        self._reply = None
        self.used = True

    def abort(self) -> None:
        """Close at once."""
        self.closed = True
        if self._transport is not None:
            self._transport.abort()

    def _write(self, data: bytes) -> None:
        if self._transport is not None and not self.closed:
            self._transport.write(data)

    def _regulate(self, reply: Reply) -> None:
        too_much = reply.buffered > BUFFER_BYTES_MAX
        if too_much == self._paused or self._transport is None or self._transport.is_closing():
            return
        self._paused = too_much
        if too_much:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()

    def _end(self, error: Exception | None) -> None:
        self.closed = True
        if self._reply is not None:
            self._reply.end(error)
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def _wait(self) -> None:
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None
