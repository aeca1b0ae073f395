"""`copying`: rows into a table by COPY, made while PostgreSQL takes them in."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager
from itertools import islice
from typing import Any

from psycopg import AsyncConnection, AsyncCopy
from psycopg.copy import AsyncLibpqWriter

Connection = AsyncConnection[tuple[Any, ...]]

COPY_ROWS_PER_TURN = 50
"""Rows that are made and sent before other work of the process gets its turn."""
COPY_FLUSH_BYTES = 65_536
"""Bytes after which a COPY waits until PostgreSQL has them. What waits in the driver's buffer is
moved again and again, and PostgreSQL has nothing to do meanwhile."""


async def copy_rows(
    connection: Connection,
    table: str,
    columns: Sequence[str],
    rows: Iterable[bytes],
    *,
    binary: bool = False,
) -> None:
    """COPY rows into a table while they are made, so that PostgreSQL works beside this process.

    `rows` are lines of COPY text, or the parts of a binary COPY. Other work of the process gets its
    turn after each few of them. `table` and `columns` come from the table definitions, never from a
    caller.
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
        while part := b"".join(islice(remaining, COPY_ROWS_PER_TURN)):
            await copy.write(part)
            await asyncio.sleep(0)
