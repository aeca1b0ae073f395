"""What is found out about files: kind, encoding, delimiter, sheet, header row, epoch."""

from __future__ import annotations

import json
from datetime import date, datetime
from typing import Any

import pytest

from adapters.mapping import FileFacts, Table
from adapters.mapping.table import ROW_NUMBER_COLUMN
from connectors.errors import PayloadError
from hub.intake.files.tables import read_file
from tests.unit.mapping.old_workbook import xls
from tests.workbooks import workbook_of

LINES = [["编号", "名称"], ["001", "扫描电镜"], ["", ""], ["002", "质谱仪，三重四极杆"]]
day = datetime.fromisoformat


def read(data: bytes, *wanted: str, **facts: Any) -> Table:
    return read_file("file", data, FileFacts(**facts), wanted)


def contents(table: Table) -> list[tuple[int, tuple[Any, ...]]]:
    return [(row.number, row.cells) for row in table.rows]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "gbk", "utf-16", "utf-32"])
@pytest.mark.parametrize("delimiter", [",", "\t", ";", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_text_file_is_read_whatever_it_was_saved_as(
    encoding: str, delimiter: str, end: str
) -> None:
    text = end.join(delimiter.join(line) for line in LINES)
    table = read(text.encode(encoding))
    assert [column.name for column in table.columns] == ["编号", "名称"]
    assert contents(table) == [(2, ("001", "扫描电镜")), (4, ("002", "质谱仪，三重四极杆"))]


def test_an_encoding_that_cannot_be_found_out_can_be_stated() -> None:
    data = "編號,名稱\n1,電鏡".encode("big5")
    assert read(data, encoding="big5").rows[0].cells == ("1", "電鏡")
    with pytest.raises(PayloadError) as caught:
        read(data, encoding="utf-8")
    assert "encoding" in caught.value.hint


def test_bytes_that_are_no_text_are_refused() -> None:
    with pytest.raises(PayloadError):
        read(b"\x00\x01\x02\xff" * 30)


def test_a_quoted_cell_may_hold_delimiters_and_line_breaks() -> None:
    table = read(b'a,b\n"1,\n2",x\n')
    assert table.rows[0].cells == ("1,\n2", "x")


def test_inch_marks_in_a_tab_separated_file_are_no_quotation() -> None:
    table = read(b'no\tname\n1\t"2 inch wafer\n2\tb')
    assert [row.cells[1] for row in table.rows] == ['"2 inch wafer', "b"]


def test_a_line_with_an_open_quotation_mark_is_one_bad_row_and_the_rest_is_read() -> None:
    table = read(b'a,b\n1,x\n"2,y\n"3\n4",z\n5,w\n')
    assert contents(table) == [
        (2, ("1", "x")),
        (3, ('"2,y',)),
        (4, ("3\n4", "z")),
        (5, ("5", "w")),
    ]
    assert [row.unread.code if row.unread else "" for row in table.rows] == [
        "",
        "NOT_CELLS",
        "",
        "",
    ]
    last = read(b'a,b\n1,x\n2,"y').rows
    assert [(row.number, row.unread is None) for row in last] == [(2, True), (3, False)]


def test_a_file_of_which_no_line_can_be_parted_is_refused_whole() -> None:
    with pytest.raises(PayloadError) as caught:
        read(b'"a,b\n"1,2\n"3')
    assert "quotation" in caught.value.hint


def test_a_broken_line_of_json_is_one_bad_row_wherever_it_stands() -> None:
    for lines in (
        ['{"a": 1}', '{"a": 2', '{"a": 3}'],
        ['{"a": ', '{"a": 2}', '{"a": 3}'],
        ['{"a": 1}', "[1]", '{"a": 3}'],
    ):
        table = read("\n".join(lines).encode())
        assert [column.name for column in table.columns] == ["a"]
        bad = [row for row in table.rows if row.unread]
        assert [row.unread.code for row in bad if row.unread] == ["NOT_JSON"]
        assert bad[0].cells == (lines[bad[0].number - 1].strip(),)
        assert len(table.rows) == 3


def test_the_header_is_found_below_titles_by_the_columns_that_are_wanted() -> None:
    lines = "某大学设备台账,,\n填表日期,2026-01-01,\n编号,名称,备注\n1,电镜,\n"
    table = read(lines.encode(), "编号", "名称")
    assert (table.header_row, len(table.above), len(table.rows)) == (3, 2, 1)
    assert read(lines.encode(), header_row=2).columns[0].name == "填表日期"


def test_of_several_sheets_the_one_with_the_wanted_columns_is_taken_or_one_must_be_named() -> None:
    data = workbook_of({"说明": [["请填写"]], "台账": LINES, "旧": [["x"], ["y"]]})
    assert read(data, "编号", "名称").sheet == "台账"
    assert read(data, "编号", sheet="旧").rows[0].cells == ("y",)
    for facts in ({}, {"sheet": "没有"}):
        with pytest.raises(PayloadError) as caught:
            read(data, **facts)
        assert "台账" in caught.value.detail


def test_columns_of_one_name_are_numbered_and_blank_ones_between_have_a_position() -> None:
    table = read("价格,价格,,备注\n1,2,3,4\n".encode())
    assert [(column.position, column.name) for column in table.columns] == [
        (1, "价格"),
        (2, "价格#2"),
        (3, ""),
        (4, "备注"),
    ]
    assert len(read("价格,,备注\n1,,4\n".encode()).columns) == 2


@pytest.mark.parametrize("marked", [False, True])
def test_days_of_a_workbook_are_the_same_whatever_epoch_it_counts_from(marked: bool) -> None:
    data = workbook_of({"A": [["日期"], [day("2021-06-05")]]}, date_1904=marked)
    for stated in (None, marked):
        (row,) = read(data, dates_1904=stated).rows
        assert str(row.cells[0])[:10] == "2021-06-05"
    (row,) = read(data, dates_1904=not marked).rows
    assert str(row.cells[0])[:10] == ("2017-06-04" if marked else "2025-06-06")


@pytest.mark.parametrize(("from_1904", "number"), [(False, 44352.0), (True, 42890.0)])
def test_the_old_workbook_format_is_read_with_either_epoch(from_1904: bool, number: float) -> None:
    rows: list[list[str | float | None]] = [
        ["编号", "日期"],
        ["001", number],
        [None],
        [7.0, number],
    ]
    table = read(xls(rows, days=(1,), from_1904=from_1904))
    assert table.sheet == "A"
    assert [row.number for row in table.rows] == [2, 4]
    assert [row.cells[0] for row in table.rows] == ["001", 7]
    for row in table.rows:
        assert isinstance(row.cells[1], date)
        assert row.cells[1].isoformat()[:10] == "2021-06-05"


@pytest.mark.parametrize(
    ("document", "rows_at"),
    [
        ([{"a": 1, "b": {"c": "x"}}, {"a": 2, "d": ["y"]}], ""),
        ({"data": {"rows": [{"a": 1, "b": {"c": "x"}}, {"a": 2, "d": ["y"]}]}}, "data.rows"),
        ({"all": {"p": {"a": 1, "b": {"c": "x"}}, "q": {"a": 2, "d": ["y"]}}}, "*.*"),
    ],
)
def test_rows_of_a_json_document_become_a_table(document: Any, rows_at: str) -> None:
    table = read(json.dumps(document).encode(), rows_at=rows_at)
    assert [column.name for column in table.columns] == ["a", "b.c", "d"]
    assert contents(table) == [(1, (1, "x", None)), (2, (2, None, ["y"]))]


def test_lines_of_json_become_a_table() -> None:
    table = read(b'{"a": 1.50}\n\n{"a": null, "b": "x"}\n')
    assert [row.number for row in table.rows] == [1, 3]
    assert str(table.rows[0].cells[0]) == "1.50"


def test_a_json_document_without_rows_says_how_to_name_them() -> None:
    with pytest.raises(PayloadError) as caught:
        read(b"[1, 2]", rows_at="data")
    assert "rows_at" in caught.value.hint


def test_json_nested_beyond_reason_is_refused_and_breaks_nothing() -> None:
    with pytest.raises(PayloadError):
        read(b"[" * 200_000)


def test_the_column_of_row_numbers_is_taken_off_and_gives_the_numbers() -> None:
    data = workbook_of({"A": [[ROW_NUMBER_COLUMN, "编号"], [17, "x"], [23, "y"], [24, None]]})
    table = read(data, "编号")
    assert [column.position for column in table.columns] == [1]
    assert contents(table) == [(17, ("x",)), (23, ("y",))]


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"<html><table></table></html>", "web page"),
        (b"\xef\xbb\xbf  <!DOCTYPE html><p>x", "web page"),
        (b'<?xml version="1.0"?><Workbook/>', "web page"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le"), "password"),
    ],
)
def test_what_only_looks_like_a_workbook_is_called_what_it_is(data: bytes, says: str) -> None:
    with pytest.raises(PayloadError) as caught:
        read(data)
    assert says in caught.value.detail
    assert any("\u4e00" <= each <= "\u9fff" for each in caught.value.detail)
