from __future__ import annotations

from datetime import datetime

from schema.conform import conform
from schema.flat import assemble, columns
from schema.registry import standard


def test_a_row_of_cells_becomes_a_conforming_record() -> None:
    spec = standard()["Instrument"]
    wire = assemble(
        spec,
        {
            "institutionKey": "moe:10335",
            "localNo": 20180012345.0,
            "name.zh": "透射电子显微镜",
            "classes": "GB/T 32847-2016:010101；GB/T 32847-2016:010102",
            "status": "在用",
            "originalValue.amount": 5125000.5,
            "originalValue.currency": "CNY",
            "acceptedOn": "2018-05",
            "model": "",
        },
    )
    assert conform(spec, wire)[1] == []
    assert wire["localNo"] == "20180012345"
    assert wire["originalValue"] == {"amount": "5125000.5", "currency": "CNY"}
    assert [c["code"] for c in wire["classes"]] == ["010101", "010102"]


def test_a_local_time_becomes_utc_and_keeps_its_text() -> None:
    spec = standard()["Occupancy"]
    wire = assemble(
        spec,
        {
            "instrumentKey": "moe:10335/A1",
            "localId": "7",
            "kind": "MAINTENANCE",
            "certainty": "FIRM",
            "startAt": datetime(2026, 11, 2),  # noqa: DTZ001 - what a spreadsheet gives
            "endAt": "2026-11-02 09:30",
        },
    )
    assert conform(spec, wire)[1] == []
    assert wire["startAt"] == "2026-11-01T16:00:00Z"
    assert wire["endAt"] == "2026-11-02T01:30:00Z"
    assert {"path": "endAt", "text": "2026-11-02 09:30"} in wire["originals"]


def test_an_official_code_is_understood_and_a_wrong_one_is_left_for_conformance() -> None:
    spec = standard()["ServiceRecord"]
    cells = {"instrumentKey": "moe:10335/A1", "localId": "1", "collectionMethod": "SENSOR"}
    assert assemble(spec, {**cells, "purpose": "135"})["purpose"] == "RESEARCH"
    wrong = assemble(spec, {**cells, "purpose": "139"})
    assert [(p.path, p.value) for p in conform(spec, wrong)[1]] == [("purpose", "139")]


def test_open_periods_share_a_cell() -> None:
    spec = standard()["OpeningHours"]
    wire = assemble(
        spec,
        {
            "instrumentKey": "moe:10335/A1",
            "weekday": "MONDAY",
            "periods": "08:00-12:00; 13:00-17:00",
        },
    )
    assert wire["periods"][1] == {"opens": "13:00", "closes": "17:00"}


def test_required_items_are_required_columns() -> None:
    required = {column.path for column in columns(standard()["Instrument"]) if column.required}
    assert required == {"institutionKey", "localNo", "name.zh", "status"}
