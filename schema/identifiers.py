"""Checks of identifiers: each takes a text and returns None when it is sound, else a `Flaw`.

Invariants: no check changes its text, looks anything up or raises; a check digit that fits proves
that nobody mistyped, not that the body exists. A flaw never repeats the text it judges.
Standards: GB 32100-2015, GB 11714-1997, ISO/IEC 7064, GB/T 2260.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType

LONGEST_IDENTIFIER = 512
USCC_LENGTH = 18
HYPHEN_AT = 8  # organisation codes are printed 12345678-9
DECLARATION_YEARS = range(1990, 2100)


@dataclass(frozen=True, slots=True)
class Flaw:
    """What is wrong with a value: a stable code and a sentence in each language."""

    code: str
    zh: str
    en: str


Check = Callable[[str], Flaw | None]

_USCC_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_USCC_SHAPE = re.compile(rf"[{_USCC_ALPHABET}]{{2}}[0-9]{{6}}[{_USCC_ALPHABET}]{{10}}")
_USCC_WEIGHTS = tuple(pow(3, place, 31) for place in range(17))
_ORGANISATION_WEIGHTS = (3, 7, 9, 10, 5, 8, 4, 2)
_ORGANISATION_SHAPE = re.compile(r"[0-9A-Z]{8}[0-9X]")
_ROR_SHAPE = re.compile(r"0[0-9a-hj-km-np-tv-z]{6}[0-9]{2}")
_ROR_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_ORCID_SHAPE = re.compile(r"[0-9]{4}-[0-9]{4}-[0-9]{4}-[0-9]{3}[0-9X]")
_DECLARATION_SHAPE = re.compile(r"[0-9]{18}")
_DIVISION_SHAPE = re.compile(r"[1-9][0-9]{5}")
_DOI_SHAPE = re.compile(r"10\.[0-9]{4,9}(?:\.[0-9]+)*/[!-~]+")
_HANDLE_SHAPE = re.compile(r"[0-9]+(?:\.[0-9A-Za-z]+)*/[!-~]+")


def organisation_code_digit(body: str) -> str:
    """Check character of the eight characters of a GB 11714 organisation code (modulus 11)."""
    total = sum(
        weight * int(character, 36)
        for weight, character in zip(_ORGANISATION_WEIGHTS, body, strict=True)
    )
    return "0123456789X0"[11 - total % 11]


def uscc_digit(body: str) -> str:
    """Check character of the first 17 characters of a unified social credit code (modulus 31)."""
    total = sum(
        weight * _USCC_ALPHABET.index(character)
        for weight, character in zip(_USCC_WEIGHTS, body, strict=True)
    )
    return _USCC_ALPHABET[-total % 31]


def check_uscc(text: str) -> Flaw | None:
    """Check a 统一社会信用代码: shape, GB 32100 check character, GB 11714 digit at place 17."""
    if len(text) != USCC_LENGTH:
        return Flaw("USCC_LENGTH", "统一社会信用代码须为18位", "A USCC has 18 characters")
    if not _USCC_SHAPE.fullmatch(text):
        return Flaw(
            "USCC_SHAPE",
            "统一社会信用代码含非法字符：只用数字和大写字母（不含I、O、S、V、Z），第3至8位为数字",
            "A USCC uses digits and capitals without I, O, S, V, Z; characters 3 to 8 are digits",
        )
    if uscc_digit(text[:17]) != text[17]:
        return Flaw(
            "USCC_CHECK_DIGIT",
            "统一社会信用代码校验位不符（GB 32100），请核对原证",
            "The last character does not fit (GB 32100); compare with the certificate",
        )
    if organisation_code_digit(text[8:16]) != text[16]:
        return Flaw(
            "USCC_ORGANISATION_DIGIT",
            "统一社会信用代码第9至17位不是有效的组织机构代码（GB 11714），请核对原证",
            "Characters 9 to 17 are no valid organisation code (GB 11714); compare with the "
            "certificate",
        )
    return None


def check_organisation_code(text: str) -> Flaw | None:
    """Check a 组织机构代码 of nine characters, with or without the hyphen before the last."""
    bare = text[:HYPHEN_AT] + text[HYPHEN_AT:].removeprefix("-")
    if not _ORGANISATION_SHAPE.fullmatch(bare):
        return Flaw(
            "ORGANISATION_CODE_SHAPE",
            "组织机构代码须为8位数字或大写字母加1位校验码",
            "An organisation code has eight digits or capitals and one check character",
        )
    if organisation_code_digit(bare[:8]) != bare[8]:
        return Flaw(
            "ORGANISATION_CODE_CHECK_DIGIT",
            "组织机构代码校验位不符（GB 11714）",
            "The check character does not fit (GB 11714)",
        )
    return None


def check_ror(text: str) -> Flaw | None:
    """Check a bare ROR id (`0` + 6 base-32 characters + 2 digits, ISO 7064 MOD 97-10)."""
    if not _ROR_SHAPE.fullmatch(text):
        return Flaw(
            "ROR_SHAPE",
            "ROR标识须为0加6位小写base32字符加2位数字，不带网址前缀",
            "A ROR id is 0, six lower-case base-32 characters and two digits, without the address",
        )
    number = 0
    for character in text[:7]:
        number = number * 32 + _ROR_ALPHABET.index(character)
    if 98 - (number * 100) % 97 != int(text[7:]):
        return Flaw("ROR_CHECK_DIGIT", "ROR标识校验位不符", "The check digits do not fit")
    return None


def check_orcid(text: str) -> Flaw | None:
    """Check a bare ORCID iD `0000-0000-0000-000X` (ISO 7064 MOD 11-2)."""
    if not _ORCID_SHAPE.fullmatch(text):
        return Flaw(
            "ORCID_SHAPE",
            "ORCID须为4组4位、以连字符分隔，不带网址前缀",
            "An ORCID iD is four groups of four with hyphens, without the address",
        )
    total = 0
    for digit in text.replace("-", "")[:15]:
        total = (total + int(digit)) * 2
    if "0123456789X"[(12 - total % 11) % 11] != text[-1]:
        return Flaw("ORCID_CHECK_DIGIT", "ORCID校验位不符", "The check digit does not fit")
    return None


def check_moe_school_code(text: str) -> Flaw | None:
    """Check the shape of a 教育部学校标识 school code: five digits.

    The ministry's list of 2017 has six codes that begin with zero, so a leading zero is allowed.
    """
    if re.fullmatch(r"[0-9]{5}", text):
        return None
    return Flaw("MOE_CODE_SHAPE", "学校代码须为5位数字", "A MOE school code has five digits")


def check_declaration_number(text: str) -> Flaw | None:
    """Check a 报关单编号: customs 4, year 4, direction 1 (1 import, 0 export), serial 9."""
    if not _DECLARATION_SHAPE.fullmatch(text):
        return Flaw("DECLARATION_SHAPE", "报关单编号须为18位数字", "18 digits are needed")
    if int(text[4:8]) not in DECLARATION_YEARS:
        return Flaw(
            "DECLARATION_YEAR",
            "报关单编号第5至8位不是年份",
            "Digits 5 to 8 of a declaration number are its year",
        )
    if text[8] not in "01":
        return Flaw(
            "DECLARATION_DIRECTION",
            "报关单编号第9位须为1（进口）或0（出口）",
            "Digit 9 of a declaration number is 1 (import) or 0 (export)",
        )
    return None


def check_division_code(text: str) -> Flaw | None:
    """Check the shape of a GB/T 2260 code; whether it exists is asked of the code table."""
    if _DIVISION_SHAPE.fullmatch(text):
        return None
    return Flaw(
        "DIVISION_SHAPE", "行政区划代码须为6位数字", "A division code has six digits (GB/T 2260)"
    )


def check_doi(text: str) -> Flaw | None:
    """Check the loose shape of a bare DOI `10.prefix/suffix`, without `doi:` or an address."""
    if len(text) <= LONGEST_IDENTIFIER and _DOI_SHAPE.fullmatch(text):
        return None
    return Flaw("DOI_SHAPE", "DOI须形如10.1234/abc，不带网址前缀", "Write a DOI as 10.1234/abc")


def check_handle(text: str) -> Flaw | None:
    """Check the loose shape of a bare handle `prefix/suffix`."""
    if len(text) <= LONGEST_IDENTIFIER and _HANDLE_SHAPE.fullmatch(text):
        return None
    return Flaw(
        "HANDLE_SHAPE", "Handle须形如21.T11998/abc，不带网址前缀", "Write a handle as 21.T11998/abc"
    )


KEYS_KEPT_MAX = 4_096
"""Institution keys whose check is kept: a batch names few of them, each many times."""

_KEY_CHECKS: MappingProxyType[str, Check] = MappingProxyType(
    {"uscc": check_uscc, "moe": check_moe_school_code, "ror": check_ror}
)


@lru_cache(maxsize=KEYS_KEPT_MAX)
def check_institution_key(text: str) -> Flaw | None:
    """Check an institution key `scheme:value` with scheme uscc, moe or ror, and its value."""
    scheme, colon, value = text.partition(":")
    if not colon or scheme not in _KEY_CHECKS:
        return Flaw(
            "INSTITUTION_KEY_SCHEME",
            "单位键须形如uscc:…、moe:…或ror:…",
            "An institution key is uscc:…, moe:… or ror:…",
        )
    return _KEY_CHECKS[scheme](value)
