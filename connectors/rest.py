"""REST connector: lists of JSON objects that arrive page by page.

How a source pages is declared, not programmed: `PageNumber`, `Offset`, `NextLink`, `WholeList`.
A list ends where the source says it ends; where it promises more rows than it delivers, or gives
one page twice, that is an error and not a short list.
"""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import httpx

from connectors.document import Document, digest_of
from connectors.errors import PayloadError
from connectors.http.session import Session, parse_json

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
    """Dotted path to the number of rows in the whole list, where the source tells it."""
    fixed: Mapping[str, str] = field(default_factory=dict)
    """Parameters that every question of this list carries."""

    async def read(
        self, session: Session, question: Mapping[str, str] | None = None
    ) -> AsyncIterator[Document]:
        """Yield the pages in source order; `question` adds filters of this reading."""
        base = {**self.fixed, **(question or {})}
        path: str = self.path
        query: dict[str, str] | None = self._first(base)
        limits = session.limits
        seen = 0
        before = b""
        for number in range(1, limits.pages_max + 1):
            answer = await session.get(path, query)
            value = parse_json(session.source, answer)
            rows = self._rows(session.source, answer.place, value)
            digest = digest_of(answer.raw)
            if rows and digest == before:
                raise PayloadError(
                    session.source,
                    f"{answer.place}: page {number} equals the page before it",
                    hint="the source ignores the page parameter; check its name",
                )
            before = digest
            seen += len(rows)
            if seen > limits.rows_max:
                raise PayloadError(session.source, f"{self.path}: over {limits.rows_max} rows")
            if rows or number == 1:
                yield Document(
                    place=answer.place,
                    number=number,
                    digest=digest,
                    rows=rows,
                    first_row=seen - len(rows) + 1,
                )
            step = self._next(session, value, base, seen, len(rows), number)
            if step is None:
                return
            path, query = step
        raise PayloadError(session.source, f"{self.path}: over {limits.pages_max} pages")

    def _first(self, base: Mapping[str, str]) -> dict[str, str]:
        match self.paging:
            case PageNumber(page=page, size=size, rows=rows, first=first):
                return {**base, page: str(first), size: str(rows)}
            case Offset(offset=offset, limit=limit, rows=rows):
                return {**base, offset: "0", limit: str(rows)}
            case NextLink(size=size, rows=rows):
                return {**base, size: str(rows)}
            case WholeList():
                return dict(base)

    def _rows(self, source: str, place: str, value: Any) -> tuple[Mapping[str, Any], ...]:
        rows = pick(source, place, value, self.items_at)
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise PayloadError(source, f"{place}: {self.items_at!r} is not a list of objects")
        return tuple(rows)

    def _next(
        self,
        session: Session,
        value: Any,
        base: Mapping[str, str],
        seen: int,
        got: int,
        number: int,
    ) -> tuple[str, dict[str, str] | None] | None:
        """Return path and query of the next page, None after the last one."""
        source = session.source
        if isinstance(self.paging, WholeList):
            return None
        if isinstance(self.paging, NextLink):
            link = pick(source, self.path, value, self.paging.at)
            if link is None:
                return None
            return session.at_origin(_inside(source, self.path, link)), None
        total = self._total(source, value)
        if total is not None and seen >= total:
            return None
        if got == 0:
            if total is not None:
                raise PayloadError(
                    source,
                    f"{self.path}: {total} rows promised, {seen} delivered",
                    hint="the list is cut short; nothing of it is taken for complete",
                )
            return None
        query = dict(self._first(base))
        if isinstance(self.paging, PageNumber):
            query[self.paging.page] = str(self.paging.first + number)
        else:
            query[self.paging.offset] = str(seen)
        return self.path, query

    def _total(self, source: str, value: Any) -> int | None:
        if self.total_at is None:
            return None
        total = pick(source, self.path, value, self.total_at)
        if isinstance(total, str) and total.isdigit():
            total = int(total)
        if isinstance(total, bool) or not isinstance(total, int) or total < 0:
            raise PayloadError(source, f"{self.path}: {self.total_at!r} is not a number of rows")
        return total


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
