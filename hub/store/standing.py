"""`standing`: reads the present revision of each claim of a record type from the entries.

A claim is named by source, authority and key.

- The newest revision is the present one. Its bytes are checked against their stored digest before
  anything is derived from them.
- An entry that was erased stands as a claim that says nothing, like a withdrawal; its salted
  commitment replaces the erased digest. A body that is missing and was not erased is damage.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from hub.identity.links import UNLINKED, Names
from hub.store.copying import Connection
from hub.store.projection import Projection, Standing

ROWS_PER_TURN = 1_000
"""Entries that are read together."""

_HEADER = """
  coalesce(f.source, e.source) AS source, e.authority, e.key, e.owner, e.issuer, e.party,
  e.entry_id, e.revision, coalesce(b.digest, e.commitment), e.as_of,
  e.accepted_at, e.assurance, e.channel, e.withdrawal OR b.canon IS NULL, b.canon,
  x.entry_id IS NOT NULL
FROM entry e LEFT JOIN entry_body b USING (entry_id) LEFT JOIN erased_entry x USING (entry_id)
LEFT JOIN former_source f ON f.former = e.source"""
_STANDING = f"""
SELECT DISTINCT ON (coalesce(f.source, e.source), e.authority, e.key) {_HEADER}
WHERE e.record_type = %s
ORDER BY coalesce(f.source, e.source), e.authority, e.key, e.revision DESC
"""
_BY_ENTRY = f"SELECT {_HEADER} WHERE e.entry_id = ANY(%s)"


@dataclass(slots=True)
class ReadCounts:
    """Counts of the entries of a record type that were read."""

    rows: int = 0
    erased: int = 0
    damaged: list[tuple[str, str]] | None = None
    """(source, key) of entries whose bytes contradict their digest, owner or issuer."""


async def standing_lines(
    connection: Connection, target: Projection, counts: ReadCounts, names: Names = UNLINKED
) -> AsyncIterator[list[bytes]]:
    """Yield the COPY lines of all present claims, `ROWS_PER_TURN` at a time."""
    counts.damaged, names = [], names.of_type(target.tables.spec)
    async with connection.cursor(name="standing") as cursor:
        cursor.itersize = ROWS_PER_TURN
        await cursor.execute(_STANDING.encode(), (target.tables.spec.name,))
        while rows := await cursor.fetchmany(ROWS_PER_TURN):
            yield [line for row in rows if (line := _line(target, row, counts, names)) is not None]


async def lines_of(
    connection: Connection, target: Projection, entries: list[int], counts: ReadCounts, names: Names
) -> list[bytes]:
    """Return the COPY lines of some entries, which are present revisions."""
    counts.damaged, names = [], names.of_type(target.tables.spec)
    cursor = await connection.execute(_BY_ENTRY.encode(), (entries,))
    rows = await cursor.fetchall()
    return [line for row in rows if (line := _line(target, row, counts, names)) is not None]


def _line(
    target: Projection, row: tuple[Any, ...], counts: ReadCounts, names: Names
) -> bytes | None:
    *header, canon, is_erased = row
    standing = Standing(*header)
    counts.erased += is_erased
    is_whole = is_erased if canon is None else hashlib.sha256(canon).digest() == standing.digest
    if not is_whole:
        assert counts.damaged is not None
        counts.damaged.append((standing.source, standing.key))
        return None
    wire = {} if standing.withdrawn else json.loads(canon)
    spec = target.tables.spec
    if wire and (spec.owner_of(wire), spec.issuer_of(wire)) != (standing.owner, standing.issuer):
        assert counts.damaged is not None
        counts.damaged.append((standing.source, standing.key))
        return None
    counts.rows += 1
    return target.row(standing, wire, names)
