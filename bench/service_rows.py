"""`service_rows`: a year's service records of a university, as the table that it keeps."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import xlsxwriter

HEAD = (
    "服务单号", "仪器编号", "开始时间", "结束时间", "机时", "样品数", "服务类型", "用户单位", "单位类型",
    "内外部", "服务内容", "服务金额", "发票号码", "备注",
)  # fmt: skip
REFUSED_EVERY = 1_000
"""One row in so many has a purpose that nobody knows."""
INSTRUMENTS = 2_000
BEGINS = datetime(2025, 11, 1, 8, 0)  # noqa: DTZ001 - as people write it, without a zone
TIME = "%Y-%m-%d %H:%M"


def mapping(party: str) -> str:
    """Return the mapping of the table; `party` owns the instruments."""
    return f"""
title = "服务台账"
[[record]]
type = "ServiceRecord"
[record.fixed]
collectionMethod = "BOOKING_SYSTEM"
[record.items]
instrumentKey = {{ column = "仪器编号", template = "{party}/{{}}" }}
localId = "服务单号"
startedAt = "开始时间"
endedAt = "结束时间"
hours = {{ column = "机时", unit = "h" }}
samplesCount = "样品数"
purpose = "服务类型"
userName = "用户单位"
userKind = "单位类型"
userSide = "内外部"
content = "服务内容"
charge = {{ column = "服务金额", unit = "元", currency = "CNY" }}
invoiceNo = "发票号码"
[ignore]
"备注" = "内部说明"
"""


def instruments(party: str) -> list[dict[str, Any]]:
    """Return the instruments, as rows of a push."""
    return [
        {
            "type": "Instrument",
            "record": {
                "institutionKey": party,
                "localNo": f"E{n:05}",
                "name": {"zh": "扫描电子显微镜"},
                "status": "IN_SERVICE",
            },
        }
        for n in range(INSTRUMENTS)
    ]


def rows_of(count: int) -> Iterator[tuple[str, ...]]:
    """Yield rows; one in `REFUSED_EVERY` is refused."""
    for n in range(count):
        begins = BEGINS + timedelta(minutes=n * 13 % 500_000)
        hours = 1 + n % 8
        purpose = "修理" if n % REFUSED_EVERY == REFUSED_EVERY - 1 else "科学研究"
        yield (
            f"FW{n:08}", f"E{n % INSTRUMENTS:05}", begins.strftime(TIME),
            (begins + timedelta(hours=hours)).strftime(TIME), str(hours), str(1 + n % 30), purpose,
            f"第{n % 700}研究院", "科研机构", "外部用户", f"材料表面形貌观察与成分分析，第 {n} 批样品",
            f"{200 + n % 3000}.50", f"{n * 7919 % 10**8:08}", "无",
        )  # fmt: skip


def write(path: Path, count: int) -> None:
    """Write the table in the form that its name says: CSV, JSON lines or XLSX."""
    if path.suffix == ".csv":
        with path.open("w", encoding="gb18030", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(HEAD)
            writer.writerows(rows_of(count))
    elif path.suffix == ".ndjson":
        with path.open("w", encoding="utf-8") as file:
            for row in rows_of(count):
                file.write(json.dumps(dict(zip(HEAD, row, strict=True)), ensure_ascii=False) + "\n")
    else:
        options = {"constant_memory": True, "tmpdir": str(path.parent)}
        with xlsxwriter.Workbook(path, options) as book:
            sheet = book.add_worksheet("台账")
            for at, row in enumerate((HEAD, *rows_of(count))):
                sheet.write_row(at, 0, row)
