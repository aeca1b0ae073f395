"""OpeningHours, OpeningException, Occupancy, OccupancyCoverage: when an instrument can be had.

Availability is opening hours minus firm occupancy, inside the windows for which a source answered.
On the days of an exception its periods hold in place of those of the day of the week.
Outside coverage availability is UNKNOWN, never free.
"""

from __future__ import annotations

from datetime import date, datetime

from schema.codes import Certainty, OccupancyKind, Weekday
from schema.item import item, record
from schema.parties import owner_of_key_in
from schema.records.instrument import INSTRUMENT_KEY_PATTERN
from schema.records.rules import interval_of, periods_are_ordered
from schema.traits import Covers, Listable, Occupies, Opens, OpensOn, Reported
from schema.values import OpenPeriod, OriginalText


@record(
    "开放时间",
    key=("instrument_key", "weekday"),
    prefix="open",
    owner=owner_of_key_in("instrument_key"),
    traits=(Opens(of="instrument_key", weekday="weekday", periods="periods"), Reported()),
    checks=(periods_are_ordered,),
)
class OpeningHours:
    """When an instrument is open to users on one day of the week; no period means closed."""

    instrument_key: str = item(
        "仪器",
        "Instrument",
        ref="Instrument",
        inverse="opening_hours",
        is_few=True,
        pattern=INSTRUMENT_KEY_PATTERN,
        filterable=True,
    )
    weekday: Weekday = item("星期", "Day of the week", filterable=True)
    periods: tuple[OpenPeriod, ...] = item("开放时段", "Open periods, Asia/Shanghai", default=())
    note: str | None = item("说明", "Note", length_max=200, default=None)


@record(
    "开放时间例外",
    key=("instrument_key", "first_on"),
    prefix="opex",
    owner=owner_of_key_in("instrument_key"),
    traits=(
        OpensOn(of="instrument_key", first="first_on", last="last_on", periods="periods"),
        Reported(),
    ),
    checks=(periods_are_ordered, interval_of("firstOn", "lastOn")),
)
class OpeningException:
    """When an instrument is open on certain days: a holiday, a worked weekend (调休), a closure.

    No period means closed. Of several exceptions for one day the one that begins last holds.
    """

    instrument_key: str = item(
        "仪器",
        "Instrument",
        ref="Instrument",
        inverse="opening_exceptions",
        is_few=True,
        pattern=INSTRUMENT_KEY_PATTERN,
        filterable=True,
    )
    first_on: date = item("开始日期", "First day, Asia/Shanghai", filterable=True)
    last_on: date | None = item(
        "结束日期", "Last day; the first one where it is left out", default=None
    )
    periods: tuple[OpenPeriod, ...] = item(
        "开放时段", "Open periods of each day, Asia/Shanghai; none: closed", default=()
    )
    note: str | None = item("说明", "Note", length_max=200, default=None)


@record(
    "占用",
    key=("instrument_key", "local_id"),
    prefix="occ",
    owner=owner_of_key_in("instrument_key"),
    per_system=True,
    traits=(
        Listable(),
        Occupies(of="instrument_key", start="start_at", end="end_at", certainty="certainty"),
        Reported(),
    ),
    checks=(interval_of("startAt", "endAt", required=True),),
)
class Occupancy:
    """A stretch of time in which an instrument is, or may be, taken."""

    instrument_key: str = item(
        "仪器",
        "Instrument",
        ref="Instrument",
        inverse="occupancies",
        pattern=INSTRUMENT_KEY_PATTERN,
        filterable=True,
    )
    local_id: str = item("来源编号", "Identifier in the source", length_max=150)
    kind: OccupancyKind = item("占用类型", "Why it is taken", filterable=True)
    certainty: Certainty = item("确定程度", "Firm or tentative", filterable=True)
    start_at: datetime = item("开始时间", "Start", filterable=True, sortable=True)
    end_at: datetime = item("结束时间", "End", filterable=True)
    originals: tuple[OriginalText, ...] = item(
        "原始文本", "Source texts that were converted", default=()
    )


@record(
    "占用覆盖范围",
    key=("instrument_key", "start_at"),
    prefix="cov",
    owner=owner_of_key_in("instrument_key"),
    per_system=True,
    confirmed=True,
    traits=(Covers(of="instrument_key", start="start_at", end="end_at"),),
    checks=(interval_of("startAt", "endAt", required=True),),
)
class OccupancyCoverage:
    """A window for which a source gave every occupancy it knows of an instrument."""

    instrument_key: str = item(
        "仪器",
        "Instrument",
        ref="Instrument",
        inverse="coverage",
        is_few=True,
        pattern=INSTRUMENT_KEY_PATTERN,
        filterable=True,
    )
    start_at: datetime = item("窗口开始", "Start of the window", filterable=True)
    end_at: datetime = item("窗口结束", "End of the window", filterable=True)
