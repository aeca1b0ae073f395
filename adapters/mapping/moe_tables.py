"""`moe_tables`: the ministry's tables SJ1 and SJ3 of a university, and what their rows become.

Modelled on the filling rules of about 2010-2013 as a real system quotes them. Not established:
separators (none are taken), encoding and padding (GBK, blanks), newer widths.

- Widths are bytes of GBK, 185 a row of SJ1. Of SJ3 two are known: 规格 with 200 bytes as programs
  write it, with 30 as the rules still say.
- 单价 is in 元 with accessories. 购置日期 is YYYYMM, the month of acceptance. It stays a month: a
  term that runs from the day of acceptance cannot be counted from it.
- 现状 2 is 多余 in older tables and 闲置 in newer ones: one state here. 5, 6, 7 come from tables of
  changes. 使用方向 has 8 or 9 for 其他, per source: both are taken, and not kept.
- "*" is unknown; 国别 "000" is unknown.
- SJ3 has no state: UNKNOWN. It names no year. 开放 is a part of the hours, not one more of them.
- Personal: 负责人姓名.
"""

from __future__ import annotations

import re
from collections.abc import Mapping as AnyMapping
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from adapters.mapping.convert import Converted, Converter, RowProblem
from adapters.mapping.model import Mapping
from adapters.mapping.parse import parse_mapping
from adapters.mapping.table import SourceRow, match_text, text_of
from connectors.fixed_width import FixedColumn
from schema.conform import VALUE_SHOWN_MAX
from schema.errors import Problem

__all__ = ["MOE_TABLES", "MoeTable", "convert_moe", "moe_table_named"]

_NAMED = re.compile(r"SJ([13])(?=[^0-9]|[0-9]{5}(?![0-9]))", re.IGNORECASE)
"""SJ1 and the school code, or SJ1 and no more digits: SJ12 is another table."""
_AMOUNT = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,2})?")
_COUNT = re.compile(r"[0-9]+")
_CODES = {
    "仪器来源": frozenset("1234"),
    "现状码": frozenset("123456789"),
    "使用方向": frozenset("123456789"),
}
_PRICE, _MONTH = "单价", "购置日期"
_MONTH_SHAPE = re.compile(r"(?:19|20)[0-9]{2}(?:0[1-9]|1[0-2])")
_WORKED = ("教学机时", "科研机时", "社会服务机时")
"""The three add up to the hours of a year; 开放 is a part of them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class MoeTable:
    """A table of the ministry: its columns in their order, and the other widths that are met."""

    name: str
    columns: tuple[FixedColumn, ...]
    counts: frozenset[str] = frozenset()
    """Columns of whole numbers, "0" and never blank."""
    other_widths: AnyMapping[str, int] | None = None
    """Widths of columns in another edition."""

    @property
    def editions(self) -> dict[int, tuple[FixedColumn, ...]]:
        """Return the columns of each edition by the bytes of its rows."""
        other = self.other_widths or {}
        changed = tuple(replace(c, width=other.get(c.name, c.width)) for c in self.columns)
        return {sum(c.width for c in each): each for each in (self.columns, changed)}

    @property
    def header(self) -> SourceRow:
        """Return the row of names that the file has not."""
        return SourceRow(0, tuple(each.name for each in self.columns))

    def is_headed_by(self, texts: Sequence[str]) -> bool:
        """Tell whether a row names all its columns."""
        wanted = {match_text(each.name) for each in self.columns}
        return wanted <= {match_text(text) for text in texts}

    @property
    def mapping_text(self) -> str:
        """Return the mapping as it ships."""
        return _shipped(self.name)

    @property
    def mapping(self) -> Mapping:
        """Return what its columns become."""
        return parse_mapping(self.mapping_text)


@cache
def _shipped(name: str) -> str:
    return (Path(__file__).parent / f"moe_{name.lower()}.toml").read_text("utf-8")


def _columns(text: str) -> tuple[FixedColumn, ...]:
    pairs = (each.split(":") for each in text.split())
    return tuple(FixedColumn(name, int(width)) for name, width in pairs)


_MEASURES = _columns(
    "教学机时:4 科研机时:4 社会服务机时:4 开放机时:4 测样数:6 "
    "培训学生数:4 培训教师数:4 培训其他人数:4 教学实验项目数:3 科研项目数:3 社会服务项目数:4 "
    "国家级获奖:2 省部级获奖:2 教师专利:2 学生专利:2 三大检索论文:3 核心刊物论文:3"
)
MOE_TABLES = (
    MoeTable(
        name="SJ1",
        columns=_columns(
            "学校代码:5 仪器编号:8 分类号:8 仪器名称:30 型号:20 规格:30 仪器来源:1 国别码:3 "
            "单价:12 购置日期:6 现状码:1 使用方向:1 单位编号:10 单位名称:50"
        ),
    ),
    MoeTable(
        name="SJ3",
        columns=(
            *_columns("学校代码:5 仪器编号:8 分类号:8 仪器名称:30 单价:12 型号:20 规格:200"),
            *_MEASURES,
            FixedColumn("负责人姓名", 8, is_personal=True),
        ),
        counts=frozenset(each.name for each in _MEASURES),
        other_widths={"规格": 30},
    ),
)


def moe_table_named(file_name: str) -> MoeTable | None:
    """Return the table that a file is named after: SJ1 or SJ3, and what follows; None: another."""
    found = _NAMED.match(file_name)
    name = f"SJ{found[1]}" if found else ""
    return next((each for each in MOE_TABLES if each.name == name), None)


def convert_moe(
    table: MoeTable, converter: Converter, rows: Sequence[SourceRow]
) -> list[Converted]:
    """Convert rows as the mapping says, and check what the ministry's rules say beside it."""
    places = {each.name: each.position for each in converter.columns}
    return [_finished(table, each, places) for each in converter.convert(rows)]


def _finished(table: MoeTable, converted: Converted, places: dict[str, int]) -> Converted:
    if converted.row.unread is not None:
        return converted
    texts = {each.name: _text_at(converted.row, places.get(each.name)) for each in table.columns}
    told = {at for problem in converted.problems for at in problem.columns}
    faults = [
        _problem(name, text, places.get(name), *found)
        for name, text in texts.items()
        if places.get(name) not in told and (found := _fault(table, name, text)) is not None
    ]
    if faults or converted.problems:
        return replace(converted, records=(), problems=(*converted.problems, *faults))
    if not table.counts:
        return converted
    hours = sum(int(texts[name]) for name in _WORKED)
    records = tuple((kind, {**wire, "annualHours": hours}) for kind, wire in converted.records)
    return replace(converted, records=records)


def _text_at(row: SourceRow, at: int | None) -> str:
    return text_of(row.cells[at - 1]) if at is not None and at <= len(row.cells) else ""


def _fault(table: MoeTable, name: str, text: str) -> tuple[str, str, str] | None:
    if name in _CODES and text not in _CODES[name]:
        known = "、".join(sorted(_CODES[name]))
        return "CODE_UNKNOWN", f"代码应为 {known}", f"is no code of this column; known: {known}"
    if name in table.counts and _COUNT.fullmatch(text) is None:
        return (
            "NOT_INTEGER",
            "应为整数，没有则填 0",
            "must be a whole number, 0 where there is none",
        )
    if name == _PRICE and _AMOUNT.fullmatch(text) is None:
        return "NOT_DECIMAL", "应为以元为单位的数字，两位小数", "must be a number in yuan"
    if name == _MONTH and _MONTH_SHAPE.fullmatch(text) is None:
        return "DATE_UNREADABLE", "应为 YYYYMM", "must be YYYYMM"
    return None


def _problem(name: str, text: str, at: int | None, code: str, zh: str, en: str) -> RowProblem:
    return RowProblem(
        Problem(name, code, zh, en, text[:VALUE_SHOWN_MAX]), (at,) if at else (), name
    )
