"""`protected`: a record of which something was read that not everybody may read; pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ProtectedRead:
    """What of a record was read, by grade and scope."""

    grade: str
    """L2, L3 or L4."""
    scope: str
    item_id: str
    owner: str
