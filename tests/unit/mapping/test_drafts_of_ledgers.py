"""Drafts for lists of equipment as they come: every kind of file, odd values, nothing unique."""

from __future__ import annotations

import json
from datetime import datetime

import pytest

from adapters.mapping import Converter, FileFacts, MappingError, parse_mapping, suggest
from hub.intake.files.tables import read_file
from tests.odd_workbooks import ods, ods_row
from tests.unit.mapping.old_workbook import xls
from tests.unit.mapping.reading import INSTRUMENT, item, read, told
from tests.workbooks import workbook_of

HEAD = [
    "资产编号",
    "资产名称",
    "单位名称",
    "规格型号",
    "购置日期",
    "单价(万元)",
    "使用状况",
    "开放时间",
]
ROWS = [
    ["2021001", "扫描电镜", "化学学院", "SU8010", "2021-06-01", "326.5", "在用", "8:00-17:00"],
    ["2021002", "质谱仪", "化学学院", "QE HF", "2021-12-01", "680", "待修", "8:00-17:00"],
    ["2021003", "X射线衍射仪", "物理学院", "D8", "2019-01-01", "210", "在用", "周一至周五"],
]
TYPED = [[*row[:4], datetime.fromisoformat(row[4]), float(row[5]), *row[6:]] for row in ROWS]
LINES = [",".join(row) for row in (HEAD, *ROWS)]
FILES = {
    "utf-8": "\n".join(LINES).encode("utf-8-sig"),
    "gbk": "\n".join(LINES).encode("gb18030"),
    "tab": "\n".join(LINES).replace(",", "\t").encode("utf-16"),
    "titled": "\n".join(["浙江大学仪器设备台账", "", *LINES]).encode(),
    "xlsx": workbook_of({"台账": [HEAD, *TYPED]}),
    "xls": xls([HEAD, *ROWS]),  # type: ignore[list-item]
    "ods": ods({"台账": "".join(ods_row(*row) for row in (HEAD, *ROWS))}),
    "json": json.dumps([dict(zip(HEAD, row, strict=True)) for row in ROWS]).encode(),
    "ndjson": "\n".join(json.dumps(dict(zip(HEAD, r, strict=True))) for r in ROWS).encode(),
    "html": ("<table>" + "".join("<tr><td>" + "<td>".join(r) for r in (HEAD, *ROWS))).encode(),
}


@pytest.mark.parametrize("name", FILES)
def test_a_list_of_equipment_becomes_instruments_whatever_saved_it(name: str) -> None:
    draft = suggest(read_file("台账", FILES[name], FileFacts()), "台账")
    assert 'type = "Instrument"' in draft
    assert '"name.zh" = "资产名称"' in draft
    assert "originalValue" in draft


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        ("单位名称,统一社会信用代码,单位类型", "Institution"),
        ("记录编号,仪器编号,开始时间,结束时间,使用机时", "UsageRecord"),
    ],
)
def test_lists_of_other_things_do_not(head: str, kind: str) -> None:
    row = ",".join("1" for _ in head.split(","))
    draft = suggest(read_file("x", f"{head}\n{row}\n".encode(), FileFacts()), "x")
    assert f'type = "{kind}"' in draft


def test_four_odd_values_of_twelve_do_not_lose_the_column_and_are_counted() -> None:
    dates = ["2021-06-01"] * 8 + ["不详", "—", "见档案", "二〇二〇年"]
    prices = ["326.5"] * 8 + ["待定", "暂无", "约", "面议"]
    lines = [f"{n},电镜{n},{d},{p}" for n, (d, p) in enumerate(zip(dates, prices, strict=True))]
    text = "编号,仪器名称,购置日期,原值（万元）\n" + "\n".join(lines)
    draft = suggest(read_file("x", text.encode(), FileFacts()), "x")
    assert 'bookedOn = "购置日期"' in draft
    assert 'originalValue = { column = "原值（万元）"' in draft
    assert draft.count("4 of 12 values cannot be read") == 2
    assert not any(odd in draft for odd in ("不详", "待定")), "values of a table are not shown"
    mostly_odd = text.replace("2021-06-01", "不详")
    assert "bookedOn" not in suggest(read_file("x", mostly_odd.encode(), FileFacts()), "x")


def test_what_was_stated_to_read_a_file_stands_in_its_draft_and_the_draft_reads_it() -> None:
    book = workbook_of({"说明": [["填表说明"]], "台账": [HEAD, *TYPED]})
    facts = FileFacts(sheet="台账")
    draft = suggest(read_file("x", book, facts), "x", None, facts)
    assert '\nsheet = "台账"' in draft
    found = suggest(read_file("x", FILES["gbk"], FileFacts()), "x")
    assert '# encoding = "gb18030"' in found
    facts = FileFacts(encoding="big5")
    data = "編號,儀器名稱\n1,電鏡\n".encode("big5")
    assert '\nencoding = "big5"' in suggest(read_file("x", data, facts), "x", None, facts)
    facts = FileFacts(rows_at="data.rows")
    data = json.dumps({"data": {"rows": [{"编号": "1", "仪器名称": "电镜"}]}}).encode()
    assert '\nrows_at = "data.rows"' in suggest(read_file("x", data, facts), "x", None, facts)


def problems(rule: str) -> list[tuple[str, int | None]]:
    text = INSTRUMENT.replace('localNo = "no"', rule)
    with pytest.raises(MappingError) as caught:
        parse_mapping(text)
    return [(each.code, each.line) for each in caught.value.problems]


@pytest.mark.parametrize(
    "rule",
    [
        'localNo = { template = "{no}-{name}", remove = "x" }',
        'localNo = { column = "no", template = "{name}", remove = "x" }',
        'localNo = { template = "{no}", codes = { "a" = "b" } }',
        'localNo = { template = "{no}", match = "(.)" }',
        'localNo = { first = ["no", "name"], remove = "x" }',
        'localNo = { row_number = true, remove = "x" }',
        "localNo = { row_number = false }",
    ],
)
def test_what_would_have_no_effect_is_refused_with_its_line(rule: str) -> None:
    assert problems(rule) == [("RULE_UNFIT", 8)]


def test_remove_works_beside_a_template_that_uses_the_cell() -> None:
    rule = 'localNo = { column = "no", remove = "No.", template = "A{}" }'
    mapping = INSTRUMENT.replace('localNo = "no"', rule)
    assert item(told(read(b"no,name\nNo.7,X\n", mapping)), "localNo") == ["A7"]


def test_the_number_of_a_row_is_a_key_only_where_it_is_chosen() -> None:
    rule = 'localNo = { row_number = true, template = "R{}" }'
    mapping = INSTRUMENT.replace('localNo = "no"', rule)
    data = b"name\nX\n\nX\n"
    assert item(told(read(data, mapping)), "localNo") == ["R2", "R4"]
    assert parse_mapping(mapping).numbered_by_row == (("localNo", 8),)
    elsewhere = INSTRUMENT + "model = { row_number = true }\n"
    with pytest.raises(MappingError, match="number of a record"):
        parse_mapping(elsewhere)
    nothing_unique = "名称,状况\n扫描电镜,在用\n扫描电镜,在用\n"
    draft = suggest(read_file("x", nothing_unique.encode(), FileFacts()), "x")
    assert "localNo = { row_number = true }" in draft
    with pytest.raises(MappingError):
        Converter(parse_mapping(draft), ())
