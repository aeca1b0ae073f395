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
from typing import BinaryIO, NamedTuple

from connectors.errors import PayloadError
from connectors.words import Words

__all__ = ["decode_text", "file_encoding"]

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
MARK_BYTES = 4
PIECE_BYTES = 1024 * 1024
"""Bytes of a large file that are looked at together."""
_WIDE = re.compile(r"[^\x00-\x7f]")
_BETWEEN_LETTERS = re.compile(r"[A-Za-z]([^\x00-\x7f])(?=[A-Za-z\s.,;]|$)")


class BadByte(NamedTuple):
    """A byte of a file: its position from 0, its line from 1, and what it is."""

    at: int
    line: int
    byte: int


def decode_text(name: str, data: bytes, stated: str | None = None) -> tuple[str, str]:
    """Return the encoding of a text file and its text. Raises `PayloadError`."""
    for encoding in _candidates(data, stated):
        try:
            text = data.decode(encoding)
        except (UnicodeDecodeError, LookupError):
            continue
        if "\0" in text or (encoding == CHINESE and not stated and not _is_chinese(data, text)):
            continue
        return encoding, text
    raise _neither(name, _tried(data, stated), _utf_8_fault(data))


def file_encoding(name: str, file: BinaryIO, stated: str | None = None) -> str:
    """Return the encoding of a text file of any size, which is never held as a whole.

    Raises `PayloadError`. Chinese text is known by the piece in which it stops being UTF-8.
    """
    head = file.read(MARK_BYTES)
    doubtful, place = b"", None
    for encoding in _candidates(head, stated):
        fault = _first_fault(file, encoding)
        if fault is None and not (encoding == CHINESE and not stated):
            return encoding
        if fault is None and _is_chinese(doubtful, doubtful.decode(CHINESE, "replace")):
            return encoding
        if fault is not None and encoding == UTF_8:
            doubtful, place = _piece(file, fault), _placed(file, fault)
    raise _neither(name, _tried(head, stated), place)


def _candidates(data: bytes, stated: str | None) -> list[str]:
    marked = [encoding for mark, encoding in MARKS if data.startswith(mark)]
    return marked[:1] or ([stated] if stated else [UTF_8, CHINESE])


def _tried(data: bytes, stated: str | None) -> str:
    candidates = _candidates(data, stated)
    return f"{UTF_8} / {CHINESE}" if len(candidates) > 1 else candidates[0]


def _neither(name: str, tried: str, place: BadByte | None) -> PayloadError:
    zh = en = ""
    if place is not None:
        zh = f"：第 {place.at + 1} 字节（第 {place.line} 行，0x{place.byte:02X}）不是 UTF-8。"
        en = f": byte {place.at + 1} (line {place.line}, 0x{place.byte:02X}) is not UTF-8"
    return PayloadError(
        name,
        Words(
            f"文件既不是工作簿，也不是 {tried} 文本{zh}",
            f"the file is neither a workbook nor text in {tried}{en}",
        ),
        hint=Words(
            '请另存为“CSV UTF-8”，或在映射中写明编码：[file] encoding = "…"',
            'save it as "CSV UTF-8", or state it in the mapping: [file] encoding = "…"',
        ),
    )


def _first_fault(file: BinaryIO, encoding: str) -> int | None:
    """Return where a file stops being text of an encoding; None: it never does."""
    try:
        decoder = codecs.getincrementaldecoder(encoding)()
    except LookupError:
        return 0
    file.seek(0)
    at = 0
    while True:
        piece = file.read(PIECE_BYTES)
        held = len(decoder.getstate()[0])
        try:
            text = decoder.decode(piece, final=not piece)
        except UnicodeDecodeError as error:
            return at - held + error.start
        if "\0" in text:
            return at
        if not piece:
            return None
        at += len(piece)


def _piece(file: BinaryIO, at: int) -> bytes:
    """Return whole lines of a file from the one in which a place is."""
    begin = max(at - PIECE_BYTES, 0)
    file.seek(begin)
    data = file.read(2 * PIECE_BYTES)
    first = data.rfind(b"\n", 0, at - begin) + 1
    last = data.rfind(b"\n") + 1
    return data[first:last] if last > first else data[first:]


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


def _utf_8_fault(data: bytes) -> BadByte | None:
    """Return where bytes stop being UTF-8; None: they never do."""
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        at = error.start
        return BadByte(at, data.count(b"\n", 0, at) + 1, data[at])
    return None


def _placed(file: BinaryIO, at: int) -> BadByte:
    """Return a place of a file with its line."""
    file.seek(0)
    lines, left = 1, at
    while left and (piece := file.read(min(left, PIECE_BYTES))):
        lines += piece.count(b"\n")
        left -= len(piece)
    return BadByte(at, lines, (file.read(1) or b"\0")[0])
