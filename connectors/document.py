"""What a connector delivers: rows as the source wrote them, and evidence of the raw answer.

Numbers of a JSON answer arrive as `int` or `Decimal`, never as `float`: amounts stay exact.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, TypeAlias

__all__ = ["Document", "RawRow", "digest_of"]

RawRow: TypeAlias = Mapping[str, Any]
"""One row in the words of its source."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Document:
    """One answer of a source: a page of a list, a file, a sheet."""

    place: str
    """Where it came from: path and query, or file and sheet; never a credential."""
    number: int
    """Its position in the reading, from 1."""
    digest: bytes
    """SHA-256 of the raw bytes after transfer decoding: kept as evidence of the observation."""
    rows: tuple[RawRow, ...]
    first_row: int = 1
    """Position of the first row, so that a rejected row can be found again."""


def digest_of(raw: bytes) -> bytes:
    """Return the SHA-256 of a raw document."""
    return sha256(raw).digest()
