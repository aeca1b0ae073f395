"""`endpoint`: `/graphql` over HTTP: authentication, reading the request, the form of the answer.

The door of gateways, `/federation/graphql`, is the same with another schema (`subgraph`).

- `hub.access.gate` lets a request in before its document is looked at.
- GET answers queries only: a link must never run a mutation. Addresses appear in the logs of
  others, so clients whose filters are not public use POST.
- It is an ASGI application of its own: `hub.app` calls it without the router and the middleware of
  the other routes, which cost more than the plan and its parameters do.

GraphQL over HTTP, working draft 2025.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable
from dataclasses import replace
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qsl, unquote

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from hub.access import gate
from hub.access.envelope import Envelope
from hub.access.errors import AccessError
from hub.access.gate import Admitted, Door
from hub.access.rates import STANDING, address_of
from hub.access.relay import believed
from hub.access.service import Access
from hub.access.signatures import MUTATION, READ
from hub.body import body_too_large, read_body
from hub.entity_tag import entity_tag, unless_held
from hub.errors import ErrorCode, HubError, RefusedError
from hub.graphql.events import EventStream
from hub.graphql.request import Asking, GraphRequest
from hub.graphql.scalars import NumberText
from hub.graphql.service import BREAK_GLASS, Engine
from hub.graphql.streaming import ChangeStreams
from hub.problem import prefers_english
from hub.query.answer.respond import (
    LEGACY_TYPE,
    RESPONSE_TYPE,
    STREAM_TYPE,
    Answer,
    media_type,
    refusal,
    respond,
)
from hub.query.plan.errors import QueryError
from hub.query.plan.freshness import read_freshness
from hub.query.plan.limits import VARIABLE_VALUES_MAX, QueryLimits
from hub.watching.notes import note_refusal
from schema.strict_json import explained, fraction, read_json

PATH = "/graphql"
SUBGRAPH_PATH = "/federation/graphql"
METHODS = "GET, HEAD, POST"
READ_METHODS = ("GET", "HEAD")
"""How one asks by address; of an answer to HEAD the server sends the headers alone."""
PARAMETERS_MAX = 16
READ_ON_LOOP_BYTES = 16 * 1024
"""Larger bodies are read by a thread."""
BODY_PARTS_MAX = VARIABLE_VALUES_MAX + QueryLimits().document_bytes
"""Values of a body, and commas of its document: counted before it is read."""
_VARY = "Authorization, DPoP, Accept, Accept-Encoding, Accept-Language"
TO_ANYBODY = {"Cache-Control": "no-cache", "Vary": _VARY}
TO_ITS_CALLER = {"Cache-Control": "private, no-cache", "Vary": _VARY}
"""Header fields of an answer that may be kept: it is never used again without asking."""
_MEMBERS = {
    "query": str,
    "documentId": str,
    "operationName": str,
    "variables": dict,
    "extensions": dict,
}
_KINDS: dict[type, tuple[str, str]] = {str: ("文本", "a text"), dict: ("对象", "an object")}
_WRITTEN_AS_JSON = ("variables", "extensions")
"""Parameters of an address that hold JSON."""


WRONG_METHOD = QueryError(ErrorCode.METHOD_NOT_ALLOWED, "请用 GET 或 POST", "GET or POST it")
WRONG_ACCEPT = QueryError(
    ErrorCode.NOT_ACCEPTABLE, "请接受 application/json", "accept application/json"
)


class GraphQLEndpoint:
    """Takes GraphQL requests over HTTP, for one of the two schemas."""

    def __init__(
        self,
        engine: Engine,
        access: Access,
        streams: ChangeStreams | None = None,
        *,
        of_subgraph: bool = False,
    ) -> None:
        """`streams`: without it nothing is answered as a stream of events."""
        self._engine = engine
        self._access = access
        self._streams = streams
        self._of_subgraph = of_subgraph

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request over ASGI."""
        response = await self.handle(Request(scope, receive))
        await response(scope, receive, send)

    async def handle(self, request: Request) -> ASGIApp:
        """Return the answer to one HTTP request."""
        language = language_of(request.scope)
        kind = media_type(_header(request, b"accept"))
        streams = self._streams if kind == STREAM_TYPE else None
        if kind == STREAM_TYPE:
            kind = None if streams is None else RESPONSE_TYPE
        is_method = request.method in (*READ_METHODS, "POST")
        if kind is None or not is_method:
            return _refused(WRONG_ACCEPT if is_method else WRONG_METHOD, language, kind)
        door, read = (GET_DOOR, None) if request.method in READ_METHODS else (POST_DOOR, self._read)
        try:
            admitted = await gate.admit(self._access, request, door, read)
        except AccessError as error:
            return gate.refused(self._access, error, request, door)
        except HubError as error:
            return respond(_answer(error, language), kind)
        except ClientDisconnect:
            return Response(status_code=400)
        asking = Asking(
            caller=admitted.caller,
            language=language,
            signed=admitted.signed,
            bucket=bucket_of(request.scope),
            reason=_reason(request),
            standing=request.scope.get(STANDING),
        )
        try:
            if door is POST_DOOR:  # the signature of a GET covers none of these headers
                asking = replace(asking, relay=believed(admitted))
            asked = await _graph_request(request, admitted.body)
            if self._of_subgraph:
                asked = replace(asked, of_subgraph=True)
            if streams is not None:
                return _stream(streams, asked, asking)
            answer = await self._engine.answer(asked, asking)
        except HubError as error:
            answer = _answer(error, language)
        return self._whole(request, admitted, answer, kind)

    def _whole(self, request: Request, admitted: Admitted, answer: Answer, kind: str) -> Response:
        """Return an answer that is sent at once, signed if the request was."""
        response = respond(answer, kind)
        if answer.tag is not None and admitted.signed is None:
            is_own = not admitted.caller.anonymous
            response = _kept(request, response, answer.tag, is_own=is_own)
        return gate.answered(self._access, admitted, response)

    def _read(self, request: Request) -> Awaitable[bytes]:
        most = self._engine.limits.body_bytes
        return read_body(request, most, lambda: body_too_large(most))


def _kept(request: Request, response: Response, tag: str, *, is_own: bool) -> Response:
    """Return an answer that its caller may keep, or 304 where it holds it."""
    response.headers.update(TO_ITS_CALLER if is_own else TO_ANYBODY)
    kind = response.headers["content-type"]
    return unless_held(request, response, entity_tag(tag.encode(), kind.encode()))


def _stream(streams: ChangeStreams, asked: GraphRequest, asking: Asking) -> EventStream:
    """Return the answers to an operation as they come."""
    if asking.signed is not None:
        raise QueryError(
            ErrorCode.NOT_ACCEPTABLE,
            "事件流无法签名：签名的请求请接受 application/json",
            "a stream of events cannot be signed: accept application/json for a signed request",
        )
    return EventStream(streams, asked, asking)


def language_of(scope: Scope) -> str:
    """Return the language of a caller: Chinese unless he asks for English."""
    for name, value in scope["headers"]:
        if name == b"accept-language":
            return "en" if prefers_english(value.decode("latin-1")) else "zh"
    return "zh"


def _header(request: Request, name: bytes) -> str | None:
    """Return the first line of a header, without making a mapping of all of them."""
    for key, value in request.scope["headers"]:
        if key == name:
            text: str = value.decode("latin-1")
            return text
    return None


def _reason(request: Request) -> str | None:
    """Return why the caller asks to read past agreements; UTF-8, percent-encoded."""
    stated = _header(request, BREAK_GLASS.lower().encode())
    return None if stated is None else unquote(stated).strip()


async def _graph_request(request: Request, body: bytes) -> GraphRequest:
    if request.method in READ_METHODS:
        return read_address(request.scope["query_string"])
    if len(body) <= READ_ON_LOOP_BYTES:
        return read_request(body)
    return await asyncio.to_thread(read_request, body)


def read_request(body: bytes) -> GraphRequest:
    """Read the body of a request; QueryError or RefusedError for anything but one operation."""
    if body.count(b",") + body.count(b"[") + body.count(b"{") > BODY_PARTS_MAX:
        raise QueryError(
            ErrorCode.BAD_USER_INPUT,
            f"请求体中至多 {BODY_PARTS_MAX} 个值",
            f"at most {BODY_PARTS_MAX} values in a body",
        )
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        zh, en = explained(error)
        raise RefusedError(ErrorCode.NOT_UTF8, hint=en, hint_zh=zh) from error
    document = json_in(text)
    if not isinstance(document, dict):
        raise QueryError(
            ErrorCode.BAD_USER_INPUT,
            "请求体是一个 JSON 对象，不接受批量查询",
            "the body is one JSON object; no batches",
        )
    return request_of(document)


def read_address(query: bytes) -> GraphRequest:
    """Read the query part of an address; only reading operations may be asked for in this way."""
    try:
        pairs = parse_qsl(query.decode("ascii"), errors="strict", max_num_fields=PARAMETERS_MAX)
    except UnicodeDecodeError as error:
        zh, en = "地址中的文本须以 UTF-8 按百分号编码", "percent-encode the text as UTF-8"
        raise RefusedError(ErrorCode.NOT_UTF8, hint=en, hint_zh=zh) from error
    except ValueError as error:
        raise QueryError(
            ErrorCode.BAD_USER_INPUT,
            f"地址中至多 {PARAMETERS_MAX} 个参数，写作 名=值",
            f"at most {PARAMETERS_MAX} parameters in an address, written name=value",
        ) from error
    parameters: dict[str, Any] = dict(pairs)
    if len(parameters) < len(pairs):
        raise QueryError(ErrorCode.BAD_USER_INPUT, "有参数出现了两次", "a parameter comes twice")
    for name in _WRITTEN_AS_JSON:
        if name in parameters:
            parameters[name] = json_in(parameters[name])
    return request_of(parameters, read_only=True)


def _number(text: str) -> NumberText:
    """Return a number as it was written; ValueError for one that no reader could hold."""
    fraction(text)
    return NumberText(text)


def json_in(text: str) -> Any:
    """Return the value of a JSON text, numbers as they were written; RefusedError NOT_JSON."""
    try:
        return read_json(text, fractions=_number)
    except ValueError as error:
        zh, en = explained(error)
        raise RefusedError(ErrorCode.NOT_JSON, hint=en, hint_zh=zh) from error


def request_of(members: dict[str, Any], *, read_only: bool = False) -> GraphRequest:
    """Return a request by its members, checked for their JSON types."""
    for name, kind in _MEMBERS.items():
        if members.get(name) is not None and not isinstance(members[name], kind):
            raise QueryError(
                ErrorCode.BAD_USER_INPUT,
                f"{name} 的 JSON 类型不对，应为{_KINDS[kind][0]}",
                f"{name} has the wrong JSON type: it is {_KINDS[kind][1]}",
            )
    if members.get("query") is None and members.get("documentId") is None:
        raise QueryError(
            ErrorCode.BAD_USER_INPUT, "请给出 query 或 documentId", "send query or documentId"
        )
    return GraphRequest(
        query=members.get("query"),
        document_id=members.get("documentId"),
        operation_name=members.get("operationName"),
        variables=members.get("variables") or {},
        freshness=read_freshness(members.get("extensions") or {}),
        read_only=read_only,
    )


def _check_content_type(envelope: Envelope) -> None:
    kind, _, rest = envelope.headers.get("content-type", "").lower().partition(";")
    charset = rest.replace(" ", "").replace('"', "")
    if kind.strip() != "application/json" or charset not in ("", "charset=utf-8"):
        raise RefusedError(
            ErrorCode.UNSUPPORTED_MEDIA_TYPE,
            hint="Send application/json in UTF-8.",
            hint_zh="请以 UTF-8 编码的 application/json 发送。",
        )


POST_DOOR = Door(operation=MUTATION, takes_anonymous=True, check=_check_content_type)
GET_DOOR = Door(operation=READ, takes_anonymous=True)
"""The door of GET requests, which have no body."""


def bucket_of(scope: Scope) -> str:
    """Return under which name the cost of who has no token is counted."""
    return f"from:{sha256(address_of(scope).encode()).hexdigest()[:16]}"


def _answer(error: HubError, language: str) -> Answer:
    note_refusal(error.code.name)
    return refusal(error, language, secrets.token_hex(8), transport=True)


def _refused(error: QueryError, language: str, kind: str | None) -> Response:
    response = respond(_answer(error, language), kind or LEGACY_TYPE)
    if error is WRONG_METHOD:
        response.headers["Allow"] = METHODS
    return response
