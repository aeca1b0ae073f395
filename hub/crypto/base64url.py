"""`base64url`: bytes as text and back, one spelling for each value (RFC 4648 §5, RFC 7515 §2).

- No padding, no whitespace, no characters of the other alphabet, unused bits are zero: a text
  that does not encode to itself again is refused, so a token has exactly one spelling.
"""

from __future__ import annotations

import binascii


def b64url(data: bytes) -> str:
    """Return `data` as base64url without padding."""
    return binascii.b2a_base64(data, newline=False).rstrip(b"=").translate(_TO_URL).decode("ascii")


def unb64url(text: str | bytes) -> bytes:
    """Return the bytes of a canonical base64url text; ValueError for any other spelling."""
    try:
        raw = text.encode("ascii") if isinstance(text, str) else text
        data = binascii.a2b_base64(raw.translate(_FROM_URL) + b"=" * (-len(raw) % 4))
    except (binascii.Error, UnicodeEncodeError) as error:
        raise ValueError("not base64url") from error
    if binascii.b2a_base64(data, newline=False).rstrip(b"=").translate(_TO_URL) != raw:
        raise ValueError("not canonical base64url")
    return data


_TO_URL = bytes.maketrans(b"+/", b"-_")
_FROM_URL = bytes.maketrans(b"-_", b"+/")
