"""`answers`: runs compiled statements, each of which returns one value, at the highest rate.

- A connection sends a prepared statement and receives one value, one at a time. It uses libpq
  through psycopg and keeps its socket registered with the event loop; psycopg's cursors register it
  for every statement, which costs half of the processor time of a short read (`bench/RESULTS.md`).
- A connection that the server closes is noticed while it is idle and replaced.
- Waits are bounded: for a turn among the statements of others (`fair`), for a new connection, and
  for an answer.
- A cancelled request closes its connection, so that its answer is never read by another.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

import psycopg
from psycopg import AsyncConnection
from psycopg.pq import ConnStatus, ExecStatus
from psycopg.pq.abc import PGresult

from hub.errors import DatabaseUnavailableError
from hub.store.fair import HUB, UNBOUNDED, Asker, FairQueue, StatementAllowance

Parameter = bytes | None
BINARY = 1


class Line:
    """One connection that answers one statement at a time."""

    def __init__(self, connection: AsyncConnection, statements: int) -> None:
        self._connection = connection
        self._pg = connection.pgconn
        self._pg.nonblocking = 1
        self._socket = self._pg.socket
        self._prepared: OrderedDict[bytes, bytes] = OrderedDict()
        self._statements = statements
        self._prepared_count = 0
        self._waiter: asyncio.Future[None] | None = None
        self._results: list[PGresult] = []
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._socket, self._readable)
        self.is_open = True
        self._stopping: asyncio.Future[None] | None = None

    async def value(
        self,
        statement: bytes,
        parameters: Sequence[Parameter],
        limit_s: float,
        budget_s: float | None = None,
    ) -> bytes | None:
        """Run a statement that gives one row of one value, and return it in binary form.

        After `budget_s` PostgreSQL is told to stop working on it.

        Raises psycopg's errors; the connection stays usable unless it was lost.
        """
        name = self._prepared.get(statement)
        if name is None:
            name = await self._prepare(statement, limit_s)
        self._pg.send_query_prepared(name, parameters, result_format=BINARY)
        spent = None if budget_s is None else self._loop.call_later(budget_s, self._cancel)
        try:
            result = await self._answer(limit_s)
        finally:
            if spent is not None:
                spent.cancel()
        return result.get_value(0, 0) if result.ntuples else None

    def _cancel(self) -> None:
        """Ask PostgreSQL to stop; the statement then ends with an error like any other."""
        cancel = self._pg.get_cancel()

        def stop() -> None:
            with suppress(psycopg.Error):  # it may have ended by itself
                cancel.cancel()

        self._stopping = self._loop.run_in_executor(None, stop)

    async def _prepare(self, statement: bytes, limit_s: float) -> bytes:
        if len(self._prepared) >= self._statements:
            _, oldest = self._prepared.popitem(last=False)
            self._pg.send_query(b"DEALLOCATE " + oldest)
            await self._answer(limit_s)
        self._prepared_count += 1
        name = b"answer%d" % self._prepared_count
        self._pg.send_prepare(name, statement)
        await self._answer(limit_s)
        self._prepared[statement] = name
        return name

    async def _answer(self, limit_s: float) -> PGresult:
        """Send the rest of the request, wait for the whole answer and return its last result."""
        waiter = self._waiter = self._loop.create_future()
        overdue = self._loop.call_later(limit_s, self._overdue)
        try:
            if self._pg.flush():
                self._loop.add_writer(self._socket, self._writable)
            await waiter
        except BaseException:
            self.close()  # half an answer may still come
            raise
        finally:
            self._waiter = None
            overdue.cancel()
        results, self._results = self._results, []
        for result in results:
            if result.status == ExecStatus.FATAL_ERROR:
                error = psycopg.errors.error_from_result(result)
                if isinstance(error, psycopg.OperationalError):
                    self.close()  # the server may be about to hang up
                raise error
        return results[-1]

    def _readable(self) -> None:
        try:
            self._pg.consume_input()
            if self._waiter is None:
                if self._pg.status != ConnStatus.OK:
                    self.close()
                return
            while not self._pg.is_busy():
                result = self._pg.get_result()
                if result is None:
                    self._done(None)
                    return
                self._results.append(result)
        except psycopg.Error as error:
            self._done(error)

    def _writable(self) -> None:
        try:
            if not self._pg.flush():
                self._loop.remove_writer(self._socket)
        except psycopg.Error as error:
            self._done(error)

    def _overdue(self) -> None:
        self._done(DatabaseUnavailableError("no answer came in time"))

    def _done(self, error: Exception | None) -> None:
        """Wake the waiting statement; close the connection after an error."""
        if error is not None:
            self.close()
        if self._waiter is not None and not self._waiter.done():
            if error is None:
                self._waiter.set_result(None)
            else:
                self._waiter.set_exception(error)

    def close(self) -> None:
        """Close the connection; safe to call again."""
        if self.is_open:
            self.is_open = False
            self._loop.remove_reader(self._socket)
            self._loop.remove_writer(self._socket)
            self._pg.finish()


class Answers:
    """A bounded stack of connections: the last one returned is the next one used."""

    def __init__(
        self,
        connect: Callable[[], Awaitable[AsyncConnection]],
        queue: FairQueue,
        *,
        limit_s: float,
        statements: int,
    ) -> None:
        """`connect` makes a connection in autocommit mode or raises DatabaseUnavailableError."""
        self._connect = connect
        self._queue = queue
        self._idle: list[Line] = []
        self._limit_s = limit_s
        self._statements = statements
        self._closed = False

    async def value(
        self,
        statement: bytes,
        parameters: Sequence[Parameter],
        asker: Asker = HUB,
        allowed: StatementAllowance = UNBOUNDED,
    ) -> bytes | None:
        """Return the one value of a statement with `$n` parameters; psycopg's errors come out.

        It waits for its turn among those of others, and is cancelled when its time is over.
        """
        await self._queue.enter(asker, is_dear=allowed.is_dear)
        try:
            line = await self._line()
            try:
                return await line.value(statement, parameters, self._limit_s, allowed.seconds)
            finally:
                self._give_back(line)
        finally:
            self._queue.leave(asker, is_dear=allowed.is_dear)

    async def _line(self) -> Line:
        while self._idle:
            line = self._idle.pop()
            if line.is_open:
                return line
        return Line(await self._connect(), self._statements)

    def _give_back(self, line: Line) -> None:
        if self._closed:
            line.close()
        elif line.is_open:
            self._idle.append(line)

    def use(self) -> tuple[int, int]:
        """Return how many lines are in use, and how many statements wait for one."""
        return self._queue.use()

    def close(self) -> None:
        """Close every idle line; those in use are closed when they are returned."""
        self._closed = True
        while self._idle:
            self._idle.pop().close()
