"""`respond`: the form of an answer: media type, status, errors in the caller's language.

- `application/graphql-response+json`: a refused request has its error's status and no data.
- `application/json`: a refused document is 200, as older clients expect; errors that are not
  caused by the document keep their status.
- An error has a code of the closed list, a message and a detail in the caller's language (Chinese
  unless he asks for English), and where it applies. Nothing of Python ever goes out.

GraphQL over HTTP, working draft 2025, §6.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.responses import Response

from hub.access.grants import PartyGrants
from hub.errors import HubError
from hub.query.plan.deprecations import Notices
from hub.query.plan.errors import FieldDenied, Narrowed, QueryError, ScopeMissingError

RESPONSE_TYPE = "application/graphql-response+json"
LEGACY_TYPE = "application/json"
STREAM_TYPE = "text/event-stream"
"""Answers as they come (HTML §9.2, "Server-sent events"; `hub.graphql.streaming`)."""
_TYPED = {kind: f"{kind}; charset=utf-8" for kind in (RESPONSE_TYPE, LEGACY_TYPE)}
_COMPACT = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
_OK = 200
_BAD_REQUEST = 400


@dataclass(frozen=True, slots=True)
class Answer:
    """A response before it knows its media type. `error`: the request was refused by this."""

    body: bytes
    error: HubError | None = None
    transport: bool = False
    """The request was no GraphQL request at all, so its status stands for every media type."""
    tag: str | None = None
    """The entity tag of an answer that its caller may keep."""
    notices: Notices = ()
    """Header fields about what the document uses and will go."""


def media_type(accept: str | None) -> str | None:
    """Return the media type to answer in, or None when the caller accepts none of them."""
    if accept is None or not accept.strip():
        return LEGACY_TYPE
    ranges = [part.partition(";") for part in accept.lower().split(",")]
    accepted = [
        kind.strip() for kind, _, rest in ranges if "q=0" not in rest.replace(" ", "").split(";")
    ]
    for kind in accepted:
        if kind in (RESPONSE_TYPE, LEGACY_TYPE, STREAM_TYPE):
            return kind
        if kind in ("*/*", "application/*"):
            return LEGACY_TYPE
    return None


def respond(answer: Answer, kind: str) -> Response:
    """Return the HTTP response."""
    status, error = _OK, answer.error
    if error is not None:
        status = error.code.status
        if kind == LEGACY_TYPE and status == _BAD_REQUEST and not answer.transport:
            status = _OK
    headers = {"Content-Type": _TYPED[kind], "Cache-Control": "no-store"}
    response = Response(answer.body, status_code=status, headers=headers)
    response.headers.update(dict(answer.notices))
    if error is not None and error.retry_after_s is not None:
        response.headers["Retry-After"] = str(error.retry_after_s)
    return response


def refusal(error: HubError, language: str, request_id: str, *, transport: bool = False) -> Answer:
    """Return the answer to a refused request."""
    also = error.also if isinstance(error, QueryError) else ()
    errors = [error_document(each, language) for each in (error, *also)]
    document = {"errors": errors, "extensions": {"requestId": request_id}}
    return Answer(dumps(document), error, transport)


def error_document(
    error: HubError, language: str, path: Sequence[str | int] | None = None
) -> dict[str, Any]:
    """Return an error as JSON-ready data."""
    english = language == "en"
    message = error.message(english=english)
    extensions: dict[str, Any] = {"code": error.code.name}
    if error.hint:
        extensions["detail"] = error.advice(english=english)
    if isinstance(error, ScopeMissingError):
        extensions["scope"] = error.scope
    if error.sources:
        extensions["sourceId"], extensions["sourceIds"] = error.sources[0], list(error.sources)
    extensions["retryable"] = error.retry_after_s is not None
    document: dict[str, Any] = {"message": message}
    if isinstance(error, QueryError) and error.locations:
        document["locations"] = [{"line": line, "column": n} for line, n in error.locations]
    where = path if path is not None else (error.path if isinstance(error, QueryError) else ())
    if where:
        document["path"] = list(where)
    return {**document, "extensions": extensions}


def denials(denied: Iterable[FieldDenied], language: str) -> list[dict[str, Any]]:
    """Return the errors of fields that the caller's scopes do not reveal."""
    return [
        error_document(ScopeMissingError(each.scope, ".".join(each.path)), language, each.path)
        for each in denied
    ]


def narrowings(
    narrowed: Iterable[Narrowed], grants: PartyGrants, language: str
) -> list[dict[str, Any]]:
    """Return what agreements decide of the totals: of whose data the caller sees any.

    It tells nothing of what is there: a caller without agreements learns that they are missing.
    """
    found = []
    for each in narrowed:
        others = [key for key in grants.owners(each.dataset, each.item) if key != grants.party]
        zh = (
            "只计本单位及与其有共享约定的单位的数据" if others else "没有共享约定，只计本单位的数据"
        )
        en = (
            "counts your own data and that of parties whose agreement lets you see it"
            if others
            else "no agreement lets you see the data of others: only your own is counted"
        )
        found.append(
            {
                "what": each.what,
                "dataset": each.dataset.value,
                "agreements": len(others),
                "message": en if language == "en" else zh,
            }
        )
    return found


def dumps(document: Any) -> bytes:
    """Return compact JSON in UTF-8."""
    return _COMPACT.encode(document).encode()
