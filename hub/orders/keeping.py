"""`keeping`: looks after orders that nobody asks about: those that stay open, those that were used.

- An order that is open for longer than `GIVEN_UP_AFTER` is given up: what its source has of it is
  taken back, then it is EXPIRED (`OrderDesk.settle`).
- An order at another hub is asked about until it has ended: how it stands, and what was stated of
  it since. Each has its turn (decision 0049). One that its home does not know was never booked and
  is forgotten.
- Use that sources have reported is attached to its order (`usage`).

One worker at a time, by an advisory lock. A source that does not answer is not asked again in the
same look, and stops nothing else.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from datetime import datetime, timedelta

import psycopg

from adapters._booking import BookingOutcome, BookingReason
from hub.errors import ErrorCode, HubError, RefusedError
from hub.orders.asked import BY_HOME
from hub.orders.forwarded import OpenOrder
from hub.orders.home_hub import Forwarded, is_home_hub
from hub.orders.limits import FORWARDED_DAYS, GIVEN_UP_AFTER, OPEN_LOOK_S, OPEN_ORDERS_AT_ONCE
from hub.orders.partner import PartnerDesk
from hub.orders.usage import attach_usage
from hub.store.locks import SessionLock, only_worker
from schema.dates import DateError, parse_instant
from schema.records.order_path import OPEN

FORWARDED_FOR = timedelta(days=FORWARDED_DAYS)
_LOG = logging.getLogger(__name__)


class OrderKeeping:
    """Looks after open orders beside a running hub."""

    def __init__(self, desk: PartnerDesk, pause_s: float = OPEN_LOOK_S) -> None:
        self._desk, self._pause_s = desk, pause_s

    async def run(self, stop: asyncio.Event) -> None:
        """Look after orders, at once and after each pause, until `stop`."""
        while not stop.is_set():
            try:
                await self.look()
            except (HubError, psycopg.Error) as error:
                _LOG.warning("orders: %s", error)
            with suppress(TimeoutError):
                async with asyncio.timeout(self._pause_s):
                    await stop.wait()

    async def look(self) -> int:
        """Do what is due, unless another worker does it; return how many orders moved."""
        async with only_worker(self._desk.orders.database, SessionLock.ORDERS) as is_ours:
            if not is_ours:
                return 0
            moved = await self._given_up() + await self._asked_about()
            return moved + await attach_usage(self._desk.orders.entries)

    async def _given_up(self) -> int:
        orders, deployed = self._desk.orders, await self._desk.sources()
        before = orders.clock() - GIVEN_UP_AFTER
        moved, silent = 0, set[str]()
        for kept in await orders.entries.in_states(tuple(OPEN), before, OPEN_ORDERS_AT_ONCE):
            source = deployed.get(kept.source)
            if source is None or source.adapter.booking is None or kept.source in silent:
                continue
            try:
                result = await orders.settle(source, kept)
                if result.reason is BookingReason.SOURCE_SILENT:
                    silent.add(kept.source)
                moved += result.outcome is not BookingOutcome.TENTATIVE
            except HubError as error:
                _LOG.warning("an open order at %s: %s", kept.source, error.code.name)
        return moved

    async def _asked_about(self) -> int:
        home_hubs, deployed = self._desk.home_hubs, await self._desk.sources()
        before = self._desk.orders.clock() - GIVEN_UP_AFTER
        moved, silent = 0, set[str]()
        for order in await home_hubs.open.due(before, OPEN_ORDERS_AT_ONCE):
            if _ends(order) < before - FORWARDED_FOR:
                _LOG.info("an order at %s is not followed any longer", order.peer)
                await home_hubs.open.close(order.client, order.order)
                continue
            source = deployed.get(order.peer)
            if source is None or not is_home_hub(source) or order.peer in silent:
                continue
            asked = Forwarded.cancel(order.asking, order.instrument, order.order)
            try:
                answer = await home_hubs.look(source, asked)
            except RefusedError as error:
                moved += await self._unknown(order, error)
                continue
            if answer.reason == BY_HOME:
                silent.add(order.peer)
            if answer.is_settled:
                moved += await home_hubs.heard(source, answer, asked)
        return moved

    async def _unknown(self, order: OpenOrder, error: RefusedError) -> bool:
        if error.code is not ErrorCode.NOT_FOUND:
            _LOG.warning("an open order at %s: %s", order.peer, error.code.name)
            return False
        await self._desk.home_hubs.open.close(order.client, order.order)
        return True


def _ends(order: OpenOrder) -> datetime:
    """Return when the time ends that an order asks for; when it was asked for, if it names none."""
    assert order.begun_at is not None, "it was read from its table"
    try:
        return max(parse_instant(order.sent["endAt"]).at, order.begun_at)
    except (KeyError, DateError):
        return order.begun_at
