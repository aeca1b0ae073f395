"""`catalogue`: the public items of an institution's instruments, as they go out to catalogues."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from datetime import date
from typing import Any

from sqlalchemy import Table, select

from adapters.catalogue.given import Published
from hub.exchange.limits import CATALOGUE_ROWS
from hub.store.database import Database
from schema.item import Grade, RecordSpec

__all__ = ["published_instruments"]


async def published_instruments(
    database: Database, institution_key: str
) -> AsyncIterator[tuple[str, Published]]:
    """Yield the instruments of an institution that stand, with their ids, in the order of keys."""
    instruments = database.records.tables["Instrument"].read
    institution = await _institution(database, institution_key)
    after = ""
    while True:
        statement = (
            select(instruments)
            .where(instruments.c.owner == institution_key, instruments.c.key > after)
            .order_by(instruments.c.key)
            .limit(CATALOGUE_ROWS)
        )
        async with database.core() as connection:
            rows = (await connection.execute(statement)).mappings().all()
        for row in rows:
            after = row["key"]
            wire = _public(database.records.registry["Instrument"], row)
            yield row["item_id"], Published(instrument=wire, institution=institution)
        if len(rows) < CATALOGUE_ROWS:
            return


async def _institution(database: Database, key: str) -> dict[str, Any]:
    table: Table = database.records.tables["Institution"].read
    async with database.core() as connection:
        row = (await connection.execute(select(table).where(table.c.key == key))).mappings().first()
    if row is None:
        return {"institutionKey": key, "name": {"zh": key}}
    return _public(database.records.registry["Institution"], row)


def _public(spec: RecordSpec, row: Mapping[Any, Any]) -> dict[str, Any]:
    """Return the public items of a row in wire form."""
    found = {}
    for item in spec.items:
        value = row[item.name]
        if value is None or item.facts.grade is not Grade.L1 or item.facts.scope:
            continue
        found[item.wire] = value.isoformat() if isinstance(value, date) else value
    return found
