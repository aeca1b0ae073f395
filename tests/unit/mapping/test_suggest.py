"""Drafts of mappings."""

from __future__ import annotations

import pytest

from adapters.mapping import Converter, FileFacts, MappingError, Table, parse_mapping, suggest
from hub.intake.files.tables import read_file

LEDGER = """仪器编号,仪器名称,规格型号,原值（万元）,验收日期,现状,放置地点,领用人,联系电话,次数
2021001,扫描电镜,SU8010,326.5,2021年6月,在用,紫金港,张三,13800000000,12
2021002,质谱仪,QE HF,680,2021年12月,待修,玉泉,李四,13900000000,7
"""


def table(text: str) -> Table:
    return read_file("台账.csv", text.encode(), FileFacts())


def test_a_chinese_ledger_is_recognised_down_to_units_codes_and_personal_columns() -> None:
    draft = suggest(table(LEDGER), "台账")
    assert 'type = "Instrument"' in draft
    assert 'originalValue = { column = "原值（万元）", unit = "万元", currency = "CNY" }' in draft
    assert 'status = "现状"' in draft
    assert '"领用人" = "个人信息 personal data"' in draft
    assert '"联系电话" = "个人信息 personal data"' in draft


def test_a_draft_is_refused_until_a_person_has_decided_what_it_leaves_open() -> None:
    draft = suggest(table(LEDGER), "台账")
    with pytest.raises(MappingError) as caught:
        parse_mapping(draft)
    assert {each.code for each in caught.value.problems} == {"ITEM_MISSING"}
    decided = draft.replace('# institutionKey = ""', 'institutionKey = "moe:10335"')
    with pytest.raises(MappingError) as caught:
        Converter(parse_mapping(decided), table(LEDGER).columns)
    assert [each.where for each in caught.value.problems] == ["次数"]
    decided = decided.replace('# "次数" = ""', '"次数" = "标准没有该项"')
    made = Converter(parse_mapping(decided), table(LEDGER).columns)
    first, second = made.convert(table(LEDGER).rows)
    assert first.records[0][1]["originalValue"] == {"amount": "3265000", "currency": "CNY"}
    assert second.records[0][1]["acceptedOn"] == "2021-12"
    assert second.records[0][1]["status"] == "AWAITING_REPAIR"
    assert first.dropped == ("领用人", "联系电话")


def test_values_of_personal_columns_never_stand_in_a_draft() -> None:
    draft = suggest(table(LEDGER), "台账")
    for trace in ("张三", "李四", "13800000000"):
        assert trace not in draft


def test_people_are_known_by_what_a_column_holds_where_its_header_does_not_say() -> None:
    text = "编号,名称,X1\n1,电镜,a.b@example.org\n2,质谱,c@example.com\n"
    assert '"X1" = "个人信息' in suggest(table(text), "t")


def test_unknown_codes_are_left_to_a_person_and_not_guessed() -> None:
    text = "编号,仪器名称,状态\n1,电镜,good\n2,质谱,闲置\n"
    draft = suggest(table(text), "t")
    assert '"good" = "?"' in draft
    assert '"闲置" = "IDLE"' in draft
    with pytest.raises(MappingError) as caught:
        parse_mapping(draft)
    assert "CODE_UNKNOWN" in {each.code for each in caught.value.problems}


def test_dates_that_can_be_read_in_two_ways_are_said_to_be_uncertain() -> None:
    text = "记录编号,开始时间,结束时间\n1,2/11/2026 9:00,2/11/2026 10:00\n"
    draft = suggest(table(text), "t", "UsageRecord")
    assert "D/M/YYYY H:mm, M/D/YYYY H:mm" in draft
    sure = suggest(table(text.replace("2/11", "25/11")), "t", "UsageRecord")
    assert 'format = "D/M/YYYY H:mm"' in sure
    assert "not certain" not in sure


@pytest.mark.parametrize(
    ("values", "key"),
    [
        (("https://ror.org/00073tb80", "https://ror.org/001f9e125"), "ror:00073tb80"),
        (("4133010335", "4131010246"), "moe:10335"),
        (("12100000470095016Q", "12100000425006133D"), "uscc:12100000470095016Q"),
    ],
)
def test_keys_of_institutions_are_known_by_their_shape(values: tuple[str, str], key: str) -> None:
    text = f"x,单位名称,单位类型\n{values[0]},甲大学,高等学校\n{values[1]},乙大学,高等学校\n"
    draft = suggest(table(text), "t")
    assert 'type = "Institution"' in draft
    first, _ = Converter(parse_mapping(draft), table(text).columns).convert(table(text).rows)
    assert first.records[0][1]["institutionKey"] == key


@pytest.mark.parametrize(
    "text",
    [
        "a\n",
        'he said "x"\\,b\n1,2\n',
        "编号\n1\n",
        ",,\n1,2,3\n",
        "a=b # c,[d]\n1,2\n",
    ],
)
def test_a_draft_is_always_a_text_that_can_be_read_as_a_mapping(text: str) -> None:
    draft = suggest(read_file("x.csv", text.encode(), FileFacts(delimiter=",")), 'a "b"')
    with pytest.raises(MappingError) as caught:
        parse_mapping(draft)
    assert "MAPPING_NOT_TOML" not in {each.code for each in caught.value.problems}
