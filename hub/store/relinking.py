"""`relinking`: settles claims anew when links, sources or the order of precedence have changed.

- The caller holds `REBUILD_LOCK` exclusively: intake waits, readers see the old rows until the
  commit.
- A link renames the records of two owners: all their rows are written again from their entries, so
  that withdrawing the link restores the former rows byte for byte.
- After a change of a source or of precedence, items with claims of several sources are settled
  again; if links are among them, the rows that they rename are written again.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import date

from hub.identity.links import Names
from hub.identity.precedence import Precedence, precedence_on
from hub.store.copying import Connection
from hub.store.database import Database
from hub.store.epoch import begin_anew
from hub.store.former import FORMER_ID
from hub.store.projection import REBUILD_LOCK, Projection
from hub.store.records import StoredRecords
from hub.store.settling import settle, write
from hub.store.standing import ReadCounts, lines_of
from hub.store.view import View, names_now, precedence_in_force, put_in_force, view_now

Note = Callable[[Connection, Precedence, Precedence], Awaitable[None]]
ROWS_PER_TURN = 1_000
"""Claims that are written again together."""


def renamed_owners(before: Names, after: Names) -> set[str]:
    """Return the owners, by former and present names, whose records have other names now."""
    owners: set[str] = set()
    numbered = before.owned.keys() | after.owned.keys()
    for old, new in (
        (before.institutions, after.institutions),
        *((before.owned.get(each, {}), after.owned.get(each, {})) for each in numbered),
    ):
        for key in _changed(old, new):
            keys = {key, old.get(key, key), new.get(key, key)}
            owners |= {each.partition("/")[0] for each in keys}
    return owners | {name(each) for each in owners for name in (before.party, after.party)}


def _changed(old: Mapping[str, str], new: Mapping[str, str]) -> set[str]:
    return {key for key in old.keys() | new.keys() if old.get(key, key) != new.get(key, key)}


async def relink(
    connection: Connection, records: StoredRecords, before: Names, view: View
) -> set[str]:
    """Write the rows again that links have renamed; return their owners."""
    owners = renamed_owners(before, view.names)
    if owners:
        for name in sorted(records.tables):
            target = records.projection(name)
            if view.names.of_type(target.tables.spec) is view.names:
                await _rewrite(connection, target, sorted(owners), view)
    return owners


async def _rewrite(
    connection: Connection, target: Projection, owners: list[str], view: View
) -> None:
    tables, source = target.tables, target.tables.source.name
    mentions = ["owner = ANY(%(owners)s)", "issuer = ANY(%(owners)s)"]
    linked_items = (item.name for item in tables.spec.items if item.names is not None)
    mentions += [f"split_part({name}, '/', 1) = ANY(%(owners)s)" for name in linked_items]
    cursor = await connection.execute(
        f"DELETE FROM {source} WHERE {' OR '.join(mentions)} "  # noqa: S608 - own names
        "RETURNING entry_id, item_id".encode(),
        {"owners": owners},
    )
    rows = await cursor.fetchall()
    items = sorted({item for _, item in rows})
    await target.delete_items(connection, items)
    await connection.execute(
        f"DELETE FROM {FORMER_ID.name} WHERE now_id = ANY(%s)".encode(),  # noqa: S608 - own name
        (items,),
    )
    entries = sorted(entry for entry, _ in rows)
    for at in range(0, len(entries), ROWS_PER_TURN):
        part = entries[at : at + ROWS_PER_TURN]
        lines = await lines_of(connection, target, part, ReadCounts(), view.names)
        await write(connection, target, lines, view)


async def settle_source(connection: Connection, records: StoredRecords, source: str) -> bool:
    """Settle the items of a source that others claim too, after its registration has changed.

    Return whether there are any.
    """
    return await _settle_rivals(connection, records, await view_now(connection, records), source)


async def switch_precedence(database: Database, day: date, note: Note | None = None) -> bool:
    """Settle all items by the precedence of a day; False where it is in force already.

    No entry of the change feed reports what this changes: its followers start from the beginning.
    `note` writes down, in the same transaction, that one order replaced another.
    """
    order = precedence_on(day)
    async with database.writes.transaction() as connection:
        if await precedence_in_force(connection) == order:
            return False
        await connection.execute(f"SELECT pg_advisory_xact_lock({REBUILD_LOCK})".encode())
        former = await precedence_in_force(connection)
        if former == order:
            return False
        await put_in_force(connection, order)
        if former is not None:
            view = await view_now(connection, database.records)
            await _settle_rivals(connection, database.records, view)
            await begin_anew(connection)
            if note is not None:
                await note(connection, former, order)
    return former is not None


async def _settle_rivals(
    connection: Connection, records: StoredRecords, view: View, source: str | None = None
) -> bool:
    """Settle the items with several claims, or only those among them that one source claims."""
    is_any = False
    before = view.names
    for name in sorted(records.tables):
        target = records.projection(name)
        await target.ready_stage(connection)
        items = await _rivals(connection, target, "item_id", source)
        of = target.tables.led_by
        led = [] if of is None else await _rivals(connection, target, of, source)
        await settle(connection, target, items, led, view)
        is_any = is_any or bool(items or led)
    after = await names_now(connection, records)
    if after != before:  # the claim that speaks for a link is another one now, and differs
        await relink(connection, records, before, View(view.precedence, after))
    return is_any


async def _rivals(
    connection: Connection, target: Projection, column: str, source: str | None
) -> list[str]:
    cursor = await connection.execute(
        f"SELECT {column} FROM {target.tables.source.name} WHERE NOT withdrawn "  # noqa: S608
        f"GROUP BY {column} HAVING count(*) > 1 "
        "AND (%(source)s::text IS NULL OR bool_or(source = %(source)s::text))".encode(),
        {"source": source},
    )
    return [value for (value,) in await cursor.fetchall()]
