"""`RestingLists`: what of a run's lists was not read, because it is what it was (`last_reading`).

Records of such a list stand: they are never missing, never make a list look shorter, and count as
heard. What the source itself calls ended is gone all the same.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Set

from adapters._adapter import Adapter, Collection, Context
from connectors.document import Document, State
from connectors.errors import PayloadError
from connectors.reader import Window
from hub.harvest.known import known_keys
from hub.harvest.last_reading import LastReading, LastReadings
from hub.harvest.report import CollectionReport, HarvestReport, ListStatus
from hub.intake.batch import Outcome
from hub.store.database import Database
from hub.watching.metrics import METRICS

__all__ = ["RestingLists"]


class RestingLists:
    """The lists of one run; `last`: on what its questions may rest, None: all is asked for."""

    def __init__(self, database: Database, context: Context, last: LastReadings | None) -> None:
        self.standing: dict[str, set[str]] = defaultdict(set)
        """Keys that stand and did not come, by record type."""
        self._database = database
        self._context = context
        self._last = last
        self._rested_on: dict[str, LastReading] = {}
        self._again: dict[str, State | None] = {}
        self._looked_up: set[str] = set()

    async def load(self) -> None:
        """Take up what earlier runs have kept."""
        if self._last:
            await self._last.load()

    async def last_of(self, collection: Collection) -> LastReading | None:
        """Return what the question for a list may rest on; None: everything is asked for."""
        return await self._last.of(collection) if self._last else None

    def changed_window(self, collection: Collection, last: LastReading | None) -> Window | None:
        """Return the question for what changed since the last reading, where there is one."""
        return last.changed_window(collection, self._context) if last else None

    async def answered(
        self, collection: Collection, document: Document, last: LastReading | None
    ) -> bool:
        """Note an answer before its rows go in; return whether it says that nothing changed.

        Raises `PayloadError` where that is said and nobody asked for it.
        """
        self._again[collection.name] = document.again
        if document.is_unchanged:
            if last is None or last.again is None:
                says = f"{collection.name}: says that nothing changed, and was not asked that"
                raise PayloadError(self._context.source, says)
            return True
        if self._last and self.changed_window(collection, last) is None:
            await self._last.forget(collection)
        return False

    async def begin_anew(self, collection: Collection) -> None:
        """Rest on nothing more of a list: its source cannot go on from the last reading."""
        if self._last:
            await self._last.forget(collection)

    def look_up(self, collection: Collection, digest: bytes) -> None:
        """Note a document in which later lists look something up."""
        self._looked_up.add(collection.name)
        if self._last:
            self._last.look_up(digest)

    async def stand(
        self,
        collection: Collection,
        report: CollectionReport,
        last: LastReading,
        came: Mapping[str, Set[str]],
    ) -> None:
        """Let stand what the hub holds of a list and did not come; `came`: keys by type."""
        self._rested_on[collection.name] = last
        for name in collection.types:
            known = await known_keys(self._database, name, self._context)
            self.standing[name] |= known
            report.unchanged += len(known - came.get(name, frozenset()))

    def _came(self, name: str, part: CollectionReport) -> str:
        if part.is_saved:
            return "nothing"
        return "changed" if name in self._rested_on else "all"

    async def keep(self, adapter: Adapter, report: HarvestReport, unsure: Set[str]) -> None:
        """Keep, of a run that heard everything, on what the next questions may rest.

        `unsure`: record types of rows that could not be told apart.
        """
        for collection, part in zip(adapter.collections, report.collections[1:], strict=True):
            types, name = set(collection.types), collection.name
            waits = part.outcomes[Outcome.QUARANTINED] or types & (report.held.keys() | unsure)
            is_whole = part.status is ListStatus.OK and types <= report.heard.keys()
            if part.status is ListStatus.OK:
                METRICS.list_heard(self._context.source, self._came(name, part))
            if self._last and is_whole and not waits and name not in self._looked_up:
                rested_on, again = self._rested_on.get(name), self._again.get(name)
                await self._last.keep(collection, rested_on, again)
