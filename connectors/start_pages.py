"""`start_pages`: lists whose pages are asked for by the number of rows before them.

- A list whose source counts its rows ends where the count is reached.
- Of a list that nobody counts each page is asked for from the last row of the page before it, and
  must begin with it: a page that was left out, given twice or moved is an error. Nothing beyond
  that row is the end; so it is the source that says that nothing follows.
- Either is read twice, and what is not proved whole (`connectors.completeness`) is told with the
  last page. A page that equals the one before it is an error: the source ignores where to begin.
- `RestList` asks with GET: the answer is the list itself, `offset` and `limit` are parameters.
"""

import json
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from connectors.completeness import Completeness
from connectors.document import Document, State, digest_of
from connectors.errors import ConnectorError, PayloadError
from connectors.http.session import HttpSession, parse_json
from connectors.reader import END, EVERYTHING, Progress, Window

__all__ = ["RestList", "StartList", "StartPage", "StartPages"]


@dataclass(frozen=True, slots=True)
class StartPage:
    """One page: its rows, the count of the whole list where the source tells it, and its bytes."""

    rows: tuple[Mapping[str, Any], ...]
    total: int | None
    raw: bytes

    @property
    def content(self) -> str:
        """Return the digest of its rows: an answer may hold the number of its call as well."""
        return _digest(self.rows)


def _digest(value: Any) -> str:
    return digest_of(json.dumps(value, default=str).encode()).hex()


class StartPages(Protocol):
    """Asks for the pages of one list."""

    async def page(self, start: int) -> StartPage:
        """Return the page that begins after `start` rows."""

    def forget(self) -> None:
        """Begin a new question with the next page."""


@dataclass(frozen=True, slots=True)
class _At:
    """What is known of the pages before."""

    content: str = ""
    total: int | None = None
    last: str = ""
    """Digest of the last row, of a list that nobody counts."""

    def after(self, page: StartPage) -> "_At":
        last = _digest(page.rows[-1]) if page.rows and page.total is None else self.last
        return _At(page.content, page.total, last)


@dataclass(frozen=True, kw_only=True, slots=True)
class StartList:
    """Reads every page of a list."""

    place: str
    key: tuple[str, ...]
    pages: StartPages

    async def documents(
        self, source: str, progress: Progress, state: State | None
    ) -> AsyncGenerator[Document, None]:
        """Yield the pages in the order of the source, after `state`."""
        completeness = Completeness(self.key, is_continued=state is not None)
        at = _At(*progress.at) if isinstance(progress.at, list) else _At()
        is_continued = state is not None
        while progress.at != END:
            progress.begin_document()
            async with progress.wait():
                page = await self._page(source, at.last, progress.rows, progress.number)
            if is_continued and page.total != at.total:
                raise progress.moved(f"{at.total} rows when it was cut off, {page.total} now")
            is_continued = False
            if page.rows and page.content == at.content:
                raise self._same_page(source, progress.number)
            at = at.after(page)
            completeness.page(page.rows, page.total, number=progress.number)
            is_last = self._is_last(source, page, progress.rows)
            if is_last:
                completeness.end(number=progress.number, is_one_answer=page.total is None)
                await self._once_more(source, progress, completeness)
            following = END if is_last else [at.content, at.total, at.last]
            yield progress.document(
                self.place, digest_of(page.raw), page.rows, following, completeness.doubt
            )

    async def _page(self, source: str, last: str, start: int, number: int) -> StartPage:
        """Return the rows after `start`; `last` tells the row before them where nobody counts."""
        if not (last and start):
            return await self.pages.page(start)
        page = await self.pages.page(start - 1)
        if not page.rows or _digest(page.rows[0]) != last:
            raise PayloadError(
                source,
                f"{self.place}: page {number} does not begin with the last row of the one before",
                hint="the list moved while it was read, or a page was left out; the next run "
                "reads it again",
            )
        return replace(page, rows=page.rows[1:])

    async def _once_more(self, source: str, progress: Progress, completeness: Completeness) -> None:
        """Read the pages again that prove the list, until one of them differs or does not come."""
        rows_before, at = 0, _At()
        self.pages.forget()
        try:
            for number in range(1, progress.number + 1):
                if not completeness.wants_second_reading:
                    return
                async with progress.wait():
                    page = await self._page(source, at.last, rows_before, number)
                at = at.after(page)
                completeness.again(page.rows, page.total, number=number)
                rows_before += len(page.rows)
        except ConnectorError as error:  # the rows came, and go in; they prove nothing
            completeness.not_read_again(error.detail)

    def _is_last(self, source: str, page: StartPage, before: int) -> bool:
        """Tell whether nothing follows a page, after `before` rows of the list."""
        if page.total is None:
            return not page.rows
        if before + len(page.rows) >= page.total:
            return True
        if not page.rows:
            raise PayloadError(
                source,
                f"{self.place}: {page.total} rows promised, {before} delivered",
                hint="the list is cut short; nothing of it is taken for complete",
            )
        return False

    def _same_page(self, source: str, number: int) -> PayloadError:
        return PayloadError(
            source,
            f"{self.place}: page {number} equals the page before it",
            hint="the source ignores where to begin; check the interface agreement",
        )


@dataclass(frozen=True, kw_only=True)
class RestList:
    """Reads a list over HTTP whose answer is the list itself."""

    path: str
    offset: str = "offset"
    limit: str = "limit"
    rows: int = 200
    key: tuple[str, ...] = ()
    """Members of a row that tell it from all others of its list; none: all that it says does."""
    fixed: Mapping[str, str] = field(default_factory=dict)
    """Parameters that every question of this list carries."""

    async def read(
        self, session: HttpSession, window: Window = EVERYTHING, state: State | None = None
    ) -> AsyncGenerator[Document, None]:
        """Yield the pages in the order of the source, after `state`."""
        asked = {**self.fixed, **window.filters}
        question = f"{self.path} {self.offset} {self.limit} {self.rows} {sorted(asked.items())}"
        progress = Progress(session, self.path, question=question, state=state)
        pages = _RestPages(self, session, asked)
        listing = StartList(place=self.path, key=self.key, pages=pages)
        async with aclosing(listing.documents(session.source, progress, state)) as documents:
            async for document in documents:
                yield document


class _RestPages:
    def __init__(self, of: RestList, session: HttpSession, asked: Mapping[str, str]) -> None:
        self._of = of
        self._session = session
        self._asked = asked

    def forget(self) -> None:
        """Every question stands for itself."""

    async def page(self, start: int) -> StartPage:
        of, source = self._of, self._session.source
        query = {**self._asked, of.offset: str(start), of.limit: str(of.rows)}
        answer = await self._session.get(of.path, query)
        value = parse_json(source, answer)
        if not isinstance(value, list) or not all(isinstance(row, dict) for row in value):
            raise PayloadError(source, f"{answer.place}: the answer is no list of objects")
        return StartPage(tuple(value), None, answer.raw)
