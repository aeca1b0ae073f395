"""What PostgreSQL and MySQL (MariaDB too) want to be told differently.

Nothing that is set outlives its transaction in PostgreSQL, so a pooler between may be; MySQL knows
such settings only for a connection, and ours is closed after each reading.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Any, Protocol

from psycopg.types.json import set_json_loads
from sqlalchemy import URL, Select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from connectors.limits import SQL_ROWS_AT_ONCE, Limits
from connectors.sql.mysql_tls import connect_over_tls
from connectors.sql.values import SqlKind

__all__ = ["SYSTEMS", "SqlSystem", "Texts"]


@dataclass(frozen=True, kw_only=True)
class Texts:
    """How the database writes its texts, where that is not UTF-8."""

    charset: str | None = None
    """What the server is asked to write."""
    encoding: str | None = None
    """What the bytes of its texts really are, whatever they are declared as (Python's name)."""


class SqlSystem(Protocol):
    """One kind of database."""

    driver: str
    """Of the address as SQLAlchemy reads it."""
    is_postgresql: bool
    moments_in_utc: bool
    """Whether it is given moments with a zone as moments of UTC without one."""

    def arguments(self, url: URL, texts: Texts, tls: Any, limits: Limits) -> dict[str, Any]:
        """Return what its driver is opened with."""

    async def begin(self, connection: AsyncConnection, texts: Texts, limits: Limits) -> None:
        """Begin the one transaction: read-only, a picture of one moment, statements bounded."""

    def rows(
        self, connection: AsyncConnection, statement: Select[Any]
    ) -> AsyncGenerator[Sequence[Any], None]:
        """Yield the rows of a statement through a cursor of the server."""

    def kinds(self, description: Sequence[Any]) -> dict[str, SqlKind]:
        """Return what the types of the columns say, by their names."""


class PostgreSql:
    """PostgreSQL through psycopg."""

    driver = "postgresql+psycopg"
    is_postgresql = True
    moments_in_utc = False
    _KINDS: Mapping[int, SqlKind] = {
        17: SqlKind.BYTES,
        1042: SqlKind.PADDED,
        1082: SqlKind.DAY,
        1083: SqlKind.CLOCK,
        1114: SqlKind.NAIVE,
        1184: SqlKind.AWARE,
    }
    """By the numbers of its types."""

    def arguments(self, url: URL, texts: Texts, tls: Any, limits: Limits) -> dict[str, Any]:
        """No prepared statements: a pooler between could not keep them."""
        given: dict[str, Any] = {
            "connect_timeout": max(2, round(limits.connect_s)),
            "prepare_threshold": None,
            "application_name": "deltahub",
            "sslmode": "prefer" if tls is None else "verify-full",
        }
        if isinstance(tls, str):
            given["sslrootcert"] = tls or "system"
        encoding = "SQL_ASCII" if texts.encoding else texts.charset
        if encoding:
            given["client_encoding"] = encoding
        return given

    async def begin(self, connection: AsyncConnection, texts: Texts, limits: Limits) -> None:
        """All of it ends with the transaction."""
        del texts
        raw = await connection.get_raw_connection()
        set_json_loads(partial(json.loads, parse_float=Decimal), raw.driver_connection)
        await connection.execute(
            text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY, NOT DEFERRABLE")
        )
        for name, value in (
            ("statement_timeout", f"{round(limits.total_s * 1000)}ms"),
            ("lock_timeout", f"{round(limits.read_s * 1000)}ms"),
            ("TimeZone", "UTC"),
            ("DateStyle", "ISO"),
        ):
            await connection.execute(
                text("SELECT set_config(:name, :value, true)"), {"name": name, "value": value}
            )

    async def rows(
        self, connection: AsyncConnection, statement: Select[Any]
    ) -> AsyncGenerator[Sequence[Any], None]:
        """Declare the cursor in our own words: psycopg's warns when its connection was cut."""
        compiled = statement.compile(dialect=connection.dialect)
        await connection.exec_driver_sql(
            f"DECLARE hub_page NO SCROLL CURSOR FOR {compiled}", compiled.params
        )
        while True:
            answer = await connection.exec_driver_sql(f"FETCH {SQL_ROWS_AT_ONCE} FROM hub_page")
            rows = answer.fetchall()
            for row in rows:
                yield row
            if len(rows) < SQL_ROWS_AT_ONCE:
                break
        await connection.exec_driver_sql("CLOSE hub_page")

    def kinds(self, description: Sequence[Any]) -> dict[str, SqlKind]:
        """Return them by the numbers of its types."""
        return {each[0]: self._KINDS.get(each[1], SqlKind.OTHER) for each in description}


class MySql:
    """MySQL and MariaDB through aiomysql."""

    driver = "mysql+aiomysql"
    is_postgresql = False
    moments_in_utc = True
    _KINDS: Mapping[int, SqlKind] = {
        7: SqlKind.AWARE,
        10: SqlKind.DAY,
        11: SqlKind.CLOCK,
        12: SqlKind.NAIVE,
        14: SqlKind.DAY,
        16: SqlKind.BYTES,
        245: SqlKind.JSON,
        255: SqlKind.BYTES,
    }
    """By the numbers of its types; TIMESTAMP is a moment, DATETIME has no zone."""

    def arguments(self, url: URL, texts: Texts, tls: Any, limits: Limits) -> dict[str, Any]:
        """Its files of settings are not read, and it may not ask for a file of ours."""
        given: dict[str, Any] = {
            "connect_timeout": limits.connect_s,
            "charset": texts.charset or "utf8mb4",
            "local_infile": False,
        }
        if tls is not None:
            given["ssl"] = tls
            given["async_creator_fn"] = connect_over_tls
        socket = url.query.get("unix_socket")
        if socket:
            given["unix_socket"] = socket
        return given

    async def begin(self, connection: AsyncConnection, texts: Texts, limits: Limits) -> None:
        """Set them; the time limit has another name and unit in each of the two."""
        is_mariadb = getattr(connection.dialect, "is_mariadb", False)
        bound = (
            f"max_statement_time = {limits.total_s:g}"
            if is_mariadb
            else f"max_execution_time = {round(limits.total_s * 1000)}"
        )
        wait = max(1, round(limits.read_s))
        settings = f"{bound}, lock_wait_timeout = {wait}, time_zone = '+00:00', sql_mode = ''"
        for statement in (
            f"SET SESSION {settings.replace(', ', ', SESSION ')}",
            *(("SET SESSION character_set_results = binary",) if texts.encoding else ()),
            "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ",
            "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY",
        ):
            await connection.exec_driver_sql(statement)

    async def rows(
        self, connection: AsyncConnection, statement: Select[Any]
    ) -> AsyncGenerator[Sequence[Any], None]:
        """Read them unbuffered; an answer that is not read on is cut with its connection."""
        answer = await connection.stream(statement.execution_options(yield_per=SQL_ROWS_AT_ONCE))
        async for row in answer:
            yield row

    def kinds(self, description: Sequence[Any]) -> dict[str, SqlKind]:
        """Return them by the numbers of its types."""
        return {each[0]: self._KINDS.get(each[1], SqlKind.OTHER) for each in description}


_MYSQL = MySql()
SYSTEMS: Mapping[str, SqlSystem] = {
    "postgresql": PostgreSql(),
    "mysql": _MYSQL,
    "mariadb": _MYSQL,
}
"""By the first word of the address."""
