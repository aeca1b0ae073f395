"""`raw`: keeps the documents of a run as they came, so that they can be read again.

- Kept are rows, not bytes: without the fields that the adapter drops for being personal, and
  without what looks like personal data in fields that it does not know. So nothing personal that
  intake would not get is kept here at all, and no stated time for it is needed.
- Kept for `RawKeeping.days`, at most `bytes_max` of one source. A run that alone takes more is not
  kept: a part of it could not be read again as what it was.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from adapters._adapter import Collection, ConvertedRow
from connectors.document import Document, RawRow
from hub.store.database import Database
from hub.store.raw_documents import RawDocument, keep_document, prune_documents
from schema.personal import refuse_citizen_number, refuse_private_contact

__all__ = ["KEEPING", "NO_KEEPING", "RawKeeper", "RawKeeping", "without_personal"]


@dataclass(frozen=True, slots=True)
class RawKeeping:
    """How long documents are kept, and how much of one source."""

    days: int = 7
    """0: none is kept."""
    bytes_max: int = 64 * 2**20


KEEPING = RawKeeping()
NO_KEEPING = RawKeeping(days=0)


class RawKeeper:
    """Keeps the documents of one run."""

    def __init__(self, database: Database, source: str, run_id: str, keeping: RawKeeping) -> None:
        self._database = database
        self._source = source
        self._run_id = run_id
        self._keeping = keeping
        self._bytes = 0
        self._numbers: dict[str, int] = {}

    async def keep(
        self,
        collection: Collection,
        document: Document,
        rows: Iterable[tuple[RawRow, ConvertedRow]],
        now: datetime,
    ) -> None:
        """Keep a document, unless the run has too much of them."""
        if self._keeping.days == 0 or self._bytes > self._keeping.bytes_max:
            return
        # Counted here: a list that is read anew after all begins with its first document again.
        number = self._numbers.get(collection.name, 0) + 1
        self._numbers[collection.name] = number
        kept = RawDocument(
            collection=collection.name,
            number=number,
            place=document.place,
            digest=document.digest,
            rows=[without_personal(raw, converted) for raw, converted in rows],
        )
        self._bytes += await keep_document(self._database, self._run_id, self._source, kept, now)

    async def close(self, now: datetime) -> None:
        """Let go of what is too old or too much, this run's own documents among it."""
        if self._keeping.days:
            await prune_documents(
                self._database, self._source, now, self._keeping.days, self._keeping.bytes_max
            )


def without_personal(raw: RawRow, converted: ConvertedRow) -> dict[str, Any]:
    """Return a row without what is personal in it, and without what may be."""
    unknown = set(converted.additions)
    return {
        name: value
        for name, value in raw.items()
        if name not in converted.dropped and not (name in unknown and _looks_personal(value))
    }


def _looks_personal(value: Any) -> bool:
    if isinstance(value, dict | list):
        return True  # nobody has said what is in it
    text = str(value)
    return bool(refuse_citizen_number(text) or refuse_private_contact(text))
