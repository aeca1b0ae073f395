"""`is_placeholder`: words that people and programs write where they have nothing to say.

`NULL`, 无, `-`, `N/A`: in a text they look like content and are none. As a key they make one record
of many, each of which would replace the one before; so there they are refused (`KEY_PLACEHOLDER`),
and in any other text they are taken with a warning.
"""

from __future__ import annotations

from schema.identifiers import Flaw

__all__ = ["KEY_PLACEHOLDER", "LONGEST", "PLACEHOLDER", "is_placeholder"]

_WORDS = (
    *("null", "none", "nil", "nan", "n/a", "n.a.", "undefined", "unknown", "tbd", "tba"),
    *("无", "暂无", "没有", "未知", "不详", "待定", "待补", "待填", "空", "(空)", "（空）", "缺"),
    *("-", "--", "---", "—", "——", "–", "－", "/", "//", "／", "\\", "|", "*", "?", "？"),
    *(".", "..", "...", "…", "……", "、", "_", "__", "#", "''", '""', "()", "（）", "{}", "[]"),
)
_ALL = frozenset(spelled for w in _WORDS for spelled in (w, w.upper(), w.capitalize()))
LONGEST = max(map(len, _ALL))
"""Characters of the longest of them."""

KEY_PLACEHOLDER = Flaw(
    "KEY_PLACEHOLDER",
    "编号不能用“无”“NULL”“-”之类的占位词，否则各条记录会互相覆盖；请填本单位使用的编号",
    "a key is no word that stands for nothing, or one record would replace another: "
    "write the number that you use",
)
PLACEHOLDER = Flaw(
    "IMPLAUSIBLE",
    "像是占位词而不是内容；没有内容请留空",
    "it looks like a word that stands for nothing: leave out what you do not have",
)


def is_placeholder(text: str) -> bool:
    """Whether a text says nothing, in one of the words for it."""
    return len(text) <= LONGEST and text in _ALL
