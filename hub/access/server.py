"""`server`: the authorization server: Authlib's core with the gaps of its defaults closed.

Authlib gives the flow (grant choice, client authentication, revocation, error documents:
RFC 6749, 7009). Overridden here, each with a test:

- `invalid_client` is 401, without Authlib's `Basic` challenge: no HTTP scheme is in use.
- A scope beyond the registration is `invalid_scope`; Authlib would issue an empty or larger one.
- Plain http is answered as an error document; Authlib checks it outside of its error path.
- Tokens are made with the request at hand (resource, DPoP key); Authlib's generator has no access
  to it. The override also keeps the token out of Authlib's debug log.
- An unknown grant type is not echoed into `error_description`.
- Client assertions are verified by `assertion`; Authlib's own method accepted an array audience,
  ten years of lifetime, a missing `iat` and a DPoP proof in the place of an assertion.

The core is synchronous: the endpoint fetches the client before, and reserves what may be used
once (`Form.reserve`) after the core has checked signatures and before the answer leaves.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from authlib.oauth2.rfc6749 import AuthorizationServer, InvalidRequestError, OAuth2Error

from hub.access import assertion
from hub.access.config import AccessConfig
from hub.access.dpop import Nonces, ProofChecker
from hub.access.errors import TokenError
from hub.access.limits import ASSERTION_TTL_S, PROOF_TTL_S
from hub.access.oauth_endpoints import HubIntrospection, HubRevocation
from hub.access.oauth_errors import (
    HubClientError,
    InvalidProofError,
    InvalidTargetError,
    NonceError,
    UnsupportedGrantError,
)
from hub.access.oauth_grants import HubExchange, HubGrant, HubPersonGrant
from hub.access.oauth_request import (
    AUTH_METHOD,
    Form,
    HubRequest,
    RegisteredClient,
    SingleUse,
    TokenAnswer,
)
from hub.access.tokens import Bound, TokenIssuer, TokenVerifier


def grants_of(config: AccessConfig) -> tuple[type[HubGrant], ...]:
    """Return what is served: people sign in where the operator lists a provider."""
    people = (HubPersonGrant,) if config.providers else ()
    return (HubGrant, HubExchange, *people)


def grant_types(config: AccessConfig) -> list[str]:
    """Return the names of the grants that are served."""
    return [grant.GRANT_TYPE for grant in grants_of(config)]


class HubAuthorizationServer(AuthorizationServer):  # type: ignore[misc] # Authlib has no types
    """Authlib's server for one hub; synchronous and without I/O."""

    def __init__(
        self, config: AccessConfig, issuer: TokenIssuer, verifier: TokenVerifier, nonces: Nonces
    ) -> None:
        super().__init__()
        self.config = config
        self.issuer = issuer
        self.verifier = verifier
        self.nonces = nonces
        self._proofs = ProofChecker()
        self._now: datetime | None = None
        self.register_client_auth_method(AUTH_METHOD, _authenticate(config.issuer))
        for grant in grants_of(config):
            self.register_grant(grant)
        self.register_endpoint(HubRevocation)
        self.register_endpoint(HubIntrospection)

    def now(self) -> datetime:
        """Return the instant of the request in work."""
        assert self._now is not None, "only within a request"
        return self._now

    def token(self, form: Form) -> TokenAnswer:
        """Answer a request to the token endpoint."""
        self._now = form.now
        return self._guarded(lambda: self.create_token_response(form))

    def revoke(self, form: Form) -> TokenAnswer:
        """Answer a request to the revocation endpoint."""
        self._now = form.now
        return self._guarded(lambda: self.create_endpoint_response("revocation", form))

    def introspect(self, form: Form) -> TokenAnswer:
        """Answer a request to the introspection endpoint."""
        self._now = form.now
        return self._guarded(lambda: self.create_endpoint_response("introspection", form))

    def refused(self, error: OAuth2Error) -> TokenAnswer:
        """Return the answer for an error that was found outside of Authlib's flow."""
        return self.handle_response(*error())

    def query_client(self, client_id: str) -> None:
        """Return nothing: the client travels with the request, see `Form.client`."""
        del client_id

    def send_signal(self, name: str, *args: Any, **kwargs: Any) -> None:
        """Drop Authlib's signals: nobody listens."""

    def create_oauth2_request(self, request: Form) -> HubRequest:
        """Wrap the form; plain http beyond loopback raises, inside `_guarded`."""
        return HubRequest(self.config.public_base + request.path, request)

    def get_token_grant(self, request: HubRequest) -> Any:
        """Return the grant, or refuse without repeating what was sent."""
        if request.payload.grant_type is None:
            raise InvalidRequestError("grant_type is missing")
        if request.payload.grant_type not in grant_types(self.config):
            raise UnsupportedGrantError()
        return super().get_token_grant(request)

    def handle_response(
        self, status: int, body: Any, headers: list[tuple[str, str]]
    ) -> TokenAnswer:
        """Return what the endpoint sends."""
        return TokenAnswer(status, dict(body), tuple(headers))

    def wanted_resource(self, request: HubRequest) -> str:
        """Return the one resource asked for (RFC 8707)."""
        resource = request.hub.values.get("resource")
        if resource is None or resource not in self.config.resources:
            raise InvalidTargetError()
        return resource

    def bound_to(self, request: HubRequest) -> Bound:
        """Return what the token will be bound to: the key of a proof, else a TLS certificate."""
        form = request.hub
        if form.proof is None:
            if form.certificate is None or not self.config.takes_certificates:
                raise InvalidProofError()
            return Bound(x5t=form.certificate)
        target = self.config.token_endpoint
        try:
            proof = self._proofs.check(
                form.proof, method="POST", target=target, token=None, now=form.now
            )
        except TokenError as error:
            raise InvalidProofError() from error
        if self.config.dpop_nonce_required and not self.nonces.accepts(proof.nonce, form.now):
            raise NonceError()
        registered = request.client.client.key(proof.jkt)
        if registered is not None and not registered.active(form.now):
            raise InvalidProofError()
        used = SingleUse(proof.replay_key, PROOF_TTL_S, proof.issued_at, InvalidProofError())
        form.reserve.append(used)
        return Bound(jkt=proof.jkt)

    def _guarded(self, work: Any) -> TokenAnswer:
        try:
            answer: TokenAnswer = work()
        except OAuth2Error as error:
            return self.refused(error)
        return answer


def _authenticate(issuer: str) -> Any:
    def by_assertion(_: Any, request: HubRequest) -> RegisteredClient:
        form = request.hub
        if form.assertion is None:
            raise HubClientError()
        claimed = form.values.get("client_id", form.assertion.client_id)
        try:
            client = assertion.check(form.assertion, form.client, issuer, form.now)
        except TokenError as error:
            raise HubClientError() from error
        if claimed != client.client_id:
            raise HubClientError()
        issued_at = form.assertion.claims["iat"]
        name = form.assertion.replay_key
        form.reserve.append(SingleUse(name, ASSERTION_TTL_S, issued_at, HubClientError()))
        return RegisteredClient(client)

    return by_assertion
