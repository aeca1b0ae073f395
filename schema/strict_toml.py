"""`strict_toml`: TOML 1.0 within bounds, for texts that come from outside.

The reader of the standard library goes as deep as a text is nested, and looks at each part of a
dotted key once for every part before it. So a text is looked through first, in one pass: how long
it is, how deep its brackets go, how many parts a key has. Whatever is wrong is a `ValueError`.
"""

from __future__ import annotations

import re
import tomllib
from typing import Any

DEPTH_MAX = 16
"""Brackets inside brackets."""
PARTS_MAX = 16
"""Parts of a dotted key."""

_PLACE = re.compile(r"at line ([0-9]+)(?:, column ([0-9]+))?")
_PIECE = re.compile(
    r"(?P<comment>\#[^\n]*)"
    r'|(?P<text>"""(?:[^"\\]|\\.|"(?!""))*"{3,5}|\'\'\'(?:[^\']|\'(?!\'\'))*\'{3,5}'
    r'|"(?:[^"\\\n]|\\.)*"|\'[^\'\n]*\')'
    r"|(?P<broken>[\"'])"
    r"|(?P<open>[\[{])|(?P<close>[\]}])|(?P<dot>\.)|(?P<end>[=,\n])",
    re.DOTALL,
)


def read_toml(text: str, *, characters_max: int) -> dict[str, Any]:
    """Return the tables of a TOML text; `ValueError` says what is wrong with it."""
    if len(text) > characters_max:
        raise ValueError(f"over {characters_max} characters")
    _check(text)
    try:
        return tomllib.loads(text)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def explained(error: ValueError) -> tuple[str, str]:
    """Say in Chinese and English what `read_toml` has found wrong, in words for its writer."""
    if isinstance(error, UnicodeDecodeError):
        return f"第 {error.start + 1} 个字节不是 UTF-8", f"byte {error.start + 1} is not UTF-8"
    place = _PLACE.search(str(error))
    if place is not None:
        line, at = place[1], place[2]
        where = f"第 {line} 行第 {at} 个字符处", f"line {line}, character {at}"
        if at is None:
            where = f"第 {line} 行", f"line {line}"
        return f"{where[0]}写法有误", f"{where[1]} is not written as TOML has it"
    return "写法有误：在文末没有结束，或过长", "it does not end as TOML has it, or is too long"


def _check(text: str) -> None:
    depth = parts = 0
    for piece in _PIECE.finditer(text):
        kind = piece.lastgroup
        if kind == "broken":
            return  # a text that does not end: the reader gets no farther, and says so
        if kind == "open":
            depth, parts = depth + 1, 0
        elif kind == "close":
            depth, parts = max(depth - 1, 0), 0
        elif kind == "dot":
            parts += 1
        elif kind == "end":
            parts = 0
        if depth > DEPTH_MAX or parts >= PARTS_MAX:
            line = text.count("\n", 0, piece.start()) + 1
            raise ValueError(f"nested too deeply (at line {line})")
