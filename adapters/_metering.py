"""`_metering`: meters at the power lines of instruments, whoever tells their readings.

Which sensor is at which instrument when, from which values on it counts as on or in use, what the
rows of a run have said, and the days that they make. `power_meters` reads messages, `nemo_sensors`
lists of a laboratory system.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from adapters._adapter import Context, Mapped, Yielded
from adapters._power import (
    DAY_MINUTES,
    NOTHING,
    PowerDaySpan,
    PowerLevel,
    Thresholds,
    day_of,
    merge,
    minute_of,
    spans_of_day,
    wire_spans,
)

SILENCE_INTERVALS = 3
"""After so many intervals without a reading a sensor is silent, where nothing else is said."""
SILENCE_MINUTES_MIN = 3
TOPIC = "meters/{sensor}/power"
POWER, CURRENT = "W", "A"
UNITS = {
    "W": (POWER, Decimal(1)),
    "kW": (POWER, Decimal(1000)),
    "A": (CURRENT, Decimal(1)),
    "mA": (CURRENT, Decimal("0.001")),
}
DEFAULT_THRESHOLDS = {"on_from": 50, "off_below": 40}
"""SRMS: on from 50, in the unit of the device."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Meter:
    """A sensor while it is at an instrument."""

    instrument_key: str
    sensor: str
    thresholds: Thresholds
    unit: str = POWER
    silence: int = SILENCE_MINUTES_MIN
    """Minutes without a reading after which nothing is known."""
    since: datetime | None = None
    until: datetime | None = None

    def is_at(self, at: datetime) -> bool:
        """Whether it is at its instrument at a moment."""
        return (self.since is None or self.since <= at) and (self.until is None or at < self.until)


@dataclass(frozen=True, slots=True)
class PowerReading:
    """What one message says, with nothing finer than a minute."""

    meter: Meter
    at: datetime
    level: PowerLevel

    @property
    def place(self) -> tuple[str, str, date]:
        """Instrument, sensor and day of Shanghai."""
        return self.meter.instrument_key, self.meter.sensor, day_of(self.at)

    @property
    def minute(self) -> int:
        """The minute of its day."""
        return minute_of(self.at)


def meters_of(facts: Mapping[str, Any]) -> dict[str, list[Meter]]:
    """Return the meters of a source by the number of their sensor; `ValueError` for bad facts.

    `bindings` of the facts: `{"instrument", "sensor", "since", "until", "interval_s"}` each. A
    sensor with `instrument` in its own facts is there whatever the bindings say.
    """
    if str(facts.get("topic", TOPIC)).count("{sensor}") != 1:
        raise ValueError("facts.topic names the place of the sensor as {sensor}, once")
    sensors = {
        name: _table(own, name) for name, own in _table(facts.get("sensors", {}), "").items()
    }
    found: dict[str, list[Meter]] = {}
    for sensor, own in sensors.items():
        if "instrument" in own:
            found[sensor] = [
                _meter(facts, own, {"instrument": own["instrument"], "sensor": sensor})
            ]
    for binding in facts.get("bindings", ()):
        sensor = binding["sensor"]
        own = sensors.get(sensor, {})
        if "instrument" not in own:
            found.setdefault(sensor, []).append(_meter(facts, own, binding))
    return found


def _table(given: Any, name: str) -> Mapping[str, Any]:
    if not isinstance(given, Mapping):
        raise ValueError(f"facts.sensors.{name} is a table")  # noqa: TRY004 - a mistake in a file
    return given


def _meter(facts: Mapping[str, Any], own: Mapping[str, Any], binding: Mapping[str, Any]) -> Meter:
    table = own.get("thresholds") or facts.get("thresholds") or DEFAULT_THRESHOLDS
    unit = own.get("unit", facts.get("unit", POWER))
    if unit not in (POWER, CURRENT):
        raise ValueError(f"unit of thresholds is {POWER} or {CURRENT}")
    silence = own.get("silence_minutes", facts.get("silence_minutes"))
    if silence is None:
        interval_s = binding.get("interval_s") or 60
        silence = max(SILENCE_MINUTES_MIN, -(-SILENCE_INTERVALS * interval_s // 60))
    if type(silence) is not int or not 1 <= silence < DAY_MINUTES:
        raise ValueError("silence_minutes is a whole number of minutes, less than a day")
    return Meter(
        instrument_key=binding["instrument"],
        sensor=binding["sensor"],
        thresholds=Thresholds.read(_table(table, "thresholds")),
        unit=unit,
        silence=silence,
        since=binding.get("since"),
        until=binding.get("until"),
    )


def begin(context: Context, meters: Mapping[str, Sequence[Meter]]) -> None:
    """Have a context know the meters, where they are at hand already."""
    context.remember("power_meters", "meters", meters)


def readings(context: Context) -> list[PowerReading]:
    """Return what the rows that were converted with this context have said so far."""
    found: list[PowerReading] | None = context.recall("power_meters", "readings")
    if found is None:
        context.remember("power_meters", "readings", found := [])
    return found


def power_day(
    instrument: str, sensor: str, day: date, spans: Iterable[PowerDaySpan]
) -> dict[str, Any]:
    """Return a PowerDay in wire form."""
    return {
        "instrumentKey": instrument,
        "sensor": sensor,
        "day": day.isoformat(),
        "spans": wire_spans(day, spans),
    }


def power_days(context: Context, _: Sequence[str]) -> Iterator[Yielded]:
    """Yield the days of all readings that came, in order of their keys."""
    found: dict[tuple[str, str, date], list[PowerReading]] = {}
    for one in readings(context):
        found.setdefault(one.place, []).append(one)
    minutes = {
        place: merge(NOTHING, ((one.minute, one.level) for one in of_day))
        for place, of_day in found.items()
    }
    for instrument, sensor, day in sorted(found):
        beside = [
            minutes.get((instrument, sensor, day + timedelta(days=away)), NOTHING)
            for away in (-1, 1)
        ]
        meter = found[instrument, sensor, day][0].meter
        of_day = minutes[instrument, sensor, day]
        spans = spans_of_day(beside[0], of_day, beside[1], meter.silence)
        yield Mapped("PowerDay", power_day(instrument, sensor, day, spans))
