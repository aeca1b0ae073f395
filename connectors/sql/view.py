"""`SqlView`: the reader of a view of a unit's database.

- Rows come in the order of (`changed_at`, key), each page from the last row of the page before it
  on (`>=`, that row left out), all pages in one transaction that is a picture of one moment.
- A reading that was cut off goes on at the instant of the last row (`>=`): what came of that
  instant is left out by its keys, so a row of the same instant that came there since is not missed.
- A row without a value to be ordered by would never be found again: it is refused in words.
- Two rows with one key at one instant cannot be told apart: they are refused. At the end of several
  pages the rows are counted once more in the same transaction; where that is not what came (a table
  that knows no transactions, a key that the database orders in its own way), the list is doubtful.
- The digest of a document is over its rows as lines of JSON, the names of the columns before them.
- A window bounds `changed_at`: rows that changed at or after `since` and before `until`.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from connectors.document import Document, State
from connectors.errors import PayloadError
from connectors.reader import END, EVERYTHING, Progress, Window
from connectors.sql.pages import Pages, SqlPlace
from connectors.sql.session import Snapshot, SqlSession
from connectors.sql.values import Values

__all__ = ["SqlView"]


@dataclass(frozen=True, kw_only=True)
class SqlView:
    """Reads the rows of a view."""

    view: str
    key: tuple[str, ...] = ("id",)
    """Columns that tell a row from all others."""
    changed_at: str | None = None
    """The column that says when a row changed last; without it the list is always read whole."""
    columns: tuple[str, ...] = ()
    """What is asked for, the key included; all columns, where none are named."""
    zone: str | None = None
    """Of moments that have none, such as `Asia/Shanghai`."""
    flags: frozenset[str] = frozenset()
    """Columns that say yes or no: tinyint(1), bit(1), `Y` and `N`."""
    json: frozenset[str] = frozenset()
    """Columns of text that hold JSON."""
    rows: int = 500
    """Rows of one document."""

    async def read(
        self, session: SqlSession, window: Window = EVERYTHING, state: State | None = None
    ) -> AsyncGenerator[Document, None]:
        """Yield the rows of a window in order, after `state`."""
        question = f"{self} {window.since} {window.until}"
        progress = Progress(session, self.view, question=question, state=state)
        if progress.at == END:
            return
        place = SqlPlace.from_wire(progress)
        is_continued = place is not None
        async with self._opened(session, window, progress) as pages:
            while progress.at != END:
                progress.begin_document()
                doubt = None
                async with progress.wait():
                    page = await pages.after(place)
                    if page.is_last and progress.number > 1 and not is_continued:
                        doubt = await pages.doubt(progress.rows + len(page.rows))
                place = page.place
                at = END if page.is_last or place is None else place.to_wire()
                if page.rows or progress.number == 1 or doubt:
                    yield progress.document(self.view, page.digest, page.rows, at, doubt)
                else:
                    progress.at = at

    @asynccontextmanager
    async def _opened(
        self, session: SqlSession, window: Window, progress: Progress
    ) -> AsyncIterator[Pages]:
        """Open the transaction; each wait in it is bounded by the reading."""
        async with AsyncExitStack() as stack:
            async with progress.wait():
                snapshot = await stack.enter_async_context(session.snapshot())
                pages = await self._pages(session, snapshot, window)
            yield pages

    async def _pages(self, session: SqlSession, snapshot: Snapshot, window: Window) -> Pages:
        view = session.view(self.view)
        order = (*((self.changed_at,) if self.changed_at else ()), *self.key)
        asked = tuple(dict.fromkeys((*self.columns, *order))) if self.columns else ()
        kinds = await snapshot.kinds(view, asked)
        lacking = [each for each in order if each not in kinds]
        if lacking:
            raise PayloadError(
                session.source,
                f"{self.view}: there is no column {', '.join(lacking)}",
                hint="compare the columns with the agreement; case counts in names",
            )
        values = Values(
            source=session.source,
            place=self.view,
            zone=ZoneInfo(self.zone) if self.zone else None,
            kinds=kinds,
            flags=self.flags,
            json=self.json,
            text_encoding=session.texts.encoding,
        )
        pages = Pages(
            snapshot=snapshot,
            view=view,
            values=values,
            order=order,
            has_instant=self.changed_at is not None,
            rows=self.rows,
            window=window,
        )
        await pages.require_order()
        return pages
