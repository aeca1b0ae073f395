"""What people write in cells: the right value, or a refusal with the value and what to do."""

from __future__ import annotations

import csv
import io
import re
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from adapters.mapping import Converted, Table
from adapters.mapping.moments import day
from tests.unit.mapping.reading import INSTRUMENT, read

HAN = re.compile(r"[\u4e00-\u9fff]")
ADVICE = re.compile(r"请|应写作|应在|不能小于|必须")


def converted(rule: str, cell: str) -> Converted:
    out = io.StringIO()
    csv.writer(out).writerows([["no", "name", "v"], ["1", "甲", cell]])
    (row,) = read(out.getvalue().encode(), INSTRUMENT + rule + "\n", name="a.csv").converted
    return row


def value_of(rule: str, cell: str, name: str) -> Any:
    row = converted(rule, cell)
    assert not row.problems, row.problems
    ((_, wire),) = row.records
    return wire.get(name)


def refused(rule: str, cell: str) -> str:
    """Return the code of a refused cell that is told as a clerk needs it."""
    row = converted(rule, cell)
    (told,) = row.problems
    problem = told.problem
    assert told.columns == (3,)
    assert row.row.number == 2
    assert problem.value, "the value is shown"
    assert HAN.search(problem.zh)
    assert ADVICE.search(problem.zh), problem.zh
    assert problem.en
    assert not re.search(r"\\d|\[0-9\]|Error|codec", problem.zh + problem.en)
    return problem.code


DAY = 'commissionedOn = "v"'


@pytest.mark.parametrize(
    ("cell", "means"),
    [
        ("2024.5.3", "2024-05-03"),
        ("20240503", "2024-05-03"),
        ("2024年5月3日", "2024-05-03"),
        ("2024/5/3", "2024-05-03"),
        ("2024-05-03 00:00:00", "2024-05-03"),
        ("２０２４－０５－０３", "2024-05-03"),
        ("２０２４年５月３日", "2024-05-03"),
        ("2024-05-03\t", "2024-05-03"),
        ("\u30002024-05-03\u00a0", "2024-05-03"),
        ("2024年5月", "2024-05"),
        ("2024.10", "2024-10"),
        ("2024", "2024"),
        ("2024年", "2024"),
        ("2024-02-29", "2024-02-29"),
        ("", None),
        ("\u3000", None),
        ("\u200b", None),
    ],
)
def test_a_date_as_people_write_it_is_the_right_one(cell: str, means: str | None) -> None:
    assert value_of(DAY, cell, "commissionedOn") == means


@pytest.mark.parametrize(
    "cell",
    [
        *("2023-02-29", "2023/2/29", "24.5.3", "24-05-03", "5/3/2024", "03/05/2024", "45415"),
        *("45415.0", "May 3, 2024", "2024-13-01", "1899-12-31", "9999-12-31", "2024-05-03/"),
        *("二〇二四年五月三日", "2024年13月", "NULL", "无", "-", "/", "N/A", "暂无", "0", "2024.1"),
    ],
)
def test_what_is_no_certain_date_is_refused(cell: str) -> None:
    assert refused(DAY, cell) in {"DATE_UNREADABLE", "DATE_AMBIGUOUS"}


def test_a_month_that_a_spreadsheet_may_have_shortened_is_not_guessed() -> None:
    for cell in ("2024.1", Decimal("2024.1")):
        with pytest.raises(Exception, match=r"October without the 0"):
            day(cell, None, ZoneInfo("Asia/Shanghai"), partial=True)


MONEY = 'originalValue = { column = "v", currency = "CNY" }'


@pytest.mark.parametrize(
    ("cell", "amount"),
    [
        ("1,234.50", "1234.5"),
        ("１，２３４．５０", "1234.5"),
        ("1，234", "1234"),
        ("12 000", "12000"),
        ("12\u00a0000", "12000"),
        ("￥1,200", "1200"),
        ("1.2E+06", "1200000"),
        ("1e6", "1000000"),
        ("+12", "12"),
        ('="12"', "12"),
        ("0", "0"),
    ],
)
def test_an_amount_as_people_write_it_is_the_right_one(cell: str, amount: str) -> None:
    assert value_of(MONEY, cell, "originalValue") == {"amount": amount, "currency": "CNY"}


@pytest.mark.parametrize(
    "cell",
    [
        *(
            "12万",
            "1.5亿元",
            "12万元",
            "(500)",
            "−5",
            "-5",
            "5%",
            "5％",
            "$12",
            "12,34",
            "1,23,456",
        ),
        *("1.234.567", "十二万", "约12", "12-15", ">12", "NULL", "无", "-", "/", "N/A", "∞"),
        *("NaN", "1_000", "0x10", "12\u200b3", "1234567890123456789"),
    ],
)
def test_what_is_no_certain_amount_is_refused(cell: str) -> None:
    assert refused(MONEY, cell) in {"NOT_DECIMAL", "OUT_OF_RANGE", "CURRENCY_CONTRADICTED"}


@pytest.mark.parametrize(
    ("cell", "amount"), [("12", "120000"), ("12万元", "120000"), ("1,200.5", "12005000")]
)
def test_an_amount_in_the_stated_unit_is_converted(cell: str, amount: str) -> None:
    rule = 'originalValue = { column = "v", currency = "CNY", unit = "万元" }'
    assert value_of(rule, cell, "originalValue")["amount"] == amount


@pytest.mark.parametrize("cell", ["12元", "12亿元", "12万美元", "12万"])
def test_an_amount_in_another_unit_than_the_stated_one_is_refused(cell: str) -> None:
    rule = 'originalValue = { column = "v", currency = "CNY", unit = "万元" }'
    assert refused(rule, cell) == "NOT_A_NUMBER"


@pytest.mark.parametrize("cell", ["1400小时", "1400h", "1400.5", "-1", "一千四", "1400%", "1,4"])
def test_what_is_no_whole_number_of_hours_is_refused(cell: str) -> None:
    assert refused('annualHours = "v"', cell) in {"NOT_INTEGER", "OUT_OF_RANGE"}


@pytest.mark.parametrize("word", ["NULL", "无", "-"])
def test_a_word_for_nothing_is_no_number_of_an_instrument(word: str) -> None:
    out = io.StringIO()
    csv.writer(out).writerows([["name", "v"], ["甲", word]])
    table = read(out.getvalue().encode(), INSTRUMENT.replace('"no"', '"v"'), name="a.csv")
    (row,) = table.converted
    assert [each.problem.code for each in row.problems] == ["KEY_PLACEHOLDER"]
    assert isinstance(table.table, Table)
