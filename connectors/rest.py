"""`PagedJson`: the reader of lists of JSON objects that arrive page by page over HTTP.

How a source pages, and what proves its list, is `connectors.paging`; here is how a page is asked
for with GET. A list that comes in one answer with an entity tag, or with the moment of its last
change, can be asked for again under the condition that it has changed (RFC 9110 section 13.1): its
document carries the state for that (`Document.again`), and one answer 304 then says that all of it
stands. The tag goes before the moment. Of a list of pages the tag of one page says nothing of the
others, so those are read anew.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field, replace

from connectors.document import Document, State, digest_of
from connectors.http.session import HttpQuestion, HttpSession, parse_json
from connectors.paging import (
    Cursor,
    ListPage,
    NextLink,
    Offset,
    PagedList,
    PageNumber,
    PagePlace,
    Paging,
    TimeSlices,
    WholeList,
)
from connectors.reader import EVERYTHING, Window

__all__ = [
    "Cursor",
    "NextLink",
    "Offset",
    "PageNumber",
    "PagedJson",
    "Paging",
    "TimeSlices",
    "WholeList",
]

NOT_MODIFIED = 304
TAG = re.compile(r'(?:W/)?"[\x21\x23-\x7e]{0,200}"')
"""An entity tag that is sent back (RFC 9110 section 8.8.3)."""
MOMENT = re.compile(r"[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT")
"""A moment that is sent back (RFC 9110 section 5.6.7)."""


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
            window=window,
        )
        base = {**self.fixed, **window.filters}
        question = f"{self.path} {self.paging} {window.since} {window.until} {sorted(base.items())}"
        condition, state = _condition(state, question)
        tags: list[str] = []

        async def ask(place: PagePlace) -> ListPage:
            if isinstance(self.paging, NextLink) and place.onward is not None:
                answer = await session.get(session.at_origin(place.onward))
            else:
                asked = {name: str(value) for name, value in listing.parameters(place).items()}
                answer = await session.ask(_asked(self.path, {**base, **asked}, condition))
            if answer.status == NOT_MODIFIED:
                raise _UnchangedError(answer.place)
            tags[:] = [answer.entity_tag, answer.modified]
            value = session.without_secrets(parse_json(session.source, answer))
            return ListPage(place=answer.place, raw=answer.raw, value=value)

        documents = listing.documents(session, ask, question=question, state=state)
        async with aclosing(documents):
            try:
                async for document in documents:
                    yield self._tagged(document, question, tags)
            except _UnchangedError as unchanged:
                digest, again = digest_of(condition.encode()), _again(question, condition)
                yield Document(
                    place=str(unchanged),
                    number=1,
                    digest=digest,
                    rows=(),
                    again=again,
                    is_unchanged=True,
                )

    def _tagged(self, document: Document, question: str, tags: list[str]) -> Document:
        """Return a document of a list in one answer with the state that asks for it again."""
        is_one = isinstance(self.paging, WholeList) and document.doubt is None
        validator = next((each for each in tags if _is_validator(each)), None)
        if not is_one or validator is None:
            return document
        return replace(document, again=_again(question, validator))


class _UnchangedError(Exception):
    """The source answers 304; its text is the place."""


def _is_validator(text: object) -> bool:
    return isinstance(text, str) and bool(TAG.fullmatch(text) or MOMENT.fullmatch(text))


def _again(question: str, validator: str) -> State:
    return {"question": digest_of(question.encode()).hex(), "validator": validator}


def _condition(state: State | None, question: str) -> tuple[str, State | None]:
    """Return the tag or moment that a state asks with, if it is such a one for this question."""
    if state is None or "validator" not in state:
        return "", state
    validator = state["validator"]
    is_ours = state.get("question") == digest_of(question.encode()).hex()
    return (str(validator) if is_ours and _is_validator(validator) else ""), None


def _asked(path: str, query: Mapping[str, str], condition: str) -> HttpQuestion:
    if not condition:
        return HttpQuestion(path=path, query=query)
    return HttpQuestion(
        path=path,
        query=query,
        headers={"If-None-Match" if TAG.fullmatch(condition) else "If-Modified-Since": condition},
        read_too=frozenset({NOT_MODIFIED}),
    )
