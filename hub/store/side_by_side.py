"""`side_by_side`: what several ask of one transaction at the same moment is read in one statement.

Whoever looks at many things writes down how one is looked at, and looks at all of them as tasks
side by side: statements of one text that are asked for in the same turn of the event loop are run
as one, each for its own values, on one connection. One asker alone is the same statement with one
row of values.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeAlias, TypeVar, cast

from psycopg.rows import dict_row

from hub.store.copying import Connection
from hub.store.database import Pool

FoundT = TypeVar("FoundT")
Row: TypeAlias = dict[str, Any]
NUMBER = "asked_no"
"""The column by which each row goes to who asked for it."""


@dataclass(frozen=True, slots=True)
class SharedStatement:
    """A SELECT for one asker. `text` names values as `%(name)s`, `types` has the type of each.

    Rows that come in an order are bounded by LIMIT: only then the order is kept.
    """

    text: str
    types: Mapping[str, str]

    def for_all(self) -> bytes:
        """Return the same for any number of askers, whose values are one JSON parameter."""
        columns = ", ".join(f'"{name}" {kind}' for name, kind in self.types.items())
        one = self.text % {name: f'q."{name}"' for name in self.types}
        named = ", ".join(filter(None, (f"{NUMBER} int", columns)))
        return (
            f"SELECT q.{NUMBER}, x.* FROM jsonb_to_recordset(%s::jsonb) AS q({named}) "  # noqa: S608 - own names
            f"CROSS JOIN LATERAL ({one.replace('%', '%%')}) x"
        ).encode()


@dataclass(slots=True)
class _Asked:
    """A statement, and who waits for it with which values."""

    statement: SharedStatement
    values: list[Mapping[str, Any]] = field(default_factory=list)
    waiting: list[asyncio.Future[list[Row]]] = field(default_factory=list)


class SideBySide:
    """Reads of one transaction by several at once; see the module."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._asked: dict[str, _Asked] = {}
        self._running: set[asyncio.Task[None]] = set()
        self._known: dict[str, asyncio.Task[Any]] = {}

    async def rows(self, statement: SharedStatement, values: Mapping[str, Any]) -> list[Row]:
        """Return the rows of a statement for some values, columns by name.

        `values` may hold more than the statement names. Raises what the statement raised.
        """
        loop = asyncio.get_running_loop()
        asked = self._asked.get(statement.text)
        if asked is None:
            asked = self._asked[statement.text] = _Asked(statement)
            loop.call_soon(self._begin, statement.text)
        waits: asyncio.Future[list[Row]] = loop.create_future()
        asked.values.append({name: values[name] for name in statement.types})
        asked.waiting.append(waits)
        return await waits

    async def once(self, name: str, read: Callable[[], Awaitable[FoundT]]) -> FoundT:
        """Return what is the same for everybody here, read when the first one asks."""
        known = self._known.get(name)
        if known is None:
            known = self._known[name] = asyncio.ensure_future(read())
        return cast("FoundT", await asyncio.shield(known))

    def _begin(self, text: str) -> None:
        task = asyncio.create_task(self._run(self._asked.pop(text)))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _run(self, asked: _Asked) -> None:
        found: Sequence[list[Row]] = ()
        try:
            found = await self._read(asked.statement, asked.values)
        except Exception as error:  # noqa: BLE001 - it is raised where it was asked
            for waits in asked.waiting:
                if not waits.done():
                    waits.set_exception(error)
        finally:
            for waits, rows in zip(asked.waiting, found, strict=False):
                if not waits.done():
                    waits.set_result(rows)
            for waits in asked.waiting:  # all but nobody, unless this was cancelled
                waits.cancel()

    async def _read(
        self, statement: SharedStatement, values: Sequence[Mapping[str, Any]]
    ) -> list[list[Row]]:
        """Return the rows of each asker, in the order of their values."""
        told = [{NUMBER: number, **each} for number, each in enumerate(values)]
        found: list[list[Row]] = [[] for _ in values]
        async with self.connection.cursor(row_factory=dict_row) as cursor:
            await cursor.execute(
                statement.for_all(), (json.dumps(told, default=str, ensure_ascii=False),)
            )
            for row in await cursor.fetchall():
                found[row.pop(NUMBER)].append(row)
        return found


@asynccontextmanager
async def reads_of(reads: Pool, given: SideBySide | None = None) -> AsyncIterator[SideBySide]:
    """Give the reads that somebody shares, or those of a transaction of one's own."""
    if given is not None:
        yield given
        return
    async with reads.connection() as connection, connection.transaction():
        yield SideBySide(connection)
