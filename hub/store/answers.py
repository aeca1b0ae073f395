"""`answers`: runs compiled statements, each of which returns one value, at the highest rate.

- A connection sends a prepared statement and receives one value, one at a time. It uses libpq
  through psycopg and keeps its socket registered with the event loop; psycopg's cursors register it
  for every statement, which costs half of the processor time of a short read (`bench/RESULTS.md`).
- A connection that the server closes is noticed while it is idle and replaced.
- Waits are bounded: for a free connection, for a new one, and for an answer.
- A cancelled request closes its connection, so that its answer is never read by another.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable, Sequence

import psycopg
from psycopg import AsyncConnection
from psycopg.pq import ConnStatus, ExecStatus
from psycopg.pq.abc import PGresult

from hub.errors import DatabaseUnavailableError

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

    async def value(
        self, statement: bytes, parameters: Sequence[Parameter], limit_s: float
    ) -> bytes | None:
        """Run a statement that gives one row of one value, and return it in binary form.

        Raises psycopg's errors; the connection stays usable unless it was lost.
        """
        name = self._prepared.get(statement)
        if name is None:
            name = await self._prepare(statement, limit_s)
        self._pg.send_query_prepared(name, parameters, result_format=BINARY)
        result = await self._answer(limit_s)
        return result.get_value(0, 0) if result.ntuples else None

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
        size: int,
        *,
        wait_s: float,
        limit_s: float,
        statements: int,
    ) -> None:
        """`connect` makes a connection in autocommit mode or raises DatabaseUnavailableError."""
        self._connect = connect
        self._size = self._free = size
        self._idle: list[Line] = []
        self._waiting: deque[asyncio.Future[Line | None]] = deque()
        self._wait_s = wait_s
        self._limit_s = limit_s
        self._statements = statements
        self._closed = False

    async def value(self, statement: bytes, parameters: Sequence[Parameter]) -> bytes | None:
        """Return the one value of a statement with `$n` parameters; psycopg's errors come out."""
        line = await self._line()
        try:
            return await line.value(statement, parameters, self._limit_s)
        finally:
            self._give_back(line)

    async def _line(self) -> Line:
        while self._idle:
            line = self._idle.pop()
            if line.is_open:
                return line
            self._free += 1
        if self._free:
            self._free -= 1
            return await self._new()
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[Line | None] = loop.create_future()
        self._waiting.append(waiter)
        overdue = loop.call_later(self._wait_s, self._give_up, waiter)
        try:
            line_or_turn = await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled() and not waiter.exception():
                self._pass_on(waiter.result())  # a line arrived together with the cancellation
            raise
        finally:
            overdue.cancel()
        return line_or_turn or await self._new()

    def _give_up(self, waiter: asyncio.Future[Line | None]) -> None:
        if not waiter.done():
            detail = f"no connection became free in {self._wait_s} s"
            waiter.set_exception(DatabaseUnavailableError(detail))

    async def _new(self) -> Line:
        """Make a line; its place in the bound is already counted."""
        try:
            return Line(await self._connect(), self._statements)
        except BaseException:
            self._pass_on(None)
            raise

    def _give_back(self, line: Line) -> None:
        if self._closed:
            line.close()
        self._pass_on(line if line.is_open else None)

    def _pass_on(self, line: Line | None) -> None:
        """Hand a line, or the right to make one (None), to the request that has waited longest."""
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_result(line)
                return
        if line is None:
            self._free += 1
        else:
            self._idle.append(line)

    def use(self) -> tuple[int, int]:
        """Return how many lines are in use, and how many callers wait for one."""
        waiting = sum(not each.done() for each in self._waiting)
        return self._size - self._free - len(self._idle), waiting

    def close(self) -> None:
        """Close every idle line; those in use are closed when they are returned."""
        self._closed = True
        while self._idle:
            self._idle.pop().close()
            self._free += 1
