"""`SqlSession`: one database of a source. Each reading has its own connection and transaction.

- The transaction is read-only and a picture of one moment: what is read in several pages is one
  state of the view, and what others commit meanwhile comes with the next reading.
- Rows come through a cursor of the server; an answer is never in memory as a whole.
- A reading that ends in any other way than well ends its connection with it.
- Names of schemas, views and columns are always quoted; they are never part of a text of SQL.
- No password stands in an error: of the driver's own words only those of a connection that was not
  made are repeated, without what lets us in.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import (
    URL,
    Executable,
    NullPool,
    Select,
    TableClause,
    column,
    literal_column,
    select,
    table,
    true,
)
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.sql import quoted_name

from connectors.errors import PayloadError
from connectors.limits import SQL_CLOSING_S, Limits
from connectors.sql.errors import speaking_for
from connectors.sql.systems import SYSTEMS, SqlSystem, Texts
from connectors.sql.values import SqlKind

__all__ = ["Snapshot", "SqlSession", "open_sql"]

NAME_CHARACTERS_MAX = 64
"""The longest name that both kinds of database know."""


@dataclass(frozen=True, kw_only=True)
class SqlSession:
    """What a reader of views needs of its source."""

    source: str
    engine: AsyncEngine
    system: SqlSystem
    limits: Limits
    schema: str | None = None
    views: Mapping[str, str] = field(default_factory=dict)
    """What views are called here, where it is not what the adapter calls them."""
    texts: Texts = field(default_factory=Texts)
    secrets: tuple[str, ...] = field(default=(), repr=False)

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[Snapshot]:
        """Open a connection and a read-only transaction for as long as the block runs."""
        place = "the database"
        connection: AsyncConnection | None = None
        try:
            async with speaking_for(self.source, place, self.secrets, connecting=True):
                async with asyncio.timeout(self.limits.connect_s + self.limits.read_s):
                    connection = await self._connected()
            async with speaking_for(self.source, place, self.secrets):
                async with asyncio.timeout(self.limits.read_s):
                    await self.system.begin(connection, self.texts, self.limits)
            yield Snapshot(self, connection)
            await connection.rollback()
        except BaseException:
            if connection is not None:
                await connection.invalidate()  # what it was about to say is nobody's any more
            raise
        finally:
            if connection is not None:
                await connection.close()

    async def _connected(self) -> AsyncConnection:
        """Connect; when that is cancelled, nothing of it is left open, not even in the error."""
        making = asyncio.create_task(_connect(self.engine), name="connecting to a database")
        try:
            return await asyncio.shield(making)
        except asyncio.CancelledError:
            making.cancel()
            await asyncio.wait([making], timeout=SQL_CLOSING_S)
            if making.done() and not making.cancelled() and making.exception() is None:
                await making.result().invalidate()
                await making.result().close()
            raise
        finally:
            del making  # a traceback would hold it, and with it half a connection

    def view(self, name: str) -> TableClause:
        """Return a view by what its adapter calls it."""
        called = self.views.get(name, name)
        schema = None if self.schema is None else self.name(self.schema)
        return table(self.name(called), schema=schema)

    def name(self, text: str) -> quoted_name:
        """Return the name of a schema, view or column, which will be quoted."""
        if not 0 < len(text) <= NAME_CHARACTERS_MAX or not text.isprintable():
            raise PayloadError(
                self.source,
                f"{text[:NAME_CHARACTERS_MAX]!r} is no name of a schema, view or column",
                hint=f"a name has 1 to {NAME_CHARACTERS_MAX} printable characters",
            )
        return quoted_name(text, quote=True)


@dataclass(frozen=True)
class Snapshot:
    """One transaction of a session."""

    session: SqlSession
    connection: AsyncConnection

    @asynccontextmanager
    async def _asking(self, place: str) -> AsyncIterator[None]:
        session = self.session
        async with (
            speaking_for(session.source, place, session.secrets),
            asyncio.timeout(session.limits.total_s + session.limits.read_s),
        ):
            yield

    async def kinds(self, view: TableClause, columns: Sequence[str]) -> dict[str, SqlKind]:
        """Return the columns of a view (all, where none are named) with what their types say."""
        named: list[Any] = [column(self.session.name(each)) for each in columns]
        statement = select(*(named or [literal_column("*")])).select_from(view)
        async with self._asking(view.name):
            answer = await self.connection.execute(statement.where(~true()))
            found = list(answer.cursor.description or ())
            answer.close()
        return self.session.system.kinds(found)

    async def rows(self, statement: Select[Any], place: str) -> AsyncGenerator[Sequence[Any], None]:
        """Yield the rows of a statement as they come; it is to be read to its end."""
        async with (
            self._asking(place),
            aclosing(self.session.system.rows(self.connection, statement)) as answer,
        ):
            async for row in answer:
                yield row

    async def all(self, statement: Executable, place: str) -> Sequence[Sequence[Any]]:
        """Return all rows of a statement that has few."""
        async with self._asking(place):
            return (await self.connection.execute(statement)).fetchall()

    async def one(self, statement: Select[Any], place: str) -> Any:
        """Return the first value of a statement's first row; None without one."""
        async with self._asking(place):
            return (await self.connection.execute(statement)).scalar()

    async def is_refused(self, statement: Executable) -> bool:
        """Tell whether the database refuses a statement; nothing of it stays either way."""
        try:
            async with asyncio.timeout(self.session.limits.read_s):
                async with self.connection.begin_nested():
                    await self.connection.execute(statement)
        except DBAPIError:
            return True
        return False


async def _connect(engine: AsyncEngine) -> AsyncConnection:
    return await engine.connect()


def _tls_of(system: SqlSystem, ca_file: str | None) -> Any:
    """Return what the driver wants to be told, that it may check who answers."""
    if system.is_postgresql:
        return ca_file or ""
    return ssl.create_default_context(cafile=ca_file)


@asynccontextmanager
async def open_sql(
    source: str,
    url: URL,
    limits: Limits,
    *,
    is_tls: bool,
    ca_file: str | None = None,
    **more: Any,
) -> AsyncIterator[SqlSession]:
    """Open a session at an address, whose first word names the kind of database.

    `is_tls`: encrypted, and the name of who answers is checked; `more`: members of `SqlSession`.
    """
    system = SYSTEMS[url.get_backend_name()]
    texts = more.get("texts") or Texts()
    tls = _tls_of(system, ca_file) if is_tls else None
    arguments = system.arguments(url, texts, tls, limits)
    query = {name: value for name, value in url.query.items() if name in ("host", "port")}
    engine = create_async_engine(
        url.set(drivername=system.driver, query=query),
        poolclass=NullPool,
        connect_args=arguments,
        hide_parameters=True,
    )
    password = url.password
    try:
        yield SqlSession(
            source=source,
            engine=engine,
            system=system,
            limits=limits,
            secrets=(str(password),) if password else (),
            **more,
        )
    finally:
        await engine.dispose()
