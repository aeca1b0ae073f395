"""NRII: the defects of real senders, units, and codes by version."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from adapters._adapter import Context, ConvertedRow
from adapters._nrii_service import CODES, ReturnMeaning, is_accepted, meaning_of
from adapters.nrii import ADAPTER

FIXTURES = Path(__file__).parent.parent.parent / "fixtures" / "nrii"
CENTRES, EQUIPMENT, CUSTOMS, RECORDS = ADAPTER.collections
INS = "a1b2c3d4e5f60718293a4b5c6d7e8f90"
RECORD = {
    "insCode": INS,
    "recordInnerId": "SR-1",
    "innerId": "TEM-001",
    "amounts": "1250.00",
    "serviceTime": "2.5",
    "serviceAmount": "2.5",
    "endTime": "2026-11-03 14",
    "serviceContent": "观察",
    "serviceWay": "1",
    "serviceType": "130",
    "serviceDirection": "135",
    "adressType": 0,
    "signAgreement": 1,
}


def context(**facts: Any) -> Context:
    return Context(
        source="nrii",
        now=datetime(2026, 11, 23, tzinfo=UTC),
        institution={"institutionKey": "moe:10335"},
        facts={"insCode": INS, **facts},
    )


def converted(row: dict[str, Any], **facts: Any) -> ConvertedRow:
    return ADAPTER.convert(RECORDS, row, context(**facts))


def record(row: dict[str, Any], **facts: Any) -> dict[str, Any]:
    made = converted(row, **facts)
    assert made.problems == ()
    (one,) = made.yielded
    return one.record  # type: ignore[union-attr]


def test_a_service_without_hours_and_with_a_date_for_its_amount_is_quarantined() -> None:
    defect = {**RECORD, "serviceAmount": "1970-01-01 08"}
    del defect["serviceTime"]
    made = converted(defect)
    assert made.yielded == ()
    assert {(each.path, each.code) for each in made.problems} == {
        ("serviceTime", "MISSING"),
        ("serviceAmount", "NOT_DECIMAL"),
    }
    told = next(each for each in made.problems if each.path == "serviceAmount")
    assert "formatter" in told.en


def test_an_end_of_1970_is_quarantined() -> None:
    made = converted({**RECORD, "endTime": "1970-01-01 08"})
    assert [each.path for each in made.problems] == ["endTime"]


@pytest.mark.parametrize(
    ("signed", "place", "expected"),
    [
        (1, 0, (False, False)),
        (1, 1, (False, True)),
        (0, 1, (True, True)),
        (0, 0, (None, None)),
        ("0", "0", (None, None)),
        (0, None, (True, None)),
        (None, 0, (None, False)),
    ],
)
def test_the_inverted_flag_is_turned_and_two_imported_zeros_state_nothing(
    signed: Any, place: Any, expected: tuple[Any, Any]
) -> None:
    row = {**RECORD, "signAgreement": signed, "adressType": place}
    row |= {"moveAddress": "某处"} if place == 1 else {}
    made = record(row)
    assert (made.get("agreementSigned"), made.get("outsidePremises")) == expected


def test_an_address_outside_contradicts_a_use_inside() -> None:
    made = converted({**RECORD, "moveAddress": "合肥市"})
    assert [(each.path, each.code) for each in made.problems] == [("moveAddress", "CONTRADICTED")]


def test_a_project_is_taken_only_from_a_source_that_has_checked_it() -> None:
    row = {**RECORD, "subjectName": "课题", "subjectIncome": "863计划,无", "subjectArea": "150"}
    assert "project" not in record(row)
    assert record(row, projects="checked")["project"] == {
        "name": "课题",
        "incomes": ["863计划"],
        "subjects": [{"scheme": "GB/T 13745", "version": "2009", "code": "150"}],
    }


def test_a_start_is_derived_from_end_and_hours_and_marked() -> None:
    made = record(RECORD)
    assert (made["startedAt"], made["endedAt"]) == ("2026-11-03T03:30:00Z", "2026-11-03T06:00:00Z")
    assert made["startDerived"] is True


@pytest.mark.parametrize("hours", ["-1", "99999", "1e9"])
def test_hours_that_no_service_has_are_quarantined(hours: str) -> None:
    made = converted({**RECORD, "serviceTime": hours})
    assert [each.path for each in made.problems] == ["serviceTime"]


def test_worth_is_in_ten_thousand_yuan_and_amounts_are_in_yuan() -> None:
    exchanges = json.loads((FIXTURES / "records.json").read_text("utf-8"))
    values = [one["record"].get("originalValue") for one in exchanges]
    assert {"amount": "6255500", "currency": "CNY"} in values
    assert record(RECORD)["charge"] == {"amount": "1250", "currency": "CNY"}


def test_samples_are_counted_for_commissioned_work_only() -> None:
    assert "samplesCount" not in record({**RECORD, "serviceAmount": 12})
    assert record({**RECORD, "serviceAmount": 12, "serviceWay": "3"})["samplesCount"] == 12


@pytest.mark.parametrize(
    "words", [("1,2", "135", "130"), ("占用共享、技术共享", "科学研究", "外部用户")]
)
def test_codes_and_words_are_the_same_thing(words: tuple[str, str, str]) -> None:
    ways, purpose, side = words
    made = record({**RECORD, "serviceWay": ways, "serviceDirection": purpose, "serviceType": side})
    assert made["ways"] == ["OCCUPANCY", "TECHNICAL"]
    assert (made["purpose"], made["userSide"]) == ("RESEARCH", "OUTSIDE")


def test_a_record_of_a_unit_that_the_source_does_not_hold_is_quarantined() -> None:
    made = converted({**RECORD, "insCode": "f" * 32})
    assert [(each.path, each.code) for each in made.problems] == [("insCode", "UNIT_UNKNOWN")]
    units = {"f" * 32: "moe:10358"}
    assert record({**RECORD, "insCode": "f" * 32}, units=units)["instrumentKey"].startswith(
        "moe:10358/"
    )


def test_customs_data_of_an_instrument_that_is_said_to_be_free_is_quarantined() -> None:
    run = context()
    row = {
        "insCode": INS,
        "innerId": "TEM-001",
        "declarationNumber": "290020191000000123",
        "itemNumber": "01",
        "importDate": "2019-04-20",
        "formname": "电镜",
    }
    assert ADAPTER.convert(CUSTOMS, row, run).problems == ()
    run.remember("supervised", "moe:10335/TEM-001", "否")
    (problem,) = ADAPTER.convert(CUSTOMS, row, run).problems
    assert problem.code == "CONTRADICTED"
    del row["importDate"]
    assert ("importDate", "MISSING") in {
        (each.path, each.code) for each in ADAPTER.convert(CUSTOMS, row, context()).problems
    }


def test_a_return_code_means_what_its_version_says() -> None:
    assert meaning_of("sender", "202") == (ReturnMeaning.BAD_DATA, "数据验证错误")
    assert meaning_of("record", "202") == (ReturnMeaning.BAD_FORM, "推送格式错误")
    assert meaning_of("record", "0")[0] is ReturnMeaning.INCOMPLETE
    for version in CODES:
        assert is_accepted(version, "100")
        assert meaning_of(version, "999")[0] is ReturnMeaning.UNKNOWN
        assert not is_accepted(version, "999")
        assert not is_accepted(version, "")
