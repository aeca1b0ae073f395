"""`renewal`: writes search terms anew that an older version made.

- Rows hold terms that code made (`hub.store.search`). When a version makes others, the projections
  of the record types that are searched are rebuilt once, by whoever opens the database first; the
  others wait for it. Readers see the old terms until it is done.
- A database with damaged entries is served with the terms that it has; `deltahub store check` names
  the damage.
"""

from __future__ import annotations

from hub.errors import ErrorCode, HubError
from hub.store.copying import Connection
from hub.store.database import Database
from hub.store.projection import REBUILD_LOCK
from hub.store.rebuild import STATEMENT_TIMEOUT, clear, fill, in_order
from hub.store.search import SEARCH_VERSION
from hub.store.view import view_now

_STALE = "SELECT record_type FROM search_state WHERE version = %s"
_PUT = (
    b"INSERT INTO search_state VALUES (%s, %s) "
    b"ON CONFLICT (record_type) DO UPDATE SET version = EXCLUDED.version"
)


async def renew_search(database: Database) -> list[str]:
    """Write the search terms of older versions anew; return the record types that had such."""
    searched = [
        spec.name
        for spec in database.records.registry
        if any(item.facts.search for item in spec.items)
    ]
    known = await database.reads.fetch_all(_STALE, (SEARCH_VERSION,))
    if not set(searched) - {name for (name,) in known}:
        return []
    try:
        async with database.writes.transaction() as connection:
            return await _renew(connection, database, searched)
    except HubError as error:
        if error.code is not ErrorCode.CONFLICT:
            raise
        return []


async def _renew(connection: Connection, database: Database, searched: list[str]) -> list[str]:
    await connection.execute(f"SET LOCAL statement_timeout = '{STATEMENT_TIMEOUT}'".encode())
    await connection.execute(f"SET LOCAL lock_timeout = '{STATEMENT_TIMEOUT}'".encode())
    await connection.execute(f"SELECT pg_advisory_xact_lock({REBUILD_LOCK})".encode())
    cursor = await connection.execute(_STALE, (SEARCH_VERSION,))
    present = {name for (name,) in await cursor.fetchall()}
    stale = [each for each in in_order(database.records, searched) if each not in present]
    for name in stale:
        await clear(connection, database.records.projection(name))
    for name in stale:
        view = await view_now(connection, database.records)
        await fill(connection, database.records.projection(name), view)
        await connection.execute(_PUT, (name, SEARCH_VERSION))
    return stale
