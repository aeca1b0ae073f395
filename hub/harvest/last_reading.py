"""`LastReading`: what the hub may rest on when it asks less than everything of a list.

A list that was read whole, and all of which went in, is kept with two words for the next run:
the entity tag or date under which the source called it unchanged since (`Document.again`), and when
it was last heard, for sources that can be asked for what changed since (`Collection.changed`).

- Kept at the end of a run in which every list was whole and nothing of it waits: what is in
  quarantine or held for the operator is read anew, never passed over as unchanged.
- Forgotten before the first row of another answer goes in: where a run is cut off between two
  states of a list, the older one is no answer to "unchanged since".
- Good for one way of reading only (`key`): code of mappings and of the standard, the reader, what
  the operator states of the source, and what the row's mapping looks up in earlier lists. After an
  update of the hub every list is read anew.
- Good while the hub holds as many records of it as then: what was erased or withdrawn here since is
  not brought back by "unchanged".
- Good for `FULL_READING_S`: then the list is read without a condition, whatever it says of itself,
  so that a source that calls a changed list unchanged is found out.
- Never for a list in which later lists look something up: it would tell them nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import adapters
import schema
from adapters._adapter import Collection, Context
from connectors.document import State
from connectors.reader import Window
from hub.harvest.known import known_keys
from hub.harvest.limits import CHANGED_LOOKBACK, FULL_READING_S
from hub.harvest.source import HarvestSource
from hub.store.database import Database
from hub.store.feeds import feeds_of, keep_position

__all__ = ["LastReading", "LastReadings"]

CODE = frozenset({".py", ".tsv", ".toml"})
SUFFIX = "/last"
"""Beside the position of a list, under its name; names of lists hold no slash."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LastReading:
    """How a list stood when it was last heard whole."""

    key: str
    """What its rows were read and mapped with."""
    full_at: datetime
    """When the run began that read it without a condition."""
    heard_at: datetime
    """When the run began that last heard it, whole or what changed of it."""
    records: Mapping[str, int]
    """How many records the hub held of it after that, by type."""
    again: State | None = None
    """The reader's own word for "unless it is what it was"; None: the source has none."""

    def to_wire(self) -> dict[str, Any]:
        """Return it as JSON-ready data."""
        return {
            "key": self.key,
            "full_at": self.full_at.isoformat(),
            "heard_at": self.heard_at.isoformat(),
            "records": dict(self.records),
            "again": self.again,
        }

    @classmethod
    def from_wire(cls, wire: Mapping[str, Any]) -> LastReading:
        """Read what `to_wire` wrote."""
        return cls(
            key=wire["key"],
            full_at=datetime.fromisoformat(wire["full_at"]),
            heard_at=datetime.fromisoformat(wire["heard_at"]),
            records=wire["records"],
            again=wire["again"],
        )

    def changed_window(self, collection: Collection, context: Context) -> Window | None:
        """Return the question for what changed since; None: the source cannot be asked that.

        It reaches back behind the last reading: clocks differ, and what is stamped before it is
        visible comes late. What comes twice is a duplicate. Of a list that is followed, the place
        where the last reading ended says it exactly.
        """
        if collection.is_followed and self.again is not None:
            whole = collection.window(context)
            return replace(whole, filters={**whole.filters, "after": self.again["after"]})
        if collection.changed is None:
            return None
        return collection.changed(context, self.heard_at - CHANGED_LOOKBACK)


class LastReadings:
    """The last readings of one source's lists, each kept at the feed of the list's first type."""

    def __init__(
        self, database: Database, source: HarvestSource, context: Context, *, is_full: bool
    ) -> None:
        """`is_full`: this run asks for everything, because a person wants it."""
        self._is_full = is_full
        self._database = database
        self._context = context
        self._facts = _facts_of(source)
        self._looked_up = sha256()
        self._kept: dict[str, Mapping[str, Any]] = {}

    async def load(self) -> None:
        """Take up what earlier runs have kept."""
        source = self._context.source
        feeds = (await feeds_of(self._database, [source])).get(source, [])
        self._kept = {
            name.removesuffix(SUFFIX): wire
            for feed in feeds
            for name, wire in (feed.state or {}).items()
            if name.endswith(SUFFIX)
        }

    def look_up(self, digest: bytes) -> None:
        """Note a document in which later lists of this run look something up."""
        self._looked_up.update(digest)

    async def of(self, collection: Collection) -> LastReading | None:
        """Return what the next question may rest on; None: everything is asked for."""
        if self._is_full or collection.name not in self._kept:
            return None
        last = LastReading.from_wire(self._kept[collection.name])
        age = self._context.now - last.full_at
        is_good = timedelta(0) <= age < timedelta(seconds=FULL_READING_S)
        if not is_good or last.key != self._key(collection):
            return None
        return last if last.records == await self._records(collection) else None

    async def keep(
        self, collection: Collection, last: LastReading | None, again: State | None
    ) -> None:
        """Keep that a list was heard whole; `last`: what its question rested on, if on anything."""
        if not collection.types or (again is None and collection.changed is None):
            return
        now = self._context.now
        kept = LastReading(
            key=self._key(collection),
            full_at=last.full_at if last else now,
            heard_at=now,
            records=await self._records(collection),
            again=again,
        )
        self._kept[collection.name] = kept.to_wire()
        await self._write(collection, kept.to_wire())

    async def forget(self, collection: Collection) -> None:
        """Let the list be read without a condition next time."""
        if self._kept.pop(collection.name, None) is not None:
            await self._write(collection, None)

    async def _write(self, collection: Collection, wire: Mapping[str, Any] | None) -> None:
        source, name = self._context.source, f"{collection.name}{SUFFIX}"
        await keep_position(self._database, source, collection.types[0], name, wire)

    async def _records(self, collection: Collection) -> dict[str, int]:
        return {
            name: len(await known_keys(self._database, name, self._context))
            for name in collection.types
        }

    def _key(self, collection: Collection) -> str:
        parts = (
            _code(),
            f"{collection.name} {collection.reader!r} {collection.types} {collection.complete}",
            self._facts,
            self._looked_up.hexdigest(),
        )
        return sha256("\n".join(parts).encode()).hexdigest()


def _facts_of(source: HarvestSource) -> str:
    """Return what the operator states of a source, and what decides who may state its rows."""
    stated: Sequence[Any] = (
        source.adapter.id,
        source.institution,
        source.facts,
        source.owners,
        source.authority,
        {name: mode.value for name, mode in source.drift.items()},
    )
    return json.dumps(stated, sort_keys=True, default=str)


@cache
def _code() -> str:
    """Return the digest of all code that makes records of rows: mappings and the standard.

    Of adapters that come from elsewhere the file is not among it; such are read anew on the slower
    clock at the latest.
    """
    digest = sha256()
    for package in (adapters, schema):
        root = Path(package.__file__ or "").parent
        for file in sorted(each for each in root.rglob("*") if each.suffix in CODE):
            digest.update(f"{file.relative_to(root)}\n".encode())
            digest.update(file.read_bytes())
    return digest.hexdigest()
