"""`rebuild`: makes the projections anew from the entries, which are the truth.

- One transaction: readers see the old projections until the new ones are complete. Intake waits,
  and is refused with TIMEOUT when it waits too long.
- What only a projection knows, the time at which an unchanged row was last confirmed, is kept.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from hub.errors import ErrorCode, HubError
from hub.store.copying import Connection
from hub.store.database import Database
from hub.store.projection import REBUILD_LOCK, Projection
from hub.store.standing import Found, standing_lines

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
    names = sorted(record_types) or sorted(database.records.tables)
    async with database.writes.transaction() as connection:
        await connection.execute(f"SET LOCAL statement_timeout = '{STATEMENT_TIMEOUT}'".encode())
        await connection.execute(f"SELECT pg_advisory_xact_lock({REBUILD_LOCK})".encode())
        return [await _rebuild(connection, database.records.projection(name)) for name in names]


async def _rebuild(connection: Connection, target: Projection) -> Rebuilt:
    tables, found = target.tables, Found()
    source = tables.source.name
    if tables.spec.confirmed:
        await connection.execute(
            f"CREATE TEMP TABLE confirmed ON COMMIT DROP AS "  # noqa: S608 - own names
            f"SELECT source, key, entry_id, as_of FROM {source}".encode()
        )
    await connection.execute(f"DELETE FROM {source}".encode())  # noqa: S608 - own name
    if tables.golden is not None:
        await connection.execute(f"DELETE FROM {tables.golden.name}".encode())  # noqa: S608
    if tables.listing is not None:
        await connection.execute(f"DELETE FROM {tables.listing.table.name}".encode())  # noqa: S608
    async for lines in standing_lines(connection, target, found):
        await target.write(connection, lines)
    if found.damaged:
        named = ", ".join(" ".join(pair) for pair in found.damaged[:10])
        raise HubError(
            ErrorCode.CONFLICT,
            message_en=f"{len(found.damaged)} entries of {tables.spec.name} are damaged: {named}",
            hint="Nothing was rebuilt. Restore entry_body from a backup, then rebuild again.",
        )
    if tables.spec.confirmed:
        await connection.execute(
            f"UPDATE {source} t SET as_of = c.as_of FROM confirmed c "  # noqa: S608 - own names
            "WHERE t.source = c.source AND t.key = c.key AND t.entry_id = c.entry_id "
            "AND t.as_of < c.as_of".encode()
        )
        await connection.execute(b"DROP TABLE confirmed")
    return Rebuilt(tables.spec.name, found.rows, found.erased)
