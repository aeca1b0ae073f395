"""`making`: one export from its statement to its last part, in bounded memory.

- One transaction sees one snapshot; its rows come through a cursor of the server, some at a time.
- What is protected among the rows of a part is in the audit before the part can be read.
- A part is a file of its own, kept in the database with its hash: any worker gives it out, and
  nothing is left over where this one is killed.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import IO, Any

from psycopg import AsyncRawServerCursor, IsolationLevel

from hub.audit.protected import ProtectedRead
from hub.audit.rows import ReadRequest
from hub.audit.service import Audit
from hub.clock import Clock
from hub.errors import ErrorCode, RefusedError
from hub.exchange.exports.formats import ExportFormat, PartWriter
from hub.exchange.exports.limits import PART_ROWS, PART_SIZE, ROWS_AT_ONCE, SECONDS_MAX, SIZE_MAX
from hub.query.sql.jsontext import HIDDEN
from hub.query.sql.marks import taken
from hub.query.sql.streaming import RowStream, StreamColumn
from hub.store.copying import Connection
from hub.store.database import Database, translated
from hub.store.exports import CHUNK_BYTES, ExportPart, add_part, note_facts
from hub.watching.metrics import METRICS
from schema.dates import format_instant

FOLDER = "deltahub-export-"
"""How the names of folders begin in which a part is written; one that is killed leaves its own."""
_PLACE = """
SELECT pg_snapshot_xmin(pg_current_snapshot())::text, (SELECT epoch FROM feed_state
  WHERE name = 'entry'), (SELECT max(entry_id) FROM entry),
  (SELECT note FROM checkpoint WHERE origin = %s ORDER BY size DESC LIMIT 1)"""


@dataclass(frozen=True, kw_only=True, slots=True)
class ExportWork:
    """An export that is to be made: its statement and parameters, and for whom."""

    export_id: str
    stream: RowStream
    parameters: Sequence[str | None]
    format: ExportFormat
    read: ReadRequest
    facts: dict[str, Any]
    """What the manifest says, so far as it is known beforehand."""


class ExportEndedError(Exception):
    """The export was closed, removed or erased while it was made."""


@dataclass(slots=True)
class _OpenPart:
    """The part that is being written, in a file without a name."""

    number: int
    out: IO[bytes]
    writer: PartWriter
    rows: int = 0
    read_size: int = 0
    hidden: int = 0
    is_written: bool = False
    reads: set[ProtectedRead] = field(default_factory=set)

    @property
    def is_full(self) -> bool:
        return self.rows >= PART_ROWS or self.read_size >= PART_SIZE

    def add(self, texts: Sequence[bytes]) -> None:
        """Add the texts of rows as the statement gave them, with marks and hidden values."""
        rows = []
        for text in texts:
            row, reads = taken(text)
            self.reads |= reads
            self.hidden += row.count(HIDDEN)
            rows.append(row.replace(HIDDEN, b"null"))
        self.writer.add(rows)
        self.rows += len(rows)
        self.read_size += sum(map(len, rows))

    def closed(self) -> ExportPart:
        """Finish the file and return what it is."""
        self.is_written = True
        self.writer.close()
        made = sha256()
        for piece in self.chunks():
            made.update(piece)
        return ExportPart(self.number, self.rows, self.out.tell(), made.digest())

    def drop(self) -> None:
        """Let the file go; a writer that was cut off closes what it has open itself."""
        if not self.is_written:
            self.writer.close()
        self.out.close()

    def chunks(self) -> Iterator[bytes]:
        """Yield the file in pieces of one length."""
        self.out.seek(0)
        while piece := self.out.read(CHUNK_BYTES):
            yield piece


async def make(
    database: Database, work: ExportWork, audit: Audit | None, clock: Clock, origin: str
) -> None:
    """Make an export. What ends it early comes out; the parts before that stay.

    Raises `ExportEndedError`, `FormatError`, `RefusedError` EXPORT_TOO_LARGE, `TimeoutError`, and
    the errors of the database.
    """
    maker = _Maker(database, work, audit)
    async with asyncio.timeout(SECONDS_MAX), _snapshot(database) as connection:
        facts = {**work.facts, **await _place(connection, clock, origin)}
        await note_facts(database, work.export_id, facts)
        async with AsyncRawServerCursor(connection, "export") as cursor:
            await cursor.execute(work.stream.compiled.sql, work.parameters)
            await maker.run(cursor)


class _Maker:
    """Writes the parts of one export."""

    def __init__(self, database: Database, work: ExportWork, audit: Audit | None) -> None:
        self._database = database
        self._work = work
        self._audit = audit
        self._size = 0

    async def run(self, cursor: AsyncRawServerCursor[Any]) -> None:
        """Write everything that a cursor gives; an export without rows has one empty part."""
        number, is_last = 1, False
        while not is_last:
            with tempfile.TemporaryDirectory(prefix=FOLDER) as folder:
                part = await self._begun(number, Path(folder))
                try:
                    is_last = await self._filled(part, cursor)
                    if part.rows or number == 1:
                        await self._keep(part)
                finally:
                    await asyncio.to_thread(part.drop)
            number += 1

    async def _filled(self, part: _OpenPart, cursor: AsyncRawServerCursor[Any]) -> bool:
        """Add rows until the part is full; whether those were the last ones."""
        while not part.is_full:
            rows = await cursor.fetchmany(ROWS_AT_ONCE)
            await asyncio.to_thread(part.add, [row[0].encode() for row in rows])
            if len(rows) < ROWS_AT_ONCE:
                return True
        return False

    async def _begun(self, number: int, folder: Path) -> _OpenPart:
        """Open a part; who is cut off meanwhile leaves no file open."""
        opening = asyncio.ensure_future(asyncio.to_thread(self._opened, number, folder))
        try:
            return await asyncio.shield(opening)
        except asyncio.CancelledError:
            await asyncio.to_thread((await opening).drop)
            raise

    def _opened(self, number: int, folder: Path) -> _OpenPart:
        columns: Sequence[StreamColumn] = self._work.stream.columns
        out = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - closed where it is kept
        return _OpenPart(number, out, self._work.format.value.write(out, columns, folder))

    async def _keep(self, part: _OpenPart) -> None:
        made = await asyncio.to_thread(part.closed)
        self._size += made.size
        if self._size > SIZE_MAX:
            raise RefusedError(
                ErrorCode.EXPORT_TOO_LARGE,
                hint=f"At most {SIZE_MAX} bytes: narrow it by a filter.",
                hint_zh=f"至多 {SIZE_MAX} 字节，请用 filter 缩小范围。",
            )
        if self._audit is not None:
            asked = self._work.stream.compiled.asked
            await self._audit.note(self._work.read, part.reads, asked)
        chunks = part.chunks()
        if not await add_part(self._database, self._work.export_id, made, part.hidden, chunks):
            raise ExportEndedError(self._work.export_id)
        METRICS.export_part(self._work.format.name, made.rows, made.size)


@asynccontextmanager
async def _snapshot(database: Database) -> AsyncIterator[Connection]:
    """Give a connection of its own inside one transaction that sees one state of the database."""
    with translated():
        connection = await database.reads.connect()
    try:
        with translated():
            await connection.set_isolation_level(IsolationLevel.REPEATABLE_READ)
            async with connection.transaction():
                yield connection
    finally:
        await connection.close()


async def _place(connection: Connection, clock: Clock, origin: str) -> dict[str, Any]:
    """Return where the snapshot stands: in time, among the entries, and in the log."""
    cursor = await connection.execute(_PLACE, (origin,))
    xid, epoch, entry, note = await cursor.fetchone() or (None, None, None, None)
    snapshot = {
        "at": format_instant(clock()),
        "xid": xid,
        "epoch": epoch,
        "newestEntryId": None if entry is None else str(entry),
    }
    return {"snapshot": snapshot, "checkpoint": note}
