"""A reservation is kept for the days that the law names after its planned end, and told before."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from hub.policy.vouchers.reservations import ReservationKeeper, reservation_told
from tests.unit.policy.voucher_case import law_with

PLANNED = date(2026, 10, 2)


def told(on: date, days: str = "90"):
    return reservation_told(PLANNED, law_with({"voucher.reservation_days": days}, on))


@pytest.mark.parametrize(
    ("on", "is_told", "is_over"),
    [
        (PLANNED, False, False),
        (date(2026, 12, 1), False, False),
        (date(2026, 12, 2), True, False),
        (date(2026, 12, 31), True, False),
        (date(2027, 1, 1), True, True),
    ],
)
def test_it_is_told_thirty_days_before_and_over_the_day_after(
    on: date, is_told: bool, is_over: bool
) -> None:
    found = told(on)
    assert (found is not None) == is_told
    if found is not None:
        assert (found.last_day, found.is_over) == (date(2026, 12, 31), is_over)


def test_of_few_days_it_is_told_when_the_planned_end_is_over() -> None:
    assert told(PLANNED, "3") is None
    found = told(PLANNED + timedelta(days=1), "3")
    assert found is not None
    assert not found.is_over


def test_what_keeps_it_is_named_in_place_of_the_day() -> None:
    found = told(date(2027, 1, 1))
    assert found is not None
    assert (found.is_released, found.detail) == (True, "2026-12-31")
    for keeper in ReservationKeeper:
        kept = replace(found, kept_by=keeper)
        assert (kept.is_released, kept.detail) == (False, keeper.value)
