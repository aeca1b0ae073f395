from decimal import Decimal

import pytest

from adapters._adapter import Adapter, Collection, Context
from adapters._row import Row, decimal_text
from connectors.answer_json import read_answer
from connectors.rest import PagedJson
from schema.codes import InstrumentStatus
from tests.source_metadata import metadata

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
        metadata=metadata("a", {"Instrument": ("15 min", "2 h")}, additions=additions),
        collections=(collection,),
    )
    return adapter.convert(collection, raw, Context(source="a", now=None))


def test_an_added_field_warns_or_refuses_as_the_adapter_says():
    warned = convert("warn", {"name": "x", "new": 1})
    assert (warned.problems, warned.additions) == ((), ("new",))
    refused = convert("strict", {"name": "x", "new": 1})
    assert [problem.code for problem in refused.problems] == ["FIELD_ADDED"]


@pytest.mark.parametrize(
    ("written", "made"),
    [
        ("13.0", "13"),
        ("13.50", "13.50"),
        ("1234567890123456789", "1234567890123456789"),
        ('"1E+05"', "1E+05"),
        ('"0013"', "0013"),
        ("1e5", "100000"),
        ("2.02012345678901e17", None),
        ("202012345678901234.0", None),
        ("-1e400", None),
        ("1e999999999", None),
    ],
)
def test_a_number_of_a_source_that_names_something_keeps_its_digits_or_is_refused(written, made):
    raw = read_answer(f'{{"no": {written}}}')
    for take in (Row.text, Row.optional_text):
        row = Row(raw)
        found = take(row, "no")
        assert (found if made else problems(row)) == (made or [("no", "DIGITS_LOST")])


@pytest.mark.parametrize("text", ["1.123456789", "0.000000001", "1e-9", "1e400", "-Infinity"])
def test_no_digit_of_an_amount_of_a_source_is_cut(text):
    row = Row({"worth": text})
    row.decimal("worth")
    (problem,) = row.problems
    assert (problem.code, "8" in problem.zh, "8" in problem.en) == ("NOT_DECIMAL", True, True)


@pytest.mark.parametrize(
    "text",
    [
        '{"no": NaN}',
        '{"no": -Infinity}',
        '{"no": "1", "n\\u006f": "2"}',
        '{"rows": [{"a": {"b": 1, "b": 2}}]}',
        "[" * 100_000,
    ],
)
def test_the_answer_of_a_source_is_json_and_no_more(text):
    with pytest.raises(ValueError, match=r"JSON|twice|deep"):
        read_answer(text)


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("2026-11-24T01:00:00Z", "2026-11-24T01:00:00Z"),
        ("2026-11-24 09:00:00 +08:00", "2026-11-24T01:00:00Z"),
        ("2026-11-24 01:00:00 UTC", "2026-11-24T01:00:00Z"),
        ("2026-11-23T24:00:00Z", "2026-11-24T00:00:00Z"),
        ("2026-11-24 09:00 CST", None),
    ],
)
def test_an_offset_of_a_source_counts_for_a_moment_and_for_its_day(text, made):
    row = Row({"at": text})
    moment, day = row.instant("at"), row.optional_day("at")
    assert (moment, day) == (made, "2026-11-24") if made else len(row.problems) == 2


@pytest.mark.parametrize("mark", ["\u200b", "\ufeff", "\u200e", "\u202e", "\ufe0f"])
def test_an_unseen_character_of_a_source_makes_no_other_code(mark):
    row = Row({"status": f"在{mark}用", "more": f"{mark}在用"})
    row.code("status", STATUS)
    row.optional_code("more", STATUS)
    assert problems(row) == [("status", "CODE_UNKNOWN"), ("more", "CODE_UNKNOWN")]
