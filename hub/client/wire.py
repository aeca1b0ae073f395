"""`wire`: what a client reads and writes: bounded answers, JSON, NDJSON, refusals."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

import httpx

from hub.access.explain import SentRequest
from hub.client.errors import CallRefusedError, ClientError, HubUnreachableError
from schema.strict_json import read_json

ANSWER_MAX_BYTES = 64 << 20
PUSH_MAX_BYTES = 16 << 20
PUSH_MAX_ROWS = 10_000


async def read_whole(answer: httpx.Response) -> httpx.Response:
    """Read up to `ANSWER_MAX_BYTES` of an answer, not decoded: the digest is over these bytes."""
    if answer.headers.get("content-encoding", "identity") != "identity":
        raise HubUnreachableError("something between here and the hub compresses its answers")
    chunks: list[bytes] = []
    size = 0
    async for chunk in answer.aiter_bytes():
        size += len(chunk)
        if size > ANSWER_MAX_BYTES:
            raise HubUnreachableError(f"the answer is longer than {ANSWER_MAX_BYTES} bytes")
        chunks.append(chunk)
    headers = [line for line in answer.headers.multi_items() if line[0] != "transfer-encoding"]
    return httpx.Response(
        answer.status_code, headers=headers, content=b"".join(chunks), request=answer.request
    )


def to_json(value: Mapping[str, Any]) -> bytes:
    """Return an object as JSON."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "backslashreplace")  # half a character goes as its JSON escape


def to_ndjson(rows: Iterable[Mapping[str, Any]]) -> bytes:
    """Return the body of a batch; ValueError when it is larger than one may be."""
    lines = [to_json(row) for row in rows]
    body = b"".join(line + b"\n" for line in lines)
    if not lines:
        raise ClientError(
            "BATCH_EMPTY", "没有数据行 there are no rows", "至少发送一行 send at least one row"
        )
    if len(lines) > PUSH_MAX_ROWS or len(body) > PUSH_MAX_BYTES:
        raise ValueError(
            f"a batch has 1 to {PUSH_MAX_ROWS} rows and at most {PUSH_MAX_BYTES} bytes; "
            f"this one has {len(lines)} rows and {len(body)} bytes: split it"
        )
    return body


def object_of(answer: httpx.Response) -> dict[str, Any]:
    """Return the object that an answer holds, empty when it holds none."""
    try:
        value = read_json(answer.content.decode("utf-8"))
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def refused(answer: httpx.Response, sent: SentRequest | None = None) -> CallRefusedError:
    """Return the error that an answer is."""
    problem = object_of(answer)
    code = str(problem.get("code") or problem.get("error") or f"HTTP_{answer.status_code}")
    message = str(problem.get("detail") or problem.get("title") or problem.get("message") or "")
    error = CallRefusedError(
        code,
        answer.status_code,
        message,
        sent=sent,
        server_date=answer.headers.get("date", ""),
        problem=problem,
    )
    error.retry_after_s = _seconds(answer.headers.get("retry-after", ""))
    return error


def _seconds(text: str) -> float | None:
    """Read Retry-After in seconds, which is how the hub states it."""
    return float(text) if text.isascii() and text.isdigit() else None
