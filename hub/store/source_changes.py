"""`source_changes`: what an operator changes of a registered source: facts, closing, removing.

- What a harvested source is, its file says (`docs/operators`); here it is only closed and opened.
- A source that has said something is never deleted, because entries name it: removing closes it.
  What it said stays readable until it is withdrawn, and its receipts stay valid.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from hub.errors import ErrorCode, HubError
from hub.store.database import Database
from hub.store.harvest_tables import OF_SOURCES
from hub.store.sources import Source, list_sources, register_source
from schema.codes import SourceKind, SystemPurpose

PUSH = "PUSH"


@dataclass(frozen=True, kw_only=True, slots=True)
class SourceChange:
    """What changes; None leaves what stands. `owners` empty: any institution (a platform)."""

    title: str | None = None
    title_en: str | None = None
    owners: Sequence[str] | None = None
    kind: SourceKind | None = None
    purpose: SystemPurpose | None = None
    promised_freshness_s: int | None = None
    active: bool | None = None

    @property
    def is_of_facts(self) -> bool:
        """Whether it changes more than whether the source is open."""
        facts = (self.title, self.title_en, self.owners, self.promised_freshness_s)
        return any(fact is not None for fact in (*facts, self.kind, self.purpose))


async def source_named(database: Database, source_id: str) -> Source:
    """Return a registered source; `HubError` NOT_FOUND when there is none."""
    for source in await list_sources(database):
        if source.source_id == source_id:
            return source
    raise HubError(
        ErrorCode.NOT_FOUND,
        message_zh=f"没有登记过来源 {source_id}",
        message_en=f"There is no source {source_id}",
        hint="`deltahub source list` shows those that are there.",
        hint_zh="`deltahub source list` 列出现有的来源。",
    )


async def change_source(
    database: Database, source_id: str, change: SourceChange, now: datetime
) -> None:
    """Change a source; `HubError` CONFLICT for facts that its file says."""
    source = await source_named(database, source_id)
    if change.is_of_facts:
        if source.mode != PUSH:
            raise HubError(
                ErrorCode.CONFLICT,
                message_zh=f"来源 {source_id} 由采集文件登记",
                message_en=f"{source_id} is harvested: its file says what it is",
                hint="Change its file in the sources folder; the next harvest registers it so.",
                hint_zh="请修改 sources 文件夹中它的文件，下次采集时生效。",
            )
        owners = source.owners if change.owners is None else tuple(change.owners)
        kind = SourceKind[source.kind] if change.owners is None else None
        freshness = change.promised_freshness_s or source.promised_freshness_s
        await register_source(
            database,
            source_id,
            change.title or source.title,
            mode=PUSH,
            now=now,
            owners=owners or None,
            kind=change.kind or kind,
            purpose=(change.purpose or SystemPurpose[source.purpose]).value,
            title_en=change.title_en or source.title_en,
            promised_freshness_s=freshness,
        )
    if change.active is not None:
        async with database.writes.transaction() as connection:
            await connection.execute(
                b"UPDATE source SET active = %s WHERE source_id = %s", (change.active, source_id)
            )


async def remove_source(database: Database, source_id: str) -> bool:
    """Remove a source that never said anything, or close it; return whether it is gone.

    No client may push as it afterwards.
    """
    await source_named(database, source_id)
    async with database.writes.transaction() as connection:
        await connection.execute(
            b"SELECT FROM source WHERE source_id = %s FOR UPDATE", (source_id,)
        )
        cursor = await connection.execute(_HAS_SAID, {"source": source_id})
        (has_said,) = await cursor.fetchone() or (True,)
        await connection.execute(_TAKE_FROM_CLIENTS, {"source": source_id})
        for statement in _CLOSE if has_said else _DELETE:
            await connection.execute(statement, {"source": source_id})
    return not has_said


_HAS_SAID = b"""
SELECT EXISTS (SELECT FROM entry WHERE source = %(source)s)
    OR EXISTS (SELECT FROM quarantine WHERE source = %(source)s)
    OR EXISTS (SELECT FROM former_source WHERE source = %(source)s)"""
_TAKE_FROM_CLIENTS = b"""
UPDATE client SET sources = array_remove(sources, %(source)s) WHERE %(source)s = ANY(sources)"""
_CLOSE = (b"UPDATE source SET active = false WHERE source_id = %(source)s",)
_DELETE = (
    b"DELETE FROM feed WHERE source = %(source)s",
    *(f"DELETE FROM {table} WHERE source = %(source)s".encode() for table in OF_SOURCES),  # noqa: S608
    b"DELETE FROM source WHERE source_id = %(source)s",
)
