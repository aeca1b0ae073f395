"""`ranges`: which bytes of a file a request asks for; pure.

One range is answered. A header that cannot be read, asks for several or for another unit is passed
over, as the RFC allows: the answer is then the whole file.

RFC 9110 §13.1.5 (If-Range), §14.1-14.2 (Range).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

_RANGE = re.compile(r"bytes=[ \t,]*([0-9]*)-([0-9]*)[ \t,]*", re.IGNORECASE | re.ASCII)
"""A list may have empty elements and space around them, nothing else has (RFC 9110 §5.6.1)."""
_DIGITS = 18
_BEYOND = 10**_DIGITS
"""More than any file has: a longer number is read as this one, whatever its length."""


@dataclass(frozen=True, slots=True)
class ByteRange:
    """Bytes from `start` to `end`, the end not among them."""

    start: int
    end: int

    @property
    def size(self) -> int:
        """How many bytes those are."""
        return self.end - self.start


class NoSuchRangeError(Exception):
    """The file has no byte of what is asked for."""


def asked_range(
    headers: Sequence[str], if_range: str | None, tag: str, size: int
) -> ByteRange | None:
    """Return the range that a request asks for, None for all.

    `headers`: each `Range` of the request; more than one asks for several ranges. `tag`: the strong
    entity tag of the file. A range of another file (`If-Range`) is not asked for.
    """
    stated = _RANGE.fullmatch(headers[0].strip(" \t")) if len(headers) == 1 else None
    if stated is None or (if_range is not None and if_range.strip() != tag):
        return None
    first, last = stated.groups()
    if not first and not last:
        return None
    if not first:
        start, end = max(0, size - _number(last)), size
    else:
        start, end = _number(first), min(size, _number(last) + 1) if last else size
        if last and _number(last) < start:
            return None
    if start >= size or start >= end:
        raise NoSuchRangeError
    return ByteRange(start, end)


def _number(digits: str) -> int:
    counted = digits.lstrip("0")
    return int(counted or "0") if len(counted) <= _DIGITS else _BEYOND
