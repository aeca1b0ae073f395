"""A catalogue of any length goes in parts, and becomes what it becomes when it is read whole."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter

from adapters.catalogue.uniquip import COLUMNS
from connectors.errors import PayloadError
from hub.intake.files.cutting import parts_of
from hub.intake.files.large import open_large
from hub.intake.files.service import GivenFile, read_given

INSTITUTION = "moe:10335"
ROWS_OF_A_PART = 4


def line(number: str, name: str = "扫描电镜", **more: str) -> dict[str, str]:
    cells = {
        "type": "equipment",
        "institutionID": number,
        "name": name,
        "description": "微观形貌",
        "manufacturer": "JEOL",
        "commissionedDate": "2020-05-01",
        "contactName": "张某某",
    }
    return {**dict.fromkeys(COLUMNS, ""), **cells, **more}


def document(number: str, name: str = "扫描电镜", **more: Any) -> dict[str, Any]:
    return {
        "identifier": {"identifier": f"10.5072/{number}", "identifierType": "DOI"},
        "schemaVersion": "1.0",
        "landingPage": "https://book.example.edu.cn/1",
        "name": name,
        "owners": [{"ownerName": "another institution"}],
        "manufacturers": [{"manufacturerName": "日本电子"}],
        "measuredVariables": ["current"],
        **more,
    }


LINES = [line(f"A{at}") for at in range(9)]
LINES[2] = line("A2", "")
LINES[6] = line("A1", "另一台")  # in another part than the one whose number it has
LINES[7] = line("A3")  # the same again
DOCUMENTS = [document(f"i{at}") for at in range(9)]
DOCUMENTS[2] = document("i2", "")
DOCUMENTS[5] = document("i5", model={"modelName": "JSM"}, note=None, price=12.5)
DOCUMENTS[6] = document("i1", "另一台")
DOCUMENTS[8] = {"name": "x", "identifier": {}, "landingPage": "y", "schemaVersion": "1.0"}


def csv_of(rows: Sequence[dict[str, str]]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, COLUMNS)
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode("utf-8-sig")


def book_of(rows: Sequence[dict[str, str]]) -> bytes:
    memory = io.BytesIO()
    with xlsxwriter.Workbook(memory, {"in_memory": True}) as book:
        sheet = book.add_worksheet("设备")
        for at, row in enumerate([list(COLUMNS), *(list(each.values()) for each in rows)]):
            sheet.write_row(at, 0, row)
    return memory.getvalue()


FILES = {
    "u.csv": csv_of(LINES),
    "u.xlsx": book_of(LINES),
    "p.json": json.dumps(DOCUMENTS, ensure_ascii=False, indent=4).encode(),
}


def given(name: str, data: bytes) -> GivenFile:
    return GivenFile(name=name, data=data, source="zju", institution=INSTITUTION)


def whole(name: str, data: bytes) -> dict[int, Any]:
    """What became of each row: its records, or the codes of what is wrong with it."""
    (table,) = read_given(given(name, data)).tables
    return {
        each.row.number: [problem.problem.code for problem in each.problems] or each.records
        for each in table.converted
    }


def in_parts(folder: Path, name: str, data: bytes) -> dict[int, Any]:
    path = folder / name
    path.write_bytes(data)
    became: dict[int, Any] = {}
    with open_large(path, None, units_are_right=False) as large:
        assert not large.is_monthly
        assert large.tables[0].record_type == "Instrument"
        parts = list(parts_of(large, ROWS_OF_A_PART))
        assert len(parts) == 3
        for part in parts:
            became |= {
                each.row.number: [one.problem.code for one in each.problems]
                for each in part.refused
            }
            if part.body:
                became |= whole(name, part.body)
    return became


@pytest.mark.parametrize("name", FILES)
def test_in_parts_a_catalogue_becomes_what_it_becomes_whole(tmp_path: Path, name: str) -> None:
    expected = whole(name, FILES[name])
    assert len(expected) == 9
    assert sum(isinstance(each, list) for each in expected.values()) >= 2
    assert ["KEY_REPEATED"] in expected.values()
    assert in_parts(tmp_path, name, FILES[name]) == expected


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("u.csv", csv_of(LINES).replace(b"contactName", b"keeper", 1)),
        ("p.json", json.dumps([*DOCUMENTS, {"no": "such form"}]).encode()),
        ("p.json", json.dumps([*DOCUMENTS, 3]).encode()),
    ],
)
def test_what_is_no_catalogue_whole_is_none_in_parts(
    tmp_path: Path, name: str, data: bytes
) -> None:
    with pytest.raises(Exception) as of_the_whole:
        whole(name, data)
    with pytest.raises((type(of_the_whole.value), PayloadError)):
        in_parts(tmp_path, name, data)
