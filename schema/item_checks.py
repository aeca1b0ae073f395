"""`item_checks`: the check of one value of an item, by the kind of the item; pure.

A check returns the flaw of a value, or None. It is made once for an item, so that nothing of the
declaration is looked up again for each value.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

from schema.dates import EARLIEST_YEAR, LATEST_YEAR, PartialDate, is_date, is_instant
from schema.identifiers import Flaw
from schema.item import Item, Kind
from schema.keys import check_key_text
from schema.numbers import DECIMAL, DECIMALS_MAX, WHOLE_DIGITS_MAX, is_integer
from schema.personal import refuse_citizen_number, refuse_private_contact
from schema.shapes import bounds_words, shape_words
from schema.texts import spelling

Check = Callable[[Any], Flaw | None]

NOT_TEXT = Flaw("NOT_TEXT", "必须是文本", "must be text")
NOT_INTEGER = Flaw("NOT_INTEGER", "必须是整数，绝对值小于 2^53", "must be an integer below 2^53")
NOT_DECIMAL = Flaw(
    "NOT_DECIMAL",
    '必须是文本形式的十进制数，例如 "3.50"；'
    f"小数点前至多 {WHOLE_DIGITS_MAX} 位，后至多 {DECIMALS_MAX} 位",
    f'must be a decimal written as text, such as "3.50", of at most {WHOLE_DIGITS_MAX} digits '
    f"before the point and {DECIMALS_MAX} behind",
)
NOT_BOOLEAN = Flaw("NOT_BOOLEAN", "必须是 true 或 false", "must be true or false")
_YEARS_ZH = f"，年份在 {EARLIEST_YEAR} 至 {LATEST_YEAR} 之间"
_YEARS_EN = f", of a year from {EARLIEST_YEAR} to {LATEST_YEAR}"
NOT_DATE = Flaw(
    "NOT_DATE", f"必须是日期 YYYY-MM-DD{_YEARS_ZH}", f"must be a date YYYY-MM-DD{_YEARS_EN}"
)
NOT_PARTIAL_DATE = Flaw(
    "NOT_PARTIAL_DATE",
    f"必须是 YYYY、YYYY-MM 或 YYYY-MM-DD{_YEARS_ZH}",
    f"must be YYYY, YYYY-MM or YYYY-MM-DD{_YEARS_EN}",
)
NOT_INSTANT = Flaw(
    "NOT_INSTANT",
    f"必须是 UTC 时间 YYYY-MM-DDTHH:MM:SSZ{_YEARS_ZH}",
    f"must be a UTC time YYYY-MM-DDTHH:MM:SSZ{_YEARS_EN}",
)


def check_of(item: Item) -> Check:
    """Return the check of one value of an item."""
    if item.kind is Kind.TEXT:
        return _text_check(item)
    if item.kind is Kind.INTEGER:
        return _integer_check(item)
    if item.kind is Kind.DECIMAL:
        return _decimal_check(item)
    if item.kind is Kind.CODE:
        return _code_check(item)
    return {
        Kind.BOOLEAN: lambda raw: None if isinstance(raw, bool) else NOT_BOOLEAN,
        Kind.DATE: _date,
        Kind.INSTANT: _instant,
        Kind.PARTIAL_DATE: _partial_date,
        Kind.VALUE: lambda raw: None,
    }[item.kind]


def _text_check(item: Item) -> Check:
    facts = item.facts
    pattern = re.compile(facts.pattern) if facts.pattern else None
    length_max, further, multiline = facts.length_max, facts.check, facts.multiline
    characters = check_key_text if item.names_key else None
    personal = personal_check(item)
    too_long = Flaw(
        "TOO_LONG", f"最多 {length_max} 个字符", f"must have at most {length_max} characters"
    )
    zh, en = shape_words(facts.pattern)
    misshapen = Flaw("MISSHAPEN", f"应为{zh}", f"must be {en}")

    def check(raw: Any) -> Flaw | None:
        if not isinstance(raw, str):
            return NOT_TEXT
        if len(raw) > length_max:
            return too_long
        flaw = personal(raw) or (characters(raw) if characters else None)
        flaw = flaw or spelling(raw, multiline=multiline)
        if flaw is not None:
            return flaw
        if pattern is not None and pattern.fullmatch(raw) is None:
            return misshapen
        return further(raw) if further is not None else None

    return check


def personal_check(item: Item) -> Callable[[str], Flaw | None]:
    """Return the check for personal data that the item must not hold."""
    if not item.is_public_prose:
        return refuse_citizen_number
    return lambda text: refuse_citizen_number(text) or refuse_private_contact(text)


def _bounds(item: Item) -> Flaw:
    facts = item.facts
    return Flaw("OUT_OF_RANGE", *bounds_words(facts.minimum, facts.maximum, facts.unit))


def _integer_check(item: Item) -> Check:
    low, high, outside = item.facts.minimum, item.facts.maximum, _bounds(item)

    def check(raw: Any) -> Flaw | None:
        if isinstance(raw, bool) or not isinstance(raw, int):
            return NOT_INTEGER
        if not is_integer(raw):
            return NOT_INTEGER
        return outside if _is_outside(raw, low, high) else None

    return check


def _decimal_check(item: Item) -> Check:
    low, high, outside = item.facts.minimum, item.facts.maximum, _bounds(item)

    def check(raw: Any) -> Flaw | None:
        if not isinstance(raw, str) or DECIMAL.fullmatch(raw) is None:
            return NOT_DECIMAL
        return outside if _is_outside(Decimal(raw), low, high) else None

    return check


def _is_outside(number: int | Decimal, low: int | None, high: int | None) -> bool:
    return (low is not None and number < low) or (high is not None and number > high)


def _code_check(item: Item) -> Check:
    assert item.code_list is not None
    names = frozenset(member.value for member in item.code_list)
    flaw = Flaw(
        "CODE_UNKNOWN",
        f"代码必须是其中之一：{'、'.join(f'{m.zh}（{m.value}）' for m in item.code_list)}",
        f"must be one of {', '.join(sorted(names))}",
    )

    def check(raw: Any) -> Flaw | None:
        return None if isinstance(raw, str) and raw in names else flaw

    return check


def _date(raw: Any) -> Flaw | None:
    return None if isinstance(raw, str) and is_date(raw) else NOT_DATE


def _instant(raw: Any) -> Flaw | None:
    return None if isinstance(raw, str) and is_instant(raw) else NOT_INSTANT


_DAY_LONG = len("2026-11-23")
_FIRST, _LAST = str(EARLIEST_YEAR), str(LATEST_YEAR)


def _partial_date(raw: Any) -> Flaw | None:
    if isinstance(raw, str):
        try:
            if len(raw) == _DAY_LONG and raw[4] == raw[7] == "-" and _FIRST <= raw[:4] <= _LAST:
                date.fromisoformat(raw)
            else:
                PartialDate(raw)
        except ValueError:
            pass
        else:
            return None
    return NOT_PARTIAL_DATE
