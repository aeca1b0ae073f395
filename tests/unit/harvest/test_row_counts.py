"""Counts of a run against the bounds of its metadata."""

from __future__ import annotations

import pytest

from adapters._adapter import ConvertedRow, Mapped, Removed
from adapters._metadata import RowBounds
from connectors.errors import PayloadError
from hub.harvest.row_counts import OverfullError, RowCounts
from schema.errors import Problem

BOUNDS = {"Instrument": RowBounds(2, 3), "Occupancy": RowBounds(0, 1)}
ROW = ConvertedRow(yielded=(Mapped("Instrument", {}), Mapped("ServiceOffer", {})))
REFUSED = ConvertedRow(
    withheld=(Mapped("Instrument", {}),), problems=(Problem("a", "MISSING", "缺", "is missing"),)
)
ENDED = ConvertedRow(yielded=(Removed("Occupancy", "k", "CANCELLED"),))


def counts(*, is_growth_approved: bool = False) -> RowCounts:
    made = RowCounts("shanghai")
    made.bound(BOUNDS, is_growth_approved=is_growth_approved)
    return made


def test_the_maximum_is_allowed_and_one_more_is_not_refused_ones_count_too() -> None:
    run = counts()
    run.take([ROW, ROW])
    run.take([REFUSED])
    with pytest.raises(OverfullError, match=r"Instrument: .*more than 3 records") as refused:
        run.take([ROW])
    assert refused.value.code == "SOURCE_OVERFULL"


def test_what_ended_and_what_has_no_bounds_is_not_counted_and_growth_may_be_approved() -> None:
    counts().take([ENDED, ENDED])
    RowCounts("shanghai").take([ROW] * 9)
    counts(is_growth_approved=True).take([ROW] * 9)


def test_too_few_are_told_of_types_that_were_read_whole() -> None:
    run = counts(is_growth_approved=True)
    run.made["Instrument"] = 1
    run.require([])
    run.require(["Occupancy", "ServiceOffer"])
    with pytest.raises(PayloadError, match=r"Instrument: .*1 records, at least 2"):
        run.require(["Instrument"])
    run.made["Instrument"] = 2
    run.require(["Instrument"])
