"""A broker, instruments with sensors, and the reading of their source."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from hub.harvest.source import HarvestSource
from hub.intake.batch import Assurance, Batch, Channel, Evidence
from hub.intake.service import submit
from hub.sandbox.meters import Sent, publish
from hub.sensing.service import Sensing
from hub.store.database import Database
from hub.store.sources import register_source
from schema.dates import format_instant
from tests.eventually import until
from tests.integration.mqtt.source import NOW, OWNER, PARTY, meters_source
from tests.mosquitto import Mosquitto, mosquitto
from tests.standing_clock import StandingClock


@pytest.fixture
def time() -> StandingClock:
    return StandingClock(NOW)


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with mosquitto(tmp_path) as running:
        yield running


async def bind(database: Database, *sensors: str, since: datetime | None = None) -> None:
    """State that sensors are at instruments of the same number."""
    await register_source(database, "bindings", "台账", mode="PUSH", now=NOW, owners=(OWNER,))
    rows = [
        {
            "type": "SensorBinding",
            "record": {
                "instrumentKey": f"{OWNER}/{sensor}",
                "sensor": sensor,
                "boundAt": format_instant(since or NOW - timedelta(days=30)),
                "intervalSeconds": 60,
            },
        }
        for sensor in sensors
    ]
    batch = Batch(
        source="bindings",
        party=PARTY,
        channel=Channel.PUSH,
        rows=rows,
        evidence=Evidence(assurance=Assurance.HUB_OBSERVED, document_hash=b"\0" * 32),
        as_of=NOW,
    )
    await submit(database, batch, clock=lambda: NOW)


@dataclass
class Sensors:
    """The source of sensors, as a running hub reads it."""

    database: Database
    broker: Mosquitto
    time: StandingClock
    facts: dict[str, Any] = field(default_factory=dict)
    connection: dict[str, Any] = field(default_factory=dict)

    @property
    def source(self) -> HarvestSource:
        return meters_source(self.broker.port, self.facts, **self.connection)

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Sensing]:
        """Read as a running hub does, as long as the block runs."""
        sensing = Sensing(self.database, PARTY, self.time, None)
        sensing.add(self.source)
        stop = asyncio.Event()
        task = asyncio.create_task(sensing.run(stop))
        try:
            yield sensing
        finally:
            stop.set()
            await task

    async def send(self, sent: list[Sent], *, is_retained: bool = False) -> None:
        await publish("127.0.0.1", self.broker.port, sent, is_retained=is_retained)

    async def counts(self) -> dict[str, int]:
        rows = await self.database.reads.fetch_all(
            "SELECT outcome, messages FROM power_count WHERE source = 'meters'"
        )
        return dict(rows)

    async def until_counted(self, **wanted: int) -> None:
        async def holds() -> bool:
            counts = await self.counts()
            return all(counts.get(name, 0) >= count for name, count in wanted.items())

        await until(holds)

    async def subscribed(self) -> None:
        """Wait until the broker knows the hub: it keeps messages for it from then on."""

        async def holds() -> bool:
            return self.broker.knows("meters/+/power")

        await until(holds)

    async def states(self) -> dict[str, tuple[str, datetime | None]]:
        rows = await self.database.reads.fetch_all(
            "SELECT sensor, state, as_of FROM power_state ORDER BY sensor"
        )
        return {sensor: (state, as_of) for sensor, state, as_of in rows}


@pytest.fixture
async def sensors(database: Database, broker: Mosquitto, time: StandingClock) -> Sensors:
    return Sensors(database, broker, time)


Days = Callable[[], Awaitable[list[tuple[str, str, int, list[tuple[str, str, str]]]]]]


@pytest.fixture
def days(database: Database) -> Days:
    """What PowerDays stand: sensor, day, revision, and the spans."""

    async def read() -> list[tuple[str, str, int, list[tuple[str, str, str]]]]:
        rows = await database.reads.fetch_all(
            "SELECT sensor, day, revision, spans FROM power_day_source WHERE NOT withdrawn "
            "ORDER BY sensor, day"
        )
        return [
            (
                sensor,
                day.isoformat(),
                revision,
                [(s["startAt"][11:16], s["endAt"][11:16], s["state"]) for s in spans],
            )
            for sensor, day, revision, spans in rows
        ]

    return read
