"""What is easily misread of the asset cloud and of eLabFTW."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from adapters import discover
from adapters._adapter import Context, ConvertedRow, Mapped, Removed
from tests.recorded import recorded


def context_of(name: str, **facts: Any) -> Context:
    given = recorded(name)["context"]
    return Context(
        source=name,
        now=datetime.fromisoformat(given["now"]),
        institution=given.get("institution", {}),
        facts={**given.get("facts", {}), **facts},
    )


def convert(source: str, place: int, row: dict[str, Any], context: Context) -> ConvertedRow:
    adapter = discover()[source]
    return adapter.convert(adapter.collections[place], row, context)


UNIT, CARD = (
    recorded("asset_cloud")["exchanges"][0]["json"]["data"]["records"][0],
    recorded("asset_cloud")["exchanges"][1]["json"]["data"]["records"][0],
)
ITEM = recorded("elabftw")["exchanges"][0]["json"][0]
EVENT = recorded("elabftw")["exchanges"][2]["json"][0]


def card(**changes: Any) -> ConvertedRow:
    context = context_of("asset_cloud")
    convert("asset_cloud", 0, UNIT, context)
    return convert("asset_cloud", 1, {**CARD, **changes}, context)


def record(converted: ConvertedRow) -> dict[str, Any]:
    assert converted.problems == ()
    first = converted.yielded[0]
    assert isinstance(first, Mapped)
    return first.record


def test_the_finance_side_s_2_and_3_are_idle_and_4_is_a_building() -> None:
    assert record(card(useState="2"))["status"] == "IDLE"
    assert record(card(useState="3"))["status"] == "IDLE"
    assert [problem.path for problem in card(useState="4").problems] == ["useState"]


@pytest.mark.parametrize("code", ["03030200", "360040", "B02100304", "Ａ02100304", "A0"])
def test_a_class_of_neither_edition_is_refused(code: str) -> None:
    assert [problem.path for problem in card(classCode=code).problems] == ["classCode"]


def test_a_card_of_both_editions_keeps_both() -> None:
    assert [each["version"] for each in record(card())["classes"]] == ["2022", "2010"]
    only_new = record(card(formerClassCode=""))["classes"]
    assert [each["version"] for each in only_new] == ["2022"]


def test_a_card_that_was_disposed_of_says_so_whatever_its_state() -> None:
    gone = record(card(disposal="出售", disposedOn="20261031"))
    assert (gone["status"], gone["endedOn"]) == ("TRANSFERRED_OUT", "2026-10-31")
    assert [problem.path for problem in card(disposal="送人").problems] == ["disposal"]


def test_a_unit_that_the_list_does_not_name_is_told() -> None:
    assert [problem.code for problem in card(unitCode="X").problems] == ["UNIT_UNKNOWN"]


def booked(zone: str, start: str, end: str, **changes: Any) -> ConvertedRow:
    context = context_of("elabftw", time_zone=zone)
    convert("elabftw", 0, ITEM, context)
    return convert("elabftw", 1, {**EVENT, "start": start, "end": end, **changes}, context)


def test_a_time_without_zone_is_of_the_zone_of_the_installation() -> None:
    span = ("2026-07-01 09:00:00", "2026-07-01 10:00:00")
    assert record(booked("Asia/Shanghai", *span))["startAt"] == "2026-07-01T01:00:00Z"
    assert record(booked("Europe/Paris", *span))["startAt"] == "2026-07-01T07:00:00Z"


@pytest.mark.parametrize("start", ["2026-10-25 02:30:00", "2026-03-29 02:30:00"])
def test_a_time_that_a_change_of_clocks_repeats_or_skips_is_refused(start: str) -> None:
    converted = booked("Europe/Paris", start, "2026-10-26 10:00:00")
    assert [problem.code for problem in converted.problems] == ["TIME_AMBIGUOUS"]
    assert record(booked("Asia/Shanghai", start, "2026-10-26 10:00:00"))


def test_a_deleted_booking_is_gone_and_one_of_no_instrument_is_passed_over() -> None:
    span = ("2026-07-01 09:00:00", "2026-07-01 10:00:00")
    (one,) = booked("Asia/Shanghai", *span, state=3).yielded
    assert isinstance(one, Removed)
    assert booked("Asia/Shanghai", *span, state=7).problems
    context = context_of("elabftw")
    convert("elabftw", 0, {**ITEM, "category_title": "质粒"}, context)
    assert convert("elabftw", 1, EVENT, context).yielded == ()


def test_a_word_of_the_team_that_nobody_explained_is_no_state() -> None:
    context = context_of("elabftw")
    unknown = convert("elabftw", 0, {**ITEM, "status_title": "借走了"}, context)
    assert [problem.code for problem in unknown.problems] == ["CODE_UNKNOWN"]
    none_said = convert("elabftw", 0, ITEM, context_of("elabftw", statuses={}))
    assert [problem.code for problem in none_said.problems] == ["CODE_UNKNOWN"]


def test_a_deployment_that_is_misspelt_is_told_by_its_rows() -> None:
    wrong = convert("elabftw", 0, ITEM, context_of("elabftw", statuses={"可用": "IN_SERVISE"}))
    assert [problem.code for problem in wrong.problems] == ["CODE_UNKNOWN"]
    zoneless = booked("Asia/Shanghi", "2026-07-01 09:00:00", "2026-07-01 10:00:00")
    assert {problem.code for problem in zoneless.problems} == {"TIME_ZONE"}
    one_word = convert("elabftw", 0, ITEM, context_of("elabftw", categories="仪器"))
    assert len(one_word.yielded) == 2
    part_of_it = convert(
        "elabftw", 0, {**ITEM, "category_title": "仪"}, context_of("elabftw", categories="仪器")
    )
    assert part_of_it.yielded == ()


def test_what_cannot_be_booked_is_never_stated_free() -> None:
    adapter, context = discover()["elabftw"], context_of("elabftw")
    made = record(convert("elabftw", 0, {**ITEM, "is_bookable": 0}, context))
    key = f"{made['institutionKey']}/{made['localNo']}"
    assert list(adapter.collections[1].closes(context, [key])) == []
    convert("elabftw", 0, ITEM, context)
    assert len(list(adapter.collections[1].closes(context, [key]))) == 1
