"""`numbers`: how large and how exact a number of the standard is; the only place that says so.

- An integer lies between -2^53 and 2^53, both excluded: every JSON reader keeps it exactly.
- A decimal travels as text, has at most 18 digits before the point and 8 behind it, and never
  becomes binary floating point.

RFC 8785, RFC 7493 section 2.2.
"""

from __future__ import annotations

import re
from decimal import Decimal

INTEGER_LIMIT = 2**53
"""Integers stay below this, on both sides of zero."""
WHOLE_DIGITS_MAX = 18
"""Digits of a decimal before the point."""
DECIMALS_MAX = 8
"""Digits of a decimal behind the point."""

DECIMAL = re.compile(rf"-?(0|[1-9][0-9]{{0,{WHOLE_DIGITS_MAX - 1}}})(\.[0-9]{{1,{DECIMALS_MAX}}})?")
_INTEGER = re.compile(rf"-?[0-9]{{1,{len(str(INTEGER_LIMIT))}}}")


def is_integer(number: int) -> bool:
    """Whether a whole number is one of the standard."""
    return -INTEGER_LIMIT < number < INTEGER_LIMIT


def integer_of(text: str) -> int | None:
    """Return the integer that a text spells in plain digits, or None where it spells none."""
    number = int(text) if _INTEGER.fullmatch(text) else INTEGER_LIMIT
    return number if is_integer(number) else None


def decimal_text(number: Decimal) -> str:
    """Write a decimal as the standard does: plain digits, no exponent, no needless zeros."""
    text = format(number, "f")
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text in ("-0", "") else text
