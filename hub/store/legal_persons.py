"""`legal_persons`: which institutions are one legal person: those of one social credit code."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from hub.store.records import StoredRecords
from hub.store.side_by_side import SharedStatement, SideBySide
from schema.codes import IdentifierScheme

USCC: Final = f"{IdentifierScheme.USCC.official}:"


async def legal_persons(
    reads: SideBySide, records: StoredRecords, keys: Collection[str]
) -> dict[str, str]:
    """Return, by key, the unified social credit code as a key, of each institution that has one."""
    found = {key: key for key in keys if key.startswith(USCC)}
    others = sorted(set(keys) - set(found))
    if not others:
        return found
    table = records.tables["Institution"].read.name
    statement = SharedStatement(
        f"SELECT key, identifiers FROM {table} WHERE key = ANY(%(keys)s)",  # noqa: S608 - own name
        {"keys": "text[]"},
    )
    for row in await reads.rows(statement, {"keys": others}):
        codes = {
            f"{USCC}{each['value']}"
            for each in row["identifiers"] or ()
            if each["scheme"].upper() == IdentifierScheme.USCC.value
        }
        if len(codes) == 1:
            found[row["key"]] = codes.pop()
    return found
