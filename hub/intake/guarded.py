"""`guarded`: records whose changes a guard judges: locked, then read, before anything is decided.

- A batch with such a record holds no other row, so that two batches never wait for each other's
  locks.
- A lock stands for (record type, key), not for a row: what is not there yet is locked too. Whoever
  changes such a record takes its lock, so a guard may rely on what it was shown.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from hub.errors import ErrorCode
from hub.intake.guard import guard_of
from hub.intake.prepare import Prepared, problem
from hub.store.copying import Connection
from hub.store.records import StoredRecords
from schema.traits import RecordKey

LOCKS_MAX = 100
"""Records that one guard may look at."""
_LOCK = b"SELECT pg_advisory_xact_lock(hashtextextended(%s, 2))"

Rows = Mapping[RecordKey, Mapping[str, Any] | None]


def require_own_batch(rows: Sequence[Prepared]) -> None:
    """Add a problem to each guarded row that shares its batch with other rows."""
    if len(rows) == 1:
        return
    for row in rows:
        if guard_of(row) is not None:
            row.problems.append(problem("", ErrorCode.GUARDED_ALONE))


async def locked_rows(
    connection: Connection, records: StoredRecords, rows: Sequence[Prepared]
) -> Rows:
    """Lock what the guard of a single row depends on, and return how it stands."""
    wanted = _wanted(rows)
    for record_type, key in wanted:
        await connection.execute(_LOCK, (f"{record_type}\x1f{key}",))
    return {each: await _standing(connection, records, each) for each in wanted}


def _wanted(rows: Sequence[Prepared]) -> list[RecordKey]:
    if len(rows) != 1 or rows[0].problems or rows[0].spec is None or rows[0].key is None:
        return []
    row, spec = rows[0], rows[0].spec
    guarded = guard_of(row)
    if guarded is None:
        return []
    keys = {(spec.name, rows[0].key), *guarded.locks(row.wire or {})}
    assert len(keys) <= LOCKS_MAX, f"{spec.name} locks more than {LOCKS_MAX} records"
    return sorted(keys)


async def _standing(
    connection: Connection, records: StoredRecords, wanted: RecordKey
) -> Mapping[str, Any] | None:
    """Return the record as it was last accepted, whichever source stated it."""
    record_type, key = wanted
    table = records.tables[record_type].source.name
    cursor = await connection.execute(
        f"SELECT b.canon FROM {table} s JOIN entry_body b USING (entry_id) "  # noqa: S608 - own name
        "WHERE s.key = %s AND NOT s.withdrawn ORDER BY s.entry_id DESC LIMIT 1".encode(),
        (key,),
    )
    row = await cursor.fetchone()
    return None if row is None else json.loads(row[0])
