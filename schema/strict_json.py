"""`strict_json`: JSON as RFC 8259 has it and no more, for texts that come from outside.

- A name that stands twice in one object is refused: two readers would take two meanings from it
  (RFC 7493 §2.3). `NaN` and `Infinity` are not JSON. Nesting beyond what the parser bears is
  refused like any other fault, with `ValueError`.
- What becomes of numbers is the caller's to say: a fraction as `Decimal`, as text, or not at all.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import lru_cache
from math import isfinite
from typing import Any, NoReturn

Number = Callable[[str], Any]
_TWICE = " stands twice in one object"
_DEEP = "nested too deeply"
_NOT_ALLOWED = " is not allowed here"


NUMBER_DIGITS_MAX = 500
"""Characters of an integer: reading one takes the square of them."""
NUMBER_SHOWN_MAX = 20
_GREAT = " is too great"
_LONG = f"has more than {NUMBER_DIGITS_MAX} digits"


def integer(text: str) -> int:
    """Return the integer that a text spells; ValueError for one that is far too long."""
    if len(text) > NUMBER_DIGITS_MAX:
        raise ValueError(f"a number {_LONG}")
    return int(text)


def fraction(text: str) -> float:
    """Return the number that a text spells; ValueError for one that no JSON can be written of."""
    number = float(text)
    if not isfinite(number):
        raise ValueError(f"the number {text[:NUMBER_SHOWN_MAX]}{_GREAT}")
    return number


def read_json(text: str, *, fractions: Number = fraction, integers: Number = integer) -> Any:
    """Return the value of a JSON text; `ValueError` says what is wrong with it.

    `fractions`, `integers`: what reads a number with, or without, a point or an exponent.
    """
    try:
        return _decoder(fractions, integers).decode(text)
    except RecursionError as error:
        raise ValueError(_DEEP) from error


def read_json_at(text: str, at: int, *, fractions: Number = fraction) -> tuple[Any, int]:
    """Return the JSON value that begins at a place of a text, and where it ends; `ValueError`."""
    try:
        value, end = _decoder(fractions, integer).raw_decode(text, at)
    except RecursionError as error:
        raise ValueError(_DEEP) from error
    return value, end


def explained(error: ValueError, *, in_line: bool = False) -> tuple[str, str]:
    """Say in Chinese and English what `read_json` has found wrong, in words for its sender.

    `in_line`: the text was one line of several, whose number the caller says.
    """
    if isinstance(error, UnicodeDecodeError):
        return f"第 {error.start + 1} 个字节不是 UTF-8", f"byte {error.start + 1} is not UTF-8"
    if isinstance(error, json.JSONDecodeError):
        line, at = error.lineno, error.colno
        zh = f"第 {at} 个字符处写法有误" if in_line else f"第 {line} 行第 {at} 个字符处写法有误"
        en = f"character {at}" if in_line else f"line {line}, character {at},"
        return zh, f"{en} is not written as JSON has it"
    return _in_chinese(str(error)), str(error)


def _in_chinese(text: str) -> str:
    if text.endswith(_TWICE):
        return f"同一对象中有重复的成员：{text.removesuffix(_TWICE).removeprefix('key ')}"
    if text.endswith("is not JSON"):
        return f"{text.partition(' ')[0]} 不是 JSON 的数"
    if text == _DEEP:
        return "嵌套过深"
    if text.endswith(_LONG):
        return f"有数字超过 {NUMBER_DIGITS_MAX} 位"
    if text.endswith(_GREAT):
        return f"数字 {text.removesuffix(_GREAT).rpartition(' ')[2]} 过大"
    return f"有数字不被允许：{text.removesuffix(_NOT_ALLOWED).rpartition(' ')[2]}"


def no_number(text: str) -> NoReturn:
    """Refuse a number; for callers in whose texts none of a kind may stand."""
    raise ValueError(f"the number {text[:NUMBER_SHOWN_MAX]}{_NOT_ALLOWED}")


@lru_cache(maxsize=16)
def _decoder(fractions: Number, integers: Number) -> json.JSONDecoder:
    return json.JSONDecoder(
        object_pairs_hook=_without_repeats,
        parse_float=fractions,
        parse_int=integers,
        parse_constant=_no_constant,
    )


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError(f"key {_repeated(pairs)[:80]!r}{_TWICE}")
    return members


def _repeated(pairs: list[tuple[str, Any]]) -> str:
    """Return the first name that stands twice, after one walk over them."""
    seen: set[str] = set()
    for name, _ in pairs:
        if name in seen:
            return name
        seen.add(name)
    raise AssertionError("one of them is repeated")


def _no_constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is not JSON")
