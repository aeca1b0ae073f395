"""`batches_of`: the rows of an NDJSON file that a producer pushes, in batches that a hub takes.

- A line ends with a line feed and with nothing else; a byte order mark is passed over. A line is
  read as strictly as the hub reads it: what is wrong is told of its line, and costs no other.
- The file may be of any length: the rows of one batch are held, and no others.
"""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from hub.client.errors import ClientError
from hub.intake.limits import BATCH_PARTS_MAX, BATCH_ROWS_MAX, ROW_BYTES_MAX, ROW_PARTS_MAX
from schema.strict_json import explained, read_json

__all__ = ["LINES_TOLD_MAX", "BadLine", "FileBatch", "Prepare", "batches_of", "no_rows_error"]

BYTES_MAX = 8 * 1024 * 1024
"""Bytes of the lines of one batch: half of what a hub takes, which leaves room for signatures."""
LINES_TOLD_MAX = 20
"""Lines of a file of which is said what is wrong with them."""
Prepare = Callable[[dict[str, Any]], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line that is no row, and why."""

    number: int
    zh: str
    en: str

    def __str__(self) -> str:
        return f"第 {self.number} 行 line {self.number}: {self.zh} {self.en}"


@dataclass(slots=True)
class FileBatch:
    """Rows with the numbers of their lines, and the lines between them that are none."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    bad: list[BadLine] = field(default_factory=list)
    size: int = 0
    parts: int = 0

    def has_room(self, line: bytes, rows_max: int) -> bool:
        """Tell whether a line fits in as well."""
        fits = self.size + len(line) <= BYTES_MAX and self.parts + _parts(line) <= BATCH_PARTS_MAX
        return not self.rows or (fits and len(self.rows) + len(self.bad) < rows_max)


def batches_of(
    file: BinaryIO, prepare: Prepare = dict, rows_max: int = BATCH_ROWS_MAX
) -> Iterator[FileBatch]:
    """Yield the batches of a file; `prepare` makes of a row what is sent, such as a signed one."""
    batch = FileBatch()
    for number, line in _lines(file):
        if not batch.has_room(line, rows_max):
            yield batch
            batch = FileBatch()
        row = _row(number, line, prepare)
        if isinstance(row, BadLine):
            batch.bad.append(row)
            continue
        batch.rows.append(row)
        batch.lines.append(number)
        batch.size += len(line)
        batch.parts += _parts(line)
    if batch.rows or batch.bad:
        yield batch


def no_rows_error(name: str, bad: list[BadLine]) -> ClientError:
    """Return the error of a file of which no line is a row."""
    if not bad:
        return ClientError(
            "BATCH_EMPTY",
            f"{name}: 没有数据行 has no rows",
            "每行写一个 JSON 对象 write one JSON object a line",
        )
    told = "\n  ".join(map(str, bad[:LINES_TOLD_MAX]))
    return ClientError(
        "NOT_JSON",
        f"{name}: 没有一行可以发送 no line can be sent:\n  {told}\n",
        "请改正后重发 correct them and push again",
    )


def _lines(file: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """Yield the lines that are not blank; of one that is too long only so much that it is seen."""
    number = 0
    while line := file.readline(ROW_BYTES_MAX + 1):
        number += 1
        rest = line
        while len(rest) > ROW_BYTES_MAX and not rest.endswith(b"\n"):
            rest = file.readline(ROW_BYTES_MAX + 1)
        if number == 1:
            line = line.removeprefix(codecs.BOM_UTF8)
        if line.strip():
            yield number, line


def _row(number: int, line: bytes, prepare: Prepare) -> dict[str, Any] | BadLine:
    if len(line) > ROW_BYTES_MAX or line.count(b",") > ROW_PARTS_MAX:
        most = f"{ROW_BYTES_MAX >> 10} KiB, {ROW_PARTS_MAX}"
        return BadLine(number, f"过长，最多 {most} 个值", f"is too long: at most {most} values")
    try:
        row = read_json(line.decode("utf-8"))
    except UnicodeDecodeError as error:
        return BadLine(
            number,
            f"第 {error.start + 1} 字节不是 UTF-8，请将文件另存为 UTF-8（不是 GBK）",
            f"byte {error.start + 1} is not UTF-8: save the file as UTF-8, not as GBK",
        )
    except ValueError as error:
        return BadLine(number, *explained(error))
    if not isinstance(row, dict):
        return BadLine(number, "不是 JSON 对象", "is no JSON object")
    try:
        return prepare(row)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        return BadLine(number, f"无法签名（{error}）", f"cannot be signed: {error}")


def _parts(line: bytes) -> int:
    return line.count(b"{") + line.count(b"[")
