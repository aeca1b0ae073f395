"""`keys`: the characters that the key of a record, and what refers to a record, may consist of.

- Two keys that look the same are the same: nothing invisible, no combining mark, no letter of a
  script that has the shapes of Latin ones, no full-width twin of an ASCII sign.
- What may stand there is listed; everything else is refused and named by its number, because it
  may be the very thing that cannot be seen.
- The list is of Unicode 14 and never changes with the Python that reads it. Text of these
  characters alone is in NFC.

Unicode Technical Standard 39 (confusables) is what "looks like" is judged by.
"""

from __future__ import annotations

import re

from schema.identifiers import Flaw

ASCII = " -~"
GREEK = "βδεζηθλμξπφψωΔΣΩ"
"""Greek letters that names of instruments use. Left out: those that UTS 39 takes for a Latin letter
(α as a, γ as y, ι κ ν ο ρ σ υ χ and most capitals). U+00B5 MICRO SIGN is no Greek letter."""
MARKS = "、。《》「」『』【】·"
"""CJK punctuation without a twin in ASCII. Left out: every full-width form, dashes, 〇 and 々."""
HAN = (
    "\u3400-\u4dbf"
    "\u4e00-\u4e27\u4e29-\u4e35\u4e37-\u4e3e\u4e40-\u9fff"  # without the strokes 丨 丶 丿: | \ /
    "\U00020000-\U0002a6df\U0002a700-\U0002b738\U0002b740-\U0002b81d\U0002b820-\U0002cea1"
    "\U0002ceb0-\U0002ebe0\U00030000-\U0003134a"
)
"""Han ideographs, extensions A to G, without the compatibility ideographs."""

PATTERN = f"[{ASCII}{GREEK}{MARKS}{HAN}]+"
"""A text of these characters, for Python and for ECMA-262 with the flag `u`."""

_AUTHORITY = re.compile(r"[a-z][a-z0-9]*:[^\s/]{1,64}/[^\s/]{1,64}")
_FOREIGN = re.compile(f"[^{ASCII}{GREEK}{MARKS}{HAN}]")


def is_key_text(text: str) -> bool:
    """Whether a text consists of characters that a key may have."""
    return (text.isascii() and text.isprintable()) or _FOREIGN.search(text) is None


def check_key_text(text: str) -> Flaw | None:
    """Check the characters of a key or of a part of one; the flaw names the first that is wrong."""
    if is_key_text(text):
        return None
    foreign = _FOREIGN.search(text)
    assert foreign is not None
    place, name = foreign.start() + 1, code_point(foreign.group())
    return Flaw(
        "KEY_CHARACTER",
        f"编号第 {place} 个字符 {name} 不允许使用。请删去或改用半角字母、数字、符号或汉字。"
        f"希腊字母可用 {GREEK}。标点可用 {MARKS}",
        f"character {place}, {name}, may not stand in a key: take it out, or write it with "
        f"printable ASCII or Chinese characters (also {GREEK} and {MARKS})",
    )


def is_authority(text: object) -> bool:
    """Whether a text names a system: the key of the institution that operates it, and its name."""
    return isinstance(text, str) and _AUTHORITY.fullmatch(text) is not None and is_key_text(text)


def code_point(character: str) -> str:
    """Return the code point of a character as text, which names even an invisible one: `U+200B`."""
    return f"U+{ord(character):04X}"


def visible_key(text: str) -> str:
    """Return a text for showing, with `[U+200B]` in place of each character no key may have."""
    if is_key_text(text):
        return text
    return _FOREIGN.sub(lambda foreign: f"[{code_point(foreign.group())}]", text)
