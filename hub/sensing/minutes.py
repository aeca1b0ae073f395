"""`minutes`: keeps readings: the minutes of their day, the present state, and what was counted.

- One transaction a batch, one statement a table, whatever number of sensors it speaks of. It is
  committed before the broker hears that its messages were kept; what comes twice changes nothing.
- The state of a sensor follows from its minutes of two days, so it does not depend on order either.
- A reading from long ago that contradicts what its minute says already is of a meter whose clock is
  behind by hours or a day: it is given back and changes nothing. Late readings fill empty minutes.
- Days beside one that changed are to be stated again where what they say may depend on it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from adapters._power import NOTHING, PowerLevel, day_of, instant_of, merge, pack, standing, unpack
from adapters.power_meters import Meter, PowerReading
from hub.sensing.limits import OVERLAP_AFTER_S
from hub.store.copying import Connection
from schema.codes import PowerState

__all__ = ["KeptReadings", "keep", "know_meters"]

Place = tuple[str, str, date]
DAY = timedelta(days=1)


@dataclass(kw_only=True)
class KeptReadings:
    """What became of the readings of a batch."""

    overlapping: list[PowerReading] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    newest: datetime | None = None
    """When the newest of the readings that were taken was made."""


async def keep(
    connection: Connection,
    source: str,
    readings: Sequence[PowerReading],
    counts: Mapping[str, int],
    now: datetime,
) -> KeptReadings:
    """Keep a batch within the caller's transaction; `counts`: messages that gave no reading."""
    kept = KeptReadings(counts=Counter(counts))
    by_place: dict[Place, list[PowerReading]] = {}
    for each in readings:
        by_place.setdefault(each.place, []).append(each)
    if by_place:
        await connection.execute(_LOCK, (source,))
        known = await _known(connection, source, by_place)
        changed: dict[Place, bytes] = {}
        for place, of_place in by_place.items():
            stood = known.get(place, NOTHING)
            taken = _sound(stood, of_place, now, kept)
            minutes = merge(stood, ((each.minute, each.level) for each in taken))
            if minutes != stood:
                changed[place] = known[place] = minutes
            spoken_of = {each.minute for each in taken}
            news = sum(minutes[minute] != stood[minute] for minute in spoken_of)
            kept.counts["TAKEN"] += news
            kept.counts["REPEATED"] += len(taken) - news
        meters = {place: of_place[-1].meter for place, of_place in by_place.items()}
        await _write(connection, source, changed, meters, now)
        await _mark_beside(connection, source, by_place, changed, now)
        await _write_states(connection, source, by_place, known, now)
        kept.newest = max((min(each.at, now) for each in readings), default=None)
    await _count(connection, source, kept.counts, now)
    return kept


_LOCK = b"SELECT pg_advisory_xact_lock(hashtextextended('power:' || %s, 0))"
_KNOWN = b"""
SELECT instrument_key, sensor, day, minutes FROM power_minutes
WHERE source = %s AND (instrument_key, sensor, day) IN (
  SELECT * FROM unnest(%s::text[], %s::text[], %s::date[]))"""
_WRITE = b"""
INSERT INTO power_minutes
SELECT %s, u.i, u.s, u.d, u.m, u.q, %s, false
FROM unnest(%s::text[], %s::text[], %s::date[], %s::bytea[], %s::int[]) u(i, s, d, m, q)
ON CONFLICT (source, instrument_key, sensor, day) DO UPDATE SET minutes = EXCLUDED.minutes,
  silence = EXCLUDED.silence, changed_at = EXCLUDED.changed_at, told = false"""
_MARK = b"""
UPDATE power_minutes SET told = false, changed_at = %s
WHERE source = %s AND told AND (instrument_key, sensor, day) IN (
  SELECT * FROM unnest(%s::text[], %s::text[], %s::date[]))"""
_STATES = b"""
SELECT instrument_key, sensor, state, since, as_of FROM power_state
WHERE source = %s AND (instrument_key, sensor) IN (SELECT * FROM unnest(%s::text[], %s::text[]))"""
_WRITE_STATES = b"""
INSERT INTO power_state
SELECT %s, u.* FROM unnest(%s::text[], %s::text[], %s::text[], %s::timestamptz[],
  %s::timestamptz[], %s::int[]) u
ON CONFLICT (source, instrument_key, sensor) DO UPDATE SET state = EXCLUDED.state,
  since = EXCLUDED.since, as_of = EXCLUDED.as_of, silence = EXCLUDED.silence"""
_COUNT = b"""
INSERT INTO power_count SELECT %s, u.o, u.n, %s FROM unnest(%s::text[], %s::bigint[]) u(o, n)
ON CONFLICT (source, outcome) DO UPDATE
SET messages = power_count.messages + EXCLUDED.messages, last_at = EXCLUDED.last_at"""


def _sound(
    known: bytes, readings: Sequence[PowerReading], now: datetime, kept: KeptReadings
) -> list[PowerReading]:
    """Return the readings that may be taken; those of a clock that is behind are noted."""
    late = now - timedelta(seconds=OVERLAP_AFTER_S)
    highest: dict[int, PowerLevel] = {}
    for each in readings:
        highest[each.minute] = max(highest.get(each.minute, each.level), each.level)
    sound = []
    for each in readings:
        stands = known[each.minute]
        if each.at < late and stands and stands != highest[each.minute]:
            kept.overlapping.append(each)
            kept.counts["CLOCK_OVERLAP"] += 1
        else:
            sound.append(each)
    return sound


async def _known(
    connection: Connection, source: str, places: Iterable[Place]
) -> dict[Place, bytes]:
    """Return the minutes of some days and of those before them."""
    wanted = sorted({(i, s, d - DAY * away) for i, s, d in places for away in (0, 1)})
    cursor = await connection.execute(_KNOWN, (source, *_columns(wanted, 3)))
    return {(i, s, d): unpack(packed) for i, s, d, packed in await cursor.fetchall()}


async def _write(
    connection: Connection,
    source: str,
    changed: Mapping[Place, bytes],
    meters: Mapping[Place, Meter],
    now: datetime,
) -> None:
    if changed:
        rows = [(*p, pack(minutes), meters[p].silence) for p, minutes in sorted(changed.items())]
        await connection.execute(_WRITE, (source, now, *_columns(rows, 5)))


async def _mark_beside(
    connection: Connection,
    source: str,
    by_place: Mapping[Place, Sequence[PowerReading]],
    changed: Mapping[Place, bytes],
    now: datetime,
) -> None:
    """Have the days beside stated again of which what they say may have changed."""
    beside = []
    for instrument, sensor, day in changed:
        of_place = by_place[instrument, sensor, day]
        if any(each.minute <= each.meter.silence for each in of_place):
            beside.append((instrument, sensor, day - DAY))
        if instant_of(day + DAY, 0) <= now:
            beside.append((instrument, sensor, day + DAY))
    if beside:
        await connection.execute(_MARK, (now, source, *_columns(sorted(beside), 3)))


async def _write_states(
    connection: Connection,
    source: str,
    by_place: Mapping[Place, Sequence[PowerReading]],
    minutes: Mapping[Place, bytes],
    now: datetime,
) -> None:
    days: dict[tuple[str, str], date] = {}
    for instrument, sensor, day in by_place:
        days[instrument, sensor] = max(day, days.get((instrument, sensor), day))
    cursor = await connection.execute(_STATES, (source, *_columns(sorted(days), 2)))
    stood = {(i, s): rest for i, s, *rest in await cursor.fetchall()}
    rows = []
    for (instrument, sensor), day in sorted(days.items()):
        readings = by_place[instrument, sensor, day]
        former, since, as_of = stood.get((instrument, sensor), (None, None, None))
        newest = max(min(each.at, now) for each in readings)
        if as_of is not None and (newest < as_of and day < day_of(as_of)):
            continue
        before = minutes.get((instrument, sensor, day - DAY), NOTHING)
        of_day = minutes.get((instrument, sensor, day), NOTHING)
        meter = readings[-1].meter
        told = standing(before, of_day, meter.silence)
        if told is None:
            continue
        begins = instant_of(day, told.since)
        if since is not None and former == told.state and told.since <= -len(NOTHING):
            begins = min(since, begins)  # it began before what is kept together
        as_of = newest if as_of is None else max(as_of, newest)
        rows.append((instrument, sensor, told.state.value, begins, as_of, meter.silence))
    if rows:
        await connection.execute(_WRITE_STATES, (source, *_columns(rows, 6)))


async def _count(
    connection: Connection, source: str, counts: Mapping[str, int], now: datetime
) -> None:
    rows = [(name, count) for name, count in sorted(counts.items()) if count]
    if rows:
        await connection.execute(_COUNT, (source, now, *_columns(rows, 2)))


def _columns(rows: Sequence[Sequence[Any]], width: int) -> list[list[Any]]:
    """Return rows as the arrays that a statement takes."""
    return [[row[at] for row in rows] for at in range(width)]


async def know_meters(connection: Connection, source: str, meters: Iterable[Meter]) -> None:
    """Have a state of every meter that is bound now, UNKNOWN at first, and of no other."""
    rows = sorted({(meter.instrument_key, meter.sensor, meter.silence) for meter in meters})
    columns = _columns(rows, 3)
    await connection.execute(_FORGET_STATES, (source, *columns[:2]))
    await connection.execute(_FIRST_STATES, (source, PowerState.UNKNOWN.value, *columns))


_FORGET_STATES = b"""
DELETE FROM power_state p WHERE source = %s AND NOT EXISTS (
  SELECT FROM unnest(%s::text[], %s::text[]) u(i, s)
  WHERE u.i = p.instrument_key AND u.s = p.sensor)"""
_FIRST_STATES = b"""
INSERT INTO power_state SELECT %s, u.i, u.s, %s, NULL, NULL, u.q
FROM unnest(%s::text[], %s::text[], %s::int[]) u(i, s, q)
ON CONFLICT (source, instrument_key, sensor) DO NOTHING"""
