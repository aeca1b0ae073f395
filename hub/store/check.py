"""`check`: compares the projections with the entries they are derived from, column by column.

- Entries: the bytes have the digest kept with them and, with salt, authority, key and revision, the
  commitment that their header states; bytes are missing where an erasure says so and nowhere else;
  revisions of a key are numbered without a gap and each names the commitment before it.
- Projections: they are rebuilt into TEMP tables by the code that writes them, and every column of
  every row equals the stored one; no row is missing and none is too many.
- The check reads one snapshot and changes nothing; it may run beside everything else.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum

from sqlalchemy import Table

from hub.store.copying import Connection
from hub.store.database import Database
from hub.store.derive import RecordTables
from hub.store.former import FORMER_ID
from hub.store.projection import Projection
from hub.store.rebuild import STATEMENT_TIMEOUT
from hub.store.records import StoredRecords
from hub.store.settling import write
from hub.store.standing import ReadCounts, standing_lines
from hub.store.view import View, view_now

STORED = "public"
"""The schema of the hub's tables; TEMP tables of the same names hide them while a check runs."""
DIFFERENCES_MAX = 1_000
"""Differences per table that are reported one by one."""


class Fault(StrEnum):
    """How a stored row differs from its entries."""

    MISSING = "MISSING"
    EXTRA = "EXTRA"
    DIFFERENT = "DIFFERENT"
    BODY = "BODY"
    CHAIN = "CHAIN"


@dataclass(frozen=True, slots=True)
class Difference:
    """One row that differs from its entries; `columns` names the columns that differ."""

    table: str
    source: str
    key: str
    fault: Fault
    columns: tuple[str, ...] = ()


@dataclass(slots=True)
class CheckReport:
    """The result of a check."""

    rows: int = 0
    erased: int = 0
    differences: list[Difference] = field(default_factory=list)

    @property
    def is_right(self) -> bool:
        """Whether entries and projections agree."""
        return not self.differences


_COMMITMENT = """sha256('\\x03'::bytea || b.salt
  || int4send(octet_length(t.authority)) || t.authority || int4send(octet_length(t.key)) || t.key
  || int4send(e.revision) || b.canon)"""
"""`hub.ledger.leaf.salted_hash`, in SQL."""
_BODIES = f"""
SELECT e.source, e.key FROM entry e JOIN entry_body b USING (entry_id)
CROSS JOIN LATERAL (
  SELECT convert_to(e.authority, 'UTF8') AS authority, convert_to(e.key, 'UTF8') AS key
) t
WHERE sha256(b.canon) <> b.digest OR {_COMMITMENT} <> e.commitment
UNION ALL
SELECT e.source, e.key FROM entry e LEFT JOIN entry_body b USING (entry_id)
LEFT JOIN erased_entry x USING (entry_id)
WHERE (b.entry_id IS NULL) <> (x.entry_id IS NOT NULL)
LIMIT {DIFFERENCES_MAX}
"""  # noqa: S608 - a constant
_CHAINS = f"""
SELECT DISTINCT source, key FROM (
  SELECT coalesce(f.source, n.source) AS source, key, revision, previous,
    lag(commitment) OVER newer AS before, row_number() OVER newer AS position
  FROM entry n LEFT JOIN former_source f ON f.former = n.source
  WINDOW newer AS (
    PARTITION BY record_type, coalesce(f.source, n.source), authority, key ORDER BY revision)
) e WHERE revision <> position OR previous IS DISTINCT FROM before
LIMIT {DIFFERENCES_MAX}
"""  # noqa: S608 - a constant


async def check(database: Database, record_types: Iterable[str] = ()) -> CheckReport:
    """Compare entries and projections of the record types named, or of all."""
    names = sorted(record_types) or sorted(database.records.tables)
    async with database.writes.connection() as connection:
        with _unprepared(connection):
            return await _check_all(connection, database.records, names)


async def _check_all(
    connection: Connection, records: StoredRecords, names: list[str]
) -> CheckReport:
    report = CheckReport()
    async with connection.transaction(force_rollback=True):  # it leaves no TEMP table behind
        await connection.execute(b"SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        await connection.execute(f"SET LOCAL statement_timeout = '{STATEMENT_TIMEOUT}'".encode())
        for statement, fault in ((_BODIES, Fault.BODY), (_CHAINS, Fault.CHAIN)):
            cursor = await connection.execute(statement.encode())
            for source, key in await cursor.fetchall():
                report.differences.append(Difference("entry", source, key, fault))
        view = await view_now(connection, records)
        for name in names:
            await _check(connection, records.projection(name), view, report)
    return report


@contextmanager
def _unprepared(connection: Connection) -> Iterator[None]:
    """Turn off prepared statements: those prepared before refer to the stored tables, not TEMP."""
    threshold, connection.prepare_threshold = connection.prepare_threshold, None
    try:
        yield
    finally:
        connection.prepare_threshold = threshold


async def _check(
    connection: Connection, target: Projection, view: View, report: CheckReport
) -> None:
    tables, counts = target.tables, ReadCounts()
    read = [each for each in (tables.source, tables.golden) if each is not None]
    listing = [] if tables.listing is None else [tables.listing.table]
    for table in (*read, *listing, FORMER_ID):
        await _shadow(connection, table, tables)
    async for lines in standing_lines(connection, target, counts, view.names):
        await write(connection, target, lines, view)
    report.rows += counts.rows
    report.erased += counts.erased
    for table in read:
        await _compare(connection, table, report)
    for table in listing:
        await _compare_rows(connection, table, read[-1].name, "true", report)
    ours = f"item_id LIKE '{tables.spec.prefix}\\_%'"
    await _compare_rows(connection, FORMER_ID, read[-1].name, ours, report)


async def _shadow(connection: Connection, table: Table, tables: RecordTables) -> None:
    """Make an empty TEMP table that statements find in place of the stored one."""
    name, keys = table.name, [column.name for column in table.primary_key.columns]
    wanted = [["item_id"], *([[tables.led_by]] if tables.led_by else [])]
    statements = [
        f"DROP TABLE IF EXISTS pg_temp.{name}",
        f"CREATE TEMP TABLE {name} (LIKE {STORED}.{name})",
        *([f"ALTER TABLE pg_temp.{name} ADD PRIMARY KEY ({', '.join(keys)})"] if keys else []),
    ]
    if table is tables.source:
        statements += [f"CREATE INDEX ON pg_temp.{name} ({', '.join(each)})" for each in wanted]
    for statement in statements:
        await connection.execute(statement.encode())


async def _compare(connection: Connection, table: Table, report: CheckReport) -> None:
    """Compare the expected rows, in a TEMP table, with the stored ones."""
    name = table.name
    keys = ", ".join(column.name for column in table.primary_key.columns)
    compared = [c.name for c in table.columns if not c.primary_key]
    tests = [f"CASE WHEN s.{each} IS DISTINCT FROM t.{each} THEN '{each}' END" for each in compared]
    statement = f"""
        SELECT coalesce(s.source, t.source), coalesce(s.key, t.key), s.entry_id, t.entry_id, d.names
        FROM pg_temp.{name} s FULL JOIN {STORED}.{name} t USING ({keys})
        CROSS JOIN LATERAL (SELECT array_remove(ARRAY[{", ".join(tests)}]::text[], NULL)) d(names)
        WHERE s.entry_id IS NULL OR t.entry_id IS NULL OR cardinality(d.names) > 0
        LIMIT {DIFFERENCES_MAX}
    """  # noqa: S608 - own names
    cursor = await connection.execute(statement.encode())
    for source, key, expected, present, names in await cursor.fetchall():
        if present is None:
            difference = Difference(name, source, key, Fault.MISSING)
        elif expected is None:
            difference = Difference(name, source, key, Fault.EXTRA)
        else:
            difference = Difference(name, source, key, Fault.DIFFERENT, tuple(names))
        report.differences.append(difference)


async def _compare_rows(
    connection: Connection, table: Table, read: str, where: str, report: CheckReport
) -> None:
    """Compare rows without a key of their own; a record with any wrong row is reported once."""
    name = table.name
    wanted, stored = (
        f"SELECT * FROM {schema}.{name} WHERE {where}"  # noqa: S608 - own names
        for schema in ("pg_temp", STORED)
    )
    statement = f"""
        WITH w AS ({wanted}), l AS ({stored})
        SELECT coalesce(min(g.source), ''), coalesce(min(g.key), d.item_id),
          bool_or(d.wanted), bool_or(NOT d.wanted)
        FROM (
          (SELECT true AS wanted, w.* FROM w EXCEPT ALL SELECT true, l.* FROM l)
          UNION ALL
          (SELECT false, l.* FROM l EXCEPT ALL SELECT false, w.* FROM w)
        ) d LEFT JOIN pg_temp.{read} g USING (item_id)
        GROUP BY d.item_id LIMIT {DIFFERENCES_MAX}
    """  # noqa: S608 - own names
    cursor = await connection.execute(statement.encode())
    for source, key, is_missing, is_extra in await cursor.fetchall():
        fault = Fault.DIFFERENT if is_missing and is_extra else Fault.MISSING
        report.differences.append(
            Difference(name, source, key, fault if is_missing else Fault.EXTRA)
        )
