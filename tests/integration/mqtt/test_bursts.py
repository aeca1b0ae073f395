"""Many messages wait at the broker when a hub comes back: all are read on one connection."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from connectors.limits import Limits
from connectors.mqtt import IN_FLIGHT_MAX, MqttMessage
from connectors.mqtt_session import INBOX_MAX
from hub.sandbox.meters import publish
from tests.eventually import until
from tests.integration.mqtt.source import NOW, meters_source
from tests.mosquitto import Mosquitto, mosquitto

pytestmark = pytest.mark.integration
LIMITS = Limits(connect_s=3.0)
BURST = 3 * INBOX_MAX


def burst() -> list[tuple[str, bytes]]:
    return [
        (f"meters/em-{at:05}/power", json.dumps({"time": NOW.isoformat(), "value": at}).encode())
        for at in range(BURST)
    ]


async def reads_nothing(session: Any) -> bool:
    return bool(session._paused.is_set())


async def first(session: Any) -> list[MqttMessage]:
    came: list[MqttMessage] = await session.receive(IN_FLIGHT_MAX, 1.0)
    await session.acknowledge(came)
    return came


async def connected_once(session: Any) -> None:
    assert await session.receive(1, 0.05) == []


@pytest.mark.parametrize("version", ["5", "3.1.1"])
async def test_a_burst_is_read_in_one_connection_and_never_held_whole(
    tmp_path: Path, version: str
) -> None:
    """From a broker that keeps to no bound: nothing is read while the inbox is full."""
    with mosquitto(tmp_path, is_bursting=True) as broker:
        source = meters_source(broker.port, version=version)
        async with source.connection.session("meters", LIMITS) as session:
            await connected_once(session)
        await publish("127.0.0.1", broker.port, burst())
        seen: list[str] = []
        async with source.connection.session("meters", LIMITS) as session:
            inbox = session._inbox  # type: ignore[attr-defined]
            seen += [each.topic for each in await first(session)]
            await until(lambda: reads_nothing(session))
            await asyncio.sleep(0.1)
            assert len(inbox) <= INBOX_MAX
            while came := await session.receive(IN_FLIGHT_MAX, 1.0):  # type: ignore[attr-defined]
                assert len(inbox) + len(came) <= INBOX_MAX
                await session.acknowledge(came)  # type: ignore[attr-defined]
                seen += [each.topic for each in came]
                assert not any(each.is_repeated for each in came)
        assert seen == [topic for topic, _ in burst()]


async def test_a_connection_lost_while_nothing_is_read_is_told(tmp_path: Path) -> None:
    """The broker dies with a full inbox here: what came is given, then the loss is an error."""
    broker = Mosquitto(tmp_path, is_bursting=True)
    broker.start()
    source = meters_source(broker.port)
    async with source.connection.session("meters", LIMITS) as session:
        await connected_once(session)
    await publish("127.0.0.1", broker.port, burst())
    async with source.connection.session("meters", LIMITS) as session:
        came = await session.receive(IN_FLIGHT_MAX, 1.0)  # type: ignore[attr-defined]
        broker.stop()
        with pytest.raises(Exception, match="lost"):
            while True:
                came = await session.receive(IN_FLIGHT_MAX, 1.0)  # type: ignore[attr-defined]
                await session.acknowledge(came)  # type: ignore[attr-defined]
    broker.start()
    try:
        async with source.connection.session("meters", LIMITS) as session:
            came = await session.receive(1, 1.0)  # type: ignore[attr-defined]
    finally:
        broker.stop()
    assert came[0].topic == "meters/em-00000/power"
