"""`exports`: the tables of exports: begun, filled part by part, ended, forgotten.

- A part is written in one transaction, and only while its export is RUNNING: what was closed,
  removed or erased meanwhile gets no more parts.
- An export is alive exactly while the process that makes it holds its lock. One that is RUNNING
  while nobody holds the lock was cut off, whoever looks, on whichever machine.
- The content goes when the export expires, the header some days later.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hub.errors import ErrorCode
from hub.store.copying import Connection
from hub.store.database import Database, translated

CHUNK_BYTES = 1024 * 1024
"""Bytes of a stored piece of a part, and of what a download holds in memory."""
_COLUMNS = (
    *("export_id", "client_id", "status", "format", "document", "variables", "scopes", "rights"),
    *("facts", "rows", "size", "hidden", "error_code", "created_at", "ended_at", "expires_at"),
)
_LOCK = "hashtextextended('export:' || {}, 0)"
_BEGIN = f"""
INSERT INTO export (export_id, client_id, status, format, document, variables, scopes, rights,
  holder, created_at, expires_at)
VALUES (%s, %s, 'RUNNING', %s, %s, %s::jsonb, %s, %s, %s, %s, %s)
RETURNING {", ".join(_COLUMNS)}"""  # noqa: S608 - own names
_READ = f"SELECT {', '.join(_COLUMNS)} FROM export"  # noqa: S608 - own names
_CUT_OFF = f"""
UPDATE export SET status = 'FAILED', error_code = %(code)s, ended_at = %(now)s
WHERE status = 'RUNNING' AND NOT EXISTS (
  SELECT FROM pg_locks l JOIN pg_database d ON d.oid = l.database AND d.datname = current_database()
  WHERE l.locktype = 'advisory' AND l.objsubid = 1 AND l.granted
    AND (l.classid::bigint << 32 | l.objid::bigint) = {_LOCK.format("holder")})"""  # noqa: S608 - a constant
"""`objsubid` 1 marks locks of one bigint."""


@dataclass(frozen=True, kw_only=True, slots=True)
class KeptExport:
    """An export as it stands."""

    export_id: str
    client_id: str
    status: str
    format: str
    document: str
    variables: Mapping[str, Any]
    scopes: frozenset[str]
    rights: bytes
    facts: Mapping[str, Any]
    rows: int
    size: int
    hidden: int
    error_code: str | None
    created_at: datetime
    ended_at: datetime | None
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class ExportPart:
    """One file of an export."""

    number: int
    rows: int
    size: int
    sha256: bytes


@dataclass(frozen=True, slots=True)
class ExportUse:
    """What is kept: exports of a client, those of it that run, bytes of all clients."""

    kept: int
    running: int
    size: int


def _export(row: tuple[Any, ...]) -> KeptExport:
    facts = dict(zip(_COLUMNS, row, strict=True))
    return KeptExport(
        **{**facts, "scopes": frozenset(facts["scopes"]), "rights": bytes(facts["rights"])}
    )


async def use_of(connection: Connection, client_id: str) -> ExportUse:
    """Return what is kept, and let nobody else begin an export until the transaction ends."""
    await connection.execute("SELECT pg_advisory_xact_lock(hashtextextended('exports', 0))")
    cursor = await connection.execute(
        "SELECT count(*) FILTER (WHERE client_id = %(client)s AND status IN ('RUNNING', "
        "'COMPLETED')), count(*) FILTER (WHERE client_id = %(client)s AND status = 'RUNNING'), "
        "coalesce(sum(size) FILTER (WHERE status <> 'EXPIRED'), 0)::bigint FROM export",
        {"client": client_id},
    )
    return ExportUse(*(await cursor.fetchone() or (0, 0, 0)))


async def begin(connection: Connection, export: KeptExport, holder: str) -> KeptExport:
    """Note an export that begins."""
    cursor = await connection.execute(
        _BEGIN.encode(),
        (
            *(export.export_id, export.client_id, export.format, export.document),
            *(json.dumps(dict(export.variables)), sorted(export.scopes), export.rights),
            *(holder, export.created_at, export.expires_at),
        ),
    )
    row = await cursor.fetchone()
    assert row is not None, "it was just written"
    return _export(row)


async def note_facts(database: Database, export_id: str, facts: Mapping[str, Any]) -> None:
    """Note what the manifest says of an export as a whole."""
    async with database.writes.connection() as connection:
        await connection.execute(
            "UPDATE export SET facts = %s::jsonb WHERE export_id = %s",
            (json.dumps(dict(facts), ensure_ascii=False), export_id),
        )


async def add_part(
    database: Database,
    export_id: str,
    part: ExportPart,
    hidden: int,
    chunks: Iterable[bytes],
) -> bool:
    """Write a part; False, and nothing is written, where the export does not run any more."""
    async with database.writes.transaction() as connection:
        cursor = await connection.execute(
            "UPDATE export SET rows = rows + %s, size = size + %s, hidden = hidden + %s "
            "WHERE export_id = %s AND status = 'RUNNING'",
            (part.rows, part.size, hidden, export_id),
        )
        if not cursor.rowcount:
            return False
        await connection.execute(
            "INSERT INTO export_part (export_id, number, rows, size, sha256) "
            "VALUES (%s, %s, %s, %s, %s)",
            (export_id, part.number, part.rows, part.size, part.sha256),
        )
        for number, content in enumerate(chunks):
            await connection.execute(
                "INSERT INTO export_chunk (export_id, part, number, content) "
                "VALUES (%s, %s, %s, %s)",
                (export_id, part.number, number, content),
            )
    return True


async def finish(
    database: Database, export_id: str, now: datetime, code: ErrorCode | None = None
) -> None:
    """Note how an export ended; `code`: why it failed. One that has ended stays as it is."""
    async with database.writes.connection() as connection:
        await connection.execute(
            "UPDATE export SET status = %s, error_code = %s, ended_at = %s "
            "WHERE export_id = %s AND status = 'RUNNING'",
            (
                "COMPLETED" if code is None else "FAILED",
                None if code is None else code.name,
                now,
                export_id,
            ),
        )


async def kept_export(database: Database, client_id: str, export_id: str) -> KeptExport | None:
    """Return an export of a client, or None."""
    rows = await database.writes.fetch_all(
        f"{_READ} WHERE export_id = %s AND client_id = %s", (export_id, client_id)
    )
    return _export(rows[0]) if rows else None


async def kept_exports(database: Database, client_id: str, first: int) -> list[KeptExport]:
    """Return a client's newest exports."""
    rows = await database.writes.fetch_all(
        f"{_READ} WHERE client_id = %s ORDER BY created_at DESC, export_id LIMIT %s",
        (client_id, first),
    )
    return [_export(row) for row in rows]


async def parts_of(database: Database, export_id: str) -> list[ExportPart]:
    """Return the parts that are there, in their order."""
    rows = await database.writes.fetch_all(
        "SELECT number, rows, size, sha256 FROM export_part WHERE export_id = %s ORDER BY number",
        (export_id,),
    )
    return [ExportPart(number, count, size, bytes(made)) for number, count, size, made in rows]


async def chunk(database: Database, export_id: str, part: int, number: int) -> bytes | None:
    """Return one piece of a part; None where it is gone."""
    rows = await database.writes.fetch_all(
        "SELECT content FROM export_chunk WHERE export_id = %s AND part = %s AND number = %s",
        (export_id, part, number),
    )
    return bytes(rows[0][0]) if rows else None


async def remove(database: Database, client_id: str, export_id: str, now: datetime) -> bool:
    """Let the content of an export go before its time; whether there was such an export."""
    async with database.writes.transaction() as connection:
        cursor = await connection.execute(
            "UPDATE export SET status = 'EXPIRED', expires_at = least(expires_at, %s), "
            "ended_at = coalesce(ended_at, %s) WHERE export_id = %s AND client_id = %s",
            (now, now, export_id, client_id),
        )
        await _drop_content(connection, "e.export_id = %s", (export_id,) if cursor.rowcount else ())
        return bool(cursor.rowcount)


async def delete_expired(database: Database, now: datetime, headers_until: datetime) -> int:
    """Let go what has been kept long enough; return how many exports that was.

    `headers_until`: headers of exports that began before this go as well.
    """
    async with database.writes.transaction() as connection:
        cursor = await connection.execute(
            "UPDATE export SET status = 'EXPIRED' WHERE status IN ('COMPLETED', 'FAILED') "
            "AND expires_at <= %s",
            (now,),
        )
        expired = cursor.rowcount
        await _drop_content(connection, "e.status = 'EXPIRED' AND e.expires_at <= %s", (now,))
        await connection.execute(
            "DELETE FROM export WHERE status = 'EXPIRED' AND created_at < %s", (headers_until,)
        )
    return expired


async def forget_content(connection: Connection) -> None:
    """Let the content of every export go: something that they may hold was erased by order."""
    await connection.execute(
        "UPDATE export SET status = 'FAILED', error_code = %s, document = '', "
        "variables = '{}'::jsonb WHERE status <> 'EXPIRED'",
        (ErrorCode.ERASED.name,),
    )
    await connection.execute(
        "UPDATE export SET document = '', variables = '{}'::jsonb WHERE status = 'EXPIRED'"
    )
    await connection.execute("DELETE FROM export_part")
    await connection.execute("DELETE FROM export_chunk")


async def close_cut_off(database: Database, now: datetime) -> int:
    """Note as FAILED what runs while nobody makes it; return how many those were."""
    async with database.writes.connection() as connection:
        cursor = await connection.execute(
            _CUT_OFF.encode(), {"code": ErrorCode.EXPORT_CUT_OFF.name, "now": now}
        )
        return cursor.rowcount


async def hold(database: Database, holder: str) -> Connection:
    """Return a session that holds the lock of a process that makes exports."""
    with translated():
        connection = await database.writes.connect()
        await connection.execute(f"SELECT pg_advisory_lock({_LOCK.format('%s')})", (holder,))
    return connection


async def _drop_content(connection: Connection, which: str, values: tuple[Any, ...]) -> None:
    if not values:
        return
    for table in ("export_part", "export_chunk"):
        await connection.execute(
            f"DELETE FROM {table} c USING export e "  # noqa: S608 - own names
            f"WHERE e.export_id = c.export_id AND {which}".encode(),
            values,
        )
