"""Refused rows go back as a workbook, are corrected there, and are accepted."""

from __future__ import annotations

import io
import json
import zipfile
from datetime import datetime
from typing import Any

import pytest
import python_calamine as calamine

from adapters.mapping.table import ROW_NUMBER_COLUMN
from hub.intake.files.rejects import rejects_workbook
from hub.store.database import Database
from tests.integration.mapping.conftest import Send, mapping_text, real_file
from tests.workbooks import workbook_of

pytestmark = pytest.mark.integration

MAPPING = """
title = "台账"
[[record]]
type = "Instrument"
[record.fixed]
institutionKey = "moe:10335"
[record.items]
localNo = "仪器编号"
name.zh = "仪器名称"
status = "现状"
acceptedOn = "验收日期"
originalValue = { column = "原值（万元）", unit = "万元", currency = "CNY" }
[drop]
"领用人" = "姓名"
[ignore]
"备注" = "内部说明"
"""
day = datetime.fromisoformat
HEADER = ["仪器编号", "仪器名称", "现状", "原值（万元）", "验收日期", "领用人", "备注"]
ROWS: list[list[Any]] = [
    ["0001", "扫描电镜", "在用", 326.5, day("2021-06-01"), "张三", "=1+1"],
    ["0002", "透射电镜", "坏了", 1200, day("2020-01-05"), "李四", None],
    ["0003", "质谱仪", "在用", "约三百", day("2019-03-02"), "王五", "x"],
]


def workbook(rows: list[list[Any]], **options: Any) -> bytes:
    return workbook_of({"设备台账": rows}, **options)


def cells_of(data: bytes) -> list[list[Any]]:
    book = calamine.CalamineWorkbook.from_filelike(io.BytesIO(data))
    return book.get_sheet_by_index(0).to_python(skip_empty_area=False)


def comments_of(data: bytes) -> str:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return archive.read("xl/comments1.xml").decode()


def corrected(data: bytes, changes: dict[tuple[int, str], Any], **options: Any) -> bytes:
    """Save the workbook again with some cells changed, as a spreadsheet program would."""
    rows = cells_of(data)
    header = next(row for row in rows if ROW_NUMBER_COLUMN in row)
    for (number, name), value in changes.items():
        row = next(row for row in rows if row[0] == number)
        row[header.index(name)] = value
    made = [[None if cell == "" else cell for cell in row] for row in rows]
    return workbook(
        [[_naive(cell) for cell in row] for row in made],
        **options,
    )


def _naive(cell: Any) -> Any:
    if hasattr(cell, "year") and not isinstance(cell, datetime):
        return day(cell.isoformat())
    return cell


async def test_a_corrected_workbook_is_accepted_and_the_rest_stays_as_it_was(
    send: Send, database: Database
) -> None:
    title = [["浙江大学设备台账"], [], HEADER]
    sent = await send(MAPPING, "台账.xlsx", workbook([*title, *ROWS]))
    assert (sent.report.accepted, sent.report.quarantined) == (1, 2)
    assert sent.report.dropped == {"领用人": 3}
    back = rejects_workbook([(sent.table, sent.refused)])
    rows = cells_of(back)
    assert rows[0][1] == "浙江大学设备台账"
    assert rows[2] == [ROW_NUMBER_COLUMN, *HEADER]
    assert [row[:3] for row in rows[3:]] == [[5.0, "0002", "透射电镜"], [6.0, "0003", "质谱仪"]]
    told = comments_of(back)
    assert 'ref="D4"' in told
    assert 'ref="E5"' in told
    assert "代码必须是其中之一" in told
    assert "must be one of" in told
    assert "is not a number" in told

    again = corrected(back, {(5, "现状"): "待修", (6, "原值（万元）"): 300})
    done = await send(MAPPING, "台账-退回.xlsx", again)
    assert (done.report.accepted, done.report.duplicate, done.report.quarantined) == (2, 0, 0)
    found = await database.reads.fetch_all(
        "SELECT local_no, status, original_value_amount::text, accepted_on "
        "FROM instrument ORDER BY local_no"
    )
    assert [row[:2] for row in found] == [
        ("0001", "IN_SERVICE"),
        ("0002", "AWAITING_REPAIR"),
        ("0003", "IN_SERVICE"),
    ]
    assert [float(row[2]) for row in found] == [3265000.0, 12000000.0, 3000000.0]
    assert [row[3] for row in found] == ["2021-06-01", "2020-01-05", "2019-03-02"]


async def test_rows_that_come_back_uncorrected_are_refused_for_the_same_reasons(send: Send) -> None:
    sent = await send(MAPPING, "台账.xlsx", workbook([HEADER, *ROWS]))
    back = rejects_workbook([(sent.table, sent.refused)])
    again = await send(MAPPING, "台账.xlsx", back)
    assert again.report.reasons == sent.report.reasons
    assert [each.row.number for each in again.refused] == [3, 4]


async def test_refused_rows_of_a_csv_in_a_chinese_encoding_come_back_as_a_workbook(
    send: Send,
) -> None:
    mapping = MAPPING + '[file]\nencoding = "gb18030"\ndelimiter = ";"\n'
    lines = [HEADER, *([str(cell or "")[:10] for cell in row] for row in ROWS)]
    text = "\n".join(";".join(line) for line in lines)
    sent = await send(mapping, "台账.csv", text.encode("gb18030"))
    assert (sent.report.accepted, sent.report.quarantined) == (1, 2)
    back = rejects_workbook([(sent.table, sent.refused)])
    assert cells_of(back)[0] == [ROW_NUMBER_COLUMN, *HEADER]
    again = corrected(back, {(3, "现状"): "在用", (4, "原值（万元）"): "300"})
    done = (await send(mapping, "台账.xlsx", again)).report
    assert (done.accepted, done.quarantined) == (2, 0)


async def test_a_workbook_that_counts_from_1904_keeps_its_days_there_and_back(
    send: Send, database: Database
) -> None:
    sent = await send(MAPPING, "mac.xlsx", workbook([HEADER, *ROWS], date_1904=True))
    back = rejects_workbook([(sent.table, sent.refused)])
    again = corrected(back, {(3, "现状"): "待修", (4, "原值（万元）"): 300})
    await send(MAPPING, "mac.xlsx", again)
    found = await database.reads.fetch_all("SELECT accepted_on FROM instrument ORDER BY local_no")
    assert [row[0] for row in found] == ["2021-06-01", "2020-01-05", "2019-03-02"]


async def test_a_wrong_mark_of_1904_is_overruled_by_the_mapping_also_on_the_way_back(
    send: Send, database: Database
) -> None:
    # Day numbers of a 1904 workbook, saved by a program that lost the mark.
    moved = [[*row[:4], day("2017-05-31"), *row[5:]] for row in ROWS]
    mapping = MAPPING + "[file]\ndates_1904 = true\n"
    sent = await send(mapping, "mac.xlsx", workbook([HEADER, *moved]))
    back = rejects_workbook([(sent.table, sent.refused)], dates_1904=True)
    again = corrected(back, {(3, "现状"): "待修", (4, "原值（万元）"): 300}, date_1904=True)
    await send(mapping, "mac.xlsx", again)
    found = await database.reads.fetch_all("SELECT accepted_on FROM instrument ORDER BY local_no")
    assert [row[0] for row in found] == ["2021-06-01"] * 3


async def test_a_row_that_may_not_be_spoken_for_comes_back_with_the_reason_at_its_number(
    send: Send,
) -> None:
    sent = await send(MAPPING, "台账.xlsx", workbook([HEADER, ROWS[0]]), owners=["moe:10246"])
    assert dict(sent.report.reasons) == {("OWNER_MISMATCH", ""): 1}
    told = comments_of(rejects_workbook([(sent.table, sent.refused)]))
    assert 'ref="A2"' in told


async def test_nothing_in_the_workbook_that_comes_back_is_a_formula(send: Send) -> None:
    row = ["0001", "=HYPERLINK(1)", "坏了", "=1+1", "", "张三", "@SUM(A1)"]
    sent = await send(MAPPING, "台账.xlsx", workbook([HEADER, row]))
    back = rejects_workbook([(sent.table, sent.refused)])
    with zipfile.ZipFile(io.BytesIO(back)) as archive:
        assert b"<f>" not in archive.read("xl/worksheets/sheet1.xml")
    assert cells_of(back)[1][2] == "=HYPERLINK(1)"


async def test_rows_of_json_come_back_as_a_workbook_and_their_lists_are_still_understood(
    send: Send,
) -> None:
    data, text = real_file("ror-cn/ror-yrd.jsonl"), mapping_text("ror-institutions")
    sent = await send(text, "ror.jsonl", data)
    back = rejects_workbook([(sent.table, sent.refused)])
    rows = cells_of(back)
    labels, names = rows[0].index("labels"), rows[0].index("names")
    added = json.dumps([{"iso639": "zh", "label": "补充的名称"}], ensure_ascii=False)
    changes = {(int(row[0]), "labels"): added for row in rows[1:] if not row[labels]}
    changes |= {(int(row[0]), "labels"): added for row in rows[1:] if "zh" not in str(row[names])}
    done = (await send(text, "ror.xlsx", corrected(back, changes))).report
    assert done.read == sent.report.quarantined
    assert done.accepted == sent.report.reasons[("MISSING", "name.zh")]
    assert dict(done.reasons) == {("SEVERAL_VALUES", "kind"): 1}


async def test_a_line_that_is_no_row_comes_back_as_it_was_sent_and_is_not_kept(
    send: Send, database: Database
) -> None:
    text = "\n".join(
        [
            ",".join(HEADER),
            "0001,扫描电镜,在用,326.5,2021-06-01,张三,",
            '0002,"透射电镜,在用,1200,2020-01-05,李四,',
            "0003,质谱仪,在用,300,2019-03-02,王五,",
        ]
    )
    sent = await send(MAPPING, "台账.csv", text.encode("gb18030"))
    report = sent.report
    assert (report.rows, report.accepted, report.quarantined) == (3, 2, 1)
    assert report.reasons == {("NOT_CELLS", ""): 1}
    back = rejects_workbook([(sent.table, sent.refused)])
    assert cells_of(back)[1][:2] == [3.0, '0002,"透射电镜,在用,1200,2020-01-05,李四,']
    assert "引号" in comments_of(back)
    ((raw,),) = await database.writes.fetch_all("SELECT raw FROM quarantine")
    assert json.loads(raw) == {"file": "台账.csv", "row": 3, "cells": {}}
    cells = zip(HEADER, ["0002", "透射电镜", "在用"], strict=False)
    again = corrected(back, {(3, name): value for name, value in cells})
    done = await send(MAPPING, "台账-退回.xlsx", again)
    assert (done.report.accepted, done.report.quarantined) == (1, 0)
