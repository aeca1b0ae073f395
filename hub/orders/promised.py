"""`promised`: the answer that a partner's request to book gets whenever it is sent again.

It is kept beside the answers to pushes, so that a client's idempotency key stands for one request,
whatever it asks for. While nothing is settled the key stands for the body only: the same request
again goes on with the order.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from hub.intake.batch import Idempotency
from hub.intake.idempotency import check_body
from hub.store.database import Database

UNSETTLED = "{}"
_TAKE = """
INSERT INTO idempotency (client_id, key, body_hash, answer, created_at)
VALUES (%s, %s, %s, %s, %s) ON CONFLICT DO NOTHING"""
_READ = "SELECT body_hash, answer FROM idempotency WHERE client_id = %s AND key = %s"
_KEEP = """
UPDATE idempotency SET answer = %s
WHERE client_id = %s AND key = %s AND body_hash = %s AND answer = %s"""
_FORGET = """
DELETE FROM idempotency WHERE client_id = %s AND key = %s AND body_hash = %s AND answer = %s"""


async def taken(
    database: Database, client: str, idempotency: Idempotency, now: datetime
) -> Mapping[str, Any] | None:
    """Let a key stand for its request; return the answer that it has got already.

    Raises `RefusedError` IDEMPOTENCY_CONFLICT for the key of another request, ERASED for one of
    which something was erased.
    """
    key, body = idempotency.key, idempotency.body_hash
    async with database.writes.connection() as connection, connection.transaction():
        await connection.execute(_TAKE, (client, key, body, UNSETTLED, now))
        cursor = await connection.execute(_READ, (client, key))
        kept = await cursor.fetchone()
    assert kept is not None, "it was put there, and what is old is deleted by day"
    check_body(kept[0], idempotency)
    return json.loads(kept[1]) or None


async def keep(
    database: Database, client: str, idempotency: Idempotency, answer: Mapping[str, Any]
) -> None:
    """Keep a settled answer; the first one stays."""
    text = json.dumps(answer, ensure_ascii=False)
    values = (text, client, idempotency.key, idempotency.body_hash, UNSETTLED)
    async with database.writes.connection() as connection:
        await connection.execute(_KEEP, values)


async def forget(database: Database, client: str, idempotency: Idempotency) -> None:
    """Let a key go that stands for nothing: its request was refused as a whole."""
    async with database.writes.connection() as connection:
        await connection.execute(
            _FORGET, (client, idempotency.key, idempotency.body_hash, UNSETTLED)
        )
