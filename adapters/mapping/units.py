"""Units in which people keep books, and the factor to the unit of the standard.

The standard counts money in whole units of its currency, vouchers in fen, use in hours. Factors are
exact; a unit that is not listed for a target is a mistake of the mapping and never guessed.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from decimal import ROUND_HALF_EVEN, Context, Decimal

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
DIGITS_COMPUTED = 15
"""Digits of a number, from which on it is a binary fraction that a program has computed."""
DIGITS_MAX = 30
_WIDE = Context(prec=2 * DIGITS_MAX + 20)
"""Room for every number that is read, with every place that it is rounded to."""
"""Length of a text that is looked at as a number; what the standard can hold is checked later."""

SIGNS: Mapping[str, frozenset[str]] = {
    "¥": frozenset({"CNY", "JPY"}),
    "$": frozenset({"USD", "AUD", "CAD", "HKD", "NZD", "SGD", "TWD"}),
    "€": frozenset({"EUR"}),
    "£": frozenset({"GBP"}),
}
"""Signs of money and the currencies that they stand for."""

_GROUPS = {
    False: re.compile(r"[0-9]{1,3}(?:[, ][0-9]{3})+(?:\.[0-9]*)?"),
    True: re.compile(r"[0-9]{1,3}(?:[. ][0-9]{3})+(?:,[0-9]*)?"),
}
"""Whole digits in groups of three, by whether the comma is the decimal mark."""
_PLAIN = {
    False: re.compile(r"(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?"),
    True: re.compile(r"(?:[0-9]+,?[0-9]*|,[0-9]+)(?:[eE][+-]?[0-9]{1,3})?"),
}
_BLANKS = re.compile(r"[^\S\n\r\v\f\x85\u2028\u2029]+")
_CLOCK = re.compile(r"([0-9]{1,5}):([0-5][0-9])(?::([0-5][0-9]))?")


def units_for(target: str | None) -> tuple[str, ...]:
    """Return the units that may be converted to an item's unit."""
    if target in ("currency unit", "fen CNY"):
        return tuple(MONEY)
    if target == "h":
        return (*HOURS, *PARTS_OF_HOUR, CLOCK)
    return ()


def number_of(text: str, *, decimal_comma: bool = False, currency: str | None = None) -> Decimal:
    """Read a number as people write it: full-width digits, groups of three, a sign of its money.

    `currency`: of an amount; a sign of another one contradicts it, and without one none may stand.
    Raises `CellError` NOT_A_NUMBER or CURRENCY_CONTRADICTED.
    """
    plain = _BLANKS.sub(" ", unicodedata.normalize("NFKC", text)).strip()
    plain = _without_money_sign(plain, text, currency)
    sign, plain = (plain[0], plain[1:].strip()) if plain[:1] in ("+", "-") else ("", plain)
    if _GROUPS[decimal_comma].fullmatch(plain):
        plain = plain.replace(" ", "").replace("." if decimal_comma else ",", "")
    if not _PLAIN[decimal_comma].fullmatch(plain) or len(plain) > DIGITS_MAX:
        raise _no_number(text)
    number = Decimal(sign + plain.replace(",", "."))
    if abs(number.adjusted()) > DIGITS_MAX:
        raise _no_number(text)
    return number


def _without_money_sign(plain: str, text: str, currency: str | None) -> str:
    """Take one sign of money off either end, before or behind a minus."""
    found = [sign for sign in SIGNS if sign in plain]
    if not found:
        return plain
    bare = re.sub(r"^([+-]?) ?[¥$€£] ?|(?<=.) ?[¥$€£]$", r"\1", plain, count=1)
    if len(found) > 1 or any(sign in bare for sign in SIGNS) or currency is None:
        raise _no_number(text)
    if currency not in SIGNS[found[0]]:
        raise CellError(
            "CURRENCY_CONTRADICTED",
            f"“{text}”的货币符号与所定币种 {currency} 不符；请改填 {currency} 金额，或另报该币种",
            f"the sign in {text!r} is none of {currency}, the currency that is stated: "
            f"write the amount in {currency}, or state the other currency",
        )
    return bare


def _no_number(text: str) -> CellError:
    return CellError(
        "NOT_A_NUMBER",
        f"“{text}”不是数字；请只填数字，不带单位、百分号和“约”字，没有值请留空",
        f"{text!r} is not a number: write digits alone, without unit, per cent or words, "
        "and leave the cell empty where there is no value",
    )


def convert(
    text: str,
    unit: str,
    target: str | None,
    *,
    decimal_comma: bool = False,
    currency: str | None = None,
) -> Decimal:
    """Return the number of a text, in the item's unit. Raises `CellError`."""
    if unit == CLOCK:
        return _clock(text)
    bare = _without_unit(text, unit)
    number = number_of(bare, decimal_comma=decimal_comma, currency=currency)
    if target == "h":
        if unit in PARTS_OF_HOUR:
            return _rounded(number / PARTS_OF_HOUR[unit], DECIMALS_OF_HOURS)
        return number * HOURS[unit]
    return number * MONEY[unit] * (100 if target == "fen CNY" else 1)


def decimal_text(number: Decimal, decimals: int | None = None) -> str:
    """Write a number as the standard does; `decimals` rounds half to even, as it was stated.

    What a program has computed has as many digits as it keeps, and is cut to the places of the
    standard. Of a number that somebody wrote no digit is cut: `CellError` DECIMALS_TOO_MANY.
    """
    rounded = number if decimals is None else _rounded(number, decimals)
    exponent = rounded.as_tuple().exponent
    if isinstance(exponent, int) and exponent < -numbers.DECIMALS_MAX:
        cut = _rounded(rounded, numbers.DECIMALS_MAX)
        if cut != rounded and (not cut or len(rounded.as_tuple().digits) < DIGITS_COMPUTED):
            raise _too_many_decimals(rounded)
        rounded = cut
    return numbers.decimal_text(rounded)


def _too_many_decimals(number: Decimal) -> CellError:
    most = numbers.DECIMALS_MAX
    text = format(number, "f") if number.adjusted() > -DIGITS_MAX else str(number)
    return CellError(
        "DECIMALS_TOO_MANY",
        f"“{text}”的小数超过 {most} 位；请四舍五入后填写，或在映射规则中写明 round",
        f"{text} has more than {most} decimals: round it, or say `round` in the mapping",
    )


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
