"""`texts`: what any text of the standard must be, whatever it says.

- Not empty, trimmed (of what shows nothing too), in NFC, of assigned characters, without controls
  and lone surrogates, and without what serves only to deceive: bidirectional embeddings, overrides
  and isolates, tags.
- Only an item that is declared `multiline` may break lines.
- What is shown of a refused text shows what cannot be seen by its number.
"""

from __future__ import annotations

import re
import unicodedata

from schema.identifiers import Flaw
from schema.keys import code_point

NOT_TRIMMED = Flaw("NOT_TRIMMED", "首尾不能有空白或为空", "must not be empty or start or end blank")
NOT_NFC = Flaw("NOT_NFC", "文本必须为 Unicode NFC", "text must be in Unicode NFC")

DECEIVING = "\u202a-\u202e\u2066-\u2069\U000e0000-\U000e007f"
"""Controls of direction that hide in which order a text is stored, and tags, which show nothing."""
INVISIBLE = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b\u200c\u200d\u200e\u200f"
    "\u2060\u2061\u2062\u2063\u2064\u2800\u3164\ufeff\uffa0\ufff9\ufffa\ufffb"
)
"""Characters that show nothing at an end of a text, where nothing is that they could join or part:
it would be told from the same text without them by nobody. Those that Unicode lists as ignorable
when shown, and the blank that is written as a letter of Braille or Hangul."""
LINE_BREAKS = "\n\t\u2028\u2029"
"""What a text of several lines may hold beside what a single line may."""

SINGLE_LINE = r"[^\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]+"
SEVERAL_LINES = r"[^\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]+"
"""The same as patterns for those who publish it; without tags, which only few engines can spell."""

_DECEIVES = re.compile(f"[{DECEIVING}]").match
_REFUSED = ("Cc", "Cs", "Cn")


def spelling(raw: str, *, multiline: bool) -> Flaw | None:
    """Check the spelling of a text."""
    if not raw or raw[0].isspace() or raw[-1].isspace():
        return NOT_TRIMMED
    if has_hidden_end(raw):
        return NOT_TRIMMED
    if not raw.isprintable():
        bad = next((c for c in raw if not _may_stand(c, multiline=multiline)), None)
        if bad is not None:
            return _control(bad)
    if not raw.isascii() and not unicodedata.is_normalized("NFC", raw):
        return NOT_NFC
    return None


def _is_selector(character: str) -> bool:
    """Tell whether a character only says how the one before it looks: a first one has none."""
    return character in _SELECTORS


def has_hidden_end(text: str) -> bool:
    """Tell whether something stands at an end of a text that nobody sees."""
    return text[0] in INVISIBLE or text[-1] in INVISIBLE or _is_selector(text[0])


def without_invisible(text: str) -> str:
    """Return a text without what shows nothing, wherever it stands: for comparing words."""
    return text if text.isascii() else text.translate(_NOTHING)


_SELECTORS = "".join(map(chr, (*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0))))
_NOTHING = dict.fromkeys(map(ord, INVISIBLE + _SELECTORS))


def _may_stand(character: str, *, multiline: bool) -> bool:
    if character.isprintable():
        return True
    if character in LINE_BREAKS:
        return multiline
    return unicodedata.category(character) not in _REFUSED and _DECEIVES(character) is None


def _control(character: str) -> Flaw:
    name = code_point(character)
    if character in LINE_BREAKS:
        return Flaw(
            "CONTROL_CHARACTER",
            f"含有换行或制表符 {name}：该项只能有一行，请改用空格",
            f"holds a line break or tab, {name}: this item is a single line; write a blank",
        )
    return Flaw(
        "CONTROL_CHARACTER",
        f"含有控制字符 {name}，请删去",
        f"holds a control character, {name}; take it out",
    )


def visible(text: str) -> str:
    """Return a text for showing, with `[U+202E]` in place of each character that shows nothing."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else f"[{code_point(c)}]" for c in text)
