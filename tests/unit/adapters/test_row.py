from decimal import Decimal

import pytest

from adapters._adapter import Adapter, Collection, Context
from adapters._row import Row, decimal_text
from connectors.rest import PagedJson
from schema.codes import InstrumentStatus

STATUS = {"在用": InstrumentStatus.IN_SERVICE, "1": InstrumentStatus.IN_SERVICE}


def problems(row):
    return [(problem.path, problem.code) for problem in row.problems]


def test_all_problems_of_a_row_are_found_and_not_only_the_first():
    row = Row({"name": "  ", "worth": "1,200", "status": "坏", "at": "soon", "day": "2026-02-30"})
    row.text("name")
    row.decimal("worth")
    row.code("status", STATUS)
    row.instant("at")
    row.optional_day("day")
    assert problems(row) == [
        ("name", "MISSING"),
        ("worth", "NOT_DECIMAL"),
        ("status", "CODE_UNKNOWN"),
        ("at", "INSTANT_INVALID"),
        ("day", "DATE_INVALID"),
    ]
    assert row.problems[2].value == "坏"
    assert "在用" in row.problems[2].zh


@pytest.mark.parametrize(
    ("raw", "times", "wanted"),
    [
        (Decimal("625.55"), 10_000, "6255500"),
        ("0.01", 10_000, "100"),
        (12, 1, "12"),
        ("120.50", 1, "120.5"),
        ("1E+3", 1, "1000"),
        (0, 10_000, "0"),
        ("123456789012345678.12345678", 10_000, "1234567890123456781234.5678"),
    ],
)
def test_amounts_are_converted_exactly(raw, times, wanted):
    row = Row({"worth": raw})
    assert row.decimal("worth", times=times) == wanted
    assert row.problems == []


@pytest.mark.parametrize(
    "raw", ["NaN", "Infinity", "1e-20", "1e999999999", "9" * 40, "12 元", "0x10"]
)
def test_what_is_no_amount_is_a_problem(raw):
    row = Row({"worth": raw})
    row.decimal("worth")
    assert problems(row) == [("worth", "NOT_DECIMAL")]


def test_decimals_are_written_without_exponent_or_needless_zeros():
    assert decimal_text(Decimal("1E+5")) == "100000"
    assert decimal_text(Decimal("100")) == "100"
    assert decimal_text(Decimal("0.500")) == "0.5"


def test_naive_times_are_shanghai_and_offsets_are_kept():
    row = Row(
        {"a": "2026-11-24 09:00", "b": "2026-11-24T09:00:00.5+02:00", "c": "2026-11-27 24:00"}
    )
    assert row.instant("a") == "2026-11-24T01:00:00Z"
    assert row.instant("b") == "2026-11-24T07:00:00Z"
    assert row.instant("c") == "2026-11-27T16:00:00Z"


def test_a_country_is_known_by_name_letters_or_number():
    row = Row({"a": "日本", "b": "jpn", "c": "392", "d": "000", "e": "仙境"})
    assert [row.optional_country(name) for name in "abcde"] == ["JPN", "JPN", "JPN", None, None]
    assert problems(row) == [("e", "COUNTRY_UNKNOWN")]


def test_dropped_fields_are_counted_when_they_were_there_and_never_shown():
    row = Row({"phone": "021-1", "mail": "", "n": 1})
    row.drop("phone", "mail", "absent")
    row.fault("phone", "X", "x", "x")
    assert row.dropped == ["phone"]
    assert row.problems[0].value is None
    assert row.unread() == ["n"]


def test_lists_are_split_at_chinese_and_western_marks():
    row = Row({"subject": "150，430、 140;;"})
    assert row.list_of("subject") == ["150", "430", "140"]


def convert(additions, raw):
    def mapper(row, context):
        row.text("name")
        return ()

    collection = Collection(name="list", reader=PagedJson(path="x"), map=mapper)
    adapter = Adapter(
        id="a",
        title_zh="",
        title_en="",
        publisher_zh="",
        publisher_en="",
        collections=(collection,),
        promised_freshness=None,
        additions=additions,
    )
    return adapter.convert(collection, raw, Context(source="a", now=None))


def test_an_added_field_warns_or_refuses_as_the_adapter_says():
    warned = convert("warn", {"name": "x", "new": 1})
    assert (warned.problems, warned.additions) == ((), ("new",))
    refused = convert("strict", {"name": "x", "new": 1})
    assert [problem.code for problem in refused.problems] == ["FIELD_ADDED"]
