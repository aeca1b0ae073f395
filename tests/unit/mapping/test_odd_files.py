"""Files that are not what their name says, or not what a spreadsheet program would write."""

from __future__ import annotations

import io
import struct
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter

from adapters.mapping import FileFacts
from connectors.errors import PayloadError
from hub.intake.files.monthly import read_monthly
from hub.intake.files.service import GivenFile, read_given
from hub.intake.files.tables import read_file
from tests.odd_workbooks import ods, ods_cell, ods_row, with_part, without_end
from tests.unit.mapping.old_workbook import xls
from tests.unit.mapping.reading import INSTRUMENT, item, read, told
from tests.workbooks import workbook_of

RULE = f'{INSTRUMENT}model = "model"\n'
HEAD = ["no", "name", "model"]
PAGE = """<html><head><meta http-equiv="Content-Type" content="text/html; charset=gb2312">
<style>td {mso-number-format:"\\@"}</style><title>台账</title></head><body>
<table border=1><tr><th>no<th>name<th>model</tr>
<tr><td>001</td><td>扫描<br>电镜 &amp; 附件</td><td rowspan=2>SU</td></tr>
<tr><td>002</td><td><b>质谱</b><script>alert("x")</script></td></tr>
<tr><td>003<td>光谱<td><table><tr><td>inner</td></tr></table></tr></table></body></html>"""
XML = """<?xml version="1.0" encoding="UTF-8"?><?mso-application progid="Excel.Sheet"?>
<Workbook xmlns="urn:schemas-microsoft-com:office:spreadsheet"
 xmlns:ss="urn:schemas-microsoft-com:office:spreadsheet">
<Worksheet ss:Name="台账"><Table><Row><Cell><Data ss:Type="String">no</Data></Cell>
<Cell><Data ss:Type="String">name</Data></Cell>
<Cell><Data ss:Type="String">model</Data></Cell></Row>
<Row ss:Index="3"><Cell><Data ss:Type="Number">7</Data></Cell>
<Cell><Data ss:Type="String">电镜</Data></Cell>
<Cell ss:MergeDown="1"><Data ss:Type="String">SU</Data></Cell></Row>
<Row><Cell><Data ss:Type="Number">8</Data></Cell>
<Cell><Data ss:Type="String">质谱</Data></Cell></Row>
<Row><Cell><Data ss:Type="Number">9</Data></Cell><Cell><Data ss:Type="String">光谱</Data></Cell>
<Cell ss:Formula="=1/0"><Data ss:Type="Error">#DIV/0!</Data></Cell></Row></Table></Worksheet>
</Workbook>"""


def rows(data: bytes, **facts: Any) -> list[tuple[int, tuple[Any, ...]]]:
    table = read_file("台账.xls", data, FileFacts(**facts), {"no", "name", "model"})
    return [(row.number, row.cells) for row in table.rows]


def refusal(data: bytes) -> str:
    with pytest.raises(PayloadError) as caught:
        read_given(GivenFile(name="台账.xlsx", data=data, source="s", mapping_text=None))
    said = f"{caught.value.detail} {caught.value.hint}"
    assert any(character >= "\u4e00" for character in said), "in Chinese"
    assert any(character.isascii() and character.isalpha() for character in said), "in English"
    return said


def test_a_web_page_that_was_saved_as_xls_is_read_as_the_table_that_it_shows() -> None:
    expected = [
        (2, ("001", "扫描\n电镜 & 附件", "SU")),
        (3, ("002", "质谱", "SU")),
        (4, ("003", "光谱", "inner")),
    ]
    assert rows(PAGE.encode("gb18030")) == expected
    assert rows(PAGE.replace("gb2312", "utf-8").encode("utf-8-sig")) == expected
    assert rows(b"<!-- made by a system -->\r\n" + PAGE.encode("gb18030")) == expected
    two = PAGE.replace("</body>", "<table><tr><td>x</td></tr></table></body>")
    assert len(rows(two.encode("gb18030"))) == 3, "the table with the wanted columns is meant"
    assert "没有表格" in refusal("<html><body>请登录</body></html>".encode())


def test_an_xml_spreadsheet_is_read_with_its_types_and_row_numbers() -> None:
    expected = [
        (3, (7, "电镜", "SU")),
        (4, (8, "质谱", "SU")),
        (5, (9, "光谱", "#DIV/0!")),
    ]
    assert rows(XML.encode()) == expected
    assert told(read(XML.encode(), RULE))[2] == ["CELL_ERROR"]
    assert "damaged" in refusal(XML[:-30].encode())
    entity = XML.replace("<Workbook ", '<!DOCTYPE x [<!ENTITY a "aaa">]><Workbook ', 1)
    assert "damaged" in refusal(entity.encode())


def test_a_formatted_cell_in_the_last_row_costs_none_of_the_rows_there_are() -> None:
    memory = io.BytesIO()
    with xlsxwriter.Workbook(memory) as book:
        sheet, yellow = book.add_worksheet("A"), book.add_format({"bg_color": "#FFFF00"})
        for at in range(13):
            sheet.write_row(at, 0, HEAD if not at else [str(at), "电镜", "SU"])
        sheet.write_blank(1_048_575, 4, None, yellow)
        sheet.write_blank(20, 16_383, None, yellow)
        sheet.set_row(1_048_575, 30)
    assert len(rows(memory.getvalue())) == 12
    styled = '<table:table-cell table:style-name="y" table:number-columns-repeated="1024"/>'
    table = ods_row(*HEAD) + ods_row("1", "电镜", "SU") + ods_row(styled, repeated=1_048_574)
    assert rows(ods({"A": table})) == [(2, ("1", "电镜", "SU"))]
    blank = (0x0201, struct.pack("<HHH", 65_535, 255, 0))
    assert len(rows(xls([HEAD, ["1", "电镜", "SU"]], records=(blank,)))) == 1  # type: ignore[list-item]


ERROR = ods_cell("#N/A", 'table:formula="of:=NA()" calcext:value-type="error"')
OLD_ERROR = (
    '<table:table-cell table:formula="of:=1/0" office:value-type="float" office:value="0">'
    "<text:p>#DIV/0!</text:p></table:table-cell>"
)
NO_RESULT = '<table:table-cell table:formula="of:=[.A1]"/>'
MERGED = ods_cell("SU", 'table:number-rows-spanned="2"')
COVERED = "<table:covered-table-cell/>"


def test_errors_formulas_without_result_and_merged_cells_of_an_ods_are_no_blank_cells() -> None:
    cells = [ERROR, OLD_ERROR, NO_RESULT, MERGED, COVERED, ods_cell("plain")]
    table = ods_row(*HEAD) + "".join(ods_row(str(n), "电镜", c) for n, c in enumerate(cells))
    mapped = told(read(ods({"A": table}), RULE))
    assert mapped[:3] == [["CELL_ERROR"], ["CELL_ERROR"], ["FORMULA_WITHOUT_RESULT"]]
    assert item(mapped[3:], "model") == ["SU", "SU", "plain"]
    only = ods_row(*HEAD[:2], "model") + ods_row("1", "电镜", ERROR)
    assert told(read(ods({"A": only}), RULE)) == [["CELL_ERROR"]], "in the last column alone"


def test_errors_and_merged_cells_of_an_xls_are_no_blank_cells() -> None:
    def formula(row: int, result: bytes) -> tuple[int, bytes]:
        return 0x0006, struct.pack("<HHH", row, 2, 0) + result + b"\xff\xff" + bytes(8)

    records = (
        (0x0205, struct.pack("<HHHBB", 1, 2, 0, 0x2A, 1)),
        formula(2, bytes([2, 0, 0x07, 0, 0, 0])),
        formula(3, bytes(6)),
        (0x0204, struct.pack("<HHHHB", 4, 2, 0, 2, 1) + "SU".encode("utf-16-le")),
        (0x00E5, struct.pack("<HHHHH", 1, 4, 5, 2, 2)),
    )
    table = [HEAD, *([str(n), "电镜", None] for n in range(1, 6))]
    mapped = told(read(xls(table, records=records), RULE))  # type: ignore[arg-type]
    assert mapped[:3] == [["CELL_ERROR"], ["CELL_ERROR"], ["FORMULA_WITHOUT_RESULT"]]
    assert item(mapped[3:], "model") == ["SU", "SU"]


BOOK = workbook_of({"A": [HEAD, ["1", "电镜", "SU"]]})


def test_what_a_file_is_follows_from_its_bytes_and_not_from_its_name(tmp_path: Path) -> None:
    assert len(told(read(b"no,name,model\n1,A,B\n", RULE))) == 1
    assert rows(BOOK) == [(2, ("1", "电镜", "SU"))]
    macros = with_part(BOOK, "xl/vbaProject.bin", b"\xd0\xcf\x11\xe0" + bytes(2_000))
    assert rows(macros) == [(2, ("1", "电镜", "SU"))]


def test_files_that_hold_no_table_are_named_in_both_languages() -> None:
    assert "不完整" in refusal(without_end(BOOK))
    assert "空" in refusal(b"") or "empty" in refusal(b"")
    assert "密码" in refusal(xls([HEAD], records=())[:512] + "EncryptedPackage".encode("utf-16-le"))
    given = GivenFile(name="x", data=b"no,name,model\n\n\n", source="s", mapping_text=RULE)
    with pytest.raises(PayloadError, match="没有数据行"):
        read_given(given)


def test_a_locked_xls_and_a_locked_ods_are_said_to_be_locked() -> None:
    locked = xls([HEAD], records=())
    at = locked.index(struct.pack("<HHH", 0x0042, 2, 1200))
    password = struct.pack("<HHH", 0x002F, 2, 1)
    assert "密码" in refusal(locked[:at] + password + locked[at + 6 :])
    locked_ods = ods({"A": ods_row(*HEAD)}, encryption="<m:encryption-data/>")
    assert "密码" in refusal(locked_ods)


def test_hidden_sheets_are_left_alone_and_named_and_hidden_rows_are_read() -> None:
    memory = io.BytesIO()
    with xlsxwriter.Workbook(memory) as book:
        for name, cell in (("旧表", "old"), ("台账", "new")):
            sheet = book.add_worksheet(name)
            sheet.write_row(0, 0, HEAD)
            sheet.write_row(1, 0, [cell, "电镜", "SU"])
        book.get_worksheet_by_name("旧表").hide()
        book.get_worksheet_by_name("台账").set_row(1, None, None, {"hidden": True})
        book.get_worksheet_by_name("台账").activate()
    assert [cells[0] for _, cells in rows(memory.getvalue())] == ["new"]
    assert [cells[0] for _, cells in rows(memory.getvalue(), sheet="旧表")] == ["old"]
    memory = io.BytesIO()
    with xlsxwriter.Workbook(memory) as book:
        for name in ("Instrument", "Centre"):
            sheet = book.add_worksheet(name)
            sheet.write_row(0, 0, ["institutionKey", "localNo", "name.zh", "status"])
            sheet.write_row(1, 0, ["moe:10335", "1", "电镜", "在用"])
        book.get_worksheet_by_name("Centre").hide()
    monthly = read_monthly("月报.xlsx", memory.getvalue(), "s")
    assert [each.table.sheet for each in monthly.read] == ["Instrument"]
    assert monthly.left_alone == ("Centre（隐藏 hidden）",)
