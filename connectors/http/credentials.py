"""How a source lets us in: a fixed token, a key in the address, OAuth 2.0 client credentials.

Client credentials are those of RFC 6749 section 4.4.
A token is fetched once and used until shortly before it ends; callers that come meanwhile wait for
the same answer. A 401 makes one renewal, no more. Secrets never appear in a message.
"""

import asyncio
import base64
import time
from collections.abc import AsyncGenerator, Callable, Generator
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import quote

import httpx

from connectors.answer_json import read_answer
from connectors.errors import PayloadError, SourceRefusedError, SourceUnavailableError

__all__ = ["ClientCredentials", "QueryKey", "StandingCredentials", "StaticToken"]

SAFE = "safe"
"""Key of a request's extensions: whether it changes nothing, whatever its method. What fetches a
token for it has the same extensions, and may be sent again like it."""
QUERY_SECRET = "query_secret"  # noqa: S105 - a name
"""Extension of a request: what the transport adds to its address."""

RENEW_BEFORE_S = 30.0
LIFETIME_S_DEFAULT = 300.0
"""Used when the source does not say how long its token lives."""
LIFETIME_S_MAX = 86_400.0
UNAUTHORIZED = 401
OK = 200
REFUSALS = frozenset({400, 401, 403})
SERVER_ERROR_MIN = 500


@dataclass(frozen=True, slots=True, repr=False)
class StandingCredentials:
    """What credentials add to a request without asking anybody: a header, or part of the query."""

    header: str = ""
    value: str = ""
    query: bytes = b""
    may_be_renewed: bool = False
    """Whether others can be fetched where the source refuses these (401)."""


@dataclass(frozen=True, repr=False)
class StaticToken(httpx.Auth):
    """A token that the operator of the source handed over, sent in one header."""

    value: str
    header: str = "Authorization"

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Add the header."""
        request.headers[self.header] = self.value
        yield request

    def standing(self) -> StandingCredentials:
        """Return the header."""
        return StandingCredentials(header=self.header, value=self.value)


@dataclass(frozen=True, repr=False)
class QueryKey(httpx.Auth):
    """A key that the source wants in the address of every request: `?key=…`.

    An address is quoted by messages and by the log of httpx. So the key stands in none: only the
    transport adds it, to the line that leaves.
    """

    name: str
    value: str

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Hand the key to the transport."""
        request.extensions = {**request.extensions, QUERY_SECRET: self._pair()}
        yield request

    def standing(self) -> StandingCredentials:
        """Return the part of the query."""
        return StandingCredentials(query=self._pair().encode("ascii"))

    def _pair(self) -> str:
        return f"{quote(self.name, safe='')}={quote(self.value, safe='')}"


@dataclass(repr=False)
class ClientCredentials(httpx.Auth):
    """OAuth 2.0 client credentials; `method` says how the client names itself."""

    source: str
    token_url: str
    client_id: str
    client_secret: str
    scope: str = ""
    method: Literal["client_secret_basic", "client_secret_post"] = "client_secret_basic"
    elapsed: Callable[[], float] = time.monotonic
    _token: str = field(default="", init=False)
    _until: float = field(default=0.0, init=False)
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock, init=False)

    async def async_auth_flow(
        self, request: httpx.Request
    ) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """Send the request with a token, renewing it at most once."""
        async with self._lock:
            if not self._has_valid_token():
                answer = yield self._token_request(request)
                await answer.aread()
                self._store_token(answer)
            token = self._token
        request.headers["Authorization"] = f"Bearer {token}"
        response = yield request
        if response.status_code != UNAUTHORIZED:
            return
        async with self._lock:
            if token == self._token:
                answer = yield self._token_request(request)
                await answer.aread()
                self._store_token(answer)
        request.headers["Authorization"] = f"Bearer {self._token}"
        yield request

    def standing(self) -> StandingCredentials | None:
        """Return the header with the token; None while there is none that is valid."""
        if not self._has_valid_token():
            return None
        return StandingCredentials(
            header="Authorization", value=f"Bearer {self._token}", may_be_renewed=True
        )

    def _has_valid_token(self) -> bool:
        return bool(self._token) and self.elapsed() < self._until

    def _token_request(self, request: httpx.Request) -> httpx.Request:
        form = {"grant_type": "client_credentials"}
        headers = {"Accept": "application/json"}
        if self.scope:
            form["scope"] = self.scope
        if self.method == "client_secret_basic":
            # RFC 6749 section 2.3.1: both parts are form-encoded before they are joined.
            pair = f"{quote(self.client_id, safe='')}:{quote(self.client_secret, safe='')}"
            headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        else:
            form |= {"client_id": self.client_id, "client_secret": self.client_secret}
        return httpx.Request(
            "POST",
            request.url.join(self.token_url),
            data=form,
            headers=headers,
            extensions=request.extensions,
        )

    def _store_token(self, response: httpx.Response) -> None:
        status = response.status_code
        if status in REFUSALS:
            raise SourceRefusedError(
                self.source, f"the token endpoint refuses client {self.client_id!r} ({status})"
            )
        if status >= SERVER_ERROR_MIN:
            raise SourceUnavailableError(self.source, f"the token endpoint answers status {status}")
        answer = _object(response) if status == OK else {}
        token = answer.get("access_token")
        kind = str(answer.get("token_type", "Bearer")).lower()
        if not isinstance(token, str) or not token.isprintable() or not token or kind != "bearer":
            raise PayloadError(
                self.source, f"the token endpoint gave no bearer token (status {status})"
            )
        self._token = token
        self._until = self.elapsed() + _lifetime_s(answer.get("expires_in")) - RENEW_BEFORE_S


def _object(response: httpx.Response) -> dict[str, Any]:
    try:
        answer = read_answer(response.content.decode("utf-8"))
    except ValueError:
        return {}
    return answer if isinstance(answer, dict) else {}


def _lifetime_s(value: object) -> float:
    """Read `expires_in`; some servers send it as text."""
    text = str(value).strip()
    if not text.isdigit():
        return LIFETIME_S_DEFAULT
    return min(float(text), LIFETIME_S_MAX)
