"""What a mapping may say, and how it is told what it may not."""

from __future__ import annotations

import pytest
from stdnum.iso7064 import mod_11_2

from adapters.mapping import MappingError, parse_mapping
from tests.unit.mapping.reading import read

GOOD = """
title = "台账"
[[record]]
type = "Instrument"
[record.fixed]
institutionKey = "moe:10335"
status = "在用"
[record.items]
localNo = "编号"
name.zh = "名称"
"""


def problems(text: str) -> dict[str, tuple[int | None, str]]:
    with pytest.raises(MappingError) as caught:
        parse_mapping(text)
    return {each.code: (each.line, each.zh + " " + each.en) for each in caught.value.problems}


def test_dotted_item_names_need_no_quotes() -> None:
    mapping = parse_mapping(GOOD)
    assert [rule.slot.path for rule in mapping.records[0].rules] == [
        "institutionKey",
        "status",
        "localNo",
        "name.zh",
    ]


def test_everything_wrong_is_told_at_once_with_its_line() -> None:
    text = """titel = "台账"
[file]
encoding = "utf-99"
time_zone = "Asia/Shanghigh"
[[record]]
type = "Instrument"
[record.fixed]
status = "能用"
[record.items]
localNo = "编号"
name.cn = "名称"
originalValue = { column = "原值", unit = "磅" }
acceptedOn = { column = "验收", format = "日/月" }
[ignore]
"备注" = ""
"编号" = "不用"
"""
    told = problems(text)
    assert {code: line for code, (line, _) in told.items()} == {
        "KEY_UNKNOWN": 1,
        "ENCODING_UNKNOWN": 3,
        "ZONE_UNKNOWN": 4,
        "ITEM_MISSING": 5,
        "CODE_UNKNOWN": 8,
        "ITEM_UNKNOWN": 11,
        "UNIT_UNKNOWN": 12,
        "CURRENCY_MISSING": 12,
        "FORMAT_UNKNOWN": 13,
        "REASON_MISSING": 15,
        "COLUMN_USED_AND_LEFT": 16,
    }
    assert "title" in told["KEY_UNKNOWN"][1]
    assert "name.zh" in told["ITEM_UNKNOWN"][1] or "name.en" in told["ITEM_UNKNOWN"][1]
    assert "万元" in told["UNIT_UNKNOWN"][1]


@pytest.mark.parametrize(
    ("line", "slip"), [("仪器编号 = x", ""), ("model = “型号”", "“”"), ('model ＝ "型号"', "＝")]
)
def test_a_text_that_is_no_toml_is_told_with_its_line_and_wrong_marks(line: str, slip: str) -> None:
    number, told = problems(f'title = "a"\n{line}\n')["MAPPING_NOT_TOML"]
    assert number == 2
    assert slip in told
    assert ("中文标点" in told) is bool(slip)


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ('model = { colum = "x" }', "ITEM_UNKNOWN"),
        ('model = { column = "x", header = "#1" }', "RULE_UNCLEAR"),
        ('model = { column = "x", match = "(" }', "PATTERN_WRONG"),
        ('model = { column = "x", match = "[0-9]+" }', "PATTERN_WRONG"),
        ('model = { column = "x", split = "," }', "RULE_UNFIT"),
        ('model = { column = "x", format = "YYYY" }', "RULE_UNFIT"),
        ('model = { column = "x", lookup = "GB 1" }', "LOOKUP_UNKNOWN"),
        ('model = { template = "?/{x}" }', "NOT_DECIDED"),
        ('acquisition = { column = "x", scheme = "MOE" }', "SCHEME_UNKNOWN"),
        ('acquisition = { column = "x", codes = { 1 = "买的" } }', "CODE_UNKNOWN"),
        ('acquisition = { column = "x", codes = { 1 = "?" } }', "CODE_UNKNOWN"),
        ("model = 3", "RULE_UNREADABLE"),
        ('status = "x"', "ITEM_TWICE"),
        ('place = "x"', "ITEM_UNKNOWN"),
        ('annualHours = { column = "x", unit = "万元" }', "UNIT_UNKNOWN"),
        ('annualHours = { column = "x", round = 99 }', "NOT_ALLOWED"),
        ('annualHours = { between = ["x"] }', "RULE_UNCLEAR"),
        ('originalValue = "x"', "CURRENCY_MISSING"),
        ('joinedOn = { column = "x", zone = "Mars" }', "ZONE_UNKNOWN"),
        ('"identifiers.99999.value" = "x"', "ITEM_UNKNOWN"),
    ],
)
def test_a_rule_that_cannot_be_meant_is_refused(line: str, code: str) -> None:
    assert code in problems(GOOD + line)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "RECORD_MISSING"),
        ('[[record]]\ntype = "仪器"', "RECORD_TYPE_UNKNOWN"),
        (GOOD + '[[leave_out]]\ncolumn = "x"\nis = ["1"]', "REASON_MISSING"),
        (GOOD + '[[leave_out]]\ncolumn = "x"\nreason = "r"', "CONDITION_UNCLEAR"),
        ('same_key = "replace"\n' + GOOD, "NOT_ALLOWED"),
        ('as_of = "gestern"\n' + GOOD, "NOT_A_DATE"),
        ("file = 1\n" + GOOD, "NOT_A_TABLE"),
        ("drop = 1\n" + GOOD, "NOT_A_TABLE"),
        (GOOD + '[drop]\n"a" = "x"\n[ignore]\n"a" = "y"', "COLUMN_TWICE"),
        (GOOD + '[file]\ndelimiter = "::"', "NOT_ALLOWED"),
        (GOOD + "[file]\nheader_row = 0", "NOT_ALLOWED"),
        (GOOD + '[file]\ndecimal_comma = "ja"', "NOT_A_FLAG"),
    ],
)
def test_a_mapping_that_cannot_be_meant_is_refused(text: str, code: str) -> None:
    assert code in problems(text)


SERVICE = """
title = "服务"
[[record]]
type = "ServiceRecord"
[record.fixed]
instrumentKey = "moe:10335/1"
purpose = "RESEARCH"
collectionMethod = "MANUAL"
ways = %s
[record.items]
localId = "编号"
"""


@pytest.mark.parametrize(
    ("stated", "ways"),
    [
        ('["TECHNICAL", "REMOTE"]', ["TECHNICAL", "REMOTE"]),
        ('["2", "远程共享"]', ["TECHNICAL", "REMOTE"]),
        ('"TECHNICAL;REMOTE"', ["TECHNICAL", "REMOTE"]),
        ('"技术共享；远程共享"', ["TECHNICAL", "REMOTE"]),
        ('["TECHNICAL"]', ["TECHNICAL"]),
        ("2", ["TECHNICAL"]),
    ],
)
def test_an_item_of_several_codes_has_several_fixed_ones(stated: str, ways: list[str]) -> None:
    table = read("编号\nA\nB\n".encode(), SERVICE % stated)
    made = [each.records[0][1]["ways"] for each in table.converted]
    assert made == [ways, ways]
    assert made[0] is not made[1]


@pytest.mark.parametrize(
    ("stated", "code"),
    [
        ('["TECHNICAL", "BY_POST"]', "CODE_UNKNOWN"),
        ('"TECHNICAL;BY_POST"', "CODE_UNKNOWN"),
        ("[]", "FIXED_UNREADABLE"),
        ('["TECHNICAL", ""]', "FIXED_UNREADABLE"),
        ("[2.5]", "NOT_TEXT"),
        ("true", "CODE_UNKNOWN"),
    ],
)
def test_each_of_several_fixed_codes_is_looked_at(stated: str, code: str) -> None:
    told = problems(SERVICE % stated)
    assert code in told
    assert told[code][0] == 9
    assert code != "CODE_UNKNOWN" or "TECHNICAL" not in told[code][1].split("；")[0]


def test_an_item_of_one_value_takes_no_list_of_fixed_ones() -> None:
    text = GOOD.replace('status = "在用"', 'status = ["在用", "闲置"]')
    assert "FIXED_UNREADABLE" in problems(text)


def test_a_mapping_that_holds_a_citizen_number_is_refused_without_repeating_it() -> None:
    body = "33010619900307123"
    number = body + mod_11_2.calc_check_digit(body)
    for line in (f'[record.fixed]\nmodel = "{number}"', f"# for {number}"):
        with pytest.raises(MappingError) as caught:
            parse_mapping(f'title = "t"\n{line}\n')
        (problem,) = caught.value.problems
        assert problem.code == "CITIZEN_NUMBER"
        assert problem.line
        assert number not in str(caught.value) + problem.zh + problem.en


def test_what_is_no_toml_is_told_in_words_of_the_hub() -> None:
    with pytest.raises(MappingError) as caught:
        parse_mapping('title = "t"\na b c\n')
    (problem,) = caught.value.problems
    assert "第 2 行" in problem.zh
    assert "Expected" not in problem.zh + problem.en
