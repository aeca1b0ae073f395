"""The monthly workbook: what is made of its sheets, headers and cells."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter

from adapters.mapping import Converted, Converter, MappingError, SourceRow, match_text
from adapters.mapping.monthly import header_problems, monthly_mapping
from adapters.mapping.table import Column
from connectors.tables import read_table
from hub.intake.files.monthly import MonthlyFile, read_monthly
from hub.intake.files.template import template
from schema.conform import conform
from schema.errors import Problem
from schema.flat import columns
from schema.registry import standard
from schema.traits import Reported

FIXTURE = Path(__file__).parents[2] / "fixtures" / "monthly_workbook" / "source.json"
SHEETS: dict[str, list[list[Any]]] = json.loads(FIXTURE.read_text("utf-8"))["sheets"]


def workbook(sheets: dict[str, list[list[Any]]]) -> bytes:
    memory = io.BytesIO()
    with xlsxwriter.Workbook(memory, {"in_memory": True}) as book:
        for name, rows in sheets.items():
            sheet = book.add_worksheet(name)
            for number, row in enumerate(rows):
                sheet.write_row(number, 0, ["" if cell is None else cell for cell in row])
    return memory.getvalue()


@dataclass(frozen=True)
class Row:
    """What became of one row, or of a header that cannot be read."""

    sheet: str
    number: int
    record_type: str
    record: dict[str, Any] | None
    problems: list[Problem]


def monthly(data: bytes) -> MonthlyFile:
    return read_monthly("workbook", data, "some-unit")


def read(data: bytes) -> list[Row]:
    return [
        Row(
            read.table.sheet,
            row.row.number,
            read.record_type,
            row.records[0][1] if row.records else None,
            [told.problem for told in row.problems],
        )
        for read in monthly(data).read
        for row in read.converted
    ]


def test_a_filled_workbook_becomes_records_with_sheet_and_row() -> None:
    rows = read(workbook(SHEETS))
    assert [(row.sheet, row.number, row.record_type) for row in rows] == [
        ("Instrument", 3, "Instrument"),
        ("Instrument", 5, "Instrument"),
        ("占用", 3, "Occupancy"),
    ]
    assert [row.problems for row in rows] == [[], [], []]
    first, second, third = (row.record or {} for row in rows)
    assert first == {
        "institutionKey": "moe:10335",
        "localNo": "20210001",
        "name": {"zh": "扫描电子显微镜"},
        "classes": [{"scheme": "GB/T 32847", "version": "2016", "code": "010102"}],
        "originalValue": {"amount": "3265000.5", "currency": "CNY"},
        "status": "IN_SERVICE",
        "customsStatus": "UNKNOWN",
    }
    assert second["localNo"] == "20210002"
    assert second["status"] == "AWAITING_REPAIR"
    assert third["startAt"] == "2026-11-02T01:00:00Z"


def test_sheets_of_other_names_are_left_alone_and_named() -> None:
    assert monthly(workbook(SHEETS)).left_alone == ("说明",)


def test_sheets_without_the_name_of_a_record_type_are_known_by_their_columns() -> None:
    told = monthly(workbook({"Sheet1": SHEETS["占用"], "Sheet2": [["备忘"]]}))
    assert [(each.table.sheet, each.record_type) for each in told.read] == [("Sheet1", "Occupancy")]
    assert told.left_alone == ("Sheet2",)


@pytest.mark.parametrize("charset", ["utf-8-sig", "gbk"])
@pytest.mark.parametrize("titled", [True, False])
def test_a_csv_file_is_recognised_by_its_columns(charset: str, titled: bool) -> None:
    rows = SHEETS["占用"] if titled else SHEETS["占用"][1:]
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    (row,) = read(text.getvalue().encode(charset))
    assert row.record_type == "Occupancy"
    assert row.record is not None
    assert row.record["kind"] == "MAINTENANCE"
    assert row.number == len(rows)


@pytest.mark.parametrize(
    "data", [b"a,b\n1,2\n", workbook({"仪器": [["编号", "名称"], ["1", "电镜"]]})]
)
def test_a_file_of_unknown_columns_is_refused_whole_and_told_what_to_do(data: bytes) -> None:
    with pytest.raises(MappingError) as caught:
        read(data)
    (problem,) = caught.value.problems
    assert problem.code == "HEADER_UNKNOWN"
    for words in (problem.zh, problem.en):
        assert "/standard/monthly_workbook.xlsx" in words
        assert "deltahub mapping suggest" in words


def test_an_unknown_repeated_or_missing_column_is_an_error_and_not_ignored() -> None:
    header = ["institutionKey", "localNo", "localNo", "name.zh", "colour", None, "model"]
    data = workbook({"Instrument": [["x"], header, ["moe:10335", "1", "1", "n", "red"]]})
    (row,) = read(data)
    assert row.record is None
    assert [(problem.path, problem.code) for problem in row.problems] == [
        ("colour", "COLUMN_UNKNOWN"),
        ("#6", "COLUMN_UNKNOWN"),
        ("localNo", "COLUMN_REPEATED"),
        ("status", "COLUMN_MISSING"),
    ]
    (table,) = monthly(data).read
    assert [told.columns for told in table.converted[0].problems] == [(5,), (6,), (3,), ()]
    assert table.cells_to_keep(table.converted[0].row) == {}
    assert [each.number for each in table.below] == [3]


def test_a_sheet_with_the_name_of_a_record_type_and_none_of_its_columns_is_no_silence() -> None:
    rows = read(workbook({**SHEETS, "Centre": [["名称", "电话"], ["电镜中心", "021-1"]]}))
    (row,) = [row for row in rows if row.sheet == "Centre"]
    assert [problem.code for problem in row.problems] == ["HEADER_UNKNOWN"]
    assert len(rows) == 4


def test_content_beyond_the_last_column_is_reported() -> None:
    rows = [*SHEETS["占用"][:2], [*SHEETS["占用"][2], "lost?"]]
    (row,) = read(workbook({"占用": rows}))
    assert row.record is None
    assert row.problems[0].code == "CELL_WITHOUT_COLUMN"


def test_the_generated_template_is_read_without_a_complaint() -> None:
    told = monthly(template())
    assert told.read == ()
    assert told.left_alone == ("说明",)
    assert set(told.empty) >= {"Instrument", "Occupancy", "UsageRecord", "ServiceRecord"}


def test_every_column_of_the_template_is_known_to_the_reader() -> None:
    rows: dict[str, list[list[Any]]] = {}
    for row in read_table("workbook", template()):
        rows.setdefault(row.sheet, []).append(list(row.cells))
    filled = {
        name: [*header, ["x"] * len([cell for cell in header[1] if cell])]
        for name, header in rows.items()
        if name in standard().names
    }
    told = monthly(workbook(filled)).read
    assert {each.record_type for each in told} == set(filled)
    for each in told:
        header = [match_text(str(cell)) for cell in filled[each.table.sheet][1]]
        assert [match_text(a) for a in each.file.mapping.addresses] == header
        assert each.below == ()


@pytest.mark.parametrize("record_type", standard().names)
def test_the_columns_of_every_record_type_lead_to_its_items(record_type: str) -> None:
    spec = standard()[record_type]
    header = SourceRow(2, tuple(column.path for column in columns(spec)))
    assert header_problems(spec, header) == ()
    rules = monthly_mapping(spec, header).records[0].rules
    assert [rule.slot.path for rule in rules] == [column.path for column in columns(spec)]


def convert(record_type: str, cells: dict[str, Any]) -> Converted:
    header = SourceRow(2, tuple(cells))
    mapping = monthly_mapping(standard()[record_type], header)
    named = [Column(at, name) for at, name in enumerate(cells, start=1)]
    (row,) = Converter(mapping, named).convert([SourceRow(3, tuple(cells.values()))])
    return row


def record(record_type: str, cells: dict[str, Any]) -> dict[str, Any]:
    row = convert(record_type, cells)
    assert row.problems == ()
    return row.records[0][1]


def test_a_row_of_cells_becomes_a_conforming_record() -> None:
    wire = record(
        "Instrument",
        {
            "institutionKey": "moe:10335",
            "localNo": 20180012345,
            "name.zh": "透射电子显微镜",
            "classes": "GB/T 32847-2016:010101；GB/T 32847-2016:010102",
            "status": "在用",
            "originalValue.amount": Decimal("5125000.5"),
            "originalValue.currency": "CNY",
            "acceptedOn": "2018-05",
            "model": "",
        },
    )
    assert wire["localNo"] == "20180012345"
    assert wire["originalValue"] == {"amount": "5125000.5", "currency": "CNY"}
    assert [c["code"] for c in wire["classes"]] == ["010101", "010102"]
    assert "model" not in wire


def test_a_local_time_becomes_utc_and_keeps_its_text() -> None:
    wire = record(
        "Occupancy",
        {
            "instrumentKey": "moe:10335/A1",
            "localId": "7",
            "kind": "MAINTENANCE",
            "certainty": "FIRM",
            "startAt": datetime(2026, 11, 2),  # noqa: DTZ001 - what a spreadsheet gives
            "endAt": "2026-11-02 09:30",
        },
    )
    assert wire["startAt"] == "2026-11-01T16:00:00Z"
    assert wire["endAt"] == "2026-11-02T01:30:00Z"
    assert {"path": "endAt", "text": "2026-11-02 09:30"} in wire["originals"]


def test_an_official_code_is_understood_and_a_wrong_one_is_told_by_the_standard() -> None:
    cells = {"instrumentKey": "moe:10335/A1", "localId": "1", "collectionMethod": "SENSOR"}
    assert record("ServiceRecord", {**cells, "purpose": "135"})["purpose"] == "RESEARCH"
    wrong = convert("ServiceRecord", {**cells, "purpose": "139"})
    assert [(each.problem.path, each.problem.value) for each in wrong.problems] == [
        ("purpose", "139")
    ]


def test_open_periods_share_a_cell() -> None:
    wire = record(
        "OpeningHours",
        {
            "instrumentKey": "moe:10335/A1",
            "weekday": "MONDAY",
            "periods": "08:00-12:00; 13:00-17:00",
        },
    )
    assert wire["periods"][1] == {"opens": "13:00", "closes": "17:00"}


def test_a_workbook_gives_the_longest_integers_too() -> None:
    cells = {
        "instrumentKey": "moe:10335/A1",
        "localId": "1",
        "collectionMethod": "SENSOR",
        "purpose": "135",
        "samplesCount": str(2**53 - 1),
    }
    wire = record("ServiceRecord", cells)
    assert wire["samplesCount"] == 2**53 - 1


REPORTED: dict[str, dict[str, Any]] = {
    "Centre": {
        "institutionKey": "moe:10335",
        "code": "C1",
        "name.zh": "分析测试中心",
        "kind": "分析测试中心",
        "postsCount": 12,
        "postsFilledCount": "9",
    },
    "Instrument": {
        "institutionKey": "moe:10335",
        "localNo": "A1",
        "name.zh": "透射电镜",
        "status": "在用",
    },
    "SharingConsent": {
        "instrumentKey": "moe:10335/A1",
        "mode": "OUTSIDE",
        "validFrom": "2026-01-01",
        "documentNo": "同意书 7",
    },
    "ServiceOffer": {"instrumentKey": "moe:10335/A1", "code": "S1", "audience": "OUTSIDE"},
    "OpeningHours": {"instrumentKey": "moe:10335/A1", "weekday": "MONDAY"},
    "OpeningException": {
        "instrumentKey": "moe:10335/A1",
        "firstOn": "2026年10月1日",
        "lastOn": datetime(2026, 10, 7),  # noqa: DTZ001 - what a spreadsheet gives
        "periods": "",
        "note": "国庆放假",
    },
    "Occupancy": {
        "instrumentKey": "moe:10335/A1",
        "localId": "7",
        "kind": "RESERVATION",
        "certainty": "FIRM",
        "startAt": "2026-11-02 08:00",
        "endAt": "2026-11-02 09:30",
    },
    "SensorBinding": {
        "instrumentKey": "moe:10335/A1",
        "sensor": "IOT-7",
        "boundAt": "2026-05-06 08:00",
        "commissionedOn": "2026-05-07",
        "intervalSeconds": "60",
    },
    "ServiceOrder": {
        "instrumentKey": "moe:10335/A1",
        "localId": "D-1",
        "state": "REQUESTED",
        "charge.amount": "80.00",
        "charge.currency": "CNY",
        "voucherFen": "2000",
    },
    "UsageRecord": {
        "instrumentKey": "moe:10335/A1",
        "localId": "1",
        "collectionMethod": "SENSOR",
    },
    "ServiceRecord": {
        "instrumentKey": "moe:10335/A1",
        "localId": "1",
        "collectionMethod": "SENSOR",
        "purpose": "135",
    },
    "CustomsSupervision": {
        "declarationNo": "223320231234567890",
        "itemNo": "1",
        "instrumentKey": "moe:10335/A1",
    },
    "CustomsReport": {
        "declarationNo": "223320231234567890",
        "itemNo": "1",
        "year": "2025",
        "instrumentKey": "moe:10335/A1",
    },
    "DutyPayment": {"instrumentKey": "moe:10335/A1", "recordNo": "B-1"},
}
"""What a unit reports, a row each. Offices state approvals and vouchers, sensors the days."""


def test_the_template_has_a_sheet_for_all_that_a_unit_reports_and_each_can_be_filled() -> None:
    names = [spec.name for spec, _ in standard().with_trait(Reported)]
    assert names == list(REPORTED)
    for name, cells in REPORTED.items():
        needed = {column.path for column in columns(standard()[name]) if column.required}
        wire = record(name, {**dict.fromkeys(sorted(needed), ""), **cells})
        spec = standard()[name]
        problems = conform(spec, wire)[1]
        assert problems == [], name


def test_an_exception_without_periods_is_a_closed_stretch_of_days() -> None:
    wire = record("OpeningException", REPORTED["OpeningException"])
    assert (wire["firstOn"], wire["lastOn"]) == ("2026-10-01", "2026-10-07")
    assert not wire.get("periods")
