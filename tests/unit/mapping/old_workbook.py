"""A writer of the smallest XLS files: BIFF8 records in a compound file ([MS-XLS], [MS-CFB])."""

from __future__ import annotations

import struct

SECTOR = 512
FREE, END, FAT = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD
SHORT_STREAM = 4096
DATE_FORMAT = 14


def xls(
    rows: list[list[str | float | None]],
    *,
    days: tuple[int, ...] = (),
    from_1904: bool = False,
    records: tuple[tuple[int, bytes], ...] = (),
) -> bytes:
    """Return an XLS file with one sheet `A`; `days` are the columns whose numbers are days.

    `records` are others of the sheet, each with its kind.
    """
    sheet = _record(0x0809, struct.pack("<HHHHII", 0x0600, 0x0010, 0, 0, 0, 0x0600))
    width = max(len(row) for row in rows)
    sheet += _record(0x0200, struct.pack("<IIHHH", 0, len(rows), 0, width, 0))
    for at, row in enumerate(rows):
        for position, cell in enumerate(row):
            if isinstance(cell, str):
                text = struct.pack("<HB", len(cell.encode("utf-16-le")) // 2, 1)
                text += cell.encode("utf-16-le")
                sheet += _record(0x0204, struct.pack("<HHH", at, position, 0) + text)
            elif cell is not None:
                shape = 1 if position in days else 0
                sheet += _record(0x0203, struct.pack("<HHHd", at, position, shape, cell))
    for kind, body in records:
        sheet += _record(kind, body)
    sheet += _record(0x000A, b"")
    book = _record(0x0809, struct.pack("<HHHHII", 0x0600, 0x0005, 0, 0, 0, 0x0600))
    book += _record(0x0042, struct.pack("<H", 1200))
    book += _record(0x0022, struct.pack("<H", int(from_1904)))
    for number_format in (0, DATE_FORMAT):
        book += _record(0x00E0, struct.pack("<HHH", 0, number_format, 1) + bytes(14))
    named = struct.pack("<BB", 1, 0) + b"A"
    start = len(book) + 4 + 6 + len(named) + 4
    book += _record(0x0085, struct.pack("<IH", start, 0) + named)
    book += _record(0x000A, b"")
    return _compound((book + sheet).ljust(SHORT_STREAM, b"\0"))


def _record(kind: int, body: bytes) -> bytes:
    return struct.pack("<HH", kind, len(body)) + body


def _compound(stream: bytes) -> bytes:
    sectors = -(-len(stream) // SECTOR)
    table = [FAT, END, *range(3, 2 + sectors), END]
    table += [FREE] * (SECTOR // 4 - len(table))
    head = bytes.fromhex("D0CF11E0A1B11AE1") + bytes(16)
    head += struct.pack("<HHHHH6x", 0x3E, 3, 0xFFFE, 9, 6)
    head += struct.pack("<IIIIIIIII", 0, 1, 1, 0, SHORT_STREAM, END, 0, END, 0)
    head += struct.pack("<109I", 0, *[FREE] * 108)
    folder = _entry("Root Entry", 5, child=1, start=END, size=0)
    folder += _entry("Workbook", 2, child=FREE, start=2, size=len(stream))
    folder = folder.ljust(SECTOR, b"\0")
    return head + struct.pack(f"<{len(table)}I", *table) + folder + stream.ljust(sectors * SECTOR)


def _entry(name: str, kind: int, *, child: int, start: int, size: int) -> bytes:
    text = name.encode("utf-16-le") + b"\0\0"
    made = text.ljust(64, b"\0") + struct.pack("<HBB", len(text), kind, 1)
    made += struct.pack("<III", FREE, FREE, child) + bytes(16 + 4 + 16)
    return made + struct.pack("<IQ", start, size)
