"""What is easily misread of LIMS-CF."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from adapters import discover
from adapters._adapter import Context, ConvertedRow, Mapped
from tests.recorded import recorded

ADAPTER = discover()["lims_cf"]
LISTS = {each.name: each for each in ADAPTER.collections}
INSTRUMENT = recorded("lims_cf")["exchanges"][1]["json"]["result"][0]
START = 1_764_205_200
BOOKING = {"id": 1, "user": {"7": "郑同学"}, "lab": [], "equipmentId": 12, "amount": None}
SPAN = {"dtstart": START, "dtend": START + 3600}


@pytest.fixture
def context() -> Context:
    made = Context(
        source="lims_cf",
        now=datetime(2026, 11, 24, 2, tzinfo=UTC),
        institution={"institutionKey": "moe:10307"},
    )
    ADAPTER.convert(LISTS["equipments"], INSTRUMENT, made)
    return made


def convert(name: str, row: dict[str, Any], context: Context) -> ConvertedRow:
    return ADAPTER.convert(LISTS[name], row, context)


def records(converted: ConvertedRow) -> list[dict[str, Any]]:
    assert converted.problems == ()
    return [one.record for one in converted.yielded if isinstance(one, Mapped)]


@pytest.mark.parametrize("moment", [0, -1, START * 1000, "2026-11-24 09:00:00", "1.5", "", None])
def test_what_is_no_unix_second_is_refused(context: Context, moment: object) -> None:
    row = {**BOOKING, **SPAN, "type": 0, "dtstart": moment}
    converted = convert("reservs", row, context)
    assert converted.yielded == ()
    assert {problem.path for problem in converted.problems} == {"dtstart"}


def test_numbers_come_as_numbers_or_as_texts(context: Context) -> None:
    texts = {"equipmentId": "12", "dtstart": str(START), "dtend": str(START + 3600), "type": "0"}
    as_numbers = convert("reservs", {**BOOKING, **SPAN, "type": 0}, context)
    assert records(convert("reservs", {**BOOKING, **texts}, context)) == records(as_numbers)


def test_a_use_that_goes_on_is_no_use_of_no_length(context: Context) -> None:
    row = {**BOOKING, "dtstart": START, "dtend": 0, "samples": 0}
    assert records(convert("records", row, context)) == []
    ended = {**row, "dtend": START + 1800}
    assert records(convert("records_in_use", ended, context)) == []


def test_an_instrument_that_the_list_does_not_name_is_told(context: Context) -> None:
    converted = convert("reservs", {**BOOKING, **SPAN, "type": 0, "equipmentId": 99}, context)
    assert [problem.code for problem in converted.problems] == ["TOOL_UNKNOWN"]


OTHER_CLASSES = ("3030200", "\uff10\uff13\uff10\uff13\uff10\uff12\uff10\uff10", "A02100304")


@pytest.mark.parametrize("code", ["03030200", *OTHER_CLASSES])
def test_only_eight_digits_are_the_ministry_s_class(context: Context, code: str) -> None:
    (record, *_) = records(convert("equipments", {**INSTRUMENT, "cat_no": code}, context))
    scheme = "LIMS-CF" if code in OTHER_CLASSES else "MOE"
    assert [each["scheme"] for each in record["classes"]] == [scheme]


def test_a_time_that_ends_after_the_window_is_asked_for(context: Context) -> None:
    window = LISTS["reservs"].window(context)
    assert int(window.filters["dtend"]) > context.window_end.timestamp() + 30 * 86_400
    assert window.until == context.window_end
