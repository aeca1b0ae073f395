"""`RpcList`: the reader of lists of JSON objects that arrive by JSON-RPC 2.0 over HTTP POST.

Two ways of paging are met, both at one system (Genee LIMS-CF):

- `SearchToken`: one call keeps the question and answers `{token, total}`, further calls fetch
  rows by token, start and number. The token lies in a cache and expires: it is asked for anew, once
  a page, and the reading goes on where the new count is the old one. No state holds a token.
- `StartAndNumber`: one call with `limit: [start, number]`, and nobody counts.

Either way a list is read twice and what is not proved whole is told (`connectors.start_pages`).
Errors come with status 200: a refusal is one of ours, a question that is wrong is told as such.
"""

import json
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from connectors.document import Document, State
from connectors.errors import (
    BadRequestError,
    ConnectorError,
    PayloadError,
    SourceRefusedError,
    SourceUnavailableError,
)
from connectors.http.session import HttpAnswer, HttpQuestion, HttpSession, parse_json
from connectors.reader import EVERYTHING, Progress, Window
from connectors.start_pages import StartList, StartPage

__all__ = ["RpcList", "RpcPaging", "SearchToken", "StartAndNumber"]

WRONG_QUESTION = frozenset({-32600, -32601, -32602, 404})
"""Codes of JSON-RPC 2.0 for a call that is not known or has wrong parameters."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SearchToken:
    """A question is asked once and its rows are fetched by the token of its answer."""

    search: str
    fetch: str
    rows: int = 30
    expired: frozenset[int] = frozenset({500})
    """Codes by which a token is refused that is not kept any more."""


@dataclass(frozen=True, kw_only=True, slots=True)
class StartAndNumber:
    """Each call carries the whole question, with `limit: [start, number]`."""

    method: str
    rows: int = 100
    limit: str = "limit"


RpcPaging: TypeAlias = SearchToken | StartAndNumber


@dataclass(frozen=True, kw_only=True)
class RpcList:
    """Reads every page of a list."""

    path: str
    paging: RpcPaging
    key: tuple[str, ...] = ()
    """Members of a row that tell it from all others of its list; none: all that it says does."""
    fixed: Mapping[str, Any] = field(default_factory=dict)
    """Members of the question that are always the same."""
    refused: frozenset[int] = frozenset({401, 403})
    """Codes by which the source does not let us in."""

    async def read(
        self, session: HttpSession, window: Window = EVERYTHING, state: State | None = None
    ) -> AsyncGenerator[Document, None]:
        """Yield the pages in the order of the source, after `state`."""
        asked = {**self.fixed, **window.filters}
        question = f"{self.path} {self.paging} {json.dumps(asked, sort_keys=True)}"
        place = self.paging.fetch if isinstance(self.paging, SearchToken) else self.paging.method
        progress = Progress(session, place, question=question, state=state)
        pages = _Pages(self, session, asked)
        listing = StartList(place=place, key=self.key, pages=pages)
        async with aclosing(listing.documents(session.source, progress, state)) as documents:
            async for document in documents:
                yield document


class _Pages:
    """Asks for pages of one list; keeps the token of its question while it lasts."""

    def __init__(self, of: RpcList, session: HttpSession, asked: Mapping[str, Any]) -> None:
        self._of = of
        self._session = session
        self._asked = asked
        self._token: tuple[str, int] | None = None
        self._id = 0

    def forget(self) -> None:
        """Begin a new question with the next page."""
        self._token = None

    async def page(self, start: int) -> StartPage:
        """Return the page that begins after `start` rows."""
        match self._of.paging:
            case StartAndNumber(method=method, rows=number, limit=limit):
                parameters = {**self._asked, limit: [start, number]}
                answer, value = await self._call(method, [parameters])
                return StartPage(self._rows(method, value), None, answer.raw)
            case SearchToken() as paging:
                return await self._by_token(paging, start)

    async def _by_token(self, paging: SearchToken, start: int) -> StartPage:
        token, total = self._token or await self._search(paging)
        try:
            answer, value = await self._call(paging.fetch, [token, start, paging.rows])
        except _ExpiredError:
            token, now = await self._search(paging)
            if now != total:
                raise PayloadError(
                    self._session.source,
                    f"{paging.fetch}: {total} rows at first, {now} when the token was renewed",
                    hint="the list changed while it was read; the next run reads it again",
                ) from None
            answer, value = await self._renewed(paging, token, start)
        return StartPage(self._rows(paging.fetch, value), total, answer.raw)

    async def _renewed(self, paging: SearchToken, token: str, start: int) -> tuple[HttpAnswer, Any]:
        try:
            return await self._call(paging.fetch, [token, start, paging.rows])
        except _ExpiredError as error:
            raise SourceUnavailableError(self._session.source, error.detail) from None

    async def _search(self, paging: SearchToken) -> tuple[str, int]:
        try:
            _, value = await self._call(paging.search, [dict(self._asked)])
        except _ExpiredError as error:
            raise SourceUnavailableError(self._session.source, error.detail) from None
        token = value.get("token") if isinstance(value, dict) else None
        total = value.get("total") if isinstance(value, dict) else None
        if isinstance(total, str) and total.isascii() and total.isdigit():
            total = int(total)
        if not isinstance(token, str) or isinstance(total, bool) or not isinstance(total, int):
            raise PayloadError(self._session.source, f"{paging.search}: no token and total")
        self._token = token, total
        return self._token

    async def _call(self, method: str, parameters: list[Any]) -> tuple[HttpAnswer, Any]:
        self._id += 1
        call = {"jsonrpc": "2.0", "id": self._id, "method": method, "params": parameters}
        answer = await self._session.ask(
            HttpQuestion(
                path=self._of.path,
                method="POST",
                content=json.dumps(call, separators=(",", ":")).encode(),
                headers={"content-type": "application/json"},
            )
        )
        source, value = self._session.source, parse_json(self._session.source, answer)
        if not isinstance(value, dict):
            raise PayloadError(source, f"{method}: the answer is no object of JSON-RPC")
        if value.get("error") is not None:
            raise self._error(method, value["error"])
        if value.get("id") != self._id or "result" not in value:
            raise PayloadError(source, f"{method}: the answer belongs to another call")
        return answer, value["result"]

    def _error(self, method: str, error: Any) -> ConnectorError:
        """Return what an error of the source is to us; its words may repeat our secrets."""
        source = self._session.source
        code = error.get("code") if isinstance(error, dict) else None
        detail = f"{method}: error {code if isinstance(code, int) else 'without a code'}"
        if code in self._of.refused:
            return SourceRefusedError(source, detail)
        if code in WRONG_QUESTION:
            return BadRequestError(source, detail, hint="the call or a parameter is not accepted")
        if isinstance(self._of.paging, SearchToken) and code in self._of.paging.expired:
            return _ExpiredError(source, detail)
        return SourceUnavailableError(source, detail)

    def _rows(self, method: str, value: Any) -> tuple[Mapping[str, Any], ...]:
        if not isinstance(value, list) or not all(isinstance(row, dict) for row in value):
            raise PayloadError(self._session.source, f"{method}: the result is no list of objects")
        return tuple(value)


class _ExpiredError(SourceUnavailableError):
    """The source does not keep this token any more."""
