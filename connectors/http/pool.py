"""`HttpPool`: the connections to one origin, newest idle one first.

At most `connections_max` exist at a time; further requests wait, at most for the pool timeout.
"""

import asyncio
import ssl
from collections import deque
from dataclasses import dataclass

import httpx

from connectors.http.wire import Connection
from connectors.limits import Limits

__all__ = ["HttpPool", "Origin"]


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a connection leads."""

    host: str
    port: int
    tls_name: str | None
    """Server name the certificate must carry; None for plain TCP."""


class HttpPool:
    """Opens the connections of one origin, and holds those that no exchange uses."""

    def __init__(self, origin: Origin, context: ssl.SSLContext | None, limits: Limits) -> None:
        """Remember how to open connections; none is opened yet."""
        self._origin = origin
        self._context = context
        self._limits = limits
        self._idle: deque[Connection] = deque()
        self._slots = asyncio.Semaphore(limits.connections_max)
        self._in_use: set[Connection] = set()

    @property
    def busy(self) -> bool:
        """Tell whether an exchange is going on."""
        return bool(self._in_use)

    async def acquire(self, *, connect_s: float, pool_s: float, fresh: bool) -> Connection:
        """Return a connection for one exchange; `fresh` asks for one never used before."""
        if self._slots.locked():
            try:
                async with asyncio.timeout(pool_s):
                    await self._slots.acquire()
            except TimeoutError as error:
                raise httpx.PoolTimeout("all connections to the server are busy") from error
        else:
            await self._slots.acquire()  # at once
        try:
            connection = None if fresh else self._newest_idle()
            if connection is None:
                connection = await self._open(connect_s)
        except BaseException:
            self._slots.release()
            raise
        self._in_use.add(connection)
        return connection

    def release(self, connection: Connection, *, reusable: bool) -> None:
        """End the use of a connection; one that cannot be used again is closed."""
        if connection not in self._in_use:
            return
        self._in_use.discard(connection)
        self._slots.release()
        connection.finish()
        if reusable and not connection.closed:
            connection.idle_since = asyncio.get_running_loop().time()
            self._idle.append(connection)
        else:
            connection.abort()

    def close(self) -> None:
        """Close every connection, also those in use."""
        for connection in (*self._idle, *self._in_use):
            connection.abort()
        self._idle.clear()

    def _newest_idle(self) -> Connection | None:
        oldest = asyncio.get_running_loop().time() - self._limits.keep_alive_s
        while self._idle:
            connection = self._idle.pop()
            if not connection.closed and connection.idle_since > oldest:
                return connection
            connection.abort()
        return None

    async def _open(self, connect_s: float) -> Connection:
        origin = self._origin
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(connect_s):
                _, connection = await loop.create_connection(
                    Connection,
                    origin.host,
                    origin.port,
                    ssl=self._context if origin.tls_name else None,
                    server_hostname=origin.tls_name,
                )
        except TimeoutError as error:
            raise httpx.ConnectTimeout("the server does not answer the connection") from error
        except (OSError, ssl.CertificateError) as error:
            raise httpx.ConnectError(str(error)) from error
        return connection
