"""`housekeeping`: what a running hub forgets when its time is over.

One worker at a time does it, by an advisory lock; a failure is told and tried again an hour later.
"""

from __future__ import annotations

import asyncio
import logging

from hub.clock import Clock
from hub.errors import HubError
from hub.intake.idempotency import forget_old_answers
from hub.store.database import Database

PAUSE_S = 3600.0
LOCK = 7_340_001
"""Number of the advisory lock; any constant that nothing else in the hub uses."""

_LOG = logging.getLogger(__name__)


async def keep_house(database: Database, clock: Clock, stop: asyncio.Event) -> None:
    """Forget what is old, once an hour, until `stop`."""
    while not stop.is_set():
        try:
            await forget(database, clock)
        except HubError as error:
            _LOG.warning("housekeeping: %s", error)
        try:
            await asyncio.wait_for(stop.wait(), PAUSE_S)
        except TimeoutError:
            continue


async def forget(database: Database, clock: Clock) -> int:
    """Forget old answers to repeated requests; return how many, 0 when another worker does it."""
    async with database.writes.connection() as connection:
        cursor = await connection.execute("SELECT pg_try_advisory_lock(%s)", (LOCK,))
        row = await cursor.fetchone()
        if row is None or not row[0]:
            return 0
        try:
            return await forget_old_answers(database, clock())
        finally:
            await connection.execute("SELECT pg_advisory_unlock(%s)", (LOCK,))
