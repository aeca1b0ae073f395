"""What a reader delivers: rows as the source wrote them, and evidence of the raw answer.

Numbers of a JSON answer arrive as `int` or `Decimal`, never as `float`: amounts stay exact.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, TypeAlias

__all__ = ["Document", "RawRow", "State", "digest_of"]

RawRow: TypeAlias = Mapping[str, Any]
"""One row in the words of its source."""
State: TypeAlias = Mapping[str, Any]
"""Where a reading goes on: made and understood by its reader alone, kept by others as JSON."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Document:
    """One answer of a source: a page of a list, a part of a sheet."""

    place: str
    """Where it came from: path and query, or file and sheet; never a credential."""
    number: int
    """Its position in the reading, from 1; a reading that goes on counts on."""
    digest: bytes
    """SHA-256 of the raw bytes after transfer decoding: kept as evidence of the observation."""
    rows: tuple[RawRow, ...]
    first_row: int = 1
    """Position of the first row, so that a rejected row can be found again."""
    state: State | None = None
    """Where to go on after this document; None: it cannot be gone on from here, begin anew."""
    doubt: str | None = None
    """Why the list, as far as it was read, may not be the whole one (`connectors.completeness`)."""
    again: State | None = None
    """For a later run: the state with which the source is asked whether the list has changed since;
    None: it cannot be asked that."""
    is_unchanged: bool = False
    """The source says that the list is what it was when `again` was made; it gives no rows."""


def digest_of(raw: bytes) -> bytes:
    """Return the SHA-256 of a raw document."""
    return sha256(raw).digest()
