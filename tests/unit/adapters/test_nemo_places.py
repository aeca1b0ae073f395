"""What NEMO says of areas, resources and sensors, where it is odd, unknown or nothing at all."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from adapters._adapter import Adapter, Context, ConvertedRow, Mapped
from adapters.nemo import ADAPTER as NEMO
from adapters.nemo_sensors import ADAPTER as SENSORS

TEM, XRD = "moe:10335/nemo-1", "moe:10335/nemo-2"
NOW = datetime(2026, 11, 25, 2, tzinfo=UTC)
OUTAGE = {"id": 7, "start": "2026-11-26T09:00:00+08:00", "end": "2026-11-26T10:00:00+08:00"}


def context_with(**facts: Any) -> Context:
    return Context(source="nemo", now=NOW, institution={"institutionKey": "moe:10335"}, facts=facts)


def convert(adapter: Adapter, name: str, context: Context, row: dict[str, Any]) -> ConvertedRow:
    place = next(each for each in adapter.collections if each.name == name)
    return adapter.convert(place, row, context)


def keys_of(made: ConvertedRow) -> list[str]:
    assert made.problems == ()
    return [one.record["instrumentKey"] for one in made.yielded if isinstance(one, Mapped)]


@pytest.fixture
def rooms() -> Context:
    """Tool 1 may be used from inside area 2 only, which lies in area 1; tool 2 stands free."""
    context = context_with()
    for area in ({"id": 1, "parent_area": None}, {"id": 2, "parent_area": 1}):
        assert convert(NEMO, "areas", context, area).problems == ()
    for number, inside in ((1, 2), (2, None)):
        row = {"id": number, "name": "电镜", "_requires_area_access": inside}
        assert convert(NEMO, "tools", context, row).problems == ()
    return context


@pytest.mark.parametrize(("area", "stopped"), [(1, [TEM]), (2, [TEM]), (None, [])])
def test_an_outage_of_an_area_stops_the_tools_inside_it(
    rooms: Context, area: int | None, stopped: list[str]
) -> None:
    assert keys_of(convert(NEMO, "scheduled_outages", rooms, {**OUTAGE, "area": area})) == stopped


def test_a_tool_that_needs_a_resource_twice_over_is_taken_once(rooms: Context) -> None:
    needs = {"fully_dependent_tools": [1, 2], "dependent_areas": [1], "id": 5}
    convert(NEMO, "resources", rooms, needs)
    assert keys_of(convert(NEMO, "unplanned_outages", rooms, {**OUTAGE, "resource": 5})) == [
        TEM,
        XRD,
    ]


def test_areas_that_lie_in_one_another_are_walked_once(rooms: Context) -> None:
    convert(NEMO, "areas", rooms, {"id": 1, "parent_area": 2})
    assert keys_of(convert(NEMO, "scheduled_outages", rooms, {**OUTAGE, "area": 1})) == [TEM]


@pytest.mark.parametrize(
    ("what", "code"),
    [
        ({"resource": 9}, "RESOURCE_UNKNOWN"),
        ({"area": 9}, "AREA_UNKNOWN"),
        ({"tool": 9}, "TOOL_UNKNOWN"),
    ],
)
def test_an_outage_of_what_no_list_holds_is_told(
    rooms: Context, what: dict[str, int], code: str
) -> None:
    made = convert(NEMO, "scheduled_outages", rooms, {**OUTAGE, **what})
    assert [each.code for each in made.problems] == [code]
    assert made.yielded == ()


@pytest.mark.parametrize(
    ("types", "training", "purpose"),
    [
        ([1], False, "RESEARCH"),
        ([1, 2], False, None),  # two meanings
        ([3], False, None),  # a type that no fact names
        ([1, 3], False, "RESEARCH"),
        ([], False, None),
        ([1], True, "TEACHING"),
    ],
)
def test_a_purpose_is_what_the_deployment_says_or_nothing(
    types: list[int], training: bool, purpose: str | None
) -> None:
    context = context_with(
        purposes={"科研": "RESEARCH", "开发": "DEVELOPMENT"}, training_purpose="TEACHING"
    )
    for number, name in enumerate(("科研", "开发", "其他"), start=1):
        convert(NEMO, "project_types", context, {"id": number, "name": name})
    convert(NEMO, "projects", context, {"id": 4, "account": 1, "project_types": types})
    convert(NEMO, "tools", context, {"id": 1, "name": "电镜"})
    use = {**OUTAGE, "tool": 1, "project": 4, "training": training}
    made = convert(NEMO, "usage_events_ended", context, use)
    assert made.problems == ()
    (record,) = [one.record for one in made.yielded if isinstance(one, Mapped)]
    assert record.get("purpose") == purpose


BINDING = {"instrument": TEM, "sensor": 1, "since": "2026-01-01T00:00:00+08:00"}
VALUE = {"id": 1, "sensor": 1, "created_date": "2026-11-24T09:00:00+08:00", "value": 5.0}
SENSOR = {"id": 1, "data_suffix": "A"}


def power(value: dict[str, Any], *sensors: dict[str, Any], **facts: Any) -> tuple[Any, list[Any]]:
    context = context_with(
        **{"unit": "A", "thresholds": {"on_from": 2}, "bindings": [BINDING], **facts}
    )
    for each in sensors or (SENSOR,):
        convert(SENSORS, "sensors", context, each)
    made = convert(SENSORS, "sensor_data", context, value)
    days = SENSORS.collections[1].closes(context, [])
    return [each.code for each in made.problems], [
        one.record["day"] for one in days if isinstance(one, Mapped)
    ]


@pytest.mark.parametrize(
    ("change", "facts", "code"),
    [
        ({"value": -1}, {}, "OUT_OF_RANGE"),
        ({"value": "open"}, {}, "NOT_DECIMAL"),
        ({}, {"unit": "W"}, "UNIT_DIFFERS"),
        ({}, {"bindings": [BINDING, {**BINDING, "instrument": XRD}]}, "SENSOR_AMBIGUOUS"),
    ],
)
def test_a_value_that_cannot_be_right_is_refused(
    change: dict[str, Any], facts: dict[str, Any], code: str
) -> None:
    assert power({**VALUE, **change}, **facts) == ([code], [])


@pytest.mark.parametrize(
    ("at", "days"),
    [
        ("2026-11-24T23:59:00+08:00", ["2026-11-24"]),
        ("2026-11-25T00:00:00+08:00", []),  # today is not over
        ("2025-12-31T23:59:00+08:00", []),  # before it was bound
        ("2026-08-17T09:00:00+08:00", []),  # the first day of the window has no evening before it
    ],
)
def test_only_days_that_are_over_and_bound_are_told(at: str, days: list[str]) -> None:
    assert power({**VALUE, "created_date": at}) == ([], days)


def test_a_sensor_that_says_another_unit_than_one_of_power_is_refused() -> None:
    made = convert(SENSORS, "sensors", context_with(bindings=[]), {"id": 1, "data_suffix": "°C"})
    assert [each.code for each in made.problems] == ["CODE_UNKNOWN"]


@pytest.mark.parametrize("binding", [{"sensor": 1}, {"instrument": TEM}, {**BINDING, "since": "x"}])
def test_a_binding_that_says_too_little_is_a_mistake_of_the_file(binding: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"facts\.bindings|x"):
        power(VALUE, bindings=[binding])
