"""Cases from the field: each shared input where it is here, and siblings of its kind always."""

from __future__ import annotations

import io
import json
import zipfile
from datetime import date, datetime
from typing import Any

import pytest
import xlsxwriter

from adapters.mapping import MappingError
from hub.intake.files.monthly import read_monthly
from tests.unit.mapping.reading import INSTRUMENT, USE, case, csv, item, read, told
from tests.workbooks import workbook_of

MOMENT = "yyyy-mm-dd hh:mm:ss"


def edited(data: bytes, old: str, new: str) -> bytes:
    """Return a workbook with a piece of its first sheet replaced."""
    memory = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as before, zipfile.ZipFile(memory, "w") as after:
        for name in before.namelist():
            part = before.read(name)
            if name.endswith("sheet1.xml"):
                assert old.encode() in part
                part = part.replace(old.encode(), new.encode())
            after.writestr(name, part)
    return memory.getvalue()


# 03


def test_case_03() -> None:
    rows = case("03-workbook-midnight-time", "use.xlsx", "use.toml")
    assert item(rows, "startedAt")[0] == "2024-04-30T16:00:00Z"
    assert item(rows, "endedAt")[1] == "2024-05-01T16:00:00Z"


MIDNIGHT = [["no", "a", "b"], ["1", datetime.fromisoformat("2024-05-01"), date(2024, 5, 2)]]


def test_midnight_of_a_workbook_is_a_moment_wherever_one_is_wanted() -> None:
    book = workbook_of({"rows": [*MIDNIGHT]}, moment=MOMENT, default_date_format="yyyy-mm-dd")
    hours = USE + 'startedAt = "a"\nendedAt = "b"\nhours = { between = ["a", "b"] }\n'
    (row,) = told(read(book, hours))
    assert (row["startedAt"], row["endedAt"]) == ("2024-04-30T16:00:00Z", "2024-05-01T16:00:00Z")
    assert row["hours"] == "24"


def test_midnight_is_read_in_the_monthly_workbook() -> None:
    head = ["instrumentKey", "localId", "startedAt", "endedAt", "collectionMethod"]
    midnight = datetime.fromisoformat("2026-05-01")
    later = datetime.fromisoformat("2026-05-01T09:00:00")
    rows = [head, ["moe:10335/1", "1", midnight, later, "BOOKING_SYSTEM"]]
    monthly = read_monthly("m", workbook_of({"UsageRecord": rows}, moment=MOMENT), "zju-push")
    (row,) = told(monthly.read[0])
    assert row["startedAt"] == "2026-04-30T16:00:00Z"


# 04


def test_case_04() -> None:
    rows = case("04-workbook-long-number-as-id", "inst.xlsx", "inst.toml")
    assert rows == [["DIGITS_LOST"], ["DIGITS_LOST"]]


@pytest.mark.parametrize(
    ("cell", "made"),
    [
        (202012345678901234, ["DIGITS_LOST"]),
        (-(10**15), ["DIGITS_LOST"]),
        (123456789012345, "123456789012345"),
        (17.5, "17.5"),
        ("202012345678901234", "202012345678901234"),
    ],
)
def test_a_number_whose_digits_a_workbook_did_not_keep_is_no_identifier(
    cell: Any, made: Any
) -> None:
    book = workbook_of({"rows": [["no", "name"], [cell, "A"]]})
    assert item(told(read(book, INSTRUMENT)), "localNo") == [made]


def test_it_is_none_in_a_template_or_beside_other_items_either() -> None:
    book = workbook_of({"rows": [["no", "name", "x"], ["1", "A", 202012345678901234]]})
    for rule in ('model = { template = "M-{x}" }', 'model = { column = "x", remove = "9" }'):
        assert told(read(book, f"{INSTRUMENT}{rule}\n")) == [["DIGITS_LOST"]]


@pytest.mark.parametrize(
    ("cell", "made"),
    [
        ("2.02012E+17", ["DIGITS_LOST"]),
        ("2E+17", ["DIGITS_LOST"]),
        ('"=""0013"""', "0013"),
        ('="0013"', "0013"),
        ("0013", "0013"),
        ("E+17", "E+17"),
    ],
)
def test_what_a_spreadsheet_program_does_to_numbers_in_a_text_file_is_seen(
    cell: str, made: Any
) -> None:
    assert item(told(read(csv("no,name", f"{cell},A"), INSTRUMENT)), "localNo") == [made]


def test_a_long_number_of_a_json_file_keeps_its_digits() -> None:
    data = b'[{"no": 202012345678901234, "name": "A"}]'
    assert item(told(read(data, INSTRUMENT)), "localNo") == ["202012345678901234"]


# 05, 06


def test_case_05() -> None:
    rows = case("05-format-with-literal-Z", "use.csv", "use.toml")
    assert item(rows, "startedAt") == ["2024-05-01T00:00:00Z"]


@pytest.mark.parametrize(
    ("form", "text", "made"),
    [
        ("YYYY-MM-DDTHH:mm:ssZ", "2024-05-01T08:00:00+08:00", "2024-05-01T00:00:00Z"),
        ("YYYY-MM-DD HH:mm Z", "2024-05-01 00:00 Z", "2024-05-01T00:00:00Z"),
        ("YYYY-MM-DDTHH:mm:ss+09:00", "2024-05-01T09:00:00+09:00", "2024-05-01T00:00:00Z"),
        ("YYYY-MM-DDTHH:mm:ss+09:00", "2024-05-01T09:00:00", ["DATE_UNREADABLE"]),
        ("YYYY-MM-DDTHH:mm:ss", "2024-05-01T24:00:00", "2024-05-01T16:00:00Z"),
        ("D/M/YYYY H:mm", "1/5/2024 24:00", "2024-05-01T16:00:00Z"),
        ("D/M/YYYY H:mm", "1/5/2024 24:01", ["DATE_UNREADABLE"]),
        ("YYYY-MM-DDTHH:mm:ssZ", "2024-05-01T00:00:00+99:00", ["DATE_UNREADABLE"]),
    ],
)
def test_an_offset_that_stands_in_the_form_counts(form: str, text: str, made: Any) -> None:
    rule = f'{USE}startedAt = {{ column = "t", format = "{form}" }}\n'
    assert item(told(read(csv("no,t", f"1,{text}"), rule)), "startedAt") == [made]


@pytest.mark.parametrize("form", ["ZYYYY-MM-DD", "YYYY-MM-DDTHH:mm:ssZZ", "YYYY-Z-DD HH:mm"])
def test_a_form_of_which_a_part_would_be_passed_over_is_refused(form: str) -> None:
    rule = f'{USE}startedAt = {{ column = "t", format = "{form}" }}\n'
    with pytest.raises(MappingError) as caught:
        read(csv("no,t", "1,2"), rule)
    assert [each.code for each in caught.value.problems] == ["FORMAT_UNKNOWN"]


def test_24_00_is_the_midnight_that_follows_without_a_form_too() -> None:
    rule = f'{USE}startedAt = "t"\n'
    rows = told(read(csv("no,t", "1,2024-05-01 24:00:00"), rule))
    assert item(rows, "startedAt") == ["2024-05-01T16:00:00Z"]


def test_case_06() -> None:
    rows = case("06-day-of-a-timestamp", "inst.csv", "ms.toml")
    assert item(rows, "acceptedOn") == ["2024-05-01"]


@pytest.mark.parametrize(
    ("rule", "text", "made"),
    [
        ('"d"', "2024-04-30T16:00:00Z", "2024-05-01"),
        ('"d"', "2024-04-30 16:30:00+00:00", "2024-05-01"),
        ('"d"', "2024-05-01T23:30:00+08:00", "2024-05-01"),
        ('"d"', "2024-05-01 23:30:00", "2024-05-01"),
        ('{ column = "d", format = "unix" }', "1714492800", "2024-05-01"),
        ('{ column = "d", format = "unix", zone = "+00:00" }', "1714492800", "2024-04-30"),
        ('{ column = "d", format = "YYYY-MM-DDTHH:mmZ" }', "2024-04-30T16:00Z", "2024-05-01"),
        ('{ column = "d", format = "excel" }', "45413", "2024-05-01"),
    ],
)
def test_the_day_of_a_moment_is_its_day_in_the_zone_of_the_file(
    rule: str, text: str, made: str
) -> None:
    rows = told(read(csv("no,name,d", f"1,A,{text}"), f"{INSTRUMENT}acceptedOn = {rule}\n"))
    assert item(rows, "acceptedOn") == [made]


# 07


def test_case_07() -> None:
    rows = case("07-workbook-error-and-uncached-formula", "inst.xlsx", "inst.toml")
    assert rows == [["CELL_ERROR"], ["FORMULA_WITHOUT_RESULT"]]


FORMULA = "<f>B2&amp;1</f>"


def with_formula(sheet: str, inner: str, *, error: bool = False) -> bytes:
    """Return a workbook whose cell C2 holds what is given."""
    head = ["no", "name", "model"]
    if sheet == "Instrument":
        head = ["localNo", "name.zh", "model", "institutionKey", "status"]
    row = ["1", "A", 7777, "moe:10335", "IN_SERVICE"][: len(head)]
    kind = ' t="e"' if error else ""
    old = '<c r="C2"><v>7777</v></c>'
    return edited(workbook_of({sheet: [head, row]}), old, f'<c r="C2"{kind}>{inner}</c>')


@pytest.mark.parametrize(
    ("inner", "error", "made"),
    [
        (FORMULA, False, ["FORMULA_WITHOUT_RESULT"]),
        ('<f t="shared" si="0"/>', False, ["FORMULA_WITHOUT_RESULT"]),
        (f"{FORMULA}<v>#DIV/0!</v>", True, ["CELL_ERROR"]),
        ("<v>#REF!</v>", True, ["CELL_ERROR"]),
        (f"{FORMULA}<v>41</v>", False, "41"),
        (f"{FORMULA}<v></v>", False, None),
    ],
)
def test_an_error_or_a_formula_without_result_is_no_blank_cell(
    inner: str, error: bool, made: Any
) -> None:
    mapped = told(read(with_formula("rows", inner, error=error), f'{INSTRUMENT}model = "model"\n'))
    assert item(mapped, "model") == [made]
    monthly = read_monthly("m", with_formula("Instrument", inner, error=error), "zju-push")
    assert item(told(monthly.read[0]), "model") == [made]


def test_a_rule_that_would_look_at_an_error_decides_nothing() -> None:
    rule = '[[leave_out]]\ncolumn = "model"\nis = ["gone"]\nreason = "gone"\n'
    data = with_formula("rows", "<v>#N/A</v>", error=True)
    assert told(read(data, rule + INSTRUMENT)) == [["CELL_ERROR"]]


def test_an_error_in_a_text_file_is_one_as_well() -> None:
    rule = f'{INSTRUMENT}model = "m"\n'
    assert told(read(csv("no,name,m", "1,A,#N/A", "2,B,#1 unit"), rule))[0] == ["CELL_ERROR"]
    stated = rule.replace("[[record]]", '[file]\nempty = ["#N/A"]\n[[record]]', 1)
    assert item(told(read(csv("no,name,m", "1,A,#N/A"), stated)), "model") == [None]


def test_a_cell_merged_over_rows_speaks_for_each_of_them() -> None:
    memory = io.BytesIO()
    with xlsxwriter.Workbook(memory, {"in_memory": True}) as book:
        sheet = book.add_worksheet("rows")
        for position, name in enumerate(("no", "name", "model")):
            sheet.write_string(0, position, name)
        for number in range(1, 5):
            sheet.write_string(number, 0, str(number))
        sheet.merge_range(1, 1, 3, 1, "电镜")
        sheet.write_string(4, 1, "质谱仪")
        sheet.merge_range(6, 2, 9, 2, "below everything")
    rows = told(read(memory.getvalue(), f'{INSTRUMENT}model = "model"\n'))
    assert item(rows[:4], "name", "zh") == ["电镜", "电镜", "电镜", "质谱仪"]
    assert len(rows) == 5


# 08, 09


@pytest.mark.parametrize("mark", ["\ufeff", "\u200b", "\u2060", "\u00ad", "\u00a0", "\u3000"])
def test_what_shows_nothing_makes_no_second_key_and_hides_no_word(mark: str) -> None:
    lines = csv("no,name", f"2,{mark}A", f"{mark}2{mark},A", f"3,{mark}报废{mark}", f"{mark},")
    rule = '[[leave_out]]\ncolumn = "name"\nis = ["报废"]\nreason = "gone"\n'
    rows = told(read(lines, rule + INSTRUMENT))
    is_blank = mark.isspace()
    assert item(rows[:2], "localNo") == ["2", "2" if is_blank else ["KEY_CHARACTER"]]
    assert item(rows[:1], "name", "zh") == ["A"]
    assert rows[2] == "left out: gone"
    assert rows[3:] == ([] if is_blank else [["MISSING", "MISSING"]])


@pytest.mark.parametrize("mark", ["\ufeff", "\u200b", "\u202e"])
def test_inside_a_key_it_is_refused(mark: str) -> None:
    assert told(read(csv("no,name", f"T{mark}9,A"), INSTRUMENT)) == [["KEY_CHARACTER"]]


def test_case_08() -> None:
    rows = case("08-invisible-characters-in-keys", "inst.csv", "inst.toml")
    keys = item(rows, "localNo")
    assert all(key in ("1", "2", "3") or key == ["KEY_CHARACTER"] for key in keys)


def test_case_09() -> None:
    rows = case("09-jsonl-unicode-line-separators", "inst.jsonl", "inst.toml")
    assert item(rows[:1], "functions") == ["first\u2028second"]
    assert rows[1] == ["CONTROL_CHARACTER"]


@pytest.mark.parametrize("mark", ["\u2028", "\u2029", "\u0085", "\x0c", "\x1c"])
def test_json_lines_end_with_a_line_feed_and_with_nothing_else(mark: str) -> None:
    values = [{"no": "1", "name": "A", "f": "x"}, {"no": "2", "name": "B", "f": f"a{mark}b"}]
    lines = "\r\n".join(json.dumps(each, ensure_ascii=False) for each in values)
    if mark < " ":
        lines = lines.replace(json.dumps(mark)[1:-1], mark)
    rows = told(read(lines.encode(), f'{INSTRUMENT}functions = "f"\n'))
    assert len(rows) == 2
    assert item(rows[:1], "functions") == ["x"]


def test_a_byte_order_mark_in_the_middle_of_a_file_is_no_data() -> None:
    lines = ('{"no": "1", "name": "A"}', '\ufeff{"no": "2", "name": "B"}')
    assert item(told(read(csv(*lines), INSTRUMENT)), "localNo") == ["1", "2"]
    rows = told(read(csv("no,name", "1,A", "\ufeff2,B", "3,\ufeffC"), INSTRUMENT))
    assert rows[1] == ["KEY_CHARACTER"]
    assert item(rows[2:], "name", "zh") == ["C"]
