"""Sensors over a real broker: nothing is lost, silence is unknown, and nothing stops the stream."""

from __future__ import annotations

import asyncio
import json
import signal
from datetime import timedelta

import pytest

from hub.intake.batch import Outcome
from hub.operate.exposition import figures_of
from hub.operate.figures import Figures
from hub.sandbox.meters import Meters, Sent, Switches
from hub.sensing import minutes as keeping
from hub.sensing.days import tell_days
from hub.sensing.standing import sensor_states
from hub.store.database import Database
from tests.eventually import until
from tests.integration.mqtt.conftest import Days, Sensors, bind
from tests.integration.mqtt.source import METERS, NOW, PARTY
from tests.standing_clock import StandingClock

pytestmark = pytest.mark.integration
MIDNIGHT = NOW.replace(hour=16, minute=0, second=0)
"""The end of the day in Shanghai."""
SECONDS = timedelta(seconds=30)
"""A state is known by the minute."""


def at(minute: int, value: float, sensor: str = "em-00000") -> Sent:
    moment = (NOW + timedelta(minutes=minute)).isoformat()
    body = {"time": moment, "value": value, "unit": "W"}
    return f"meters/{sensor}/power", json.dumps(body).encode()


async def told(database: Database, time: StandingClock) -> dict[str, int]:
    found = await tell_days(database, time, PARTY, "meters")
    return {outcome.value: count for outcome, count in found.items() if count}


async def test_readings_become_a_state_and_once_a_day_a_power_day(
    database: Database, sensors: Sensors, time: StandingClock, days: Days
) -> None:
    await bind(database, "em-00000")
    async with sensors.read():
        await sensors.subscribed()
        await sensors.send([at(0, 900), at(1, 900), at(2, 200), at(3, 4)])
        await sensors.until_counted(TAKEN=4)
        assert await sensors.states() == {"em-00000": ("OFF", NOW)}  # never of a time to come
        assert await told(database, time) == {}
        time.now = MIDNIGHT + timedelta(minutes=11)
        assert await told(database, time) == {"ACCEPTED": 1}
        assert await told(database, time) == {}
    spans = [("02:00", "02:02", "IN_USE"), ("02:02", "02:03", "ON"), ("02:03", "02:04", "OFF")]
    assert await days() == [("em-00000", "2026-11-24", 1, spans)]


async def test_order_and_repetition_do_not_matter_and_late_readings_revise_the_day(
    database: Database, sensors: Sensors, time: StandingClock, days: Days
) -> None:
    await bind(database, "em-00000")
    stream = [at(minute, 900 if 2 <= minute < 5 else 4) for minute in range(8)]
    time.pass_by(minutes=10)
    late, early = stream[3], [each for each in stream if each is not stream[3]]
    async with sensors.read():
        await sensors.subscribed()
        await sensors.send(early[::-1] + early)
        await sensors.until_counted(TAKEN=7)
        time.now = MIDNIGHT + timedelta(minutes=11)
        assert await told(database, time) == {"ACCEPTED": 1}
        await sensors.send([late])
        await sensors.until_counted(TAKEN=8)
        assert await told(database, time) == {}, "it waits until no more readings come"
        time.pass_by(minutes=2)
        assert await told(database, time) == {"DUPLICATE": 1}, "the gap was within the silence"
        await sensors.send([at(20, 900)])
        await sensors.until_counted(TAKEN=9)
        time.pass_by(minutes=2)
        assert await told(database, time) == {"ACCEPTED": 1}
    spans = [("02:00", "02:02", "OFF"), ("02:02", "02:05", "IN_USE"), ("02:05", "02:08", "OFF")]
    again = [*spans, ("02:20", "02:21", "IN_USE")]
    assert await days() == [("em-00000", "2026-11-24", 2, again)]
    assert (await sensors.counts())["TAKEN"] + (await sensors.counts())["REPEATED"] == 16


async def test_nothing_broken_ends_the_stream_and_each_is_counted_with_its_reason(
    database: Database, sensors: Sensors
) -> None:
    await bind(database, *Meters(count=METERS).sensors())
    bad = Meters(count=METERS, switches=Switches(broken=3, unknown=2, repeated=True))
    topic = "meters/em-00003/power"
    strange = [
        (topic, b""),
        (topic, b"\xff\xfe\x00"),
        (topic, b"[1, 2]"),
        (topic, b'{"time": "2026-11-24T10:00:30+08:00", "value": 1, "value": 2}'),
        (topic, b'{"time": "2026-11-24T10:00:30+08:00", "value": NaN}'),
        (topic, b"[" * 9_000),
        (topic, b'{"time": "\\ud800", "value": 1}'),
        (topic, b'{"time": "2026-11-24T10:00:30+08:00", "value": -1}'),
        (topic, b'{"time": "2026-11-24T10:00:30+08:00", "value": 1, "unit": "A"}'),
        (topic, b'{"time": "2026-11-24T10:00:30+08:00", "value": 1, "unit": "hp"}'),
        (topic, b'{"time": "2026-11-24T10:00:30+08:00", "value": 1e999999}'),
    ]
    async with sensors.read():
        await sensors.subscribed()
        await sensors.send([*bad.messages(NOW), *strange, at(1, 900, "em-00003")])
        await sensors.until_counted(TAKEN=2)
    counts = await sensors.counts()
    assert counts.pop("TAKEN") + counts.pop("REPEATED", 0) == 3
    assert sum(counts.values()) == 2 * (3 + 2) + len(strange)
    assert counts["SENSOR_UNKNOWN"] == 4
    rows = await database.writes.fetch_all(
        "SELECT problems->0->>'code', count(*) FROM quarantine GROUP BY 1"
    )
    waiting = dict(rows)
    assert set(waiting) == set(counts)
    assert waiting["SENSOR_UNKNOWN"] == 2, "once for each topic and reason"
    assert (await sensors.states())["em-00003"][0] == "IN_USE"


async def test_a_clock_that_is_off_by_a_minute_is_taken_and_one_by_a_day_is_not(
    database: Database, sensors: Sensors, time: StandingClock
) -> None:
    await bind(database, "em-00000", "em-00001", "em-00002")
    async with sensors.read():
        await sensors.subscribed()
        await sensors.send([at(1, 900), at(24 * 60, 900, "em-00001")])
        await sensors.send([at(minute, 4, "em-00002") for minute in range(5)])
        await sensors.until_counted(TAKEN=6, CLOCK_AHEAD=1)
        time.pass_by(days=1)
        # The clock of em-00002 is a day behind now; its instrument is on.
        await sensors.send([at(minute, 900, "em-00002") for minute in range(5)])
        await sensors.until_counted(CLOCK_OVERLAP=5)
        await sensors.send([at(-9 * 24 * 60, 900)])
        await sensors.until_counted(TOO_LATE=1)
    states = await sensors.states()
    assert states["em-00000"] == ("IN_USE", NOW)
    assert states["em-00001"] == ("UNKNOWN", None)
    assert states["em-00002"][0] == "OFF"


async def test_what_a_broker_retained_counts_for_its_time_and_never_for_now(
    database: Database, sensors: Sensors
) -> None:
    await bind(database, "em-00000", "em-00001")
    await sensors.send([at(-90, 900), at(-20 * 24 * 60, 900, "em-00001")], is_retained=True)
    async with sensors.read():
        await sensors.until_counted(TAKEN=1, PASSED_OVER=1)
    states = await sensors.states()
    assert states["em-00000"][1] == NOW - timedelta(minutes=90)
    assert states["em-00001"] == ("UNKNOWN", None)
    assert await database.writes.fetch_all("SELECT FROM quarantine") == []


async def test_what_was_not_kept_comes_again_after_a_kill(
    database: Database, sensors: Sensors, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The consumer dies between receiving and keeping, and between keeping and acknowledging."""
    await bind(database, "em-00000")
    async with sensors.read():
        await sensors.subscribed()
        await sensors.send([at(0, 4)])
        await sensors.until_counted(TAKEN=1)
    await sensors.send([at(minute, 900) for minute in range(1, 4)])
    died = asyncio.Event()
    keep = keeping.keep

    async def dies(*arguments: object) -> object:
        died.set()
        raise ConnectionResetError("killed before it was kept")

    monkeypatch.setattr("hub.sensing.taking.keep", dies)
    async with sensors.read():
        await asyncio.wait_for(died.wait(), 20)
    assert (await sensors.counts()) == {"TAKEN": 1}
    monkeypatch.setattr("hub.sensing.taking.keep", keep)
    acknowledge = "connectors.mqtt_session.MqttSession.acknowledge"

    async def no_acknowledgement(*_: object) -> None:
        raise ConnectionResetError("killed before it was acknowledged")

    with monkeypatch.context() as killed:
        killed.setattr(acknowledge, no_acknowledgement)
        async with sensors.read():
            await sensors.until_counted(TAKEN=4)
    async with sensors.read():
        await sensors.until_counted(REPEATED=3)
    assert (await sensors.counts())["TAKEN"] == 4


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
async def test_a_broker_that_is_begun_again_is_read_on(
    database: Database, sensors: Sensors, how: int
) -> None:
    await bind(database, "em-00000")
    async with sensors.read():
        await sensors.subscribed()
        await sensors.send([at(0, 4)])
        await sensors.until_counted(TAKEN=1)
        await asyncio.to_thread(sensors.broker.stop, how)

        async def is_noted() -> bool:
            rows = await database.reads.fetch_all(
                "SELECT last_error_code FROM source WHERE source_id = 'meters'"
            )
            return rows == [("SOURCE_UNAVAILABLE",)]

        await until(is_noted)
        await asyncio.to_thread(sensors.broker.start)
        await sensors.send([at(1, 900)])
        await sensors.until_counted(TAKEN=2)
    assert (await sensors.states())["em-00000"][0] == "IN_USE"


async def test_two_hubs_read_one_source_by_turns(
    database: Database, sensors: Sensors, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.sensing.service.LOOK_S", 0.1)
    await bind(database, "em-00000")
    async with sensors.read():
        async with sensors.read():
            await sensors.subscribed()
            await sensors.send([at(0, 4), at(1, 4)])
            await sensors.until_counted(TAKEN=2)
        await sensors.send([at(2, 900)])
        await sensors.until_counted(TAKEN=3)
    assert (await sensors.counts()) == {"TAKEN": 3}


async def test_a_day_of_a_foreign_instrument_waits_in_quarantine(
    database: Database, sensors: Sensors, time: StandingClock
) -> None:
    sensors.facts = {"sensors": {"em-00009": {"instrument": "moe:99999/X"}}}
    async with sensors.read():
        await sensors.subscribed()
        await sensors.send([at(0, 4, "em-00009")])
        await sensors.until_counted(TAKEN=1)
        time.now = MIDNIGHT + timedelta(minutes=11)
        assert await told(database, time) == {Outcome.QUARANTINED.value: 1}


async def test_a_sensor_that_falls_silent_is_unknown_and_its_operator_is_told(
    database: Database, sensors: Sensors, time: StandingClock
) -> None:
    await bind(database, "em-00000", "em-00001")
    async with sensors.read():
        await sensors.subscribed()
        await sensors.send([at(0, 900), at(-1, 4), (at(0, 0)[0], b"?")])
        await sensors.until_counted(TAKEN=2, MISSHAPEN=1)
    heard, never = await sensor_states(database, time(), "meters")
    assert (heard.state.value, heard.since, heard.as_of) == ("IN_USE", NOW - SECONDS, NOW)
    assert (never.state.value, never.since) == ("UNKNOWN", None)
    time.pass_by(minutes=4)
    silent, _ = await sensor_states(database, time())
    assert (silent.state.value, silent.since) == ("UNKNOWN", NOW)
    figures = await Figures(database, "hub.delta.example/records", time).look()
    (told_of,) = figures.sensors
    assert (told_of.bound, told_of.silent, told_of.broken) == (2, 2, 1)
    exposed = {
        sample.name: sample.value for family in figures_of(figures) for sample in family.samples
    }
    assert exposed["deltahub_sensors_silent"] == 2


async def test_a_file_that_was_changed_is_read_anew_and_a_closed_source_is_left_alone(
    database: Database, sensors: Sensors, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.sensing.service.LOOK_S", 0.1)
    sensors.facts = {"sensors": {"em-00000": {"instrument": "moe:10335/A", "unit": "kW"}}}

    async def stands(code: str | None) -> None:
        async def holds() -> bool:
            rows = await database.reads.fetch_all(
                "SELECT last_error_code FROM source WHERE source_id = 'meters'"
            )
            return rows == [(code,)]

        await until(holds)

    async with sensors.read() as sensing:
        await stands("SETTINGS_INVALID")
        sensors.facts = {"sensors": {"em-00000": {"instrument": "moe:10335/A"}}}
        sensing.add(sensors.source)
        await sensors.subscribed()
        await sensors.send([at(0, 900)])
        await sensors.until_counted(TAKEN=1)
        await stands(None)
        async with database.writes.connection() as connection:
            await connection.execute("UPDATE source SET active = false")

        async def is_left() -> bool:
            return not sensing.is_reading("meters")

        await until(is_left)
