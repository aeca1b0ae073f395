"""`rows`: the queries for rows that the hub computes of an instrument, and their cost."""

from __future__ import annotations

from collections.abc import Callable

from hub.query.computed.availability import availability_row, window
from hub.query.computed.power import power_row
from hub.query.computed.price import price_row
from hub.query.computed.writing import Writing
from hub.query.plan.arguments import Argument
from hub.query.plan.limits import AVAILABILITY_COST


def computed_row(
    how: str, key: str, argument_of: Callable[[str], Argument | None], statement: Writing
) -> tuple[str, int]:
    """Return the query for what is computed of the instrument `key`, and its cost.

    `how`: `availability`, `price` or `power`.
    """
    if how == "power":
        return power_row(key, statement), 1
    if how == "availability":
        start, end = argument_of("from"), argument_of("until")
        assert start is not None
        assert end is not None
        return availability_row(key, window(start, end, statement)), AVAILABILITY_COST
    names = ("audience", "hours", "samples", "on")
    return price_row(key, {name: argument_of(name) for name in names}, statement), 1
