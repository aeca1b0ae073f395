"""`copytext`: rows in the text form of COPY, fast.

A row is a list of texts joined by a control character that conforming text cannot hold; escaping is
one pass over the joined line, and only for the few lines that need it.

PostgreSQL manual, COPY, "Text Format".
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence

NULL = "\x02"
"""Stands for SQL NULL."""
HEX = "\x03"
"""Starts a bytea written in hexadecimal digits."""
_TAB = "\x01"


def line(fields: Sequence[str]) -> bytes:
    r"""Return one line of COPY text.

    The fields hold no \x01, \x02 or \x03 of their own.
    """
    joined = _TAB.join(fields)
    if "\\" in joined or "\n" in joined or "\t" in joined or "\r" in joined:
        joined = (
            joined.replace("\\", "\\\\")
            .replace("\n", "\\n")
            .replace("\t", "\\t")
            .replace("\r", "\\r")
        )
    joined = joined.replace(_TAB, "\t").replace(NULL, "\\N").replace(HEX, "\\\\x")
    return f"{joined}\n".encode()


def column(fields: Sequence[str]) -> str:
    """Return fields of COPY as one literal of a text[].

    They hold no control characters of their own, as in `line`.
    """
    joined = _TAB.join(fields)
    if "\\" in joined or '"' in joined:
        joined = joined.replace("\\", "\\\\").replace('"', '\\"')
    quoted = '"' + joined.replace(_TAB, '","').replace(HEX, "\\\\x") + '"'
    return "{" + quoted.replace(f'"{NULL}"', "NULL") + "}"


def text_or_null(value: str | None) -> str:
    """Return a field for a text that may be absent; its control characters become spaces."""
    if value is None:
        return NULL
    if value.isprintable():
        return value
    return "".join(" " if char < " " and char not in "\n\t" else char for char in value)


def bytes_or_null(value: bytes | None) -> str:
    """Return a field for a bytea."""
    return NULL if value is None else HEX + value.hex()


def array(values: Iterable[str]) -> str:
    """Return a field for a text[]."""
    quoted = (each.replace("\\", "\\\\").replace('"', '\\"') for each in values)
    return "{" + ",".join(f'"{each}"' for each in quoted) + "}"


BINARY_HEAD = b"PGCOPY\n\xff\r\n\0" + struct.pack("!ii", 0, 0)
BINARY_TAIL = struct.pack("!h", -1)


def binary_row(fields: Sequence[bytes | None]) -> bytes:
    """Return one row of COPY's binary form."""
    parts = [struct.pack("!h", len(fields))]
    for field in fields:
        if field is None:
            parts.append(b"\xff\xff\xff\xff")
        else:
            parts += (len(field).to_bytes(4, "big"), field)
    return b"".join(parts)
