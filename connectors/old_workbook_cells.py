"""`xls_cells`: what the cells of an XLS sheet say where the reader of workbooks leaves them blank.

As `workbook_cells` for XLSX: errors, and formulas whose result is not stored. Merged ranges the
reader tells itself. [MS-XLS] sections 2.4.28 (BoundSheet8), 2.4.24 (BoolErr), 2.4.127 (Formula),
2.5.10 (Bes), 2.5.133 (FormulaValue).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from itertools import islice

from connectors.compound_file import stream_of
from connectors.workbook_cells import NO_RESULT, Untold

__all__ = ["is_locked", "xls_cells"]

BOUND_SHEET, BOF, EOF = 0x0085, 0x0809, 0x000A
FILE_PASS, GLOBALS_MAX = 0x002F, 16
"""It stands among the first records: nearly all that follows it is encrypted."""
BOOK_STREAMS = ("Workbook", "Book")
FORMULA, BOOL_ERR, STRING = 0x0006, 0x0205, 0x0207
BETWEEN = (0x04BC, 0x0221, 0x0236)
"""Shared, array and table formulas: what may stand between a formula and its text."""
ERROR_WORDS = {
    0x00: "#NULL!",
    0x07: "#DIV/0!",
    0x0F: "#VALUE!",
    0x17: "#REF!",
    0x1D: "#NAME?",
    0x24: "#NUM!",
    0x2A: "#N/A",
    0x2B: "#GETTING_DATA",
}
TEXT_RESULT, ERROR_RESULT = 0, 2
CELL = struct.Struct("<HH")
FORMULA_BYTES, BOOL_ERR_BYTES = 14, 8


def is_locked(data: bytes) -> bool:
    """Tell whether an XLS workbook is locked with a password ([MS-XLS] section 2.4.117)."""
    try:
        book = stream_of(data, BOOK_STREAMS) or b""
        return any(kind == FILE_PASS for kind, _ in islice(_records(book, 0), GLOBALS_MAX))
    except (ValueError, struct.error, IndexError):
        return False


def xls_cells(data: bytes) -> list[Untold]:
    """Return, sheet by sheet, the errors and the formulas without result.

    A file that is not put together as agreed has none here: its reader refuses it.
    """
    try:
        book = stream_of(data, BOOK_STREAMS)
        if book is None:
            return []
        return [_untold(book, begin) for begin in _sheets(book)]
    except (ValueError, struct.error, IndexError):
        return []


def _records(book: bytes, at: int) -> Iterator[tuple[int, bytes]]:
    while at + 4 <= len(book):
        kind, length = struct.unpack_from("<HH", book, at)
        yield kind, book[at + 4 : at + 4 + length]
        at += 4 + length


def _sheets(book: bytes) -> list[int]:
    """Return where the sheets begin, in the order of the workbook."""
    begins = []
    for kind, data in _records(book, 0):
        if kind == BOUND_SHEET:
            begins.append(struct.unpack_from("<I", data)[0])
        elif kind == EOF:
            break
    return begins


def _untold(book: bytes, begin: int) -> Untold:
    untold: dict[tuple[int, int], str] = {}
    depth = 0
    waiting: tuple[int, int] | None = None
    for kind, data in _records(book, begin):
        if waiting is not None and kind not in BETWEEN:
            if kind != STRING:
                untold[waiting] = NO_RESULT
            waiting = None
        if kind == BOF:
            depth += 1
        elif kind == EOF:
            depth -= 1
            if not depth:
                break
        elif (error := _error(kind, data)) is not None:
            untold[_place(data)] = ERROR_WORDS.get(error, "#VALUE!")
        elif _has_result(kind, data, TEXT_RESULT):
            waiting = _place(data)
    return untold


def _error(kind: int, data: bytes) -> int | None:
    """Return the error that a record holds, if it holds one."""
    if kind == BOOL_ERR and len(data) >= BOOL_ERR_BYTES and data[7]:
        return data[6]
    return data[8] if _has_result(kind, data, ERROR_RESULT) else None


def _has_result(kind: int, data: bytes, result: int) -> bool:
    """Tell whether a record is a formula with a result of some kind that is no number."""
    is_formula = kind == FORMULA and len(data) >= FORMULA_BYTES
    return is_formula and data[12:14] == b"\xff\xff" and data[6] == result


def _place(data: bytes) -> tuple[int, int]:
    row, column = CELL.unpack_from(data)
    return row + 1, column + 1
