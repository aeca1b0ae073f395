"""What becomes of single cells."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from tests.unit.mapping.conftest import INSTRUMENT, USE

Value = Any


@pytest.mark.parametrize(
    ("cell", "unit", "amount"),
    [
        ("326.5", "万元", "3265000"),
        (Decimal("326.5"), "万元", "3265000"),
        ("326.5万元", "万元", "3265000"),
        ("￥1,250,000.50", "元", "1250000.5"),
        ("１２５０", "元", "1250"),
        (12, "千元", "12000"),
        ("150", "分", "1.5"),
        ("1e3", "元", "1000"),
        ("约三百", "万元", "NOT_A_NUMBER"),
        ("NaN", "元", "NOT_A_NUMBER"),
        ("1e999999", "元", "NOT_A_NUMBER"),
        ("326.5元", "万元", "NOT_A_NUMBER"),
        ("-1", "元", "OUT_OF_RANGE"),
    ],
)
def test_money_comes_in_whole_units_of_its_currency(
    value: Value, cell: Any, unit: str, amount: str
) -> None:
    rule = f'originalValue = {{ column = "x", unit = "{unit}", currency = "CNY" }}'
    assert value(rule, cell, path="originalValue.amount") == amount


def test_a_currency_without_an_amount_is_left_away(value: Value) -> None:
    rule = 'originalValue = { column = "x", unit = "元", currency = "CNY" }'
    assert value(rule, None) is None


def test_a_column_of_currencies_says_nothing_where_there_is_no_amount(converted: Any) -> None:
    text = INSTRUMENT + 'originalValue.amount = "v"\noriginalValue.currency = "c"'
    header = ["no", "name", "v", "c"]
    first, second = converted(text, header, ["1", "电镜", None, "USD"], ["2", "质谱", "5", "USD"])
    assert "originalValue" not in first.records[0][1]
    assert second.records[0][1]["originalValue"] == {"amount": "5", "currency": "USD"}


@pytest.mark.parametrize(
    ("cell", "unit", "hours"),
    [
        ("90", "分钟", "1.5"),
        (50, "minutes", "0.8333"),
        ("5400", "秒", "1.5"),
        ("1.5小时", "小时", "1.5"),
        ("2", "天", "48"),
        ("1:30", "h:mm", "1.5"),
        ("26:00:00", "h:mm", "26"),
        ("1:75", "h:mm", "NOT_A_DURATION"),
    ],
)
def test_use_is_counted_in_hours(value: Value, cell: Any, unit: str, hours: str) -> None:
    assert value(f'hours = {{ column = "x", unit = "{unit}" }}', cell, head=USE) == hours


@pytest.mark.parametrize(
    ("rule", "cell", "made"),
    [
        ('"x"', "2026-11-02 9:00", "2026-11-02T01:00:00Z"),
        ('"x"', datetime(2026, 11, 2, 9), "2026-11-02T01:00:00Z"),  # noqa: DTZ001
        ('"x"', datetime(2026, 11, 2, 9, tzinfo=UTC), "2026-11-02T09:00:00Z"),
        ('"x"', "2026-11-02T09:00:00+02:00", "2026-11-02T07:00:00Z"),
        ('"x"', "noon", "DATE_UNREADABLE"),
        ('{ column = "x", zone = "Europe/London" }', "2026-07-02 09:00", "2026-07-02T08:00:00Z"),
        ('{ column = "x", zone = "-05:00" }', "2026-07-02 09:00", "2026-07-02T14:00:00Z"),
        ('{ column = "x", zone = "Europe/London" }', "2026-10-25 01:30", "TIME_AMBIGUOUS"),
        ('{ column = "x", zone = "Europe/London" }', "2026-03-29 01:30", "TIME_AMBIGUOUS"),
        ('{ column = "x", format = "D/M/YYYY H:mm" }', "2/11/2026 9:05", "2026-11-02T01:05:00Z"),
        ('{ column = "x", format = "D/M/YYYY H:mm" }', "2026-11-02", "DATE_UNREADABLE"),
        ('{ column = "x", format = "D/M/YYYY H:mm" }', "31/2/2026 9:05", "DATE_UNREADABLE"),
        (
            '{ column = "x", format = "YYYY年M月D日 H时" }',
            "2026年11月2日 9时",
            "2026-11-02T01:00:00Z",
        ),
        ('{ column = "x", format = "excel" }', "46328.375", "2026-11-02T01:00:00Z"),
        ('{ column = "x", format = "unix ms" }', "1793581200000", "2026-11-02T01:00:00Z"),
        ('{ column = "x", format = "unix" }', "12", "DATE_UNREADABLE"),
    ],
)
def test_times_come_in_utc_and_are_never_guessed(
    value: Value, rule: str, cell: Any, made: str
) -> None:
    assert value(f"startedAt = {rule}", cell, head=USE) == made


def test_the_text_of_a_converted_time_is_kept_beside_it(value: Value) -> None:
    rule = 'startedAt = { column = "x", format = "D/M/YYYY H:mm" }'
    kept = value(rule, "2/11/2026 9:05", head=USE, path="originals.0")
    assert kept == {"path": "startedAt", "text": "2/11/2026 9:05"}


@pytest.mark.parametrize(
    ("rule", "cell", "made"),
    [
        ('acceptedOn = "x"', "2021年6月", "2021-06"),
        ('acceptedOn = "x"', "20210605", "2021-06-05"),
        ('acceptedOn = "x"', date(2021, 6, 5), "2021-06-05"),
        ('acceptedOn = { column = "x", format = "M/YYYY" }', "6/2021", "2021-06"),
        ('acceptedOn = { column = "x", format = "YY.M" }', "98.6", "1998-06"),
        ('acceptedOn = { column = "x", format = "YYYYMM" }', "000000", "DATE_UNREADABLE"),
        ('joinedOn = "x"', "2021年6月", "DAY_MISSING"),
        ('joinedOn = "x"', "2005-02-23 00:00:00", "2005-02-23"),
        ('joinedOn = { column = "x", format = "excel" }', 44352, "2021-06-05"),
    ],
)
def test_a_date_keeps_the_precision_it_was_given(
    value: Value, rule: str, cell: Any, made: str
) -> None:
    assert value(rule, cell) == made


def test_day_numbers_count_from_1904_where_the_mapping_says_so(value: Value) -> None:
    rule = 'joinedOn = { column = "x", format = "excel" }'
    assert value(rule, 42890, top="[file]\ndates_1904 = true") == "2021-06-05"


@pytest.mark.parametrize(
    ("rule", "cell", "made"),
    [
        ('topics = "x"', "材料;生命；环境", ["材料", "生命", "环境"]),
        ('topics = { column = "x", split = ", " }', "a, b  c,", ["a", "b", "c"]),
        ('topics = { column = "x", split = ",", without = ["b"] }', "a,B,c", ["a", "c"]),
        ('topics = "x"', ["a", "b"], ["a", "b"]),
        ('model = { column = "x", split = "/", part = 2 }', "FEI/Talos", "Talos"),
        ('model = { column = "x", split = "/", part = 3 }', "FEI/Talos", "PART_MISSING"),
        ('model = { column = "x", match = "型号：(.+)$" }', "FEI 型号：Talos", "Talos"),
        ('model = { column = "x", remove = ["型号："] }', "型号：Talos", "Talos"),
        ('model = { column = "x", empty = ["无"] }', "无", None),
        ('model = "x"', "JEM\n2100F", "JEM 2100F"),
        ('functions = "x"', "一\r\n二", "一\n二"),
        ('model = { template = "{name} {x}" }', "F20", "电镜 F20"),
        ('model = { template = "{name} {x}" }', None, None),
        ('model = "x"', ["a", "b"], "SEVERAL_VALUES"),
        ('model = { header = "#3" }', "anything", "x"),
        ('classes = "x"', "GB/T 32847-2016:010102", None),
        ('originCountry = { column = "x", lookup = "ISO 3166-1" }', "德国", "DEU"),
        ('originCountry = { column = "x", lookup = "ISO 3166-1" }', "火星", "COUNTRY_UNKNOWN"),
        ('"place.divisionCode" = { column = "x", lookup = "GB/T 2260" }', "杭州市", "330100"),
        ('"place.divisionCode" = { column = "x", lookup = "GB/T 2260" }', "鼓楼区", None),
        ('acquisition = { column = "x", scheme = "MOE SJ1" }', "2", "DONATED"),
        ('acquisition = { column = "x", scheme = "MOE SJ1" }', "77", "CODE_UNKNOWN"),
        ('acquisition = { column = "x", codes = { buy = "购置", "-" = "" } }', "Buy", "PURCHASED"),
        ('acquisition = { column = "x", codes = { buy = "购置", "-" = "" } }', "-", None),
        ('acquisition = { column = "x", codes = { buy = "购置" } }', "gift", "CODE_NOT_MAPPED"),
        ('annualHours = { column = "x", unit = "分钟", round = 0 }', "90", 2),
        ('annualHours = "x"', "1,400", 1400),
        ('annualHours = "x"', "1400.5", "NOT_INTEGER"),
    ],
)
def test_cells_are_cut_looked_up_and_put_together(
    value: Value, rule: str, cell: Any, made: Any
) -> None:
    found = value(rule, cell)
    if rule.startswith("classes"):
        assert found == [{"scheme": "GB/T 32847", "version": "2016", "code": "010102"}]
    elif cell == "鼓楼区":
        assert found == "DIVISION_UNKNOWN"
    else:
        assert found == made


@pytest.mark.parametrize(("cell", "made"), [("是", True), ("N", False), ("√", True), ("可", None)])
def test_yes_and_no_are_read_as_people_write_them(value: Value, cell: str, made: Any) -> None:
    head = USE.replace("UsageRecord", "ServiceRecord").replace(
        "[record.items]", 'purpose = "教学"\n[record.items]'
    )
    found = value('agreementSigned = "x"', cell, head=head)
    assert found == ("NOT_BOOLEAN" if made is None else made)


def test_the_first_alternative_that_says_something_counts(value: Value) -> None:
    rule = (
        '"place.divisionCode" = { first = [ { column = "x", lookup = "GB/T 2260" }, '
        '{ column = "x", match = "^([0-9]{2})", template = "{}0000" } ] }'
    )
    assert value(rule, "杭州市") == "330100"
    assert value(rule, "44-广州") == "440000"
    assert value(rule, None) is None


def test_a_decimal_comma_is_read_where_the_mapping_says_so(value: Value) -> None:
    top = "[file]\ndecimal_comma = true"
    assert value('hours = "x"', "1.234,5", head=USE, top=top) == "1234.5"
    assert value('hours = "x"', Decimal("1.5"), head=USE, top=top) == "1.5"


def test_hours_are_counted_between_two_columns(converted: Any) -> None:
    text = USE.replace('userName = "name"', "") + 'hours = { between = ["a", "b"] }'
    rows = converted(
        text,
        ["no", "a", "b"],
        ["1", "2026-01-01 09:00", "2026-01-01 10:40"],
        ["2", "2026-01-01 09:00", "2026-01-01 08:00"],
        ["3", "2026-01-01 09:00", None],
    )
    assert rows[0].records[0][1]["hours"] == "1.6667"
    assert [each.problem.code for each in rows[1].problems] == ["TIMES_REVERSED"]
    assert rows[1].problems[0].columns == (2, 3)
    assert "hours" not in rows[2].records[0][1]


def test_members_of_a_list_are_made_from_the_pieces_of_a_cell(value: Value) -> None:
    head = INSTRUMENT.replace("[record.items]", '"identifiers.*.scheme" = "旧号"\n[record.items]')
    rule = '"identifiers.*.value" = { column = "x", split = "," }'
    assert value(rule, "a,b", head=head, path="identifiers") == [
        {"scheme": "旧号", "value": "a"},
        {"scheme": "旧号", "value": "b"},
    ]
    assert value(rule, "", head=head, path="identifiers") is None
