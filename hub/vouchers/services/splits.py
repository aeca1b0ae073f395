"""`splits`: does an order look like a part of one that was split? Then a person looks; pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from hub.policy.bounds import LackingError, Missing
from hub.policy.law import Law, LawOnDay
from hub.policy.vouchers.amount import OrderShape, is_split_suspected
from hub.vouchers.services.facts import Row, fen
from schema.dates import local_date

SPLIT_SUSPECTED: Final = "SPLIT_SUSPECTED"
"""Hold: orders that stay below the threshold of full deduction each, and not together."""


def split_holds(order: Row | None, others: Iterable[Row], law: LawOnDay) -> tuple[str, ...]:
    """Return the hold of an order; `others`: of the same user at the same instrument."""
    shape = None if order is None else _shape(order)
    if shape is None:
        return ()  # without order or charge other checks are UNKNOWN
    try:
        near = [each for each in map(_shape, others) if each is not None]
        return (SPLIT_SUSPECTED,) if is_split_suspected(shape, near, law) else ()
    except LackingError:
        return ()  # where no threshold is in force there is nothing to stay below


def days_of_splits(law: Law) -> int:
    """Return within how many days an order may be a part of another one, wherever and whenever."""
    values = law.parameters["voucher.split_days"].values
    return max((int(each.value) for each in values), default=0)


def ordered_at(order: Row) -> datetime | None:
    """Return when an order was made, or else when its use began."""
    at: datetime | None = order["requested_at"] or order["start_at"]
    return at


def _shape(order: Row) -> OrderShape | None:
    at, charge = ordered_at(order), fen(order["charge"], "charge")
    if at is None or isinstance(charge, Missing):
        return None
    return OrderShape(ordered_on=local_date(at), charge_fen=charge)
