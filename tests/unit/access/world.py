"""A small world for tests of the access layer: a clock, a store, a hub with one protected route."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from hub.access import assertion, dpop
from hub.access.clients import (
    Client,
    ClientChange,
    ClientKey,
    ClientKind,
    ClientStatus,
    KeyStatus,
    RegistrationError,
)
from hub.access.config import AccessConfig
from hub.access.errors import AccessError
from hub.access.service import Access
from hub.access.signatures import PUSH
from hub.crypto.keys import SigningKey, generate_key
from hub.state import MemoryState

BASE = "https://hub.delta.example"
SCOPES = ("catalogue:read", "records:push", "receipt:read")


class Hands:
    """A clock whose hands the test moves."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 24, 2, 0, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


class MemoryClients:
    """`ClientStore` in a dictionary, with the meaning of the one on the database."""

    def __init__(self) -> None:
        self.clients: dict[str, Client] = {}

    async def get(self, client_id: str) -> Client | None:
        return self.clients.get(client_id)

    async def by_kid(self, kid: str) -> Client | None:
        return next((c for c in self.clients.values() if c.key(kid)), None)

    async def register(self, client: Client) -> None:
        if client.client_id in self.clients or any([await self.by_kid(k.kid) for k in client.keys]):
            raise RegistrationError("已登记过", "this client id or key is registered already")
        self.clients[client.client_id] = client

    async def add_key(
        self, added: ClientKey, *, retire: str | None = None, overlap_s: float = 0
    ) -> None:
        client = self.clients[added.client_id]
        until = added.added_at + timedelta(seconds=overlap_s)
        kept = [replace(k, ended_at=until) if k.kid == retire else k for k in client.keys]
        self.clients[added.client_id] = replace(client, keys=(*kept, added))

    async def retire_key(self, client_id: str, kid: str, now: datetime) -> None:
        if sum(key.active(now) for key in self.clients[client_id].keys) == 1:
            raise RegistrationError("唯一的密钥", "this is the only active key")
        await self.revoke_key(kid, KeyStatus.RETIRED, now)

    async def change(self, client_id: str, change: ClientChange, now: datetime) -> None:
        stated = {name: v for name, v in asdict(change).items() if v is not None}
        self.clients[client_id] = replace(self.clients[client_id], **stated)
        await self.set_epoch(client_id, now)

    async def set_status(self, client_id: str, status: ClientStatus, now: datetime) -> None:
        self.clients[client_id] = replace(self.clients[client_id], status=status)
        await self.set_epoch(client_id, now)

    async def revoke_key(self, kid: str, status: KeyStatus, now: datetime) -> None:
        client = await self.by_kid(kid)
        if client is None:
            raise RegistrationError("没有这把密钥", "no active key has this thumbprint")
        keys = tuple(
            replace(k, status=status, ended_at=now) if k.kid == kid else k for k in client.keys
        )
        self.clients[client.client_id] = replace(client, keys=keys)
        if status is not KeyStatus.RETIRED:
            await self.set_epoch(client.client_id, now)

    async def set_epoch(self, client_id: str, not_before: datetime) -> None:
        client = self.clients[client_id]
        latest = max(not_before, client.not_before or not_before)
        self.clients[client_id] = replace(client, not_before=latest)

    async def forget_sandbox(self, most: int) -> None:
        assert most

    async def list(self, limit: int = 100, after: str = "") -> Sequence[Client]:
        ids = sorted(i for i in self.clients if i > after)
        return [self.clients[i] for i in ids[:limit]]


class World:
    """A hub in this process, one registered university, and hands to forge requests with."""

    def __init__(self, *, anonymous_reads: bool = False, nonce_required: bool = False) -> None:
        self.clock = Hands()
        self.hub_key = generate_key()
        self.key = generate_key()
        self.other_key = generate_key()
        self.config = AccessConfig(
            BASE,
            frozenset({"hub.delta.example"}),
            anonymous_reads=anonymous_reads,
            dpop_nonce_required=nonce_required,
        )
        self.store = MemoryClients()
        self.state = MemoryState(self.clock)
        self.enrol("zju", self.key)
        self.enrol("ustc", self.other_key)
        self.access = Access(self.config, self.hub_key, self.store, self.state, self.clock)

    def enrol(self, client_id: str, key: SigningKey, *, scopes: tuple[str, ...] = SCOPES) -> None:
        registered = ClientKey(key.public, client_id, KeyStatus.ACTIVE, self.clock())
        self.store.clients[client_id] = Client(
            client_id=client_id,
            party=f"ror:{client_id}",
            kind=ClientKind.UNIVERSITY,
            name=client_id,
            scopes=scopes,
            sources=(client_id,),
            status=ClientStatus.ACTIVE,
            created_at=self.clock(),
            keys=(registered,),
        )

    def app(self) -> Starlette:
        """The authorization server, a read route and a signed route."""
        return Starlette(
            routes=[
                *self.access.routes(),
                Route("/graphql", self._read, methods=["POST"]),
                Route("/batches", self._push, methods=["POST"]),
            ]
        )

    def http(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(transport=httpx.ASGITransport(self.app()), base_url=BASE)

    async def _read(self, request: Request) -> Response:
        try:
            envelope = self.access.envelope(request.scope)
            caller = await self.access.authenticate(envelope)
        except AccessError as error:
            language = request.headers.get("accept-language", "")
            return self.access.refusal(error, None, language=language)
        return JSONResponse({"client": caller.client_id, "scopes": sorted(caller.scopes)})

    async def _push(self, request: Request) -> Response:
        envelope = None
        try:
            envelope = self.access.envelope(request.scope)
            caller = await self.access.authenticate(envelope)
            body = await request.body()
            evidence = await self.access.check_signature(envelope, body, caller, PUSH)
        except AccessError as error:
            return self.access.refusal(error, envelope, PUSH)
        answer = JSONResponse({"rows": body.count(b"\n"), "kid": evidence.kid}, status_code=202)
        return self.access.sign(envelope, answer)

    def token_form(self, **changes: str | None) -> dict[str, str]:
        """A good request for a token; a change to None leaves the parameter out."""
        form: dict[str, str | None] = {
            "grant_type": "client_credentials",
            "client_assertion_type": assertion.ASSERTION_TYPE,
            "client_assertion": assertion.make("zju", BASE, self.key, self.clock()),
            "resource": BASE,
            **changes,
        }
        return {name: value for name, value in form.items() if value is not None}

    def proof(
        self,
        path: str = "/oauth/token",
        token: str | None = None,
        key: SigningKey | None = None,
        nonce: str | None = None,
    ) -> str:
        signer = key or self.key
        now = self.clock()
        return dpop.make(signer, "POST", BASE + path, now, token=token, nonce=nonce)

    async def token(self, **changes: str | None) -> str:
        """Fetch a token the way a partner does."""
        async with self.http() as http:
            answer = await http.post(
                "/oauth/token", data=self.token_form(**changes), headers={"DPoP": self.proof()}
            )
        assert answer.status_code == 200, answer.text
        return str(answer.json()["access_token"])

    async def call(self, token: str, proof: str | None = None, path: str = "/graphql") -> int | str:
        """Call the read route; return 200 or the code of the refusal."""
        headers = {"Authorization": f"DPoP {token}", "DPoP": proof or self.proof(path, token)}
        async with self.http() as http:
            answer = await http.post(path, headers=headers)
        return 200 if answer.status_code == 200 else str(answer.json()["code"])


def fresh_jti() -> str:
    return secrets.token_urlsafe(16)
