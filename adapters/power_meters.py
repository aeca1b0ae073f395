"""Meters at the power lines of instruments (物联网传感器): readings over MQTT, days of power out.

No interface of the province's sensors is public; `basis` of `power_meters.toml` says on what this
is modelled. A message has a topic that names the sensor, and a JSON object

    {"time": "2026-11-25T10:00:00+08:00", "value": 812.5, "unit": "W"}

- `time`: ISO 8601, without a zone Asia/Shanghai; or UNIX seconds or milliseconds. It is the meter's
  own: a reading counts for its time, never for its arrival, so messages that are late, repeated or
  retained by the broker say nothing of now.
- `unit`: W, kW, A or mA; thresholds are in W or A, and a meter that tells the other is refused.
- `operator`, `badge`: gateways with a card reader send who switched the instrument on. Personal,
  dropped. `device`, `seq`: of the gateway, of no meaning here.
- A meter whose clock is more than `AHEAD` ahead, or that speaks of days before `KEPT_DAYS`, is
  refused: its clock is wrong. One that is behind shows when it contradicts what it said before
  (`hub.sensing.minutes`).

Facts: `topic` (with `{sensor}`), `thresholds` (`on_from`, `off_below`, `use_from`, `use_until`),
`silence_minutes`; `sensors.<number>` the same for one sensor, with `instrument` where no
SensorBinding says it. From which instrument a sensor is when is in `bindings`, which the hub adds.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from adapters._adapter import Adapter, Collection, Context, Yielded
from adapters._metadata_files import metadata_of
from adapters._metering import (
    POWER,
    TOPIC,
    UNITS,
    Meter,
    PowerReading,
    begin,
    meters_of,
    power_day,
    power_days,
    readings,
)
from adapters._power import day_of
from adapters._row import Row
from connectors.mqtt import Messages
from schema.dates import parse_instant

__all__ = [
    "ADAPTER",
    "AHEAD",
    "KEPT_DAYS",
    "Meter",
    "PowerReading",
    "begin",
    "meters_of",
    "power_day",
    "readings",
]

AHEAD = timedelta(minutes=5)
"""How far ahead a meter's clock may be."""
KEPT_DAYS = 8
"""How many days back readings are taken; the minutes of older days are kept no more."""
SECONDS_MAX = Decimal(100_000_000_000)
"""A UNIX time from this on is in milliseconds."""


def _meters(context: Context) -> Mapping[str, Sequence[Meter]]:
    found: Mapping[str, Sequence[Meter]] | None = context.recall("power_meters", "meters")
    if found is None:
        context.remember("power_meters", "meters", found := meters_of(context.facts))
    return found


def reading(row: Row, context: Context) -> Iterable[Yielded]:
    """Take one message; what it says is remembered, and told when the days are made."""
    row.drop("operator", "badge")
    row.ignore("device", "seq")
    is_retained = row.flag("@retained", "true", "false") is True
    sensor = _sensor(row, context)
    if row.optional_text("@unreadable") is not None:
        row.ignore("@excerpt")
        row.fault("@unreadable", "MISSHAPEN", "消息无法读取", "the message cannot be read")
        return ()
    at = _time(row)
    units = row.codes("unit", UNITS) or [(POWER, Decimal(1))]
    value = Decimal(row.decimal("value"))
    if at is None or row.problems or not _is_of_now(row, context, at, is_retained=is_retained):
        return ()
    meter = _meter_at(row, context, sensor, at)
    if meter is not None and _is_sound(row, meter, units[0][0], value):
        level = meter.thresholds.level(value * units[0][1])
        readings(context).append(PowerReading(meter, at, level))
    return ()


def _is_of_now(row: Row, context: Context, at: datetime, *, is_retained: bool) -> bool:
    """Whether a reading is of the time for which readings are taken."""
    if at > context.now + AHEAD:
        words = "读数时间在未来，请校准电表时钟", "lies ahead: set the meter's clock"
        row.fault("time", "CLOCK_AHEAD", *words)
        return False
    if day_of(at) >= day_of(context.now) - timedelta(days=KEPT_DAYS):
        return True
    if not is_retained:
        row.fault("time", "TOO_LATE", "读数时间过早", f"is more than {KEPT_DAYS} days ago")
    return False


def _is_sound(row: Row, meter: Meter, unit: str, value: Decimal) -> bool:
    if unit != meter.unit:
        words = f"阈值单位为 {meter.unit}", f"thresholds are in {meter.unit}"
        row.fault("unit", "UNIT_DIFFERS", *words)
    elif value < 0:
        row.fault("value", "OUT_OF_RANGE", "读数不能为负", "must not be negative")
    return not row.problems


def _sensor(row: Row, context: Context) -> str:
    """Return the sensor that the topic names; a topic of another shape is a problem."""
    topic = row.text("@topic")
    before, _, after = str(context.facts.get("topic", TOPIC)).partition("{sensor}")
    found = re.fullmatch(f"{re.escape(before)}([^/]+){re.escape(after)}", topic)
    if found is None:
        row.fault("@topic", "SENSOR_UNKNOWN", "主题中没有传感器编号", "names no sensor")
        return ""
    return found[1]


def _time(row: Row) -> datetime | None:
    if row.optional_text("time") is None:
        row.fault("time", "MISSING", "必填项缺失", "is required")
        return None
    return row.read("time", _moment, ("时间无法识别", "is no time"))


def _moment(text: str) -> datetime:
    if re.fullmatch(r"\d{9,14}(\.\d{1,9})?", text):
        number = Decimal(text)
        seconds = number / 1000 if number >= SECONDS_MAX else number
        return datetime.fromtimestamp(float(seconds), UTC)
    return parse_instant(text).at


def _meter_at(row: Row, context: Context, sensor: str, at: datetime) -> Meter | None:
    known = _meters(context).get(sensor, ())
    there = [meter for meter in known if meter.is_at(at)]
    if len(there) == 1:
        return there[0]
    if there:
        row.fault(
            "@topic",
            "SENSOR_AMBIGUOUS",
            "该传感器同时绑定多台仪器",
            "names a sensor that is bound to several instruments at that time",
        )
    elif known:
        row.fault(
            "time", "SENSOR_UNBOUND", "该时间传感器未绑定仪器", "lies outside of every binding"
        )
    else:
        row.fault(
            "@topic", "SENSOR_UNKNOWN", "没有该传感器的绑定", "names a sensor that is not bound"
        )
    return None


ADAPTER = Adapter(
    metadata=metadata_of("power_meters"),
    collections=(
        Collection(
            name="readings",
            reader=Messages(),
            map=reading,
            types=("PowerDay",),
            closes=power_days,
        ),
    ),
)
