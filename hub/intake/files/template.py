"""`template`: the monthly workbook, an XLSX file generated from the standard, to be filled in.

One sheet per record type; row 1 says each column in Chinese, row 2 names it for machines, row 3 on
is for data. Code columns offer their codes; required columns are marked. The file is the same byte
for byte for the same standard, so that it can be published and compared. `monthly` reads it when it
was filled in.
"""

from __future__ import annotations

import io
from datetime import datetime

import xlsxwriter

from schema import STANDARD_VERSION
from schema.codes import CodeList
from schema.flat import FlatColumn, columns
from schema.registry import standard
from schema.traits import Reported

ROWS_MAX = 10_000
CREATED = datetime(2026, 1, 1)  # noqa: DTZ001 - a fixed naive stamp keeps the file reproducible
LIST_TEXT_MAX = 255
"""Characters that the format allows for the choices of one cell."""

GUIDE = (
    ("长三角大型科研仪器数据交换标准 月度报送表", f"version {STANDARD_VERSION}"),
    (
        "每类记录一张表，从第 3 行开始填写；不要改动前两行。",
        "One sheet per record type, from row 3.",
    ),
    ("带 * 的列必填。空单元格表示没有该数据。", "Columns with * are required."),
    ("金额单位为元；时间为北京时间，例如 2026-11-02 09:00。", "Yuan; Beijing time."),
    ("多个值用分号分隔。分类代码写作 GB/T 32847-2016:010101。", "Semicolons part several values."),
    ("不要填写个人姓名、电话、邮箱、身份证号。", "No names, telephones, mails, citizen numbers."),
)


def template() -> bytes:
    """Return the template as XLSX bytes."""
    stream = io.BytesIO()
    with xlsxwriter.Workbook(stream, {"in_memory": True}) as book:
        book.set_properties({"title": "Monthly submission", "created": CREATED})
        bold = book.add_format({"bold": True, "text_wrap": True, "valign": "top"})
        code = book.add_format({"font_color": "#777777", "italic": True})
        guide = book.add_worksheet("说明")
        guide.set_column(0, 1, 70)
        for row, (zh, en) in enumerate(GUIDE):
            guide.write_string(row, 0, zh)
            guide.write_string(row, 1, en)
        for spec, _ in standard().with_trait(Reported):
            sheet = book.add_worksheet(spec.name)
            sheet.freeze_panes(2, 0)
            for position, column in enumerate(columns(spec)):
                _write_column(sheet, position, column, (bold, code))
    return stream.getvalue()


def _write_column(
    sheet: xlsxwriter.worksheet.Worksheet,
    position: int,
    column: FlatColumn,
    formats: tuple[xlsxwriter.format.Format, xlsxwriter.format.Format],
) -> None:
    title, name = formats
    unit = f"（{column.item.facts.unit}）" if column.item.facts.unit else ""
    sheet.set_column(position, position, max(12, min(40, len(column.path) + 2)))
    sheet.write_string(0, position, f"{column.zh}{unit}{'*' if column.required else ''}", title)
    sheet.write_string(1, position, column.path, name)
    codes = column.item.code_list
    if codes is not None and not column.item.many:
        choices = _choices(codes)
        if choices:
            sheet.data_validation(
                2, position, ROWS_MAX, position, {"validate": "list", "source": choices}
            )


def _choices(codes: type[CodeList]) -> list[str]:
    """Return the Chinese labels to choose from, or none where the format cannot hold them."""
    labels = [member.zh for member in codes]
    return labels if len(",".join(labels)) <= LIST_TEXT_MAX else []
