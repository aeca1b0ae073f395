"""Cases from the field in every kind of file: the same cell means the same, or is refused alike."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.mapping.reading import INSTRUMENT, USE, item, read, told
from tests.unit.mapping.written import KINDS, TEXTS, WORKBOOKS, Value, file_of

AMOUNT = 'originalValue = { column = "x", currency = "CNY" }\n'
every_file = pytest.mark.parametrize("kind", KINDS)


def became(kind: str, cell: Value, rule: str, *path: str, head: str = INSTRUMENT) -> Any:
    """Return what a cell became: the value of an item, or the codes of the problems of its row."""
    if head is USE:
        data = file_of(kind, ["no", "x"], ["1", cell])
    else:
        data = file_of(kind, ["no", "name", "x"], ["1", "A", cell])
    return item(told(read(data, f"{head}{rule}")), *path)[0]


def key(kind: str, cell: Value) -> Any:
    return item(told(read(file_of(kind, ["no", "name"], [cell, "A"]), INSTRUMENT)), "localNo")[0]


LOST = ["DIGITS_LOST"]


@every_file
@pytest.mark.parametrize(
    ("cell", "made"),
    [
        ("1234567890123456789", "1234567890123456789"),
        ("2.02012E+17", LOST),
        ("1E+05", LOST),
        ("1.23457e+17", LOST),
        ("1,23E+11", LOST),
        ('="0013"', "0013"),
        ("'0013", "0013"),
        ("'=0013", "=0013"),
        ("0013", "0013"),
        ("1E5", "1E5"),
        ("B'01", "B'01"),
        ('=T("0013")', ["FORMULA_WITHOUT_RESULT"]),
        ("=13", ["FORMULA_WITHOUT_RESULT"]),
        ("=$A$1&B2", ["FORMULA_WITHOUT_RESULT"]),
        ("=-", "=-"),
    ],
)
def test_case_04_a_number_as_a_text(kind: str, cell: str, made: Any) -> None:
    assert key(kind, cell) == made


@pytest.mark.parametrize("kind", WORKBOOKS)
@pytest.mark.parametrize("number", [1234567890123456789, 1e15, -2e17])
def test_case_04_a_long_number_of_a_workbook_is_no_key_and_no_amount(
    kind: str, number: float
) -> None:
    assert key(kind, number) == LOST
    assert became(kind, number, AMOUNT) == LOST


@pytest.mark.parametrize("kind", [*WORKBOOKS, "json", "ndjson"])
def test_case_04_a_whole_number_has_no_decimals_whatever_wrote_it(kind: str) -> None:
    assert [key(kind, number) for number in (13.0, 13.5, 100000.0)] == ["13", "13.5", "100000"]


@pytest.mark.parametrize(
    "text", ["202012345678901234.0", "2.02012345678901e17", "2e5", "20201234567890123.5"]
)
def test_case_04_a_long_number_that_json_writes_as_a_fraction_has_lost_digits(text: str) -> None:
    assert told(read(f'[{{"no": {text}, "name": "A"}}]'.encode(), INSTRUMENT)) == [LOST]


@pytest.mark.parametrize("kind", TEXTS)
def test_case_04_a_key_that_a_program_wrote_as_a_number_is_told(kind: str) -> None:
    (row,) = read(file_of(kind, ["no", "name"], ["13.0", "13.0"]), INSTRUMENT).converted
    ((doubt,),) = row.doubts
    assert (doubt.path, doubt.code, doubt.value) == ("localNo", "NUMBER_AS_KEY", "13.0")


@every_file
@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("2024-05-01T00:00:00Z", "2024-05-01T00:00:00Z"),
        ("2024-05-01T08:00:00.500+08:00", "2024-05-01T00:00:00Z"),
        ("2024-05-01T24:00:00Z", "2024-05-02T00:00:00Z"),
        ("2024-05-01 24:00", "2024-05-01T16:00:00Z"),
        ("2024-05-01 24:00:01", ["DATE_UNREADABLE"]),
        ("2024-05-01 08:00:00 +08:00", "2024-05-01T00:00:00Z"),
        ("2024-05-01 00:00:00 UTC", "2024-05-01T00:00:00Z"),
        ("2024-05-01 00:00 GMT", "2024-05-01T00:00:00Z"),
        ("2024-05-01T00:00:00z", "2024-05-01T00:00:00Z"),
        ("2024-05-01 08:00:00 CST", ["DATE_UNREADABLE"]),
        ("2024-05-01T00:00:00+15:00", ["DATE_UNREADABLE"]),
        ("2024-05-01 8:00 PM", ["DATE_UNREADABLE"]),
    ],
)
def test_case_05_an_offset_counts(kind: str, text: str, made: Any) -> None:
    assert became(kind, text, 'startedAt = "x"\n', "startedAt", head=USE) == made


@every_file
@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("2024-04-30T16:00:00Z", "2024-05-01"),
        ("2024-04-30 16:00:00 UTC", "2024-05-01"),
        ("2024-05-01T00:00:00 +08:00", "2024-05-01"),
        ("2024-04-30T24:00:00Z", "2024-05-01"),
        ("2024-05-01 24:00:00", "2024-05-01"),
        ("1714492800", ["DATE_UNREADABLE"]),
    ],
)
def test_case_06_the_day_of_a_moment(kind: str, text: str, made: Any) -> None:
    assert became(kind, text, 'acceptedOn = "x"\n', "acceptedOn") == made


@every_file
@pytest.mark.parametrize("text", ["#N/A", "#REF!", "#DIV/0!", "=SUM(A1:A3)"])
def test_case_07_an_error_is_no_blank_cell(kind: str, text: str) -> None:
    assert became(kind, text, 'model = "x"\n') in (["CELL_ERROR"], ["FORMULA_WITHOUT_RESULT"])


UNSEEN = {
    "zero width space": "\u200b",
    "joiner": "\u200d",
    "byte order mark": "\ufeff",
    "soft hyphen": "\u00ad",
    "variation selector": "\ufe0f",
    "mark of direction": "\u200e",
    "override": "\u202e",
    "isolate": "\u2066",
    "word joiner": "\u2060",
    "Hangul filler": "\u3164",
    "blank of Braille": "\u2800",
    "tag": "\U000e0041",
}
BLANKS = {"no-break space": "\u00a0", "ideographic space": "\u3000", "thin space": "\u2009"}
unseen = pytest.mark.parametrize("mark", UNSEEN.values(), ids=UNSEEN.keys())


@every_file
@unseen
def test_case_08_what_cannot_be_seen_is_no_part_of_a_key(kind: str, mark: str) -> None:
    for cell in (f"{mark}T9", f"T{mark}9", f"T9{mark}"):
        expected = [["KEY_CHARACTER"]]
        if mark == "\ufeff" and kind == "xls":
            expected.append("T9")  # the reader of old workbooks takes it for that of the encoding
        assert key(kind, cell) in expected, cell


@every_file
@pytest.mark.parametrize("mark", BLANKS.values(), ids=BLANKS.keys())
def test_case_08_a_blank_is_a_blank(kind: str, mark: str) -> None:
    assert [key(kind, cell) for cell in (f"{mark}T9", f"T9{mark}", f"T{mark}9")] == [
        *("T9", "T9", "T 9")
    ]


@every_file
@unseen
def test_case_08_it_hides_no_word_of_a_mapping(kind: str, mark: str) -> None:
    left_out = '[[leave_out]]\ncolumn = "x"\nis = ["报废"]\nreason = "gone"\n'
    for cell in (f"报{mark}废", f"{mark}报废", f"报废{mark}"):
        data = file_of(kind, ["no", "name", "x"], ["1", "A", cell])
        (row,) = told(read(data, f'{left_out}{INSTRUMENT}model = "x"\n'))
        assert row == "left out: gone" or "CONTROL_CHARACTER" in row, "it is never published"


@every_file
@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("1.123456789", ["DECIMALS_TOO_MANY"]),
        ("0.000000001", ["DECIMALS_TOO_MANY"]),
        ("1,234.1234567891", ["DECIMALS_TOO_MANY"]),
        ("1.500000000000", "1.5"),
        ("'1234.5", "1234.5"),
        ("1’234.50", ["NOT_DECIMAL"]),
        ("1'234.50", ["NOT_DECIMAL"]),
        ("1234.50-", ["NOT_DECIMAL"]),
        ("₩12", ["NOT_DECIMAL"]),
        ("HK$12", ["NOT_DECIMAL"]),
        ("12 $", ["CURRENCY_CONTRADICTED"]),
        ("壹万", ["NOT_DECIMAL"]),
        ("12.5%", ["NOT_DECIMAL"]),
        ("٣", ["NOT_DECIMAL"]),
        ("1E400", ["NOT_DECIMAL"]),
        ("Infinity", ["NOT_DECIMAL"]),
    ],
)
def test_case_11_an_amount_is_certain_and_whole(kind: str, text: str, made: Any) -> None:
    assert became(kind, text, AMOUNT, "originalValue", "amount") == made


@pytest.mark.parametrize("kind", [*WORKBOOKS, "json", "ndjson"])
def test_case_11_a_number_that_was_computed_is_rounded_and_told(kind: str) -> None:
    data = file_of(kind, ["no", "name", "x"], ["1", "A", 100 / 3], ["2", "B", 0.5])
    first, second = read(data, INSTRUMENT + AMOUNT).converted
    assert first.records[0][1]["originalValue"]["amount"] == "33.33333333"
    ((doubt,),) = first.doubts
    assert (doubt.code, doubt.value) == ("ROUNDED", "33.33333333")
    assert second.doubts == ((),)


@every_file
def test_case_11_a_mapping_says_how_to_round(kind: str) -> None:
    rule = 'originalValue = { column = "x", currency = "CNY", round = 2 }\n'
    assert became(kind, "1.123456789", rule, "originalValue", "amount") == "1.12"


@pytest.mark.parametrize(
    "line",
    [
        '{"no": "1", "name": "A", "n\\u0061me": "B"}',
        '{"no": "1", "name": "A", "x": {"\\u0061": 1, "a": 2}}',
        '{"no": "1", "name": "A", "x": -Infinity}',
        '{"no": "1", "name": "A", "x": [NaN]}',
        '{"no": "1", "name": "A", "x": [[{"y": Infinity}]]}',
        f'{{"no": "1", "name": "A", "x": {"9" * 600}}}',
    ],
)
def test_case_13_a_line_that_is_no_json(line: str) -> None:
    rule = f'{INSTRUMENT}model = "x"\n'
    good = '{"no": "2", "name": "B", "x": "M"}'
    rows = told(read(f"{good}\n{line}\n{good}".encode(), rule))
    assert [row == ["NOT_JSON"] for row in rows] == [False, True, False]


@pytest.mark.parametrize("number", ["1e999999999", "-1e400", "1E-999999999"])
def test_case_13_an_exponent_is_no_gigabyte(number: str) -> None:
    data = f'[{{"no": "1", "name": "A", "x": {number}}}]'.encode()
    (codes,) = told(read(data, INSTRUMENT + AMOUNT))
    assert codes == ["NOT_DECIMAL"]
    (codes,) = told(read(data, f'{INSTRUMENT}model = "x"\n'))
    assert codes == LOST or "e" in codes["model"].lower()


@pytest.mark.parametrize("name", ["市 辖区", "市\u200b辖区", "城区", "鼓楼 区", "中国"])
@every_file
def test_case_16_a_name_of_no_one_place(kind: str, name: str) -> None:
    rule = 'place.divisionCode = { column = "x", lookup = "GB/T 2260" }\n'
    assert became(kind, name, rule) == ["DIVISION_UNKNOWN"]
