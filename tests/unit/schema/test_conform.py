from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema.codes import InstrumentStatus
from schema.conform import _is_clean, _object, _shape, conform, decode
from schema.errors import ConformanceError, Problem
from schema.registry import standard

INSTRUMENT = standard()["Instrument"]
SERVICE = standard()["ServiceRecord"]


def instrument(**changed: Any) -> dict[str, Any]:
    wire = {
        "institutionKey": "uscc:12100000470095016Q",
        "localNo": "20180012345",
        "name": {"zh": "场发射透射电子显微镜", "en": "Field emission TEM"},
        "classes": [{"scheme": "GB/T 32847", "version": "2016", "code": "010101"}],
        "status": "IN_SERVICE",
        "originalValue": {"amount": "5125000.00", "currency": "CNY"},
        "acceptedOn": "2018-05",
    }
    wire.update(changed)
    return {name: value for name, value in wire.items() if value is not ...}


def service(**changed: Any) -> dict[str, Any]:
    wire = {
        "instrumentKey": "uscc:12100000470095016Q/20180012345",
        "localId": "R-1",
        "startedAt": "2026-11-02T01:00:00Z",
        "endedAt": "2026-11-02T04:00:00Z",
        "hours": "3.0",
        "purpose": "RESEARCH",
        "collectionMethod": "SENSOR",
    }
    wire.update(changed)
    return wire


def codes(spec: Any, wire: Any) -> list[tuple[str, str]]:
    return [(p.path, p.code) for p in conform(spec, wire)[1]]


def test_a_conforming_row_passes_unchanged() -> None:
    wire, problems = conform(INSTRUMENT, instrument())
    assert problems == []
    assert wire == instrument()


def test_null_means_absent() -> None:
    wire, problems = conform(INSTRUMENT, instrument(model=None))
    assert problems == []
    assert "model" not in wire


def test_all_problems_of_a_row_are_reported_at_once() -> None:
    bad = instrument(
        institutionKey="uscc:12330000470095070P",
        name=...,
        status="BROKEN",
        colour="red",
        originalValue={"amount": 5, "currency": "XXX"},
        acceptedOn="2018-13",
    )
    found = dict(codes(INSTRUMENT, bad))
    assert set(found) == {
        "institutionKey",
        "name",
        "status",
        "colour",
        "originalValue.amount",
        "originalValue.currency",
        "acceptedOn",
    }


def test_a_problem_speaks_chinese_and_english_and_repeats_the_value() -> None:
    (problem,) = conform(INSTRUMENT, instrument(status="BROKEN"))[1]
    assert problem.value == "BROKEN"
    assert "代码" in problem.zh
    assert "must be one of" in problem.en


def test_a_bad_personal_value_is_not_repeated() -> None:
    (problem,) = conform(SERVICE, service(userReference=" 张三 "))[1]
    assert problem.value is None


@pytest.mark.parametrize(
    ("change", "path", "code"),
    [
        ({"localNo": "a/b"}, "localNo", "MISSHAPEN"),
        ({"localNo": " a"}, "localNo", "NOT_TRIMMED"),
        ({"model": "e\u0301"}, "model", "NOT_NFC"),
        ({"model": "a\x07b"}, "model", "CONTROL_CHARACTER"),
        ({"model": "x" * 101}, "model", "TOO_LONG"),
        ({"model": 7}, "model", "NOT_TEXT"),
        ({"joinedOn": "2026-02-30"}, "joinedOn", "NOT_DATE"),
        ({"originCountry": "ZZZ"}, "originCountry", "COUNTRY_UNKNOWN"),
        ({"annualHours": 9001}, "annualHours", "OUT_OF_RANGE"),
        ({"annualHours": True}, "annualHours", "NOT_INTEGER"),
        ({"topics": "芯片"}, "topics", "NOT_LIST"),
        ({"topics": ["t"] * 65}, "topics", "TOO_MANY"),
        ({"place": "Hangzhou"}, "place", "NOT_OBJECT"),
        ({"place": {"divisionCode": "339999"}}, "place.divisionCode", "DIVISION_UNKNOWN"),
        (
            {"classes": [{"scheme": "GB/T 32847", "version": "2016", "code": "010777"}]},
            "classes.0.code",
            "CODE_UNKNOWN",
        ),
        ({"originalValue": {"amount": "-1", "currency": "CNY"}}, "originalValue.amount", None),
        ({"originalValue": {"amount": "1e5", "currency": "CNY"}}, "originalValue.amount", None),
    ],
)
def test_a_flaw_is_named_by_path_and_code(
    change: dict[str, Any], path: str, code: str | None
) -> None:
    ((found_path, found_code),) = codes(INSTRUMENT, instrument(**change))
    assert found_path == path
    assert code is None or found_code == code


@pytest.mark.parametrize(
    ("change", "path", "code"),
    [
        ({"endedAt": "2026-11-02T00:00:00Z", "hours": None}, "endedAt", "INTERVAL_REVERSED"),
        ({"hours": "3.2"}, "hours", "HOURS_EXCEED_INTERVAL"),
        ({"purpose": "OTHER"}, "taxRecord", "TAX_RECORD_MISSING"),
        ({"outsidePremises": True}, "outsideAddress", "ADDRESS_MISSING"),
        ({"endedAt": "2026-11-02 04:00:00"}, "endedAt", "NOT_INSTANT"),
        ({"endedAt": "2026-11-02T04:00:00+08:00"}, "endedAt", "NOT_INSTANT"),
        ({"voucherFen": "100"}, "voucherFen", "NOT_INTEGER"),
    ],
)
def test_rules_over_several_items_hold(change: dict[str, Any], path: str, code: str) -> None:
    assert codes(SERVICE, service(**change)) == [(path, code)]


def test_open_periods_must_be_in_order() -> None:
    hours = {
        "instrumentKey": "moe:10335/A1",
        "weekday": "MONDAY",
        "periods": [{"opens": "13:00", "closes": "24:00"}, {"opens": "08:00", "closes": "12:00"}],
    }
    assert codes(standard()["OpeningHours"], hours) == [("periods.1", "PERIODS_OVERLAP")]


def test_decode_returns_the_record_with_typed_values() -> None:
    made = decode(INSTRUMENT, instrument())
    assert made.status is InstrumentStatus.IN_SERVICE
    assert made.original_value.amount == Decimal("5125000.00")
    assert str(made.accepted_on) == "2018-05"


def test_decode_refuses_with_every_problem() -> None:
    with pytest.raises(ConformanceError) as refused:
        decode(INSTRUMENT, instrument(status="X", model=7))
    assert {p.path for p in refused.value.problems} == {"status", "model"}


def test_what_is_not_an_object_is_one_problem() -> None:
    assert codes(INSTRUMENT, ["not", "an", "object"]) == [("Instrument", "NOT_OBJECT")]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.text(max_size=12)
    | st.sampled_from(["IDLE", "2020-02-30", "1899", "2018-05", " x", "x\n", "e\u0301", "010101"]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from(["zh", "en", "amount", "code", "x"]), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip


@given(name=st.sampled_from([item.wire for item in INSTRUMENT.items]), value=JSON)
def test_the_short_way_never_passes_what_the_long_way_finds_fault_with(
    name: str, value: Any
) -> None:
    row = instrument(**{name: value})
    long: list[Problem] = []
    wire = _object(INSTRUMENT, row, "", long)
    short = _is_clean(_shape(INSTRUMENT), row)
    assert not (short and long)
    if not long and value is not None:
        found, problems = conform(INSTRUMENT, row)
        assert found == wire
        assert problems == conform(INSTRUMENT, {**row, "rules": None})[1]


def test_most_rows_go_the_short_way() -> None:
    assert _is_clean(_shape(INSTRUMENT), instrument())
    assert _is_clean(_shape(SERVICE), service())
    assert not _is_clean(_shape(INSTRUMENT), instrument(model=None))
    assert conform(INSTRUMENT, instrument(model=None))[0] == instrument()
