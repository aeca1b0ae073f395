"""`feed`: when each record type of a source is due, and which lists a run reads for it; pure.

- A record type that was never asked for is due; else when its schedule has passed since the run
  began that last asked. A run from the future beyond that is a mistake of the clock.
- After a run that failed, what it did not read is due sooner than on its schedule: after a pause
  that doubles with each run that fails (`retry_pause`).
- An interval of the operator's takes the place of every schedule.
- A list is read when one of its types is due, and whenever a later list needs it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta

from adapters._adapter import Adapter, Collection, Mode
from hub.harvest.limits import RETRY_FIRST_S, RETRY_S_MAX
from hub.store.feeds import FeedRow

__all__ = [
    "Bounds",
    "due_times",
    "harvested",
    "lists_harvested",
    "lists_to_read",
    "pace",
    "retry_pause",
    "types_read",
    "whole_parts",
]

Bounds = tuple[datetime | None, datetime | None]


def harvested(adapter: Adapter) -> dict[str, timedelta]:
    """Return the record types that the hub asks for, with the time between two readings."""
    return {
        feed.record_type: feed.every
        for feed in adapter.feeds
        if feed.mode is not Mode.PUSH and feed.every is not None
    }


def lists_harvested(adapter: Adapter) -> list[Collection]:
    """Return the lists that a run may read: not those of what must not be kept."""
    unkept = {feed.record_type for feed in adapter.feeds if feed.stale_max is not None}
    return [each for each in adapter.collections if unkept.isdisjoint(each.types)]


def pace(adapter: Adapter, interval: timedelta | None) -> timedelta:
    """Return the time between two runs of a source: that of its most frequent record type."""
    return interval or min(harvested(adapter).values(), default=adapter.every)


def retry_pause(failures: int) -> timedelta | None:
    """Return the pause after so many runs that failed one after the other, None after none."""
    if failures <= 0:
        return None
    # 2 to the power of 20 is beyond every bound.
    return timedelta(seconds=min(RETRY_FIRST_S * 2.0 ** min(failures - 1, 20), RETRY_S_MAX))


def due_times(
    adapter: Adapter,
    feeds: Iterable[FeedRow],
    now: datetime,
    interval: timedelta | None,
    failures: int = 0,
) -> dict[str, datetime]:
    """Return when each record type is due; what is overdue is due now.

    `failures`: how many runs of the source failed since the last that did not.
    """
    known = {feed.record_type: feed for feed in feeds}
    pause = retry_pause(failures)
    return {name: _due_at(known.get(name), now, interval, pause) for name in harvested(adapter)}


def _due_at(
    feed: FeedRow | None, now: datetime, interval: timedelta | None, pause: timedelta | None
) -> datetime:
    if feed is None or feed.asked_at is None or feed.every_s is None:
        return now
    every = interval or timedelta(seconds=feed.every_s)
    if pause is not None and (feed.heard_at is None or feed.heard_at < feed.asked_at):
        every = min(every, pause)
    is_over = abs(now - feed.asked_at) >= every
    return now if is_over else feed.asked_at + every


def lists_to_read(
    adapter: Adapter, due: Iterable[str], is_needed: Callable[[Collection], bool]
) -> list[Collection]:
    """Return the lists that are read when these record types are due, in their order."""
    types = frozenset(due)
    return [
        each
        for each in lists_harvested(adapter)
        if is_needed(each) or types.intersection(each.types)
    ]


def types_read(adapter: Adapter, lists: Iterable[Collection]) -> list[str]:
    """Return the record types of which no list is left out."""
    names = {each.name for each in lists}
    left_out = {
        name for each in adapter.collections if each.name not in names for name in each.types
    }
    return [feed.record_type for feed in adapter.feeds if feed.record_type not in left_out]


def whole_parts(adapter: Adapter, bounds: Mapping[str, Bounds]) -> dict[str, Bounds]:
    """Return what is known whole of each record type: what all of its lists were asked for.

    `bounds`: since and until of each list that was read whole, by its name.
    """
    whole = (each for each in adapter.collections if each.name in bounds)
    return {
        name: _common([bounds[each.name] for each in adapter.collections if name in each.types])
        for name in types_read(adapter, whole)
    }


def _common(bounds: Iterable[Bounds]) -> Bounds:
    pairs = list(bounds)
    since = max((since for since, _ in pairs if since is not None), default=None)
    until = min((until for _, until in pairs if until is not None), default=None)
    return since, until
