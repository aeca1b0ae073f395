"""`quarantine`: the rows that could not go in, to be looked at, sent again or discarded.

- A row keeps its raw form, every problem, and what vouched for it.
- Sending again is `submit` with the same evidence: it succeeds when the reason was on the hub's
  side (an owner, a code list, a registration). What the sender must correct, the sender sends anew.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from hub.clock import Clock
from hub.errors import ErrorCode, RefusedError
from hub.intake.batch import (
    READINGS,
    Assurance,
    Batch,
    Channel,
    Evidence,
    Outcome,
    Rejected,
    RequestSignature,
    RowOutcome,
    problem_from_wire,
)
from hub.intake.limits import EVIDENCE_KEPT_DAYS, QUARANTINE_KEPT_DAYS, QUARANTINE_PAGE_MAX
from hub.intake.masked import problem_of_masked
from hub.intake.service import submit
from hub.store.database import Database
from schema.errors import Problem


class QuarantineStatus(StrEnum):
    """What is to be done with a row."""

    OPEN = "OPEN"
    RESUBMITTED = "RESUBMITTED"
    DISCARDED = "DISCARDED"
    CORRECTED = "CORRECTED"
    """A later row of the same record went in."""
    REPLACED = "REPLACED"
    """A later row of the same record was refused, and waits in its place."""


@dataclass(frozen=True, slots=True)
class Quarantined:
    """A row in quarantine. `raw` is JSON text and may hold personal data: for its owner only."""

    quarantine_id: int
    source: str
    record_type: str | None
    key: str | None
    row_number: int
    raw: str
    problems: tuple[Problem, ...]
    status: QuarantineStatus
    created_at: datetime
    run_id: str | None


_LIST = """
SELECT quarantine_id, source, record_type, key, row_number, raw, problems, status, created_at,
  run_id
FROM quarantine
WHERE status = %s AND (%s::text IS NULL OR source = %s) AND quarantine_id > %s
ORDER BY quarantine_id LIMIT %s
"""
_TAKE = """
SELECT q.quarantine_id, q.raw, q.source, q.party, q.client_id, q.channel, q.run_id, q.assurance,
  q.evidence, q.as_of, r.base, r.signature, r.key_id, r.role
FROM quarantine q LEFT JOIN request_evidence r USING (evidence)
WHERE q.status = 'OPEN' AND q.quarantine_id = ANY(%s)
ORDER BY q.quarantine_id
"""
_DISCARD = """
UPDATE quarantine SET status = 'DISCARDED', settled_at = %s
WHERE quarantine_id = ANY(%s) AND status = 'OPEN' RETURNING quarantine_id
"""
_SETTLE = """
UPDATE quarantine SET status = %s, entry_id = %s, settled_at = %s
WHERE quarantine_id = %s AND status IN ('OPEN', 'CORRECTED')
"""


async def quarantined(
    database: Database,
    *,
    status: QuarantineStatus = QuarantineStatus.OPEN,
    source: str | None = None,
    after: int = 0,
    limit: int = 100,
) -> list[Quarantined]:
    """List quarantined rows in the order in which they came, after an id."""
    bounded = min(limit, QUARANTINE_PAGE_MAX)
    rows = await database.writes.fetch_all(_LIST, (status, source, source, after, bounded))
    return [_quarantined(row) for row in rows]


async def resubmit(
    database: Database, quarantine_ids: Sequence[int], *, clock: Clock
) -> dict[int, RowOutcome]:
    """Send open rows again; return what became of each, by quarantine id.

    A row that is refused again waits with its present problems: one that was sent as it stands,
    one of a harvest as a new row.
    """
    _check_count(quarantine_ids)
    groups: dict[Any, list[tuple[int, Any]]] = defaultdict(list)
    for quarantine_id, raw, *origin in await database.writes.fetch_all(
        _TAKE, (list(quarantine_ids),)
    ):
        problem = problem_of_masked(raw)
        row = _parse(raw) if problem is None else Rejected(raw=_parse(raw), problems=(problem,))
        groups[tuple(origin)].append((quarantine_id, row))
    outcomes_by_id: dict[int, RowOutcome] = {}
    waiting_on: set[int] = set()
    for origin, rows in groups.items():
        batch = _batch(origin, [raw for _, raw in rows])
        outcomes = await submit(database, batch, clock=clock)
        for (quarantine_id, _), outcome in zip(rows, outcomes.rows, strict=True):
            outcomes_by_id[quarantine_id] = outcome
        if batch.channel not in READINGS:
            waiting_on.update(quarantine_id for quarantine_id, _ in rows)
    entries = {
        each: None if outcome.outcome is Outcome.QUARANTINED else outcome.entry_id
        for each, outcome in outcomes_by_id.items()
        if outcome.outcome is not Outcome.QUARANTINED or each not in waiting_on
    }
    await _settle(database, entries, QuarantineStatus.RESUBMITTED, clock())
    return outcomes_by_id


async def discard(database: Database, quarantine_ids: Sequence[int], now: datetime) -> list[int]:
    """Mark open rows as discarded; they stay readable. Returns those that were open."""
    _check_count(quarantine_ids)
    rows = await database.writes.fetch_all(_DISCARD, (now, list(quarantine_ids)))
    return sorted(quarantine_id for (quarantine_id,) in rows)


async def discard_source(database: Database, source: str, now: datetime) -> int:
    """Mark every open row of a source as discarded; return how many there were."""
    count = 0
    while rows := await quarantined(database, source=source, limit=QUARANTINE_PAGE_MAX):
        count += len(await discard(database, [row.quarantine_id for row in rows], now))
    return count


async def settle(database: Database, entries: Mapping[int, int | None], now: datetime) -> None:
    """Mark rows as sent again, each with the entry that it became."""
    await _settle(database, entries, QuarantineStatus.RESUBMITTED, now)


async def _settle(
    database: Database, entries: Mapping[int, int | None], status: QuarantineStatus, now: datetime
) -> None:
    async with database.writes.transaction() as connection, connection.cursor() as cursor:
        parameters = [(status, entry_id, now, each) for each, entry_id in entries.items()]
        await cursor.executemany(_SETTLE, parameters)


async def delete_old(database: Database, now: datetime) -> int:
    """Delete refused rows and signed requests that have been kept long enough; return how many."""
    async with database.writes.connection() as connection:
        rows = await connection.execute(
            b"DELETE FROM quarantine WHERE created_at < %s",
            (now - timedelta(days=QUARANTINE_KEPT_DAYS),),
        )
        requests = await connection.execute(
            b"DELETE FROM request_evidence WHERE received_at < %s",
            (now - timedelta(days=EVIDENCE_KEPT_DAYS),),
        )
        return rows.rowcount + requests.rowcount


def _quarantined(row: tuple[Any, ...]) -> Quarantined:
    *head, problems, status, created_at, run_id = row
    quarantine_id, source, record_type, key, row_number, raw = head
    return Quarantined(
        quarantine_id=quarantine_id,
        source=source,
        record_type=record_type,
        key=key,
        row_number=row_number,
        raw=raw,
        problems=tuple(problem_from_wire(each) for each in problems),
        status=QuarantineStatus(status),
        created_at=created_at,
        run_id=run_id,
    )


def _batch(origin: tuple[Any, ...], rows: list[Any]) -> Batch:
    source, party, client_id, channel, run_id, assurance, evidence, as_of, *request = origin
    base, signature, key_id, role = request
    if base is None and Assurance[assurance] is Assurance.REQUEST_SIGNED:
        raise RefusedError(
            ErrorCode.CONFLICT,
            message_en=f"the signed request that brought rows of {source} is not kept any more",
            hint="Nobody vouches for them now: let the sender send them anew.",
            hint_zh="现已无人为其担保，请由发送方重新发送。",
        )
    signed = RequestSignature(base, signature, key_id, role, evidence) if base is not None else None
    return Batch(
        source=source,
        party=party,
        client_id=client_id,
        channel=Channel(channel),
        rows=rows,
        evidence=Evidence(
            assurance=Assurance[assurance],
            request=signed,
            document_hash=None if signed else evidence,
            run_id=run_id,
        ),
        as_of=as_of,
    )


def _check_count(quarantine_ids: Sequence[int]) -> None:
    if len(quarantine_ids) > QUARANTINE_PAGE_MAX:
        raise RefusedError(
            ErrorCode.BATCH_TOO_LARGE,
            hint=f"Name at most {QUARANTINE_PAGE_MAX} rows at once.",
            hint_zh=f"一次至多列出 {QUARANTINE_PAGE_MAX} 行。",
        )


def _parse(raw: str) -> Any:
    """Return the row; one that was cut for its size is no JSON and is refused again as text."""
    try:
        return json.loads(raw)
    except ValueError:
        return raw
