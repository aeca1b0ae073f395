"""Personal data is refused in every text, and what only looks like it is not."""

from __future__ import annotations

import pytest
from stdnum.iso7064 import mod_11_2

from schema.conform import conform
from schema.item import Kind
from schema.personal import refuse_citizen_number, refuse_private_contact, without_citizen_numbers
from schema.registry import standard


def citizen_number(body: str) -> str:
    return body + mod_11_2.calc_check_digit(body)


@pytest.mark.parametrize("body", ["33010619900307123", "11010519491231002", "34010020000229001"])
def test_a_citizen_number_is_refused_alone_and_inside_text(body: str):
    number = citizen_number(body)
    for text in (
        number,
        number.lower(),
        f"operator {number}",
        f"U{number}z",
        f"操作员{number}，电话略",
    ):
        flaw = refuse_citizen_number(text)
        assert flaw is not None
        assert flaw.code == "CITIZEN_NUMBER"
        assert number not in flaw.zh + flaw.en


@pytest.mark.parametrize(
    "text",
    [
        "user-4711",
        "290020241000012345",
        "91110000600037341L",
        "33010619901307123X",
        "",
        "1" + citizen_number("33010619900307123"),
    ],
)
def test_other_texts_and_numbers_are_not_taken_for_citizen_numbers(text: str):
    assert refuse_citizen_number(text) is None


def test_a_wrong_check_character_is_no_citizen_number():
    number = citizen_number("33010619900307123")
    others = [each for each in "0123456789X" if each != number[-1]]
    assert [each for each in others if refuse_citizen_number(number[:-1] + each)] == []


NUMBER = citizen_number("33010619900307123")


@pytest.mark.parametrize(
    "text",
    [
        f"{NUMBER[:6]} {NUMBER[6:14]} {NUMBER[14:]}",
        f"{NUMBER[:6]}-{NUMBER[6:14]}-{NUMBER[14:]}",
        "".join(chr(ord(c) + 0xFEE0) for c in NUMBER),
        " ".join(NUMBER),
    ],
)
def test_a_citizen_number_is_known_however_it_is_spelled(text: str) -> None:
    assert refuse_citizen_number(text) is not None
    assert without_citizen_numbers(f"a {text} b") == "a [citizen number removed] b"


def test_the_key_of_a_legal_person_is_never_a_citizen_number() -> None:
    assert refuse_citizen_number(f"uscc:{NUMBER}") is None


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("张老师 13812345678", "MOBILE_NUMBER"),
        ("+86 138 1234 5678", "MOBILE_NUMBER"),
        ("手机：１３８１２３４５６７８", "MOBILE_NUMBER"),
        ("0086-13812345678", "MOBILE_NUMBER"),
        ("someone@qq.com", "PRIVATE_MAIL"),
        ("请联系 lab_user@163.com。", "PRIVATE_MAIL"),
        ("A.B@GMAIL.COM", "PRIVATE_MAIL"),
        ("0571-88206132", None),
        ("021-6223 3333 转 8021", None),
        ("400-820-8820", None),
        ("instruments@zju.edu.cn", None),
        ("office@163.com.example.cn", None),
        ("序列号 213812345678", None),
        ("13812345678901", None),
        ("型号 X13812345678", None),
        ("1.13812345678", None),
    ],
)
def test_public_prose_takes_an_office_and_no_person(text: str, code: str | None) -> None:
    flaw = refuse_private_contact(text)
    assert (flaw.code if flaw else None) == code


def _texts() -> list[tuple[str, str]]:
    return [
        (spec.name, item.wire) for spec in standard() for item in spec.items
        if item.kind is Kind.TEXT
    ]  # fmt: skip


@pytest.mark.parametrize(("record_type", "wire"), _texts())
def test_no_text_of_any_record_takes_a_citizen_number(record_type: str, wire: str) -> None:
    spec = standard()[record_type]
    item = next(each for each in spec.items if each.wire == wire)
    for text in (NUMBER, f"x {NUMBER}"):
        _, problems = conform(spec, {wire: [text] if item.many else text})
        codes = {each.code for each in problems if each.path.split(".")[0] == wire}
        assert "CITIZEN_NUMBER" in codes
        assert NUMBER not in str(problems)


def test_a_problem_repeats_no_citizen_number_wherever_it_stands() -> None:
    spec = standard()["Occupancy"]
    raw = {"localId": int(NUMBER), NUMBER: "x", "startAt": f"from {NUMBER}", "kind": [NUMBER]}
    _, problems = conform(spec, raw)
    assert {"localId", "startAt", "kind"} <= {each.path for each in problems}
    assert NUMBER not in str(problems)


def test_a_number_that_identifies_a_thing_is_no_telephone() -> None:
    instrument = standard()["Instrument"]
    assert [i.wire for i in instrument.items if i.is_public_prose and i.wire == "localNo"] == []
    identifier = standard().values()["Identifier"]
    assert [i.wire for i in identifier.items if i.is_public_prose] == ["scheme"]
