"""`answer`: a receipt in the form that every interface answers, and the protocol that finds it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum, unique
from typing import Protocol

from hub.access.resource import Caller


@unique
class ReceiptStanding(StrEnum):
    """Whether what an entry says is what its source says now; a proof cannot tell that."""

    CURRENT = "CURRENT"
    SUPERSEDED = "SUPERSEDED"
    """The source has stated another revision since."""
    WITHDRAWN = "WITHDRAWN"
    """The source has taken the record back, in this entry or in a later one."""
    ERASED = "ERASED"
    """Its content was erased by order."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ReceiptAnswer:
    """A receipt in answers: its state, and the texts that prove the state."""

    entry_id: str
    revision_id: str | None
    """None for callers that may not read the whole record; they get no proof either."""
    state: str
    """ACCEPTED, INCLUDED, WITNESSED or ERASED."""
    standing: ReceiptStanding
    successor: str | None
    """The entry that its source states now in place of this one."""
    record_type: str
    key: str
    source: str
    accepted_at: str
    leaf_index: int | None = None
    proof: str | None = None
    """tlog-proof@v1, when the state is INCLUDED or better."""
    record: str | None = None
    """The canonical bytes that the proof is of, where there is one."""
    statement: str | None = None
    """JSON text of the leaf with its salt, for offline verification."""


class Receipts(Protocol):
    """Finds receipts."""

    async def find(
        self, caller: Caller, *, entry_id: int | None, revision_id: str | None
    ) -> ReceiptAnswer | None:
        """Return a receipt that the caller may read, or None."""
        ...

    async def find_all(
        self, caller: Caller, entry_ids: Sequence[int]
    ) -> list[ReceiptAnswer | None]:
        """Return the receipts of entries in their order; None for what is not the caller's."""
        ...
