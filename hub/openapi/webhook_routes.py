"""`webhook_routes`: the routes of a client's own webhooks, and the shapes of their answers."""

from __future__ import annotations

from typing import Any

from hub.errors import ErrorCode
from hub.exchange.webhooks.deliveries import SCOPE
from hub.exchange.webhooks.endpoint import PATH
from hub.exchange.webhooks.limits import REQUEST_BYTES_MAX, URL_CHARACTERS_MAX
from hub.openapi.operation import (
    BODY_REFUSALS,
    JSON,
    Content,
    Guard,
    RouteOperation,
    RouteParameter,
)
from hub.openapi.shapes import COUNT, TEXT, TEXT_OR_NONE, array, closed, one_of, ref
from hub.store.webhooks import MessageState, WebhookState

_ID = RouteParameter("id", {"type": "string", "minLength": 1}, "The id of a webhook.")
_CURSOR = frozenset({ErrorCode.BAD_CURSOR, ErrorCode.CURSOR_RESET})
_ASKED = BODY_REFUSALS | {ErrorCode.BAD_USER_INPUT}
_ABSENT = _ASKED | {ErrorCode.NOT_FOUND}


def webhook_routes() -> tuple[RouteOperation, ...]:
    """Return the operations of webhooks."""
    one = f"{PATH}/{{id}}"
    return (
        _route("GET", PATH, "本接入方的 webhook", "The caller's webhooks.", "Webhooks", _ASKED),
        _route(
            *("POST", PATH, "登记 webhook", "Name an address; nothing is sent before a challenge."),
            *("NewWebhook", _ASKED | _CURSOR | {ErrorCode.CONFLICT}),
            body=f"The address and what of the feed; {REQUEST_BYTES_MAX >> 10} KiB at most.",
            made=201,
        ),
        _route("GET", one, "一个 webhook 及其消息", "One webhook.", "WebhookWhole", _ABSENT),
        _route(
            "DELETE", one, "删除 webhook", "Forget it and its messages.", "RemovedWebhook", _ABSENT
        ),
        _route(
            *("POST", f"{one}/challenge", "发送质询", "Call it once; it is ACTIVE if it answers."),
            *("ActiveWebhookState", _ABSENT | {ErrorCode.CONFLICT, ErrorCode.STATE_UNAVAILABLE}),
        ),
        _route(
            *("POST", f"{one}/secret", "更换密钥", "A new secret; the former one lasts a day."),
            *("WebhookSecret", _ABSENT),
        ),
        _route(
            *("POST", f"{one}/replay", "重发消息", "Send dead messages again, or one message."),
            *("ReplayedMessages", _ABSENT),
            body="`{}` for all dead messages, or one `messageId`.",
        ),
    )


def _route(  # noqa: PLR0913 - what distinguishes the routes
    method: str,
    route: str,
    zh: str,
    en: str,
    shape: str,
    refusals: frozenset[ErrorCode],
    *,
    body: str = "",
    made: int = 200,
) -> RouteOperation:
    is_look = method == "GET"
    sent = {"NewWebhook": "WebhookWanted", "ReplayedMessages": "ReplayWanted"}.get(shape)
    return RouteOperation(
        route=f"{method} {route}",
        zh=zh,
        en=en,
        guard=Guard.TOKEN if is_look else Guard.SIGNED,
        scope=SCOPE,
        path=(_ID,) if "{id}" in route else (),
        body=Content({JSON: ref(sent)}, body) if sent else None,
        answers={made: Content({JSON: ref(shape)}, "As asked." if is_look else "Done; signed.")},
        refusals=refusals,
    )


def webhook_shapes() -> dict[str, Any]:
    """Return the shapes of requests and answers about webhooks."""
    webhook = {
        "webhookId": TEXT,
        "url": TEXT,
        "types": {"type": ["array", "null"], "items": TEXT},
        "owner": TEXT_OR_NONE,
        "scopes": array(TEXT),
        "state": one_of(WebhookState),
        "cursor": TEXT_OR_NONE,
        "fault": TEXT_OR_NONE,
        "createdAt": TEXT,
        "triedAt": TEXT_OR_NONE,
        "formerSecretUntil": TEXT_OR_NONE,
    }
    message = closed(
        messageId=TEXT,
        state=one_of(MessageState),
        attempts=COUNT,
        fault=TEXT_OR_NONE,
        madeAt=TEXT,
        nextAt=TEXT_OR_NONE,
        endedAt=TEXT_OR_NONE,
    )
    address = {"type": "string", "minLength": 1, "maxLength": URL_CHARACTERS_MAX}
    return {
        "WebhookWanted": closed(
            ("types", "owner", "after"), url=address, types=array(TEXT), owner=TEXT, after=TEXT
        ),
        "Webhook": closed(**webhook),
        "Webhooks": closed(webhooks=array(ref("Webhook"))),
        "NewWebhook": closed(**webhook, secret=TEXT),
        "WebhookWhole": closed(**webhook, messages=array(message)),
        "RemovedWebhook": closed(removed=TEXT),
        "ActiveWebhookState": closed(state={"const": WebhookState.ACTIVE.value}),
        "WebhookSecret": closed(secret=TEXT, formerUntil=TEXT),
        "ReplayWanted": closed(("messageId",), messageId=TEXT),
        "ReplayedMessages": closed(replayed=COUNT),
    }
