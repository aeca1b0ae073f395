"""Cases from the field about numbers, JSON, encodings and rules; siblings of each kind."""

from __future__ import annotations

import io
from typing import Any

import pytest
from python_calamine import CalamineWorkbook

from connectors.errors import PayloadError
from hub.intake.files.rejects import Refused, rejects_workbook
from tests.shared import SHARED
from tests.unit.mapping.reading import INSTRUMENT, USE, case, csv, item, read, told
from tests.workbooks import workbook_of

AMOUNT = ("originalValue", "amount")


def amounts(lines: bytes, *, rule: str = "", top: str = "", currency: str = "CNY") -> list[Any]:
    value = f'originalValue = {{ column = "v", currency = "{currency}"{rule} }}\n'
    return item(told(read(lines, f"{top}{INSTRUMENT}{value}")), *AMOUNT)


# 11


def test_case_11() -> None:
    rows = case("11-number-marks", "comma.csv", "comma.toml")
    assert item(rows, *AMOUNT) == [["NOT_DECIMAL"], ["NOT_DECIMAL"], "1234.5"]
    rows = case("11-number-marks", "signs.csv", "signs.toml")
    assert rows == [["CURRENCY_CONTRADICTED"], ["NOT_DECIMAL"]]


@pytest.mark.parametrize(
    ("text", "point", "comma"),
    [
        ("1234.5", "1234.5", None),
        ("1234,5", None, "1234.5"),
        ("1,234,567.25", "1234567.25", None),
        ("1.234.567,25", None, "1234567.25"),
        ("1,234", "1234", "1.234"),
        ("1.234", "1.234", "1234"),
        ("1 234", "1234", "1234"),
        ("12 34", None, None),
        ("1\u00a0234\u00a0567", "1234567", "1234567"),
        ("1_000", None, None),
        ("１２３", "123", "123"),
        ("\u0661\u0662", None, None),
        ("1,23,456", None, None),
        ("12,50", None, "12.5"),
        ("NaN", None, None),
        ("Infinity", None, None),
        ("0x10", None, None),
        ("1.5E+3", "1500", None),
        ("--1", None, None),
        ("1-", None, None),
        ("", None, None),
    ],
)
def test_marks_of_a_number_mean_one_thing_or_are_refused(
    text: str, point: str | None, comma: str | None
) -> None:
    lines = csv("no;name;v", f"1;A;{text}")
    for top, made in (("", point), ("[file]\ndecimal_comma = true\n", comma)):
        (found,) = amounts(lines, top=top)
        assert found == (made if made else found if not text else ["NOT_DECIMAL"])


@pytest.mark.parametrize(
    ("text", "currency", "made"),
    [
        ("¥1,234.50", "CNY", "1234.5"),
        ("￥12", "CNY", "12"),
        ("12 ¥", "JPY", "12"),
        ("¥12", "USD", ["CURRENCY_CONTRADICTED"]),
        ("$12", "HKD", "12"),
        ("-$12", "USD", ["OUT_OF_RANGE"]),
        ("€12", "USD", ["CURRENCY_CONTRADICTED"]),
        ("£12", "GBP", "12"),
        ("$¥12", "USD", ["NOT_DECIMAL"]),
        ("1$2", "USD", ["NOT_DECIMAL"]),
        ("$12$", "USD", ["NOT_DECIMAL"]),
        ("10\n20", "CNY", ["NOT_DECIMAL"]),
        ("12元", "CNY", ["NOT_DECIMAL"]),
    ],
)
def test_a_sign_of_money_must_be_one_of_its_currency(text: str, currency: str, made: Any) -> None:
    (found,) = amounts(csv("no,name,v", f'1,A,"{text}"'), currency=currency)
    assert found == made


def test_with_a_unit_the_sign_is_looked_at_as_well() -> None:
    lines = csv("no,name,v", "1,A,¥12万元", "2,B,$12万元", "3,C,12元")
    found = amounts(lines, rule=', unit = "万元"')
    assert found == ["120000", ["CURRENCY_CONTRADICTED"], ["NOT_A_NUMBER"]]


def test_hours_have_no_sign_of_money() -> None:
    assert told(read(csv("no,h", "1,¥2"), f'{USE}hours = "h"\n')) == [["NOT_DECIMAL"]]


def test_a_number_of_many_digits_is_rounded_or_refused_and_never_raises() -> None:
    rule = f'{USE}hours = {{ column = "h", unit = "分钟" }}\n'
    assert told(read(csv("no,h", f"1,6{'0' * 25}"), rule))[0] != []


# 12


def test_half_a_character_comes_back_in_the_workbook_of_refused_rows() -> None:
    lines = csv(
        '{"no": "S-1", "name": "A\\ud83d"}',
        '{"no": "S-2", "name": "B\\uffff\\udc00"}',
        '{"no": "S-3", "name": "C"}',
    )
    table = read(lines, INSTRUMENT)
    refused = [Refused(each.row, each.problems) for each in table.converted if each.problems]
    assert [each.row.number for each in refused] == [1, 2]
    content = rejects_workbook([(table.table, refused)])
    sheet = CalamineWorkbook.from_filelike(io.BytesIO(content)).get_sheet_by_index(0).to_python()
    assert sheet[1][:3] == [1, "S-1", "A\N{REPLACEMENT CHARACTER}"]
    assert sheet[2][2] == "B\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}"


def test_case_12() -> None:
    rows = case("12-rejects-workbook-half-character", "inst.jsonl", "inst.toml")
    assert rows[0] == ["CONTROL_CHARACTER"]
    assert item(rows[1:], "localNo") == ["S-2"]


# 13


def test_case_13() -> None:
    rows = case("13-json-nan-and-repeated-members", "inst.jsonl", "inst.toml")
    assert rows == [["NOT_JSON"], ["NOT_JSON"]]


@pytest.mark.parametrize(
    ("line", "zh"),
    [
        ('{"no": "1", "name": NaN}', "NaN"),
        ('{"no": "1", "name": -Infinity}', "Infinity"),
        ('{"no": "1", "name": "A", "name": "B"}', "重复"),
        ('{"no": "1", "name": {"a": 1, "a": 2}}', "重复"),
        ('{"no": "1", "name": "A"', "字符"),
        ('["1"]', "别的内容"),
    ],
)
def test_a_line_that_is_no_json_is_refused_and_costs_no_other(line: str, zh: str) -> None:
    table = read(csv(line, '{"no": "2", "name": "B"}', '{"no": "3", "name": "C"}'), INSTRUMENT)
    rows = told(table)
    assert rows[0] == ["NOT_JSON"]
    assert item(rows[1:], "localNo") == ["2", "3"]
    problem = table.converted[0].problems[0].problem
    assert zh in problem.zh
    assert "Expecting" not in problem.en


@pytest.mark.parametrize(
    "text", ['[{"no": "1", "name": NaN}]', '[\n{"no": "1",\n"no": "2"}\n]', '{"rows": [{"a": 1}']
)
def test_a_json_document_that_is_none_says_where(text: str) -> None:
    with pytest.raises(PayloadError) as caught:
        read(text.encode(), INSTRUMENT)
    assert "不是 JSON" in caught.value.detail
    assert "Expecting" not in caught.value.detail


# 14


@pytest.mark.parametrize("file", ["inst.csv", "cut.csv"])
def test_case_14(file: str) -> None:
    with pytest.raises(PayloadError, match="byte"):
        case("14-western-bytes-read-as-gb18030", file, "inst.toml")


CHINESE = "透射电子显微镜,在用\n2,扫描电镜（钨灯丝）,在用\n3,朱镕基喆珺,待修\n4,質譜,维修"


@pytest.mark.parametrize(
    ("data", "is_read"),
    [
        (CHINESE.encode("gb18030"), True),
        ("电镜 µ 型 Ⅱ".encode("gb18030"), True),
        (CHINESE.encode(), True),
        ("Müller 25°C stage".encode("latin-1"), False),
        ("Gerät für Prüfung,Größe".encode("cp1252"), False),
        ("Mesure à 20 °C, été".encode("cp1252"), False),
        ("расходомер".encode("cp1251"), False),
        ("電子顯微鏡,質譜儀,使用中".encode("big5"), False),
        (CHINESE.encode()[:5] + CHINESE.encode()[6:], False),
        (CHINESE.encode()[:-1], False),
        (b"\xff\xfe\xfd\xfc plain", False),
    ],
)
def test_only_what_looks_like_chinese_text_is_guessed_to_be_gb_18030(
    data: bytes, is_read: bool
) -> None:
    content = b"no,name\n1," + data + b"\n"
    if is_read:
        table = read(content, INSTRUMENT)
        assert table.table.properties["encoding"] in ("utf-8", "gb18030")
        return
    with pytest.raises(PayloadError) as caught:
        read(content, INSTRUMENT)
    assert "第" in caught.value.detail
    assert "encoding" in caught.value.hint


def test_an_encoding_that_is_stated_is_taken_at_its_word() -> None:
    top = '[file]\nencoding = "latin-1"\n'
    data = b"no,name\n1," + "Müller".encode("latin-1")
    assert item(told(read(data, top + INSTRUMENT)), "name", "zh") == ["Müller"]


# 15, 16


def test_case_15() -> None:
    rows = case("15-rules-that-never-match", "inst.xlsx", "inst.toml")
    assert rows == ["left out: disposed"]
    rows = case("15-rules-that-never-match", "match.csv", "match.toml")
    assert rows == [["MATCH_NOTHING"]]


@pytest.mark.parametrize("word", ["TRUE", "true", "True"])
def test_a_boolean_cell_is_met_by_either_word(word: str) -> None:
    rule = f'[[leave_out]]\ncolumn = "gone"\nis = ["{word}"]\nreason = "gone"\n'
    book = workbook_of({"rows": [["no", "name", "gone"], ["1", "A", True], ["2", "B", False]]})
    rows = told(read(book, rule + INSTRUMENT))
    assert rows[0] == "left out: gone"
    assert item(rows[1:], "localNo") == ["2"]
    kept = rule.replace("is =", "is_not =")
    assert told(read(book, kept + INSTRUMENT))[1] == "left out: gone"
    for data in (b'[{"no": "1", "name": "A", "gone": true}]', csv("no,name,gone", f"1,A,{word}")):
        assert told(read(data, rule + INSTRUMENT)) == ["left out: gone"]


def test_a_match_that_finds_nothing_in_a_filled_cell_is_a_problem_and_in_a_blank_none() -> None:
    rule = f'{INSTRUMENT}model = {{ column = "m", match = "型号：(.+)$" }}\n'
    rows = told(read(csv("no,name,m", "1,A,型号：X", "2,B,X", "3,C,"), rule))
    assert item(rows, "model") == ["X", ["MATCH_NOTHING"], None]


def test_the_next_alternative_is_tried_where_a_match_finds_nothing() -> None:
    rule = 'model = { first = [ { column = "m", match = "^A(.)" }, { column = "m" } ] }\n'
    assert item(told(read(csv("no,name,m", "1,A,Bx"), INSTRUMENT + rule)), "model") == ["Bx"]


def test_case_16() -> None:
    rows = case("16-division-name-of-many-cities", "inst.csv", "inst.toml")
    assert rows == [["DIVISION_UNKNOWN"]]


@pytest.mark.parametrize(
    ("name", "made"),
    [
        ("市辖区", ["DIVISION_UNKNOWN"]),
        ("县", ["DIVISION_UNKNOWN"]),
        ("鼓楼区", ["DIVISION_UNKNOWN"]),
        ("杭州市", "330100"),
        ("闸北区", ["DIVISION_ENDED"]),
        ("火星区", ["DIVISION_UNKNOWN"]),
    ],
)
def test_a_name_that_is_not_of_one_place_is_refused(name: str, made: Any) -> None:
    rule = f'{INSTRUMENT}place.divisionCode = {{ column = "d", lookup = "GB/T 2260" }}\n'
    rows = told(read(csv("no,name,d", f"1,A,{name}"), rule))
    assert item(rows, "place", "divisionCode") == [made]


def test_the_shared_cases_are_those_that_are_tested_here() -> None:
    if not (SHARED / "cases").is_dir():
        pytest.skip("the shared cases are not here")
    numbers = {each.name[:2] for each in (SHARED / "cases").iterdir() if each.is_dir()}
    assert numbers == {f"{number:02}" for number in range(1, 17)}
