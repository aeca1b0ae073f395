"""`housekeeping`: periodic tasks of a running hub.

- They run when the hub starts and after each pause; a failure is logged and tried again.
- Harvest runs that were cut off are closed, by every worker: that is safe beside other workers and
  beside runs that are still alive.
- An order of precedence whose date has come is applied (`hub.store.relinking`).
- Old answers to repeated requests are deleted, by one worker at a time (advisory lock).
"""

from __future__ import annotations

import asyncio
import logging

import psycopg

from hub.clock import Clock
from hub.errors import HubError
from hub.harvest.runs import close_interrupted
from hub.intake.idempotency import delete_old_answers
from hub.store.database import Database
from hub.store.relinking import switch_precedence
from schema.dates import local_date

PAUSE_S = 300.0
LOCK = 7_340_001
"""Number of the advisory lock; any constant that nothing else in the hub uses."""

_LOG = logging.getLogger(__name__)


async def run_housekeeping(
    database: Database, clock: Clock, stop: asyncio.Event, *, pause_s: float = PAUSE_S
) -> None:
    """Do what is due, at once and after each pause, until `stop`."""
    while not stop.is_set():
        try:
            closed = await close_interrupted(database, clock())
            if closed:
                _LOG.warning("housekeeping: %d harvests had been cut off; closed as FAILED", closed)
            if await switch_precedence(database, local_date(clock())):
                _LOG.warning("housekeeping: another order of precedence is in force; all settled")
            await forget_answers(database, clock)
        except (HubError, psycopg.Error) as error:
            _LOG.warning("housekeeping: %s", error)
        try:
            await asyncio.wait_for(stop.wait(), pause_s)
        except TimeoutError:
            continue


async def forget_answers(database: Database, clock: Clock) -> int:
    """Delete old answers to repeated requests; return how many, 0 when another worker does it."""
    async with database.writes.connection() as connection:
        cursor = await connection.execute("SELECT pg_try_advisory_lock(%s)", (LOCK,))
        row = await cursor.fetchone()
        if row is None or not row[0]:
            return 0
        try:
            return await delete_old_answers(database, clock())
        finally:
            await connection.execute("SELECT pg_advisory_unlock(%s)", (LOCK,))
