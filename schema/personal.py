"""`personal`: personal data that no text of the standard may hold, wherever in the text it stands.

- A citizen number is refused in every text: no clause needs one. Birth date and check character
  must fit, so that a declaration or an account is not taken for one by its length (GB 11643-1999).
- A mobile number or a mail address of a private provider is refused in public prose; an office line
  and the address of a role are what belongs there.
- Digits of full width count, and so do digits that are parted by blanks or hyphens.
- What a refusal says never repeats the text.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import date

from schema.identifiers import Flaw

SHORTEST_MAIL = len("a@qq.com")
SHORTEST_MOBILE = 11
CITIZEN_LENGTH = 18
BIRTH_YEARS = range(1850, 2100)
REMOVED = "[citizen number removed]"
REMOVED_CONTACT = "[contact removed]"

CITIZEN_NUMBER = Flaw(
    "CITIZEN_NUMBER",
    "不得报送公民身份号码，请改用来源系统内的人员编号",
    "Citizen identity numbers are not accepted; send the source system's own person id",
)
MOBILE_NUMBER = Flaw(
    "MOBILE_NUMBER",
    "公开项中不得填写个人手机号码，请改填办公电话",
    "A mobile number has no place in a public item; give an office line",
)
PRIVATE_MAIL = Flaw(
    "PRIVATE_MAIL",
    "公开项中不得填写个人邮箱，请改填单位或岗位邮箱",
    "A private mail address has no place in a public item; give the address of a role",
)
NEVER_SHOWN = frozenset({CITIZEN_NUMBER, MOBILE_NUMBER, PRIVATE_MAIL})
"""Flaws of texts that a problem does not repeat."""

_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECKS = "10X98765432"
# A legal person's key differs from a citizen's number by the prefix before it.
_CITIZEN = re.compile(r"(?<![0-9])(?<!uscc:)[1-9](?:[ -]?[0-9]){16}[ -]?[0-9Xx](?![0-9])")
_MOBILE = re.compile(
    r"(?<![0-9A-Za-z.])(?:(?:\+|00)?86[ -]?)?1[3-9][0-9][ -]?[0-9]{4}[ -]?[0-9]{4}(?![0-9A-Za-z])"
)
_PROVIDERS = (
    *("qq", "vip.qq", "foxmail", "163", "vip.163", "126", "139", "188", "189", "wo", "yeah"),
    *("sina", "vip.sina", "sohu", "aliyun", "21cn", "tom", "263", "gmail", "googlemail"),
    *("outlook", "hotmail", "live", "msn", "yahoo", "icloud", "me", "mac", "aol", "proton"),
    *("protonmail", "gmx", "mail"),
)
_AT_PROVIDER = (
    rf"@(?:{'|'.join(map(re.escape, _PROVIDERS))})\.(?:com\.cn|com|cn|net|me)(?![.]?[a-z0-9-])"
)
_MAIL = re.compile(_AT_PROVIDER, re.IGNORECASE)
_WHOLE_MAIL = re.compile(rf"[^\s@,;:<>()，；：]{{0,64}}{_AT_PROVIDER}", re.IGNORECASE)


suspicion = re.compile(r"[@＠0-9０-９](?:(?<=[@＠])|(?:[ 　－-]?[0-9０-９]){10})").search
"""Finds what a text must hold before it is looked at closely; most hold nothing like it."""


def refuse_citizen_number(text: str) -> Flaw | None:
    """Refuse a text that is or contains a 公民身份号码 (GB 11643)."""
    if len(text) < CITIZEN_LENGTH or not suspicion(text):
        return None
    return CITIZEN_NUMBER if any(map(_is_citizen_number, _CITIZEN.findall(_plain(text)))) else None


def refuse_private_contact(text: str) -> Flaw | None:
    """Refuse a text that contains a mobile number of mainland China or a private mail address."""
    if len(text) < SHORTEST_MAIL or not suspicion(text):
        return None
    plain = _plain(text)
    if "@" in plain and _MAIL.search(plain):
        return PRIVATE_MAIL
    return MOBILE_NUMBER if len(text) >= SHORTEST_MOBILE and _MOBILE.search(plain) else None


def without_citizen_numbers(text: str) -> str:
    """Return the text with each citizen number replaced by `REMOVED`."""
    if len(text) < CITIZEN_LENGTH or not suspicion(text):
        return text
    plain = _plain(text)
    if not any(map(_is_citizen_number, _CITIZEN.findall(plain))):
        return text
    return _CITIZEN.sub(lambda each: REMOVED if _is_citizen_number(each[0]) else each[0], plain)


def without_private_contacts(text: str) -> str:
    """Return the text with each mobile number and private mail address replaced by its mark."""
    if refuse_private_contact(text) is None:
        return text
    return _WHOLE_MAIL.sub(REMOVED_CONTACT, _MOBILE.sub(REMOVED_CONTACT, _plain(text)))


def _plain(text: str) -> str:
    return text if text.isascii() else unicodedata.normalize("NFKC", text)


def _is_citizen_number(spelled: str) -> bool:
    """Whether birth date and check character fit."""
    digits = spelled.replace(" ", "").replace("-", "")
    try:
        born = date(int(digits[6:10]), int(digits[10:12]), int(digits[12:14]))
    except ValueError:
        return False
    if born.year not in BIRTH_YEARS:
        return False
    total = sum(weight * int(digit) for weight, digit in zip(_WEIGHTS, digits[:17], strict=True))
    return _CHECKS[total % 11] == digits[17].upper()
