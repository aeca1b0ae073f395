"""`sources`: the register of systems that say facts to the hub.

`register_source` is the only way in, for a source that pushes and for one that is harvested, and
`SOURCES_MAX` the only bound: more are not registered, so nobody who lists them leaves one out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select

from hub.errors import ErrorCode, HubError, RefusedError
from hub.store.copying import Connection
from hub.store.database import Database
from hub.store.epoch import begin_anew
from hub.store.feeds import FeedRow, declare_feeds
from hub.store.harvest_tables import OF_SOURCES
from hub.store.limits import SOURCES_MAX
from hub.store.projection import REBUILD_LOCK
from hub.store.relinking import settle_source
from hub.store.tables import SOURCE
from schema.codes import SourceKind
from schema.keys import is_authority

_SHELL_ID = re.compile(r"[a-z0-9][a-z0-9._\-]{0,63}")
"""An id that a shell takes as it is."""


_SETTLED_BY = ("owners", "kind", "purpose")
"""Columns by which it follows whom to believe."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """One registered source and how its last run went."""

    source_id: str
    title: str
    title_en: str | None
    mode: str
    owners: tuple[str, ...] | None
    kind: str
    purpose: str
    authority: str
    active: bool
    rows: int
    promised_freshness_s: int
    last_status: str | None
    last_error_code: str | None
    last_ok_at: datetime | None
    last_run_at: datetime | None


async def register_source(  # noqa: PLR0913 - what a registration says
    database: Database,
    source_id: str,
    title: str,
    *,
    mode: str,
    now: datetime,
    owners: Sequence[str] | None,
    kind: SourceKind | None = None,
    authority: str | None = None,
    feeds: Sequence[FeedRow] | None = None,
    is_new: bool = False,
    **facts: Any,
) -> None:
    """Register a source, or renew what its registration says; its history stays.

    `owners`: institutions it may speak for; None for a platform that speaks for anybody, which may
    state facts but no rights and no decisions. `kind`: what it is to them, by default their own
    system or a platform. `authority`: `<institution that operates the system>/<its name>`, by
    default the only owner and the source's id (the operator is no institution and numbers nothing);
    the first one stays, since ids follow from it. `feeds`: what it tells of each record type, where
    that is known beforehand; None leaves what stands.
    `facts`: further columns of the table `source` (title_en, publisher, division_code, …); a source
    that is new and states no `promised_freshness_s` promises `PROMISED_FRESHNESS_S`; one that
    states no `purpose` keeps what it has (`hub.identity.precedence`).

    Where a source is now something else to somebody, what it and others speak of is settled anew,
    and followers of the change feed begin anew. Raises `HubError` BAD_USER_INPUT for an authority
    of another form, `RefusedError` CONFLICT when there are `SOURCES_MAX` sources already.
    """
    kind = kind or (SourceKind.PLATFORM if owners is None else SourceKind.OWN)
    values = {
        "source_id": source_id,
        "title": title,
        "mode": mode,
        "owners": None if owners is None else list(owners),
        "kind": kind.value,
        "authority": _authority(source_id, owners, authority),
        "created_at": now,
        **facts,
    }
    async with database.writes.transaction() as connection:
        is_other = await _is_other(connection, source_id, values, is_new=is_new)
        if is_other:
            await connection.execute(f"SELECT pg_advisory_xact_lock({REBUILD_LOCK})".encode())
        await connection.execute(_register(values).encode(), values)
        if feeds is not None:
            await declare_feeds(connection, source_id, feeds)
        if is_other and await settle_source(connection, database.records, source_id):
            await begin_anew(connection)


async def _is_other(
    connection: Connection, source_id: str, values: Mapping[str, Any], *, is_new: bool
) -> bool:
    """Whether a source that is known is now something else to somebody; refuse what may not be."""
    cursor = await connection.execute(
        f"SELECT {', '.join(_SETTLED_BY)} FROM source "  # noqa: S608 - own names
        "WHERE source_id = %s".encode(),
        (source_id,),
    )
    known = await cursor.fetchone()
    if is_new:
        _require_new(source_id, is_known=known is not None)
    if known is None:
        await _require_room(connection, source_id)
        return False
    facts = dict(zip(_SETTLED_BY, known, strict=True))
    return any(name in values and values[name] != was for name, was in facts.items())


def _authority(source_id: str, owners: Sequence[str] | None, stated: str | None) -> str:
    """Return whose numbers a source states; empty where nobody says it."""
    if stated is None:
        only = f"{owners[0]}/{source_id}" if owners and len(owners) == 1 else ""
        return only if is_authority(only) else ""
    if stated and not is_authority(stated):
        raise HubError(
            ErrorCode.BAD_USER_INPUT,
            message_en=f"{stated!r} names no system",
            hint="Write it as <key of the institution that operates it>/<name of the system>.",
            hint_zh="请写作 <运营单位的编号>/<系统名称>。",
        )
    return stated


def _require_new(source_id: str, *, is_known: bool) -> None:
    if is_known:
        raise RefusedError(
            ErrorCode.CONFLICT,
            message_zh=f"来源 {source_id} 已登记",
            message_en=f"The source {source_id} is registered already",
            hint="Nothing was changed. Choose another id, or use `deltahub source change`.",
            hint_zh="没有改动任何内容。请换一个编号，或用 `deltahub source change`。",
        )
    if _SHELL_ID.fullmatch(source_id) is None:
        raise HubError(
            ErrorCode.BAD_USER_INPUT,
            message_en=f"{source_id!r} is no id for a source",
            hint="Write a-z 0-9 . _ -, beginning with one of a-z 0-9; at most 64.",
            hint_zh="请用 a-z 0-9 . _ -，以字母或数字开头，至多 64 个字符。",
        )


async def _require_room(connection: Connection, source_id: str) -> None:
    cursor = await connection.execute(b"SELECT count(*) FROM source")
    row = await cursor.fetchone()
    if row is not None and row[0] >= SOURCES_MAX:
        raise RefusedError(
            ErrorCode.CONFLICT,
            message_zh=f"来源已达上限 {SOURCES_MAX} 个，{source_id} 未登记",
            message_en=f"There are {SOURCES_MAX} sources already; {source_id} is not registered",
            hint="Let several institutions push through one platform, or run another hub.",
            hint_zh="请让几家单位经同一平台推送，或另设一个枢纽。",
        )


async def rename_source(database: Database, source_id: str, new_id: str) -> None:
    """Give a source another id at this hub; no record, id or receipt changes by it.

    Entries keep the name that they were written under (`former_source`). Intake waits meanwhile.
    Raises `HubError` NOT_FOUND or CONFLICT.
    """
    async with database.writes.transaction() as connection:
        await connection.execute(f"SELECT pg_advisory_xact_lock({REBUILD_LOCK})".encode())
        cursor = await connection.execute(
            b"SELECT source_id FROM source WHERE source_id = ANY(%(both)s) "
            b"UNION ALL SELECT former FROM former_source WHERE former = %(new)s",
            {"both": [source_id, new_id], "new": new_id},
        )
        known = {name for (name,) in await cursor.fetchall()}
        if source_id not in known:
            raise HubError(
                ErrorCode.NOT_FOUND,
                hint=f"There is no source {source_id}.",
                hint_zh=f"没有来源 {source_id}。",
            )
        if new_id in known:
            raise HubError(
                ErrorCode.CONFLICT,
                hint=f"{new_id} is, or was, another source.",
                hint_zh=f"{new_id} 是或曾是另一个来源。",
            )
        names = {"old": source_id, "new": new_id}
        for statement in _renamings(database):
            await connection.execute(statement.encode(), names)


_NAMING = (
    "awaited",
    "claim_peer",
    "feed",
    "forwarded_order",
    "lost_claim",
    "personal_refused",
    "quarantine",
    "run",
    "service_grant",
    "shared_claim",
    "source_mapping",
    "warned",
)


def _renamings(database: Database) -> Iterator[str]:
    yield "UPDATE source SET source_id = %(new)s WHERE source_id = %(old)s"
    yield "UPDATE former_source SET source = %(new)s WHERE source = %(old)s"
    yield "INSERT INTO former_source VALUES (%(old)s, %(new)s)"
    yield "UPDATE client SET sources = array_replace(sources, %(old)s, %(new)s)"
    for table in (*_NAMING, *OF_SOURCES):
        yield f"UPDATE {table} SET source = %(new)s WHERE source = %(old)s"  # noqa: S608 - own name
    for tables in database.records.tables.values():
        for each in (tables.source, tables.golden):
            if each is not None:
                yield f"UPDATE {each.name} SET source = %(new)s WHERE source = %(old)s"  # noqa: S608
        if tables.golden is not None:
            yield (
                f"UPDATE {tables.golden.name} SET chosen = ("  # noqa: S608 - own name
                "SELECT jsonb_object_agg(c.key, CASE WHEN c.value = %(old)s THEN %(new)s "
                "ELSE c.value END) FROM jsonb_each_text(chosen) c) "
                "WHERE chosen IS NOT NULL AND %(old)s IN ("
                "SELECT v.value FROM jsonb_each_text(chosen) v)"
            )


def _register(values: Mapping[str, Any]) -> str:
    unknown = values.keys() - SOURCE.columns.keys()
    assert not unknown, f"a source has no {', '.join(unknown)}"
    unchanged = {"source_id", "created_at", "authority"}
    renewed = [f"{name} = EXCLUDED.{name}" for name in values if name not in unchanged]
    renewed.append("authority = coalesce(nullif(source.authority, ''), EXCLUDED.authority)")
    return (
        f"INSERT INTO source ({', '.join(values)}) "  # noqa: S608 - own names
        f"VALUES ({', '.join(f'%({name})s' for name in values)}) "
        f"ON CONFLICT (source_id) DO UPDATE SET {', '.join(renewed)}"
    )


_HEARD = b"""
UPDATE source SET rows = rows + %(added)s,
  last_ok_at = CASE WHEN %(heard)s THEN greatest(last_ok_at, %(as_of)s) ELSE last_ok_at END,
  last_run_at = CASE WHEN %(heard)s THEN %(now)s ELSE last_run_at END,
  last_status = CASE WHEN %(heard)s THEN 'OK' ELSE last_status END,
  last_error_code = CASE WHEN %(heard)s THEN NULL ELSE last_error_code END
WHERE source_id = %(source)s
"""


async def heard_from(
    connection: Connection,
    source_id: str,
    *,
    added: int,
    at: tuple[datetime, datetime] | None,
) -> None:
    """Count the rows by which a source grew, in the transaction that adds them.

    `at`: what it said was known at the first instant and came at the second; None where that is not
    for one batch to say. The last statement of a transaction, since it holds the source's row.
    """
    if at is None and not added:
        return
    as_of, now = at or (None, None)
    await connection.execute(
        _HEARD,
        {
            "added": added,
            "heard": at is not None,
            "as_of": as_of,
            "now": now,
            "source": source_id,
        },
    )


async def doubted_rows(database: Database) -> dict[str, int]:
    """Return by source how many implausible values its records were taken with."""
    rows = await database.reads.fetch_all(
        "SELECT source, sum(rows)::bigint FROM warned GROUP BY source"
    )
    return dict(rows)


async def personal_refused(database: Database) -> list[tuple[str, str, int, datetime]]:
    """Return source, code, how many rows were refused for personal data, and when last."""
    return await database.reads.fetch_all(
        "SELECT source, code, rows, last_at FROM personal_refused ORDER BY source, code"
    )


async def list_sources(database: Database) -> list[Source]:
    """Return every source in order of its id."""
    columns = [SOURCE.c[name] for name in Source.__dataclass_fields__]
    async with database.core() as connection:
        rows = await connection.execute(
            select(*columns).order_by(SOURCE.c.source_id).limit(SOURCES_MAX)
        )
        return [
            Source(**{**row, "owners": None if row["owners"] is None else tuple(row["owners"])})
            for row in rows.mappings()
        ]
