"""`PagedJson`: the reader of lists of JSON objects that arrive page by page over HTTP.

How a source pages is declared, not programmed: `PageNumber`, `Offset`, `NextLink`, `WholeList`.
A list ends where the source says it ends; where it promises more rows than it delivers, or gives
one page twice, that is an error and not a short list. A list of several pages is read twice, and
what is not proved to be whole so (`connectors.completeness`) is told with the last page. A reading
that was cut off goes on with the next page, unless the source counts its rows and there are more or
fewer of them now.
"""

from collections.abc import AsyncGenerator, Mapping, Set
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import httpx

from connectors.completeness import Completeness
from connectors.document import Document, State, digest_of
from connectors.errors import ConnectorError, PayloadError
from connectors.http.session import HttpSession, parse_json
from connectors.reader import END, EVERYTHING, Progress, Window

__all__ = ["NextLink", "Offset", "PageNumber", "PagedJson", "Paging", "WholeList"]


@dataclass(frozen=True, kw_only=True, slots=True)
class PageNumber:
    """Pages are counted: `?page=1&page_size=200`."""

    page: str = "page"
    size: str = "page_size"
    rows: int = 200
    first: int = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Offset:
    """Rows are counted: `?offset=400&limit=200`."""

    offset: str = "offset"
    limit: str = "limit"
    rows: int = 200


@dataclass(frozen=True, kw_only=True, slots=True)
class NextLink:
    """Each page names the next one; the first is asked for with a size."""

    at: str = "next"
    size: str = "page_size"
    rows: int = 200


@dataclass(frozen=True, slots=True)
class WholeList:
    """The list comes in one answer and knows no pages."""


Paging: TypeAlias = PageNumber | Offset | NextLink | WholeList


@dataclass(frozen=True, kw_only=True)
class PagedJson:
    """Reads every page of a JSON list endpoint."""

    path: str
    paging: Paging = field(default_factory=PageNumber)
    items_at: str = "results"
    """Dotted path to the rows inside an answer."""
    total_at: str | None = None
    """Dotted path to the number of rows in the whole list, where the source tells it. Without it,
    a list of several pages is never taken for whole."""
    key: tuple[str, ...] = ()
    """Members of a row that tell it from all others of its list; none: all that it says does."""
    fixed: Mapping[str, str] = field(default_factory=dict)
    """Parameters that every question of this list carries."""

    async def read(
        self, session: HttpSession, window: Window = EVERYTHING, state: State | None = None
    ) -> AsyncGenerator[Document, None]:
        """Yield the pages in the order of the source, after `state`."""
        base = {**self.fixed, **window.filters}
        question = f"{self.path} {self.paging} {sorted(base.items())}"
        progress = Progress(session, self.path, question=question, state=state)
        completeness = Completeness(self.key, is_continued=state is not None)
        is_continued = state is not None
        links: set[str | None] = set()
        while progress.at != END:
            page = _Page.from_wire(progress.at)
            progress.begin_document()
            async with progress.wait():
                place = _Place(page.link, progress.number, progress.rows)
                answer = await session.get(*self._address(session, base, place))
            value = parse_json(session.source, answer)
            rows = self._rows(session.source, answer.place, value)
            total = self._total(session.source, value)
            digest = digest_of(answer.raw)
            if is_continued and total != page.total:
                raise progress.moved(f"{page.total} rows when it was cut off, {total} now")
            is_continued = False
            if rows and digest.hex() == page.before:
                raise PayloadError(
                    session.source,
                    f"{answer.place}: page {progress.number} equals the page before it",
                    hint="the source ignores the page parameter; check its name",
                )
            links.add(page.link)
            link = self._link(session.source, value, links)
            is_last = self._is_last(session.source, len(rows), progress.rows, total, link)
            completeness.page(rows, total, number=progress.number)
            if is_last:
                completeness.end(number=progress.number, is_one_answer=self._is_one(progress, rows))
                await self._once_more(session, base, progress, completeness)
            following = END if is_last else _Page(digest.hex(), total, link).to_wire()
            doubt = completeness.doubt
            document = progress.document(answer.place, digest, rows, following, doubt)
            if rows or progress.number == 1 or doubt:
                yield document

    async def _once_more(
        self,
        session: HttpSession,
        base: Mapping[str, str],
        progress: Progress,
        completeness: Completeness,
    ) -> None:
        """Read the pages again that prove the list, until one of them differs or does not come."""
        try:
            await self._second_reading(session, base, progress, completeness)
        except ConnectorError as error:  # the rows came, and go in; they prove nothing
            completeness.not_read_again(error.detail)

    async def _second_reading(
        self,
        session: HttpSession,
        base: Mapping[str, str],
        progress: Progress,
        completeness: Completeness,
    ) -> None:
        rows_before, link = 0, None
        for number in range(1, progress.number + 1):
            if not completeness.wants_second_reading:
                return
            async with progress.wait():
                address = self._address(session, base, _Place(link, number, rows_before))
                answer = await session.get(*address)
            value = parse_json(session.source, answer)
            rows = self._rows(session.source, answer.place, value)
            completeness.again(rows, self._total(session.source, value), number=number)
            rows_before += len(rows)
            link = self._link(session.source, value, frozenset())

    def _is_one(self, progress: Progress, rows: tuple[Mapping[str, Any], ...]) -> bool:
        """Tell whether the list came in one answer, which says that nothing follows."""
        says_so = isinstance(self.paging, WholeList | NextLink) or not rows
        return progress.number == 1 and says_so

    def _address(
        self, session: HttpSession, base: Mapping[str, str], page: "_Place"
    ) -> tuple[str, Mapping[str, str] | None]:
        """Return path and query of a page."""
        if page.link is not None:
            return session.at_origin(page.link), None
        match self.paging:
            case PageNumber(page=name, size=size, rows=rows, first=first):
                number = first + page.number - 1
                return self.path, {**base, name: str(number), size: str(rows)}
            case Offset(offset=offset, limit=limit, rows=rows):
                return self.path, {**base, offset: str(page.rows_before), limit: str(rows)}
            case NextLink(size=size, rows=rows):
                return self.path, {**base, size: str(rows)}
            case WholeList():
                return self.path, dict(base)

    def _rows(self, source: str, place: str, value: Any) -> tuple[Mapping[str, Any], ...]:
        rows = pick(source, place, value, self.items_at)
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise PayloadError(source, f"{place}: {self.items_at!r} is not a list of objects")
        return tuple(rows)

    def _link(self, source: str, value: Any, read: Set[str | None]) -> str | None:
        """Return path and query of the next page; `read`: those that were asked for before."""
        if not isinstance(self.paging, NextLink):
            return None
        link = pick(source, self.path, value, self.paging.at)
        if link is None:
            return None
        target = _inside(source, self.path, link)
        if target in read:
            raise PayloadError(
                source,
                f"{self.path}: the next link leads back to a page that was read",
                hint="the list has no end; ask the operator of the source",
            )
        return target

    def _is_last(
        self, source: str, count: int, before: int, total: int | None, link: str | None
    ) -> bool:
        """Tell whether nothing follows a page of `count` rows, after `before` rows of the list."""
        if isinstance(self.paging, WholeList):
            return True
        if isinstance(self.paging, NextLink):
            return link is None
        if total is not None and before + count >= total:
            return True
        if count == 0 and total is not None:
            raise PayloadError(
                source,
                f"{self.path}: {total} rows promised, {before} delivered",
                hint="the list is cut short; nothing of it is taken for complete",
            )
        return count == 0

    def _total(self, source: str, value: Any) -> int | None:
        if self.total_at is None:
            return None
        total = pick(source, self.path, value, self.total_at)
        if isinstance(total, str) and total.isdigit():
            total = int(total)
        if isinstance(total, bool) or not isinstance(total, int) or total < 0:
            raise PayloadError(source, f"{self.path}: {self.total_at!r} is not a number of rows")
        return total


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a page stands in its list."""

    link: str | None
    """Path and query, where the page before it named them."""
    number: int
    rows_before: int


@dataclass(frozen=True, slots=True)
class _Page:
    """What is known of the next page before it is asked for."""

    before: str = ""
    """Hexadecimal digest of the page before it."""
    total: int | None = None
    """Rows that the source promised with that page."""
    link: str | None = None
    """Its path and query, where that page named it."""

    def to_wire(self) -> list[Any]:
        return [self.before, self.total, self.link]

    @classmethod
    def from_wire(cls, wire: Any) -> "_Page":
        return cls(*wire) if wire else cls()


def pick(source: str, place: str, value: Any, at: str) -> Any:
    """Follow a dotted path into a JSON value; a missing step is an error."""
    for key in at.split(".") if at else ():
        if not isinstance(value, dict) or key not in value:
            raise PayloadError(
                source,
                f"{place}: no {at!r} in the answer",
                hint="the source changed its form, or answered an error with status 200",
            )
        value = value[key]
    return value


def _inside(source: str, path: str, link: object) -> str:
    """Reduce the next link to its path and query: a source cannot send our token elsewhere."""
    try:
        url = httpx.URL(str(link))
    except httpx.InvalidURL as error:
        raise PayloadError(source, f"{path}: the next link is not an address") from error
    target = url.raw_path.decode("ascii")
    if not url.path.endswith(path.lstrip("/")):
        raise PayloadError(source, f"{path}: the next link leads to another list: {url.path}")
    return target
