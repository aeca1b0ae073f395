"""`SourceHistory`: notes how questions went and when breakers changed, without anybody waiting.

Events are written together after a moment. It is a note for people: where the database is away, or
more happens than can be noted, the oldest are lost, and the log says how many.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from contextlib import suppress

import psycopg

from hub.errors import HubError
from hub.federation.limits import EVENTS_WAITING_MAX, HISTORY_PAUSE_S
from hub.store.database import Database
from hub.store.source_events import SourceEvent, keep_events

__all__ = ["SourceHistory"]

_LOG = logging.getLogger(__name__)


class SourceHistory:
    """Collects events and writes them."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: deque[SourceEvent] = deque()
        self._lost = 0
        self._writing: asyncio.Task[None] | None = None
        self._is_over = asyncio.Event()

    def add(self, event: SourceEvent) -> None:
        """Note an event; it is written soon."""
        if len(self._waiting) >= EVENTS_WAITING_MAX:
            self._waiting.popleft()
            self._lost += 1
        self._waiting.append(event)
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._soon())

    async def aclose(self) -> None:
        """Write what waits, and end."""
        self._is_over.set()
        if self._writing is not None:
            await self._writing
        await self.flush()

    async def flush(self) -> None:
        """Write what waits now."""
        events, lost = list(self._waiting), self._lost
        self._waiting.clear()
        self._lost = 0
        if not events:
            return
        try:
            async with self._database.writes.transaction() as connection:
                await keep_events(connection, events)
        except (HubError, psycopg.Error) as error:
            lost += len(events)
            _LOG.warning("history of sources: %s", error)
        if lost:
            _LOG.warning("history of sources: %d events were not noted", lost)

    async def _soon(self) -> None:
        while self._waiting:
            with suppress(TimeoutError):
                async with asyncio.timeout(HISTORY_PAUSE_S):
                    await self._is_over.wait()
            await self.flush()
