"""`fixed_width`: rows of a text whose columns have a width in bytes, in GBK, padded with blanks.

- Widths are BYTES of GBK: a Chinese character takes two. What a byte count cannot part soundly is
  told at its row and column and never guessed: a row of another width, a character that is cut in
  the middle, a tab, a byte that is no GBK.
- Lines end with CRLF or LF. The end mark of DOS (0x1A) at the end of the file and rows of blanks
  are passed over; anywhere else the mark is a fault of its row.
- A file in another encoding (a byte order mark, or UTF-8) is refused as a whole: its widths mean
  nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from connectors.charset import MARKS
from connectors.errors import PayloadError

__all__ = ["FixedColumn", "FixedRow", "WidthFault", "check_encoding", "check_widths", "fixed_rows"]

GBK = "gbk"
DOS_END = b"\x1a"
ROWS_SEARCHED_MAX = 1_000
"""Rows from the top of which one must have the width that is asked for."""
BYTES_SHOWN_MAX = 40
SAVE_AS = "请按 GBK（ANSI）编码、按字节定长重新导出 export it again in GBK (ANSI), widths in bytes"
_CONTROL = re.compile(rb"[\x00-\x1f\x7f]")
_CHINESE = re.compile("[\u4e00-\u9fff]")


@dataclass(frozen=True, slots=True)
class FixedColumn:
    """A column: its name, and how many bytes it has."""

    name: str
    width: int
    is_personal: bool = False
    """What stands in it is not repeated in a message."""


@dataclass(frozen=True, slots=True)
class WidthFault:
    """Why a row cannot be parted: a stable code, and a sentence in each language."""

    code: str
    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class FixedRow:
    """One row with the number of its line: its cells, or the line as far as it reads, and why."""

    number: int
    cells: tuple[str, ...]
    fault: WidthFault | None = None


def check_encoding(name: str, data: bytes) -> None:
    """Refuse a file that is plainly not in GBK. Raises `PayloadError`."""
    for mark, encoding in MARKS:
        if data.startswith(mark):
            detail = f"文件带有 {encoding} 标记，不是 GBK the file begins with a mark of {encoding}"
            raise PayloadError(name, detail, hint=SAVE_AS)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return
    if _CHINESE.search(text):
        detail = "文件是 UTF-8 编码，不是 GBK the file is in UTF-8, not in GBK"
        raise PayloadError(name, detail, hint=SAVE_AS)


def check_widths(name: str, lines: Iterable[bytes], widths: Sequence[int]) -> int:
    """Return the first of the widths that most of the first rows have.

    Raises `PayloadError` when no row has any of them.
    """
    counts = dict.fromkeys(widths, 0)
    seen: list[int] = []
    for line in lines:
        row = _plain(line)
        if not row.strip():
            continue
        seen.append(len(row))
        if len(row) in counts:
            counts[len(row)] += 1
        if len(seen) == ROWS_SEARCHED_MAX:
            break
    best = max(counts, key=lambda width: counts[width])
    if counts[best]:
        return best
    wanted = " / ".join(map(str, widths))
    first = f"{seen[0]}" if seen else "0"
    raise PayloadError(
        name,
        f"没有一行是 {wanted} 字节（第一行 {first} 字节） "
        f"no row has {wanted} bytes (the first has {first})",
        hint=SAVE_AS,
    )


def fixed_rows(lines: Iterable[bytes], columns: Sequence[FixedColumn]) -> Iterator[FixedRow]:
    """Yield the rows of lines that is each parted by bytes; rows of blanks are passed over."""
    part = _parter(columns)
    for number, line in enumerate(lines, start=1):
        row = _plain(line)
        if row.strip():
            yield part(number, row)


def _plain(line: bytes) -> bytes:
    """Return a line without its end; the DOS mark at the end of a file stands after the last."""
    return line.rstrip(DOS_END).removesuffix(b"\n").removesuffix(b"\r")


def _parter(columns: Sequence[FixedColumn]) -> Callable[[int, bytes], FixedRow]:
    width = sum(each.width for each in columns)

    def part(number: int, row: bytes) -> FixedRow:
        if len(row) != width:
            return _bad(number, row, _wrong_width(row, width))
        cells, at = [], 0
        for column in columns:
            piece = row[at : at + column.width]
            at += column.width
            text, fault = _text(column, piece)
            if fault is not None:
                return _bad(number, row, fault)
            cells.append(text)
        return FixedRow(number, tuple(cells))

    return part


def _text(column: FixedColumn, piece: bytes) -> tuple[str, WidthFault | None]:
    control = _CONTROL.search(piece)
    if control is not None:
        return "", _control(column, piece, control[0])
    try:
        return piece.decode(GBK).strip(), None
    except UnicodeDecodeError as error:
        return "", _not_gbk(column, piece, error)


def _bad(number: int, row: bytes, fault: WidthFault) -> FixedRow:
    return FixedRow(number, (row.decode(GBK, "replace"),), fault)


def _wrong_width(row: bytes, width: int) -> WidthFault:
    length = len(row)
    zh = f"本行 {length} 字节，应为 {width} 字节"
    en = f"the row has {length} bytes and not {width}"
    if b"\t" in row:
        zh += "；行内有制表符，各栏应以空格补齐"
        en += "; there is a tab in it, columns are padded with blanks"
    elif length < width:
        zh += "；行尾空格是否被删去，或宽度按字符计算？"
        en += "; were the blanks at its end cut off, or characters counted instead of bytes?"
    return WidthFault("WIDTH_WRONG", zh, en)


def _control(column: FixedColumn, piece: bytes, found: bytes) -> WidthFault:
    shown, byte = _shown(column, piece), f"0x{found[0]:02X}"
    return WidthFault(
        "CONTROL_CHARACTER",
        f"“{column.name}”栏含控制字符 {byte}（{shown}），应以空格补齐",
        f"column {column.name} holds the control character {byte} ({shown}); pad it with blanks",
    )


def _not_gbk(column: FixedColumn, piece: bytes, error: UnicodeDecodeError) -> WidthFault:
    shown = _shown(column, piece)
    if error.end == len(piece) and "incomplete" in error.reason:
        return WidthFault(
            "CHARACTER_CUT",
            f"“{column.name}”栏在第 {column.width} 字节处截断了一个汉字（{shown}），请补全或缩短",
            f"column {column.name} is cut in the middle of a character at byte {column.width} "
            f"({shown}); give it whole, or shorter",
        )
    byte = f"0x{piece[error.start]:02X}"
    return WidthFault(
        "NOT_GBK",
        f"“{column.name}”栏第 {error.start + 1} 字节 {byte} 不是 GBK（{shown}）",
        f"byte {error.start + 1} of column {column.name}, {byte}, is not GBK ({shown})",
    )


def _shown(column: FixedColumn, piece: bytes) -> str:
    if column.is_personal:
        return "…"
    return piece.decode(GBK, "replace").strip()[:BYTES_SHOWN_MAX]
