"""`database`: the hub's four kinds of connections to PostgreSQL, each for one kind of work.

- `Database.answer`: compiled statements that give one value, at the highest rate (`answers`).
- `Database.reads`: other statements that read. Connections are autocommit and read-only; they are
  in a stack, so that the most recently used is used next, and need no reset between statements.
- `Database.writes`: transactions that change records: intake, claims, sequencer.
- `Database.engine`: SQLAlchemy Core for statements at low rate: clients, sources, runs, operators.

The first two log in as the role that may only read, where there is one (`hub.store.roles`).

When PostgreSQL cannot be reached, each of them raises `DatabaseUnavailableError`: at once where the
server refuses, within `wait_s` where it does not answer. Nothing needs a restart: a connection that
died while idle is noticed before it is used and replaced.
"""

from __future__ import annotations

import asyncio
import select
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg import AsyncConnection
from psycopg.pq import TransactionStatus
from sqlalchemy import make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection as CoreConnection
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from hub.errors import DatabaseUnavailableError, ErrorCode, HubError, RefusedError
from hub.store.answers import Answers
from hub.store.copying import Connection
from hub.store.fair import HUB, UNBOUNDED, Asker, FairQueue, Shares, StatementAllowance
from hub.store.records import StoredRecords, standard_records


@dataclass(frozen=True, kw_only=True, slots=True)
class DatabaseLimits:
    """Bounds of one process's use of PostgreSQL; at most 8 + 4 + 8 + 4 connections by default.

    While it makes exports there are 3 more (`hub.exchange.exports.limits`).
    """

    answer_connections: int = 8
    read_connections: int = 4
    write_connections: int = 8
    engine_connections: int = 4
    wait_s: float = 5.0
    """Longest wait for a free connection, and for a new one to be made."""
    read_timeout_s: float = 10.0
    """Longest statement that reads."""
    write_timeout_s: float = 60.0
    """Longest statement of a transaction; also how long one may stay idle."""
    lock_timeout_s: float = 20.0
    """Longest wait for another transaction's lock."""
    shares: Shares = field(default_factory=Shares)
    """What of the connections for answers one caller may have."""
    statements_prepared: int = 500
    """Prepared statements kept per connection."""


@dataclass(frozen=True, slots=True)
class PoolUse:
    """How much of a pool is in use at this moment."""

    size: int
    in_use: int
    waiting: int


class Pool:
    """A bounded stack of connections: the last one returned is the next one used."""

    def __init__(self, url: str, options: str, size: int, limits: DatabaseLimits) -> None:
        self._url = url
        self._options = options
        self._limits = limits
        self._idle: list[Connection] = []
        self._size = size
        self._waiting = 0
        self._in_use = 0
        self._free = asyncio.Semaphore(size)
        self._closed = False

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """Give a connection in autocommit mode for the length of a `with` block."""
        self._waiting += 1
        try:
            async with asyncio.timeout(self._limits.wait_s):
                await self._free.acquire()
        except TimeoutError as error:
            raise DatabaseUnavailableError(
                f"no connection became free in {self._limits.wait_s} s"
            ) from error
        finally:
            self._waiting -= 1
        self._in_use += 1
        try:
            with translated():
                pooled = self._take() or await self.connect()
            try:
                with translated():
                    yield pooled
            finally:
                await self._give_back(pooled)
        finally:
            self._in_use -= 1
            self._free.release()

    def use(self) -> PoolUse:
        """Return how much of it is in use."""
        return PoolUse(self._size, self._in_use, self._waiting)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """Give a connection inside one transaction: committed at the end, rolled back on error."""
        async with self.connection() as connection, connection.transaction():
            yield connection

    async def fetch_all(self, statement: str, parameters: Any = ()) -> list[tuple[Any, ...]]:
        """Run one statement and return its rows."""
        async with self.connection() as connection:
            cursor = await connection.execute(statement, parameters)
            return await cursor.fetchall()

    async def fetch_bytes(self, statement: str, parameters: Any = ()) -> bytes | None:
        """Run one statement and return its first value as PostgreSQL sent it, in binary form.

        For text and json that is the UTF-8 text itself, so an answer that PostgreSQL built is
        sent without being decoded.
        """
        async with self.connection() as connection, connection.cursor(binary=True) as cursor:
            await cursor.execute(statement, parameters)
            result = cursor.pgresult
            return result.get_value(0, 0) if result and result.ntuples else None

    async def close(self) -> None:
        """Close every idle connection; those in use are closed when they are returned."""
        self._closed = True
        while self._idle:
            await self._idle.pop().close()

    def _take(self) -> Connection | None:
        while self._idle:
            pooled = self._idle.pop()
            if not _has_ended(pooled):
                return pooled
            pooled.pgconn.finish()
        return None

    async def connect(self) -> Connection:
        """Make a connection that does not belong to the pool."""
        opened = await AsyncConnection.connect(
            self._url,
            autocommit=True,
            connect_timeout=max(2, round(self._limits.wait_s)),
            options=self._options,
            prepare_threshold=1,
            application_name="deltahub",
        )
        opened.prepared_max = self._limits.statements_prepared
        return opened

    async def _give_back(self, connection: Connection) -> None:
        status = connection.pgconn.transaction_status
        if self._closed or connection.broken or status != TransactionStatus.IDLE:
            await connection.close()
        elif not connection.closed:
            self._idle.append(connection)


class Database:
    """The hub's PostgreSQL. Open it as an async context manager."""

    def __init__(
        self,
        url: str,
        limits: DatabaseLimits | None = None,
        records: StoredRecords | None = None,
        *,
        read_url: str | None = None,
    ) -> None:
        """Use the tables of the record types in `records`, by default those of the standard.

        `read_url` is the address for what only reads, by default the same.
        """
        self.url = url
        self.limits = limits or DatabaseLimits()
        self.records = records or standard_records()
        bound = self.limits
        common = "-c timezone=UTC -c jit=off -c client_min_messages=warning"
        self.reads = Pool(
            read_url or url,
            f"{common} -c default_transaction_read_only=on"
            f" -c statement_timeout={round(bound.read_timeout_s * 1000)}",
            bound.read_connections,
            bound,
        )
        self.writes = Pool(
            url,
            f"{common} -c statement_timeout={round(bound.write_timeout_s * 1000)}"
            f" -c lock_timeout={round(bound.lock_timeout_s * 1000)}"
            f" -c idle_in_transaction_session_timeout={round(bound.write_timeout_s * 1000)}",
            bound.write_connections,
            bound,
        )
        self.engine = _engine(url, common, bound)
        self.checking = asyncio.Lock()
        self.projecting = asyncio.Lock()
        """Batches are checked one after another, and write projections one after another, so that
        PostgreSQL writes one while this process checks the next. Run in parallel, they would do the
        same step at the same time, and process and PostgreSQL would wait for each other in turn."""
        self._answers = Answers(
            self._reader,
            FairQueue(bound.answer_connections, bound.shares, bound.wait_s),
            limit_s=bound.read_timeout_s + bound.wait_s,
            statements=bound.statements_prepared,
        )

    async def _reader(self) -> Connection:
        with translated():
            return await self.reads.connect()

    async def answer(
        self,
        statement: bytes,
        parameters: Sequence[bytes | None],
        asker: Asker = HUB,
        allowed: StatementAllowance = UNBOUNDED,
    ) -> bytes | None:
        """Run a compiled statement with `$n` parameters and return its one value.

        It takes its turn beside those of other askers, and ends when its time is over.

        Raises the hub's errors when PostgreSQL cannot be reached or takes too long, else psycopg's.
        """
        try:
            return await self._answers.value(statement, parameters, asker, allowed)
        except psycopg.Error:
            with translated():
                raise

    @asynccontextmanager
    async def core(self) -> AsyncIterator[CoreConnection]:
        """Give a SQLAlchemy connection inside one transaction, with the errors of this module."""
        with translated():
            async with self.engine.begin() as connection:
                yield connection

    def pool_uses(self) -> dict[str, PoolUse]:
        """Return how much of each pool is in use, by the name of its attribute."""
        core: Any = self.engine.pool  # those that wait for it are not counted anywhere
        return {
            "answer": PoolUse(self.limits.answer_connections, *self._answers.use()),
            "reads": self.reads.use(),
            "writes": self.writes.use(),
            "engine": PoolUse(self.limits.engine_connections, core.checkedout(), 0),
        }

    async def close(self) -> None:
        """Close every connection."""
        self._answers.close()
        await self.reads.close()
        await self.writes.close()
        await self.engine.dispose()

    async def __aenter__(self) -> Database:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


@contextmanager
def translated() -> Iterator[None]:
    """Turn the drivers' errors into the hub's: an unreachable or overdue database, an odd text."""
    try:
        yield
    except PoolTimeoutError as error:
        raise DatabaseUnavailableError("no connection became free in time") from error
    except (psycopg.Error, DBAPIError, UnicodeEncodeError) as error:
        driver = error.orig if isinstance(error, DBAPIError) else error
        hub_error = _hub_error(driver)
        if hub_error is None:
            raise
        raise hub_error from error


def _hub_error(driver: BaseException | None) -> HubError | None:
    """Return the hub's error for a driver's; None where the caller handles it (a deadlock)."""
    if isinstance(driver, psycopg.errors.UndefinedTable | psycopg.errors.UndefinedColumn):
        return _missing_table_error(driver)
    if isinstance(driver, psycopg.InterfaceError):
        return DatabaseUnavailableError(_first_line(driver))
    if isinstance(driver, UnicodeEncodeError) or _is_unstorable(driver):
        return _unstorable_error()
    return _availability_error(driver) if isinstance(driver, psycopg.OperationalError) else None


def _is_unstorable(error: BaseException | None) -> bool:
    """Whether a text that was bound holds NUL: the driver says so, or PostgreSQL of JSON."""
    if not isinstance(error, psycopg.DataError):
        return False
    return error.sqlstate in {"22021", "22P05"} or (error.sqlstate is None and "NUL" in str(error))


def _unstorable_error() -> RefusedError:
    return RefusedError(
        ErrorCode.BAD_USER_INPUT,
        hint="文本含有不能保存的字符（U+0000 或不成对的代理码），请删去后重发。"
        "A text holds U+0000 or half a surrogate pair: send it without.",
    )


def _availability_error(error: psycopg.OperationalError) -> HubError | None:
    state = error.sqlstate or "08"
    if state in {"57014", "55P03"}:  # statement_timeout, lock_timeout
        return HubError(
            ErrorCode.TIMEOUT,
            hint="Ask for less at once, or send the same request again.",
            hint_zh="请减少一次所要的内容，或原样重发。",
        )
    if state.startswith(("08", "57", "53", "58", "25P03")):
        return DatabaseUnavailableError(_first_line(error))
    return None


def _missing_table_error(error: psycopg.Error) -> HubError:
    """Return the error of a database that lacks a table, or a column, which this version reads."""
    return HubError(
        ErrorCode.CONFLICT,
        message_zh="数据库的表是较早版本的，须先升级",
        message_en=f"The tables of the database are those of an earlier version "
        f"({_first_line(error)})",
        hint="Run: deltahub store migrate. It keeps what is there; back it up before "
        "(docs/operators/backup.md).",
        hint_zh="请运行 deltahub store migrate：现有内容会保留；请先备份（docs/operat"
        "ors/backup.md）。",
    )


def _first_line(error: BaseException) -> str:
    return str(error).strip().partition("\n")[0][:200]


def _has_ended(connection: Connection) -> bool:
    """Tell whether the server has closed an idle connection.

    The server sends nothing on an idle connection but the end of it.
    """
    if connection.closed:
        return True
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    return bool(poll.poll(0))


def _engine(url: str, options: str, limits: DatabaseLimits) -> AsyncEngine:
    half = max(1, limits.engine_connections // 2)
    return create_async_engine(
        make_url(url).set(drivername="postgresql+psycopg"),
        pool_size=half,
        max_overflow=limits.engine_connections - half,
        pool_timeout=limits.wait_s,
        pool_pre_ping=True,
        connect_args={
            "connect_timeout": max(2, round(limits.wait_s)),
            "application_name": "deltahub",
            "options": f"{options} -c statement_timeout={round(limits.write_timeout_s * 1000)}",
        },
    )
