"""A message is of the instrument at which its sensor was; bad facts are refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from adapters._adapter import Context
from adapters.power_meters import ADAPTER, meters_of, readings

NOW = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)
DAY = timedelta(days=1)


def binding(instrument: str, since: int, until: int | None = None) -> dict[str, Any]:
    return {
        "instrument": f"moe:10335/{instrument}",
        "sensor": "s1",
        "since": NOW + DAY * since,
        "until": None if until is None else NOW + DAY * until,
        "interval_s": 300,
    }


def taken(facts: dict[str, Any], **message: Any) -> tuple[list[str], list[str]]:
    """Return the instruments of the readings that a message gives, and codes of problems."""
    context = Context(source="meters", now=NOW, facts=facts)
    row = {"@topic": "meters/s1/power", "@retained": False, "time": NOW.isoformat(), "value": 900}
    converted = ADAPTER.convert(ADAPTER.collections[0], {**row, **message}, context)
    assert converted.yielded == ()
    return (
        [each.meter.instrument_key.partition("/")[2] for each in readings(context)],
        [problem.code for problem in converted.problems],
    )


def test_a_sensor_that_moved_tells_of_each_instrument_while_it_was_there() -> None:
    facts = {"bindings": [binding("A", -5, -2), binding("B", -1)]}
    assert taken(facts) == (["B"], [])
    assert taken(facts, time=(NOW - 3 * DAY).isoformat()) == (["A"], [])
    assert taken(facts, time=(NOW - 2 * DAY).isoformat()) == ([], ["SENSOR_UNBOUND"])
    assert taken({"bindings": [binding("A", -5), binding("B", -1)]}) == ([], ["SENSOR_AMBIGUOUS"])
    assert taken({}) == ([], ["SENSOR_UNKNOWN"])


@pytest.mark.parametrize("topic", ["", "other/s1/power", "meters//power", "meters/a/b/power"])
def test_a_topic_of_another_shape_names_no_sensor(topic: str) -> None:
    _, codes = taken({"bindings": [binding("A", -5)]}, **{"@topic": topic})
    assert "SENSOR_UNKNOWN" in codes


@pytest.mark.parametrize(
    "time",
    [
        "2026-11-24T10:00:00+08:00",
        "2026-11-24 10:00:00",
        "2026-11-24T02:00:00Z",
        1795485600,
        1795485600000,
        Decimal("1795485600.25"),
    ],
)
def test_a_time_is_read_in_each_of_its_forms(time: Any) -> None:
    context = Context(source="meters", now=NOW, facts={"bindings": [binding("A", -5)]})
    row = {"@topic": "meters/s1/power", "@retained": False, "time": time, "value": 900}
    assert ADAPTER.convert(ADAPTER.collections[0], row, context).problems == ()
    (reading,) = readings(context)
    assert reading.at.replace(microsecond=0) == NOW


@pytest.mark.parametrize("time", [None, "", "soon", -5, 1, True, "99999999999999", [], "1e12"])
def test_what_is_no_time_is_refused(time: Any) -> None:
    found, codes = taken({"bindings": [binding("A", -5)]}, time=time)
    assert found == []
    assert codes


def test_the_silence_of_a_sensor_is_three_of_its_intervals_unless_it_is_said() -> None:
    facts = {"bindings": [binding("A", -5)]}
    assert meters_of(facts)["s1"][0].silence == 15
    assert meters_of({**facts, "silence_minutes": 4})["s1"][0].silence == 4
    own = {"sensors": {"s1": {"silence_minutes": 9}}}
    assert meters_of({**facts, **own, "silence_minutes": 4})["s1"][0].silence == 9


@pytest.mark.parametrize(
    "facts",
    [
        {"topic": "meters/power"},
        {"sensors": []},
        {"sensors": {"s1": 5}},
        {"thresholds": {"on_from": 5, "off_below": 6}},
        {"thresholds": 5},
        {"unit": "kW"},
        {"silence_minutes": 0},
        {"silence_minutes": True},
        {"silence_minutes": "5"},
    ],
)
def test_facts_that_cannot_be_right_are_refused(facts: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        meters_of({"bindings": [binding("A", -5)], **facts})
