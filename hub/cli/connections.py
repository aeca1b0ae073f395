"""`connections`: bounds of what a connection may take: bytes, time, and places for others.

uvicorn bounds how long a connection is idle between two requests, and nothing else (0.54): a header
may have any size, and a connection that says nothing, half a header, or a byte of its body now and
then stays for ever. This is its protocol for httptools with those bounds (decision 0014):

- A header has at most so many bytes and lines, and comes within a time. So does a body, and it
  never pauses for long. Whoever does not take his answer is hung up on as well.
- Connections are counted, in all and by address. Where there is no place, the connection that has
  waited longest for its caller is closed, so that a caller who speaks is served however many stay
  silent; where all are at work, the new one is refused. Addresses of trusted proxies share no
  bound: the proxy counts its own callers.
- Times are looked at once a second for all connections together: a timer for each request would
  cost more than the request's plan.
- A WebSocket keeps the place of the connection that it began as; who may open one, and for how
  long, is the application's business (`hub.graphql.socket`).
- The bounds are of one process: of several workers each has its own.
"""

from __future__ import annotations

import asyncio
import resource
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from hub.cli.limits import BACKLOG, DESCRIPTORS_RESERVED, SWEEP_S, Bounds
from hub.errors import ErrorCode, HubError, OverloadedError
from hub.problem import problem
from hub.settings import Settings


@dataclass(frozen=True, slots=True)
class Room:
    """How many connections this process can hold, and how many may wait to be accepted."""

    connections: int
    backlog: int


def make_room(bounds: Bounds) -> Room:
    """Raise the limit of open files as far as it goes, and say how many connections it leaves."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        soft = hard
    if soft == resource.RLIM_INFINITY:
        return Room(bounds.connections, BACKLOG)
    left = max(soft - DESCRIPTORS_RESERVED, 2)
    backlog = min(BACKLOG, left // 2)  # all that wait are accepted before the first is refused
    return Room(min(bounds.connections, left - backlog), backlog)


def told(deployment: Settings, bounds: Bounds | None = None) -> str:
    """Return what an operator must know at the start: bounds in force, and what is relied on."""
    bounds = bounds or Bounds()
    proxies = ", ".join(deployment.trusted_proxies)
    if proxies:
        relies = f"relies on the proxy {proxies} for TLS and for the addresses of callers"
    elif deployment.base.startswith("https:"):
        relies = (
            "relies on a proxy for TLS: name it in HUB_TRUSTED_PROXIES, or everybody behind it "
            "counts as one caller"
        )
    else:
        relies = "relies on no proxy: without TLS, for this machine and its own network only"
    return (
        f"each process takes {make_room(bounds).connections} connections, "
        f"{bounds.address_connections} from one address; a header has {bounds.header_bytes >> 10} "
        f"KiB and {bounds.header_s:g} s, a body {bounds.body_s:g} s\n"
        f"{relies} (docs/operators/proxy.md)"
    )


class Connections:
    """The connections of one server, those that wait for their callers in order of their wait."""

    def __init__(self, bounds: Bounds, room: Room, trusted: Sequence[str] = ()) -> None:
        self.bounds = bounds
        self.room = room
        self._trusted = [ip_network(each) for each in trusted]
        self._open: set[BoundedProtocol | BoundedSocket] = set()
        self._by_address: dict[str, OrderedDict[BoundedProtocol, None]] = {}
        self._waiting: OrderedDict[BoundedProtocol, None] = OrderedDict()
        self._counts: dict[str, int] = {}
        self._sweep: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._open)

    def admit(self, connection: BoundedProtocol | BoundedSocket, address: str) -> bool:
        """Count a new connection, making room for it; False where it must be refused."""
        self._open.add(connection)
        self._counts[address] = self._counts.get(address, 0) + 1
        own = self._by_address.get(address)
        is_full = self._counts[address] > self.bounds.address_connections
        if is_full and not self._is_trusted(address) and not self._close_first(own):
            return False
        if len(self._open) > self.room.connections and not self._close_first(self._waiting):
            return False
        if self._sweep is None:
            self._sweep = connection.loop.call_later(SWEEP_S, self._look)
        return True

    def wait(self, connection: BoundedProtocol) -> None:
        """Note that a connection now waits for its caller."""
        self._waiting[connection] = None
        self._by_address.setdefault(connection.address, OrderedDict())[connection] = None

    def work(self, connection: BoundedProtocol) -> None:
        """Note that a connection does not wait for its caller any more."""
        self._waiting.pop(connection, None)
        own = self._by_address.get(connection.address)
        if own is not None:
            own.pop(connection, None)
            if not own:
                del self._by_address[connection.address]

    def forget(self, connection: BoundedProtocol | BoundedSocket) -> None:
        """Note the end of a connection."""
        if connection in self._open:
            self._open.remove(connection)
            self._counts[connection.address] -= 1
            if not self._counts[connection.address]:
                del self._counts[connection.address]
        if isinstance(connection, BoundedProtocol):
            self.work(connection)

    def _close_first(self, waiting: OrderedDict[BoundedProtocol, None] | None) -> bool:
        """Close the connection that has waited longest."""
        if not waiting:
            return False
        first = next(iter(waiting))
        self.forget(first)
        first.transport.abort()
        return True

    def _is_trusted(self, address: str) -> bool:
        try:
            parsed = ip_address(address)
        except ValueError:
            return True  # a unix socket: whoever may open it is no stranger
        return any(parsed in network for network in self._trusted)

    def _look(self) -> None:
        """Close what has taken too long."""
        self._sweep = None
        for connection in list(self._open):
            connection.check()
        if self._open:
            loop = next(iter(self._open)).loop
            self._sweep = loop.call_later(SWEEP_S, self._look)


_NEW, _HEADER, _BODY, _ANSWER, _IDLE = range(5)


class BoundedProtocol(HttpToolsProtocol):
    """One HTTP connection, within bounds."""

    def __init__(self, connections: Connections, **parts: Any) -> None:
        super().__init__(**parts)
        self.address = ""
        self._all = connections
        self._bounds = connections.bounds
        self._phase = _NEW
        self._since = self._heard = self.loop.time()
        self._unsent_since: float | None = None
        self._header_bytes = 0
        self._is_refused = False
        self._asked: Any = None
        """The request that is answered at present."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take the connection, or refuse it where there is no room."""
        super().connection_made(transport)
        self.address = self.client[0] if self.client else ""
        if self._all.admit(self, self.address):
            self._all.wait(self)
        else:
            self._refuse(OverloadedError())

    def connection_lost(self, exc: Exception | None) -> None:
        """Make room for another."""
        self._all.forget(self)
        self._leave()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read what came, as long as the header is within its bound."""
        if self._is_refused:
            return
        if self._phase in {_NEW, _IDLE}:
            self._begin(_HEADER)
        self._heard = self.loop.time()
        if self._phase != _BODY:  # while an answer is made, the next header may come already
            self._header_bytes += len(data)
        super().data_received(data)
        if self._phase != _BODY and self._header_bytes > self._bounds.header_bytes:
            self._refuse(HubError(ErrorCode.HEADER_TOO_LARGE))

    def on_headers_complete(self) -> None:
        """Begin the request, unless its header is too large."""
        if self._is_refused:
            return
        size = len(self.url) + sum(len(name) + len(value) for name, value in self.headers)
        if (
            size > self._bounds.header_bytes
            or len(self.headers) > self._bounds.header_lines
            or len(self.pipeline) >= self._bounds.pipeline
        ):
            self._refuse(HubError(ErrorCode.HEADER_TOO_LARGE))
            return
        self._header_bytes = 0
        self._begin(_BODY)
        self._all.work(self)
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Take a part of the body."""
        if not self._is_refused:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """Let the answer take its time: it is no more the caller's."""
        if self._is_refused:
            return
        super().on_message_complete()
        cycle: Any = self.cycle  # None where the first request is an upgrade
        if cycle is None or cycle.response_complete:
            self._rest()
        else:
            self._begin(_ANSWER)

    def on_response_complete(self) -> None:
        """Wait for the next request, once the rest of this one has come."""
        super().on_response_complete()
        if self._phase == _ANSWER and not self.pipeline:
            self._rest()

    def handle_websocket_upgrade(self) -> None:
        """Leave the connection to `BoundedSocket`, which is counted in its place."""
        if not self._is_refused:
            self._all.forget(self)
            super().handle_websocket_upgrade()

    def pause_writing(self) -> None:
        """Note since when the caller does not take his answer."""
        self._unsent_since = self.loop.time()
        super().pause_writing()

    def resume_writing(self) -> None:
        """Go on answering."""
        self._unsent_since = None
        super().resume_writing()

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP."""
        del msg
        self._refuse(HubError(ErrorCode.NOT_HTTP))

    def check(self) -> None:
        """Close the connection if its caller has taken too long."""
        now, bounds = self.loop.time(), self._bounds
        if self._unsent_since is not None and now - self._unsent_since > bounds.unsent_s:
            self.transport.abort()
        elif self._phase == _NEW and now - self._since > bounds.header_s:
            self.transport.close()
        elif self._is_overdue(now):
            self._refuse(HubError(ErrorCode.REQUEST_TIMEOUT))
        elif self._is_refused and now - self._since > bounds.header_s:
            self.transport.abort()

    def _is_overdue(self, now: float) -> bool:
        if self._is_refused:
            return False
        if self._phase == _HEADER:
            return now - self._since > self._bounds.header_s
        if self._phase != _BODY:
            return False
        is_silent = now - self._heard > self._bounds.silence_s and not self.flow.read_paused
        return is_silent or now - self._since > self._bounds.body_s

    def _begin(self, phase: int) -> None:
        self._phase, self._since = phase, self.loop.time()

    def _rest(self) -> None:
        self._begin(_IDLE)
        if not self.transport.is_closing():
            self._all.wait(self)

    def _start_asgi_task(self, cycle: Any, app: Any) -> None:
        self._asked = cycle
        super()._start_asgi_task(cycle, app)

    def _leave(self) -> None:
        """Tell what answers the present request that nobody is there; what waits is dropped.

        uvicorn tells the newest request only, which need not be the present one.
        """
        self.pipeline.clear()
        if self._asked is not None and not self._asked.response_complete:
            self._asked.disconnected = True
            self._asked.message_event.set()

    def _is_answering(self) -> bool:
        cycle: Any = self.cycle  # None before the first request
        return bool(cycle and cycle.response_started and not cycle.response_complete)

    def _refuse(self, error: HubError) -> None:
        """Answer with an error where no answer has begun, and hang up."""
        self._is_refused = True
        self._begin(_ANSWER)
        self._unset_keepalive_if_required()
        if not self.transport.is_closing():
            if not (self._is_answering() or self.pipeline):  # never into another answer
                self.transport.write(_answer(error))
            self.transport.close()
        self._leave()


class BoundedSocket(WebSocketsSansIOProtocol):
    """One WebSocket, which has the place of the connection that it began as.

    Its close goes out, if it can, even where nothing else is taken any more; then it is hung up on.
    """

    def __init__(self, connections: Connections, **parts: Any) -> None:
        super().__init__(**parts)
        self.address = ""
        self._all = connections
        self._unsent_since: float | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection over."""
        super().connection_made(transport)
        self.address = self.client[0] if self.client else ""
        if not self._all.admit(self, self.address):
            transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Make room for another."""
        self._all.forget(self)
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """Note since when the caller takes nothing."""
        self._unsent_since = self.loop.time()
        super().pause_writing()

    def resume_writing(self) -> None:
        """Go on sending."""
        self._unsent_since = None
        super().resume_writing()

    async def send(self, message: Any) -> None:
        """Send what the application says; its close waits for nobody."""
        if message["type"] == "websocket.close":
            self.writable.set()
        await super().send(message)

    def check(self) -> None:
        """Hang up on a caller that has taken nothing for too long."""
        since = self._unsent_since
        if since is not None and self.loop.time() - since > self._all.bounds.unsent_s:
            self.transport.abort()


def _answer(error: HubError) -> bytes:
    """Return an error as the bytes of a last answer."""
    response = problem(error)
    head = b"".join(b"%s: %s\r\n" % line for line in response.raw_headers)
    return (
        f"HTTP/1.1 {error.code.status} {error.code.name}\r\n".encode()
        + head
        + b"x-content-type-options: nosniff\r\nconnection: close\r\n\r\n"
        + bytes(response.body)
    )
