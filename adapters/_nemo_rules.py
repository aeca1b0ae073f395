"""`_nemo_rules`: the rules by which people book a tool in NEMO's pages, applied to a hub's booking.

NEMO's interface takes a booking whatever its rules say, so they are looked at before it is posted:
how far ahead, how short and how long, how many a day and in all, and how far apart the bookings of
one user are. All are settings of the tool's row in `api/tools/` (`NEMO/policy.py` of 8.1.5).

What that row does not say, or what is judged more strictly here than there:

- the laboratory's milder rules for nights and weekends are not applied: a time that is allowed by
  them alone is refused;
- qualifications, rights to areas, superusers who may break rules: of people, not of an institution;
- the day is that of Shanghai, as the laboratories of the hub have it.

Institutions that are mapped to one user of NEMO share what that user may have.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeAlias

from adapters._booking import BookingWish
from schema.dates import SHANGHAI

Rule: TypeAlias = Mapping[str, Any]
RULES = (
    "_reservation_horizon",
    "_minimum_usage_block_time",
    "_maximum_usage_block_time",
    "_maximum_reservations_per_day",
    "_maximum_future_reservations",
    "_minimum_time_between_reservations",
    "_maximum_future_reservation_time",
)
"""Fields of a tool: days for the first, minutes for times, numbers of bookings for the rest."""
_OF_OTHERS = RULES[3:]
DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)


def is_by_the_rules(wish: BookingWish, tool: Rule) -> bool:
    """Whether a time is neither too far ahead nor too short or too long."""
    days = tool.get("_reservation_horizon")
    least, most = (tool.get(f"_{name}imum_usage_block_time") for name in ("min", "max"))
    minutes = (wish.end - wish.start) / MINUTE
    return (
        (days is None or wish.start <= wish.now + timedelta(days=days))
        and (not least or minutes >= least)
        and (not most or minutes <= most)
    )


def earliest_of_interest(wish: BookingWish, tool: Rule) -> datetime | None:
    """Return since when the user's bookings matter; None: no rule looks at them."""
    if not any(tool.get(name) for name in _OF_OTHERS):
        return None
    return min(wish.now, _day_of(wish), wish.start - _gap(tool))


def is_within_the_share(wish: BookingWish, tool: Rule, others: Sequence[Rule]) -> bool:
    """Whether a user who has some other bookings of the tool may have this one beside them.

    `others`: rows that are not cancelled, without what this booking replaces. Missed ones count, as
    in NEMO; shortened ones were replaced by another row.
    """
    spans = [
        (datetime.fromisoformat(row["start"]), datetime.fromisoformat(row["end"]))
        for row in others
        if not row.get("shortened")
    ]
    day, gap = _day_of(wish), _gap(tool)
    that_day = [span for span in spans if day <= span[0] and span[1] <= day + DAY]
    ahead = [span for span in spans if span[0] >= wish.now]
    reserved = sum((end - start for start, end in ahead), wish.end - wish.start)
    per_day = tool.get("_maximum_reservations_per_day")
    in_all = tool.get("_maximum_future_reservations")
    minutes = tool.get("_maximum_future_reservation_time")
    return (
        (not per_day or len(that_day) < per_day)
        and (not in_all or len(ahead) < in_all)
        and (not minutes or reserved / MINUTE <= minutes)
        and not any(
            start < wish.end + gap and end > wish.start - gap for start, end in spans if gap
        )
    )


def _day_of(wish: BookingWish) -> datetime:
    begins = wish.start.astimezone(SHANGHAI)
    return begins.replace(hour=0, minute=0, second=0, microsecond=0)


def _gap(tool: Rule) -> timedelta:
    return timedelta(minutes=tool.get("_minimum_time_between_reservations") or 0)
