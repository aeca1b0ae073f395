"""A rule that takes the short way gives what all its steps give, whatever stands in the cell."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.mapping import Column, SourceRow, parse_mapping
from adapters.mapping.errors import CellError
from adapters.mapping.model import Mapping
from adapters.mapping.quick import REMEMBERED_MAX, goes_over
from adapters.mapping.table import locate
from adapters.mapping.values import Reading

COLUMNS = tuple(Column(at, name) for at, name in enumerate(("甲", "乙"), start=1))
TEXT = """
title = "t"
[file]
empty = ["无", "n/a"]
[[record]]
type = "ServiceRecord"
[record.fixed]
collectionMethod = "MANUAL"
ways = ["COMMISSIONED"]
[record.items]
instrumentKey = { column = "甲", template = "moe:10335/{}" }
localId = { column = "甲", template = "{}-{乙}" }
offerCode = "甲"
content = "甲"
userName = { column = "甲", empty = ["某"] }
invoiceNo = { column = "甲", remove = ["号"] }
agreementNo = { first = ["甲", "乙"] }
purpose = { column = "甲", codes = { "研" = "RESEARCH" } }
userKind = "甲"
startedAt = "甲"
endedAt = { column = "甲", format = "YYYY-MM-DD HH:mm" }
hours = { column = "甲", unit = "分钟" }
samplesCount = "甲"
outsidePremises = "甲"
charge = { column = "甲", unit = "万元", currency = "CNY" }
exclusions = { column = "甲", split = ";" }
taxRecord = { column = "甲[0]" }
"""
ODD = (
    None,
    "",
    " ",
    "无",
    "某",
    "n/a",
    "　电镜　",
    "a  b",
    "a\u200bb",
    "\u3164a",
    "\ufeffa",
    "a\u2800",
    "a\tb",
    "a\nb",
    "e\u0301",
    "1E+15",
    "1e+20x",
    "12.0",
    "#N/A",
    "# 1",
    "#REF!",
    "='1'",
    '="0013"',
    "'0013",
    "=A1+B1",
    "研",
    "科学研究",
    "RESEARCH",
    "高等学校",
    "2025-11-24 08:30",
    "2025/1/5 9:00",
    "24:00",
    "60",
    "1,200.50",
    "¥3",
    "$3",
    "0.5",
    "-1",
    "是",
    "否",
    "x" * 500,
    "委托;测样",
    '["a"]',
    1,
    10**16,
    True,
    False,
    Decimal("1.50"),
    Decimal("1E+20"),
    ["a", "b"],
    [],
)


def reading() -> tuple[Mapping, Reading]:
    mapping = parse_mapping(TEXT)
    places = {a: f for a in mapping.addresses if (f := locate(a, COLUMNS)) is not None}
    return mapping, Reading(mapping.file, places)


def outcome(take: Any, *asked: Any) -> Any:
    try:
        taken = take(*asked)
    except CellError as error:
        return error.code, error.zh, error.en
    return None if taken is None else (type(taken.value), taken.value, taken.original, taken.note)


MAPPING, READING = reading()


def same(cell: Any, other: Any = "b") -> None:
    for cells in ((cell, other), (cell,), ()):
        row = SourceRow(2, cells)
        for record in MAPPING.records:
            for rule in record.rules:
                steps = outcome(READING.take_stepwise, rule, row)
                for _ in range(2):  # the second time it may be remembered
                    assert outcome(READING.take, rule, row) == steps, (rule.slot.path, cells)


@pytest.mark.parametrize("cell", ODD, ids=repr)
def test_odd_cells(cell: Any) -> None:
    same(cell)


@settings(max_examples=60)
@given(st.text(max_size=12), st.text(max_size=3))
def test_any_text(cell: str, other: str) -> None:
    same(cell, other)


def test_a_remembered_answer_is_of_the_text_and_not_of_what_is_equal_to_it() -> None:
    for cell in ("1", 1, True, Decimal(1), "1"):
        same(cell)


def test_no_two_records_share_a_list() -> None:
    lists = [rule for record in MAPPING.records for rule in record.rules if rule.slot.item.many]
    assert lists
    for rule in lists:
        first, second = (READING.take(rule, SourceRow(2, ("委托", "b"))) for _ in range(2))
        assert first is not None
        assert second is not None
        assert first.value == second.value
        assert first.value is not second.value


def test_what_is_remembered_is_bounded_and_what_comes_later_is_right() -> None:
    mapping, here = reading()
    rule = next(r for r in mapping.records[0].rules if r.slot.path == "instrumentKey")
    for number in range(REMEMBERED_MAX + 10):
        taken = here.take(rule, SourceRow(2, (f"E{number}", "b")))
        assert taken is not None
        assert taken.value == f"moe:10335/E{number}"


def test_a_text_that_goes_over_is_seen_to_be_one() -> None:
    assert goes_over("扫描电子显微镜 1")
    for text in ("", " a", "a ", "a  b", "a\u3000b", "=a", "'a", "#a", "1+2", "1.0", "a\u200b"):
        assert not goes_over(text), text
