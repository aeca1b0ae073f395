"""`service`: the access layer as one object, which the hub's routes use.

- One place decides the order: envelope, token, scope, body digest, signature, replay.
- An answer to a signed request is signed, with no way to switch it off.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.responses import Response
from starlette.routing import Route

from hub.access import resource
from hub.access.clients import ClientDirectory, ClientStore
from hub.access.components import Message
from hub.access.config import AccessConfig
from hub.access.dpop import ProofChecker
from hub.access.endpoint import AuthorizationEndpoints
from hub.access.envelope import Envelope, read_envelope
from hub.access.errors import AccessError, Reason, SignatureError, TokenError
from hub.access.limits import PROOF_TTL_S
from hub.access.rates import Rates
from hub.access.resource import Caller, Gate
from hub.access.signatures import Operation, SignatureChecker, SignatureEvidence, sign_response
from hub.access.token_keys import TokenKeys, only
from hub.access.tokens import TokenVerifier
from hub.clock import Clock
from hub.crypto.keys import SigningKey, VerifyKey
from hub.problem import prefers_english
from hub.state import State


class Access:
    """Who calls, what they signed, and how the hub answers them."""

    def __init__(
        self,
        config: AccessConfig,
        keys: TokenKeys | SigningKey,
        store: ClientStore,
        state: State,
        clock: Clock,
    ) -> None:
        self.config = config
        self.clients = ClientDirectory(store, clock)
        self.store = store
        self.rates = Rates()
        self._keys = only(keys, clock) if isinstance(keys, SigningKey) else keys
        self._clock = clock
        self._state = state
        self._proofs = ProofChecker()
        verifier = TokenVerifier(
            config.issuer,
            config.resources,
            self._keys,
            takes_certificates=config.takes_certificates,
        )
        self._gate = Gate(config, verifier, self.clients, state, clock)
        self._signatures = SignatureChecker(state, clock)
        self._endpoints = AuthorizationEndpoints(
            config, self._keys, store, self.clients, state, clock
        )

    def routes(self) -> list[Route]:
        """Return the routes of the authorization server and of its metadata."""
        return self._endpoints.routes()

    def dpop_nonce(self) -> str:
        """Return what a client must put into the proof of its next token request."""
        return self._endpoints.dpop_nonce()

    def envelope(self, scope: Mapping[str, Any]) -> Envelope:
        """Read the envelope of an ASGI HTTP scope; TokenError for a wrong host or bad headers."""
        return read_envelope(scope, self.config)

    async def authenticate(self, envelope: Envelope) -> Caller:
        """Return the caller of a request, anonymous when that is allowed."""
        return await self._gate.authenticate(envelope)

    async def again(self, caller: Caller) -> Caller:
        """Return an admitted caller as it stands now; TokenError when it may call no more."""
        return await self._gate.again(caller)

    async def proven_key(self, envelope: Envelope) -> VerifyKey:
        """Return the key whose possession a request without a token proves (RFC 9449 §4.3)."""
        text = envelope.headers.get("dpop")
        if text is None:
            raise TokenError(Reason.DPOP_MISSING)
        proof = self._proofs.check(
            text, method=envelope.method, target=envelope.target, token=None, now=self._clock()
        )
        if not await self._state.reserve(proof.replay_key, PROOF_TTL_S, proof.issued_at):
            raise TokenError(Reason.DPOP_REPLAYED)
        return proof.key

    async def check_signature(
        self, envelope: Envelope, body: bytes, caller: Caller, operation: Operation
    ) -> SignatureEvidence:
        """Return the evidence of a signed request by an authenticated caller."""
        if caller.client is None:
            raise SignatureError(Reason.SIG_KEY_UNKNOWN, "anonymous callers sign nothing")
        return await self._signatures.check(envelope, body, caller.client, operation)

    def refusal(
        self,
        error: AccessError,
        envelope: Envelope | None,
        operation: Operation | None = None,
        *,
        language: str = "",
    ) -> Response:
        """Return the answer to a refused call; a signature's refusal says what to cover.

        `language`: what the caller accepts (`Accept-Language`).
        """
        path = envelope.path if envelope else ""
        answer = resource.refusal(error, self.config, path, english=prefers_english(language))
        if operation is not None and error.reason.name.startswith("SIG_"):
            answer.headers["Accept-Signature"] = operation.accept_signature
        return answer

    def sign(self, envelope: Envelope, response: Response) -> Response:
        """Sign a response whose body is complete, bound to the signed request it answers."""
        request = Message(envelope.method, envelope.target_uri, headers=envelope.headers)
        names = ("content-type", "hub-log-size")
        headers = {name: response.headers[name] for name in names if name in response.headers}
        message = Message(status=response.status_code, headers=headers, request=request)
        body = bytes(response.body)
        key, now = self._keys.signing(), self._clock()
        for name, value in sign_response(message, body, key, now).items():
            response.headers[name] = value
        response.headers["Cache-Control"] = "no-store, no-transform"
        return response
