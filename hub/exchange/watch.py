"""`watch`: the one follower of the change feed in a process, which wakes everybody else.

- It asks the database where the feed ends now, twice a second and only while somebody listens, and
  rings the bell of all who do when it has moved. They read their own pages, each by its own rights.
- It asks for the end below the snapshot horizon (`hub.store.epoch`), so whoever is woken can read
  what woke it. What may be read also changes without an entry, when an agreement begins or ends:
  followers look by themselves now and then (`hub.exchange.limits.LOOK_ANYWAY_S`).
- While the database is away nobody is woken; afterwards the end has moved, or nothing was missed.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psycopg

from hub.errors import HubError
from hub.exchange.limits import WATCH_S
from hub.store.database import Database

_LOG = logging.getLogger(__name__)
_END = """
SELECT (SELECT epoch FROM feed_state WHERE name = 'entry'), e.xid::text, e.entry_id
FROM (SELECT 1) o LEFT JOIN LATERAL (
  SELECT xid, entry_id FROM entry WHERE xid < pg_snapshot_xmin(pg_current_snapshot())
  ORDER BY xid DESC, entry_id DESC LIMIT 1) e ON true"""
FeedEnd = tuple[str | None, str | None, int | None]


class FeedWatch:
    """Rings when the change feed has moved."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._bells: set[asyncio.Event] = set()
        self._wanted = asyncio.Event()
        self._end: FeedEnd | None = None
        self._is_away = False

    @contextmanager
    def listening(self) -> Iterator[asyncio.Event]:
        """Give a bell that is set whenever there may be more to read; its listener clears it.

        Clear it before a page is read: what comes meanwhile rings again.
        """
        bell = asyncio.Event()
        self._bells.add(bell)
        self._wanted.set()
        try:
            yield bell
        finally:
            self._bells.discard(bell)

    async def run(self, stop: asyncio.Event) -> None:
        """Look until `stop` is set."""
        while not stop.is_set():
            if self._bells:
                await self._look()
                with suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), WATCH_S)
            else:
                await self._idle(stop)

    async def _idle(self, stop: asyncio.Event) -> None:
        """Wait for the first listener."""
        self._wanted.clear()
        waits = [asyncio.create_task(each.wait()) for each in (stop, self._wanted)]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in waits:
                each.cancel()

    async def _look(self) -> None:
        try:
            (end,) = await self._database.reads.fetch_all(_END)
        except (HubError, psycopg.Error) as error:
            if not self._is_away:
                _LOG.warning("the change feed cannot be looked at: %s", type(error).__name__)
            self._is_away = True
            return
        self._is_away = False
        if end != self._end:
            self._end = end
            for bell in self._bells:
                bell.set()
