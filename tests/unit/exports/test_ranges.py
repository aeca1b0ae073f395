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
        ("bytes = 2 - 3", 2, 4),
    ],
)
def test_one_range_is_read(header: str, start: int, end: int) -> None:
    assert asked_range(header, None, TAG, 10) == ByteRange(start, end)
    assert ByteRange(start, end).size == end - start


@pytest.mark.parametrize(
    "header",
    [None, "", "bytes=", "bytes=-", "bytes=7-4", "bytes=0-1,3-4", "lines=0-1", "bytes=a-b"],
)
def test_what_is_no_range_asks_for_all(header: str | None) -> None:
    assert asked_range(header, None, TAG, 10) is None


@pytest.mark.parametrize("header", ["bytes=10-", "bytes=10-12", "bytes=-0", "bytes=99-100"])
def test_bytes_that_are_not_there_are_refused(header: str) -> None:
    with pytest.raises(NoSuchRangeError):
        asked_range(header, None, TAG, 10)


def test_an_empty_file_has_no_byte() -> None:
    with pytest.raises(NoSuchRangeError):
        asked_range("bytes=0-", None, TAG, 0)


@pytest.mark.parametrize("tag", ['"other"', 'W/"abc"', "Tue, 24 Nov 2026 02:00:00 GMT"])
def test_a_range_of_another_file_is_not_given(tag: str) -> None:
    assert asked_range("bytes=4-", tag, TAG, 10) is None
    assert asked_range("bytes=4-", TAG, TAG, 10) == ByteRange(4, 10)
