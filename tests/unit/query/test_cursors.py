"""Cursors, as hostile input."""

from __future__ import annotations

import base64
import json
import string
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.errors import ErrorCode
from hub.query.plan.errors import QueryError
from hub.query.sql.cursor import decode

HASH = "0123456789abcdef"


def made(*values: Any) -> str:
    text = json.dumps(list(values), ensure_ascii=False)
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def test_a_cursor_gives_back_what_it_holds() -> None:
    values = ["instr_x", "电 镜", None, "12.50", "2026-12-01 02:00:00+00", "2026-12-01"]
    casts = ("text", "text", "numeric", "timestamptz", "date")
    assert decode(made(HASH, *values), HASH, casts) == values


@pytest.mark.parametrize(
    ("values", "casts"),
    [
        (["other", "id"], ()),
        ([HASH], ()),
        ([HASH, None], ()),
        ([HASH, 5], ()),
        ([HASH, "id", "x"], ()),
        ([HASH, "id"], ("text",)),
        ([HASH, "id\x00"], ()),
        ([HASH, "id", "1e5"], ("numeric",)),
        ([HASH, "id", "NaN"], ("numeric",)),
        ([HASH, "id", 1], ("numeric",)),
        ([HASH, "id", "infinity"], ("timestamptz",)),
        ([HASH, "id", "2026-13-01 00:00:00+00"], ("timestamptz",)),
        ([HASH, "id", "2026-02-30"], ("date",)),
        ([HASH, "id", ["x"]], ("text",)),
        ([HASH, "id", {"a": 1}], ("text",)),
    ],
)
def test_any_other_content_is_refused(values: list[Any], casts: tuple[str, ...]) -> None:
    with pytest.raises(QueryError) as error:
        decode(made(*values), HASH, casts)
    assert error.value.code is ErrorCode.BAD_CURSOR


def test_half_of_a_character_is_refused() -> None:
    text = f'["{HASH}","\\ud800"]'
    with pytest.raises(QueryError):
        decode(base64.urlsafe_b64encode(text.encode()).decode().rstrip("="), HASH, ())


@given(st.text())
def test_no_text_is_anything_but_a_bad_cursor(text: str) -> None:
    with pytest.raises(QueryError) as error:
        decode(text, HASH, ("text",))
    assert error.value.code is ErrorCode.BAD_CURSOR


@given(st.binary())
def test_no_bytes_are_anything_but_a_bad_cursor(data: bytes) -> None:
    with pytest.raises(QueryError):
        decode(base64.urlsafe_b64encode(data).decode().rstrip("="), HASH, ())


@pytest.mark.parametrize("identity", ["instr_x", "instr_xy"])
def test_another_spelling_of_a_cursor_is_no_cursor(identity: str) -> None:
    cursor = made(HASH, identity)
    assert decode(cursor, HASH, ()) == [identity]
    other = another_spelling(cursor)
    assert base64.urlsafe_b64decode(padded(other)) == base64.urlsafe_b64decode(padded(cursor))
    with pytest.raises(QueryError) as caught:
        decode(other, HASH, ())
    assert caught.value.code is ErrorCode.BAD_CURSOR


def another_spelling(text: str) -> str:
    """Set the lowest of the bits that base64url leaves unused in its last character."""
    alphabet = string.ascii_uppercase + string.ascii_lowercase + string.digits + "-_"
    return text[:-1] + alphabet[alphabet.index(text[-1]) + 1]


def padded(text: str) -> str:
    return text + "=" * (-len(text) % 4)
