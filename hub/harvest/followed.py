"""`FollowedItems`: what a run was told of the items of a list that says what changed.

Such a list names an item whenever it changed, so of what it says in one run the last word counts.
Of an item that is not to be seen any more it may tell the identity alone: the key is looked up
among what the hub holds of the source. Of each record that went in is kept what its source proved
of it (`hub.store.peer_receipts`); of one without a proof, nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from adapters._adapter import Mapped, Removed
from adapters._proof import LogProof
from hub.intake.batch import Outcome, RowOutcome
from hub.store.database import Database
from hub.store.peer_receipts import keep_proofs

__all__ = ["FollowedItems"]


class FollowedItems:
    """The items of one run."""

    def __init__(
        self,
        database: Database,
        source: str,
        seen: Mapping[str, set[str]],
        gone: Mapping[str, dict[str, str]],
    ) -> None:
        """`seen`, `gone`: what the run has heard of, and what ended, by type; kept up here too."""
        self._database = database
        self._source = source
        self._seen, self._gone = seen, gone
        self._keys: dict[tuple[str, str], str] = {}
        """Keys of items that came in this run, by type and identity."""
        self._proofs: dict[tuple[str, str], LogProof | None] = {}
        """What was proved of the records of the document in hand, by type and key."""
        self._unnamed: dict[str, dict[str, str]] = defaultdict(dict)
        """Reasons of items that are gone and of which no key is known yet, by identity."""

    def came(self, one: Mapped, key: str) -> None:
        """Note a record; whatever was said of its item before does not count any more."""
        self._keys[one.type, one.item_id] = key
        self._gone[one.type].pop(key, None)
        self._unnamed[one.type].pop(one.item_id, None)
        self._proofs[one.type, key] = one.proof

    def went(self, one: Removed) -> None:
        """Note an item that is gone; where no key of it is known yet, `resolve` will tell it."""
        key = one.key or self._keys.get((one.type, one.item_id))
        if key is None:
            self._unnamed[one.type][one.item_id] = one.reason
            return
        self._gone[one.type][key] = one.reason
        if one.item_id:  # the last word, whatever it said before
            self._seen[one.type].discard(key)

    async def resolve(self, record_type: str) -> None:
        """Learn the keys of items that went by their identity alone."""
        reasons = self._unnamed.pop(record_type, {})
        if not reasons:
            return
        table = self._database.records.tables[record_type].source.name
        rows = await self._database.writes.fetch_all(
            f"SELECT key, item_id FROM {table} "  # noqa: S608 - own name
            "WHERE source = %s AND item_id = ANY(%s) AND NOT withdrawn",
            (self._source, list(reasons)),
        )
        self._gone[record_type].update((key, reasons[item_id]) for key, item_id in rows)

    async def keep(self, rows: Sequence[Any], sent: Sequence[RowOutcome], now: datetime) -> None:
        """Keep what was proved of the rows of a document that went in, and forget the rest."""
        proofs, self._proofs = self._proofs, {}
        taken: list[tuple[str, str, LogProof | None]] = []
        for row, outcome in zip(rows, sent, strict=True):
            if outcome.outcome is not Outcome.QUARANTINED and outcome.key is not None:
                name = row["type"], outcome.key
                taken.append((*name, proofs.get(name)))
        await keep_proofs(self._database, self._source, taken, now)
