"""`endpoint`: a client's own webhooks over HTTP, below `/clients/self/webhooks`.

- Nothing is delivered before the address has answered a challenge with what only the client knows:
  the secret. An address that merely repeats what it is sent does not pass.
- Changes are signed. Nobody reaches the webhooks of another client here; one that is another's is
  as unknown as one that is not there.
- Secrets are shown once, in the answer to the request that made them.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from functools import partial
from hmac import compare_digest
from secrets import token_urlsafe
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from hub.access import gate
from hub.access.gate import Admitted, Door
from hub.access.service import Access
from hub.access.signatures import KEY_CHANGE, READ
from hub.body import body_too_large, object_in, read_body
from hub.errors import ErrorCode, RateLimitedError, RefusedError
from hub.exchange.page import ChangesRequest
from hub.exchange.webhooks.deliveries import SCOPE, DeliveryParts
from hub.exchange.webhooks.limits import (
    CHALLENGES_AT_ONCE,
    CHALLENGES_PER_S,
    FORMER_SECRET,
    REQUEST_BYTES_MAX,
    URL_CHARACTERS_MAX,
)
from hub.exchange.webhooks.messages import challenge_body
from hub.exchange.webhooks.signing import (
    challenge_answer,
    new_message_id,
    new_secret,
    new_webhook_id,
    signed_headers,
)
from hub.state import State
from hub.store.webhooks import (
    Webhook,
    WebhookMessage,
    WebhookState,
    activate,
    add_webhook,
    find_webhook,
    messages_of,
    remove_webhook,
    renew_secret,
    replay_messages,
    webhooks_of,
)
from schema.dates import format_instant

PATH = "/clients/self/webhooks"
LOOK = Door(operation=READ, scope=SCOPE)
CHANGE = Door(operation=KEY_CHANGE, is_signed=True, scope=SCOPE)
_MEMBERS = frozenset({"url", "types", "owner", "after"})
Work = Callable[[Admitted, Request], Awaitable[Response]]


class WebhookEndpoints:
    """The routes of clients' own webhooks."""

    def __init__(self, access: Access, parts: DeliveryParts, state: State) -> None:
        self._access = access
        self._parts = parts
        self._database = parts.feed.database
        self._clock = parts.feed.clock
        self._state = state

    def routes(self) -> list[Route]:
        """Return the routes."""
        one = f"{PATH}/{{id}}"
        doors: list[tuple[str, str, Door, Work]] = [
            ("GET", PATH, LOOK, self._list),
            ("POST", PATH, CHANGE, self._add),
            ("GET", one, LOOK, self._show),
            ("DELETE", one, CHANGE, self._remove),
            ("POST", f"{one}/challenge", CHANGE, self._challenge),
            ("POST", f"{one}/secret", CHANGE, self._renew),
            ("POST", f"{one}/replay", CHANGE, self._replay),
        ]
        return [
            Route(path, partial(self._serve, door=door, work=work), methods=[method])
            for method, path, door, work in doors
        ]

    async def _serve(self, request: Request, *, door: Door, work: Work) -> Response:
        async def done(admitted: Admitted) -> Response:
            return await work(admitted, request)

        return await gate.through(self._access, request, door, done, _read)

    async def _list(self, admitted: Admitted, _: Request) -> Response:
        kept = await webhooks_of(self._database, _client_of(admitted))
        return _answer({"webhooks": [webhook_to_wire(each) for each in kept]})

    async def _add(self, admitted: Admitted, _: Request) -> Response:
        stated, caller = object_in(admitted.body), admitted.caller
        _check_members(stated)
        self._parts.sender.check(stated["url"])
        types = stated.get("types")
        wanted = None if types is None else frozenset(types)
        made = Webhook(
            webhook_id=new_webhook_id(),
            client_id=_client_of(admitted),
            url=stated["url"],
            types=None if wanted is None else sorted(wanted),
            owner=stated.get("owner"),
            scopes=sorted(caller.scopes),
            state=WebhookState.PENDING,
            secret=new_secret(),
            former_secret=None,
            former_until=None,
            cursor=stated.get("after"),
            dead=0,
            fault=None,
            created_at=self._clock(),
            tried_at=None,
        )
        # what the feed would refuse later is refused now: types, owner, cursor
        await self._parts.feed.page(
            ChangesRequest(
                caller=caller, after=made.cursor, types=wanted, owner=made.owner, first=1
            )
        )
        await add_webhook(self._database, made)
        return _answer({**webhook_to_wire(made), "secret": made.secret}, 201)

    async def _show(self, admitted: Admitted, request: Request) -> Response:
        webhook = await self._own(admitted, request)
        kept = await messages_of(self._database, webhook.webhook_id)
        messages = [message_to_wire(each) for each in kept]
        return _answer({**webhook_to_wire(webhook), "messages": messages})

    async def _remove(self, admitted: Admitted, request: Request) -> Response:
        webhook = await self._own(admitted, request)
        await remove_webhook(self._database, webhook.webhook_id)
        return _answer({"removed": webhook.webhook_id})

    async def _renew(self, admitted: Admitted, request: Request) -> Response:
        webhook = await self._own(admitted, request)
        secret, until = new_secret(), self._clock() + FORMER_SECRET
        await renew_secret(self._database, webhook.webhook_id, secret, until)
        return _answer({"secret": secret, "formerUntil": format_instant(until)})

    async def _replay(self, admitted: Admitted, request: Request) -> Response:
        webhook = await self._own(admitted, request)
        stated = object_in(admitted.body)
        message = stated.get("messageId")
        if not stated.keys() <= {"messageId"} or not isinstance(message, str | None):
            raise RefusedError(
                ErrorCode.BAD_USER_INPUT,
                hint="Send {} for all dead messages, or a messageId.",
                hint_zh="发送 {} 重发全部死信，或给出 messageId。",
            )
        count = await replay_messages(
            self._database, webhook.webhook_id, _plain(message), self._clock()
        )
        return _answer({"replayed": count})

    async def _challenge(self, admitted: Admitted, request: Request) -> Response:
        """Send a challenge, and begin to deliver if it is answered as its receiver alone can."""
        webhook = await self._own(admitted, request)
        taken = await self._state.take(
            f"webhooks:{webhook.client_id}", CHALLENGES_AT_ONCE, CHALLENGES_PER_S
        )
        if not taken.ok:
            raise RateLimitedError(taken.retry_after_s)
        challenge, now = token_urlsafe(24), self._clock()
        body = challenge_body(webhook.webhook_id, challenge, now).encode()
        headers = signed_headers(
            webhook.url,
            new_message_id(),
            body,
            secrets=webhook.secrets(now),
            key=self._parts.signing(),
            now=now,
        )
        outcome = await self._parts.sender.post(webhook.url, headers, body, reads=True)
        wanted = challenge_answer(webhook.secret, challenge)
        fault = outcome.fault or _judge(outcome.reply, wanted)
        if fault is not None:
            raise RefusedError(
                ErrorCode.CONFLICT,
                hint=f"The address did not answer the challenge: {fault}.",
                hint_zh=f"该地址未正确应答质询：{fault}。",
            )
        await activate(self._database, webhook.webhook_id)
        return _answer({"state": WebhookState.ACTIVE.value})

    async def _own(self, admitted: Admitted, request: Request) -> Webhook:
        """Return the webhook of the path, if it is the caller's."""
        found = await find_webhook(self._database, _plain(request.path_params["id"]) or "")
        if found is None or found.client_id != _client_of(admitted):
            raise RefusedError(
                ErrorCode.NOT_FOUND,
                hint="List the webhooks of the client.",
                hint_zh="请先列出该接入方的 webhook。",
            )
        return found


def webhook_to_wire(webhook: Webhook) -> dict[str, Any]:
    """Return a webhook as it is shown, without its secrets."""
    until, tried = webhook.former_until, webhook.tried_at
    return {
        "webhookId": webhook.webhook_id,
        "url": webhook.url,
        "types": None if webhook.types is None else list(webhook.types),
        "owner": webhook.owner,
        "scopes": list(webhook.scopes),
        "state": webhook.state.value,
        "cursor": webhook.cursor,
        "fault": webhook.fault,
        "createdAt": format_instant(webhook.created_at),
        "triedAt": None if tried is None else format_instant(tried),
        "formerSecretUntil": None if until is None else format_instant(until),
    }


def message_to_wire(message: WebhookMessage) -> dict[str, Any]:
    """Return what became of a message, without its body."""
    return {
        "messageId": message.message_id,
        "state": message.state.value,
        "attempts": message.attempts,
        "fault": message.fault,
        "madeAt": format_instant(message.made_at),
        "nextAt": None if message.next_at is None else format_instant(message.next_at),
        "endedAt": None if message.ended_at is None else format_instant(message.ended_at),
    }


def _check_members(stated: dict[str, Any]) -> None:
    """Refuse anything but an address, types, an owner and a cursor."""
    types = stated.get("types")
    is_list = types is None or (isinstance(types, list) and all(isinstance(t, str) for t in types))
    texts = [stated.get(name) for name in ("owner", "after")]
    if (
        not {"url"} <= stated.keys() <= _MEMBERS
        or not isinstance(stated["url"], str)
        or not is_list
        or not all(isinstance(each, str | None) for each in texts)
        or any(each is not None and _plain(each) is None for each in texts)
    ):
        raise RefusedError(
            ErrorCode.BAD_USER_INPUT,
            hint="Send url, and if wanted types (a list), owner and after (texts).",
            hint_zh="请发送 url；需要时加 types（列表）、owner 与 after（文本）。",
        )


def _plain(text: str | None) -> str | None:
    """Return a text that PostgreSQL can compare, else None."""
    is_plain = text is not None and len(text) <= URL_CHARACTERS_MAX and text.isprintable()
    return text if is_plain else None


def _judge(reply: bytes, wanted: str) -> str | None:
    """Return what is wrong with the answer to a challenge, or None."""
    try:
        stated = json.loads(reply)
    except ValueError:
        return "the answer is not JSON"
    answer = stated.get("answer") if isinstance(stated, dict) else None
    if not isinstance(answer, str) or not answer.isascii() or not compare_digest(answer, wanted):
        return "`answer` is not the HMAC of the challenge under the present secret"
    return None


def _client_of(admitted: Admitted) -> str:
    client_id = admitted.caller.client_id
    assert client_id is not None, "the doors take no anonymous callers"
    return client_id


def _read(request: Request) -> Awaitable[bytes]:
    return read_body(request, REQUEST_BYTES_MAX, lambda: body_too_large(REQUEST_BYTES_MAX))


def _answer(content: dict[str, Any], status: int = 200) -> Response:
    return JSONResponse(content, status, headers={"Cache-Control": "no-store"})
