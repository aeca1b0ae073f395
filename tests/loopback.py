"""A server on the loopback interface that hands each connection to a function of the test."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
LINE_BYTES_MAX = 2**22
CLOSING_TURNS = 3
"""Turns of the loop in which transports tell that they were closed."""


@asynccontextmanager
async def loopback_server(
    handle: Handler, context: ssl.SSLContext | None = None
) -> AsyncIterator[int]:
    """Serve while the block runs; gives the port. A connection is hung up when `handle` returns."""
    tasks: set[asyncio.Task[None]] = set()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        # `drain` then waits until nothing is left: the abort below would drop what is.
        writer.transport.set_write_buffer_limits(0)
        try:
            await handle(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.transport.abort()
            tasks.discard(task)

    server = await asyncio.start_server(accept, "127.0.0.1", 0, ssl=context, limit=LINE_BYTES_MAX)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        running = list(tasks)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        await server.wait_closed()
        for _ in range(CLOSING_TURNS):
            await asyncio.sleep(0)
