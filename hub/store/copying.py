"""`copying`: COPY of rows that are produced while PostgreSQL reads them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any

from psycopg import AsyncConnection, AsyncCopy
from psycopg.copy import AsyncLibpqWriter

from hub.turns import one_turn

Connection = AsyncConnection[tuple[Any, ...]]

COPY_ROWS_PER_TURN = 50
"""Most rows that are produced and sent before other tasks of the event loop run."""
COPY_FLUSH_BYTES = 65_536
"""Bytes after which a COPY waits until PostgreSQL has received them. A full buffer in the driver is
copied again and again while PostgreSQL has nothing to do."""


async def copy_rows(
    connection: Connection,
    table: str,
    columns: Sequence[str],
    rows: Iterable[bytes],
    *,
    binary: bool = False,
) -> None:
    """COPY rows into a table while they are made, so that PostgreSQL works beside this process.

    `rows` are lines of COPY text, or the parts of a binary COPY. Other tasks run after every
    turn of them (`hub.turns`). `table` and `columns` come from the table definitions, never from
    a caller.
    """
    form = " (FORMAT binary)" if binary else ""
    statement = f"COPY {table} ({', '.join(columns)}) FROM STDIN{form}"
    async with connection.cursor() as cursor:
        writer = AsyncLibpqWriter(cursor, flush_threshold=COPY_FLUSH_BYTES)
        copying = cursor.copy(statement.encode(), writer=writer)
        await _copy(copying, iter(rows))


async def _copy(
    copying: AbstractAsyncContextManager[AsyncCopy], remaining: Iterator[bytes]
) -> None:
    async with copying as copy:
        while part := b"".join(one_turn(remaining, COPY_ROWS_PER_TURN)):
            await copy.write(part)
            await asyncio.sleep(0)
