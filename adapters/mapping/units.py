"""Units in which people keep books, and the factor to the unit of the standard.

The standard counts money in whole units of its currency, vouchers in fen, use in hours. Factors are
exact; a unit that is not listed for a target is a mistake of the mapping and never guessed.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from decimal import ROUND_HALF_EVEN, Context, Decimal, InvalidOperation

from adapters.mapping.errors import CellError
from schema import numbers

MONEY: Mapping[str, Decimal] = {
    name: Decimal(factor)
    for names, factor in (
        (("元", "yuan", "unit"), "1"),
        (("角",), "0.1"),
        (("分", "fen", "cent", "cents"), "0.01"),
        (("千元", "thousand", "k"), "1000"),
        (("万元", "万", "wan", "10k"), "10000"),
        (("百万元", "百万", "million", "m"), "1000000"),
        (("亿元", "亿"), "100000000"),
    )
    for name in names
}
HOURS: Mapping[str, Decimal] = {
    name: Decimal(factor)
    for names, factor in (
        (("小时", "时", "h", "hour", "hours"), "1"),
        (("天", "日", "d", "day", "days"), "24"),
    )
    for name in names
}
PARTS_OF_HOUR: Mapping[str, int] = {
    name: parts
    for names, parts in (
        (("分钟", "分", "min", "minute", "minutes"), 60),
        (("秒", "s", "second", "seconds"), 3600),
    )
    for name in names
}
CLOCK = "h:mm"
"""A duration written as hours and minutes."""
DECIMALS_OF_HOURS = 4
DIGITS_MAX = 30
_WIDE = Context(prec=2 * DIGITS_MAX + 20)
"""Room for every number that is read, with every place that it is rounded to."""
"""Length of a text that is looked at as a number; what the standard can hold is checked later."""

_GROUPED = re.compile(r"[+-]?[0-9]{1,3}(,[0-9]{3})+(\.[0-9]+)?")
_CLOCK = re.compile(r"([0-9]{1,5}):([0-5][0-9])(?::([0-5][0-9]))?")


def units_for(target: str | None) -> tuple[str, ...]:
    """Return the units that may be converted to an item's unit."""
    if target in ("currency unit", "fen CNY"):
        return tuple(MONEY)
    if target == "h":
        return (*HOURS, *PARTS_OF_HOUR, CLOCK)
    return ()


def number_of(text: str, *, decimal_comma: bool = False) -> Decimal:
    """Read a number as people write it: full-width digits, thousands separators, signs of money.

    Raises `CellError` NOT_A_NUMBER.
    """
    plain = re.sub(r"[\s¥￥$€£]", "", unicodedata.normalize("NFKC", text))
    if decimal_comma:
        plain = plain.replace(".", "").replace(",", ".")
    elif _GROUPED.fullmatch(plain):
        plain = plain.replace(",", "")
    try:
        number = Decimal(plain)
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite() or len(plain) > DIGITS_MAX or abs(number.adjusted()) > DIGITS_MAX:
        raise CellError("NOT_A_NUMBER", f"“{text}”不是数字", f"{text!r} is not a number")
    return number


def convert(text: str, unit: str, target: str | None, *, decimal_comma: bool = False) -> Decimal:
    """Return the number of a text, in the item's unit. Raises `CellError`."""
    if unit == CLOCK:
        return _clock(text)
    bare = _without_unit(text, unit)
    number = number_of(bare, decimal_comma=decimal_comma)
    if target == "h":
        if unit in PARTS_OF_HOUR:
            return _rounded(number / PARTS_OF_HOUR[unit], DECIMALS_OF_HOURS)
        return number * HOURS[unit]
    return number * MONEY[unit] * (100 if target == "fen CNY" else 1)


def decimal_text(number: Decimal, decimals: int | None = None) -> str:
    """Write a number as the standard does; `decimals` rounds half to even."""
    rounded = number if decimals is None else _rounded(number, decimals)
    exponent = rounded.as_tuple().exponent
    if isinstance(exponent, int) and exponent < -numbers.DECIMALS_MAX:
        # A workbook shows 15 digits of a binary fraction; more places than the standard has are
        # noise of that kind and never money.
        rounded = _rounded(rounded, numbers.DECIMALS_MAX)
    return numbers.decimal_text(rounded)


def _rounded(number: Decimal, decimals: int) -> Decimal:
    return number.quantize(Decimal(1).scaleb(-decimals), rounding=ROUND_HALF_EVEN, context=_WIDE)


def _without_unit(text: str, unit: str) -> str:
    """Take away the stated unit where the cell repeats it."""
    plain = unicodedata.normalize("NFKC", text).strip()
    return plain[: -len(unit)].strip() if plain.endswith(unit) else plain


def _clock(text: str) -> Decimal:
    clock = _CLOCK.fullmatch(unicodedata.normalize("NFKC", text).strip())
    if clock is None:
        raise CellError(
            "NOT_A_DURATION",
            f"“{text}”不是“小时:分钟”形式的时长，例如 1:30",
            f"{text!r} is no duration in hours and minutes, such as 1:30",
        )
    hours, minutes, seconds = int(clock[1]), int(clock[2]), int(clock[3] or 0)
    parts = Decimal(minutes * 60 + seconds) / 3600
    return _rounded(Decimal(hours) + parts, DECIMALS_OF_HOURS)
