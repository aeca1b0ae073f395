"""Identifiers are judged by shape and check digit, and a citizen's number is never let in."""

import csv
import json
import random
from collections import Counter
from pathlib import Path

import pytest
from stdnum.cn import uscc as oracle
from stdnum.iso7064 import mod_11_2

from schema import identifiers
from schema.identifiers import (
    check_declaration_number,
    check_division_code,
    check_doi,
    check_handle,
    check_institution_key,
    check_moe_school_code,
    check_orcid,
    check_organisation_code,
    check_ror,
    check_uscc,
)
from tests.shared import SHARED

DATA = SHARED / "data"
ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"


def shared(name: str) -> Path:
    path = DATA / name
    if not path.exists():
        pytest.skip(f"the shared data set {name} is not here")
    return path


def code_of(flaw: identifiers.Flaw | None) -> str | None:
    return flaw.code if flaw else None


@pytest.mark.parametrize("text", ["91110000600037341L", "12100000470095016Q"])
def test_known_credit_codes_are_sound(text: str):
    assert check_uscc(text) is None


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("12330000470095070P", "USCC_CHECK_DIGIT"),
        ("91110000600037341", "USCC_LENGTH"),
        ("", "USCC_LENGTH"),
        ("91110000600037341l", "USCC_SHAPE"),
        ("91110000600037341O", "USCC_SHAPE"),
        ("9111000A600037341L", "USCC_SHAPE"),
        ("９1110000600037341L", "USCC_SHAPE"),
        ("9111000060003734\nL", "USCC_SHAPE"),
    ],
)
def test_a_faulty_credit_code_is_named_by_its_fault(text: str, code: str):
    flaw = check_uscc(text)
    assert flaw is not None
    assert flaw.code == code
    assert flaw.zh
    assert flaw.en


def test_the_invented_code_would_have_needed_another_last_character():
    assert identifiers.uscc_digit("12330000470095070") == "6"


def test_the_inner_organisation_digit_is_checked_though_the_outer_fits():
    body = "91110000600037342"
    text = body + identifiers.uscc_digit(body)
    assert oracle.is_valid(text)
    assert code_of(check_uscc(text)) == "USCC_ORGANISATION_DIGIT"


def test_outer_check_character_agrees_with_an_independent_library():
    source = random.Random(32100)
    for _ in range(2000):
        organisation = "".join(source.choices(ALPHABET, k=8))
        body = f"91{source.randrange(310000, 340000)}{organisation}"
        body += identifiers.organisation_code_digit(organisation)
        text = body + oracle.calc_check_digit(body)
        assert check_uscc(text) is None
        wrong = body + source.choice(ALPHABET.replace(text[-1], ""))
        assert code_of(check_uscc(wrong)) == "USCC_CHECK_DIGIT"
        assert not oracle.is_valid(wrong)


def test_codes_met_in_the_wild_are_sorted_as_counted():
    path = shared("uscc-in-the-wild") / "uscc.csv"
    with path.open(encoding="utf-8", newline="") as file:
        found = [
            (row["gb32100_check"], code_of(check_uscc(row["uscc"]))) for row in csv.DictReader(file)
        ]
    assert Counter(found) == {
        ("valid", None): 11,
        ("bad_check_digit", "USCC_CHECK_DIGIT"): 11,
        ("bad_length_13", "USCC_LENGTH"): 1,
        ("bad_length_16", "USCC_LENGTH"): 1,
    }


def test_organisation_codes_are_read_with_and_without_hyphen():
    assert check_organisation_code("60003734-1") is None
    assert check_organisation_code("600037341") is None
    assert code_of(check_organisation_code("600037342")) == "ORGANISATION_CODE_CHECK_DIGIT"
    assert code_of(check_organisation_code("60003734")) == "ORGANISATION_CODE_SHAPE"
    assert identifiers.organisation_code_digit("47008888") in "0123456789X"


def test_ror_ids_of_chinese_institutions_are_sound_and_a_typo_is_not():
    path = shared("ror-cn") / "ror-yrd.jsonl"
    with path.open(encoding="utf-8") as file:
        ids = [json.loads(line)["id"].rsplit("/", 1)[-1] for line in file]
    assert len(ids) > 100
    assert [each for each in ids if check_ror(each)] == []
    for each in ids[:50]:
        typo = each[:6] + ("8" if each[6] != "8" else "9") + each[7:]
        assert code_of(check_ror(typo)) == "ROR_CHECK_DIGIT"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("00a2xv884", None),
        ("00a2xv885", "ROR_CHECK_DIGIT"),
        ("https://ror.org/00a2xv884", "ROR_SHAPE"),
        ("00A2XV884", "ROR_SHAPE"),
        ("00i2xv884", "ROR_SHAPE"),
    ],
)
def test_ror_shape_and_check_digits(text: str, code: str | None):
    assert code_of(check_ror(text)) == code


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("0000-0002-1825-0097", None),
        ("0000-0002-1694-233X", None),
        ("0000-0002-1825-0098", "ORCID_CHECK_DIGIT"),
        ("0000000218250097", "ORCID_SHAPE"),
        ("0000-0002-1694-233x", "ORCID_SHAPE"),
    ],
)
def test_orcid_shape_and_check_digit(text: str, code: str | None):
    assert code_of(check_orcid(text)) == code
    if code is None:
        assert mod_11_2.is_valid(text.replace("-", ""))


@pytest.mark.parametrize("text", ["1033", "103350", "1033A", "１０３３５"])
def test_a_school_code_has_five_digits(text: str):
    assert check_moe_school_code("10335") is None
    assert check_moe_school_code("00335") is None
    assert code_of(check_moe_school_code(text)) == "MOE_CODE_SHAPE"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("290020241000012345", None),
        ("290020240000012345", None),
        ("290020242000012345", "DECLARATION_DIRECTION"),
        ("290018241000012345", "DECLARATION_YEAR"),
        ("29002024100001234", "DECLARATION_SHAPE"),
        ("29002024100001234X", "DECLARATION_SHAPE"),
    ],
)
def test_a_declaration_number_is_customs_year_direction_serial(text: str, code: str | None):
    assert code_of(check_declaration_number(text)) == code


def test_loose_shapes_of_division_doi_and_handle():
    assert check_division_code("330106") is None
    assert code_of(check_division_code("3301")) == "DIVISION_SHAPE"
    assert check_doi("10.5442/NI000001") is None
    assert code_of(check_doi("https://doi.org/10.5442/NI000001")) == "DOI_SHAPE"
    assert code_of(check_doi("10.5442/with space")) == "DOI_SHAPE"
    assert code_of(check_doi("10.5442/" + "x" * 600)) == "DOI_SHAPE"
    assert check_handle("21.T11998/0000-001A-3905-F") is None
    assert code_of(check_handle("no-prefix")) == "HANDLE_SHAPE"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("uscc:12100000470095016Q", None),
        ("moe:10335", None),
        ("ror:00a2xv884", None),
        ("uscc:12100000470095016R", "USCC_CHECK_DIGIT"),
        ("moe:1", "MOE_CODE_SHAPE"),
        ("12100000470095016Q", "INSTITUTION_KEY_SCHEME"),
        ("name:Zhejiang", "INSTITUTION_KEY_SCHEME"),
        ("USCC:12100000470095016Q", "INSTITUTION_KEY_SCHEME"),
    ],
)
def test_an_institution_key_is_a_known_scheme_and_a_sound_value(text: str, code: str | None):
    assert code_of(check_institution_key(text)) == code
