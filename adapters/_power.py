"""`_power`: what readings of a meter say of a day: minutes, and from them spans of a known state.

- A reading becomes a level by the thresholds of its meter, and a level is kept for its minute: the
  highest of the minute. That keeps nothing finer than minutes (those show how people work), and it
  does not depend on order: taking readings in, in any order and any number of times, gives the same
  minutes. What is between two thresholds is a level of its own, because what it means depends on
  what was before it (hysteresis), which may come later.
- A state holds from its reading to the next one, if that comes within the silence of the meter. A
  longer gap is UNKNOWN from the minute after the last reading on, never OFF, and what was before
  the gap decides nothing after it.
- The spans of a day follow from its minutes and those of the days beside it: from the former comes
  what a level between thresholds means, from the latter how long the last reading holds.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import IntEnum
from typing import Any

from schema.codes import PowerState
from schema.dates import SHANGHAI, format_instant

__all__ = [
    "DAY_MINUTES",
    "NOTHING",
    "Now",
    "PowerDaySpan",
    "PowerLevel",
    "Thresholds",
    "day_of",
    "instant_of",
    "merge",
    "minute_of",
    "pack",
    "spans_of_day",
    "standing",
    "unpack",
    "wire_spans",
]

DAY_MINUTES = 1_440
NOTHING = bytes(DAY_MINUTES)
"""The minutes of a day of which nothing came."""
SPANS_MAX = 64
"""Spans of one PowerDay (rules.md §3); of a meter that flutters more, the shortest are UNKNOWN."""


class PowerLevel(IntEnum):
    """What a reading says by itself; the higher one of a minute counts."""

    OFF = 1
    BELOW_ON = 2
    """Between off and on: as before."""
    ON = 3
    BELOW_USE = 4
    """Between on and in use: in use if it was."""
    IN_USE = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class Thresholds:
    """From which value on a meter's instrument is on and in use, in the unit of its readings."""

    on_from: Decimal
    off_below: Decimal
    """What was on stays on down to this value."""
    use_from: Decimal | None = None
    """None: the meter cannot tell use from standing by."""
    use_until: Decimal | None = None
    """What was in use stays so down to this value."""

    def __post_init__(self) -> None:
        """Refuse values that overlap: `ValueError`."""
        use_from = self.on_from if self.use_from is None else self.use_from
        use_until = use_from if self.use_until is None else self.use_until
        if not 0 <= self.off_below <= self.on_from <= use_until <= use_from:
            raise ValueError(
                "thresholds stand in this order: off_below, on_from, use_until, use_from"
            )

    @classmethod
    def read(cls, table: Mapping[str, Any]) -> Thresholds:
        """Return the thresholds of a table; `off_below` is `on_from` where it is not given."""
        names = ("on_from", "off_below", "use_from", "use_until")
        given = {name: _decimal(name, table[name]) for name in names if table.get(name) is not None}
        if "on_from" not in given:
            raise ValueError("thresholds name on_from at least")
        return cls(**{"off_below": given["on_from"], **given})

    def level(self, value: Decimal) -> PowerLevel:
        """Return what a value says by itself."""
        if value < self.off_below:
            return PowerLevel.OFF
        if value < self.on_from:
            return PowerLevel.BELOW_ON
        if self.use_from is None or value < (self.use_until or self.use_from):
            return PowerLevel.ON
        return PowerLevel.BELOW_USE if value < self.use_from else PowerLevel.IN_USE


def _decimal(name: str, value: Any) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise ValueError(f"{name} is a number")  # noqa: TRY004 - a mistake in a file
    number = Decimal(str(value))
    if not number.is_finite():
        raise ValueError(f"{name} is a number")
    return number


_LEVELS = bytes((0, *PowerLevel))


def day_of(at: datetime) -> date:
    """Return the day of Shanghai."""
    return at.astimezone(SHANGHAI).date()


def minute_of(at: datetime) -> int:
    """Return the minute of the day of Shanghai."""
    local = at.astimezone(SHANGHAI)
    return local.hour * 60 + local.minute


def instant_of(day: date, minute: int) -> datetime:
    """Return when a minute of a day of Shanghai begins; the day may be left in both directions."""
    return datetime.combine(day, time(), SHANGHAI) + timedelta(minutes=minute)


def pack(minutes: bytes | bytearray) -> bytes:
    """Return minutes as they are kept: some dozen bytes, because levels repeat."""
    return zlib.compress(minutes, 1)


def unpack(packed: bytes | None) -> bytes:
    """Return what `pack` packed; None is a day of which nothing came."""
    if packed is None:
        return NOTHING
    minutes = zlib.decompressobj().decompress(packed, DAY_MINUTES + 1)
    if len(minutes) != DAY_MINUTES or minutes.translate(None, _LEVELS):
        raise ValueError("these are no minutes of a day")
    return minutes


def merge(minutes: bytes, readings: Iterable[tuple[int, PowerLevel]]) -> bytes:
    """Take readings of a day in, each a minute and a level; any order gives the same."""
    merged = bytearray(minutes)
    for minute, level in readings:
        merged[minute] = max(merged[minute], level)
    return bytes(merged)


@dataclass(frozen=True, slots=True)
class PowerDaySpan:
    """A stretch in which the state is known, in minutes of a day, half open."""

    start: int
    end: int
    state: PowerState


@dataclass(frozen=True, slots=True)
class Now:
    """What the newest reading says: the state, and the minute since when, of the day asked for."""

    state: PowerState
    since: int
    last: int


def spans_of_day(before: bytes, minutes: bytes, after: bytes, silence: int) -> list[PowerDaySpan]:
    """Return the known spans of a day, given the minutes of the days beside it.

    `silence`: how many minutes may lie between two readings.
    """
    found: list[PowerDaySpan] = []
    for span in _held(before + minutes + after, silence):
        start = max(span.start - DAY_MINUTES, 0)
        end = min(span.end - DAY_MINUTES, DAY_MINUTES)
        if start < end and span.state is not PowerState.UNKNOWN:
            found.append(PowerDaySpan(start, end, span.state))
    if len(found) > SPANS_MAX:
        longest = sorted(found, key=lambda span: (span.start - span.end, span.start))[:SPANS_MAX]
        found = sorted(longest, key=lambda span: span.start)
    return found


def standing(before: bytes, minutes: bytes, silence: int) -> Now | None:
    """Return what the newest reading of two days says; None where there is none.

    `since` may be negative: minutes before midnight.
    """
    newest = None
    for newest in _held(before + minutes, silence):  # noqa: B007 - the last one is wanted
        pass
    if newest is None:
        return None
    return Now(newest.state, newest.start - DAY_MINUTES, newest.end - 1 - DAY_MINUTES)


_RUNS = re.compile(rb"\x01+|\x02+|\x03+|\x04+|\x05+")
"""Minutes that follow one another and have the same level: few, for most meters."""


def _held(minutes: bytes, silence: int) -> Iterator[PowerDaySpan]:
    """Yield the spans of all states, UNKNOWN for readings that say nothing by themselves."""
    start = at = 0
    state: PowerState | None = None
    for run in _RUNS.finditer(minutes):
        first, level = run.start(), minutes[run.start()]
        is_heard = first - at <= silence
        following = _after(state if is_heard and state else PowerState.UNKNOWN, level)
        if state is None:
            start = first
        elif not is_heard or following is not state:
            yield PowerDaySpan(start, first if is_heard else at + 1, state)
            start = first
        at, state = run.end() - 1, following
    if state is not None:
        yield PowerDaySpan(start, at + 1, state)


_PLAIN = {
    PowerLevel.OFF: PowerState.OFF,
    PowerLevel.ON: PowerState.ON,
    PowerLevel.IN_USE: PowerState.IN_USE,
}
_BELOW_ON = {PowerState.IN_USE: PowerState.ON}


def _after(state: PowerState, level: int) -> PowerState:
    """Return the state after a reading; between off and on nothing is known by itself."""
    if level == PowerLevel.BELOW_ON:
        return _BELOW_ON.get(state, state)
    if level == PowerLevel.BELOW_USE:
        return PowerState.IN_USE if state is PowerState.IN_USE else PowerState.ON
    return _PLAIN[PowerLevel(level)]


def wire_spans(day: date, spans: Iterable[PowerDaySpan]) -> list[dict[str, str]]:
    """Return spans in wire form."""
    return [
        {
            "startAt": format_instant(instant_of(day, span.start)),
            "endAt": format_instant(instant_of(day, span.end)),
            "state": span.state.value,
        }
        for span in spans
    ]
