"""`StraightRoad`: a plain question from its parts to its answer, without httpx's client around it.

httpx parses the address of each request four times, and builds headers, cookies and two flows
around it: several times what sending it costs. What of that is the same each time is made once, by
httpx itself, and kept (`_Prepared`). The bytes that leave, the connections and their bounds are
those of `exchange`, as for every other request.

Only what is plain goes this way; the rest goes through the client: where credentials have to be
fetched or renewed first, where the source set a cookie, where an address is unusually long.
"""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

import httpx

from connectors.http.credentials import (
    ClientCredentials,
    QueryKey,
    StandingCredentials,
    StaticToken,
)
from connectors.http.exchange import AnswerBody, ExchangeBounds, OutgoingRequest, head_of
from connectors.http.question import HttpQuestion
from connectors.http.transport import IDEMPOTENT, Transport

__all__ = ["StraightAnswer", "StraightRoad"]

PREPARED_MAX = 64
"""Addresses with method and headers that are kept prepared; then it begins anew."""
TARGET_BYTES_MAX = 60_000
"""A longer path with query goes through the client, which says what is wrong with it."""
PACKED, GZIP = "content-encoding", "gzip"
"""What every request allows an answer; one that comes packed otherwise is unpacked by httpx."""
PIECE_BYTES_MAX = 64 * 1024
"""Bytes that are unpacked at a time: whoever counts them can stop before a small body is huge."""
WITH_BODY = frozenset({"POST", "PUT", "PATCH"})
"""Methods that say how long their body is, also where there is none (RFC 9110 section 8.6)."""
UNAUTHORIZED = 401
_NOTHING = StandingCredentials()
_STANDING = (ClientCredentials, QueryKey, StaticToken)
"""Credentials that know what they add to a request."""


@dataclass(slots=True)
class _Prepared:
    """What is the same of every question with one path, method and headers."""

    url: httpx.URL
    target: bytes
    """Its path, with the query that it brings itself."""
    lines: tuple[tuple[bytes, bytes], ...]
    """Its headers: the name in lower case, and the whole line."""
    said: tuple[StandingCredentials, list[bytes]] | None = None
    """The lines of the last question that had no others, and with which credentials."""


@dataclass(frozen=True, slots=True)
class StraightAnswer:
    """One answer whose body is still to come; in the words of `httpx.Response`."""

    status_code: int
    headers: Mapping[str, str]
    """By name in lower case; those that came several times are joined by commas."""
    body: AnswerBody

    def aiter_bytes(self) -> AsyncIterator[bytes]:
        """Yield the pieces of the body, unpacked; `httpx.DecodingError` where it is no gzip."""
        if self.headers.get(PACKED) == GZIP:
            return _unpacked(self.body)
        return self.body.__aiter__()

    async def aclose(self) -> None:
        """End the exchange."""
        await self.body.aclose()


async def _unpacked(body: AnswerBody) -> AsyncIterator[bytes]:
    unpacking = zlib.decompressobj(zlib.MAX_WBITS | 16)
    try:
        async for part in body:
            rest = part
            while rest:
                piece = unpacking.decompress(rest, PIECE_BYTES_MAX)
                rest = unpacking.unconsumed_tail
                if piece:
                    yield piece
        if piece := unpacking.flush():
            yield piece
    except zlib.error as error:
        raise httpx.DecodingError(str(error)) from error


class StraightRoad:
    """Asks over the connections of a client, in its words and with its credentials."""

    def __init__(self, client: httpx.AsyncClient, transport: Transport) -> None:
        """`transport` is that of the client."""
        auth = client.auth
        self.client = client
        self._is_open = auth is None
        self._credentials = auth if isinstance(auth, _STANDING) else None
        self._exchanges = transport.exchanges
        self._prepared: dict[tuple[object, ...], _Prepared] = {}

    async def ask(
        self, question: HttpQuestion, more: Mapping[str, str]
    ) -> httpx.Response | StraightAnswer | None:
        """Ask; None where this has to go through the client: it was not sent then, or refused.

        `more`: further headers. Raises `httpx.HTTPError`, `httpx.InvalidURL`.
        """
        standing = self._standing()
        if standing is None or self.client.cookies:
            return None
        prepared = self._prepare(question)
        target = _target(prepared, question.encoded, standing.query)
        if len(target) > TARGET_BYTES_MAX:
            return None
        bounds = ExchangeBounds(self._exchanges.limits)
        message = OutgoingRequest(
            method=question.method,
            head=head_of(question.method, target, _lines(prepared, question, more, standing)),
            body=None if not question.content else httpx.ByteStream(question.content),
            may_repeat=question.is_safe or question.method in IDEMPOTENT,
        )
        pool = self._exchanges.pool(prepared.url)
        body = await self._exchanges.send(message, pool, bounds)
        if body.reply.status == UNAUTHORIZED and standing.may_be_renewed:
            await body.aclose()
            return None
        headers = body.reply.fields()
        if "set-cookie" not in headers and headers.get(PACKED, GZIP) == GZIP:
            return StraightAnswer(body.reply.status, headers, body)
        response = httpx.Response(
            status_code=body.reply.status,
            headers=body.reply.headers,
            stream=body,
            request=httpx.Request(question.method, prepared.url),
        )
        self.client.cookies.extract_cookies(response)
        return response

    def _standing(self) -> StandingCredentials | None:
        if self._credentials is not None:
            return self._credentials.standing()
        return _NOTHING if self._is_open else None

    def _prepare(self, question: HttpQuestion) -> _Prepared:
        name = (question.path, question.method, *question.headers.items())
        found = self._prepared.get(name)
        if found is None:
            request = self.client.build_request(
                question.method, question.path, headers=dict(question.headers)
            )
            if len(self._prepared) >= PREPARED_MAX:
                self._prepared.clear()
            lines = [(key.lower(), key + b": " + value) for key, value in request.headers.raw]
            lines = [each for each in lines if each[0] != b"content-length"]
            found = _Prepared(request.url, request.url.raw_path, tuple(lines))
            self._prepared[name] = found
        return found


def _target(prepared: _Prepared, query: str, secret: bytes) -> bytes:
    """Return path and query; a query replaces the one that the path brings, a secret is added."""
    target = prepared.target
    if query:
        target = target.partition(b"?")[0] + b"?" + query.encode("ascii")
    return target + (b"&" if b"?" in target else b"?") + secret if secret else target


def _lines(
    prepared: _Prepared,
    question: HttpQuestion,
    more: Mapping[str, str],
    standing: StandingCredentials,
) -> list[bytes]:
    """Return the header lines; what is given later replaces what was prepared."""
    is_plain = not more and question.content is None
    if is_plain and prepared.said is not None and prepared.said[0] == standing:
        return prepared.said[1]
    added = dict(more)
    if standing.header:
        added[standing.header] = standing.value
    names = {name.lower().encode("ascii") for name in added}
    lines = [line for name, line in prepared.lines if name not in names]
    if question.content is not None or question.method in WITH_BODY:
        lines.append(b"content-length: %d" % len(question.content or b""))
    lines += [f"{name}: {value}".encode("ascii") for name, value in added.items()]
    if is_plain:
        prepared.said = standing, lines
    return lines
