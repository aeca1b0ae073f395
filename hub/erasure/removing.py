"""`removing`: takes targets away, in the transaction of the caller.

- The caller holds `REBUILD_LOCK` alone: no intake meanwhile; readers see the old rows until the
  commit.
- A claim that was erased stays as one that says nothing, so that what comes next is the next
  revision. What others say of the same thing is merged anew.
- An entry that has lost its body already is passed over, so that taking away twice is harmless.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime
from typing import Any

from psycopg import sql

from hub.erasure.targets import Targets
from hub.errors import ErrorCode, HubError
from hub.intake.idempotency import ERASED_BODY
from hub.store.copying import Connection
from hub.store.export_tables import EXPORT_TABLES
from hub.store.exports import forget_content
from hub.store.records import StoredRecords
from hub.store.settling import write
from hub.store.standing import ReadCounts, lines_of
from hub.store.view import view_now

ALWAYS_CHANGED = (
    "entry_body",
    *EXPORT_TABLES,
    "quarantine",
    "idempotency",
    "raw_document",
    "request_evidence",
    "run",
)
"""Tables from which erased content goes, beside those of the record types."""

_BODIES = """
WITH gone AS (
  DELETE FROM entry_body b USING entry e, unnest(%(ids)s::bigint[], %(made)s::bytea[]) t(id, made)
  WHERE b.entry_id = t.id AND e.entry_id = t.id AND e.commitment = t.made
  RETURNING b.entry_id
), noted AS (
  INSERT INTO erased_entry SELECT entry_id, %(number)s, %(at)s FROM gone ORDER BY 1
)
SELECT entry_id FROM gone"""
_NEWEST = """
SELECT DISTINCT ON (e.record_type, coalesce(f.source, e.source), e.authority, e.key)
  e.record_type, coalesce(f.source, e.source), n.entry_id, n.is_erased
FROM entry e LEFT JOIN former_source f ON f.former = e.source
CROSS JOIN LATERAL (
  SELECT n.entry_id, NOT n.withdrawal AND x.entry_id IS NOT NULL AS is_erased
  FROM entry n LEFT JOIN erased_entry x USING (entry_id)
  LEFT JOIN former_source g ON g.former = n.source
  WHERE n.record_type = e.record_type AND n.authority = e.authority AND n.key = e.key
    AND coalesce(g.source, n.source) = coalesce(f.source, e.source)
  ORDER BY n.revision DESC LIMIT 1) n
WHERE e.entry_id = ANY(%s::bigint[])"""
_QUARANTINE = """
DELETE FROM quarantine q USING unnest(%s::bigint[], %s::timestamptz[]) t(id, at)
WHERE q.quarantine_id = t.id AND q.created_at = t.at"""
_ANSWERS = """
UPDATE idempotency i SET body_hash = %s, answer = ''
FROM unnest(%s::text[], %s::text[]) t(client_id, key)
WHERE i.client_id = t.client_id AND i.key = t.key"""


_COLUMNS = """
SELECT a.attname, format_type(a.atttypid, a.atttypmod)
  || coalesce(' COLLATE ' || quote_ident(c.collname), '')
FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
LEFT JOIN pg_collation c ON c.oid = a.attcollation AND a.attcollation <> t.typcollation
WHERE a.attrelid = %s::regclass AND a.attnum > 0 AND NOT a.attisdropped"""


async def remove(
    connection: Connection, records: StoredRecords, targets: Targets, number: str, at: datetime
) -> set[str]:
    """Take everything away; return the record types whose tables have changed.

    `number`: the erasure that the entries name from now on.
    """
    quarantine, answers = list(targets.quarantine.items()), sorted(targets.answers)
    await _run(
        connection, _QUARANTINE, [each for each, _ in quarantine], [when for _, when in quarantine]
    )
    await _run(
        connection,
        _ANSWERS,
        ERASED_BODY,
        [each for each, _ in answers],
        [key for _, key in answers],
    )
    await _run(
        connection,
        "DELETE FROM request_evidence WHERE evidence = ANY(%s::bytea[])",
        list(targets.evidence),
    )
    await _run(
        connection, "UPDATE run SET message = NULL WHERE run_id = ANY(%s)", list(targets.runs)
    )
    await _run(connection, "DELETE FROM raw_document WHERE run_id = ANY(%s)", list(targets.runs))
    await forget_content(connection)
    return await _remove_bodies(connection, records, targets, number, at)


async def _remove_bodies(
    connection: Connection, records: StoredRecords, targets: Targets, number: str, at: datetime
) -> set[str]:
    values = {
        "ids": list(targets.entries),
        "made": list(targets.entries.values()),
        "number": number,
        "at": at,
    }
    cursor = await connection.execute(_BODIES.encode(), values)
    gone = [entry for (entry,) in await cursor.fetchall()]
    cursor = await connection.execute(_NEWEST.encode(), (gone,))
    newest: defaultdict[str, list[int]] = defaultdict(list)
    shrunk: defaultdict[str, int] = defaultdict(int)
    for record_type, source, entry_id, is_erased in await cursor.fetchall():
        newest[record_type].append(entry_id)
        shrunk[source] += is_erased
    # What came with it may say it again: documents are kept for convenience only.
    await _run(connection, "DELETE FROM raw_document WHERE source = ANY(%s)", sorted(shrunk))
    for record_type in sorted(newest.keys() & records.tables.keys()):
        await _write_anew(connection, records, record_type, sorted(newest[record_type]))
    for source, count in sorted(shrunk.items()):
        await _run(
            connection,
            "UPDATE source SET rows = greatest(rows - %s, 0) WHERE source_id = %s",
            count,
            source,
        )
    return newest.keys() & records.tables.keys()


async def _write_anew(
    connection: Connection, records: StoredRecords, record_type: str, entries: list[int]
) -> None:
    """Write the claims of these entries as they are now, and settle what they were about."""
    target, counts = records.projection(record_type), ReadCounts()
    view = await view_now(connection, records)
    lines = await lines_of(connection, target, entries, counts, view.names)
    if counts.damaged:
        raise HubError(
            ErrorCode.CONFLICT,
            message_en=f"{record_type}: {counts.damaged[0]} is damaged",
            hint="Nothing was erased. Run: deltahub store check.",
            hint_zh="没有删除任何内容，请运行 deltahub store check。",
        )
    await write(connection, target, lines, view)


async def _run(connection: Connection, statement: str, *values: Any) -> None:
    await connection.execute(statement.encode(), values)


def changed_tables(records: StoredRecords, record_types: set[str]) -> list[str]:
    """Return the tables that held what was erased."""
    names = list(ALWAYS_CHANGED)
    for each in sorted(record_types):
        tables = records.tables[each]
        names += [table.name for table in (tables.source, *tables.merged)]
    return names


async def scrub(connection: Connection, tables: list[str]) -> None:
    """Rewrite tables, so that the files of PostgreSQL hold no deleted rows either.

    Outside of a transaction. Each table is locked while it is rewritten; statistics hold frequent
    values of columns and are made anew.
    """
    for name in tables:
        table = sql.Identifier(name)
        await connection.execute(sql.SQL("VACUUM (FULL, ANALYZE) {}").format(table))
        cursor = await connection.execute(sql.SQL("SELECT FROM {} LIMIT 1").format(table))
        if await cursor.fetchone() is None:
            await _forget_statistics(connection, name)
    await connection.execute(b"VACUUM (FULL) pg_catalog.pg_statistic")


async def _forget_statistics(connection: Connection, name: str) -> None:
    """Drop the statistics of an empty table, which ANALYZE leaves as they were.

    Stating the type of a column again drops them, and nobody but the owner need do it.
    """
    cursor = await connection.execute(_COLUMNS.encode(), (name,))
    actions = [
        sql.SQL("ALTER COLUMN {} TYPE {}").format(sql.Identifier(column), sql.SQL(kind))
        for column, kind in await cursor.fetchall()
    ]
    statement = sql.SQL("ALTER TABLE {} {}").format(
        sql.Identifier(name), sql.SQL(", ").join(actions)
    )
    await connection.execute(statement)
