"""`cross_origin`: which web pages of other origins may read the hub's answers (CORS, Fetch §3.2).

- None, unless the operator lists exact origins (`HUB_CORS_ORIGINS`). There is no `*`, no pattern
  and no `null`; only an origin that is listed is ever named in an answer.
- No credentials of the browser: the hub has no cookies, and a page sends its token itself.
- Where origins are listed every answer says `Vary: Origin`, refusals too: a page can read why.
- A preflight needs no token, reaches no route and counts for the address that it comes from.

Which preflight is good is judged by Starlette's `CORSMiddleware`. It does not wrap the application
as it is meant to: it would answer before requests are counted, without the hub's headers and codes,
and would leave the refusals of `hub.edge` bare.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import NoReturn

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from hub.errors import ErrorCode, HubError
from hub.problem import problem

METHODS = ("GET", "HEAD", "POST", "DELETE")
SENT = (
    "Authorization",
    "Content-Digest",
    "DPoP",
    "Hub-Break-Glass",
    "Hub-Log-Size",
    "Hub-Schema",
    "Idempotency-Key",
    "If-None-Match",
    "If-Range",
    "Range",
    "Signature",
    "Signature-Input",
    "traceparent",
)
"""Header fields that a page may send beside those that every page may."""
EXPOSED = (
    "Accept-Ranges",
    "Accept-Signature",
    "Content-Digest",
    "Content-Encoding",
    "Content-Range",
    "Deprecation",
    "DPoP-Nonce",
    "ETag",
    "Hub-Log-Size",
    "Hub-Receipt-State",
    "Hub-Record-Standing",
    "Hub-Record-Successor",
    "RateLimit",
    "RateLimit-Policy",
    "Repr-Digest",
    "Retry-After",
    "Signature",
    "Signature-Input",
    "Sunset",
    "traceparent",
    "WWW-Authenticate",
)
"""Header fields of an answer that a page may read beside those that every page may."""
PREFLIGHT_KEPT_S = 600
"""How long a browser may go without asking again; one that was struck off may send, not read."""
_OPTIONS = "OPTIONS"
_NO_CONTENT = 204
_BAD_REQUEST = 400
_ASKED = b"access-control-request-method"


class CrossOrigin:
    """Judges the origins of requests."""

    def __init__(self, origins: Collection[str]) -> None:
        """`origins`: as browsers write them, at least one."""
        self._rules = CORSMiddleware(
            _unused,
            allow_origins=frozenset(origins),
            allow_methods=METHODS,
            allow_headers=SENT,
            expose_headers=EXPOSED,
            max_age=PREFLIGHT_KEPT_S,
        )
        exposed = self._rules.simple_headers["Access-Control-Expose-Headers"]
        self._exposed = (b"access-control-expose-headers", exposed.encode())

    def is_preflight(self, scope: Scope) -> bool:
        """Say whether a browser asks what a page may send."""
        return scope["method"] == _OPTIONS and _origin(scope) is not None and _asks(scope)

    def preflight(self, scope: Scope, language: str) -> Response:
        """Answer a preflight."""
        judged = self._rules.preflight_response(Headers(scope=scope))
        if judged.status_code == _BAD_REQUEST or _origin(scope) == "":
            what = bytes(judged.body).decode().removeprefix("Disallowed CORS ") or "origin"
            refused = HubError(ErrorCode.CROSS_ORIGIN_REFUSED, hint=f"Not allowed: {what}.")
            return problem(refused, language)
        kept = {
            name: value
            for name, value in judged.headers.items()
            if name.startswith("access-control-") and name != "access-control-allow-origin"
        }
        return Response(status_code=_NO_CONTENT, headers=kept)

    def fields(self, scope: Scope) -> tuple[tuple[bytes, bytes], ...]:
        """Return the header fields of any answer: none but `Vary` for an origin not listed."""
        origin = _origin(scope)
        vary = b"Origin"
        if scope["method"] == _OPTIONS:
            vary += b", Access-Control-Request-Method, Access-Control-Request-Headers"
        if not origin or not self._rules.is_allowed_origin(origin):
            return ((b"vary", vary),)
        allowed = (b"access-control-allow-origin", origin.encode("latin-1"))
        return ((b"vary", vary), allowed, self._exposed)


def _origin(scope: Scope) -> str | None:
    """Return the origin that a request states; "" for several, which no browser sends."""
    stated = [value for name, value in scope["headers"] if name == b"origin"]
    if not stated:
        return None
    return str(stated[0].decode("latin-1")) if len(stated) == 1 else ""


def _asks(scope: Scope) -> bool:
    return any(name == _ASKED for name, _ in scope["headers"])


async def _unused(_scope: Scope, _receive: Receive, _send: Send) -> NoReturn:
    raise AssertionError("only the rules of the middleware are used")
