"""Working days as announced, beside a calendar that we did not write."""

from __future__ import annotations

import json
from datetime import date, timedelta

import pytest

from hub.policy.working_days import current_calendar, months_after
from tests.shared import SHARED

YEARS = range(2013, 2027)


@pytest.mark.parametrize(
    ("accepted", "due", "is_provisional"),
    [
        ("2026-01-05", "2026-02-14", False),
        ("2026-01-20", "2026-03-09", False),
        ("2026-02-10", "2026-03-30", False),
        ("2026-02-16", "2026-04-03", False),
        ("2026-02-27", "2026-04-10", False),
        ("2026-08-20", "2026-10-08", False),
        ("2025-12-31", "2026-02-12", False),
        ("2026-11-19", "2026-12-31", False),
        ("2026-11-23", "2027-01-05", True),
    ],
)
def test_thirty_working_days_count_make_up_days(
    accepted: str, due: str, is_provisional: bool
) -> None:
    counted = current_calendar().after(date.fromisoformat(accepted), 30)
    assert (counted.day.isoformat(), counted.provisional) == (due, is_provisional)


@pytest.mark.parametrize(
    ("joined", "due"),
    [
        ("2025-11-30", "2026-02-28"),
        ("2023-11-30", "2024-02-29"),
        ("2025-11-17", "2026-02-24"),
        ("2026-07-01", "2026-10-08"),
    ],
)
def test_three_months_end_on_the_same_number_and_roll_off_holidays(joined: str, due: str) -> None:
    ends = months_after(date.fromisoformat(joined), 3)
    assert current_calendar().at_or_after(ends).day.isoformat() == due


def test_every_day_is_as_another_calendar_has_it() -> None:
    chinese = pytest.importorskip("chinese_calendar", reason="chinesecalendar is not installed")
    day, known, compared = date(YEARS[0], 1, 1), current_calendar(), 0
    while day.year in YEARS:
        assert known.is_working_day(day) == chinese.is_workday(day), day
        day += timedelta(days=1)
        compared += 1
    assert compared == 5113


def test_every_announced_day_is_as_the_data_set_has_it() -> None:
    folder = SHARED / "data" / "holiday-cn"
    if not folder.is_dir():
        pytest.skip("the data set is not beside this checkout")
    known, compared = current_calendar(), 0
    for year in YEARS:
        for stated in json.loads((folder / f"{year}.json").read_text("utf-8"))["days"]:
            day = date.fromisoformat(stated["date"])
            assert known.is_working_day(day) == (not stated["isOffDay"]), day
            compared += 1
    assert compared > 400


def test_a_year_without_a_paper_is_provisional() -> None:
    known = current_calendar()
    assert not known.is_provisional(date(2026, 12, 31))
    assert known.is_provisional(date(2027, 1, 1))
    assert not known.is_working_day(date(2027, 10, 1))
    with pytest.raises(ValueError, match="working days"):
        known.after(date(2026, 1, 1), 0)
