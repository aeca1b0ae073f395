"""When feeds are due, and which lists a run reads for them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from adapters import discover
from hub.harvest.feed import due_times, lists_to_read, pace, types_read, whole_parts
from hub.store.feeds import FeedRow
from tests.integration.harvest.small_source import ADAPTER

NOW = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)
QUARTER, HOUR = timedelta(minutes=15), timedelta(hours=1)
TYPES = ["Instrument", "ServiceOffer", "Occupancy", "OccupancyCoverage"]


def asked(minutes_ago: dict[str, float]) -> list[FeedRow]:
    return [
        FeedRow(
            record_type=feed.record_type,
            mode=feed.mode,
            every_s=round(feed.every.total_seconds()),
            promised_freshness_s=7200,
            asked_at=NOW - timedelta(minutes=minutes_ago[feed.record_type]),
        )
        for feed in ADAPTER.feeds
        if feed.record_type in minutes_ago and feed.every is not None
    ]


def names(lists):
    return [each.name for each in lists]


def needed(collection):
    return collection.name == "instruments"


def test_what_was_never_asked_for_is_due_now():
    assert due_times(ADAPTER, [], NOW, None) == dict.fromkeys(TYPES, NOW)
    known = asked({"Instrument": 1, "ServiceOffer": 1, "Occupancy": 1})
    assert due_times(ADAPTER, known, NOW, None)["OccupancyCoverage"] == NOW


def test_each_record_type_is_due_on_its_own_schedule():
    known = asked(dict.fromkeys(TYPES, 20))
    assert due_times(ADAPTER, known, NOW, None) == {
        "Instrument": NOW + timedelta(minutes=40),
        "ServiceOffer": NOW + timedelta(minutes=40),
        "Occupancy": NOW,
        "OccupancyCoverage": NOW,
    }


def test_an_interval_of_the_operator_takes_the_place_of_every_schedule():
    known = asked(dict.fromkeys(TYPES, 20))
    assert set(due_times(ADAPTER, known, NOW, 2 * HOUR).values()) == {NOW + timedelta(minutes=100)}
    assert set(due_times(ADAPTER, known, NOW, QUARTER).values()) == {NOW}
    assert pace(ADAPTER, None) == QUARTER
    assert pace(ADAPTER, 2 * HOUR) == 2 * HOUR


@pytest.mark.parametrize(("minutes_ago", "is_due"), [(-10, False), (-70, True)])
def test_a_run_from_the_future_delays_nothing_beyond_its_schedule(minutes_ago, is_due):
    known = asked({"Instrument": minutes_ago})
    assert (due_times(ADAPTER, known, NOW, None)["Instrument"] == NOW) is is_due


def test_a_run_reads_what_is_due_and_what_that_needs():
    assert names(lists_to_read(ADAPTER, ["Occupancy"], needed)) == ["instruments", "bookings"]
    assert names(lists_to_read(ADAPTER, TYPES, needed)) == names(ADAPTER.collections)


def test_a_record_type_is_asked_for_when_none_of_its_lists_is_left_out():
    instruments, offers, *_ = ADAPTER.collections
    both = replace(instruments, types=("Instrument", "ServiceOffer"))
    adapter = replace(ADAPTER, collections=(both, *ADAPTER.collections[1:]))
    assert types_read(adapter, [both]) == ["Instrument"]
    assert types_read(adapter, [both, offers]) == ["Instrument", "ServiceOffer"]


def test_what_is_known_of_a_record_type_is_what_all_of_its_lists_were_asked_for():
    first, second, third, _ = ADAPTER.collections
    lists = tuple(replace(each, types=("Occupancy",)) for each in (first, second, third))
    adapter = replace(ADAPTER, collections=lists)
    bounds = {
        "instruments": (NOW - HOUR, NOW + HOUR),
        "offers": (NOW - QUARTER, None),
        "bookings": (None, NOW + QUARTER),
    }
    assert whole_parts(adapter, bounds) == {"Occupancy": (NOW - QUARTER, NOW + QUARTER)}
    del bounds["offers"]
    assert whole_parts(adapter, bounds) == {}


def test_every_adapter_reads_more_often_than_it_promises():
    feeds = [feed for adapter in discover().values() for feed in adapter.feeds]
    assert len(feeds) > 10
    for feed in feeds:
        assert (feed.every is None) is (feed.mode == "PUSH")
        assert feed.every is None or feed.every < feed.promised_freshness
