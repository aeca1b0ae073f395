"""`read_batch`: the rows of an NDJSON file that a producer pushes, or every line that is wrong.

A line ends with a line feed and with nothing else; a byte order mark is passed over. The file is
read as strictly as the hub reads it, so what is wrong is told before anything is sent.
"""

from __future__ import annotations

from typing import Any

from hub.client.errors import ClientError
from schema.strict_json import explained, read_json

__all__ = ["read_batch"]

LINES_TOLD_MAX = 20
"""Lines of a file of which is said what is wrong with them."""


def read_batch(name: str, data: bytes) -> list[dict[str, Any]]:
    """Return the rows of a file. Raises `ClientError` that names each line that is none."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        place = data.count(b"\n", 0, error.start) + 1
        raise ClientError(
            "NOT_UTF8",
            f"{name}: 第 {place} 行第 {error.start + 1} 字节不是 UTF-8 "
            f"byte {error.start + 1}, in line {place}, is not UTF-8",
            "请将文件另存为 UTF-8（不是 GBK） save the file as UTF-8, not as GBK",
        ) from error
    rows: list[dict[str, Any]] = []
    wrong: list[str] = []
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            row = read_json(line)
        except ValueError as error:
            zh, en = explained(error)
            wrong.append(f"第 {number} 行 line {number}: {zh} {en}")
            continue
        if isinstance(row, dict):
            rows.append(row)
        else:
            wrong.append(f"第 {number} 行不是 JSON 对象 line {number} is no JSON object")
    if wrong:
        told = "\n  ".join(wrong[:LINES_TOLD_MAX])
        raise ClientError(
            "NOT_JSON",
            f"{name}: {len(wrong)} 行有误 lines are wrong:\n  {told}\n",
            "未发送任何行；请改正后重发 nothing was sent: correct them and push again",
        )
    if not rows:
        raise ClientError(
            "BATCH_EMPTY",
            f"{name}: 没有数据行 has no rows",
            "每行写一个 JSON 对象 write one JSON object a line",
        )
    return rows
