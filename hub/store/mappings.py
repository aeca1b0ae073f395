"""`mappings`: how each source's files are read, as the source itself wrote it down.

A mapping has versions: the last one is in force, earlier ones say how earlier files were read.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from hub.errors import ErrorCode, RefusedError
from hub.store.database import Database

MAPPINGS_MAX = 50
"""Mappings of one source."""
VERSIONS_MAX = 1_000
"""Versions of one mapping."""


@dataclass(frozen=True, slots=True)
class KeptMapping:
    """A mapping as it is listed: its name, its last version, and since when that is in force."""

    name: str
    version: int
    since: datetime


async def keep_mapping(
    database: Database, source: str, name: str, text: str, *, client_id: str, now: datetime
) -> int:
    """Keep a mapping and return its version; the same text as the last one is no new version.

    Raises `RefusedError` CONFLICT where the source has too many.
    """
    async with database.writes.transaction() as connection:
        await connection.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended(%s, 2))", (f"mapping:{source}",)
        )
        cursor = await connection.execute(
            "SELECT name, max(version), (array_agg(text ORDER BY version DESC))[1] "
            "FROM source_mapping WHERE source = %s GROUP BY name",
            (source,),
        )
        known = {row[0]: (row[1], row[2]) for row in await cursor.fetchall()}
        version, last = known.get(name, (0, None))
        if last == text:
            return int(version)
        if version >= VERSIONS_MAX or (version == 0 and len(known) >= MAPPINGS_MAX):
            hint = f"At most {MAPPINGS_MAX} mappings of {VERSIONS_MAX} versions each; remove some."
            zh = f"至多 {MAPPINGS_MAX} 个映射，每个至多 {VERSIONS_MAX} 版；请先删除一些。"
            raise RefusedError(ErrorCode.CONFLICT, hint=hint, hint_zh=zh)
        await connection.execute(
            "INSERT INTO source_mapping VALUES (%s, %s, %s, %s, %s, %s)",
            (source, name, version + 1, text, client_id, now),
        )
    return int(version) + 1


async def kept_mapping(database: Database, source: str, name: str) -> str:
    """Return the text of a mapping; RefusedError MAPPING_UNKNOWN without one."""
    rows = await database.reads.fetch_all(
        "SELECT text FROM source_mapping WHERE source = %s AND name = %s "
        "ORDER BY version DESC LIMIT 1",
        (source, name),
    )
    if not rows:
        raise RefusedError(
            ErrorCode.MAPPING_UNKNOWN,
            hint=f"POST /mappings?source={source} first.",
            hint_zh=f"请先用 POST /mappings?source={source} 保存映射。",
        )
    return str(rows[0][0])


async def kept_mappings(database: Database, source: str) -> list[KeptMapping]:
    """Return the mappings of a source by name."""
    rows = await database.reads.fetch_all(
        "SELECT DISTINCT ON (name) name, version, kept_at FROM source_mapping WHERE source = %s "
        "ORDER BY name, version DESC",
        (source,),
    )
    return [KeptMapping(*row) for row in rows]


async def remove_mapping(database: Database, source: str, name: str) -> None:
    """Remove a mapping with all its versions; RefusedError MAPPING_UNKNOWN without one."""
    async with database.writes.connection() as connection:
        cursor = await connection.execute(
            "DELETE FROM source_mapping WHERE source = %s AND name = %s", (source, name)
        )
    if not cursor.rowcount:
        raise RefusedError(
            ErrorCode.MAPPING_UNKNOWN,
            hint="GET /mappings lists them.",
            hint_zh="GET /mappings 列出已保存的映射。",
        )
