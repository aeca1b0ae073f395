"""`encoding`: strict text encodings, one spelling per value.

Invariants:
- Decoding then encoding gives the same characters; whatever has a second spelling (padding,
  trailing bits, white space, leading zeros) is refused with `ValueError`.

RFC 4648 §4; base64url is in `hub.crypto.base64url`.
"""

from __future__ import annotations

import binascii

from hub.ledger.limits import TREE_SIZE_MAX


def to_base64(data: bytes) -> str:
    """Encode with the standard alphabet and padding."""
    return binascii.b2a_base64(data, newline=False).decode("ascii")


def from_base64(text: str | bytes) -> bytes:
    """Decode the standard alphabet; refuse any second spelling."""
    try:
        data = binascii.a2b_base64(text, strict_mode=True)
    except ValueError as error:  # also of characters beyond ASCII
        raise ValueError("not base64") from error
    spelled = text.encode("ascii") if isinstance(text, str) else text
    if binascii.b2a_base64(data, newline=False) != spelled:
        raise ValueError("base64 is not in its shortest canonical form")
    return data


def from_decimal(text: str, *, maximum: int = TREE_SIZE_MAX) -> int:
    """Read an ASCII decimal without sign and without leading zeros."""
    if not (text.isascii() and text.isdigit()) or len(text) > len(str(maximum)):
        raise ValueError("not an ASCII decimal in range")
    if text[0] == "0" and len(text) > 1:
        raise ValueError("decimal with a leading zero")
    value = int(text)
    if value > maximum:
        raise ValueError("decimal out of range")
    return value
