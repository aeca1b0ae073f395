"""`locks`: advisory locks of the database: of tasks that one worker does, and of things in work.

The numbers of tasks stand in one list, so that no two share one. A number stays: a worker of
another version that still runs knows it under the same.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from enum import IntEnum, unique
from hashlib import sha256

from hub.store.copying import Connection
from hub.store.database import Database


@unique
class SessionLock(IntEnum):
    """A task that one worker of a hub does at a time."""

    HOUSEKEEPING = 7_340_001
    SEQUENCER = 7_340_002
    GRADING = 7_340_003
    JOINING = 7_340_004
    WEBHOOKS = 7_340_010
    ORDERS = 7_340_011
    CLAIMS = 7_340_030
    CLAIM_DAYS = 7_340_032
    VOUCHERS = 7_340_033


CLAIM_KEYS = 7_340_031
"""Held by who makes fingerprints under a new key, shared by who keeps those of a claim."""


@asynccontextmanager
async def only_worker(database: Database, task: SessionLock) -> AsyncIterator[bool]:
    """Keep a task to this worker while the block runs; tell whether no other one is at work on it.

    Waits for nobody. A worker that dies lets go of its task with its connection.
    """
    async with database.writes.connection() as connection:
        cursor = await connection.execute(b"SELECT pg_try_advisory_lock(%s)", (task.value,))
        ((is_ours,),) = await cursor.fetchall()
        try:
            yield is_ours
        finally:
            if is_ours:
                await connection.execute(b"SELECT pg_advisory_unlock(%s)", (task.value,))


@asynccontextmanager
async def alone_with(database: Database, thing: str, wait_ms: int) -> AsyncIterator[Connection]:
    """Keep others that want the same thing waiting, in all workers, for as long as the block runs.

    Gives a connection whose transaction ends with the block. Raises `HubError` TIMEOUT after
    `wait_ms`; nothing was done then.
    """
    number = _number(thing)
    async with database.writes.connection() as connection, connection.transaction():
        await connection.execute(f"SET LOCAL lock_timeout = {wait_ms}".encode())
        await connection.execute(b"SELECT pg_advisory_xact_lock(%s)", (number,))
        yield connection


async def free_of_others(connection: Connection, things: Sequence[str]) -> list[bool]:
    """Lock each thing that nobody else is at work on, until the transaction ends; say which.

    Waits for nobody, so whoever locks several things so never waits for another one that does.
    """
    cursor = await connection.execute(
        b"SELECT pg_try_advisory_xact_lock(n) FROM unnest(%s::bigint[]) n",
        ([_number(each) for each in things],),
    )
    return [is_free for (is_free,) in await cursor.fetchall()]


def _number(thing: str) -> int:
    """Return the number by which all workers lock a thing."""
    return int.from_bytes(sha256(thing.encode()).digest()[:8], signed=True)
