"""`connect_over_tls`: a connection to MySQL that is encrypted, or none.

aiomysql goes on in the clear where the server offers no TLS, and so would whoever stands between it
and us have it. What it checks before it says who we are is checked here in its place.
"""

from __future__ import annotations

from typing import Any

from aiomysql import OperationalError
from aiomysql.connection import Connection as AioMySqlConnection
from pymysql.constants import CLIENT

__all__ = ["connect_over_tls"]

NO_TLS = 2026
"""CR_SSL_CONNECTION_ERROR."""


class _TlsOnly(AioMySqlConnection):  # type: ignore[misc]  # it has no types
    async def _request_authentication(self) -> None:
        if not self.server_capabilities & CLIENT.SSL:
            raise OperationalError(NO_TLS, "the server offers no TLS")
        await super()._request_authentication()


async def connect_over_tls(**arguments: Any) -> Any:
    """Connect, as `aiomysql.connect` does with an SSL context."""
    assert arguments.get("ssl") is not None, "there is nothing to check the server by"
    connection = _TlsOnly(**arguments)
    await connection._connect()
    return connection
