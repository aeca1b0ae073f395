import csv
import io
import json
from pathlib import Path

import pytest
import xlsxwriter

from adapters.monthly_workbook import read_workbook, unused_sheets
from connectors.tables import read_table
from hub.intake.files.template import template
from schema.conform import conform
from schema.registry import standard

FIXTURE = Path(__file__).parent.parent.parent / "fixtures" / "monthly_workbook" / "source.json"
SHEETS = json.loads(FIXTURE.read_text("utf-8"))["sheets"]


def workbook(sheets):
    memory = io.BytesIO()
    with xlsxwriter.Workbook(memory, {"in_memory": True}) as book:
        for name, rows in sheets.items():
            sheet = book.add_worksheet(name)
            for number, row in enumerate(rows):
                sheet.write_row(number, 0, ["" if cell is None else cell for cell in row])
    return memory.getvalue()


def read(data):
    return list(read_workbook(read_table("workbook", data)))


def test_a_filled_workbook_becomes_records_with_sheet_and_row():
    rows = read(workbook(SHEETS))
    assert [(row.sheet, row.number, row.record_type) for row in rows] == [
        ("Instrument", 3, "Instrument"),
        ("Instrument", 5, "Instrument"),
        ("占用", 3, "Occupancy"),
    ]
    assert rows[0].record == {
        "institutionKey": "moe:10335",
        "localNo": "20210001",
        "name": {"zh": "扫描电子显微镜"},
        "classes": [{"scheme": "GB/T 32847", "version": "2016", "code": "010102"}],
        "originalValue": {"amount": "3265000.5", "currency": "CNY"},
        "status": "IN_SERVICE",
        "customsStatus": "UNKNOWN",
    }
    assert rows[1].record["localNo"] == "20210002"
    assert rows[1].record["status"] == "AWAITING_REPAIR"
    assert rows[2].record["startAt"] == "2026-11-02T01:00:00Z"
    for row in rows:
        assert conform(standard()[row.record_type], row.record)[1] == []


def test_sheets_of_other_names_are_left_alone_and_named():
    assert unused_sheets(read_table("workbook", workbook(SHEETS))) == ["说明"]


@pytest.mark.parametrize("charset", ["utf-8-sig", "gbk"])
@pytest.mark.parametrize("titled", [True, False])
def test_a_csv_file_is_recognised_by_its_columns(charset, titled):
    rows = SHEETS["占用"] if titled else SHEETS["占用"][1:]
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    (row,) = read(text.getvalue().encode(charset))
    assert row.record_type == "Occupancy"
    assert row.record["kind"] == "MAINTENANCE"
    assert row.number == len(rows)


def test_a_csv_file_of_unknown_columns_is_refused_whole():
    (row,) = read(b"a,b\n1,2\n")
    assert row.record is None
    assert [problem.code for problem in row.problems] == ["HEADER_UNKNOWN"]


def test_an_unknown_repeated_or_missing_column_is_an_error_and_not_ignored():
    header = ["institutionKey", "localNo", "localNo", "name.zh", "colour", None, "model"]
    rows = read(workbook({"Instrument": [["x"], header, ["moe:10335", "1", "1", "n", "red"]]}))
    (row,) = rows
    assert row.record is None
    assert [(problem.path, problem.code) for problem in row.problems] == [
        ("colour", "COLUMN_UNKNOWN"),
        ("#6", "COLUMN_UNKNOWN"),
        ("localNo", "COLUMN_REPEATED"),
        ("status", "COLUMN_MISSING"),
    ]


def test_content_beyond_the_last_column_is_reported():
    rows = [*SHEETS["占用"][:2], [*SHEETS["占用"][2], "lost?"]]
    (row,) = read(workbook({"占用": rows}))
    assert row.record is None
    assert row.problems[0].code == "CELL_WITHOUT_COLUMN"


def test_the_generated_template_is_read_without_a_complaint():
    assert read(template()) == []


def test_every_column_of_the_template_is_known_to_the_reader():
    rows = {}
    for row in read_table("workbook", template()):
        rows.setdefault(row.sheet, []).append(list(row.cells))
    filled = {
        name: [*header, ["x"] * len([cell for cell in header[1] if cell])]
        for name, header in rows.items()
        if name in standard().names
    }
    made = read(workbook(filled))
    assert {row.record_type for row in made} == set(filled)
    assert all(row.record is not None for row in made)
