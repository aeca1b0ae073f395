"""`digits`: the digits of a number in SQL, however it was written: what it is found by."""

from __future__ import annotations

from typing import Final

_DIGITS: Final = "regexp_replace(normalize({value}, NFKC), '[^0-9]', '', 'g')"


def digits_sql(value: str) -> str:
    """Return the digits of a text, whatever their width and whatever stands between them.

    An index is used only for the very expression that it is of: this is the one home of it.
    """
    return _DIGITS.format(value=value)
