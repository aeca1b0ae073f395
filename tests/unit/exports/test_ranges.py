"""Which bytes a request asks for (RFC 9110 §14)."""

from __future__ import annotations

import pytest

from hub.exchange.exports.ranges import ByteRange, NoSuchRangeError, asked_range

TAG = '"abc"'


@pytest.mark.parametrize(
    ("header", "start", "end"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=0-", 0, 10),
        ("bytes=4-7", 4, 8),
        ("bytes=4-999", 4, 10),
        ("bytes=-3", 7, 10),
        ("bytes=-99", 0, 10),
        ("Bytes=2-3", 2, 4),
        (" bytes= 2-3\t", 2, 4),
        ("bytes=,2-3,,", 2, 4),
        ("bytes=0002-0003", 2, 4),
        (f"bytes={'0' * 5_000}2-3", 2, 4),
        (f"bytes=2-{'9' * 20}", 2, 10),
        (f"bytes=2-{'9' * 5_000}", 2, 10),
        (f"bytes=-{'9' * 20}", 0, 10),
    ],
)
def test_one_range_is_read(header: str, start: int, end: int) -> None:
    assert asked_range([header], None, TAG, 10) == ByteRange(start, end)
    assert ByteRange(start, end).size == end - start


@pytest.mark.parametrize(
    "header",
    [
        *("", "bytes", "bytes=", "bytes=-", "bytes=--1", "bytes=,", "bytes=7-4", "bytes=7-4-9"),
        *("bytes=0-1,3-4", "bytes=0-1,bytes=3-4", "bytes=0-1;3-4", "bytes 0-1/10", "bytes: 0-1"),
        *("lines=0-1", "bytes=a-b", "bytes=0x1-2", "bytes=+1-2", "bytes=1.0-2", "bytes=1e0-"),
        *(
            "bytes = 2-3",
            "bytes=2 - 3",
            "bytes=1 2-",
            "bytes=1_0-",
            "bytes=\u0661-",
            "bytes=\u00b2-",
        ),
        *("bytes=0-1\n", "bytes=0-\x00", "none", "none=0-1", f"bytes={'1' * 20}-4"),
    ],
)
def test_what_is_no_range_asks_for_all(header: str) -> None:
    assert asked_range([header], None, TAG, 10) is None


def test_no_range_and_two_of_them_ask_for_all() -> None:
    assert asked_range([], None, TAG, 10) is None
    assert asked_range(["bytes=0-1", "bytes=3-4"], None, TAG, 10) is None


@pytest.mark.parametrize(
    "header",
    [
        *("bytes=10-", "bytes=10-12", "bytes=-0", "bytes=-000", "bytes=99-100"),
        *(
            f"bytes={'9' * many}-{last}"
            for many in (18, 19, 20, 5_000)
            for last in ("", "9" * many)
        ),
    ],
)
def test_bytes_that_are_not_there_are_refused(header: str) -> None:
    with pytest.raises(NoSuchRangeError):
        asked_range([header], None, TAG, 10)


def test_an_empty_file_has_no_byte() -> None:
    with pytest.raises(NoSuchRangeError):
        asked_range(["bytes=0-"], None, TAG, 0)


@pytest.mark.parametrize("tag", ['"other"', 'W/"abc"', "Tue, 24 Nov 2026 02:00:00 GMT"])
def test_a_range_of_another_file_is_not_given(tag: str) -> None:
    assert asked_range(["bytes=4-"], tag, TAG, 10) is None
    assert asked_range(["bytes=4-"], TAG, TAG, 10) == ByteRange(4, 10)
