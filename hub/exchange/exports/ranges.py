"""`ranges`: which bytes of a file a request asks for; pure.

One range is answered. A header that cannot be read, asks for several or for another unit is passed
over, as the RFC allows: the answer is then the whole file.

RFC 9110 §13.1.5 (If-Range), §14.1-14.2 (Range).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_RANGE = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})")


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


def asked_range(header: str | None, if_range: str | None, tag: str, size: int) -> ByteRange | None:
    """Return the range that a request asks for, None for all.

    `tag`: the strong entity tag of the file. A range of another file (`If-Range`) is not asked for.
    """
    stated = None if header is None else _RANGE.fullmatch(header.replace(" ", "").lower())
    if stated is None or (if_range is not None and if_range.strip() != tag):
        return None
    first, last = stated.groups()
    if not first and not last:
        return None
    if not first:
        start, end = max(0, size - int(last)), size
    else:
        start, end = int(first), min(size, int(last) + 1) if last else size
        if last and int(last) < start:
            return None
    if start >= size or start >= end:
        raise NoSuchRangeError
    return ByteRange(start, end)
