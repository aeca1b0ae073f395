"""`idempotency`: a request sent again gets the answer it got the first time.

- The pair (client, key) stands for one body. The same body again: the stored answer. Another body:
  `IDEMPOTENCY_CONFLICT`, nothing written.
- The answer is written in the transaction of the batch, so it exists exactly when the batch does.
- Rows that are handed on to another hub are UNSETTLED in it before they leave, so nothing that may
  have been taken there is forgotten here; what that hub says takes their place.
- When something that a request sent is erased, so are its answer and the hash of its body: the same
  request gets `ERASED` and is not taken in again as long as its key is kept.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta

from hub.errors import ErrorCode, RefusedError
from hub.intake.batch import Batch, Idempotency, Outcome, Outcomes
from hub.intake.limits import IDEMPOTENCY_KEPT_DAYS, IDEMPOTENCY_KEY_LENGTH_MAX
from hub.store.copying import Connection
from hub.store.database import Database

ERASED_BODY = b""
"""Stands in place of the hash of a body of which something was erased."""


async def earlier_answer(connection: Connection, batch: Batch) -> Outcomes | None:
    """Return the answer that this request got before, if it did.

    Raises `RefusedError` when the key stood for another body.
    """
    idempotency = batch.idempotency
    if idempotency is None or batch.dry_run:
        return None
    cursor = await connection.execute(
        "SELECT body_hash, answer FROM idempotency WHERE client_id = %s AND key = %s",
        (_holder(batch), idempotency.key),
    )
    row = await cursor.fetchone()
    if row is None:
        return None
    check_body(row[0], idempotency)
    return await asyncio.to_thread(Outcomes.from_text, row[1], replayed=True)


def check_body(kept: bytes, idempotency: Idempotency) -> None:
    """Raise `RefusedError` unless a key stands for the body that came with it; `kept`: its hash."""
    if kept == ERASED_BODY:
        raise RefusedError(
            ErrorCode.ERASED,
            hint="What this request sent was erased by order. To send something else, use a new "
            "Idempotency-Key.",
            hint_zh="该请求所报内容已依令删除；发送其他内容请换新的 Idempotency-Key。",
        )
    if kept != idempotency.body_hash:
        raise RefusedError(
            ErrorCode.IDEMPOTENCY_CONFLICT,
            hint="Use a new Idempotency-Key for new content, or send the first body again.",
            hint_zh="内容不同请换新的 Idempotency-Key，重发则须与首次内容一致。",
        )


async def claim(connection: Connection, batch: Batch) -> None:
    """Lock this request until the transaction ends, so that only one transaction answers it."""
    if batch.idempotency is not None:
        lock_name = f"idempotency:{_holder(batch)}:{batch.idempotency.key}"
        await connection.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended(%s, 1))", (lock_name,)
        )


async def store_answer(
    connection: Connection, batch: Batch, outcomes: Outcomes, now: datetime
) -> None:
    """Store the answer for later repeats."""
    idempotency = batch.idempotency
    if idempotency is None:
        return
    answer = await asyncio.to_thread(outcomes.to_text)
    await connection.execute(
        "INSERT INTO idempotency (client_id, key, body_hash, answer, created_at) "
        "VALUES (%s, %s, %s, %s, %s)",
        (_holder(batch), idempotency.key, idempotency.body_hash, answer, now),
    )


async def settle_answer(database: Database, batch: Batch, outcomes: Outcomes) -> Outcomes:
    """Keep what became of rows that were UNSETTLED; return the whole answer as it stands now.

    What is settled stays: of two that ask at once, the one that heard nothing changes nothing.
    """
    if batch.idempotency is None or batch.dry_run:
        return outcomes
    name = (_holder(batch), batch.idempotency.key, batch.idempotency.body_hash)
    async with database.writes.transaction() as connection:
        cursor = await connection.execute(
            "SELECT answer FROM idempotency WHERE client_id = %s AND key = %s AND body_hash = %s "
            "FOR UPDATE",
            name,
        )
        row = await cursor.fetchone()
        if row is None:  # erased, or older than answers are kept
            return outcomes
        kept = await asyncio.to_thread(Outcomes.from_text, row[0], replayed=False)
        settled = tuple(
            heard if stands.outcome is Outcome.UNSETTLED else stands
            for stands, heard in zip(kept.rows, outcomes.rows, strict=True)
        )
        whole = replace(outcomes, rows=settled)
        answer = await asyncio.to_thread(whole.to_text)
        await connection.execute(
            "UPDATE idempotency SET answer = %s "
            "WHERE client_id = %s AND key = %s AND body_hash = %s",
            (answer, *name),
        )
    return whole


async def delete_old_answers(database: Database, now: datetime) -> int:
    """Delete answers older than `IDEMPOTENCY_KEPT_DAYS`; return how many."""
    async with database.writes.connection() as connection:
        cursor = await connection.execute(
            "DELETE FROM idempotency WHERE created_at < %s",
            (now - timedelta(days=IDEMPOTENCY_KEPT_DAYS),),
        )
        return cursor.rowcount


def check_key(idempotency: Idempotency) -> None:
    """Refuse a key that cannot be kept."""
    if (
        not 0 < len(idempotency.key) <= IDEMPOTENCY_KEY_LENGTH_MAX
        or not idempotency.key.isprintable()
    ):
        raise RefusedError(
            ErrorCode.BAD_USER_INPUT,
            hint=f"An Idempotency-Key is 1 to {IDEMPOTENCY_KEY_LENGTH_MAX} printable characters.",
            hint_zh=f"Idempotency-Key 为 1 至 {IDEMPOTENCY_KEY_LENGTH_MAX} 个可打印字符。",
        )


def _holder(batch: Batch) -> str:
    return batch.client_id or batch.party
