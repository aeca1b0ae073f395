"""`resource`: authenticates the caller of a protected route by a DPoP-bound token (RFC 9449 §7).

- The scheme is DPoP; a DPoP token sent as Bearer is refused even when it is good (downgrade).
  Bearer is for tokens bound to a TLS client certificate, over a connection that has it (RFC 8705).
- A token gives no more than the present registration does; revocation is checked on every call
  against a directory that is at most a few seconds old.
- A proof is reserved last: only a call that is otherwise accepted uses it up.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from starlette.responses import JSONResponse

from hub.access.cases import CaseGrant, in_force, without_expired
from hub.access.clients import Client, ClientDirectory, ClientKind, ClientStatus, KeyRole
from hub.access.config import AccessConfig
from hub.access.dpop import ALGORITHMS, Proof, ProofChecker
from hub.access.envelope import Envelope
from hub.access.errors import AccessError, Reason, TokenError
from hub.access.limits import PROOF_TTL_S
from hub.access.requester import Requester
from hub.access.scopes import ANONYMOUS_SCOPES
from hub.access.tokens import AccessToken, TokenVerifier, check_revocation
from hub.clock import Clock
from hub.state import State


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls, for whom, and what they may do. An anonymous caller has no client and no party."""

    client_id: str | None
    party: str | None
    kind: ClientKind | None
    scopes: frozenset[str]
    sources: frozenset[str] = frozenset()
    anonymous: bool = False
    role: KeyRole | None = None
    """What the person may do who signed in, or who holds the key that the token is bound to."""
    requester: Requester | None = None
    """For whom a peer asks; its rights are the peer's own, narrowed by the scope."""
    person: str | None = None
    """Pseudonym of the person who signed in at the institution, and acts for its client."""
    client: Client | None = field(default=None, repr=False, compare=False)
    token: AccessToken | None = field(default=None, repr=False, compare=False)
    """By what it was admitted; what stays open asks by it whether it still may (`Gate.again`)."""
    cases: Mapping[str, CaseGrant] = field(default_factory=dict, repr=False, compare=False)
    """Cases in force, by the scope that they give."""

    @property
    def own_sources(self) -> frozenset[str]:
        """Sources of which it may know all that was sent, whoever sent it.

        A hub hands rows on to a source for others (`hub.forwarding`): it knows what itself sent.
        """
        return frozenset() if self.kind is ClientKind.PEER else self.sources


ANONYMOUS = Caller(None, None, None, ANONYMOUS_SCOPES, anonymous=True)


class Gate:
    """Authenticates calls to the hub's resources."""

    def __init__(
        self,
        config: AccessConfig,
        verifier: TokenVerifier,
        clients: ClientDirectory,
        state: State,
        clock: Clock,
    ) -> None:
        self._config = config
        self._verifier = verifier
        self._clients = clients
        self._state = state
        self._clock = clock
        self._proofs = ProofChecker()
        self._schemes = ("dpop", "bearer") if config.takes_certificates else ("dpop",)

    async def authenticate(self, envelope: Envelope) -> Caller:
        """Return the caller; TokenError, or StateUnavailableError if a replay is not excluded."""
        authorization = envelope.headers.get("authorization")
        if authorization is None:
            if self._config.anonymous_reads:
                return ANONYMOUS
            raise TokenError(Reason.TOKEN_MISSING)
        now = self._clock()
        token, proof = self._check_token(envelope, authorization, now)
        caller = await self._present(token, now)
        if proof is not None and not await self._state.reserve(
            proof.replay_key, PROOF_TTL_S, proof.issued_at
        ):
            raise TokenError(Reason.DPOP_REPLAYED)
        return caller

    async def again(self, caller: Caller) -> Caller:
        """Return an admitted caller with the rights that it has now.

        For what stays open after it was admitted with a proof, and asks for none meanwhile. Raises
        `TokenError` once the token has expired or was revoked, or the client is no more active.
        """
        if caller.token is None:
            return caller
        now = self._clock()
        self._verifier.check_standing(caller.token, now)
        return await self._present(caller.token, now)

    async def _present(self, token: AccessToken, now: datetime) -> Caller:
        """Return whose token it is, with the present rights of its client."""
        client = await self._clients.get(token.client_id)
        if client is None or client.status is not ClientStatus.ACTIVE:
            raise TokenError(Reason.CLIENT_INACTIVE)
        check_revocation(client, token, now)
        caller = caller_of(client, token.scopes, now)
        return replace(
            caller,
            role=_role(client, token),
            requester=token.requester,
            person=token.person,
            token=token,
        )

    def _check_token(
        self, envelope: Envelope, authorization: str, now: datetime
    ) -> tuple[AccessToken, Proof | None]:
        scheme, _, text = authorization.partition(" ")
        if scheme.lower() not in self._schemes:
            raise TokenError(Reason.TOKEN_SCHEME)
        token = self._verifier.verify(text, now)
        if scheme.lower() != token.bound.token_type.lower():
            raise TokenError(Reason.TOKEN_SCHEME)
        if not self._config.covers(token.audience, envelope.target):
            raise TokenError(Reason.TOKEN_AUDIENCE, "the token is for another path")
        if token.bound.x5t is not None:
            if envelope.certificate != token.bound.x5t:
                raise TokenError(Reason.TOKEN_CERTIFICATE, "bound to another certificate")
            return token, None
        proof_text = envelope.headers.get("dpop")
        if proof_text is None:
            raise TokenError(Reason.DPOP_MISSING)
        proof = self._proofs.check(
            proof_text, method=envelope.method, target=envelope.target, token=text, now=now
        )
        if proof.jkt != token.bound.jkt:
            raise TokenError(Reason.DPOP_KEY_MISMATCH, "token bound to another key")
        return token, proof


def caller_of(client: Client, scopes: Collection[str], now: datetime) -> Caller:
    """Return a client as a caller: with those of `scopes` that it still has, and that are in force.

    So it calls with a token, and so the hub calls for it (`hub.exchange.webhooks`).
    """
    cases = in_force(client.cases, now) if client.cases else {}
    return Caller(
        client.client_id,
        client.party,
        client.kind,
        without_expired(frozenset(scopes).intersection(client.scopes), cases),
        frozenset(client.sources),
        client=client,
        cases=cases,
    )


def _role(client: Client, token: AccessToken) -> KeyRole | None:
    """Return the role of the person who signed in, or of the key that the token is bound to."""
    if token.person is not None:
        return token.role
    return None if token.bound.jkt is None else client.role_of(token.bound.jkt)


def refusal(
    error: AccessError, config: AccessConfig, path: str = "", *, english: bool = False
) -> JSONResponse:
    """Return the answer to a refused call: the code, and how to authenticate when it is a 401."""
    response = JSONResponse(
        error.problem(english=english),
        status_code=error.status,
        media_type="application/problem+json",
    )
    response.headers["Cache-Control"] = "no-store"
    if error.status == 401:  # noqa: PLR2004 - the status that carries a challenge
        suffix = path if path in config.resource_paths else ""
        challenge = f'DPoP algs="{" ".join(ALGORITHMS)}"'
        challenge += f', resource_metadata="{config.resource_metadata(suffix)}"'
        word = _oauth_word(error.reason)
        response.headers["WWW-Authenticate"] = challenge + (f', error="{word}"' if word else "")
    return response


def _oauth_word(reason: Reason) -> str:
    if reason.name.startswith("DPOP_"):
        return "invalid_dpop_proof"
    if reason.name.startswith(("TOKEN_", "CLIENT_")) and reason is not Reason.TOKEN_MISSING:
        return "invalid_token"
    return ""
