"""`days`: the root over each day's rows, its entry in the log, and the comparison with it.

- A day is one of UTC. Its root is made once it is over for `GRACE_S`, for every day from the first
  row on, days without rows too: a row that is added to an old day is noticed as well.
- Rows of a day are deleted only together, when they are old and their root is in the log.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Any

from hub.audit.limits import AUDIT_KEPT_DAYS, DAYS_PER_TURN, GRACE_S, ROWS_PER_TURN
from hub.audit.rows import COLUMNS
from hub.audit.service import row_of
from hub.ledger.merkle import Frontier, leaf_hash
from hub.store.database import Database
from hub.store.records import StoredRecords
from schema.parties import OPERATOR
from schema.records import AuditDay

StateDays = Callable[[list[dict[str, Any]]], Awaitable[None]]
"""States AuditDay records as the operator; raises when one is not taken."""

_FIRST = "SELECT min(at) FROM audit"
_ROWS = (
    f"SELECT audit_id, {', '.join(COLUMNS)} FROM audit "  # noqa: S608 - own names
    "WHERE at >= %s AND at < %s AND audit_id > %s ORDER BY audit_id LIMIT %s"
)


class DayFault(StrEnum):
    """What is wrong with the rows of a day."""

    REWRITTEN = "REWRITTEN"
    """The rows are not those that the root covers."""
    ROOT_MISSING = "ROOT_MISSING"
    """The day is over and has rows, and no root."""


@dataclass(frozen=True, slots=True)
class DayReport:
    """What a check found: days compared, days whose rows are gone by age, and faults."""

    compared: int
    expired: int
    faults: tuple[tuple[date, DayFault], ...]


def _bounds(day: date) -> tuple[datetime, datetime]:
    begin = datetime(day.year, day.month, day.day, tzinfo=UTC)
    return begin, begin + timedelta(days=1)


async def root_of(database: Database, day: date) -> tuple[int, bytes]:
    """Return how many rows a day has, and the root over them."""
    frontier, after = Frontier(), 0
    while True:
        rows = await database.writes.fetch_all(_ROWS, (*_bounds(day), after, ROWS_PER_TURN))
        for row in rows:
            frontier.append(leaf_hash(row_of(row).leaf()))
        if len(rows) < ROWS_PER_TURN:
            return frontier.size, frontier.root()
        after = rows[-1][0]
        await asyncio.sleep(0)


async def seal(database: Database, now: datetime, state: StateDays) -> int:
    """State the roots of days that are over; return how many."""
    ((first,),) = await database.writes.fetch_all(_FIRST)
    if first is None:
        return 0
    sealed = await _stated(database, database.records)
    day = max(sealed) + timedelta(days=1) if sealed else first.astimezone(UTC).date()
    records: list[dict[str, Any]] = []
    while _bounds(day)[1] + timedelta(seconds=GRACE_S) <= now and len(records) < DAYS_PER_TURN:
        count, root = await root_of(database, day)
        records.append(
            {
                "day": day.isoformat(),
                "statedBy": OPERATOR,
                "rowsCount": count,
                "root": root.hex(),
            }
        )
        day += timedelta(days=1)
    if records:
        await state(records)
    return len(records)


async def check_days(database: Database, now: datetime) -> DayReport:
    """Compare the rows of every day with its root in the log."""
    stated = await _stated(database, database.records)
    faults: list[tuple[date, DayFault]] = []
    expired = 0
    oldest = now.astimezone(UTC).date() - timedelta(days=AUDIT_KEPT_DAYS)
    for day, (count, root) in sorted(stated.items()):
        found = await root_of(database, day)
        if found[0] == 0 and count and day < oldest:
            expired += 1
        elif found != (count, root):
            faults.append((day, DayFault.REWRITTEN))
    for (day,) in await database.writes.fetch_all(
        "SELECT DISTINCT (at AT TIME ZONE 'UTC')::date FROM audit WHERE at < %s ORDER BY 1",
        (now - timedelta(days=1, seconds=GRACE_S),),
    ):
        over = _bounds(day)[1] + timedelta(days=1)
        if day not in stated and over <= now:
            faults.append((day, DayFault.ROOT_MISSING))
    return DayReport(len(stated), expired, tuple(faults))


async def delete_old_days(database: Database, now: datetime) -> int:
    """Delete the rows of days that are older than `AUDIT_KEPT_DAYS` and whose root is stated."""
    oldest = now.astimezone(UTC).date() - timedelta(days=AUDIT_KEPT_DAYS)
    deleted = 0
    for day in await _stated(database, database.records):
        if day < oldest:
            async with database.writes.connection() as connection:
                cursor = await connection.execute(
                    b"DELETE FROM audit WHERE at >= %s AND at < %s", _bounds(day)
                )
                deleted += cursor.rowcount
    return deleted


async def _stated(database: Database, records: StoredRecords) -> dict[date, tuple[int, bytes]]:
    table = records.tables[AuditDay.__name__].source.name
    rows = await database.writes.fetch_all(
        f"SELECT day, rows_count, root FROM {table} WHERE NOT withdrawn"  # noqa: S608 - own name
    )
    return {day: (count, bytes.fromhex(root)) for day, count, root in rows}
