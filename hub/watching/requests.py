"""`requests`: the ASGI middleware that gives each request its notes and counts its answer.

It is the outermost one, so that nothing is answered unseen. Answers are logged at the level debug
only, but for failures: a line for each would cost as much as a short answer. A WebSocket is counted
when it ends, as what its upgrade was answered; each operation on it is counted by itself
(`hub.graphql.socket`).
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from random import getrandbits
from time import perf_counter

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hub.watching import tracing
from hub.watching.metrics import METRICS
from hub.watching.notes import RequestNotes, begin

_LOG = logging.getLogger("hub.requests")
ELSEWHERE = "other"
FAILED = 500
UNANSWERED = 499
"""Counted where the caller went away before an answer began; nobody gets this status."""
SOCKET = "socket"
"""The operation that an open WebSocket counts as."""
_UPGRADED = {"websocket.accept": 101, "websocket.close": 403}
"""What a server answers an upgrade with by the application's first message (ASGI, WebSocket)."""


class RequestWatch:
    """Wraps the hub's application."""

    def __init__(self, inner: ASGIApp, doors: Iterable[str]) -> None:
        """`doors` are the first parts of the paths there are; every other path is ELSEWHERE."""
        self._inner = inner
        self._doors = frozenset(doors)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        if scope["type"] not in ("http", "websocket"):
            await self._inner(scope, receive, send)
            return
        first = scope["path"].lstrip("/").partition("/")[0]  # `OPTIONS *` has no slash
        notes = RequestNotes(
            f"{getrandbits(64):016x}", (first or "front") if first in self._doors else ELSEWHERE
        )
        begin(notes)
        if scope["type"] == "websocket":
            await self._socket(scope, receive, send, notes)
            return
        status = UNANSWERED
        answered_trace = tracing.answered_parent(scope["headers"], notes.request_id)

        async def seen(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                if answered_trace is not None:
                    message["headers"] = [*message["headers"], answered_trace]
            await send(message)

        began = perf_counter()
        METRICS.in_hand += 1
        try:
            if tracing.is_on():
                status = await self._traced(scope, receive, seen, notes)
            else:
                await self._inner(scope, receive, seen)
        except BaseException:
            status = FAILED
            raise
        finally:
            took_s = perf_counter() - began
            METRICS.in_hand -= 1
            METRICS.answered(notes, str(status), took_s)
            if status >= FAILED or _LOG.isEnabledFor(logging.DEBUG):
                _report(notes, status, took_s)

    async def _socket(
        self, scope: Scope, receive: Receive, send: Send, notes: RequestNotes
    ) -> None:
        """Serve a WebSocket; what its upgrade was answered is its status."""
        notes.operation = SOCKET
        status = UNANSWERED

        async def seen(message: Message) -> None:
            nonlocal status
            if message["type"] == "websocket.http.response.start":
                status = message["status"]
            elif status == UNANSWERED:
                status = _UPGRADED.get(message["type"], status)
            await send(message)

        began = perf_counter()
        try:
            await self._inner(scope, receive, seen)
        finally:
            METRICS.answered(notes, str(status), perf_counter() - began)

    async def _traced(self, scope: Scope, receive: Receive, send: Send, notes: RequestNotes) -> int:
        """Serve it inside a span; return the status."""
        status = UNANSWERED

        async def seen(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        with tracing.request_span(scope["headers"], notes.door) as span:
            try:
                await self._inner(scope, receive, seen)
            finally:
                if span is not None:
                    attributes = {
                        "http.request.method": scope["method"],
                        "deltahub.request": notes.request_id,
                        "deltahub.client": notes.client_id,
                        "deltahub.source": notes.source_id,
                        "deltahub.refused": notes.refused,
                    }
                    name = f"{notes.door} {notes.operation}".strip()
                    tracing.close_request(span, name, status, attributes)
        return status


def _report(notes: RequestNotes, status: int, seconds: float) -> None:
    level = logging.WARNING if status >= FAILED else logging.DEBUG
    refused = f" {notes.refused}" if notes.refused else ""
    _LOG.log(level, "answered %d%s in %.1f ms", status, refused, seconds * 1000)
