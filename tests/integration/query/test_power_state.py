"""Whether an instrument is on now: by which sensors, since when, and who may know.

Readings go the way of a running hub (`hub.sensing.minutes.keep`); only the broker is left out.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from adapters._power import PowerLevel, Thresholds
from adapters.power_meters import Meter, PowerReading
from hub.access.agreements import AGREEMENT_CACHE_S
from hub.access.resource import Caller
from hub.clock import system_clock
from hub.graphql.hooks import ServiceFacts
from hub.graphql.service import Engine, Parts
from hub.intake.service import submit
from hub.sensing.minutes import keep, know_meters
from hub.store.database import Database
from hub.store.sources import register_source
from schema.codes import SourceKind
from schema.dates import format_instant
from tests.integration.query.conftest import (
    ALL,
    NOW,
    READ,
    A,
    Asker,
    B,
    P,
    agreement,
    caller,
    instrument,
    put,
    register,
)
from tests.integration.rights.world import harvested, withdrawal

pytestmark = pytest.mark.integration

OFF, ON, USED = PowerLevel.OFF, PowerLevel.ON, PowerLevel.IN_USE
SILENCE = 5
THRESHOLDS = Thresholds.read({"on_from": 100, "use_from": 800})
ASKED = "{ instruments(orderBy: NAME_ASC) { nodes { key powerState { state since asOf } } } }"
UNHEARD = {"state": "UNKNOWN", "since": None, "asOf": None}
OWN = caller(A)


@dataclass
class Watched:
    """Instrument T1 of A, and what its sensors say; the clock stands until it is moved."""

    database: Database
    now: datetime = NOW
    asker: Asker = field(init=False)

    def __post_init__(self) -> None:
        facts = ServiceFacts(version="1", standard_version="1", sandbox=True)
        self.asker = Asker(Engine(self.database, lambda: self.now, Parts(facts=facts)))

    async def bind(self, sensor: str, since: datetime = NOW - timedelta(days=9), **m: Any) -> None:
        row = {"instrumentKey": f"{A}/T1", "sensor": sensor, "boundAt": format_instant(since), **m}
        await put(self.database, [("SensorBinding", row)], "alpha")

    async def say(
        self, sensor: str, *told: tuple[datetime, PowerLevel], source: str = "meters"
    ) -> None:
        meter = Meter(
            instrument_key=f"{A}/T1", sensor=sensor, thresholds=THRESHOLDS, silence=SILENCE
        )
        async with self.database.writes.transaction() as connection:
            readings = [PowerReading(meter, at, level) for at, level in told]
            await keep(connection, source, readings, {}, self.now)

    async def states(self, who: Caller = OWN) -> dict[str, Any]:
        data = await self.asker(ASKED, who=who)
        return {each["key"]: each["powerState"] for each in data["instruments"]["nodes"]}

    async def state(self, who: Caller = OWN) -> Any:
        return (await self.states(who))[f"{A}/T1"]


def power(state: str, since: datetime, as_of: datetime) -> dict[str, str]:
    return {"state": state, "since": format_instant(since), "asOf": format_instant(as_of)}


def ago(minutes: float) -> datetime:
    return NOW - timedelta(minutes=minutes)


@pytest.fixture
async def watched(database: Database) -> AsyncIterator[Watched]:
    await register(database)
    await register_source(database, "meters", "电表", mode="HARVEST", now=NOW, owners=[A])
    rows = [("Instrument", instrument(A, number, "电镜", [])) for number in ("T1", "T2")]
    await put(database, rows, "alpha")
    await put(database, [("Instrument", instrument(B, "S1", "扫描电镜", []))], "beta")
    yield Watched(database)


async def test_the_newest_reading_says_the_state_until_its_sensor_is_silent(
    watched: Watched,
) -> None:
    await watched.bind("m1")
    assert await watched.state() == UNHEARD, "bound and never heard"
    await watched.say("m1", (ago(4), ON), (ago(2), USED), (ago(1), USED))
    heard = power("IN_USE", ago(2), ago(1))
    assert await watched.states() == {f"{A}/T1": heard, f"{A}/T2": UNHEARD, f"{B}/S1": None}
    watched.now = ago(1) + timedelta(minutes=SILENCE)
    assert await watched.state() == heard, "as long as promised"
    watched.now += timedelta(seconds=1)
    assert await watched.state() == power("UNKNOWN", ago(1), ago(1)), "never OFF"


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({"m1": (ago(4), USED), "m2": (ago(3), OFF)}, power("IN_USE", ago(4), ago(4))),
        ({"m1": (ago(4), USED), "m2": (ago(3), USED)}, power("IN_USE", ago(4), ago(4))),
        ({"m1": (ago(4), ON), "m2": (ago(3), OFF)}, power("ON", ago(3), ago(4))),
        ({"m1": (ago(4), ON), "m2": None}, power("ON", ago(4), ago(4))),
        ({"m1": (ago(4), OFF), "m2": (ago(3), OFF)}, power("OFF", ago(3), ago(4))),
        ({"m1": (ago(4), OFF), "m2": (ago(9), ON)}, power("UNKNOWN", ago(4), ago(9))),
        ({"m1": (ago(4), OFF), "m2": None}, {**UNHEARD, "since": format_instant(ago(4))}),
    ],
)
async def test_of_several_sensors_use_decides_then_on_and_off_is_said_only_by_all(
    watched: Watched, told: dict[str, Any], expected: Any
) -> None:
    for sensor, reading in told.items():
        await watched.bind(sensor)
        if reading is not None:
            await watched.say(sensor, reading)
    assert await watched.state() == expected


async def test_only_a_binding_that_holds_now_gives_a_state(watched: Watched) -> None:
    for sensor in ("m1", "m2", "m3"):
        await watched.say(sensor, (ago(1), ON))
    assert await watched.state() == UNHEARD, "sensors that nobody bound"
    soon = NOW + timedelta(minutes=2)
    await watched.bind("m1", removedAt=format_instant(ago(0)))
    await watched.bind("m2", since=ago(0.5))
    assert await watched.state() == UNHEARD, "removed, or bound after its reading"
    await watched.bind("m3", since=ago(60), removedAt=format_instant(ago(0)))
    await watched.bind("m3", since=ago(1))
    assert await watched.state() == power("ON", ago(1), ago(1))
    await watched.say("m2", (NOW, OFF))
    watched.now = soon
    assert await watched.state() == power("ON", NOW, ago(1))
    async with watched.database.writes.transaction() as connection:
        await know_meters(connection, "meters", [])
    assert await watched.state() == UNHEARD, "the hub no longer listens"


async def test_a_binding_that_is_withdrawn_or_begins_later_hides_nothing(watched: Watched) -> None:
    await watched.bind("m1")
    await watched.bind("m2")
    await watched.bind("m3", since=ago(0.5))
    watched.now = ago(1)
    await watched.say("m1", (ago(1), OFF))
    assert await watched.state() == {**UNHEARD, "since": format_instant(ago(1))}, "m2"
    nodes = (await watched.asker("{ sensorBindings { nodes { key sensor } } }"))["sensorBindings"]
    (key,) = (each["key"] for each in nodes["nodes"] if each["sensor"] == "m2")
    gone = harvested("alpha", [withdrawal("SensorBinding", key)])
    await submit(watched.database, gone, clock=system_clock)
    assert await watched.state() == power("OFF", ago(1), ago(1))
    watched.now = NOW
    assert (await watched.state())["state"] == "UNKNOWN", "m3 is there now"


async def test_what_a_platform_says_of_a_binding_counts_only_where_the_owner_says_nothing(
    watched: Watched,
) -> None:
    kind = {"owners": [A], "kind": SourceKind.PLATFORM}
    await register_source(watched.database, "hall", "平台", mode="PUSH", now=NOW, **kind)
    since = NOW - timedelta(days=9)
    row = {"instrumentKey": f"{A}/T1", "sensor": "m1", "boundAt": format_instant(since)}
    await put(watched.database, [("SensorBinding", row)], "hall")
    await watched.say("m1", (ago(1), ON))
    assert await watched.state() == power("ON", ago(1), ago(1))
    await watched.bind("m1", since, removedAt=format_instant(NOW))
    assert await watched.state() == UNHEARD


async def test_a_source_that_is_not_for_the_owner_or_closed_says_nothing(watched: Watched) -> None:
    await watched.bind("m1")
    await register_source(watched.database, "foreign", "别家", mode="PUSH", now=NOW, owners=[B])
    await watched.say("m1", (ago(1), USED), source="foreign")
    assert await watched.state() == UNHEARD
    await watched.say("m1", (ago(2), ON))
    assert await watched.state() == power("ON", ago(2), ago(2))
    async with watched.database.writes.transaction() as connection:
        await connection.execute("UPDATE source SET active = false WHERE source_id = 'meters'")
    assert await watched.state() == UNHEARD


async def test_without_the_scope_it_is_null_and_told_once(watched: Watched) -> None:
    await watched.bind("m1")
    await watched.say("m1", (ago(1), ON))
    for scopes in (READ, ALL - {"service:read"}):
        assert set((await watched.states(caller(A, scopes))).values()) == {None}
        (told,) = watched.asker.last["errors"]
        assert told["path"] == ["instruments", "nodes", "powerState"]
        assert told["extensions"]["code"] == "SCOPE_MISSING"
        assert told["extensions"]["scope"] == "service:read"


async def test_others_see_it_by_agreement_on_service_data_and_are_told_what_is_hidden(
    watched: Watched,
) -> None:
    await watched.bind("m1")
    await watched.say("m1", (ago(1), ON))
    hidden: dict[str, int] = {}
    for name, grants in {
        "none": [],
        "other data": [agreement(A, "ASSET")],
        "other items": [agreement(A, "SERVICE", fields=["charge"])],
        "this item": [agreement(A, "SERVICE", fields=["spans"])],
        "all": [agreement(A, "SERVICE")],
    }.items():
        if grants:
            await put(watched.database, [("Agreement", each) for each in grants], "alpha")
        watched.now += timedelta(seconds=AGREEMENT_CACHE_S)
        found = await watched.states(caller(P))
        assert watched.asker.codes == []
        shown = name in ("this item", "all")
        assert found[f"{A}/T1"] == (power("ON", ago(1), ago(1)) if shown else None), name
        assert found[f"{B}/S1"] is None
        hidden[name] = watched.asker.last["extensions"]["denied"]
    assert hidden == {"none": 3, "other data": 3, "other items": 3, "this item": 1, "all": 1}
    assert set((await watched.states(caller(None))).values()) == {None}, "nobody was granted it"


async def test_a_state_lasts_over_midnight_and_counts_from_the_day_of_commissioning(
    watched: Watched,
) -> None:
    midnight = datetime(2026, 11, 24, 16, tzinfo=UTC)
    before, after = midnight - timedelta(minutes=2), midnight + timedelta(minutes=1)
    await watched.bind("m1")
    watched.now = before
    await watched.say("m1", (before, ON))
    watched.now = after
    await watched.say("m1", (after, ON))
    assert await watched.state() == power("ON", before, after)
    await watched.bind("m1", commissionedOn="2026-11-25")
    assert await watched.state() == power("ON", midnight, after)
    await watched.bind("m1", commissionedOn="2026-11-26")
    assert await watched.state() == UNHEARD


async def test_it_is_the_same_through_a_relation_and_beside_what_is_executed(
    watched: Watched,
) -> None:
    await watched.bind("m1")
    await watched.say("m1", (ago(1), ON))
    ways = f"""{{ serviceInfo {{ version }}
      one: instrument(by: {{ key: "{A}/T1" }}) {{ powerState {{ state }} p: powerState {{ asOf }} }}
      sensorBindings {{ nodes {{ instrument {{ powerState {{ state __typename }} }} }} }} }}"""
    data = await watched.asker(ways, who=OWN)
    assert data["one"] == {"powerState": {"state": "ON"}, "p": {"asOf": format_instant(ago(1))}}
    (binding,) = data["sensorBindings"]["nodes"]
    assert binding["instrument"]["powerState"] == {"state": "ON", "__typename": "PowerStanding"}
