"""`legal_persons`: which institutions are one legal person: those of one social credit code."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from hub.store.copying import Connection
from hub.store.records import StoredRecords
from schema.codes import IdentifierScheme

USCC: Final = f"{IdentifierScheme.USCC.official}:"


async def legal_persons(
    connection: Connection, records: StoredRecords, keys: Collection[str]
) -> dict[str, str]:
    """Return, by key, the unified social credit code as a key, of each institution that has one."""
    found = {key: key for key in keys if key.startswith(USCC)}
    others = sorted(set(keys) - set(found))
    if not others:
        return found
    table = records.tables["Institution"].read.name
    cursor = await connection.execute(
        f"SELECT key, identifiers FROM {table} WHERE key = ANY(%s)".encode(),  # noqa: S608 - own name
        (others,),
    )
    for key, identifiers in await cursor.fetchall():
        codes = {
            f"{USCC}{each['value']}"
            for each in identifiers or ()
            if each["scheme"].upper() == IdentifierScheme.USCC.value
        }
        if len(codes) == 1:
            found[key] = codes.pop()
    return found
