"""How whole rows and whole tables fare."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.mapping import Column, Converter, MappingError, SourceRow, parse_mapping
from schema.conform import conform
from schema.registry import standard
from tests.unit.mapping.conftest import INSTRUMENT


def misfits(text: str, *header: str) -> dict[str, str]:
    columns = [Column(at, name) for at, name in enumerate(header, start=1)]
    with pytest.raises(MappingError) as caught:
        Converter(parse_mapping(text), columns)
    return {each.where: f"{each.code} {each.zh} {each.en}" for each in caught.value.problems}


def test_columns_that_are_unknown_or_missing_are_all_named() -> None:
    told = misfits(INSTRUMENT, "No.", "name", "备注", "联系电话")
    assert set(told) == {"no", "No.", "备注", "联系电话"}
    assert told["no"].startswith("COLUMN_MISSING")
    assert "No." in told["no"]
    assert told["备注"].startswith("COLUMN_UNKNOWN C 列")
    assert "[drop]" in told["联系电话"]


def test_column_names_differ_neither_by_case_nor_by_blanks_nor_by_width(converted: Any) -> None:
    text = INSTRUMENT.replace('"name"', '"名称(中文)"').replace('"no"', '"仪器 NO"')
    (row,) = converted(text, ["仪器no", "名称（中文）"], ["1", "电镜"])
    assert row.records[0][1]["localNo"] == "1"


def test_a_prefix_with_a_star_ignores_all_columns_below_it(converted: Any) -> None:
    text = INSTRUMENT + '[ignore]\n"extra.*" = "内部"'
    assert converted(text, ["no", "name", "extra.a", "extra.b.c"], ["1", "电镜", 1, 2])[0].records


def test_a_row_with_two_records_goes_in_whole_or_comes_back_whole(converted: Any) -> None:
    text = (
        INSTRUMENT
        + """
[[record]]
type = "ServiceOffer"
[record.fixed]
audience = "外单位"
[record.items]
instrumentKey = { template = "moe:10335/{no}" }
code = "no"
price = { column = "price", unit = "元", currency = "CNY" }
"""
    )
    header = ["no", "name", "price"]
    good, bad = converted(text, header, ["1", "电镜", "300"], ["2", "质谱", "面议"])
    assert [name for name, _ in good.records] == ["Instrument", "ServiceOffer"]
    assert bad.records == ()
    assert bad.problems[0].columns == (3,)


def test_a_record_under_a_condition_is_made_only_then(converted: Any) -> None:
    text = INSTRUMENT.replace(
        'type = "Instrument"', 'type = "Instrument"\nwhen = { column = "kind", is = ["仪器"] }'
    )
    header = ["no", "name", "kind"]
    made, other = converted(text, header, ["1", "电镜", "仪器"], ["2", "桌子", "家具"])
    assert made.records
    assert [each.problem.code for each in other.problems] == ["NO_RECORD"]


def test_rows_are_left_out_only_with_a_reason(converted: Any) -> None:
    text = INSTRUMENT + '[[leave_out]]\ncolumn = "no"\nfilled = false\nreason = "合计行"'
    total, row = converted(text, ["no", "name"], [None, "合计"], ["1", "电镜"])
    assert (total.left_out, total.records, total.problems) == ("合计行", (), ())
    assert row.left_out is None


def test_a_second_row_under_the_same_key_is_a_mistake_unless_it_is_called_a_revision(
    converted: Any,
) -> None:
    rows = (["1", "电镜"], ["1", "电镜"], ["1", "质谱"])
    first, same, other = converted(INSTRUMENT, ["no", "name"], *rows)
    assert first.records == same.records
    assert other.problems[0].problem.code == "KEY_REPEATED"
    assert other.problems[0].columns == (1,)
    revised = converted('same_key = "revise"\n' + INSTRUMENT, ["no", "name"], *rows)
    assert all(each.records for each in revised)


def test_content_beyond_the_last_column_name_is_refused(converted: Any) -> None:
    (row,) = converted(INSTRUMENT, ["no", "name"], ["1", "电镜", "?"])
    assert row.problems[0].problem.code == "CELL_WITHOUT_COLUMN"


def test_what_does_not_conform_points_at_the_columns_that_feed_it(converted: Any) -> None:
    text = (
        INSTRUMENT.replace('institutionKey = "moe:10335"\n', "")
        + 'institutionKey = { column = "unit", template = "uscc:{}" }'
    )
    (row,) = converted(text, ["no", "name", "unit"], ["1", None, "123"])
    assert {(each.reason, each.columns) for each in row.problems} == {
        ("institutionKey", (3,)),
        ("name", (2,)),
    }


def test_a_row_tells_all_that_is_wrong_with_it_at_once(converted: Any) -> None:
    text = (
        INSTRUMENT.replace('status = "在用"\n', "")
        + 'status = "state"\nacceptedOn = "day"\nannualHours = "hours"\n'
        + 'originalValue = { column = "worth", unit = "元", currency = "CNY" }'
    )
    header = ["no", "name", "state", "day", "hours", "worth"]
    (row,) = converted(text, header, ["1", None, "坏了", "noon", "many", "面议"])
    assert {(each.problem.code, each.columns) for each in row.problems} == {
        ("MISSING", (2,)),
        ("CODE_UNKNOWN", (3,)),
        ("DATE_UNREADABLE", (4,)),
        ("NOT_INTEGER", (5,)),
        ("NOT_A_NUMBER", (6,)),
    }


def test_a_required_cell_that_cannot_be_read_is_told_once_and_not_as_missing_too(
    converted: Any,
) -> None:
    text = INSTRUMENT.replace('"no"', '{ column = "no", codes = { "1" = "A" } }')
    (row,) = converted(text, ["no", "name"], ["2", "电镜"])
    assert [(each.problem.code, each.reason) for each in row.problems] == [
        ("CODE_NOT_MAPPED", "localNo")
    ]


CELLS = st.one_of(
    st.none(),
    st.text(max_size=20),
    st.integers(),
    st.decimals(allow_nan=False, allow_infinity=False),
    st.booleans(),
    st.datetimes(),
    st.dates(),
    st.times(),
    st.lists(st.one_of(st.text(max_size=5), st.dictionaries(st.text(max_size=3), st.none()))),
    st.sampled_from(["1", "在用", "2021-06", "2026-11-02 09:00", "12,5", "万元", "[", '[{"a":1}]']),
)
WIDE = """
[[leave_out]]
column = "a"
is = ["1"]
reason = "合计"
[[record]]
type = "Instrument"
[record.fixed]
institutionKey = "moe:10335"
[record.items]
localNo = { column = "a", match = "^(.{1,5})" }
name.zh = ["b", "a[0].x"]
status = { column = "c", codes = { "在用" = "IN_SERVICE", "" = "IDLE" } }
originalValue = { column = "d", unit = "万元", currency = "CNY" }
acceptedOn = "e"
topics = { column = "b", split = ", " }
annualHours = { column = "f", unit = "分钟", round = 0 }
[[record]]
type = "UsageRecord"
when = { column = "e", filled = true }
[record.fixed]
collectionMethod = "MANUAL"
[record.items]
instrumentKey = { template = "moe:10335/{a}" }
localId = "b"
startedAt = { column = "e", zone = "Europe/London" }
endedAt = { column = "f", format = "excel" }
hours = { between = ["e", "f"] }
"""


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.lists(CELLS, max_size=8), max_size=6))
def test_whatever_the_cells_hold_every_row_is_left_out_or_made_or_refused(rows: Any) -> None:
    columns = [Column(at, name) for at, name in enumerate("abcdef", start=1)]
    made = [SourceRow(at, tuple(row)) for at, row in enumerate(rows, start=2)]
    converted = list(Converter(parse_mapping(WIDE), columns).convert(made))
    assert [each.row for each in converted] == made
    for each in converted:
        states = (each.left_out is not None, bool(each.records), bool(each.problems))
        assert sum(states) == 1
        for name, wire in each.records:
            assert conform(standard()[name], wire)[1] == []
        for told in each.problems:
            assert told.problem.zh
            assert told.problem.en
            assert all(1 <= position <= 6 for position in told.columns)


@pytest.mark.parametrize(
    "cell", ["[" * 30_000, "[" * 9_000 + "]" * 9_000, '[{"lang":"zh","lang":"en","value":"a"}]']
)
def test_a_cell_that_is_no_list_costs_its_own_row_only(cell: str) -> None:
    text = INSTRUMENT.replace('name.zh = "name"', 'name.zh = "name[lang=zh].value"')
    columns = [Column(1, "no"), Column(2, "name")]
    rows = [
        SourceRow(2, ("1", cell)),
        SourceRow(3, ("2", '[{"lang":"zh","value":"电镜"}]')),
    ]
    hostile, plain = Converter(parse_mapping(text), columns).convert(rows)
    assert hostile.problems
    assert not plain.problems
    assert plain.records[0][1]["name"] == {"zh": "电镜"}
