"""SensorBinding and PowerDay: which sensor watches an instrument, and what it saw in a day.

A day of readings is one record: 47 million entries a year for 130,000 instruments in place of 285
million. What a day's spans leave out is UNKNOWN: a silent sensor never means that it was off.
"""

from __future__ import annotations

from datetime import date, datetime

from schema.codes import AgreementDataset
from schema.item import Grade, item, record
from schema.parties import owner_of_key_in
from schema.records.bounds import NOT_AHEAD
from schema.records.instrument import INSTRUMENT_KEY_PATTERN, LOCAL_PATTERN
from schema.records.rules import interval_of, spans_lie_in_day
from schema.traits import FoundTogether, Listable, Powered, Reported, Watches
from schema.values import PowerSpan, TimeSpan
from schema.visibility import by_agreement

INTERVAL_MAX_S = 86_400


@record(
    "传感器绑定",
    key=("instrument_key", "sensor", "bound_at"),
    prefix="sens",
    owner=owner_of_key_in("instrument_key"),
    traits=(
        Listable(),
        Reported(),
        Watches(
            of="instrument_key",
            sensor="sensor",
            start="bound_at",
            valid_from="commissioned_on",
            end="removed_at",
        ),
    ),
    checks=(interval_of("boundAt", "removedAt"),),
)
class SensorBinding:
    """That a sensor watches an instrument from a moment on."""

    instrument_key: str = item(
        "仪器",
        "Instrument",
        ref="Instrument",
        inverse="sensors",
        pattern=INSTRUMENT_KEY_PATTERN,
        filterable=True,
    )
    sensor: str = item("传感器编号", "Number of the sensor", pattern=LOCAL_PATTERN, length_max=100)
    bound_at: datetime = item("绑定时间", "When it was bound", plausible=(NOT_AHEAD,))
    commissioned_on: date | None = item(
        "启用日期", "First day of valid readings", grade=Grade.L2, default=None
    )
    removed_at: datetime | None = item(
        "拆除时间", "When it was removed", grade=Grade.L2, plausible=(NOT_AHEAD,), default=None
    )
    interval_seconds: int | None = item(
        "上报间隔",
        "Time between two readings",
        unit="s",
        grade=Grade.L2,
        minimum=1,
        maximum=INTERVAL_MAX_S,
        default=None,
    )
    maintenance: tuple[TimeSpan, ...] = item(
        "检修时段", "When its silence is expected", grade=Grade.L2, default=()
    )


@record(
    "日开机记录",
    key=("instrument_key", "sensor", "day"),
    prefix="pday",
    owner=owner_of_key_in("instrument_key"),
    scope="service:read",
    rows=by_agreement(AgreementDataset.SERVICE),
    traits=(
        FoundTogether(items=(("instrument_key", "day"),)),
        Listable(),
        Powered(of="instrument_key", states="spans"),
    ),
    checks=(spans_lie_in_day,),
)
class PowerDay:
    """What one sensor saw of an instrument in one day of Shanghai; gaps are UNKNOWN."""

    instrument_key: str = item(
        "仪器",
        "Instrument",
        ref="Instrument",
        inverse="power_days",
        pattern=INSTRUMENT_KEY_PATTERN,
        filterable=True,
    )
    sensor: str = item("传感器编号", "Number of the sensor", pattern=LOCAL_PATTERN, length_max=100)
    day: date = item(
        "日期",
        "Day, Asia/Shanghai",
        filterable=True,
        plausible=(NOT_AHEAD,),
    )
    spans: tuple[PowerSpan, ...] = item(
        "状态时段", "Spans of known state, in order", grade=Grade.L3, default=()
    )
