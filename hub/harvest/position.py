"""`Position`: where a list goes on that was cut off, and in which cases it may.

- Only the same question goes on: the run that continues asks with the window of the run that was
  cut off.
- A list from which later lists look something up never goes on: what it told would be missing.
- A position that is older than `POSITION_AGE_S_MAX` is forgotten: the list has changed.
- A list that was read to its end, or that is not what was agreed, begins anew next time.

What a reader cannot see of a list that moved meanwhile is met by the rule of `hub.harvest.service`:
a reading that went on is never taken for a whole one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from adapters._adapter import Collection
from connectors.document import State
from connectors.reader import Window
from hub.harvest.last_reading import LastReading
from hub.harvest.limits import POSITION_AGE_S_MAX
from hub.store.database import Database
from hub.store.feeds import feeds_of, keep_position

__all__ = ["Position", "Positions"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Position:
    """Where one list goes on."""

    began: datetime
    """When the run began that read it from its beginning."""
    window: Window
    """What that run asked for."""
    state: State | None = None
    """The reader's own word for it; None at the beginning."""
    last: LastReading | None = None
    """On what the question rests at the beginning; one that goes on rests on nothing else."""

    def at(self, state: State) -> Position:
        """Return the position after a document."""
        return replace(self, state=state)

    def to_wire(self) -> dict[str, Any]:
        """Return it as JSON-ready data."""
        return {
            "began": self.began.isoformat(),
            "window": self.window.to_wire(),
            "state": self.state,
        }

    @classmethod
    def from_wire(cls, wire: Mapping[str, Any]) -> Position:
        """Read what `to_wire` wrote."""
        return cls(
            began=datetime.fromisoformat(wire["began"]),
            window=Window.from_wire(wire["window"]),
            state=wire["state"],
        )


class Positions:
    """The positions of one source's lists; each is kept at the feed of the list's first type."""

    def __init__(self, database: Database, source: str) -> None:
        self._database = database
        self._source = source
        self._kept: dict[str, Mapping[str, Any]] = {}

    async def load(self) -> None:
        """Take up what earlier runs have kept."""
        feeds = (await feeds_of(self._database, [self._source])).get(self._source, [])
        self._kept = {name: wire for feed in feeds for name, wire in (feed.state or {}).items()}

    def of(self, collection: Collection, now: datetime) -> Position | None:
        """Return where a list goes on; None: at its beginning."""
        if collection.name not in self._kept:
            return None
        position = Position.from_wire(self._kept[collection.name])
        age = abs(now - position.began)
        return position if age <= timedelta(seconds=POSITION_AGE_S_MAX) else None

    async def keep(self, collection: Collection, position: Position) -> None:
        """Keep where a list goes on, should it be cut off now."""
        wire = position.to_wire()
        self._kept[collection.name] = wire
        await keep_position(
            self._database, self._source, collection.types[0], collection.name, wire
        )

    async def forget(self, collection: Collection) -> None:
        """Let a list begin anew."""
        if self._kept.pop(collection.name, None) is not None:
            await keep_position(
                self._database, self._source, collection.types[0], collection.name, None
            )
