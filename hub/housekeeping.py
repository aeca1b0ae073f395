"""`housekeeping`: periodic tasks of a running hub.

- They run when the hub starts and after each pause; a failure is logged and tried again.
- Harvest runs that were cut off are closed, by every worker: that is safe beside other workers and
  beside runs that are still alive.
- An order of precedence whose date has come is applied (`hub.store.relinking`); the audit says so,
  and with its day that goes into the log.
- Instruments that identifiers show to be one are linked (`hub.intake.linking`).
- Exports that were cut off are closed, and the files of those that have expired are deleted
  (`hub.exchange.exports`).
- Sources are graded once a day (`hub.harvest.grading`), by one worker.
- One worker at a time (advisory lock): old answers to repeated requests, refused rows and signed
  requests are deleted, as `hub.intake.limits` says; the root over each day of the audit is put into
  the log; rows of the audit are deleted day by day as `hub.audit.limits` says; answers of sources
  that must not be kept are deleted once they have expired, and old events of sources.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from secrets import token_hex
from typing import Any

import psycopg

from hub.audit.days import delete_old_days, seal
from hub.audit.service import act_row
from hub.audit.service import write as write_audit
from hub.clock import Clock
from hub.errors import HubError
from hub.exchange.exports.limits import HEADERS_FOR
from hub.harvest.grading import grade_sources
from hub.harvest.runs import close_interrupted
from hub.identity.precedence import Precedence
from hub.intake.idempotency import delete_old_answers
from hub.intake.linking import join_identified, state_as_operator
from hub.intake.quarantine import delete_old
from hub.store.copying import Connection
from hub.store.database import Database
from hub.store.exports import close_cut_off, delete_expired
from hub.store.locks import SessionLock, only_worker
from hub.store.raw_documents import delete_old_documents
from hub.store.relinking import switch_precedence
from hub.store.source_events import delete_old_events
from hub.store.transient import delete_expired as delete_transient
from schema.dates import local_date
from schema.records import AuditDay

PAUSE_S = 300.0

_LOG = logging.getLogger(__name__)


async def run_housekeeping(  # noqa: PLR0913 - what is done in the house
    database: Database,
    clock: Clock,
    stop: asyncio.Event,
    *,
    party: str | None = None,
    pause_s: float = PAUSE_S,
    raw_days: int = 0,
    also: Callable[[], Awaitable[object]] | None = None,
) -> None:
    """Do what is due, at once and after each pause, until `stop`.

    `raw_days`: for how long documents of sources are kept. `also`: what else the calendar asks for.

    `party` is the hub's own, which vouches for the days of the audit; None makes no roots.
    """
    joined_at = 0
    while not stop.is_set():
        try:
            closed = await close_interrupted(database, clock())
            if closed:
                _LOG.warning("housekeeping: %d harvests had been cut off; closed as FAILED", closed)
            if await renew_precedence(database, clock):
                _LOG.warning("housekeeping: another order of precedence is in force; all settled")
            if party is not None:
                joined_at = await join(database, clock, party, joined_at)
            await forget(database, clock, party)
            await delete_old_documents(database, clock(), raw_days)
            await forget_exports(database, clock)
            await grade_once(database, clock)
            if also is not None:
                await also()
        except (HubError, psycopg.Error) as error:
            _LOG.warning("housekeeping: %s", error)
        try:
            await asyncio.wait_for(stop.wait(), pause_s)
        except TimeoutError:
            continue


async def renew_precedence(database: Database, clock: Clock) -> bool:
    """Put the order of the day in force; return whether it replaced another."""
    now = clock()

    async def note(connection: Connection, former: Precedence, order: Precedence) -> None:
        detail = {"since": order.since.isoformat(), "former": former.since.isoformat()}
        row = act_row("precedence", detail, (), now, token_hex(8))
        await write_audit(connection, row)

    return await switch_precedence(database, local_date(now), note)


async def join(database: Database, clock: Clock, party: str, seen: int) -> int:
    """Link what identifiers show to be one, by one worker at a time.

    `seen` is the entry after which nothing was looked at; return the present one. Nothing is looked
    for where no entry has come since.
    """
    async with only_worker(database, SessionLock.JOINING) as is_ours:
        if not is_ours:
            return seen
        ((newest,),) = await database.writes.fetch_all(
            "SELECT coalesce(max(entry_id), 0) FROM entry"
        )
        joined = 0 if newest == seen else await join_identified(database, clock, party)
        if joined:
            _LOG.info("housekeeping: %d pairs of instruments are one by identifiers", joined)
    return int(newest)


async def forget_exports(database: Database, clock: Clock) -> int:
    """Note which exports were cut off, and let go what has been kept long enough; return how many.

    Safe beside other workers.
    """
    now = clock()
    cut_off = await close_cut_off(database, now)
    if cut_off:
        _LOG.warning("housekeeping: %d exports had been cut off; closed as FAILED", cut_off)
    return await delete_expired(database, now, now - HEADERS_FOR)


async def forget(database: Database, clock: Clock, party: str | None = None) -> int:
    """Delete what has been kept long enough, and seal days of the audit.

    Return how many rows were deleted, 0 when another worker does it.
    """
    async with only_worker(database, SessionLock.HOUSEKEEPING) as is_ours:
        if not is_ours:
            return 0
        now = clock()
        if party is not None:
            await seal_days(database, clock, party)
        deleted = await delete_old_days(database, now)
        deleted += await delete_old(database, now)
        deleted += await delete_transient(database, now)
        deleted += await delete_old_events(database, now)
        return deleted + await delete_old_answers(database, now)


async def grade_once(database: Database, clock: Clock) -> int:
    """SourceGrade sources whose grade is a day old, one worker at a time; return how many."""
    async with only_worker(database, SessionLock.GRADING) as is_ours:
        return await grade_sources(database, clock()) if is_ours else 0


async def seal_days(database: Database, clock: Clock, party: str) -> int:
    """Put the roots of the audit's days that are over into the log; return how many."""

    async def state(records: list[dict[str, Any]]) -> None:
        rows = [{"type": AuditDay.__name__, "record": each} for each in records]
        await state_as_operator(database, clock, party, rows)

    return await seal(database, clock(), state)
