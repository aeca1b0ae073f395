"""`known_names`: what institutions and instruments are called, by the keys that records use.

Names are those of the golden records, in two languages; a key that nobody has named stands alone.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import NamedTuple

from hub.identity.links import Names
from hub.store.copying import Connection
from hub.store.records import StoredRecords
from hub.store.view import names_now


class KnownName(NamedTuple):
    """A name in Chinese and English; where one is not stated the other stands for it."""

    zh: str
    en: str


async def known_names(
    connection: Connection,
    records: StoredRecords,
    *,
    institutions: Collection[str],
    instruments: Collection[str] = (),
) -> Mapping[str, KnownName]:
    """Return the names that are known, by the keys as they were given."""
    links = await names_now(connection, records)
    found = await _of(connection, records, "Institution", links, institutions)
    return found | await _of(connection, records, "Instrument", links, instruments)


async def _of(
    connection: Connection, records: StoredRecords, record: str, links: Names, keys: Collection[str]
) -> dict[str, KnownName]:
    given = {
        key: links.party(key) if record == "Institution" else links.of(record, key) for key in keys
    }
    if not given:
        return {}
    table = records.tables[record].read.name
    cursor = await connection.execute(
        f"SELECT key, name FROM {table} WHERE key = ANY(%s)".encode(),  # noqa: S608 - own name
        (sorted(set(given.values())),),
    )
    names = {key: KnownName(**_both(name)) for key, name in await cursor.fetchall() if name}
    return {key: names[known] for key, known in given.items() if known in names}


def _both(name: Mapping[str, str | None]) -> dict[str, str]:
    zh, en = name.get("zh"), name.get("en")
    return {"zh": zh or en or "", "en": en or zh or ""}
