"""`HttpSession`: one source over HTTP: asks, retries within bounds, names every failure.

Invariants:
- an answer that is not what was asked for is an error, never an empty list: a refusal, an empty
  body, a page of HTML, a redirect to a login page each have their own message;
- only questions that change nothing are asked again: GET, and a POST whose asker says so; a pause
  the source asks for (Retry-After, RFC 9110 section 10.2.3) is kept when it is short and ends the
  attempt when it is long;
- of a question that may change something is told whether it can have arrived (`was_sent`);
- numbers are read as `int` and `Decimal`; text must be valid in the charset that was declared.
"""

import asyncio
import random
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Any, TypeAlias, TypeVar

import httpx

from connectors.answer_json import read_answer
from connectors.errors import (
    BadRequestError,
    ConnectorError,
    PayloadError,
    SlowError,
    SourceRefusedError,
    SourceUnavailableError,
)
from connectors.http.credentials import SAFE, QueryKey
from connectors.http.heard import HeardExchanges
from connectors.http.question import HttpAnswer, HttpQuestion
from connectors.http.spans import call_span
from connectors.http.straight import StraightAnswer, StraightRoad
from connectors.http.transport import OversizeError, Transport, open_client
from connectors.limits import Limits

__all__ = [
    "AnswerCheck",
    "HttpAnswer",
    "HttpQuestion",
    "HttpSession",
    "decode_answer",
    "open_session",
    "parse_json",
]

REFUSALS = frozenset({401, 403, 407})
PASSING = frozenset({408, 425, 429})
BAD_REQUEST = 400
OK_MIN, REDIRECT_MIN, CLIENT_ERROR_MIN, SERVER_ERROR_MIN = 200, 300, 400, 500
CHARSETS = {"utf-8": "utf-8-sig", "utf8": "utf-8-sig", "gbk": "gb18030", "gb2312": "gb18030"}
CHARSETS |= {"gb18030": "gb18030", "us-ascii": "utf-8-sig", "ascii": "utf-8-sig"}
STOOD_S_MIN = 60
"""So long an answer has to stand before the moment of its last change is a name for it."""
EXCERPT_CHARACTERS_MAX = 80
PLACES_MAX = 256
"""Paths whose form in messages is kept."""
T = TypeVar("T")
AnswerCheck: TypeAlias = Callable[[httpx.Response, bytes], Awaitable[None]]
"""Looks at an answer, with its whole body, before it is read."""


class HttpSession:
    """Talks with one source through an httpx client; straight where that is given and may be."""

    def __init__(
        self,
        source: str,
        client: httpx.AsyncClient | StraightRoad,
        limits: Limits | None = None,
        *,
        check: AnswerCheck | None = None,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
        chance: Callable[[], float] = random.random,
    ) -> None:
        """Name the source for messages; `pause` and `chance` are given by tests.

        `check` raises a `ConnectorError` for an answer that is not to be believed.
        """
        self.source = source
        self.limits = limits or Limits()
        self._straight = client if isinstance(client, StraightRoad) else None
        self._client = client.client if isinstance(client, StraightRoad) else client
        self._check = check
        self._heard: HeardExchanges | None = None
        self._pause = pause
        self._chance = chance

    async def get(self, path: str, query: Mapping[str, str] | None = None) -> HttpAnswer:
        """GET a path below the base address, again where that may help."""
        return await self.ask(HttpQuestion(path=path, query=query))

    async def ask(self, question: HttpQuestion) -> HttpAnswer:
        """Ask, and again where that may help and the question changes nothing."""
        return await self.again(lambda: self.ask_once(question), is_safe=question.is_safe)

    @property
    def remembers(self) -> bool:
        """Whether the source had us remember something: cookies."""
        return bool(self._client.cookies)

    @contextmanager
    def hearing(self, heard: HeardExchanges) -> Iterator[None]:
        """Have all that is asked meanwhile noted in `heard`, and what it has ahead not asked.

        Nothing is noted of a source that had us remember something: what it answers depends on it.
        """
        self._heard = heard
        try:
            yield
        finally:
            self._heard = None
            if self.remembers:
                heard.exchanges.clear()

    async def again(self, ask: Callable[[], Awaitable[T]], *, is_safe: bool = True) -> T:
        """Do what asks this source, once more where it was not there and that may help."""
        attempt = 1
        while True:
            try:
                return await ask()
            except SourceUnavailableError as error:
                wait = self._wait(attempt, error.retry_after_s) if is_safe else None
                if wait is None:
                    raise
            await self._pause(wait)
            attempt += 1

    async def pause(self, seconds: float) -> None:
        """Leave the source alone for so long."""
        await self._pause(seconds)

    async def accepts(self, path: str, query: Mapping[str, str]) -> bool:
        """Tell whether the source takes this question; a refusal with a reason (400) means no."""
        try:
            await self.get(path, query)
        except BadRequestError:
            return False
        return True

    def forget(self) -> None:
        """Drop what the source had us remember, before it is asked for somebody else: cookies."""
        self._client.cookies.clear()

    def without_secrets(self, value: Any) -> Any:
        """Return an answer in which no address repeats the key that this session sends in them.

        Sources build the address of a next page from that of this one, key and all.
        """
        key = self._client.auth
        if not isinstance(key, QueryKey):
            return value
        if isinstance(value, dict):
            return {name: self.without_secrets(each) for name, each in value.items()}
        if isinstance(value, list):
            return [self.without_secrets(each) for each in value]
        return _without(value, key.name) if isinstance(value, str) else value

    def at_origin(self, target: str) -> str:
        """Return the address of a path with query at the source's own origin, base path or not."""
        return str(self._client.base_url.copy_with(raw_path=target.encode("ascii")))

    async def get_json(self, path: str, query: Mapping[str, str] | None = None) -> Any:
        """GET a path and return the JSON value it answers with."""
        return parse_json(self.source, await self.get(path, query))

    def _wait(self, attempt: int, asked_s: float | None) -> float | None:
        """Return the pause before the next attempt; None when there should be none."""
        if attempt >= self.limits.attempts_max:
            return None
        if asked_s is not None:
            return asked_s if asked_s <= self.limits.retry_after_s_max else None
        span = min(self.limits.backoff_s * 2.0 ** (attempt - 1), self.limits.backoff_s_max)
        return span * self._chance()

    async def ask_once(self, question: HttpQuestion) -> HttpAnswer:
        """Ask one time; every failure is a `ConnectorError`."""
        heard = self._heard
        if heard is None:
            return await self._asked(question)
        if heard.is_next(question):
            return heard.next()
        answer = await self._asked(question)
        heard.note(question, answer)
        return answer

    async def _asked(self, question: HttpQuestion) -> HttpAnswer:
        place = _place(question.path)
        if question.encoded:
            place = f"{place}?{question.encoded}"
        said = f"{question.method} {place}"
        try:
            with call_span(self.source, question.method) as headers:
                response = await self._sent(question, headers)
                try:
                    self._check_status(response, said, question.read_too)
                    raw = await self._read(response, said)
                    if self._check is not None:
                        assert isinstance(response, httpx.Response), "it came through the client"
                        await self._check(response, raw)
                finally:
                    await response.aclose()
        except ConnectorError:
            raise
        except (OversizeError, httpx.HTTPError, httpx.InvalidURL) as error:
            raise self._failure(said, error) from error
        if not raw.strip() and response.status_code not in question.read_too:
            raise PayloadError(self.source, f"{said}: the answer is empty")
        return HttpAnswer(
            place=place,
            raw=raw,
            content_type=response.headers.get("content-type", "").lower(),
            status=response.status_code,
            entity_tag=response.headers.get("etag", ""),
            modified=_modified(response.headers),
        )

    async def _sent(
        self, question: HttpQuestion, more: Mapping[str, str]
    ) -> httpx.Response | StraightAnswer:
        """Send a question with `more` headers; straight where that may be, else by the client."""
        if self._straight is not None and self._check is None:
            answer = await self._straight.ask(question, more)
            if answer is not None:
                return answer
        # A path may carry its own query (a link the source gave); only a new one replaces it.
        request = self._client.build_request(
            question.method,
            question.path,
            params=question.query or None,
            content=question.content,
            headers={**question.headers, **more},
            extensions={SAFE: question.is_safe},
        )
        return await self._client.send(request, stream=True)

    def _failure(self, said: str, error: Exception) -> ConnectorError:
        """Return the error of a question that got no answer."""
        if isinstance(error, OversizeError):
            return PayloadError(self.source, f"{said}: {error}", hint="ask for smaller pages")
        if isinstance(error, httpx.TimeoutException):
            return SlowError(self.source, f"{said}: {error}", was_sent=not _never_left(error))
        if isinstance(
            error, httpx.UnsupportedProtocol | httpx.LocalProtocolError | httpx.InvalidURL
        ):
            hint = "correct the address of this source"
            return PayloadError(self.source, f"{said}: {error}", hint=hint)
        if isinstance(error, httpx.DecodingError):
            return PayloadError(self.source, f"{said}: broken compression")
        return SourceUnavailableError(
            self.source, f"{said}: {error}", was_sent=not _never_left(error)
        )

    async def _read(self, response: httpx.Response | StraightAnswer, said: str) -> bytes:
        """Read the whole body; the bound holds after decompression too."""
        parts: list[bytes] = []
        size = 0
        async for part in response.aiter_bytes():
            size += len(part)
            if size > self.limits.response_bytes_max:
                raise PayloadError(
                    self.source,
                    f"{said}: more than {self.limits.response_bytes_max} bytes",
                    hint="ask for smaller pages",
                )
            parts.append(part)
        return b"".join(parts)

    def _check_status(
        self, response: httpx.Response | StraightAnswer, said: str, read_too: frozenset[int]
    ) -> None:
        """Raise unless the status promises the document."""
        status = response.status_code
        detail = f"{said}: status {status}"
        if OK_MIN <= status < REDIRECT_MIN or status in read_too:
            return
        if status in REFUSALS:
            raise SourceRefusedError(self.source, detail)
        if status in PASSING or status >= SERVER_ERROR_MIN:
            raise SourceUnavailableError(
                self.source, detail, retry_after_s=_retry_after(response.headers)
            )
        if status < CLIENT_ERROR_MIN:
            raise PayloadError(
                self.source,
                f"{detail}, a redirect",
                hint="the source sends us elsewhere, often to a login page: check its address",
            )
        kind = BadRequestError if status == BAD_REQUEST else PayloadError
        raise kind(self.source, detail, hint="the path or a parameter is not accepted")


@asynccontextmanager
async def open_session(
    source: str,
    base_url: str,
    limits: Limits,
    *,
    auth: httpx.Auth | None = None,
    context: ssl.SSLContext | None = None,
) -> AsyncIterator[HttpSession]:
    """Reach a source for as long as the block runs; plain questions go the straight way."""
    transport = Transport(limits, context=context)
    async with open_client(base_url, limits=limits, auth=auth, transport=transport) as client:
        yield HttpSession(source, StraightRoad(client, transport), limits)


def parse_json(source: str, answer: HttpAnswer) -> Any:
    """Read the JSON value of an answer, exactly."""
    excerpt = answer.raw[:EXCERPT_CHARACTERS_MAX].lstrip(b"\xef\xbb\xbf \t\r\n")
    if "html" in answer.content_type or excerpt.startswith(b"<"):
        raise PayloadError(
            source,
            f"{answer.place}: a page of HTML or XML came instead of JSON",
            hint="often a login page or an error page of a proxy: check address and credentials",
        )
    try:
        return read_answer(decode_answer(answer))
    except ValueError as error:  # what is no text is one, too
        raise PayloadError(source, f"{answer.place}: not valid JSON: {error}") from error


def decode_answer(answer: HttpAnswer) -> str:
    """Return the text of an answer in the charset that was declared; `ValueError` if it is not."""
    return answer.raw.decode(_charset(answer.content_type))


@lru_cache(PLACES_MAX)
def _place(path: str) -> str:
    """Return a path as messages name it; `httpx.InvalidURL` where it is none."""
    return httpx.URL(path).raw_path.decode("ascii")


def _without(text: str, name: str) -> str:
    """Return an address without one parameter; any other text stays as it is."""
    if f"{name}=" not in text or "?" not in text:
        return text
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL:
        return text
    return str(url.copy_remove_param(name))


def _never_left(error: Exception) -> bool:
    """Tell whether a question cannot have arrived: there was no connection to send it on."""
    return isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout)


def _charset(content_type: str) -> str:
    for part in content_type.split(";")[1:]:
        name, _, value = part.strip().partition("=")
        if name == "charset":
            return CHARSETS.get(value.strip("\"' "), "utf-8-sig")
    return "utf-8-sig"


def _modified(headers: Mapping[str, str]) -> str:
    """Return Last-Modified where it names one state: long enough before the Date of the answer.

    It counts whole seconds, so what changed a moment ago may change once more in the same second.
    """
    said = headers.get("last-modified", "")
    if not said:
        return ""
    try:
        stood = parsedate_to_datetime(headers.get("date", "")) - parsedate_to_datetime(said)
    except (ValueError, TypeError):
        return ""
    return said if stood.total_seconds() >= STOOD_S_MIN and said.isascii() else ""


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Read Retry-After, seconds or a date; a date counts from the server's own Date header."""
    value = headers.get("retry-after", "").strip()
    if value.isdigit():
        return float(value)
    try:
        until = parsedate_to_datetime(value)
        since = parsedate_to_datetime(headers.get("date", ""))
        return max(0.0, (until - since).total_seconds())
    except (ValueError, TypeError):
        return None
