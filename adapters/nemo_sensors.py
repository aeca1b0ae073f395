"""NEMO's plugin for sensors (NEMO-sensors 1.3.1): values of power meters in, days of power out.

A laboratory may have the plugin or not, so it is a source of its own beside `nemo`. The plugin
knows neither instruments nor what a sensor measures: temperatures and door contacts stand in the
same list. Only the deployment says which sensors are power meters and at which instrument; the hub
asks for those alone, and a sensor that is not declared is never read.

- `sensor_data` has a value and the server's time with its offset; NEMO wrote both itself, so
  nothing is late, but the hub may have been: the days of its lookback are read again. A day is
  stated when it is over, so that a record is written once.
- `data_suffix` of a sensor is the unit that people are shown. It must be one of power or current,
  of the kind that the thresholds are in; where it is blank the readings are in `unit`.
- Silence is UNKNOWN, as of every meter (`power_meters`).

Facts: `instance`, the short name that leads NEMO's numbers; `bindings`, each `{instrument, sensor,
since, until, interval_s}` with NEMO's number of the sensor; `thresholds`, `unit`,
`silence_minutes`, and `sensors.<number>` with the same for one sensor, as of `power_meters`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from adapters._adapter import Adapter, Collection, Context, Mapped, Probe, Yielded
from adapters._metadata_files import metadata_of
from adapters._metering import (
    UNITS,
    Meter,
    PowerReading,
    begin,
    meters_of,
    power_days,
    readings,
)
from adapters._nrii import present
from adapters._power import day_of, instant_of
from adapters._row import Row
from connectors.reader import Window
from connectors.rest import NextLink, PagedJson
from schema.dates import format_instant, parse_instant

PLACE = "nemo meters"
SENSOR_IGNORED = (
    *("name", "visible", "data_label", "data_prefix", "unit_id", "read_address", "formula"),
    *("number_of_values", "read_frequency", "last_read", "last_value", "sensor_card"),
    *("interlock_card", "sensor_category"),
)


def _name(context: Context, number: object) -> str:
    return f"{context.facts.get('instance', 'nemo')}-{number}"


def _bindings(context: Context) -> Sequence[Mapping[str, Any]]:
    """Return the declared meters with their times read; `ValueError` for bad facts."""
    found = []
    for one in context.facts.get("bindings", ()):
        if not {"instrument", "sensor"} <= one.keys():
            raise ValueError("each of facts.bindings names instrument and sensor")
        times = {name: _moment(one[name]) for name in ("since", "until") if one.get(name)}
        found.append({**one, **times, "sensor": _name(context, one["sensor"])})
    return found


def _moment(given: Any) -> datetime:
    """Read a time of the facts; TOML has times of its own, and people write texts."""
    text = given.isoformat() if isinstance(given, datetime) else str(given)
    return parse_instant(text).at


def _meters(context: Context) -> Mapping[str, Sequence[Meter]]:
    found: Mapping[str, Sequence[Meter]] | None = context.recall(PLACE, "")
    if found is None:
        sensors = context.facts.get("sensors", {})
        own = {_name(context, number): facts for number, facts in sensors.items()}
        found = meters_of({**context.facts, "sensors": own, "bindings": _bindings(context)})
        begin(context, found)
        context.remember(PLACE, "", found)
    return found


def states(context: Context) -> Iterator[Yielded]:
    """Say whose laboratory this is."""
    yield Mapped("Institution", dict(context.institution))


def sensor(row: Row, context: Context) -> Iterator[Yielded]:
    """State which instrument a declared meter watches from when, and remember its unit."""
    row.ignore(*SENSOR_IGNORED)
    number, unit = str(row.integer("id")), row.codes("data_suffix", UNITS)
    context.remember("sensor unit", number, unit[0] if unit else None)
    for one in _bindings(context):
        until = one.get("until")
        if "since" in one and one["sensor"] == _name(context, number):
            yield Mapped(
                "SensorBinding",
                present(
                    instrumentKey=one["instrument"],
                    sensor=one["sensor"],
                    boundAt=format_instant(one["since"]),
                    removedAt=format_instant(until) if until else None,
                    intervalSeconds=one.get("interval_s"),
                ),
            )


def sensor_value(row: Row, context: Context) -> Iterable[Yielded]:
    """Take one value of a declared meter; it is told when the days are made."""
    row.ignore("id")
    number, at = str(row.integer("sensor")), _moment(row.instant("created_date"))
    value = Decimal(row.decimal("value"))
    known = _meters(context).get(_name(context, number), ())
    there = [meter for meter in known if meter.is_at(at)]
    unit = context.recall("sensor unit", number)
    if len(there) > 1:
        zh, en = "该传感器同时绑定多台仪器", "is bound to several instruments at that time"
        row.fault("sensor", "SENSOR_AMBIGUOUS", zh, en)
    elif there and unit is not None and unit[0] != there[0].unit:
        zh, en = f"阈值单位为 {there[0].unit}", f"thresholds are in {there[0].unit}"
        row.fault("sensor", "UNIT_DIFFERS", zh, en)
    elif value < 0:
        row.fault("value", "OUT_OF_RANGE", "读数不能为负", "must not be negative")
    if there and not row.problems:
        factor = unit[1] if unit else Decimal(1)
        level = there[0].thresholds.level(value * factor)
        readings(context).append(PowerReading(there[0], at, level))
    return ()


def finished_days(context: Context, instruments: Sequence[str]) -> Iterator[Yielded]:
    """Yield the days that are over and of which the evening before was read too."""
    first, today = _first_day(context).date().isoformat(), day_of(context.now).isoformat()
    for one in power_days(context, instruments):
        if isinstance(one, Mapped) and first < one.record["day"] < today:
            yield one


def _first_day(context: Context) -> datetime:
    return instant_of(day_of(context.since), 0)


def _declared(context: Context) -> str:
    """Return NEMO's numbers of the declared sensors; empty where there is none."""
    named = {str(one["sensor"]) for one in context.facts.get("bindings", ())}
    own = context.facts.get("sensors", {})
    named |= {number for number, facts in own.items() if "instrument" in facts}
    return ",".join(sorted(named))


def _declared_sensors(context: Context) -> Window:
    return Window(filters={"id__in": _declared(context) or "0"})  # no sensor has the number 0


def _values(context: Context) -> Window:
    """Ask for values of declared sensors, from the start of a day up to the start of this run.

    Without a sensor in the question NEMO would answer with all, and it refuses numbers that it
    does not know: so where none is declared, the question is for an empty time.
    """
    since, until, named = _first_day(context), context.now, _declared(context)
    which = {"sensor__in": named} if named else {}
    until = until if named else since
    times = {"created_date__gte": since.isoformat(), "created_date__lt": until.isoformat()}
    return Window(since=since, until=until, filters={**which, **times})


def _list(name: str, rows: int) -> PagedJson:
    return PagedJson(
        path=f"api/sensors/{name}/", paging=NextLink(rows=rows), total_at="count", key=("id",)
    )


ADAPTER = Adapter(
    metadata=metadata_of("nemo_sensors"),
    collections=(
        Collection(
            name="sensors",
            reader=_list("sensors", 200),
            map=sensor,
            window=_declared_sensors,
            types=("SensorBinding",),
            complete=True,
        ),
        Collection(
            name="sensor_data",
            reader=_list("sensor_data", 1000),
            map=sensor_value,
            window=_values,
            types=("PowerDay",),
            closes=finished_days,
        ),
    ),
    probes=tuple(
        Probe(
            path=f"api/sensors/{name}/",
            query={filter_name: "not-a-value", "page_size": "1"},
            accepted=False,
            says=f"{name} ignores the filter {filter_name} and would answer with everything",
        )
        for name, filter_name in (
            ("sensors", "id__in"),
            ("sensor_data", "sensor__in"),
            ("sensor_data", "created_date__gte"),
            ("sensor_data", "created_date__lt"),
        )
    ),
    states=states,
)
