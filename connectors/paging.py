"""`PagedList`: how a list of JSON objects is paged: the one loop that reads it, over any carrier.

How a source pages is declared, not programmed: `PageNumber`, `Offset`, `NextLink`, `Cursor`,
`TimeSlices`, `WholeList`. What carries a page (GET, SOAP, GraphQL) asks for it and hands over its
JSON value; everything else is here, so that the same holds for all:

- a list ends where the source says it ends; where it promises more rows than it delivers, or gives
  one page twice, that is an error and not a short list;
- a list of several pages is read twice, and what is not proved to be whole so
  (`connectors.completeness`) is told with the last page;
- a reading that was cut off goes on with the next page, unless the source counts its rows and there
  are more or fewer of them now.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Set
from dataclasses import dataclass, field
from datetime import UTC, timedelta, tzinfo
from typing import Any, TypeAlias

import httpx

from connectors.completeness import Completeness
from connectors.document import Document, State, digest_of
from connectors.errors import ConnectorError, PayloadError
from connectors.reader import END, EVERYTHING, Progress, Session, Window

__all__ = [
    "Cursor",
    "ListPage",
    "NextLink",
    "Offset",
    "PageNumber",
    "PagePlace",
    "PagedList",
    "Paging",
    "TimeSlices",
    "WholeList",
    "pick",
]


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


@dataclass(frozen=True, kw_only=True, slots=True)
class Cursor:
    """Each page says where the next one begins: `?limit=200&cursor=…`, in the source's own words.

    `more_at`: where the source says whether there is a next page; without it, a page without a
    cursor is the last. A cursor that stands in the list by value (a keyset) passes over no row when
    others go, and the list is proved like every other.
    """

    cursor: str = "cursor"
    at: str = "next_cursor"
    more_at: str | None = None
    size: str = "limit"
    rows: int = 200


@dataclass(frozen=True, slots=True)
class WholeList:
    """The list comes in one answer and knows no pages."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TimeSlices:
    """The list is asked for by closed windows of time: `?from=…&to=…`, each whole in one answer.

    The window of the reading is cut into slices of some days. A reading without bounds asks once,
    without parameters.
    """

    since: str = "from"
    until: str = "to"
    days: int = 7
    form: str = "%Y-%m-%dT%H:%M:%SZ"
    """How the source writes a moment."""
    zone: tzinfo = UTC
    """In which zone, where the form names none."""

    def cut(self, window: Window) -> list[dict[str, str | int]]:
        """Return the parameters of each slice of a window."""
        if window.since is None or window.until is None:
            return [{}]
        slices: list[dict[str, str | int]] = []
        at = window.since
        while at < window.until:
            ends = min(at + timedelta(days=self.days), window.until)
            first, last = (each.astimezone(self.zone).strftime(self.form) for each in (at, ends))
            slices.append({self.since: first, self.until: last})
            at = ends
        return slices or [{}]


Paging: TypeAlias = PageNumber | Offset | NextLink | Cursor | TimeSlices | WholeList

CURSOR_CHARACTERS_MAX = 2_048
"""Longest cursor that is sent back; longer ones are no place in a list."""


@dataclass(frozen=True, slots=True)
class PagePlace:
    """Where a page stands in its list."""

    onward: str | None
    """Link or cursor that the page before it gave."""
    number: int
    rows_before: int


@dataclass(frozen=True, kw_only=True, slots=True)
class ListPage:
    """One page as it came."""

    place: str
    raw: bytes
    value: Any
    """Its JSON value."""
    doubt: str | None = None
    """Why the source itself says that something is missing in it."""


Ask: TypeAlias = Callable[[PagePlace], Awaitable[ListPage]]


@dataclass(frozen=True, kw_only=True)
class PagedList:
    """One list of a source: where its rows stand in an answer, and how it goes on."""

    name: str
    """For messages: path or operation."""
    paging: Paging = field(default_factory=PageNumber)
    items_at: str = "results"
    """Dotted path to the rows inside an answer."""
    total_at: str | None = None
    """Dotted path to the number of rows in the whole list, where the source tells it. Without it,
    a list of several pages is never taken for whole."""
    key: tuple[str, ...] = ()
    """Members of a row that tell it from all others of its list; none: all that it says does."""

    window: Window = EVERYTHING
    """What is asked for, where it is cut into slices."""

    def parameters(self, place: PagePlace) -> dict[str, str | int]:
        """Return what asks for a page, by name; of a page that a link leads to, nothing."""
        match self.paging:
            case PageNumber(page=name, size=size, rows=rows, first=first):
                return {name: first + place.number - 1, size: rows}
            case Offset(offset=offset, limit=limit, rows=rows):
                return {offset: place.rows_before, limit: rows}
            case NextLink(size=size, rows=rows):
                return {} if place.onward is not None else {size: rows}
            case Cursor(cursor=cursor, size=size, rows=rows):
                return {size: rows} | ({} if place.onward is None else {cursor: place.onward})
            case TimeSlices():
                return self.paging.cut(self.window)[place.number - 1]
            case WholeList():
                return {}

    async def documents(
        self, session: Session, ask: Ask, *, question: str, state: State | None
    ) -> AsyncGenerator[Document, None]:
        """Yield the pages in the order of the source, after `state`."""
        progress = Progress(session, self.name, question=question, state=state)
        is_sliced = isinstance(self.paging, TimeSlices)
        completeness = Completeness(self.key, is_continued=state is not None, is_sliced=is_sliced)
        is_continued = state is not None
        onward_seen: set[str | None] = set()
        while progress.at != END:
            known = _Known.from_wire(progress.at)
            progress.begin_document()
            async with progress.wait():
                page = await ask(PagePlace(known.onward, progress.number, progress.rows))
            rows = self._rows(session.source, page)
            total = self._total(session.source, page.value)
            digest = digest_of(page.raw)
            if is_continued and total != known.total and not is_sliced:
                raise progress.moved(f"{known.total} rows when it was cut off, {total} now")
            is_continued = False
            if rows and digest.hex() == known.before and not is_sliced:
                raise PayloadError(
                    session.source,
                    f"{page.place}: page {progress.number} equals the page before it",
                    hint="the source ignores the page parameter; check its name",
                )
            onward_seen.add(known.onward)
            onward = self._onward(session.source, page.value, onward_seen)
            is_last = self._is_last(session.source, len(rows), progress, total, onward)
            doubt = page.doubt
            if is_sliced and rows and digest.hex() == known.before:
                doubt = doubt or f"slice {progress.number} equals the one before it"
            completeness.page(rows, total, number=progress.number, doubt=doubt)
            if is_last:
                completeness.end(number=progress.number, is_one_answer=self._is_one(progress, rows))
                await self._once_more(session, ask, progress, completeness)
            following = END if is_last else _Known(digest.hex(), total, onward).to_wire()
            doubt = completeness.doubt
            document = progress.document(page.place, digest, rows, following, doubt)
            if rows or progress.number == 1 or doubt:
                yield document

    async def _once_more(
        self, session: Session, ask: Ask, progress: Progress, completeness: Completeness
    ) -> None:
        """Read the pages again that prove the list, until one of them differs or does not come."""
        rows_before, onward = 0, None
        try:
            for number in range(1, progress.number + 1):
                if not completeness.wants_second_reading:
                    return
                async with progress.wait():
                    page = await ask(PagePlace(onward, number, rows_before))
                rows = self._rows(session.source, page)
                completeness.again(rows, self._total(session.source, page.value), number=number)
                rows_before += len(rows)
                onward = self._onward(session.source, page.value, frozenset())
        except ConnectorError as error:  # the rows came, and go in; they prove nothing
            completeness.not_read_again(error.detail)

    def _is_one(self, progress: Progress, rows: tuple[Mapping[str, Any], ...]) -> bool:
        """Tell whether the list came in one answer, which says that nothing follows."""
        says_so = isinstance(self.paging, WholeList | NextLink | Cursor) or not rows
        return progress.number == 1 and says_so

    def _rows(self, source: str, page: ListPage) -> tuple[Mapping[str, Any], ...]:
        rows = pick(source, page.place, page.value, self.items_at)
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise PayloadError(source, f"{page.place}: {self.items_at!r} is not a list of objects")
        return tuple(rows)

    def _onward(self, source: str, value: Any, read: Set[str | None]) -> str | None:
        """Return link or cursor of the next page; `read`: those that were asked for before."""
        match self.paging:
            case NextLink(at=at):
                link = pick(source, self.name, value, at)
                target = None if link is None else _inside(source, self.name, link)
            case Cursor():
                target = self._cursor(source, value, self.paging)
            case _:
                return None
        if target is not None and target in read:
            raise PayloadError(
                source,
                f"{self.name}: the way on leads back to a page that was read",
                hint="the list has no end; ask the operator of the source",
            )
        return target

    def _cursor(self, source: str, value: Any, paging: Cursor) -> str | None:
        has_more: Any = None
        if paging.more_at is not None:
            has_more = pick(source, self.name, value, paging.more_at)
            if not isinstance(has_more, bool):
                raise PayloadError(source, f"{self.name}: {paging.more_at!r} is not true or false")
            if not has_more:
                return None
        cursor = pick(source, self.name, value, paging.at)
        if cursor in (None, "") and not has_more:
            return None
        if isinstance(cursor, int) and not isinstance(cursor, bool):
            cursor = str(cursor)
        if not isinstance(cursor, str) or not 0 < len(cursor) <= CURSOR_CHARACTERS_MAX:
            raise PayloadError(
                source,
                f"{self.name}: {paging.at!r} is no cursor, and more is to come",
                hint="the list cannot be read on; ask the operator of the source",
            )
        return cursor

    def _is_last(
        self, source: str, count: int, progress: Progress, total: int | None, onward: str | None
    ) -> bool:
        """Tell whether nothing follows a page of `count` rows."""
        before = progress.rows
        if isinstance(self.paging, WholeList):
            return True
        if isinstance(self.paging, TimeSlices):
            return progress.number >= len(self.paging.cut(self.window))
        if isinstance(self.paging, NextLink | Cursor):
            return onward is None
        if total is not None and before + count >= total:
            return True
        if count == 0 and total is not None:
            raise PayloadError(
                source,
                f"{self.name}: {total} rows promised, {before} delivered",
                hint="the list is cut short; nothing of it is taken for complete",
            )
        return count == 0

    def _total(self, source: str, value: Any) -> int | None:
        if self.total_at is None:
            return None
        total = pick(source, self.name, value, self.total_at)
        if isinstance(total, str) and total.isascii() and total.isdigit():
            total = int(total)
        if isinstance(total, bool) or not isinstance(total, int) or total < 0:
            raise PayloadError(source, f"{self.name}: {self.total_at!r} is not a number of rows")
        return total


@dataclass(frozen=True, slots=True)
class _Known:
    """What is known of the next page before it is asked for."""

    before: str = ""
    """Hexadecimal digest of the page before it."""
    total: int | None = None
    """Rows that the source promised with that page."""
    onward: str | None = None
    """Its link or cursor, where that page named it."""

    def to_wire(self) -> list[Any]:
        return [self.before, self.total, self.onward]

    @classmethod
    def from_wire(cls, wire: Any) -> _Known:
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
