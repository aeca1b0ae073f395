"""`cursor`: reading a cursor that a caller gives back.

A cursor is untrusted input: its form, its hash and the form of each value are checked, so that none
can make a statement fail. Anything else is BAD_CURSOR.

RFC 4648 §5 (base64url, without padding).
"""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import Any

from hub.crypto.base64url import unb64url
from hub.errors import ErrorCode
from hub.query.plan.errors import QueryError
from hub.query.plan.limits import CURSOR_CHARACTERS_MAX
from hub.query.plan.storable import is_storable
from schema.strict_json import read_json

_ALPHABET = re.compile(r"[A-Za-z0-9_-]+")
_NUMERIC = re.compile(r"-?[0-9]{1,40}(\.[0-9]{1,40})?")
_INSTANT = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d{1,6})?\+00")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")


def decode(cursor: Any, expected_hash: str, casts: tuple[str, ...]) -> list[str | None]:
    """Return identity and key values of a cursor; QueryError BAD_CURSOR for any other text."""
    document = _document(cursor)
    well_formed = (
        isinstance(document, list)
        and len(document) == len(casts) + 2
        and document[0] == expected_hash
        and isinstance(document[1], str)
        and _is("text", document[1])
        and all(
            value is None or _is(cast, value)
            for cast, value in zip(casts, document[2:], strict=True)
        )
    )
    if not well_formed:
        raise _bad()
    return document[1:]  # type: ignore[no-any-return]


def _document(cursor: Any) -> Any:
    text = str(cursor)
    if len(text) > CURSOR_CHARACTERS_MAX or not _ALPHABET.fullmatch(text):
        raise _bad()
    try:
        return read_json(unb64url(text).decode("utf-8"))
    except ValueError as error:
        raise _bad() from error


def _is(cast: str, value: Any) -> bool:
    """Tell whether PostgreSQL will read a value as this type."""
    if not isinstance(value, str):
        return False
    if cast == "numeric":
        return bool(_NUMERIC.fullmatch(value))
    if cast == "text":
        return is_storable(value)
    pattern, read = (_INSTANT, datetime) if cast == "timestamptz" else (_DATE, date)
    if not pattern.fullmatch(value):
        return False
    try:
        read.fromisoformat(value[:19] if cast == "timestamptz" else value)
    except ValueError:
        return False
    return True


def _bad() -> QueryError:
    return QueryError(
        ErrorCode.BAD_CURSOR,
        "请原样使用同一字段、同一筛选与排序得到的游标；筛选或排序变了就从第一页重新读取",
        "use a cursor of this same field, filter and order, unchanged; else read from the start",
    )
