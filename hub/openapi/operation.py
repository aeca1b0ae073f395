"""`operation`: one method of one path, as it is declared, and as OpenAPI says it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from hub.access.errors import Reason
from hub.errors import ErrorCode
from hub.problem import MEDIA_TYPE as PROBLEM

JSON = "application/json"
TEXT = "text/plain"
HTML = "text/html"
BYTES = "application/octet-stream"
Schema = Mapping[str, Any]
Code = ErrorCode | Reason
_ANYBODY = frozenset(
    {
        ErrorCode.RATE_LIMITED,
        ErrorCode.INTERNAL,
        ErrorCode.NOT_HTTP,
        ErrorCode.REQUEST_TIMEOUT,
        ErrorCode.HEADER_TOO_LARGE,
        ErrorCode.OVERLOADED,
        ErrorCode.CONTENT_CODING_REFUSED,
    }
)
"""What may be answered at every route, before the route is looked for."""
_HOST = frozenset(
    {
        Reason.HOST_MISDIRECTED,
        Reason.REQUEST_TARGET_INVALID,
        Reason.HEADER_DUPLICATE,
        Reason.CLIENT_CERT_UNTRUSTED,
    }
)
"""What may be answered where the envelope of a request is read."""
_DATABASE = frozenset({ErrorCode.DATABASE_UNAVAILABLE, ErrorCode.TIMEOUT})
_STATE = frozenset({ErrorCode.STATE_UNAVAILABLE})
_SIGNATURE = frozenset(each for each in Reason if each.name.startswith("SIG_"))
_TOKEN = frozenset(Reason) - _SIGNATURE
_BODIES = frozenset({ErrorCode.NOT_JSON, ErrorCode.BODY_TOO_LARGE})


class Guard(Enum):
    """What a caller must bring, and what may be refused of it."""

    NOTHING = frozenset[Code]()
    HOST = _HOST
    """No token, but the address must be the hub's."""
    TOKEN = _TOKEN | _SIGNATURE | _DATABASE | _STATE | {ErrorCode.SCOPE_MISSING}
    """A token; a signature may be sent and is then verified."""
    SIGNED = TOKEN | {ErrorCode.BAD_USER_INPUT}


@dataclass(frozen=True, slots=True)
class RouteParameter:
    """A parameter of the address."""

    name: str
    schema: Schema
    en: str
    required: bool = False

    def document(self, place: str) -> dict[str, Any]:
        """Return the parameter as OpenAPI says it."""
        return {
            "name": self.name,
            "in": place,
            "required": self.required or place == "path",
            "description": self.en,
            "schema": dict(self.schema),
        }


@dataclass(frozen=True, slots=True)
class Content:
    """What a request or an answer holds, by media type; `headers` belong to an answer."""

    by_type: Mapping[str, Schema]
    en: str
    headers: Mapping[str, str] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """Return the content as OpenAPI says it."""
        return {name: {"schema": dict(schema)} for name, schema in self.by_type.items()}


@dataclass(frozen=True, kw_only=True, slots=True)
class RouteOperation:
    """One method of one path: what is sent, what is answered, what may be refused."""

    route: str
    """`METHOD /path`, as docs/standard/wire.md names it."""
    zh: str
    en: str
    answers: Mapping[int, Content]
    guard: Guard = Guard.NOTHING
    scope: str | None = None
    path: tuple[RouteParameter, ...] = ()
    query: tuple[RouteParameter, ...] = ()
    body: Content | None = None
    refusals: frozenset[Code] = frozenset()
    other_refusals: Mapping[int, Content] = field(default_factory=dict)
    """Refusals that are no problem documents (RFC 6749)."""

    @property
    def method(self) -> str:
        """Return the method in small letters, as OpenAPI writes it."""
        return self.route.partition(" ")[0].lower()

    @property
    def address(self) -> str:
        """Return the path, with its parameters in braces."""
        return self.route.partition(" ")[2]

    def codes(self) -> frozenset[Code]:
        """Return every code that the route may refuse with."""
        guard: frozenset[Code] = self.guard.value
        return guard | self.refusals | _ANYBODY

    def document(self) -> dict[str, Any]:
        """Return the operation as OpenAPI says it."""
        parameters = [each.document("path") for each in self.path]
        parameters += [each.document("query") for each in self.query]
        facts: dict[str, Any] = {
            "operationId": _name_of(self.method, self.address),
            "summary": self.zh,
            "description": self.en,
            "tags": [self.address.strip("/").partition("/")[0] or "front"],
            "parameters": parameters,
            "security": self._security(),
            "responses": self._responses(),
        }
        if self.scope is not None:
            facts["x-scope"] = self.scope
        if self.guard is Guard.SIGNED:
            facts["x-signed"] = "hub-sig-1"
        if self.body is not None:
            facts["requestBody"] = {
                "required": True,
                "description": self.body.en,
                "content": self.body.document(),
            }
        return facts

    def _security(self) -> list[dict[str, list[str]]]:
        if self.guard not in (Guard.TOKEN, Guard.SIGNED):
            return []
        names = ["token", "proof", *(["signature"] if self.guard is Guard.SIGNED else [])]
        return [{name: [] for name in names}]

    def _responses(self) -> dict[str, Any]:
        made: dict[int, dict[str, Any]] = {}
        for status, codes in _by_status(self.codes()).items():
            made[status] = _refusal(status, codes)
        for status, content in {**self.other_refusals, **self.answers}.items():
            stated = made.get(status, {"description": "", "content": {}})
            made[status] = {
                "description": " ".join(f"{content.en} {stated['description']}".split()),
                "content": {**stated["content"], **content.document()},
                "headers": {**stated.get("headers", {}), **_headers(content.headers)},
            }
        return {str(status): made[status] for status in sorted(made)}


BODY_REFUSALS = _BODIES
"""What may be wrong with a JSON body before anybody looks at what it says."""


def _name_of(method: str, address: str) -> str:
    words = address.replace(".well-known/", "").replace(".", "_").replace("-", "_").strip("/")
    return "_".join((method, *(part.strip("{}") for part in words.split("/") if part)))


def _by_status(codes: Iterable[Code]) -> dict[int, list[str]]:
    found: defaultdict[int, list[str]] = defaultdict(list)
    for code in codes:
        found[code.status].append(code.name)
    return {status: sorted(names) for status, names in found.items()}


def _refusal(status: int, codes: list[str]) -> dict[str, Any]:
    named = {"properties": {"code": {"enum": codes}, "status": {"const": status}}}
    schema = {"allOf": [{"$ref": "#/components/schemas/Problem"}, named]}
    headers = {
        401: {"WWW-Authenticate": "DPoP, and where the resource's metadata is."},
        416: {"Content-Range": "`bytes */` and how many there are."},
        429: {"Retry-After": "Seconds until the same request may be sent again."},
        503: {"Retry-After": "Seconds until the same request may be sent again."},
    }
    made: dict[str, Any] = {
        "description": f"Refused: {', '.join(codes)}.",
        "content": {PROBLEM: {"schema": schema}},
    }
    return {**made, "headers": _headers(headers[status])} if status in headers else made


def _headers(stated: Mapping[str, str]) -> dict[str, Any]:
    return {
        name: {"description": text, "schema": {"type": "string"}} for name, text in stated.items()
    }
