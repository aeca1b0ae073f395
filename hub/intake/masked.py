"""`raw_text`: a refused row as quarantine keeps it: as it was sent, without what names a person.

Citizen numbers are taken out of every text, mobile numbers and private mail addresses out of the
items that were refused for them: anywhere else a number of eleven digits is a number of something.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from hub.intake.limits import RAW_CHARACTERS_MAX
from schema.errors import Problem
from schema.personal import (
    CITIZEN_NUMBER,
    MOBILE_NUMBER,
    PRIVATE_MAIL,
    REMOVED,
    REMOVED_CONTACT,
    without_citizen_numbers,
    without_private_contacts,
)

__all__ = ["problem_of_masked", "raw_text"]

_CONTACTS = frozenset({MOBILE_NUMBER.code, PRIVATE_MAIL.code})
_CELLS = "cells"
"""Member of the raw form of a row of a file: its columns have the names of the file."""


def raw_text(raw: object, problems: Sequence[Problem] = ()) -> str:
    """Return a refused row as ASCII JSON without personal data, cut to what quarantine keeps."""
    flagged = frozenset(_named(each.path) for each in problems if each.code in _CONTACTS)
    try:
        text = json.dumps(_masked(raw, flagged), ensure_ascii=True, default=str)
    except RecursionError:
        text = '"a row nested too deeply to be kept"'
    return text[:RAW_CHARACTERS_MAX]


def problem_of_masked(raw: str) -> Problem | None:
    """Return why a row that is kept cannot be sent again as it stands; None where it can."""
    flaw = CITIZEN_NUMBER if REMOVED in raw else MOBILE_NUMBER if REMOVED_CONTACT in raw else None
    return None if flaw is None else Problem("", flaw.code, flaw.zh, flaw.en)


def _named(path: str) -> str:
    """Return the name of the item that a path leads to, without the index of a list member."""
    return next((each for each in reversed(path.split(".")) if not each.isdigit()), "")


def _masked(raw: object, flagged: frozenset[str], *, within: bool = False) -> object:
    """Mask a value; `within`: it stands under an item that was refused for a contact."""
    if isinstance(raw, str):
        text = without_citizen_numbers(raw)
        return without_private_contacts(text) if within else text
    if isinstance(raw, int) and without_citizen_numbers(str(raw)) != str(raw):
        return without_citizen_numbers(str(raw))
    if isinstance(raw, Mapping):
        return {
            _masked(name, flagged): _masked(
                value, flagged, within=within or name in flagged or bool(flagged and name == _CELLS)
            )
            for name, value in raw.items()
        }
    if isinstance(raw, list | tuple):
        return [_masked(each, flagged, within=within) for each in raw]
    return raw
