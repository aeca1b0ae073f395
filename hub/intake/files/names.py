"""`names`: what a file says, as a workbook can hold it: names of sheets, and texts.

A name or text of a file is a value and never more: it does not become a path, and where it becomes
the name of a sheet, it is changed as little as the format asks for.
"""

from __future__ import annotations

import re

from hub.intake.files.text import TEXT_SHEET

SHEET_NAME_MAX = 31
CELL_TEXT_MAX = 32_767
"""Characters of a name and of a cell, as the format counts: in units of UTF-16."""
RESERVED = "history"
"""The one name that spreadsheet programs keep for themselves."""
_NOT_IN_NAMES = re.compile(r"[\[\]:*?/\\\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
_UNWRITABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
"""What XML 1.0 cannot hold."""
UNKNOWN = "\N{REPLACEMENT CHARACTER}"


def writable(text: str) -> str:
    """Return a text with a mark in place of each character that no workbook can hold."""
    return _UNWRITABLE.sub(UNKNOWN, text)


def fits_cell(text: str) -> bool:
    """Tell whether a cell can hold a text."""
    return _units(text) <= CELL_TEXT_MAX


def plain_sheet_name(stated: str) -> str:
    """Return a name that a sheet may have, nearest to what was stated."""
    name = _NOT_IN_NAMES.sub("_", writable(stated)).strip().strip("'").strip()
    name = _cut(name, SHEET_NAME_MAX).rstrip("' ")
    return f"{name}_" if name.casefold() == RESERVED else name or TEXT_SHEET


def sheet_name(stated: str, taken: set[str]) -> str:
    """Return a name for a sheet that none of a workbook has yet, and take it."""
    plain = name = plain_sheet_name(stated)
    number = 1
    while name.casefold() in taken:
        number += 1
        end = f" {number}"
        name = _cut(plain, SHEET_NAME_MAX - len(end)).rstrip("' ") + end
    taken.add(name.casefold())
    return name


def _units(text: str) -> int:
    return len(text) + sum(character > "\uffff" for character in text)


def _cut(text: str, units_max: int) -> str:
    while _units(text) > units_max:
        text = text[: min(len(text) - 1, units_max)]
    return text
