"""`edge`: the outermost ASGI middleware, which every request and every answer passes.

- Each answer carries security headers; a route may set its own value of one (a page needs its own
  content security policy).
- A route that fails answers 500 with the code INTERNAL and no detail; the traceback is in the log
  under the request's id. A caller that disconnects is not logged as a failure.
- A request is counted before anything looks at it, or by the door that knows whose it is; a caller
  that sends too many is told when to come back, and every caller where he stands.
- A page of another origin reads answers only where the operator lists it (`hub.cross_origin`).
- An unknown path answers 404 and is never redirected: a redirect would repeat the Host header,
  which the caller can set to anything.

Headers as in OWASP's REST security cheat sheet and RFC 6797 (HSTS).
"""

from __future__ import annotations

import logging
import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.routing import BaseRoute, Router
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hub.access.rates import ADDRESS, STANDING, TOKEN_REQUESTS, Rates, fields_of
from hub.cross_origin import CrossOrigin
from hub.errors import ErrorCode, HubError, RateLimitedError
from hub.graphql.endpoint import PATH
from hub.problem import problem
from hub.watching.notes import current

_LOG = logging.getLogger(__name__)
HSTS = b"max-age=31536000; includeSubDomains"
"""One year, only where the hub is reached over TLS."""
HEADERS: tuple[tuple[bytes, bytes], ...] = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"content-security-policy", b"default-src 'none'; base-uri 'none'; frame-ancestors 'none'"),
)
_OF_STATUS = {404: ErrorCode.NOT_FOUND, 405: ErrorCode.METHOD_NOT_ALLOWED}


def routed(routes: Iterable[BaseRoute]) -> ASGIApp:
    """Return the application of these routes; an unknown path raises `HTTPException`."""
    return Router(list(routes), redirect_slashes=False)


@dataclass(frozen=True, slots=True)
class Application:
    """The hub over ASGI: GraphQL by itself, every other path through Starlette's router."""

    graphql: Mapping[str, ASGIApp]
    """Over HTTP, by path."""
    others: ASGIApp
    socket: ASGIApp | None = None
    """GraphQL over WebSocket; None: there is none."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        own = self.graphql.get(scope["path"]) if scope["type"] == "http" else None
        if scope["type"] == "websocket" and scope["path"] == PATH:
            own = self.socket
        await (own or self.others)(scope, receive, send)


class Edge:
    """Wraps the hub's applications: adds headers and answers what they raise."""

    def __init__(
        self,
        inner: ASGIApp,
        *,
        is_secure: bool,
        rates: Rates | None = None,
        gated: str = "$^",
        origins: CrossOrigin | None = None,
    ) -> None:
        """`gated`: pattern of the paths whose door counts requests itself, once it knows whose.

        `origins`: whose pages may read answers; None: only the hub's own.
        """
        self._inner = inner
        self._rates = rates or Rates()
        self._origins = origins
        self._gated = re.compile(gated)
        self._headers = (*HEADERS, (b"strict-transport-security", HSTS)) if is_secure else HEADERS

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection; what is no HTTP request is passed on unchanged."""
        if scope["type"] != "http":
            await self._inner(scope, receive, send)
            return
        has_begun = False

        async def begin(message: Message) -> None:
            nonlocal has_begun
            if message["type"] == "http.response.start":
                has_begun = True
                self._add_headers(message, scope)
            await send(message)

        scope["app"] = self  # by this Starlette's router knows that somebody catches what it raises
        try:
            self._count(scope)
            if self._origins is not None and self._origins.is_preflight(scope):
                await self._preflight(self._origins, scope)(scope, receive, begin)
            else:
                await self._inner(scope, receive, begin)
        except ClientDisconnect:
            return
        except RateLimitedError as error:
            await problem(error, _language(scope))(scope, receive, begin)
        except HTTPException as error:
            code = _OF_STATUS.get(error.status_code, ErrorCode.BAD_USER_INPUT)
            refusal = problem(HubError(code), _language(scope))
            refusal.headers.update(error.headers or {})
            await refusal(scope, receive, begin)
        except Exception:
            notes = current()
            request_id = notes.request_id if notes else secrets.token_hex(8)
            _LOG.exception("request %s: %s failed", request_id, scope["method"])
            if has_begun:
                raise  # the server closes the connection: half an answer is none
            failure = HubError(
                ErrorCode.INTERNAL,
                hint=f"Tell the operator: request {request_id}.",
                hint_zh=f"请将请求编号告知平台运营方： {request_id}",
            )
            await problem(failure, _language(scope))(scope, receive, begin)

    def _count(self, scope: Scope) -> None:
        path: str = scope["path"]
        if not self._gated.fullmatch(path):
            policy = TOKEN_REQUESTS if path.startswith("/oauth/") else ADDRESS
            self._rates.count(scope, policy)

    def _preflight(self, origins: CrossOrigin, scope: Scope) -> Response:
        if STANDING not in scope:  # a door that counts for itself is not reached
            self._rates.count(scope, ADDRESS)
        return origins.preflight(scope, _language(scope))

    def _add_headers(self, message: Message, scope: Scope) -> None:
        headers = [*message["headers"], *fields_of(scope)]
        if self._origins is not None:
            headers += self._origins.fields(scope)
        stated = {name for name, _ in headers}
        message["headers"] = [*headers, *(each for each in self._headers if each[0] not in stated)]


def _language(scope: Scope) -> str:
    return Headers(scope=scope).get("accept-language", "")
