"""`taking`: what becomes of one batch of messages: readings kept, refused ones told.

A message that is broken, or of a sensor that nobody knows, is counted and goes to quarantine with
its reason, once an hour for each topic and reason: a broken meter sends the same every minute.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from adapters._adapter import Adapter, Context
from adapters.power_meters import Meter, PowerReading, begin, readings
from connectors.document import Document
from hub.clock import Clock
from hub.intake.batch import Assurance, Batch, Channel, Evidence, Rejected
from hub.intake.service import submit
from hub.sensing.limits import HEARD_EVERY_S, QUARANTINE_EVERY_S, QUARANTINE_KNOWN_MAX
from hub.sensing.minutes import KeptReadings, keep
from hub.store.database import Database
from hub.store.sources import heard_from
from schema.dates import format_instant
from schema.errors import Problem

__all__ = ["Taking"]

RECORD_TYPE = "PowerDay"
OVERLAP = "CLOCK_OVERLAP"


class Taking:
    """Takes the batches of one source in."""

    def __init__(
        self, database: Database, clock: Clock, party: str, source: str, adapter: Adapter
    ) -> None:
        self.meters: Mapping[str, Sequence[Meter]] = {}
        """Which sensors are bound, by their numbers."""
        self.facts: Mapping[str, Any] = {}
        self._database = database
        self._clock = clock
        self._party = party
        self._source = source
        self._adapter = adapter
        self._told: dict[tuple[str, str], datetime] = {}
        self._heard: datetime | None = None

    async def take(self, document: Document) -> KeptReadings:
        """Keep what a batch says; when this returns, the broker may forget it."""
        now = self._clock()
        context = Context(source=self._source, now=now, facts=self.facts)
        begin(context, self.meters)
        rejected, counts = self._converted(document, context)
        async with self._database.writes.transaction() as connection:
            kept = await keep(connection, self._source, readings(context), counts, now)
            if kept.newest is not None and self._is_heard_due(now):
                at = (kept.newest, now)
                await heard_from(connection, self._source, added=0, at=at)
                self._heard = now
        rejected += [_overlap(each) for each in kept.overlapping]
        await self._quarantine([row for row in rejected if self._is_new(row, now)], document, now)
        return kept

    def _converted(
        self, document: Document, context: Context
    ) -> tuple[list[Rejected], Counter[str]]:
        (collection,) = self._adapter.collections
        rejected: list[Rejected] = []
        counts: Counter[str] = Counter()
        before = 0
        for raw in document.rows:
            converted = self._adapter.convert(collection, raw, context)
            came = len(readings(context))
            if converted.problems:
                counts[converted.problems[0].code] += 1
                clean = {name: raw[name] for name in raw if name not in converted.dropped}
                row = {"collection": collection.name, "row": clean}
                rejected.append(Rejected(row, converted.problems, RECORD_TYPE))
            elif came == before:
                counts["PASSED_OVER"] += 1  # retained by the broker, from long ago
            before = came
        return rejected, counts

    def _is_heard_due(self, now: datetime) -> bool:
        return self._heard is None or abs(now - self._heard) >= timedelta(seconds=HEARD_EVERY_S)

    def _is_new(self, row: Rejected, now: datetime) -> bool:
        """Whether nothing of this topic and reason went to quarantine of late."""
        mark = (str(row.raw["row"].get("@topic")), row.problems[0].code)
        at = self._told.get(mark)
        if at is not None and abs(now - at) < timedelta(seconds=QUARANTINE_EVERY_S):
            return False
        if len(self._told) >= QUARANTINE_KNOWN_MAX:
            self._told.clear()
        self._told[mark] = now
        return True

    async def _quarantine(self, rows: list[Rejected], document: Document, now: datetime) -> None:
        if not rows:
            return
        evidence = Evidence(assurance=Assurance.HUB_OBSERVED, document_hash=document.digest)
        batch = Batch(
            source=self._source,
            party=self._party,
            channel=Channel.HARVEST,  # a part of a reading: its source is not heard by it
            rows=rows,
            evidence=evidence,
            as_of=now,
        )
        await submit(self._database, batch, clock=self._clock)


def _overlap(reading: PowerReading) -> Rejected:
    topic = f"{reading.meter.sensor} at {reading.meter.instrument_key}"
    row = {"@topic": topic, "time": format_instant(reading.at), "level": reading.level.name}
    zh = "与该时间已有读数矛盾，电表时钟可能落后"
    en = "contradicts what the sensor said of that minute before: its clock may be behind"
    problem = Problem("time", OVERLAP, zh, en, None)
    return Rejected({"collection": "readings", "row": row}, (problem,), RECORD_TYPE)
