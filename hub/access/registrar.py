"""`registrar`: a partner registers, sees what stands of it, and changes its keys, over HTTP.

- `POST /clients`: a registration document and a proof that its key is the sender's. The answer says
  how the request stands; the operator decides. Anybody may ask, so it is bounded per address.
- `GET /clients/self`: what is registered of the caller.
- `POST /clients/self/keys`, signed by a present key: another key, with a proof of its possession.
  It has the role and the holder of the key that signed: nobody gives himself another role. The
  party's own key may name an `agent`, whose key it then is. Old and new are good beside each other
  until the old one is retired, at the latest after the overlap where the request `replaces` it.
- `DELETE /clients/self/keys/{kid}`, signed: ends a key of the same role; the party's own key also
  ends its agents' keys. The last active key stays.
"""

from __future__ import annotations

from collections.abc import Awaitable
from datetime import datetime
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from hub.access import gate
from hub.access.clients import Client, ClientKey, KeyStatus, RegistrationError
from hub.access.errors import AccessError
from hub.access.gate import Admitted, Door, Work
from hub.access.limits import (
    ASSERTION_TTL_S,
    REGISTRATION_BYTES_MAX,
    REGISTRATIONS_AT_ONCE,
    REGISTRATIONS_PER_S,
    ROTATION_OVERLAP_S,
)
from hub.access.pending import PendingRegistration, Registrations
from hub.access.registration import (
    bad_key,
    check_party,
    check_possession,
    read_application,
)
from hub.access.service import Access
from hub.access.signatures import KEY_CHANGE, READ
from hub.body import body_too_large, object_in, read_body
from hub.clock import Clock
from hub.crypto.keys import VerifyKey, import_jwk
from hub.errors import ErrorCode, HubError, RateLimitedError, RefusedError
from hub.problem import problem
from hub.state import State

SELF = Door(operation=READ)
CHANGE = Door(operation=KEY_CHANGE, is_signed=True)
_NEW_KEY = frozenset({"jwk", "proof", "replaces", "agent"})


class Registrar:
    """The routes by which partners register and keep their keys."""

    def __init__(
        self, access: Access, registrations: Registrations, state: State, clock: Clock
    ) -> None:
        self._access = access
        self._registrations = registrations
        self._state = state
        self._clock = clock

    def routes(self) -> list[Route]:
        """Return the routes."""
        return [
            Route("/clients", self.register, methods=["POST"]),
            Route("/clients/self", self.show, methods=["GET"]),
            Route("/clients/self/keys", self.add_key, methods=["POST"]),
            Route("/clients/self/keys/{kid}", self.retire_key, methods=["DELETE"]),
        ]

    async def register(self, request: Request) -> Response:
        """Take a request for registration; it waits for the operator."""
        language = request.headers.get("accept-language", "")
        try:
            self._access.envelope(request.scope)  # the host is ours, no header is doubled
            address = request.client.host if request.client else ""
            await self._limit(address)
            asked = await self._ask(await read_document(request), address)
        except AccessError as error:
            return self._access.refusal(error, None, language=language)
        except HubError as error:
            return problem(error, language)
        except RegistrationError as error:
            return problem(error.refused(), language)
        except ClientDisconnect:
            return Response(status_code=400)
        return JSONResponse(pending_to_wire(asked), 202, headers={"Cache-Control": "no-store"})

    async def show(self, request: Request) -> Response:
        """Answer what is registered of the caller."""

        async def work(admitted: Admitted) -> Response:
            client = await self._present(admitted)
            return _answer(client_to_wire(client))

        return await self._serve(request, SELF, work)

    async def add_key(self, request: Request) -> Response:
        """Add a key beside the one that signed."""

        async def work(admitted: Admitted) -> Response:
            client, signer = await self._signer(admitted)
            now = self._clock()
            document = object_in(admitted.body)
            key = await self._new_key(document, client, now)
            agent, replaces = document.get("agent", signer.agent), document.get("replaces")
            if agent != signer.agent and signer.agent is not None:
                raise RegistrationError(
                    "agent：服务商的密钥只能添加该服务商的密钥。",
                    "agent: an agent's key adds keys of that agent only",
                )
            if agent is not None:
                check_party(agent if isinstance(agent, str) else repr(agent))
            if replaces is not None:
                _own_key(client, signer, replaces)
            known = client.key(key.kid)
            if known is None or not known.active(now):
                added = ClientKey(
                    key, client.client_id, KeyStatus.ACTIVE, now, agent=agent, role=signer.role
                )
                await self._access.store.add_key(
                    added, retire=replaces, overlap_s=ROTATION_OVERLAP_S
                )
            return _answer(client_to_wire(await self._present(admitted)), 201)

        return await self._serve(request, CHANGE, work)

    async def retire_key(self, request: Request) -> Response:
        """End one of the caller's keys."""
        kid = request.path_params["kid"]

        async def work(admitted: Admitted) -> Response:
            client, signer = await self._signer(admitted)
            _own_key(client, signer, kid)
            await self._access.store.retire_key(client.client_id, kid, self._clock())
            return _answer(client_to_wire(await self._present(admitted)))

        return await self._serve(request, CHANGE, work)

    async def _limit(self, address: str) -> None:
        taken = await self._state.take(
            f"registrations:{address}", REGISTRATIONS_AT_ONCE, REGISTRATIONS_PER_S
        )
        if not taken.ok:
            raise RateLimitedError(taken.retry_after_s)

    async def _ask(self, document: dict[str, Any], address: str) -> PendingRegistration:
        now = self._clock()
        proof = document.pop("proof", None)
        application = read_application(document)
        await self._check_possession(proof, application.client_id, application.key, now)
        return await self._registrations.ask(application, address, now)

    async def _new_key(self, document: dict[str, Any], client: Client, now: datetime) -> VerifyKey:
        if not {"jwk", "proof"} <= document.keys() <= _NEW_KEY:
            raise RegistrationError(
                "请发送 jwk 和 proof，需要时加 replaces 和 agent。",
                "send jwk and proof, and if wanted replaces and agent",
            )
        try:
            key = import_jwk(document["jwk"], ed25519_allowed=False)
        except (ValueError, TypeError, AttributeError) as error:
            raise bad_key(error) from error
        await self._check_possession(document["proof"], client.client_id, key, now)
        return key

    async def _check_possession(
        self, proof: object, client_id: str, key: VerifyKey, now: datetime
    ) -> None:
        issuer = self._access.config.issuer
        read = check_possession(proof, client_id, key, issuer, now)
        if not await self._state.reserve(read.replay_key, ASSERTION_TTL_S, read.claims["iat"]):
            raise RegistrationError(
                "proof：已用过；每次请求请重新生成。",
                "proof: it was used before; make a new one for each request",
            )

    async def _signer(self, admitted: Admitted) -> tuple[Client, ClientKey]:
        """Return the client as it stands now, and its key that signed."""
        assert admitted.signed is not None, "the door asks for a signature"
        client = await self._present(admitted)
        key = client.key(admitted.signed.evidence.kid)
        if key is None or not key.active(self._clock()):
            raise RegistrationError(
                "签名所用的密钥已停用，请改用另一把。",
                "the key that signed has ended; use another one",
            )
        return client, key

    async def _present(self, admitted: Admitted) -> Client:
        """Return the caller's client from the store: nobody sees keys of some seconds ago."""
        assert admitted.caller.client_id is not None, "the doors take no anonymous callers"
        client = await self._access.store.get(admitted.caller.client_id)
        if client is None:
            raise RegistrationError(
                "本接入方已不在登记之列，请联系平台运营方。",
                "this client is not registered any more; ask the operator",
            )
        self._access.clients.forget(client.client_id)
        return client

    async def _serve(self, request: Request, door: Door, work: Work) -> Response:
        async def told(admitted: Admitted) -> Response:
            try:
                return await work(admitted)
            except RegistrationError as error:
                raise error.refused() from error

        return await gate.through(self._access, request, door, told, read_registration_body)


async def read_document(request: Request) -> dict[str, Any]:
    """Read a body that is one JSON object; RefusedError otherwise."""
    if request.headers.get("content-type", "").partition(";")[0] != "application/json":
        raise RefusedError(
            ErrorCode.UNSUPPORTED_MEDIA_TYPE,
            hint="Send application/json.",
            hint_zh="请以 application/json 发送。",
        )
    return object_in(await read_registration_body(request))


def client_to_wire(client: Client) -> dict[str, Any]:
    """Return what a client is shown of itself."""
    return {
        "clientId": client.client_id,
        "party": client.party,
        "kind": client.kind.value,
        "name": client.name,
        "status": client.status.value,
        "scopes": list(client.scopes),
        "sources": list(client.sources),
        "keys": [
            {
                "kid": key.kid,
                "status": key.status.value,
                "role": key.role and key.role.value,
                "agent": key.agent,
                "addedAt": key.added_at.isoformat(),
                "endsAt": key.ended_at and key.ended_at.isoformat(),
            }
            for key in client.keys
        ],
    }


def pending_to_wire(pending: PendingRegistration) -> dict[str, Any]:
    """Return what an applicant is told of its request."""
    return {
        "requestId": pending.request_id,
        "clientId": pending.request.client_id,
        "kid": pending.request.key.kid,
        "state": pending.state.value,
        "reason": pending.reason,
        "requestedAt": pending.requested_at.isoformat(),
    }


def _own_key(client: Client, signer: ClientKey, kid: object) -> None:
    """Refuse a key that is no business of the one that signed."""
    key = client.key(kid) if isinstance(kid, str) else None
    if key is None:
        raise RegistrationError(
            "本接入方没有这把密钥；现有密钥见 GET /clients/self。",
            "this client has no such key; GET /clients/self lists those that it has",
        )
    is_agents = signer.agent is None and key.agent is not None
    if not is_agents and (key.role, key.agent) != (signer.role, signer.agent):
        raise RegistrationError(
            "请用角色和持有人相同的密钥签名，或请平台运营方停用这把密钥。",
            "sign with a key of the same role and holder, or ask the operator to end this one",
        )


def _answer(content: dict[str, Any], status: int = 200) -> Response:
    return JSONResponse(content, status, headers={"Cache-Control": "no-store"})


def read_registration_body(request: Request) -> Awaitable[bytes]:
    """Read a body, and never more of it than a registration may have."""
    return read_body(request, REGISTRATION_BYTES_MAX, _too_large)


def _too_large() -> RefusedError:
    return body_too_large(REGISTRATION_BYTES_MAX)
