"""`explaining`: reads the claims of a record that somebody asks about, and explains them."""

from __future__ import annotations

from dataclasses import dataclass

from hub.identity.explain import ExplainedItem, explain_items, explain_one
from hub.identity.precedence import Claim
from hub.store.copying import Connection
from hub.store.database import Database
from hub.store.limits import EXPLAINED_MAX
from hub.store.settling import claims_by
from hub.store.view import View, view_now
from schema.item import RecordSpec
from schema.traits import Linkable


@dataclass(frozen=True, slots=True)
class Explained:
    """One record: by what name it is shown, who states it, and which claim won for what."""

    spec: RecordSpec
    key: str
    item_id: str
    claims: tuple[Claim, ...]
    items: tuple[ExplainedItem, ...]


async def explain(database: Database, key: str, record_type: str | None = None) -> list[Explained]:
    """Return the records that have a key, or an id; `record_type` None: of what may be linked.

    A key that is no longer the name of its record finds it too. Records that several systems number
    may have one key.
    """
    registry = database.records.registry
    if record_type is None:
        specs = [spec for spec, _ in registry.with_trait(Linkable)]
    else:
        specs = [registry[record_type]]
    found: list[Explained] = []
    async with database.reads.connection() as connection:
        view = await view_now(connection, database.records)
        for spec in specs:
            items = await _items(connection, database, spec, view.names.key(spec, key), key)
            found += [await _explained(connection, database, spec, each, view) for each in items]
    return found


async def _items(
    connection: Connection, database: Database, spec: RecordSpec, name: str, key: str
) -> list[str]:
    table = database.records.tables[spec.name].source.name
    cursor = await connection.execute(
        f"SELECT DISTINCT item_id FROM {table} WHERE NOT withdrawn AND "  # noqa: S608 - own name
        "(key = ANY(%(keys)s) OR item_id = %(key)s) ORDER BY 1 LIMIT %(most)s".encode(),
        {"keys": [name, key], "key": key, "most": EXPLAINED_MAX},
    )
    return [item for (item,) in await cursor.fetchall()]


async def _explained(
    connection: Connection, database: Database, spec: RecordSpec, item: str, view: View
) -> Explained:
    target = database.records.projection(spec.name)
    view = View(view.precedence, view.names.of_type(spec))
    by_item, _ = await claims_by(connection, target, "item_id", [item], view, is_read=True)
    claims = sorted(by_item[item], key=view.precedence.rank)
    order = view.precedence
    items = (
        explain_items(claims, order, spec.name)
        if spec.golden
        else [explain_one(claims, order, spec.name)]
    )
    name = view.names.key(spec, claims[0].key)
    return Explained(spec, name, item, tuple(claims), tuple(items))
