"""`client_documents`: the documents that each client has registered for itself.

A document is named by the hash of its text; a name beside it is for people. What a client has
registered ends with the client.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from hub.errors import ErrorCode, RefusedError
from hub.store.database import Database

ID = re.compile(r"sha256:[0-9a-f]{64}")
DOCUMENTS_MAX = 100
"""Documents of one client."""


@dataclass(frozen=True, slots=True)
class KeptDocument:
    """A document of a client."""

    document_id: str
    name: str | None
    text: str
    kept_at: datetime


async def keep_document(database: Database, client_id: str, kept: KeptDocument) -> bool:
    """Keep a document; return whether it is new. The same text again may change its name.

    Raises `RefusedError` NOT_FOUND where no such client is there, CONFLICT for too many documents
    and for a name that another document of the client has.
    """
    async with database.writes.transaction() as connection:
        cursor = await connection.execute(
            "SELECT FROM client WHERE client_id = %s AND status <> 'REMOVED' FOR UPDATE",
            (client_id,),
        )
        if await cursor.fetchone() is None:
            raise RefusedError(
                ErrorCode.NOT_FOUND,
                hint=f"There is no client {client_id}.",
                hint_zh=f"没有接入方 {client_id}。",
            )
        cursor = await connection.execute(
            "SELECT document_id, name FROM client_document WHERE client_id = %s", (client_id,)
        )
        known = {row[0]: row[1] for row in await cursor.fetchall()}
        is_new = known.pop(kept.document_id, kept) is kept
        if is_new and len(known) >= DOCUMENTS_MAX:
            hint = f"At most {DOCUMENTS_MAX} documents of a client; remove some."
            hint_zh = f"一个接入方至多 {DOCUMENTS_MAX} 份文档，请删去一些。"
            raise RefusedError(ErrorCode.CONFLICT, hint=hint, hint_zh=hint_zh)
        if kept.name is not None and kept.name in known.values():
            hint = f"Another document is named {kept.name}; remove it or choose another name."
            hint_zh = f"已有文档名为 {kept.name}；请删去它，或换一个名称。"
            raise RefusedError(ErrorCode.CONFLICT, hint=hint, hint_zh=hint_zh)
        await connection.execute(
            "INSERT INTO client_document (client_id, document_id, name, text, kept_at) "
            "VALUES (%s, %s, %s, %s, %s) ON CONFLICT (client_id, document_id) "
            "DO UPDATE SET name = excluded.name",
            (client_id, kept.document_id, kept.name, kept.text, kept.kept_at),
        )
    return is_new


async def kept_documents(database: Database, client_id: str) -> list[KeptDocument]:
    """Return the documents of a client, oldest first."""
    rows = await database.reads.fetch_all(
        "SELECT document_id, name, text, kept_at FROM client_document WHERE client_id = %s "
        "ORDER BY kept_at, document_id",
        (client_id,),
    )
    return [KeptDocument(*row) for row in rows]


async def document_ids(database: Database, client_id: str) -> frozenset[str]:
    """Return the ids of a client's documents."""
    rows = await database.reads.fetch_all(
        "SELECT document_id FROM client_document WHERE client_id = %s", (client_id,)
    )
    return frozenset(row[0] for row in rows)


async def document_text(database: Database, client_id: str, document_id: str) -> str | None:
    """Return the text of a client's document, or None."""
    rows = await database.reads.fetch_all(
        "SELECT text FROM client_document WHERE client_id = %s AND document_id = %s",
        (client_id, document_id),
    )
    return str(rows[0][0]) if rows else None


async def remove_document(database: Database, client_id: str, document_id: str) -> None:
    """Remove a document; RefusedError DOCUMENT_UNKNOWN without one."""
    unknown = RefusedError(
        ErrorCode.DOCUMENT_UNKNOWN,
        hint="List the documents of the client.",
        hint_zh="请先列出该接入方的文档。",
    )
    if not ID.fullmatch(document_id):  # PostgreSQL takes no NUL and no half characters
        raise unknown
    async with database.writes.connection() as connection:
        cursor = await connection.execute(
            "DELETE FROM client_document WHERE client_id = %s AND document_id = %s",
            (client_id, document_id),
        )
    if not cursor.rowcount:
        raise unknown
