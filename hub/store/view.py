"""`view`: how claims are read now: by the links in effect and the order of precedence in force.

- Links change only under an exclusive `REBUILD_LOCK`, so what a transaction reads here stays true
  while it holds the lock shared. The names are cached by the content of all links, not by entry
  ids: a dry run may have used the same ids for entries that were rolled back.
- The order of precedence is the one by which the stored claims were settled. When another order
  comes into force by its date, `hub.store.relinking.switch_precedence` settles them again.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass
from datetime import date

from hub.identity.links import UNLINKED, LinkStatement, Names, names_of
from hub.identity.precedence import Precedence, precedence_on
from hub.store.copying import Connection
from hub.store.records import StoredRecords
from hub.store.side_by_side import SideBySide
from schema.codes import LinkRelation
from schema.traits import Joins

LINKS_MAX = 100_000
"""Links that are read; further ones are ignored."""
NAMES_KEPT_MAX = 8
"""States of the links whose names are cached."""

_IN_FORCE = b"SELECT since FROM precedence_state WHERE name = 'claims'"
_PUT_IN_FORCE = (
    b"INSERT INTO precedence_state VALUES ('claims', %s) "
    b"ON CONFLICT (name) DO UPDATE SET since = EXCLUDED.since"
)
_names_cache: OrderedDict[Hashable, Names] = OrderedDict()


@dataclass(frozen=True, slots=True)
class View:
    """How claims are read: the order of precedence, and the names of linked records."""

    precedence: Precedence
    names: Names = UNLINKED


async def view_now(connection: Connection, records: StoredRecords) -> View:
    """Return how claims are read now; before any were settled, by the earliest precedence."""
    return View(
        await precedence_in_force(connection) or precedence_on(date.min),
        await names_now(connection, records),
    )


async def view_on(connection: Connection, records: StoredRecords, day: date) -> View:
    """Return the same for a writer; the first writer puts the precedence of the day in force."""
    order = await precedence_in_force(connection)
    if order is None:
        order = precedence_on(day)
        await put_in_force(connection, order)
    return View(order, await names_now(connection, records))


async def precedence_in_force(connection: Connection) -> Precedence | None:
    """Return the order by which claims were settled; None before the first."""
    row = await (await connection.execute(_IN_FORCE)).fetchone()
    return None if row is None else precedence_on(row[0])


async def put_in_force(connection: Connection, order: Precedence) -> None:
    """Store the order by which claims are settled from now on."""
    await connection.execute(_PUT_IN_FORCE, (order.since,))


async def names_seen(reads: SideBySide, records: StoredRecords) -> Names:
    """Return the names of linked records, for all who read side by side."""
    return await reads.once("names", lambda: names_now(reads.connection, records))


async def names_now(connection: Connection, records: StoredRecords) -> Names:
    """Return the names of linked records."""
    joining = records.registry.with_trait(Joins)
    if not joining:
        return UNLINKED
    ((spec, joins),) = joining
    table = records.tables[spec.name].source.name
    state = await (
        await connection.execute(
            "SELECT count(*), sum(hashtextextended(encode(digest, 'hex'), 0)) "  # noqa: S608
            f"FROM {table} WHERE speaks".encode()
        )
    ).fetchone()
    assert state is not None
    if not state[0]:
        return UNLINKED
    if state in _names_cache:
        return _names_cache[state]
    items = (joins.record, joins.first, joins.second, joins.relation, joins.stated_by)
    cursor = await connection.execute(
        f"SELECT {', '.join(items)} FROM {table} "  # noqa: S608 - own names
        f"WHERE speaks ORDER BY entry_id LIMIT {LINKS_MAX}".encode()
    )
    names = names_of(
        LinkStatement(
            record=record,
            first=first,
            second=second,
            relation=LinkRelation[relation],
            stated_by=stated_by,
        )
        for record, first, second, relation, stated_by in await cursor.fetchall()
    )
    _names_cache[state] = names
    if len(_names_cache) > NAMES_KEPT_MAX:
        _names_cache.popitem(last=False)
    return names
