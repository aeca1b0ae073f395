"""Dates keep the precision they came with; moments become UTC and keep their text."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema.dates import (
    DateError,
    PartialDate,
    Precision,
    format_instant,
    local_date,
    local_day,
    minutes_of_day,
    next_weekday,
    parse_instant,
    parse_partial_date,
)

WALL_CLOCK = (datetime(1990, 1, 2), datetime(2099, 12, 30))  # noqa: DTZ001 (bounds are naive)


def test_a_month_stays_a_month():
    month = PartialDate("2021-04")
    assert str(month) == "2021-04"
    assert month.precision is Precision.MONTH
    assert month.first_day == date(2021, 4, 1)
    assert month.last_day == date(2021, 4, 30)
    assert PartialDate("2024-02").last_day == date(2024, 2, 29)
    assert PartialDate("2021").last_day == date(2021, 12, 31)
    assert PartialDate("2021-03-05").first_day == PartialDate("2021-03-05").last_day


def test_partial_dates_are_ordered_and_unequal_across_precisions():
    written = ["2022", "2021-01-01", "2021-02", "2021", "2021-01"]
    assert [str(each) for each in sorted(map(PartialDate, written))] == [
        "2021", "2021-01", "2021-01-01", "2021-02", "2022",
    ]  # fmt: skip
    assert PartialDate("2021") != PartialDate("2021-01")
    assert PartialDate("2021") <= PartialDate("2021")
    assert len({PartialDate("2021"), PartialDate("2021")}) == 1
    with pytest.raises(TypeError):
        assert PartialDate("2021") < "2022"


@pytest.mark.parametrize(
    "text",
    ["", "21", "2021-13", "2021-00", "2021-04-00", "2021-02-29", "2021-2", "2021-04-1", "20210405",
     "1899", "2100", "2021-04-05 ", "2021-04\n", "２０２１"],
)  # fmt: skip
def test_what_is_no_date_of_the_calendar_is_refused(text: str):
    with pytest.raises(DateError) as caught:
        PartialDate(text)
    assert caught.value.code == "DATE_INVALID"


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("202104", "2021-04"),
        ("20210405", "2021-04-05"),
        ("2021-04-05", "2021-04-05"),
        ("2021-04", "2021-04"),
        ("2021", "2021"),
        (" 2021/4/5 ", "2021-04-05"),
        ("2021.4", "2021-04"),
        ("2021年4月5日", "2021-04-05"),
        ("2021年4月", "2021-04"),
    ],
)
def test_dates_in_use_are_read_to_the_precision_they_have(text: str, read: str):
    assert parse_partial_date(text).text == read


@pytest.mark.parametrize(
    "text", ["202113", "20210230", "000000", "2021/4/5 10:00", "待定", "210405"]
)
def test_an_impossible_date_is_refused_and_not_guessed(text: str):
    with pytest.raises(DateError, match="cannot be read"):
        parse_partial_date(text)


@given(st.dates(date(1900, 1, 1), date(2099, 12, 31)))
def test_every_day_reads_back_from_its_compact_and_its_full_form(day: date):
    assert parse_partial_date(day.strftime("%Y%m%d")).first_day == day
    assert parse_partial_date(day.isoformat()).text == day.isoformat()


@pytest.mark.parametrize(
    ("text", "utc", "assumed", "unit"),
    [
        ("2026-03-04 17", "2026-03-04T09:00:00Z", True, "hour"),
        ("2026-03-04 17:30", "2026-03-04T09:30:00Z", True, "minute"),
        ("2026-03-04 17:30:00", "2026-03-04T09:30:00Z", True, "second"),
        ("2026-03-04T17:30:00", "2026-03-04T09:30:00Z", True, "second"),
        ("2026/3/4 7:05", "2026-03-03T23:05:00Z", True, "minute"),
        ("20260304 17:30:00", "2026-03-04T09:30:00Z", True, "second"),
        ("2026-03-04T17:30:00+08:00", "2026-03-04T09:30:00Z", False, "second"),
        ("2026-03-04T17:30:00.250-0500", "2026-03-04T22:30:00Z", False, "second"),
        ("2026-03-04T17:30:00Z", "2026-03-04T17:30:00Z", False, "second"),
        ("2026-03-04 24:00", "2026-03-04T16:00:00Z", True, "minute"),
        ("1772616600", "2026-03-04T09:30:00Z", False, "second"),
    ],
)
def test_moments_in_use_become_utc_beside_their_text(text, utc, assumed, unit):
    read = parse_instant(text)
    assert format_instant(read.at) == utc
    assert read.at.tzinfo is UTC
    assert read.original == text
    assert read.assumed_zone is assumed
    assert read.unit == unit


def test_unix_seconds_may_come_as_a_number():
    assert parse_instant(1772616600).at == parse_instant("1772616600").at


@pytest.mark.parametrize(
    "text",
    ["", "2026-03-04", "2026-02-30 10:00", "2026-03-04 25", "2026-03-04 24:01", "2026-03-04 10:60",
     "2026-03-04 10:00 CST", "2026-03-04T10:00:00+15:00", "123456789", "9999999999", "-1772616600",
     "2026-03-04T10:00:60", "next Tuesday", "1" * 200],
)  # fmt: skip
def test_what_is_no_moment_is_refused(text: str):
    with pytest.raises(DateError) as caught:
        parse_instant(text)
    assert caught.value.code == "INSTANT_INVALID"
    assert len(str(caught.value)) < 300


@given(st.datetimes(*WALL_CLOCK), st.integers(-12 * 60, 14 * 60))
def test_every_moment_reads_back_from_any_offset(naive: datetime, minutes: int):
    at = naive.replace(microsecond=0, tzinfo=timezone(timedelta(minutes=minutes)))
    assert parse_instant(at.isoformat()).at == at
    assert parse_instant(format_instant(at)).at == at
    assert parse_instant(int(at.timestamp())).at == at


def test_a_datetime_without_zone_has_no_written_form():
    with pytest.raises(DateError) as caught:
        format_instant(WALL_CLOCK[0])
    assert caught.value.code == "INSTANT_NAIVE"


@pytest.mark.parametrize(
    ("text", "minutes"), [("00:00", 0), ("08:30", 510), ("23:59", 1439), ("24:00", 1440)]
)
def test_a_time_of_day_runs_from_midnight_to_midnight(text: str, minutes: int):
    assert minutes_of_day(text) == minutes


@pytest.mark.parametrize("text", ["8:30", "24:01", "12:60", "0830", "12:00:00", "", "12:00\n"])
def test_other_times_of_day_are_refused(text: str):
    with pytest.raises(DateError) as caught:
        minutes_of_day(text)
    assert caught.value.code == "TIME_OF_DAY_INVALID"


def test_a_local_day_is_shanghais():
    start, end = local_day(date(2026, 3, 4))
    assert format_instant(start) == "2026-03-03T16:00:00Z"
    assert end - start == timedelta(days=1)
    assert local_date(start) == date(2026, 3, 4)
    assert local_date(start - timedelta(seconds=1)) == date(2026, 3, 3)


def test_next_tuesday_is_counted_from_the_day_it_is_in_shanghai():
    monday_evening_utc = datetime(2026, 11, 23, 15, 59, tzinfo=UTC)  # still Monday in Shanghai
    tuesday_already = monday_evening_utc + timedelta(minutes=1)
    assert local_date(next_weekday(monday_evening_utc, 2)[0]) == date(2026, 11, 24)
    assert local_date(next_weekday(tuesday_already, 2)[0]) == date(2026, 12, 1)


@given(st.datetimes(*WALL_CLOCK, timezones=st.just(UTC)),
       st.integers(1, 7))  # fmt: skip
def test_the_next_weekday_is_that_weekday_within_seven_days(now: datetime, weekday: int):
    start, end = next_weekday(now, weekday)
    day = local_date(start)
    assert day.isoweekday() == weekday
    assert 1 <= (day - local_date(now)).days <= 7
    assert end - start == timedelta(days=1)


@pytest.mark.parametrize("weekday", [0, 8, -1])
def test_there_are_seven_weekdays(weekday: int):
    with pytest.raises(DateError) as caught:
        next_weekday(datetime(2026, 1, 1, tzinfo=UTC), weekday)
    assert caught.value.code == "WEEKDAY_INVALID"
