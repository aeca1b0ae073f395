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
from typing import Any, NoReturn

Number = Callable[[str], Any]
_TWICE = " stands twice in one object"


NUMBER_DIGITS_MAX = 500
"""Characters of an integer: reading one takes the square of them."""


def integer(text: str) -> int:
    """Return the integer that a text spells; ValueError for one that is far too long."""
    if len(text) > NUMBER_DIGITS_MAX:
        raise ValueError(f"a number has more than {NUMBER_DIGITS_MAX} digits")
    return int(text)


def read_json(text: str, *, fractions: Number = float, integers: Number = integer) -> Any:
    """Return the value of a JSON text; `ValueError` says what is wrong with it.

    `fractions`, `integers`: what reads a number with, or without, a point or an exponent.
    """
    try:
        return _decoder(fractions, integers).decode(text)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def read_json_at(text: str, at: int, *, fractions: Number = float) -> tuple[Any, int]:
    """Return the JSON value that begins at a place of a text, and where it ends; `ValueError`."""
    try:
        value, end = _decoder(fractions, integer).raw_decode(text, at)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    return value, end


def explained(error: ValueError) -> tuple[str, str]:
    """Say in Chinese and English what `read_json` has found wrong, in words for its sender."""
    if isinstance(error, json.JSONDecodeError):
        zh, en = f"第 {error.lineno} 行第 {error.colno} 个字符处", f"line {error.lineno}, character"
        return f"{zh}写法有误", f"{en} {error.colno}, is not written as JSON has it"
    text = str(error)
    if text.endswith(_TWICE):
        return f"同一对象中有重复的成员：{text.removesuffix(_TWICE)}", text
    if text.endswith("is not JSON"):
        return f"{text.partition(' ')[0]} 不是 JSON 的数", text
    return f"嵌套过深或数字不被允许（{text}）", text


def no_number(text: str) -> NoReturn:
    """Refuse a number; for callers in whose texts none of a kind may stand."""
    raise ValueError(f"the number {text[:20]} is not allowed here")


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
