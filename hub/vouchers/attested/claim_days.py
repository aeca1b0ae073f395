"""`claim_days`: the map of claimed services of each day, its root in the log, and proofs from it.

- A day is one of Shanghai. Its map is what the movements of this hub's ledgers before midnight
  leave: claims that stand (not only reserved, not released, not rejected), each under every
  revision of its service that the log holds (`hub.ledger.claim_map`).
- It follows from day and size of the log alone: it is not kept but made again for a proof, and its
  root must be the one in the log. Days that were missed are made up for in their order; a day
  without claims has a root too.
- Where the content of a claimed service was erased since, the map of that day can be made no more.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

from psycopg.rows import dict_row

from hub.errors import ErrorCode, HubError
from hub.ledger.claim_map import ClaimMark, SortedClaims, claim_key
from hub.policy.vouchers.claim import FREED, S
from hub.store.copying import Connection
from hub.store.database import Database
from hub.store.locks import SessionLock, only_worker
from hub.store.records import StoredRecords
from hub.vouchers.limits import (
    CLAIM_DAYS_MAX,
    CLAIM_KEYS_MAX,
    CLAIMS_GRACE_S,
    MAPS_KEPT_MAX,
)
from hub.vouchers.money.ledger import CLAIM, MOVEMENT, OF_LEDGER
from hub.vouchers.money.movements import HELD
from schema.dates import local_date, local_day
from schema.parties import OPERATOR
from schema.records import ClaimMap, ServiceRecord

StateMaps = Callable[[list[dict[str, Any]]], Awaitable[None]]
"""States ClaimMap records as the operator; raises when one is not taken."""
NOT_STANDING: Final = sorted(each.value for each in FREED | {S.RESERVED})
_SIZE = b"SELECT coalesce(max(leaf_index) + 1, 0) FROM leaf WHERE origin = %s"


@dataclass(frozen=True, slots=True)
class StatedMap:
    """The map of a day as the log has it."""

    day: date
    log_size: int
    keys_count: int
    root: bytes
    entry_id: int


class ClaimDays:
    """The maps of one hub. `origin`: the name of its log."""

    def __init__(self, database: Database, origin: str) -> None:
        self._database = database
        self._origin = origin
        self._kept: OrderedDict[date, SortedClaims] = OrderedDict()
        self._alone = asyncio.Lock()

    async def state_due(self, now: datetime, state: StateMaps) -> int:
        """State the maps of days that are over, by one worker at a time; return how many."""
        async with only_worker(self._database, SessionLock.CLAIM_DAYS) as is_ours:
            return await self._state(now, state) if is_ours else 0

    async def _state(self, now: datetime, state: StateMaps) -> int:
        over = local_date(now - timedelta(seconds=CLAIMS_GRACE_S)) - timedelta(days=1)
        day = await self._first_due(over)
        stated = 0
        while day <= over and stated < CLAIM_DAYS_MAX:
            made, size = await self._made(day)
            record = {
                "day": day.isoformat(),
                "statedBy": OPERATOR,
                "logSize": size,
                "keysCount": made.size,
                "root": made.root().hex(),
            }
            await state([{"type": ClaimMap.__name__, "record": record}])
            day, stated = day + timedelta(days=1), stated + 1
        return stated

    async def _first_due(self, over: date) -> date:
        tables = self._database.records.tables
        maps, moved = tables[ClaimMap.__name__].source.name, tables[MOVEMENT].source.name
        rows = await self._database.reads.fetch_all(
            f"SELECT (SELECT max(day) FROM {maps} WHERE NOT withdrawn), "  # noqa: S608 - own names
            f"(SELECT min(at) FROM {moved} WHERE NOT withdrawn)"
        )
        newest: date | None = rows[0][0]
        first: datetime | None = rows[0][1]
        if newest is not None:
            return newest + timedelta(days=1)
        return over if first is None else local_date(first)

    async def stated(self, day: date) -> StatedMap | None:
        """Return what the log has of a day; None where its map was not stated."""
        table = self._database.records.tables[ClaimMap.__name__].source.name
        rows = await self._database.reads.fetch_all(
            f"SELECT log_size, keys_count, root, entry_id FROM {table} "  # noqa: S608 - own name
            "WHERE day = %s AND NOT withdrawn AND speaks",
            (day,),
        )
        if not rows:
            return None
        size, count, root, entry_id = rows[0]
        return StatedMap(day, size, count, bytes.fromhex(root), entry_id)

    async def again(self, stated: StatedMap) -> SortedClaims | None:
        """Make the map of a day again; None where it is not the one in the log any more."""
        async with self._alone:
            kept = self._kept.get(stated.day)
            if kept is None:
                kept, _ = await self._made(stated.day, stated.log_size)
                if (kept.size, kept.root()) != (stated.keys_count, stated.root):
                    return None
                self._kept[stated.day] = kept
                while len(self._kept) > MAPS_KEPT_MAX:
                    self._kept.popitem(last=False)
            self._kept.move_to_end(stated.day)
            return kept

    async def _made(self, day: date, log_size: int | None = None) -> tuple[SortedClaims, int]:
        """Return the map of a day, and the size of the log up to which it knows revisions."""
        async with self._database.reads.connection() as connection, connection.transaction():
            await connection.execute(b"SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            if log_size is None:
                cursor = await connection.execute(_SIZE, (self._origin,))
                row = await cursor.fetchone()
                log_size = int(row[0]) if row else 0
            rows = await self._rows(connection, day, log_size)
        marks = [
            (
                claim_key(row["salt"], row["commitment"]),
                ClaimMark(row["claim"], row["state"], row["fen"]),
            )
            for row in rows
        ]
        return await asyncio.to_thread(SortedClaims, marks), log_size

    async def _rows(self, connection: Connection, day: date, log_size: int) -> list[dict[str, Any]]:
        async with connection.cursor(row_factory=dict_row) as cursor:
            await cursor.execute(
                _standing(self._database.records).encode(),
                {
                    "end": local_day(day)[1],
                    "held": sorted(each.value for each in HELD),
                    "gone": NOT_STANDING,
                    "origin": self._origin,
                    "size": log_size,
                    "most": CLAIM_KEYS_MAX + 1,
                },
            )
            rows = await cursor.fetchall()
        if len(rows) > CLAIM_KEYS_MAX:
            raise HubError(
                ErrorCode.OVERLOADED, message_en=f"{day}: more than {CLAIM_KEYS_MAX} claimed"
            )
        return rows


def _standing(records: StoredRecords) -> str:
    """Return the statement of claims that stood at an instant, under all revisions of services."""
    tables = records.tables
    moved, claimed = tables[MOVEMENT].source.name, tables[CLAIM].source.name
    served = tables[ServiceRecord.__name__].source.name
    return f"""
    WITH claim AS (
      SELECT m.issuer_key, m.code, m.claim_no, m.source,
        (array_agg(m.claim_state ORDER BY m.number::int DESC))[1] AS state,
        coalesce(sum((
          SELECT sum((e ->> 'fen')::bigint * ((e ->> 'target' = ANY(%(held)s))::int
            - (e ->> 'source' = ANY(%(held)s))::int)) FROM jsonb_array_elements(m.moves) e
        )), 0)::bigint AS fen
      FROM {moved} m
      WHERE m.claim_no IS NOT NULL AND NOT m.withdrawn AND m.at < %(end)s
        AND {OF_LEDGER.format(t="m")}
      GROUP BY m.issuer_key, m.code, m.claim_no, m.source)
    SELECT claim.issuer_key || '/' || claim.code || '/' || claim.claim_no AS claim,
      claim.state, claim.fen, b.salt, e.commitment
    FROM claim
    JOIN {claimed} c ON c.source = claim.source AND c.authority = ''
      AND c.key = claim.issuer_key || '/' || claim.code || '/' || claim.claim_no
    JOIN {served} s ON s.key = c.service_key
    CROSS JOIN LATERAL (
      SELECT s.source AS name UNION ALL
      SELECT former FROM former_source f WHERE f.source = s.source) named
    JOIN entry e ON e.record_type = '{ServiceRecord.__name__}' AND e.source = named.name
      AND e.authority = s.authority AND e.key = s.key AND NOT e.withdrawal
    JOIN entry_body b ON b.entry_id = e.entry_id AND b.salt IS NOT NULL
    JOIN leaf l ON l.entry_id = e.entry_id AND (l.origin <> %(origin)s OR l.leaf_index < %(size)s)
    WHERE claim.state <> ALL(%(gone)s)
    LIMIT %(most)s"""  # noqa: S608 - own names
