"""Every format gives back what went in, read by a reader that is not the hub's."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from python_calamine import CalamineWorkbook

from adapters.catalogue.uniquip import plain_cell
from hub.exchange.exports.formats import ExportFormat, FormatError, csv_cell
from hub.query.sql.streaming import ColumnKind, StreamColumn

COLUMNS = (
    StreamColumn(("key",), ColumnKind.TEXT),
    StreamColumn(("name", "zh"), ColumnKind.TEXT),
    StreamColumn(("hours",), ColumnKind.INTEGER),
    StreamColumn(("open",), ColumnKind.FLAG),
    StreamColumn(("classes",), ColumnKind.JSON),
)
ODD = (
    "=1+1",
    "+86 21",
    "@x",
    "-3.5",
    "'=x",
    "'",
    "\t=1",
    'a"b',
    "a,b",
    "两\n行",
    " 边 ",
    "-",
    "1e5",
)


def row(key: str, zh: str | None = "电镜", hours: int | None = 3, **more: Any) -> bytes:
    name = None if zh is None else {"zh": zh}
    made = {"key": key, "name": name, "hours": hours, "open": True, "classes": ["a"], **more}
    return json.dumps(made, ensure_ascii=False).encode()


def written(form: ExportFormat, folder: Path, rows: Sequence[bytes]) -> bytes:
    out = io.BytesIO()
    writer = form.value.write(out, COLUMNS, folder)
    try:
        writer.add(rows)
        writer.add([])
    finally:
        writer.close()
    return out.getvalue()


def test_lines_are_the_rows_as_they_were_built(tmp_path: Path) -> None:
    rows = [row("a"), row("b", None)]
    assert written(ExportFormat.NDJSON, tmp_path, rows).splitlines() == rows


def test_a_table_has_a_column_for_each_value(tmp_path: Path) -> None:
    data = written(ExportFormat.CSV, tmp_path, [row("a"), row("b", None, None, open=False)])
    assert data.startswith(b"\xef\xbb\xbf")
    assert list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""))) == [
        ["key", "name.zh", "hours", "open", "classes"],
        ["a", "电镜", "3", "true", '["a"]'],
        ["b", "", "", "false", '["a"]'],
    ]


def test_an_absent_text_is_no_empty_text(tmp_path: Path) -> None:
    lines = written(ExportFormat.CSV, tmp_path, [row("a", ""), row("b", None)]).splitlines()
    assert lines[1].startswith(b'"a","",') and lines[2].startswith(b'"b",,')


@pytest.mark.parametrize("text", ODD)
def test_no_text_becomes_a_formula_and_none_is_changed(tmp_path: Path, text: str) -> None:
    data = written(ExportFormat.CSV, tmp_path, [row(text)]).decode("utf-8-sig")
    cell = list(csv.reader(io.StringIO(data, newline="")))[1][0]
    assert not cell.startswith(("=", "+", "@", "\t", "\r")) or text == "-3.5"
    assert plain_cell(cell) == text.strip()
    workbook = written(ExportFormat.XLSX, tmp_path, [row(text)])
    sheet = CalamineWorkbook.from_filelike(io.BytesIO(workbook)).get_sheet_by_index(0)
    assert sheet.to_python(skip_empty_area=False)[1][0] == text
    assert b"<f>" not in workbook


def test_a_number_with_a_sign_is_no_formula() -> None:
    assert [csv_cell(each) for each in ("-3.5", "+1", "-", "-1.", "--1")] == [
        *('"-3.5"', '"+1"', '"\'-"', '"-1."', '"\'--1"')
    ]


def test_a_workbook_keeps_kinds(tmp_path: Path) -> None:
    rows = [row("007", hours=2**60), row("b", None, None, open=None)]
    workbook = written(ExportFormat.XLSX, tmp_path, rows)
    sheet = CalamineWorkbook.from_filelike(io.BytesIO(workbook)).get_sheet_by_name("export")
    assert sheet.to_python(skip_empty_area=False) == [
        ["key", "name.zh", "hours", "open", "classes"],
        ["007", "电镜", str(2**60), True, '["a"]'],
        ["b", "", "", "", '["a"]'],
    ]
    assert not list(tmp_path.iterdir()), "nothing is left over"


@pytest.mark.parametrize("text", ["x" * 32_768, "\N{GRINNING FACE}" * 16_384, "bell\x07"])
def test_what_no_cell_can_hold_fails_and_is_not_cut_off(tmp_path: Path, text: str) -> None:
    with pytest.raises(FormatError, match=r"name\.zh"):
        written(ExportFormat.XLSX, tmp_path, [row("a", text)])
    assert (
        json.loads(written(ExportFormat.NDJSON, tmp_path, [row("a", text)]))["name"]["zh"] == text
    )


def test_an_empty_list_still_has_its_columns(tmp_path: Path) -> None:
    assert written(ExportFormat.NDJSON, tmp_path, []) == b""
    assert written(ExportFormat.CSV, tmp_path, []).decode("utf-8-sig").count("\r\n") == 1
