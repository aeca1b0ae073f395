"""`GraphqlList`: the reader of lists that a GraphQL endpoint gives, page by page, by cursor.

The document is written once, with variables: size and cursor of a page, and what is asked for
(`Window.filters`: a filter is pushed down, never applied here; `filter.kind` is the member `kind`
of the variable `filter`). How a list goes on and what proves it is `connectors.paging`.

- Data with errors is a part: its rows are taken, rows that are null are passed over, and the list
  is in doubt, with the codes of the errors and the paths where they happened.
- Errors without the list are an error, by their codes: what is about credentials is a refusal, what
  names a passing state may be asked again, every other one is about the question. Their words are
  not repeated: services quote what they were sent.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

from connectors.document import Document, State
from connectors.errors import (
    BadRequestError,
    ConnectorError,
    PayloadError,
    SourceRefusedError,
    SourceUnavailableError,
)
from connectors.http.session import HttpQuestion, HttpSession, parse_json
from connectors.paging import Cursor, ListPage, PagedList, PagePlace, Paging
from connectors.reader import EVERYTHING, Window

__all__ = [
    "GraphqlAnswer",
    "GraphqlList",
    "ask_graphql",
    "codes_of",
    "graphql_refusal",
    "value_at",
]

CODE = re.compile(r"[A-Za-z0-9_.-]{1,60}")
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,60}")
REFUSING = re.compile(r"UNAUTH|FORBIDDEN|DENIED|TOKEN|SCOPE", re.IGNORECASE)
PASSING = re.compile(r"UNAVAILABLE|TIMEOUT|RATE_LIMIT|THROTTL|INTERNAL|OVERLOAD", re.IGNORECASE)
TOLD_MAX = 5
WRONG_QUESTION = frozenset({400, 404, 405, 409, 422})
"""Statuses beside 2xx whose answer has errors with codes: GraphQL over HTTP, section 6.4."""
MEDIA = "application/graphql-response+json, application/json;q=0.9"


@dataclass(frozen=True, kw_only=True)
class GraphqlList:
    """Reads every page of one list of a GraphQL document."""

    path: str = "graphql"
    document: str = ""
    """Text of the document; empty where it is registered there."""
    document_id: str = ""
    """Name of a document that the other side has registered, sent as `documentId`."""
    paging: Paging = field(default_factory=lambda: Cursor(cursor="after", size="first"))
    items_at: str
    """Dotted path to the rows inside `data`."""
    total_at: str | None = None
    """Dotted path to the number of rows of the whole list inside `data`, if the source tells it."""
    key: tuple[str, ...] = ()
    """Members of a row that tell it from all others of its list; none: all that it says does."""
    fixed: Mapping[str, Any] = field(default_factory=dict)
    """Variables that every question of this list carries."""

    async def read(
        self, session: HttpSession, window: Window = EVERYTHING, state: State | None = None
    ) -> AsyncGenerator[Document, None]:
        """Yield the pages in the order of the source, after `state`."""
        listing = PagedList(
            name=f"{self.path} {self.items_at}",
            paging=self.paging,
            items_at=self.items_at,
            total_at=self.total_at,
            key=self.key,
        )
        base = {**self.fixed, **window.filters}

        async def ask(place: PagePlace) -> ListPage:
            variables = _nested({**base, **listing.parameters(place)})
            return await session.again(lambda: self._once(session, variables, place))

        asked = f"{self.document_id or self.document} {self.paging} {sorted(base.items())}"
        question = f"{listing.name} {asked}"
        documents = listing.documents(session, ask, question=question, state=state)
        async with aclosing(documents):
            async for document in documents:
                yield document

    async def _once(
        self, session: HttpSession, variables: Mapping[str, Any], place: PagePlace
    ) -> ListPage:
        named = {"documentId": self.document_id} if self.document_id else {"query": self.document}
        where = f"{self.path} {self.items_at}, page {place.number}"
        answer = await ask_graphql(session, self.path, {**named, "variables": variables}, where)
        errors = answer.errors
        rows = value_at(answer.data, self.items_at)
        if errors and not isinstance(rows, list):
            raise graphql_refusal(session.source, where, errors)
        doubt = None
        if errors and isinstance(rows, list):
            empty = sum(row is None for row in rows)
            rows[:] = [row for row in rows if row is not None]
            doubt = f"page {place.number} came with errors: {_told(errors)}; {empty} rows are empty"
        return ListPage(place=where, raw=answer.raw, value=answer.data, doubt=doubt)


@dataclass(frozen=True, slots=True)
class GraphqlAnswer:
    """What a GraphQL endpoint answered: the raw bytes, its data, its errors."""

    raw: bytes
    data: Any
    errors: list[Any]


async def ask_graphql(
    session: HttpSession, path: str, request: Mapping[str, Any], where: str
) -> GraphqlAnswer:
    """Ask one time; `where` is told in the errors of what is no answer of GraphQL."""
    question = HttpQuestion(
        path=path,
        method="POST",
        content=json.dumps(request).encode(),
        headers={"Content-Type": "application/json", "Accept": MEDIA},
        read_too=WRONG_QUESTION,
    )
    answer = await session.ask_once(question)
    value = parse_json(session.source, answer)
    if not isinstance(value, dict) or not (value.get("errors") or "data" in value):
        kind = BadRequestError if answer.status in WRONG_QUESTION else PayloadError
        raise kind(session.source, f"{where}: not an answer of GraphQL ({answer.status})")
    errors = value.get("errors") or []
    return GraphqlAnswer(
        answer.raw, value.get("data"), errors if isinstance(errors, list) else [{}]
    )


def _nested(variables: Mapping[str, Any]) -> dict[str, Any]:
    """Return variables in which `filter.kind` is a member of `filter`."""
    made: dict[str, Any] = {}
    for name, value in variables.items():
        *outer, last = name.split(".")
        at = made
        for each in outer:
            at = at.setdefault(each, {})
        at[last] = value
    return made


def value_at(value: Any, path: str) -> Any:
    """Follow a dotted path; None where it does not lead on."""
    for key in path.split("."):
        value = value.get(key) if isinstance(value, dict) else None
    return value


def codes_of(errors: Any) -> list[str]:
    """Return the codes of errors, each once; an error without one has none."""
    codes: dict[str, None] = {}
    for error in errors if isinstance(errors, list) else ():
        code = value_at(error, "extensions.code")
        codes[code if isinstance(code, str) and CODE.fullmatch(code) else "without a code"] = None
    return list(codes) or ["without a code"]


def _told(errors: Any) -> str:
    """Say which errors there are, and where."""
    told: dict[str, None] = {}
    for error in errors if isinstance(errors, list) else ():
        path = error.get("path") if isinstance(error, dict) else None
        steps = path if isinstance(path, list) else []
        names = [str(step) for step in steps if isinstance(step, str) and NAME.fullmatch(step)]
        told[f"{codes_of([error])[0]} at {'.'.join(names) or 'no path'}"] = None
    return ", ".join(list(told)[:TOLD_MAX]) or "of no form"


def graphql_refusal(source: str, where: str, errors: Any) -> ConnectorError:
    """Return the error of an answer that has errors and no list."""
    codes = codes_of(errors)
    detail = f"{where}: the source answers {', '.join(codes[:TOLD_MAX])}"
    if any(REFUSING.search(code) for code in codes):
        return SourceRefusedError(source, detail)
    if any(PASSING.search(code) for code in codes):
        return SourceUnavailableError(source, detail)
    return BadRequestError(source, detail, hint="the document or a variable is not accepted")
