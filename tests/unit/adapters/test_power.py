"""Readings of a meter become spans of a day: by hand from rules.md §3 and §4.4; properties."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters._power import (
    DAY_MINUTES,
    NOTHING,
    SPANS_MAX,
    PowerLevel,
    Thresholds,
    day_of,
    merge,
    minute_of,
    pack,
    spans_of_day,
    standing,
    unpack,
    wire_spans,
)
from schema.codes import PowerState
from schema.conform import conform
from schema.registry import standard

SILENCE = 3
WATTS = Thresholds(
    on_from=Decimal(100), off_below=Decimal(50), use_from=Decimal(800), use_until=Decimal(500)
)
OFF, ON, IN_USE = PowerState.OFF, PowerState.ON, PowerState.IN_USE


def minutes(*readings: tuple[int, int]) -> bytes:
    return merge(NOTHING, ((at, WATTS.level(Decimal(value))) for at, value in readings))


def spans(*readings: tuple[int, int], before: bytes = NOTHING, after: bytes = NOTHING) -> list:
    found = spans_of_day(before, minutes(*readings), after, SILENCE)
    return [(span.start, span.end, span.state) for span in found]


def test_each_threshold_belongs_to_the_side_above_it() -> None:
    values = (49, 50, 99, 100, 499, 500, 799, 800)
    assert [WATTS.level(Decimal(value)).name for value in values] == [
        "OFF",
        "BELOW_ON",
        "BELOW_ON",
        "ON",
        "ON",
        "BELOW_USE",
        "BELOW_USE",
        "IN_USE",
    ]


def test_thresholds_in_the_wrong_order_are_refused() -> None:
    for table in ({}, {"on_from": 5, "off_below": 6}, {"on_from": 5, "use_from": 4}):
        with pytest.raises(ValueError, match="thresholds"):
            Thresholds.read(table)
    for bad in (True, "5", float("nan")):
        with pytest.raises(ValueError, match="number"):
            Thresholds.read({"on_from": bad})
    assert Thresholds.read({"on_from": 5}).off_below == 5


def test_what_was_on_stays_on_between_the_thresholds_and_what_was_off_stays_off() -> None:
    assert spans((0, 100), (1, 60), (2, 49), (3, 60), (4, 99)) == [(0, 2, ON), (2, 5, OFF)]
    assert spans((0, 900), (1, 600), (2, 499), (3, 600)) == [(0, 2, IN_USE), (2, 4, ON)]
    assert spans((0, 900), (1, 60)) == [(0, 1, IN_USE), (1, 2, ON)]


def test_between_off_and_on_nothing_is_known_until_something_was() -> None:
    assert spans((0, 60), (1, 60), (2, 100)) == [(2, 3, ON)]


def test_silence_is_unknown_and_never_off() -> None:
    """Off at 10:00, silent, off at 10:04: what lies between is not off (rules.md §4.4)."""
    assert spans((600, 0), (603, 0)) == [(600, 604, OFF)]
    assert spans((600, 0), (604, 0)) == [(600, 601, OFF), (604, 605, OFF)]
    assert spans((600, 900), (604, 60)) == [(600, 601, IN_USE)]
    assert spans() == []


def test_a_state_goes_over_midnight_only_where_somebody_was_heard_after_it() -> None:
    last, first = minutes((1438, 900)), minutes((1, 0))
    assert spans((1438, 900), after=first) == [(1438, 1440, IN_USE)]
    assert spans((1438, 900)) == [(1438, 1439, IN_USE)]
    assert spans((1, 600), before=last) == [(0, 2, IN_USE)]
    assert spans((2, 600), before=last) == [(2, 3, ON)]


def test_the_day_is_that_of_shanghai() -> None:
    at = datetime(2026, 1, 31, 16, 30, tzinfo=UTC)
    assert (day_of(at), minute_of(at)) == (date(2026, 2, 1), 30)
    (span,) = wire_spans(date(2026, 2, 1), spans_of_day(NOTHING, minutes((30, 0)), NOTHING, 3))
    assert span["startAt"] == "2026-01-31T16:30:00Z"


def test_a_meter_that_flutters_keeps_the_longest_spans_and_the_rest_is_unknown() -> None:
    fluttering = [(at, 900 if at % 2 else 0) for at in range(400)] + [
        (at, 0) for at in range(400, 500)
    ]
    found = spans(*fluttering)
    assert len(found) == SPANS_MAX
    assert (400, 500, OFF) in found
    assert found == sorted(found)
    day = date(2026, 11, 24)
    told = wire_spans(day, spans_of_day(NOTHING, minutes(*fluttering), NOTHING, SILENCE))
    record = {"instrumentKey": "moe:10335/A1", "sensor": "s", "day": "2026-11-24", "spans": told}
    assert conform(standard()["PowerDay"], record)[1] == []


def test_what_the_newest_reading_says_is_known_without_the_day_being_over() -> None:
    assert standing(NOTHING, NOTHING, SILENCE) is None
    now = standing(minutes((1439, 900)), minutes((0, 900), (2, 600)), SILENCE)
    assert now is not None
    assert (now.state, now.since, now.last) == (IN_USE, -1, 2)
    lost = standing(NOTHING, minutes((0, 900), (10, 60)), SILENCE)
    assert lost is not None
    assert (lost.state, lost.since) == (PowerState.UNKNOWN, 10)


def test_minutes_are_kept_in_few_bytes_and_others_are_refused() -> None:
    usual = minutes(*((at, 0 if at < 480 else 900) for at in range(DAY_MINUTES)))
    assert len(pack(usual)) < 60
    assert unpack(pack(usual)) == usual
    for bad in (b"\0" * 5, b"\0" * 2_000, b"\x09" * DAY_MINUTES):
        with pytest.raises(ValueError, match="minutes"):
            unpack(pack(bad))


streams = st.lists(st.tuples(st.integers(0, DAY_MINUTES - 1), st.integers(0, 1_000)), max_size=60)


@settings(max_examples=40, deadline=None)
@given(readings=streams, seed=st.integers(0, 10_000))
def test_any_order_repetition_and_cut_of_a_stream_gives_the_same_day(
    readings: list[tuple[int, int]], seed: int
) -> None:
    chance = random.Random(seed)
    told = readings + chance.choices(readings, k=len(readings)) if readings else []
    chance.shuffle(told)
    kept = pack(NOTHING)
    while told:
        size = chance.randint(1, 9)
        part, told = told[:size], told[size:]
        levels = [(at, WATTS.level(Decimal(value))) for at, value in part]
        kept = pack(merge(unpack(kept), levels))
        if chance.random() < 0.3:  # killed after keeping and before the broker knew
            kept = pack(merge(unpack(kept), levels))
    once = minutes(*sorted(set(readings)))
    assert unpack(kept) == once
    assert spans_of_day(NOTHING, unpack(kept), NOTHING, 3) == spans_of_day(
        NOTHING, once, NOTHING, 3
    )


@settings(max_examples=40, deadline=None)
@given(readings=streams, silence=st.integers(1, 60))
def test_nothing_is_known_farther_from_a_reading_than_its_silence(
    readings: list[tuple[int, int]], silence: int
) -> None:
    """The plain rule, minute by minute, as an oracle that shares no code with the spans."""
    found = spans_of_day(NOTHING, day := minutes(*readings), NOTHING, silence)
    at = [minute for minute in range(DAY_MINUTES) if day[minute]]
    covered = set()
    for position, minute in enumerate(at):
        following = at[position + 1] if position + 1 < len(at) else DAY_MINUTES * 9
        covered |= set(range(minute, following if following - minute <= silence else minute + 1))
    known = [minute for span in found for minute in range(span.start, span.end)]
    assert len(known) == len(set(known))
    assert set(known) <= covered
    sure = {m for m in at if day[m] in (PowerLevel.OFF, PowerLevel.ON, PowerLevel.IN_USE)}
    assert len(found) == SPANS_MAX or sure <= set(known)
