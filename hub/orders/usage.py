"""`usage`: use that a source reports, attached to the order that it was for.

A usage record names the order (NEMO: its note); else the only use of the institution that ordered,
on that instrument and within the booked time, is taken for it. Where several would do, none is:
the provider says which.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from hub.errors import RefusedError
from hub.orders.booking import alone_at
from hub.orders.entries import RECORD, NextStep, OrderEntries
from hub.orders.limits import USAGE_DAYS, USAGES_AT_ONCE
from schema.codes import OrderState
from schema.records import UsageRecord
from schema.records.order_path import ENDED, HUB_ORDER, OPEN, reached_in

FIRM_STATES = tuple(state.value for state in OrderState if state not in OPEN | ENDED)
_FIND = """
SELECT o.item_id, u.local_id, u.ended_at, u.digest, u.order_id IS NOT NULL
FROM {orders} o JOIN {usages} u ON u.source = o.source AND u.instrument_key = o.instrument_key
  AND NOT u.withdrawn
WHERE NOT o.withdrawn AND o.local_id LIKE %s AND o.state = ANY(%s)
  AND o.start_at BETWEEN %s AND %s
  AND NOT o.steps @> '[{{"state": "DONE"}}]'
  AND (u.order_id = o.local_id OR (u.order_id IS NULL AND u.user_key = o.user_key
    AND u.started_at < o.end_at AND coalesce(u.ended_at, 'infinity') > o.start_at))
  AND (o.usage_id IS NULL OR (o.usage_id = u.local_id AND u.ended_at IS NOT NULL))
  AND NOT EXISTS (SELECT FROM {orders} p WHERE p.source = o.source AND NOT p.withdrawn
    AND p.usage_id = u.local_id AND p.item_id <> o.item_id)
ORDER BY o.start_at, o.item_id LIMIT %s"""


@dataclass(frozen=True, slots=True)
class OrderUse:
    """A use that may have been for an order. `digest`: of its record, which is the evidence."""

    local_id: str
    ended_at: datetime | None
    digest: bytes
    is_named: bool
    """Whether its source says for which order it was."""


def the_use(found: Sequence[OrderUse]) -> OrderUse | None:
    """Return the use that was for an order: the one that names it, else the only one."""
    named = [each for each in found if each.is_named]
    fit = named or list(found)
    return fit[0] if len(fit) == 1 else None


async def attach_usage(entries: OrderEntries) -> int:
    """Attach what sources have reported of the use of firm orders; return how many steps came."""
    names = {
        name: entries.database.records.tables[record].source.name
        for name, record in (("orders", RECORD), ("usages", UsageRecord.__name__))
    }
    now = entries.clock()
    since = now - timedelta(days=USAGE_DAYS)
    rows = await entries.database.writes.fetch_all(
        _FIND.format(**names), (f"{HUB_ORDER}%", list(FIRM_STATES), since, now, USAGES_AT_ONCE)
    )
    found: dict[str, list[OrderUse]] = {}
    for item_id, *told in rows:
        found.setdefault(item_id, []).append(OrderUse(*told))
    uses = [(item_id, the_use(each)) for item_id, each in found.items()]
    fit = [(item_id, use) for item_id, use in uses if use is not None]
    taken = Counter(use.local_id for _, use in fit)
    attached = 0
    for item_id, use in fit:
        if taken[use.local_id] == 1:
            attached += await _attach(entries, item_id, use)
    return attached


async def _attach(entries: OrderEntries, item_id: str, use: OrderUse) -> bool:
    state = OrderState.IN_SERVICE if use.ended_at is None else OrderState.DONE
    first = await entries.of_id(item_id)
    if first is None:
        return False
    async with alone_at(entries.database, str(first.record["instrumentKey"])):
        kept = await entries.of_id(item_id)
        if kept is None or state in reached_in(kept.record["steps"]) or not kept.may_take(state):
            return False
        try:
            step = NextStep(state, seen=use.digest)
            await entries.add(kept.source, kept.record, step, usageId=use.local_id)
        except RefusedError:  # another worker was here between
            return False
    return True
