"""`operator_routes`: the routes of the operator's acts on clients."""

from __future__ import annotations

from hub.access.scopes import Scope
from hub.errors import ErrorCode
from hub.openapi.operation import BODY_REFUSALS, Content, Guard, RouteOperation, RouteParameter
from hub.openapi.partner_routes import json_of

_TEXT = {"type": "string", "minLength": 1}
_ID = RouteParameter("id", _TEXT, "What is acted on: a client, a registration or a key, by its id.")
_REFUSED = BODY_REFUSALS | {
    ErrorCode.BAD_USER_INPUT,
    ErrorCode.FORBIDDEN,
    ErrorCode.NOT_FOUND,
    ErrorCode.AUDIT_UNAVAILABLE,
}
_CLIENT = json_of("Client", "As the client stands then.")
_NOTHING = json_of("Nothing", "An empty object.")
_CHANGES: tuple[tuple[str, str, str, Content, Content], ...] = (
    (
        "POST /operator/clients/{id}",
        "更改接入方",
        "Change what is registered of a client.",
        json_of("ClientChange", "What changes."),
        _CLIENT,
    ),
    (
        "POST /operator/clients/{id}/suspend",
        "暂停接入方",
        "The client acts no more until it is resumed.",
        _NOTHING,
        _CLIENT,
    ),
    (
        "POST /operator/clients/{id}/resume",
        "恢复接入方",
        "The client may act again.",
        _NOTHING,
        _CLIENT,
    ),
    (
        "POST /operator/clients/{id}/remove",
        "注销接入方",
        "The client ends for ever, with its keys.",
        _NOTHING,
        _CLIENT,
    ),
    (
        "POST /operator/registrations/{id}/approve",
        "批准登记",
        "Make a client of a registration that waits.",
        json_of("ClientGrant", "What is granted."),
        _CLIENT,
    ),
    (
        "POST /operator/registrations/{id}/refuse",
        "驳回登记",
        "Refuse a registration that waits.",
        json_of("RefusalReason", "Why; the partner is told."),
        json_of("PendingRegistration", "The registration."),
    ),
)


def operator_routes() -> tuple[RouteOperation, ...]:
    """Return every operation of this module."""
    looks = (
        _look(
            "GET /operator/clients",
            "接入方列表",
            json_of("ClientPage", "A page of clients."),
            query=(RouteParameter("after", {"type": "string"}, "Go on after this client."),),
        ),
        _look("GET /operator/clients/{id}", "查看接入方", _CLIENT, path=(_ID,)),
        _look(
            "GET /operator/registrations",
            "待批准的登记",
            json_of("WaitingRegistrations", "The registrations that wait."),
        ),
    )
    changes = (_change(*each, scope=Scope.OPERATOR_CLIENTS) for each in _CHANGES)
    revoke = _change(
        "POST /operator/keys/{id}/revoke",
        "吊销密钥",
        "Every worker refuses the key within five seconds.",
        json_of("KeyRevocation", "Whether it was lost."),
        _CLIENT,
        scope=Scope.OPERATOR_KEYS,
    )
    return (*looks, *changes, revoke)


def _look(
    route: str,
    zh: str,
    answer: Content,
    path: tuple[RouteParameter, ...] = (),
    query: tuple[RouteParameter, ...] = (),
) -> RouteOperation:
    return RouteOperation(
        route=route,
        zh=zh,
        en=answer.en,
        guard=Guard.TOKEN,
        scope=Scope.OPERATOR_CLIENTS.value,
        path=path,
        query=query,
        answers={200: answer},
        refusals=_REFUSED,
    )


def _change(
    route: str, zh: str, en: str, body: Content, answer: Content, *, scope: Scope
) -> RouteOperation:
    return RouteOperation(
        route=route,
        zh=zh,
        en=en,
        guard=Guard.SIGNED,
        scope=scope.value,
        path=(_ID,),
        body=body,
        answers={200: answer},
        refusals=_REFUSED,
    )
