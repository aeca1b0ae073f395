"""`PagedJson`: the reader of lists of JSON objects that arrive page by page over HTTP.

How a source pages, and what proves its list, is `connectors.paging`; here is how a page is asked
for with GET.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field

from connectors.document import Document, State
from connectors.http.session import HttpSession, parse_json
from connectors.paging import (
    Cursor,
    ListPage,
    NextLink,
    Offset,
    PagedList,
    PageNumber,
    PagePlace,
    Paging,
    WholeList,
)
from connectors.reader import EVERYTHING, Window

__all__ = ["Cursor", "NextLink", "Offset", "PageNumber", "PagedJson", "Paging", "WholeList"]


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
        listing = PagedList(
            name=self.path,
            paging=self.paging,
            items_at=self.items_at,
            total_at=self.total_at,
            key=self.key,
        )
        base = {**self.fixed, **window.filters}

        async def ask(place: PagePlace) -> ListPage:
            if isinstance(self.paging, NextLink) and place.onward is not None:
                answer = await session.get(session.at_origin(place.onward))
            else:
                asked = {name: str(value) for name, value in listing.parameters(place).items()}
                answer = await session.get(self.path, {**base, **asked})
            value = parse_json(session.source, answer)
            return ListPage(place=answer.place, raw=answer.raw, value=value)

        question = f"{self.path} {self.paging} {sorted(base.items())}"
        documents = listing.documents(session, ask, question=question, state=state)
        async with aclosing(documents):
            async for document in documents:
                yield document
