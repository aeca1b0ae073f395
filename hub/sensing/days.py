"""`days`: states the PowerDays of days that are over, once, and again where readings came late.

- A day is stated `TELL_AFTER_S` after its midnight (Asia/Shanghai). Late readings mark it, and it
  is stated again when none has come for `SETTLE_S`: a revision, or a duplicate if nothing changed.
- What was stated is marked by the moment of its last change: a reading that comes meanwhile counts.
- Minutes are forgotten when their day can no longer change (`KEPT_DAYS`) and was stated.
"""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from hashlib import sha256
from typing import Any

from adapters._power import DAY_MINUTES, day_of, instant_of, spans_of_day, unpack
from adapters.power_meters import KEPT_DAYS, power_day
from hub.clock import Clock
from hub.intake.batch import Assurance, Batch, Channel, Evidence, Outcome
from hub.intake.service import submit
from hub.sensing.limits import SETTLE_S, TELL_AFTER_S, TOLD_AT_ONCE, TOLD_BATCHES_MAX
from hub.store.database import Database
from hub.turns import Turns

__all__ = ["tell_days"]

DAY = timedelta(days=1)
_DUE = """
SELECT p.instrument_key, p.sensor, p.day, p.silence, p.changed_at, p.minutes, b.minutes, a.minutes
FROM power_minutes p
LEFT JOIN power_minutes b ON (b.source, b.instrument_key, b.sensor, b.day)
  = (p.source, p.instrument_key, p.sensor, p.day - 1)
LEFT JOIN power_minutes a ON (a.source, a.instrument_key, a.sensor, a.day)
  = (p.source, p.instrument_key, p.sensor, p.day + 1)
WHERE p.source = %s AND NOT p.told AND p.day <= %s AND p.changed_at <= %s
ORDER BY p.day, p.instrument_key, p.sensor LIMIT %s"""
_TOLD = b"""
UPDATE power_minutes p SET told = true
FROM unnest(%s::text[], %s::text[], %s::date[], %s::timestamptz[]) u(i, s, d, c)
WHERE p.source = %s AND (p.instrument_key, p.sensor, p.day, p.changed_at) = (u.i, u.s, u.d, u.c)"""
_FORGET = b"DELETE FROM power_minutes WHERE source = %s AND told AND day < %s"


async def tell_days(database: Database, clock: Clock, party: str, source: str) -> Counter[Outcome]:
    """State every day of a source that is due; return what became of them."""
    outcomes: Counter[Outcome] = Counter()
    for _ in range(TOLD_BATCHES_MAX):
        now = clock()
        last = day_of(now - timedelta(seconds=TELL_AFTER_S)) - DAY
        settled = now - timedelta(seconds=SETTLE_S)
        rows = await database.writes.fetch_all(_DUE, (source, last, settled, TOLD_AT_ONCE))
        if not rows:
            break
        outcomes += await _tell(database, clock, party, source, rows)
        if len(rows) < TOLD_AT_ONCE:
            break
    async with database.writes.connection() as connection:
        oldest = day_of(clock()) - DAY * (KEPT_DAYS + 1)
        await connection.execute(_FORGET, (source, oldest))
    return outcomes


async def _tell(
    database: Database, clock: Clock, party: str, source: str, rows: list[tuple[Any, ...]]
) -> Counter[Outcome]:
    records, digest, turns = [], sha256(), Turns()
    for instrument, sensor, day, silence, _, minutes, before, after in rows:
        await turns.pause()
        digest.update(minutes)
        spans = spans_of_day(unpack(before), unpack(minutes), unpack(after), silence)
        record = power_day(instrument, sensor, day, spans)
        records.append({"type": "PowerDay", "record": record})
    as_of = min(instant_of(max(row[2] for row in rows), DAY_MINUTES), clock())
    batch = Batch(
        source=source,
        party=party,
        channel=Channel.PUSH,
        rows=records,
        evidence=Evidence(assurance=Assurance.HUB_OBSERVED, document_hash=digest.digest()),
        as_of=as_of,
    )
    outcomes = await submit(database, batch, clock=clock)
    keys = [[row[at] for row in rows] for at in (0, 1, 2, 4)]
    async with database.writes.connection() as connection:
        await connection.execute(_TOLD, (*keys, source))
    return Counter(outcomes.counts)
