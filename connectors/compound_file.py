"""`stream_of`: one stream of a compound file, the container of XLS files ([MS-CFB]).

Reads only what it takes to find a stream by its name. Chains of sectors are followed as far as the
file is long and no further.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

__all__ = ["MAGIC", "stream_of"]

MAGIC = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
END = 0xFFFFFFFA
"""From here on numbers of sectors mean something else ([MS-CFB] section 2.1)."""
HEADER_BYTES, ENTRY_BYTES = 512, 128
DIFAT_IN_HEADER = 109
MINI_SHIFT = 6
ROOT = 5


def stream_of(data: bytes, names: tuple[str, ...]) -> bytes | None:
    """Return the first stream with one of some names; None where there is none.

    Raises `ValueError` or `struct.error` for a file that is not put together as agreed.
    """
    file = _CompoundFile(data)
    for name in names:
        for entry in file.entries:
            if entry[:2] == (name, 2):
                return file.stream(*entry[2:])
    return None


class _CompoundFile:
    """The tables of a compound file."""

    def __init__(self, data: bytes) -> None:
        if not data.startswith(MAGIC) or len(data) < HEADER_BYTES:
            raise ValueError("it is no compound file")
        self._data = data
        self._shift = struct.unpack_from("<H", data, 30)[0]
        if self._shift not in (9, 12):
            raise ValueError("its sectors have another size than is agreed")
        directory, self._cutoff, mini = struct.unpack_from("<I4xII", data, 48)
        self._table = self._numbers(self._table_sectors())
        entries = self._chained(directory)
        self.entries = [
            _entry(entries[at : at + ENTRY_BYTES]) for at in range(0, len(entries), ENTRY_BYTES)
        ]
        self._mini_table = self._numbers(self._chain(mini, self._table))
        root = next((each for each in self.entries if each[1] == ROOT), None)
        self._mini = b"" if root is None else self._chained(root[2])[: root[3]]

    def stream(self, first: int, size: int) -> bytes:
        """Return the bytes of a stream."""
        if size >= self._cutoff:
            return self._chained(first)[:size]
        pieces = (
            self._mini[each << MINI_SHIFT : (each + 1) << MINI_SHIFT]
            for each in self._chain(first, self._mini_table)
        )
        return b"".join(pieces)[:size]

    def _sector(self, number: int) -> bytes:
        begin = (number + 1) << self._shift
        return self._data[begin : begin + (1 << self._shift)]

    def _numbers(self, sectors: Iterator[int]) -> list[int]:
        data = b"".join(map(self._sector, sectors))
        return list(struct.unpack(f"<{len(data) // 4}I", data[: len(data) // 4 * 4]))

    def _chained(self, first: int) -> bytes:
        return b"".join(map(self._sector, self._chain(first, self._table)))

    def _chain(self, first: int, table: list[int]) -> Iterator[int]:
        at, left = first, len(table)
        while at < END and left:
            yield at
            left -= 1
            at = table[at] if at < len(table) else END

    def _table_sectors(self) -> Iterator[int]:
        """Yield the sectors that hold the table of chains."""
        numbers = struct.unpack_from(f"<{DIFAT_IN_HEADER}I", self._data, 76)
        yield from (each for each in numbers if each < END)
        following, left = struct.unpack_from("<II", self._data, 68)
        left = min(left, len(self._data) >> self._shift)
        while following < END and left:
            sector = self._sector(following)
            *more, following = struct.unpack(f"<{len(sector) // 4}I", sector)
            yield from (each for each in more if each < END)
            left -= 1


def _entry(data: bytes) -> tuple[str, int, int, int]:
    """Return name, kind, first sector and size of an entry of the directory."""
    length = struct.unpack_from("<H", data, 64)[0]
    name = data[: max(length - 2, 0)].decode("utf-16-le", "replace")
    first, size = struct.unpack_from("<II", data, 116)
    return name, data[66], first, size
