"""`operator_endpoint`: what `deltahub client` does for the operator, over HTTP.

- `GET /operator/clients`, `/operator/clients/{id}`, `/operator/registrations`: who is there, who
  waits. `POST /operator/clients/{id}` changes; `…/suspend`, `…/resume`, `…/remove`.
  `POST /operator/registrations/{id}/approve`, `…/refuse`. `POST /operator/keys/{kid}/revoke`.
- Only a client of kind OPERATOR with the scope `operator:clients` (for keys `operator:keys`); every
  change is signed, and where that client uses roles, by a DECIDER's key.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from hub.access import gate
from hub.access.clients import (
    Client,
    ClientChange,
    ClientKind,
    ClientStatus,
    KeyRole,
    KeyStatus,
    RegistrationError,
)
from hub.access.gate import Admitted, Door
from hub.access.limits import OPERATOR_PAGE
from hub.access.pending import Registrations, RequestState, approve
from hub.access.registrar import client_to_wire, pending_to_wire, read_registration_body
from hub.access.registration import ClientGrant, admit, check_party, granted
from hub.access.scopes import Scope
from hub.access.service import Access
from hub.access.signatures import KEY_CHANGE, READ
from hub.body import object_in
from hub.clock import Clock
from hub.errors import ErrorCode, RefusedError

LOOK = Door(operation=READ, scope=Scope.OPERATOR_CLIENTS.value)
CHANGE = Door(operation=KEY_CHANGE, is_signed=True, scope=Scope.OPERATOR_CLIENTS.value)
KEYS = Door(operation=KEY_CHANGE, is_signed=True, scope=Scope.OPERATOR_KEYS.value)
STATUSES = {
    "suspend": ClientStatus.SUSPENDED,
    "resume": ClientStatus.ACTIVE,
    "remove": ClientStatus.REMOVED,
}
_CHANGED = frozenset({"party", "kind", "name", "scopes", "sources"})
_GRANTED = frozenset({"party", "kind", "scopes", "sources", "agent", "role"})
Act = Callable[[Admitted, dict[str, str]], Awaitable[Any]]
Note = Callable[[str, dict[str, Any]], Awaitable[None]]
"""Writes an operator's act into the audit; it is awaited before the act."""


class OperatorEndpoints:
    """The routes of the operator's acts on clients."""

    def __init__(
        self, access: Access, registrations: Registrations, clock: Clock, note: Note
    ) -> None:
        self._note = note
        self._access = access
        self._store = access.store
        self._registrations = registrations
        self._clock = clock

    def routes(self) -> list[Route]:
        """Return the routes."""
        one = "/operator/clients/{id}"
        request = "/operator/registrations/{id}"
        acts: list[tuple[str, str, Door, Act]] = [
            ("GET", "/operator/clients", LOOK, self._list),
            ("GET", one, LOOK, self._show),
            ("POST", one, CHANGE, self._change),
            *(
                ("POST", f"{one}/{name}", CHANGE, partial(self._set_status, status))
                for name, status in STATUSES.items()
            ),
            ("GET", "/operator/registrations", LOOK, self._waiting),
            ("POST", f"{request}/approve", CHANGE, self._approve),
            ("POST", f"{request}/refuse", CHANGE, self._refuse),
            ("POST", "/operator/keys/{id}/revoke", KEYS, self._revoke),
        ]
        return [
            Route(path, partial(self._serve, door=door, act=act), methods=[method])
            for method, path, door, act in acts
        ]

    async def _serve(self, request: Request, *, door: Door, act: Act) -> Response:
        async def told(admitted: Admitted) -> Response:
            _check_operator(admitted)
            named = {**request.path_params, "after": request.query_params.get("after", "")}
            if door.is_signed:
                await self._note(_verb(request), _detail(admitted, named))
            try:
                content = await act(admitted, named)
            except RegistrationError as error:
                raise error.refused() from error
            return JSONResponse(content, headers={"Cache-Control": "no-store"})

        return await gate.through(self._access, request, door, told, read_registration_body)

    async def _list(self, _: Admitted, named: dict[str, str]) -> Any:
        clients = await self._store.list(limit=OPERATOR_PAGE, after=named["after"])
        return {"clients": [client_to_wire(each) for each in clients]}

    async def _show(self, _: Admitted, named: dict[str, str]) -> Any:
        return client_to_wire(await self._found(named["id"]))

    async def _change(self, admitted: Admitted, named: dict[str, str]) -> Any:
        stated = _members(admitted, _CHANGED)
        if "party" in stated:
            check_party(_text(stated["party"]))
        change = ClientChange(
            party=stated.get("party"),
            kind=None if "kind" not in stated else _named(ClientKind, stated["kind"]),
            name=None if "name" not in stated else _text(stated["name"]),
            scopes=None if "scopes" not in stated else granted(_texts(stated["scopes"])),
            sources=None if "sources" not in stated else _texts(stated["sources"]),
        )
        if change == ClientChange():
            raise RegistrationError(
                f"请写明要改什么：{'、'.join(sorted(_CHANGED))}。",
                f"say what changes: {', '.join(sorted(_CHANGED))}",
            )
        await self._store.change(named["id"], change, self._clock())
        return await self._changed(named["id"])

    async def _set_status(self, status: ClientStatus, _: Admitted, named: dict[str, str]) -> Any:
        await self._store.set_status(named["id"], status, self._clock())
        return await self._changed(named["id"])

    async def _waiting(self, _: Admitted, named: dict[str, str]) -> Any:
        del named
        waiting = await self._registrations.list(RequestState.PENDING)
        return {
            "registrations": [
                {
                    **pending_to_wire(each),
                    "name": each.request.name,
                    "scopes": list(each.request.scopes),
                    "sources": list(each.request.sources),
                }
                for each in waiting[:OPERATOR_PAGE]
            ]
        }

    async def _approve(self, admitted: Admitted, named: dict[str, str]) -> Any:
        stated = _members(admitted, _GRANTED)
        if not {"party", "kind", "scopes"} <= stated.keys():
            raise RegistrationError(
                "请写明 party、kind、scopes，需要时加 sources、agent、role。",
                "say party, kind and scopes; and sources, agent, role",
            )
        agent, role = stated.get("agent"), stated.get("role")
        grant = ClientGrant(
            party=_text(stated["party"]),
            kind=_named(ClientKind, stated["kind"]),
            scopes=_texts(stated["scopes"]),
            sources=_texts(stated.get("sources", [])),
            agent=None if agent is None else _text(agent),
            role=None if role is None else _named(KeyRole, role),
        )
        now = self._clock()
        return client_to_wire(
            await approve(
                self._registrations,
                named["id"],
                lambda asked: admit(self._store, asked, grant, now),
                now,
            )
        )

    async def _refuse(self, admitted: Admitted, named: dict[str, str]) -> Any:
        reason = _text(_members(admitted, {"reason"}).get("reason"))
        await self._registrations.get(named["id"])
        await self._registrations.decide(named["id"], RequestState.REFUSED, self._clock(), reason)
        return pending_to_wire(await self._registrations.get(named["id"]))

    async def _revoke(self, admitted: Admitted, named: dict[str, str]) -> Any:
        is_lost = _members(admitted, {"lost"}).get("lost", False) is True
        client = await self._store.by_kid(named["id"])
        status = KeyStatus.LOST if is_lost else KeyStatus.REVOKED
        await self._store.revoke_key(named["id"], status, self._clock())
        assert client is not None, "a key that was revoked has a client"
        return await self._changed(client.client_id)

    async def _found(self, client_id: str) -> Client:
        client = await self._store.get(client_id)
        if client is None:
            raise RefusedError(
                ErrorCode.NOT_FOUND,
                hint=f"There is no client {client_id}.",
                hint_zh=f"没有接入方 {client_id}。",
            )
        return client

    async def _changed(self, client_id: str) -> Any:
        self._access.clients.forget(client_id)
        return client_to_wire(await self._found(client_id))


def _verb(request: Request) -> str:
    """Return an act as the audit says it: the path without what is acted on."""
    parts = request.scope["path"].strip("/").split("/")
    return " ".join((parts[0], parts[1], *parts[3:]))


def _detail(admitted: Admitted, named: dict[str, str]) -> dict[str, Any]:
    assert admitted.signed is not None, "the door asks for a signature"
    return {
        "id": named["id"],
        "client": admitted.caller.client_id,
        "key": admitted.signed.evidence.kid,
        "stated": object_in(admitted.body) if admitted.body else {},
    }


def _check_operator(admitted: Admitted) -> None:
    caller = admitted.caller
    if caller.kind is not ClientKind.OPERATOR:
        raise RefusedError(
            ErrorCode.FORBIDDEN,
            hint="Only a client of the operator may do this.",
            hint_zh="只有运营方的接入方可以这样做。",
        )
    signed, client = admitted.signed, caller.client
    if signed is not None and client is not None and not client.may_bind(signed.evidence.kid):
        raise RefusedError(
            ErrorCode.FORBIDDEN,
            hint="This client uses roles: sign with a DECIDER's key.",
            hint_zh="该接入方区分密钥角色：请用 DECIDER 的密钥签名。",
        )


def _members(admitted: Admitted, allowed: Iterable[str]) -> dict[str, Any]:
    stated = object_in(admitted.body) if admitted.body else {}
    unknown = sorted(stated.keys() - set(allowed))
    if unknown:
        raise RegistrationError(
            f"没有成员 {'、'.join(unknown)}；可用：{'、'.join(sorted(allowed))}。",
            f"{', '.join(unknown)}: there are {', '.join(sorted(allowed))}",
        )
    return stated


def _named(kind: Any, value: object) -> Any:
    if not isinstance(value, str) or value not in kind.__members__:
        raise RegistrationError(
            f"“{value}”不在可用值之列：{'、'.join(kind.__members__)}。",
            f"{value!r} is none of {', '.join(kind.__members__)}",
        )
    return kind[value]


def _text(value: object) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= 200:  # noqa: PLR2004 - as a name
        raise RegistrationError(
            "须为 1 至 200 个字符的文本。", "a text of 1 to 200 characters is needed"
        )
    return value


def _texts(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or len(value) > 64:  # noqa: PLR2004 - as in a document
        raise RegistrationError(
            "须为至多 64 个文本的数组。", "a list of at most 64 texts is needed"
        )
    return tuple(sorted({_text(each) for each in value}))
