"""`check`: proves that the projections say what the entries say, column by column.

- Entries: the bytes have the digest kept with them and, with salt, authority, key and revision, the
  commitment that their header states; revisions of a key are numbered without a gap and each names
  the commitment before it.
- Projections: every column of every row, derived again from the canonical bytes, equals the stored
  one; no row is missing and none is too many.
- The check reads one snapshot and changes nothing; it may run beside everything else.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from hub.store.copying import Connection
from hub.store.database import Database
from hub.store.derive import ListingTable
from hub.store.projection import Projection
from hub.store.rebuild import STATEMENT_TIMEOUT
from hub.store.standing import Found, standing_lines

DIFFERENCES_MAX = 1_000
"""Differences per table that are reported one by one."""


class Fault(StrEnum):
    """How a row differs from the truth."""

    MISSING = "MISSING"
    EXTRA = "EXTRA"
    DIFFERENT = "DIFFERENT"
    BODY = "BODY"
    CHAIN = "CHAIN"


@dataclass(frozen=True, slots=True)
class Difference:
    """One row that is not as its entries say. `columns` name what differs."""

    table: str
    source: str
    key: str
    fault: Fault
    columns: tuple[str, ...] = ()


@dataclass(slots=True)
class Report:
    """What a check found; right when there are no differences."""

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
LIMIT {DIFFERENCES_MAX}
"""  # noqa: S608 - a constant
_CHAINS = f"""
SELECT DISTINCT source, key FROM (
  SELECT source, key, revision, previous,
    lag(commitment) OVER newer AS before, row_number() OVER newer AS position
  FROM entry WINDOW newer AS (PARTITION BY record_type, source, authority, key ORDER BY revision)
) e WHERE revision <> position OR previous IS DISTINCT FROM before
LIMIT {DIFFERENCES_MAX}
"""  # noqa: S608 - a constant


async def check(database: Database, record_types: Iterable[str] = ()) -> Report:
    """Compare entries and projections of the record types named, or of all."""
    report = Report()
    async with database.writes.connection() as connection, connection.transaction():
        await connection.execute(b"SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        await connection.execute(f"SET LOCAL statement_timeout = '{STATEMENT_TIMEOUT}'".encode())
        for statement, fault in ((_BODIES, Fault.BODY), (_CHAINS, Fault.CHAIN)):
            cursor = await connection.execute(statement.encode())
            for source, key in await cursor.fetchall():
                report.differences.append(Difference("entry", source, key, fault))
        for name in sorted(record_types) or sorted(database.records.tables):
            await _check(connection, database.records.projection(name), report)
    return report


async def _check(connection: Connection, target: Projection, report: Report) -> None:
    found = Found()
    await connection.execute(target.create_stage.encode())
    async for lines in standing_lines(connection, target, found):
        await target.fill_stage(connection, lines)
    report.rows += found.rows
    report.erased += found.erased
    tables = target.tables
    await _compare(connection, target, tables.source.name, "true", report)
    if tables.golden is not None:
        await _compare(connection, target, tables.golden.name, "NOT withdrawn", report)
    if tables.listing is not None:
        await _compare_listing(connection, target, tables.listing, report)


async def _compare(
    connection: Connection, target: Projection, table: str, where: str, report: Report
) -> None:
    """Compare the stage, which holds what should be, with a table."""
    tables = target.tables
    stored = tables.source if table == tables.source.name else tables.golden
    assert stored is not None
    keys = ", ".join(column.name for column in stored.primary_key.columns)
    compared = [c.name for c in stored.columns if not c.primary_key]
    tests = [f"CASE WHEN {_differs(name, target)} THEN '{name}' END" for name in compared]
    statement = f"""
        SELECT coalesce(s.source, t.source), coalesce(s.key, t.key), s.entry_id, t.entry_id, d.names
        FROM (SELECT * FROM {target.stage} WHERE {where}) s FULL JOIN {table} t USING ({keys})
        CROSS JOIN LATERAL (SELECT array_remove(ARRAY[{", ".join(tests)}]::text[], NULL)) d(names)
        WHERE s.entry_id IS NULL OR t.entry_id IS NULL OR cardinality(d.names) > 0
        LIMIT {DIFFERENCES_MAX}
    """  # noqa: S608 - own names
    cursor = await connection.execute(statement.encode())
    for source, key, expected, present, names in await cursor.fetchall():
        if present is None:
            made = Difference(table, source, key, Fault.MISSING)
        elif expected is None:
            made = Difference(table, source, key, Fault.EXTRA)
        else:
            made = Difference(table, source, key, Fault.DIFFERENT, tuple(names))
        report.differences.append(made)


async def _compare_listing(
    connection: Connection, target: Projection, listing: ListingTable, report: Report
) -> None:
    """Compare what should be listed with what is; a record with any wrong row is named once."""
    name, rows = listing.table.name, target.listed(listing)
    statement = f"""
        SELECT coalesce(min(g.source), ''), coalesce(min(g.key), d.item_id),
          bool_or(d.wanted), bool_or(NOT d.wanted)
        FROM (
          (SELECT true AS wanted, w.* FROM ({rows}) w EXCEPT ALL SELECT true, l.* FROM {name} l)
          UNION ALL
          (SELECT false, l.* FROM {name} l EXCEPT ALL SELECT false, w.* FROM ({rows}) w)
        ) d LEFT JOIN {target.stage} g USING (item_id)
        GROUP BY d.item_id LIMIT {DIFFERENCES_MAX}
    """  # noqa: S608 - own names
    cursor = await connection.execute(statement.encode())
    for source, key, is_missing, is_extra in await cursor.fetchall():
        fault = Fault.DIFFERENT if is_missing and is_extra else Fault.MISSING
        report.differences.append(
            Difference(name, source, key, fault if is_missing else Fault.EXTRA)
        )


def _differs(name: str, target: Projection) -> str:
    if name == "as_of" and target.tables.spec.confirmed:
        return "t.as_of < s.as_of"  # an unchanged row may have been confirmed since
    return f"s.{name} IS DISTINCT FROM t.{name}"
