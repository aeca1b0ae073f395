"""`Sheet`: the reader of a table that people send: XLSX, XLS or CSV, bytes or a file.

A document is a run of rows of one sheet, and each carries the digest of the whole file. A row is
`{"sheet", "row", "cells"}` with the row number that the spreadsheet program shows: what the columns
mean follows from the sheet itself, and is not for a reader to know. A reading goes on after the
last row that came, in the same file only.
"""

import asyncio
from collections.abc import AsyncGenerator, Iterator
from dataclasses import dataclass, field
from itertools import groupby, islice
from pathlib import Path

from connectors.document import Document, State, digest_of
from connectors.errors import SourceUnavailableError
from connectors.limits import Limits
from connectors.reader import END, EVERYTHING, Progress, Window
from connectors.tables import TableRow, read_table
from connectors.workbook import Workbook

__all__ = ["FileSession", "Sheet"]


@dataclass(frozen=True, kw_only=True)
class FileSession:
    """One file of a source."""

    source: str
    content: bytes | Path
    """The file itself, or where it lies."""
    name: str = "file"
    """What messages call it."""
    limits: Limits = field(default_factory=Limits)

    def load(self) -> bytes:
        """Return its bytes, at most one more than are allowed."""
        if isinstance(self.content, bytes):
            return self.content
        try:
            if not self.content.is_file():
                raise SourceUnavailableError(self.source, f"{self.name}: there is no such file")
            with self.content.open("rb") as file:
                return file.read(self.limits.table_bytes_max + 1)
        except OSError as error:
            raise SourceUnavailableError(self.source, f"{self.name}: {error.strerror}") from error


@dataclass(frozen=True, kw_only=True)
class Sheet:
    """Reads every row of a file that is not empty."""

    rows: int = 1_000
    """Rows of one document."""

    async def read(
        self, session: FileSession, window: Window = EVERYTHING, state: State | None = None
    ) -> AsyncGenerator[Document, None]:
        """Yield runs of rows in the order of the sheets, after `state`; the window is the file."""
        del window
        progress = Progress(session, session.name, question="every row", state=state)
        if progress.at == END:
            return
        async with progress.wait():
            data = await asyncio.to_thread(session.load)
        digest = digest_of(data)
        if progress.at not in (None, digest.hex()):
            raise progress.moved("another file than the one that was cut off")
        table = read_table(session.source, data, session.limits)
        runs = _runs(islice(table, progress.rows, None), self.rows)
        try:
            async with progress.wait():
                following = await asyncio.to_thread(_next_run, runs)
            while progress.at != END:
                run = following
                async with progress.wait():
                    following = await asyncio.to_thread(_next_run, runs)
                progress.begin_document()
                rows = tuple({"sheet": r.sheet, "row": r.number, "cells": r.cells} for r in run)
                place = f"{session.name}, sheet {run[0].sheet!r}" if run else session.name
                yield progress.document(place, digest, rows, digest.hex() if following else END)
        finally:
            if isinstance(table, Workbook):  # a thread may still wait for its rows
                table.close()


def _runs(table: Iterator[TableRow], size: int) -> Iterator[list[TableRow]]:
    for _, of_sheet in groupby(table, key=lambda row: row.sheet):
        while run := list(islice(of_sheet, size)):
            yield run


def _next_run(runs: Iterator[list[TableRow]]) -> list[TableRow]:
    return next(runs, [])
