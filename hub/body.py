"""`body`: the body of a request, up to a given size, and the JSON object that it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from starlette.requests import Request

from hub.errors import ErrorCode, RefusedError
from schema.strict_json import explained, read_json


async def read_body(request: Request, bytes_max: int, too_large: Callable[[], Exception]) -> bytes:
    """Return the body; raise `too_large()` when it is, or is declared to be, longer.

    A body whose Content-Length is too large is refused before any of it is read. Raises Starlette's
    `ClientDisconnect` when the caller hangs up.
    """
    stated = request.headers.get("content-length", "")
    if stated.isascii() and stated.isdigit() and _exceeds(stated, bytes_max):
        raise too_large()
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > bytes_max:
            raise too_large()
        parts.append(part)
    return b"".join(parts)


def body_too_large(bytes_max: int) -> RefusedError:
    """Return the refusal of a body that is longer than a door takes."""
    return RefusedError(
        ErrorCode.BODY_TOO_LARGE,
        hint=f"At most {bytes_max} bytes.",
        hint_zh=f"至多 {bytes_max} 字节。",
    )


def _exceeds(digits: str, bytes_max: int) -> bool:
    return len(digits) > len(str(bytes_max)) or int(digits) > bytes_max


def object_in(body: bytes) -> dict[str, Any]:
    """Return the JSON object that a body is; RefusedError otherwise."""
    try:
        document = read_json(body.decode("utf-8"))
    except ValueError as error:
        zh, en = explained(error)
        raise RefusedError(ErrorCode.NOT_JSON, hint=en, hint_zh=zh) from error
    if not isinstance(document, dict):
        raise RefusedError(
            ErrorCode.NOT_JSON, hint="Send one JSON object.", hint_zh="请发送一个 JSON 对象。"
        )
    return document
