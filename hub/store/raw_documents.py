"""`raw_documents`: the table of documents as they came, for as long as they are kept.

Bounded twice for each source: by age and by size; what is oldest goes first, run by run. Backups do
not hold them, and an erasure takes away all of the source that stated what is erased.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from hub.store.database import Database

__all__ = [
    "RawDocument",
    "delete_old_documents",
    "documents_of",
    "documents_per_list",
    "keep_document",
    "newest_kept_run",
    "prune_documents",
]

LEVEL = 6
ROWS_BYTES_MAX = 64 * 2**20
"""Longest text that a kept document is read as: a damaged one must not take all memory."""
PAGE = 20
"""Documents that are read at once."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RawDocument:
    """One document as it came, without what is personal."""

    collection: str
    number: int
    place: str
    digest: bytes
    rows: list[dict[str, Any]]


def packed(rows: Iterable[Mapping[str, Any]]) -> bytes:
    """Return rows as deflated JSON; fractions and moments stay what they are."""
    text = json.dumps(list(rows), default=_wire, ensure_ascii=False, separators=(",", ":"))
    return zlib.compress(text.encode("utf-8", "surrogatepass"), LEVEL)


def unpacked(body: bytes) -> list[dict[str, Any]]:
    """Return the rows of `packed`."""
    text = zlib.decompressobj().decompress(body, ROWS_BYTES_MAX).decode("utf-8", "surrogatepass")
    rows: list[dict[str, Any]] = json.loads(text, object_hook=_unwired)
    return rows


def _wire(value: Any) -> Any:
    if isinstance(value, Decimal):
        return {"$decimal": str(value)}
    if isinstance(value, datetime):
        return {"$moment": value.isoformat()}
    if isinstance(value, date):
        return {"$day": value.isoformat()}
    return str(value)


def _unwired(value: dict[str, Any]) -> Any:
    if len(value) == 1:
        ((name, text),) = value.items()
        try:
            if name == "$decimal":
                return Decimal(text)
            if name == "$moment":
                return datetime.fromisoformat(text)
            if name == "$day":
                return date.fromisoformat(text)
        except (ValueError, TypeError, InvalidOperation):
            return value
    return value


async def keep_document(
    database: Database, run_id: str, source: str, document: RawDocument, now: datetime
) -> int:
    """Keep a document; return how many bytes that takes."""
    body = packed(document.rows)
    async with database.writes.connection() as connection:
        await connection.execute(
            "INSERT INTO raw_document (run_id, collection, number, source, place, digest, rows, "
            "body, kept_at) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
            (
                *(run_id, document.collection, document.number, source, document.place),
                *(document.digest, len(document.rows), body, now),
            ),
        )
    return len(body)


async def documents_of(
    database: Database, run_id: str, collection: str
) -> AsyncIterator[RawDocument]:
    """Yield the kept documents of one list of a run, in their order."""
    after = 0
    while True:
        found = await database.writes.fetch_all(
            "SELECT number, place, digest, body FROM raw_document "
            "WHERE run_id = %s AND collection = %s AND number > %s ORDER BY number LIMIT %s",
            (run_id, collection, after, PAGE),
        )
        for number, place, digest, body in found:
            after = number
            yield RawDocument(
                collection=collection,
                number=number,
                place=place,
                digest=bytes(digest),
                rows=unpacked(bytes(body)),
            )
        if len(found) < PAGE:
            return


async def documents_per_list(database: Database, run_id: str) -> dict[str, int]:
    """Return how many documents of each list of a run are kept."""
    rows = await database.writes.fetch_all(
        "SELECT collection, count(*) FROM raw_document WHERE run_id = %s GROUP BY collection",
        (run_id,),
    )
    return dict(rows)


async def newest_kept_run(database: Database, source: str, collection: str) -> str | None:
    """Return the newest run of which documents of a list are kept."""
    rows = await database.writes.fetch_all(
        "SELECT run_id FROM raw_document WHERE source = %s AND collection = %s "
        "ORDER BY kept_at DESC, run_id LIMIT 1",
        (source, collection),
    )
    return str(rows[0][0]) if rows else None


async def prune_documents(
    database: Database, source: str, now: datetime, days: int, bytes_max: int
) -> int:
    """Delete what is too old of a source, and its oldest runs while all take too much."""
    async with database.writes.connection() as connection:
        gone = await connection.execute(
            "DELETE FROM raw_document d USING ("
            "SELECT run_id, max(kept_at) AS at, sum(sum(octet_length(body))) OVER "
            "(ORDER BY max(kept_at) DESC, run_id) AS size "
            "FROM raw_document WHERE source = %s GROUP BY run_id) r "
            "WHERE d.source = %s AND d.run_id = r.run_id AND (r.at < %s OR r.size > %s)",
            (source, source, now - timedelta(days=days), bytes_max),
        )
        return gone.rowcount


async def delete_old_documents(database: Database, now: datetime, days: int) -> int:
    """Delete what is too old of every source, also of those that are not read any more."""
    async with database.writes.connection() as connection:
        gone = await connection.execute(
            "DELETE FROM raw_document WHERE kept_at < %s", (now - timedelta(days=days),)
        )
        return gone.rowcount
