"""`rebuild`: rebuilds the projections from the entries, which are the authoritative record.

- One transaction: readers see the old projections until the new ones are complete. Intake waits,
  and is refused with TIMEOUT when it waits too long.
- Links are rebuilt first, because they decide the names that all other records use.
- Table `heard` (when a source last confirmed an entry) does not follow from entries and is kept.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from hub.errors import ErrorCode, HubError
from hub.store.copying import Connection
from hub.store.database import Database
from hub.store.former import FORMER_ID
from hub.store.projection import REBUILD_LOCK, Projection
from hub.store.records import StoredRecords
from hub.store.settling import write
from hub.store.standing import ReadCounts, standing_lines
from hub.store.view import View, view_now
from schema.traits import Joins

STATEMENT_TIMEOUT = "1h"
"""Longest single statement of a rebuild or a check."""


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What a rebuild wrote for one record type."""

    record_type: str
    rows: int
    erased: int


async def rebuild(database: Database, record_types: Iterable[str] = ()) -> list[Rebuilt]:
    """Rebuild the projections of the record types named, or of all.

    Raises `HubError` CONFLICT, and changes nothing, when an entry's bytes do not have its digest.
    """
    records = database.records
    async with database.writes.transaction() as connection:
        await connection.execute(f"SET LOCAL statement_timeout = '{STATEMENT_TIMEOUT}'".encode())
        await connection.execute(f"SELECT pg_advisory_xact_lock({REBUILD_LOCK})".encode())
        names = in_order(records, record_types)
        for name in names:
            await clear(connection, records.projection(name))
        counts = []
        for name in names:
            view = await view_now(connection, records)
            counts.append(await fill(connection, records.projection(name), view))
    return sorted(counts, key=lambda each: each.record_type)


def in_order(records: StoredRecords, record_types: Iterable[str]) -> list[str]:
    """Return record types in the order in which they are built: links first."""
    first = {spec.name for spec, _ in records.registry.with_trait(Joins)}
    return sorted(set(record_types) or records.tables, key=lambda name: (name not in first, name))


async def clear(connection: Connection, target: Projection) -> None:
    """Empty the tables of a record type."""
    tables = target.tables
    for table in (tables.source, *tables.merged):
        await connection.execute(f"DELETE FROM {table.name}".encode())  # noqa: S608 - own name
    await connection.execute(
        f"DELETE FROM {FORMER_ID.name} WHERE item_id LIKE %s".encode(),  # noqa: S608 - own name
        (f"{tables.spec.prefix}\\_%",),
    )


async def fill(connection: Connection, target: Projection, view: View) -> Rebuilt:
    """Fill the empty tables of a record type from its entries."""
    tables, counts = target.tables, ReadCounts()
    async for lines in standing_lines(connection, target, counts, view.names):
        await write(connection, target, lines, view)
    if counts.damaged:
        examples = ", ".join(" ".join(pair) for pair in counts.damaged[:10])
        raise HubError(
            ErrorCode.CONFLICT,
            message_en=f"{len(counts.damaged)} entries of {tables.spec.name} are damaged: "
            f"{examples}",
            hint="Nothing was rebuilt. Restore entry_body from a backup, then rebuild again.",
            hint_zh="没有重建任何内容。请从备份恢复 entry_body，再重建。",
        )
    return Rebuilt(tables.spec.name, counts.rows, counts.erased)
