"""`answering`: what goes back beside the data: errors of fields, an entity tag."""

from __future__ import annotations

import logging
from typing import Any

from graphql import (
    GraphQLError,
    OperationType,
)

from hub.entity_tag import entity_tag
from hub.errors import ErrorCode, HubError
from hub.graphql.executor import cause_of
from hub.graphql.request import Asking, GraphRequest
from hub.query.answer.execute import Run
from hub.query.answer.respond import Answer, error_document
from hub.query.plan.documents import registered_texts
from hub.query.plan.errors import QueryError
from hub.query.plan.wording import in_own_words
from hub.query.sql.planner import Plan

ADHOC_SCOPE = "graphql:adhoc"
BREAK_GLASS = "Hub-Break-Glass"
"""The header by which a caller asks to read past agreements; its value is the reason."""
_log = logging.getLogger(__name__)


def field_error(error: GraphQLError, run: Run) -> dict[str, Any]:
    """Return a field's error; unexpected exceptions are logged and answered as INTERNAL."""
    cause = cause_of(error)
    if isinstance(cause, HubError):
        return error_document(cause, run.language, error.path)
    if isinstance(cause, GraphQLError):
        invalid = QueryError(ErrorCode.BAD_USER_INPUT, *in_own_words(error.message))
        return error_document(invalid, run.language, error.path)
    _log.error("request %s failed in a resolver", run.request_id, exc_info=cause)
    return error_document(HubError(ErrorCode.INTERNAL), run.language, error.path)


def tagged(body: bytes, request: GraphRequest, asking: Asking, run: Run) -> Answer:
    """Return an answer, with an entity tag where its caller may keep it and ask for it again.

    It is one of a registered document by GET that shows nothing protected. The tag is the caller's
    own: data and states of the sources, without what every request has anew.
    """
    may_keep = request.read_only and request.document_id is not None
    is_asked = run.reads or run.asked or run.sources is not None
    if not may_keep or is_asked or asking.reason is not None:
        return Answer(body)
    whose = f"{run.caller.client_id} {run.language} {run.hidden}".encode()
    return Answer(body, tag=entity_tag(whose, body[: run.repeats]))


def is_audited(run: Run, asking: Asking) -> bool:
    """Whether there may be something for the audit; what a hub asks for somebody always is."""
    is_read = bool(run.reads or run.asked)
    return is_read or asking.reason is not None or run.caller.requester is not None


def name_of(plan: Plan) -> str:
    """Return by what name a request is counted: only the names of registered documents are few."""
    kind = plan.operation.operation
    if kind is not OperationType.QUERY:
        return str(kind.value)
    name = plan.operation.name
    return name.value if name is not None and plan.document.text in registered_texts() else "adhoc"
