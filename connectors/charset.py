"""`decode_text`: the text of a file, whatever it was saved as, and never by a lucky guess.

- A byte order mark decides; then what is stated; then UTF-8, and GB 18030 (which holds GBK).
- Almost any bytes can be read as GB 18030, so only what looks like Chinese text is: most characters
  are of the first level of GB/T 2312, and few are of none of its levels. Western text and UTF-8
  with a damaged character are refused with the place of the first byte that is not UTF-8.
"""

from __future__ import annotations

import codecs
import re
from collections import Counter
from functools import lru_cache

from connectors.errors import PayloadError

__all__ = ["decode_text"]

MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
"""Byte order marks, the longer ones before those they begin with."""
UTF_8, CHINESE = "utf-8", "gb18030"
RARE_SHARE_MAX = 0.2
"""Share of characters beyond GB/T 2312 up to which a text is taken for Chinese."""
SELDOM_SHARE_MAX = 0.4
"""Share of those beyond its first level: the 3,755 characters in daily use, and the signs."""
FIRST_LEVEL_END = 0xD8
"""First byte of GB/T 2312 with which its second level begins."""
DAMAGE_SHARE_MAX = 0.5
"""Damaged characters beside sound ones of UTF-8, up to which a text is taken for damaged UTF-8."""
NO_LEVEL = 0
_WIDE = re.compile(r"[^\x00-\x7f]")
_BETWEEN_LETTERS = re.compile(r"[A-Za-z]([^\x00-\x7f])(?=[A-Za-z\s.,;]|$)")


def decode_text(name: str, data: bytes, stated: str | None = None) -> tuple[str, str]:
    """Return the encoding of a text file and its text. Raises `PayloadError`."""
    marked = [encoding for mark, encoding in MARKS if data.startswith(mark)]
    for encoding in marked[:1] or ([stated] if stated else [UTF_8, CHINESE]):
        try:
            text = data.decode(encoding)
        except (UnicodeDecodeError, LookupError):
            continue
        if "\0" in text or (encoding == CHINESE and not stated and not _is_chinese(data, text)):
            continue
        return encoding, text
    tried = marked[0] if marked else stated or f"{UTF_8} / {CHINESE}"
    raise PayloadError(
        name,
        f"文件既不是工作簿，也不是 {tried} 文本{_place(data, zh=True)} "
        f"the file is neither a workbook nor text in {tried}{_place(data, zh=False)}",
        hint='另存为“CSV UTF-8”，或在映射中写明编码 save it as "CSV UTF-8", or state it in the '
        'mapping: [file] encoding = "…"',
    )


def _is_chinese(data: bytes, text: str) -> bool:
    """Tell whether bytes that can be read as GB 18030 are likely to be meant so."""
    sound, damaged = _utf_8_characters(data)
    if sound and damaged <= DAMAGE_SHARE_MAX * sound:
        return False
    wide = _WIDE.findall(text)
    levels = Counter(map(_level, wide))
    if any(_level(each) == NO_LEVEL for each in _BETWEEN_LETTERS.findall(text)):
        return False
    seldom = levels[NO_LEVEL] + levels[2]
    return levels[NO_LEVEL] <= RARE_SHARE_MAX * len(wide) and seldom <= SELDOM_SHARE_MAX * len(wide)


@lru_cache(maxsize=32_768)
def _level(character: str) -> int:
    """Return the level of GB/T 2312 that a character is of, `NO_LEVEL` where it is of none."""
    try:
        return 1 if character.encode("gb2312")[0] < FIRST_LEVEL_END else 2
    except UnicodeEncodeError:
        return NO_LEVEL


def _utf_8_characters(data: bytes) -> tuple[int, int]:
    """Count the characters beyond ASCII that are sound in UTF-8, and the damaged ones."""
    text = data.decode("utf-8", "replace")
    damaged = text.count("\ufffd")
    return len(_WIDE.findall(text)) - damaged, damaged


def _place(data: bytes, *, zh: bool) -> str:
    """Say where the bytes stop being UTF-8; nothing where they never do."""
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        at, byte = error.start, data[error.start]
    else:
        return ""
    line = data.count(b"\n", 0, at) + 1
    if zh:
        return f"：第 {at + 1} 字节（第 {line} 行，0x{byte:02X}）不是 UTF-8。"
    return f": byte {at + 1} (line {line}, 0x{byte:02X}) is not UTF-8"
