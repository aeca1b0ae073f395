"""`sessions`: connections to sources that are kept from one question to the next.

- A question has a session for itself. Afterwards it waits for the next one, without the cookies
  that the source set; where the question failed or was cut off it is closed.
- A source whose file changed is another source: the sessions of the former one are closed. So is
  one that is older than `SESSION_KEPT_S`: by then its name may lead to another address, and its
  certificate may be another.
- Only those over HTTP are kept. Another hub is asked for somebody, by a token of his; what leads to
  a database or a folder holds something there as long as it is open.

Bookings come through sessions of their own (`hub.orders.booking`), never through one of these.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace

from connectors.http.session import HttpSession
from connectors.reader import Session
from hub.federation.limits import (
    PAGES_MAX,
    QUESTION_S_MAX,
    SESSION_KEPT_S,
    SOURCES_OPEN_MAX,
)
from hub.harvest.connections import HttpConnection
from hub.harvest.source import HarvestSource

__all__ = ["KeptSessions", "session_for"]


@dataclass(slots=True)
class _Opened:
    """One session; `until`: when it is too old, in loop time."""

    session: HttpSession
    until: float
    stack: AsyncExitStack


@dataclass(slots=True)
class _Waiting:
    """The sessions of one source that no question uses."""

    source: HarvestSource
    idle: list[_Opened] = field(default_factory=list)


class KeptSessions:
    """The sessions of one worker."""

    def __init__(self) -> None:
        self._waiting: OrderedDict[str, _Waiting] = OrderedDict()
        self._closed = False

    @asynccontextmanager
    async def of(self, source: HarvestSource, rows_max: int) -> AsyncIterator[Session]:
        """Give a session for one question, with the bounds of a caller that waits."""
        if not isinstance(source.connection, HttpConnection):
            async with session_for(source, rows_max) as session:
                yield session
            return
        opened = await self._take(source) or await _open(source, rows_max)
        is_answered = False
        try:
            yield opened.session
            is_answered = True
        finally:
            if is_answered:
                await self._give_back(source, opened)
            else:
                await opened.stack.aclose()

    async def aclose(self) -> None:
        """Close every session that waits; those in use are closed when they are given back."""
        self._closed = True
        waiting, self._waiting = self._waiting, OrderedDict()
        for each in waiting.values():
            await _close(each)

    async def _take(self, source: HarvestSource) -> _Opened | None:
        known = self._waiting.get(source.id)
        if known is not None and known.source is not source:
            del self._waiting[source.id]
            await _close(known)
            return None
        now = asyncio.get_running_loop().time()
        while known is not None and known.idle:
            opened = known.idle.pop()
            if now < opened.until:
                return opened
            await opened.stack.aclose()
        return None

    async def _give_back(self, source: HarvestSource, opened: _Opened) -> None:
        known = self._waiting.setdefault(source.id, _Waiting(source))
        if self._closed or known.source is not source:
            await opened.stack.aclose()
            return
        opened.session.forget()
        known.idle.append(opened)
        self._waiting.move_to_end(source.id)
        if len(self._waiting) > SOURCES_OPEN_MAX:
            _, oldest = self._waiting.popitem(last=False)
            await _close(oldest)


async def _open(source: HarvestSource, rows_max: int) -> _Opened:
    stack = AsyncExitStack()
    session = await stack.enter_async_context(session_for(source, rows_max))
    assert isinstance(session, HttpSession), "a source over HTTP is reached so"
    return _Opened(session, asyncio.get_running_loop().time() + SESSION_KEPT_S, stack)


async def _close(waiting: _Waiting) -> None:
    while waiting.idle:
        await waiting.idle.pop().stack.aclose()


@asynccontextmanager
async def session_for(source: HarvestSource, rows_max: int) -> AsyncIterator[Session]:
    """Reach a source within the bounds of a caller that waits: one attempt, and not for long."""
    limits = replace(
        source.limits,
        attempts_max=1,
        connect_s=min(source.limits.connect_s, QUESTION_S_MAX),
        total_s=QUESTION_S_MAX,
        reading_s=QUESTION_S_MAX,
        pages_max=PAGES_MAX,
        rows_max=rows_max,
    )
    async with replace(source, limits=limits).session() as session:
        yield session
