"""`figures`: what the database knows of how the hub stands: log, sources, quarantine, clock.

One home for `/metrics`, `/readyz` and `deltahub status`. Asked for in short statements, kept
for `FIGURES_KEPT_S`, and one at a time, however many look.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from hub.clock import Clock
from hub.errors import DatabaseUnavailableError
from hub.operate.limits import ENTRIES_COUNTED_MAX, FIGURES_KEPT_S, FIGURES_WAIT_S, OUT_OF_ORDER_MAX
from hub.operate.voucher_figures import VoucherFigures, voucher_figures
from hub.query.sql.sources import sources_now
from hub.store.database import Database, translated
from hub.store.limits import SOURCES_MAX
from hub.store.power import is_heard

STALE, NEVER = "STALE", "NEVER"
SENSOR_TAKEN = ("TAKEN", "REPEATED", "PASSED_OVER")


@dataclass(frozen=True, slots=True, kw_only=True)
class LogFigures:
    """How far the transparency log is behind what was accepted."""

    leaves: int
    signed: int
    """Leaves under the newest checkpoint."""
    signed_at: datetime | None
    waiting: int
    """Entries that no checkpoint covers, at most `ENTRIES_COUNTED_MAX`."""
    waiting_s: float
    """Age of the oldest of them; 0 where there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedFigures:
    """How old what a source says of a record type is, against what it promises."""

    source: str
    record_type: str
    """Empty where a source has no feeds."""
    mode: str
    promised_s: int
    age_s: float | None
    """None: never heard."""

    @property
    def is_late(self) -> bool:
        """Whether it is older than promised, or was never heard."""
        return self.age_s is None or self.age_s > self.promised_s


@dataclass(frozen=True, slots=True, kw_only=True)
class SensorFigures:
    """How the sensors of a source stand."""

    source: str
    bound: int
    silent: int
    """Of which nothing came for longer than they may be silent."""
    messages: dict[str, int]
    """Messages ever, by what became of them: TAKEN, REPEATED, PASSED_OVER, or why not."""

    @property
    def broken(self) -> int:
        """Messages that were refused."""
        return sum(n for name, n in self.messages.items() if name not in SENSOR_TAKEN)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportFigures:
    """The exports of a status that are kept."""

    status: str
    count: int
    size: int
    """In bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseFigures:
    """How the hub stands, as its database tells it."""

    log: LogFigures
    states: dict[str, str]
    """OK, STALE, NEVER or ERROR by source, as every answer says it."""
    feeds: tuple[FeedFigures, ...]
    quarantine: dict[str, int]
    """Open rows by source."""
    personal: dict[tuple[str, str], int]
    """Rows that were refused for personal data, by source and code."""
    clock_ahead_s: float
    """How far the hub's clock is ahead of the database's; negative: behind."""
    sensors: tuple[SensorFigures, ...] = ()
    webhooks: dict[str, list[str]]
    """Ids of webhooks by state, the oldest first."""
    exports: tuple[ExportFigures, ...]
    vouchers: VoucherFigures = field(default_factory=VoucherFigures)

    def sources_that_are(self, state: str) -> list[str]:
        """Return the sources in a state."""
        return sorted(name for name, each in self.states.items() if each == state)


_LOG = f"""
WITH c AS (SELECT size, signed_at FROM checkpoint WHERE origin = %(origin)s
  ORDER BY size DESC LIMIT 1),
l AS (SELECT leaf_index + 1 AS size FROM leaf WHERE origin = %(origin)s
  ORDER BY leaf_index DESC LIMIT 1),
w AS (SELECT e.accepted_at FROM entry e
  WHERE e.entry_id > coalesce((SELECT max(entry_id) FROM leaf), 0) - {OUT_OF_ORDER_MAX}
    AND NOT EXISTS (SELECT FROM leaf x WHERE x.entry_id = e.entry_id)
  ORDER BY e.entry_id LIMIT {ENTRIES_COUNTED_MAX}),
u AS (SELECT e.accepted_at FROM leaf x JOIN entry e USING (entry_id)
  WHERE x.origin = %(origin)s AND x.leaf_index = coalesce((SELECT size FROM c), 0))
SELECT coalesce((SELECT size FROM l), 0), coalesce((SELECT size FROM c), 0),
  (SELECT signed_at FROM c), (SELECT count(*) FROM w),
  least((SELECT min(accepted_at) FROM w), (SELECT accepted_at FROM u)), clock_timestamp()
"""  # noqa: S608 - constants
_STATES = f"SELECT s.source_id, s.state FROM ({sources_now('%(now)s::timestamptz')}) s"  # noqa: S608
_FEEDS = f"""
SELECT s.source_id, coalesce(f.record_type, ''), coalesce(f.mode, s.mode),
  coalesce(f.promised_freshness_s, s.promised_freshness_s),
  coalesce(f.heard_at, CASE WHEN f.every_s IS NULL THEN s.last_ok_at END)
FROM source s LEFT JOIN feed f ON f.source = s.source_id
WHERE s.active ORDER BY s.source_id, f.record_type LIMIT {SOURCES_MAX * 10}
"""  # noqa: S608 - constants
_QUARANTINE = f"""
SELECT source, count(*) FROM quarantine WHERE status = 'OPEN'
GROUP BY source ORDER BY count(*) DESC, source LIMIT {SOURCES_MAX}
"""  # noqa: S608 - constants
_SENSORS = f"""
SELECT source, coalesce(s.bound, 0), coalesce(s.silent, 0), coalesce(c.counts, '{{}}')
FROM (SELECT source, count(*) AS bound, count(*) FILTER (
    WHERE ({is_heard("p", "%(now)s")}) IS NOT TRUE) AS silent
  FROM power_state p GROUP BY source) s
FULL JOIN (SELECT source, jsonb_object_agg(outcome, messages) AS counts
  FROM power_count GROUP BY source) c USING (source)
ORDER BY source LIMIT {SOURCES_MAX}
"""  # noqa: S608 - constants
_WEBHOOKS = "SELECT state, array_agg(webhook_id ORDER BY created_at) FROM webhook GROUP BY state"
_EXPORTS = "SELECT status, count(*), coalesce(sum(size), 0)::bigint FROM export GROUP BY status"
_PERSONAL = f"SELECT source, code, rows FROM personal_refused LIMIT {SOURCES_MAX * 3}"  # noqa: S608


async def source_states(database: Database, now: datetime) -> dict[str, str]:
    """Return how each source that is not closed stands, as every answer says it."""
    return dict(await database.writes.fetch_all(_STATES, {"now": now}))


class Figures:
    """Reads how a hub stands, for whoever looks."""

    def __init__(self, database: Database, origin: str, clock: Clock) -> None:
        self._database = database
        self._origin = origin
        self._clock = clock
        self._turn = asyncio.Lock()
        self._kept: DatabaseFigures | None = None
        self._until = 0.0

    async def look(self) -> DatabaseFigures:
        """Return the figures, at most `FIGURES_KEPT_S` old; the hub's errors come out."""
        loop = asyncio.get_running_loop()
        async with self._turn:
            if self._kept is None or loop.time() >= self._until:
                self._kept = await self._read()
                self._until = loop.time() + FIGURES_KEPT_S
            return self._kept

    async def log(self) -> tuple[int, datetime | None]:
        """Return how many leaves the log has and when it was last signed; only the hub's errors."""
        try:
            with translated():
                log = (await self.look()).log
        except TimeoutError as error:
            raise DatabaseUnavailableError("it did not answer in time") from error
        return log.leaves, log.signed_at

    async def _read(self) -> DatabaseFigures:
        async with (
            asyncio.timeout(FIGURES_WAIT_S),
            self._database.writes.connection() as connection,
        ):
            before = self._clock()
            cursor = await connection.execute(_LOG.encode(), {"origin": self._origin})
            row = await cursor.fetchone()
            now = self._clock()
            assert row is not None
            cursor = await connection.execute(_STATES.encode(), {"now": now})
            states = dict(await cursor.fetchall())
            cursor = await connection.execute(_FEEDS.encode())
            feeds = tuple(_feed(each, now) for each in await cursor.fetchall())
            cursor = await connection.execute(_QUARANTINE.encode())
            quarantine = dict(await cursor.fetchall())
            cursor = await connection.execute(_SENSORS.encode(), {"now": now})
            sensors = tuple(
                SensorFigures(source=source, bound=bound, silent=silent, messages=messages)
                for source, bound, silent, messages in await cursor.fetchall()
            )
            cursor = await connection.execute(_PERSONAL.encode())
            personal = {(source, code): rows for source, code, rows in await cursor.fetchall()}
            cursor = await connection.execute(_WEBHOOKS.encode())
            webhooks = dict(await cursor.fetchall())
            cursor = await connection.execute(_EXPORTS.encode())
            exports = tuple(
                ExportFigures(status=status, count=count, size=size)
                for status, count, size in await cursor.fetchall()
            )
            vouchers = await voucher_figures(self._database, connection, now)
        leaves, signed, signed_at, waiting, oldest, theirs = row
        return DatabaseFigures(
            log=LogFigures(
                leaves=leaves,
                signed=signed,
                signed_at=signed_at,
                waiting=waiting + max(0, leaves - signed),
                waiting_s=0.0 if oldest is None else max(0.0, (now - oldest).total_seconds()),
            ),
            states=states,
            feeds=feeds,
            quarantine=quarantine,
            personal=personal,
            clock_ahead_s=_ahead(before, now, theirs),
            sensors=sensors,
            webhooks=webhooks,
            exports=exports,
            vouchers=vouchers,
        )


def _feed(row: tuple[Any, ...], now: datetime) -> FeedFigures:
    source, record_type, mode, promised_s, heard_at = row
    age_s = None if heard_at is None else (now - heard_at).total_seconds()
    return FeedFigures(
        source=source, record_type=record_type, mode=mode, promised_s=promised_s, age_s=age_s
    )


def _ahead(before: datetime, after: datetime, theirs: datetime) -> float:
    """Return by how much our clock is ahead for certain: theirs was read between the two."""
    if theirs < before:
        return (before - theirs).total_seconds()
    return min(0.0, (after - theirs).total_seconds())
