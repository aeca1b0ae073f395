"""`local_proxy`: plain HTTP on this machine in; token, DPoP and signature out to the hub.

For programs that speak HTTP but not the hub's profiles: spreadsheets, data frames, GraphQL tools
and gateways.

- What comes in under a path goes to the same path of the hub as the client of the profile, and the
  answer comes back as it is. Answers to signed requests are verified first.
- `GET /table/NAME.csv` and `.json` give the list in the answer to a registered document as a flat
  table; parameters of the address are its variables. A list is followed page by page.
- Whoever reaches the port acts as the client. So it listens on the loopback only, answers no other
  Host (DNS rebinding), and no page of a browser except from the origins that were named.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Mapping
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from hub.body import read_body
from hub.client.errors import ClientError
from hub.client.flat_rows import Row, as_csv, find_page, flatten
from hub.client.hub_client import HubClient
from hub.errors import ErrorCode, RefusedError

BODY_BYTES_MAX = 16 << 20
TABLE_PAGES_MAX = 1_000
TABLE_ROWS_MAX = 200_000
NOT_PASSED_ON = ("/oauth/", "/sandbox/")
"""Paths by which a client proves itself: the proxy does that, and nobody through it."""
_TO_THE_HUB = frozenset(
    {"accept", "accept-language", "content-type", "hub-schema", "idempotency-key", "if-none-match"}
)
_BACK = frozenset(
    {"cache-control", "content-disposition", "content-type", "etag", "last-modified", "link"}
    | {"ratelimit", "ratelimit-policy", "retry-after"}
)
STATES = "hub-source-states"
"""Header of a table: each source that is not OK, with its state."""
_VARIABLE = re.compile(r"\$(\w+):\s*(\[?\w+)")
"""A variable that a document declares, and its type."""
_WRITTEN_AS_TEXT = frozenset({"String", "ID", "DateTime", "Date", "Decimal"})
_MEDIA = {"csv": "text/csv; charset=utf-8", "json": "application/json"}


Tables = Mapping[str, Callable[[], tuple[str, dict[str, Any]]]]
"""By name: gives the document of a table and the variables that it has when nothing is stated."""


class LocalProxy:
    """The ASGI application of one client's proxy.

    `port` and `origins` decide who may ask: see the module.
    """

    def __init__(
        self, hub: HubClient, tables: Tables, port: int, origins: Collection[str] = ()
    ) -> None:
        self._hub = hub
        self._tables = tables
        self._hosts = {f"{name}:{port}" for name in ("127.0.0.1", "localhost")}
        self._origins = frozenset(origins)

    def application(self) -> Starlette:
        """Return the application."""
        methods = ["GET", "POST", "OPTIONS"]
        return Starlette(routes=[Route("/{path:path}", self.answer, methods=methods)])

    async def answer(self, request: Request) -> Response:
        """Answer one request; what fails here is a problem with `code`, `detail` and `hint`."""
        refusal = self._refusal(request)
        if refusal is not None:
            return refusal
        if request.method == "OPTIONS":
            return Response(status_code=204, headers=self._shared(request))
        try:
            if request.url.path.startswith("/table/"):
                response = await self._table(request)
            else:
                response = await self._passed_on(request)
        except ClientError as error:
            response = _problem(502, error.code, error.message, error.advice)
        except RefusedError as error:
            response = _problem(400, error.code.name, error.code.en, error.hint or error.code.zh)
        response.headers.update(self._shared(request))
        return response

    def _refusal(self, request: Request) -> Response | None:
        if request.headers.get("host", "") not in self._hosts:
            hint = f"call http://{sorted(self._hosts)[0]}"
            return _problem(421, "WRONG_HOST", "this proxy answers on this machine only", hint)
        origin = request.headers.get("origin")
        from_page = request.headers.get("sec-fetch-site", "none") not in ("none", "same-origin")
        if (origin is not None or from_page) and origin not in self._origins:
            hint = f"start the proxy with --allow-origin {origin or 'ORIGIN'} if you trust it"
            return _problem(403, "ORIGIN_REFUSED", "a web page asked, and is not allowed to", hint)
        if request.url.path.startswith(NOT_PASSED_ON):
            hint = "the proxy gets tokens by itself; ask /graphql, /batches, /receipts or /records"
            return _problem(403, "NOT_PASSED_ON", "this path is not passed on", hint)
        return None

    def _shared(self, request: Request) -> dict[str, str]:
        """Return the CORS headers for a page whose origin was named."""
        origin = request.headers.get("origin")
        if origin is None:
            return {}
        return {
            "access-control-allow-origin": origin,
            "access-control-allow-headers": ", ".join(sorted(_TO_THE_HUB)),
            "access-control-allow-methods": "GET, POST",
            "vary": "origin",
        }

    async def _passed_on(self, request: Request) -> Response:
        body = await read_body(request, BODY_BYTES_MAX, _too_large)
        target = request.scope["raw_path"].decode("ascii")
        if request.scope["query_string"]:
            target += "?" + request.scope["query_string"].decode("ascii")
        headers = {name: each for name, each in request.headers.items() if name in _TO_THE_HUB}
        if request.method == "POST":
            headers.setdefault("content-type", "application/json")
        answer = await self._hub.relay(request.method, target, headers, body)
        back = {name: each for name, each in answer.headers.items() if name in _BACK}
        return Response(answer.content, answer.status_code, headers=back)

    async def _table(self, request: Request) -> Response:
        name, _, form = request.url.path.removeprefix("/table/").rpartition(".")
        if form not in _MEDIA or name not in self._tables:
            hint = f"/table/NAME.csv or .json, where NAME is one of {', '.join(self._tables)}"
            return _problem(404, "NO_TABLE", f"there is no table {request.url.path}", hint)
        document, usual = self._tables[name]()
        declared = dict(_VARIABLE.findall(document))
        unknown = sorted(set(request.query_params) - set(declared))
        if unknown:
            hint = f"parameters of {name} are {', '.join(declared) or 'none'}"
            return _problem(400, "PARAMETER_UNKNOWN", f"unknown: {', '.join(unknown)}", hint)
        stated = {key: _value(text, declared[key]) for key, text in request.query_params.items()}
        rows, states = await self._rows(document, {**usual, **stated})
        headers = {STATES: ", ".join(states)} if states else {}
        if form == "json":
            return JSONResponse(rows, headers=headers)
        return Response(as_csv(rows), media_type=_MEDIA[form], headers=headers)

    async def _rows(self, document: str, variables: dict[str, Any]) -> tuple[list[Row], list[str]]:
        """Read all pages of a list: the rows, and each source that is not OK with its state."""
        rows: list[Row] = []
        states: dict[str, None] = {}
        for _ in range(TABLE_PAGES_MAX):
            answer = await self._hub.query(document, variables)
            if answer.get("errors"):
                first = answer["errors"][0]
                code = str(first.get("extensions", {}).get("code", "ERROR"))
                hint = str(first.get("extensions", {}).get("hint") or "see docs/errors.md")
                raise ClientError(code, str(first.get("message")), hint)
            states.update(dict.fromkeys(_not_ok(answer)))
            found = find_page(answer.get("data"))
            if found is None:
                return [flatten(answer.get("data"))], list(states)
            nodes, page = found
            rows += map(flatten, nodes)
            if not page.get("hasNextPage") or "$after" not in document:
                return rows, list(states)
            if len(rows) > TABLE_ROWS_MAX:
                break
            variables = {**variables, "after": page["endCursor"]}
        raise ClientError(
            "TABLE_TOO_LONG", f"more than {TABLE_ROWS_MAX} rows", "ask for less with the variables"
        )


def _not_ok(answer: Mapping[str, Any]) -> list[str]:
    sources = answer.get("extensions", {}).get("sources") or []
    return [f"{each['id']}={each['status']}" for each in sources if each.get("status") != "OK"]


def _value(text: str, declared: str) -> Any:
    """Return a parameter of an address for a variable: `first=20`, `provinces=["ANHUI"]`."""
    if declared in _WRITTEN_AS_TEXT:
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text


def _problem(status: int, code: str, detail: str, hint: str) -> Response:
    body = {"code": code, "title": detail, "detail": detail, "hint": hint, "status": status}
    return JSONResponse(body, status, media_type="application/problem+json")


def _too_large() -> RefusedError:
    return RefusedError(
        ErrorCode.BODY_TOO_LARGE,
        hint=f"At most {BODY_BYTES_MAX >> 20} MiB.",
        hint_zh=f"至多 {BODY_BYTES_MAX >> 20} MiB。",
    )
