"""Tables of the ministry as schools send them: what cannot be read is told, never guessed."""

from __future__ import annotations

import io

import pytest

from adapters.mapping.convert import Converted
from connectors.errors import PayloadError
from hub.errors import RefusedError
from hub.intake.files.rejects import Refused, rejects_workbook
from hub.intake.files.service import GivenFile, ReadFile, read_given
from tests.fixed_width import fixed_width_bytes

SJ1 = ["10335", "20190001", "03030200", "透射电镜", "JEM-2100F", "*", "1", "392", "5600000.00",
       "201906", "1", "2", "0801", "材料学院"]  # fmt: skip
SJ3 = ["10335", "20190001", "03030200", "透射电镜", "5600000.00", "JEM-2100F", "*",
       *["120", "900", "300", "1320", "1860"], *["0"] * 12, "欧阳晓明"]  # fmt: skip
NAME, WIDTH = "SJ110335.TXT", 185
PLACES = {"学校代码": 0, "型号": 4, "仪器来源": 6, "国别码": 7, "单价": 8, "购置日期": 9}
PLACES |= {"现状码": 10, "使用方向": 11}


def read(data: bytes, name: str = NAME) -> ReadFile:
    return read_given(GivenFile(name=name, data=data, source="school"))


def rows(data: bytes, name: str = NAME) -> tuple[Converted, ...]:
    return read(data, name).tables[0].converted


def changed(column: str, text: str) -> bytes:
    cells = list(SJ1)
    cells[PLACES[column]] = text
    return fixed_width_bytes(NAME, [cells])


def codes(converted: Converted) -> set[str]:
    return {each.problem.code for each in converted.problems}


@pytest.mark.parametrize("ends", [b"\r\n", b"\n"])
@pytest.mark.parametrize("tail", [b"", b"\x1a", b"\r\n\x1a", b"\x1a\x1a", b" " * WIDTH + b"\r\n"])
def test_ends_of_lines_and_of_files_are_no_rows(ends: bytes, tail: bytes) -> None:
    (one, two) = rows(fixed_width_bytes(NAME, [SJ1, [*SJ1[:1], "2", *SJ1[2:]]], ends=ends) + tail)
    assert [each.records[0][1]["localNo"] for each in (one, two)] == ["20190001", "2"]


def test_the_last_line_needs_no_end() -> None:
    (one,) = rows(fixed_width_bytes(NAME, [SJ1], ends=b""))
    assert one.records


def test_widths_are_bytes_of_gbk_and_not_characters() -> None:
    (one,) = rows(fixed_width_bytes(NAME, [SJ1]))
    assert len("".join(SJ1)) < WIDTH
    assert one.records[0][1]["name"] == {"zh": "透射电镜"}
    by_characters = "".join(
        text.ljust(width)
        for text, width in zip(SJ1, [5, 8, 8, 30, 20, 30, 1, 3, 12, 6, 1, 1, 10, 50], strict=True)
    ).encode("gbk")
    (sound, other) = rows(fixed_width_bytes(NAME, [SJ1]) + by_characters)
    assert sound.records
    assert codes(other) == {"WIDTH_WRONG"}


def test_a_name_cut_within_a_character_is_told_and_not_guessed() -> None:
    data = fixed_width_bytes(NAME, [SJ1, SJ1])
    whole = "多功能高分辨场发射扫描电子显微".encode("gbk")
    assert len(whole) == 30
    cut = ("A" + "多功能高分辨场发射扫描电子显微").encode("gbk")[:30]
    at = data.index("透射".encode("gbk"))
    (one, two) = rows(data[:at] + cut + data[at + 30 :])
    assert codes(one) == {"CHARACTER_CUT"}
    assert "仪器名称" in one.problems[0].problem.en
    assert "显" in one.problems[0].problem.zh
    assert one.records == ()
    assert two.records
    assert rows(data[:at] + whole + data[at + 30 :])[0].records


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (lambda row: row[:-1], "WIDTH_WRONG"),
        (lambda row: row + b" ", "WIDTH_WRONG"),
        (lambda row: row.rstrip(), "WIDTH_WRONG"),
        (lambda row: row.replace(b"JEM-2100F           ", b"JEM-2100F\t"), "WIDTH_WRONG"),
        (lambda row: row.replace(b"JEM-2100F ", b"JEM-2100F\t"), "CONTROL_CHARACTER"),
        (lambda row: row.replace(b"JEM-2100F ", b"JEM-2100F\x1a"), "CONTROL_CHARACTER"),
        (lambda row: row.replace(b"JEM-2100F ", b"JEM-2100F\x00"), "CONTROL_CHARACTER"),
        (lambda row: row.replace(b"JEM-2100F ", b"JEM-2100F\xff"), "NOT_GBK"),
    ],
    ids=["short", "long", "trimmed", "tab for blanks", "tab", "DOS end", "NUL", "no GBK"],
)
def test_a_row_that_cannot_be_parted_is_refused_for_itself(spoil: object, code: str) -> None:
    sound = fixed_width_bytes(NAME, [SJ1], ends=b"")
    assert callable(spoil)
    spoiled = spoil(sound)
    assert spoiled != sound
    (one, two) = rows(spoiled + b"\r\n" + sound + b"\r\n")
    assert codes(one) == {code}
    assert one.row.number == 1
    assert two.records


@pytest.mark.parametrize(
    "data",
    [
        b"\xef\xbb\xbf" + fixed_width_bytes(NAME, [SJ1]),
        fixed_width_bytes(NAME, [SJ1]).decode("gbk").encode("utf-8"),
        fixed_width_bytes(NAME, [SJ1]).decode("gbk").encode("utf-16"),
        b"".join(text.encode().ljust(18) for text in SJ1)[:WIDTH].ljust(WIDTH) + b"\n",
    ],
    ids=["a mark", "UTF-8", "UTF-16", "UTF-8 of the right width"],
)
def test_a_file_in_another_encoding_is_refused_whole(data: bytes) -> None:
    with pytest.raises(PayloadError) as caught:
        read(data)
    assert "GBK" in caught.value.hint


def test_gbk_that_could_be_utf_8_is_gbk() -> None:
    """A character of GBK whose bytes are valid UTF-8 as well."""
    cells = [*SJ1[:3], "模", *SJ1[4:13], "A"]
    assert "模".encode("gbk").decode("utf-8")
    (one,) = rows(fixed_width_bytes(NAME, [cells]))
    assert one.records[0][1]["name"] == {"zh": "模"}


def test_a_file_of_other_rows_is_refused_whole_with_its_width() -> None:
    with pytest.raises(PayloadError, match="185"):
        read(b"10335,20190001,a table with commas\r\n")


@pytest.mark.parametrize(
    ("column", "text"),
    [
        ("学校代码", ""), ("学校代码", "1033X"), ("仪器来源", "5"), ("仪器来源", ""),
        ("国别码", "999"),
        ("单价", ""), ("单价", "56,000.00"), ("单价", "5.6E+06"), ("单价", "-1.00"), ("单价", "*"),
        ("单价", "560万"), ("购置日期", "201913"), ("购置日期", "2019"), ("购置日期", "000000"),
        ("购置日期", ""), ("购置日期", "19/6"), ("现状码", "0"), ("现状码", ""), ("使用方向", "0"),
        ("使用方向", "A"), ("使用方向", ""),
    ],
)  # fmt: skip
def test_a_cell_outside_its_rules_is_refused_with_row_and_column(column: str, text: str) -> None:
    (one,) = rows(changed(column, text))
    assert one.records == ()
    assert {at for each in one.problems for at in each.columns} == {PLACES[column] + 1}
    assert one.row.number == 1


@pytest.mark.parametrize("text", ["1", "2", "6", "7", "8", "9"])
def test_both_codes_for_other_directions_of_use_are_taken(text: str) -> None:
    (one,) = rows(changed("使用方向", text))
    assert one.problems == ()


STATES = {"1": "IN_SERVICE", "2": "IDLE", "6": "SCRAPPED", "8": "DOWNGRADED", "9": "OTHER"}


@pytest.mark.parametrize("text", STATES)
def test_the_state_is_the_ministry_s_code(text: str) -> None:
    (one,) = rows(changed("现状码", text))
    assert one.records[0][1]["status"] == STATES[text]


@pytest.mark.parametrize("edition", [0, 1])
def test_sj3_is_read_in_both_widths_and_its_open_hours_are_not_added(edition: int) -> None:
    data = fixed_width_bytes("SJ310335.TXT", [SJ3], edition=edition)
    assert len(data) == (351, 181)[edition]
    (one,) = rows(data, "SJ310335.TXT")
    ((_, wire),) = one.records
    assert (wire["annualHours"], wire["annualSharedHours"]) == (1320, 300)
    assert wire["status"] == "UNKNOWN"
    assert one.dropped == ("负责人姓名",)


def test_a_measure_is_never_blank() -> None:
    cells = [*SJ3]
    cells[7] = ""
    (one,) = rows(fixed_width_bytes("SJ3.txt", [cells]), "SJ3.txt")
    assert codes(one) == {"NOT_INTEGER"}


def test_no_name_of_a_person_stands_in_a_message() -> None:
    data = fixed_width_bytes("SJ3.txt", [SJ3, SJ3])
    cut = data.replace("欧阳晓明".encode("gbk"), b"A" + "欧阳晓明".encode("gbk")[:7], 1)
    (one, _) = rows(cut, "SJ3.txt")
    assert codes(one) == {"CHARACTER_CUT"}
    assert "欧" not in one.problems[0].problem.zh + one.problems[0].problem.en


def test_refused_rows_come_back_as_a_workbook_and_go_in_when_corrected() -> None:
    given = read(changed("单价", "560万")).tables[0]
    (bad,) = given.converted
    book = rejects_workbook([(given.table, [Refused(bad.row, bad.problems)])])
    (again,) = rows(book, "退回.xlsx")
    assert again.row.number == 1
    assert codes(again) == codes(bad)
    given = read(changed("单价", "5600000.00")).tables[0]
    corrected = rejects_workbook([(given.table, [Refused(given.converted[0].row, ())])])
    assert rows(corrected, "SJ110335.xlsx") == rows(corrected, "退回.xlsx")
    assert rows(corrected, "退回.xlsx")[0].records == given.converted[0].records


def test_other_files_are_read_as_ever() -> None:
    memory = io.BytesIO(b"\xd6\xd0,1\n").getvalue()
    for name in ("SJ2.TXT", "SJ12.TXT", "月报.csv", "SJ1.csv"):
        with pytest.raises(Exception, match=r".") as caught:
            read(memory, name)
        assert "185" not in str(caught.value)


def test_nobody_s_table_is_asked_whose_it_is() -> None:
    with pytest.raises(RefusedError) as caught:
        read_given(GivenFile(name=NAME, data=fixed_width_bytes(NAME, [SJ1])))
    assert caught.value.code.name == "SOURCE_UNKNOWN"
