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

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from authlib.oauth2.rfc6749 import (
    AuthorizationServer,
    ClientCredentialsGrant,
    InvalidClientError,
    InvalidRequestError,
    InvalidScopeError,
    OAuth2Error,
    OAuth2Request,
)
from authlib.oauth2.rfc6749.requests import BasicOAuth2Payload
from authlib.oauth2.rfc7009 import RevocationEndpoint

from hub.access import assertion
from hub.access.clients import Client
from hub.access.config import AccessConfig
from hub.access.dpop import Nonces, ProofChecker
from hub.access.errors import TokenError
from hub.access.limits import ASSERTION_TTL_S, PROOF_TTL_S, TOKEN_LIFETIME_S
from hub.access.tokens import AccessToken, TokenIssuer, TokenVerifier

AUTH_METHOD = "private_key_jwt"
GRANT_TYPE = "client_credentials"


@dataclass(frozen=True, slots=True)
class SingleUse:
    """What may be used once: name, seconds to remember it, when it was made; `error` if used."""

    name: str
    seconds: float
    issued_at: int
    error: OAuth2Error


@dataclass(slots=True)
class Form:
    """One request to the server: its parameters, what was fetched for it, what it will use up.

    `reserve`: what may be used once. `epoch_of`: client whose tokens all end.
    """

    path: str
    values: Mapping[str, str]
    proof: str | None
    now: datetime
    assertion: assertion.Assertion | None = None
    client: Client | None = None
    reserve: list[SingleUse] = field(default_factory=list)
    epoch_of: str | None = None


@dataclass(frozen=True, slots=True)
class TokenAnswer:
    """What the server answers: status, JSON members, header lines."""

    status: int
    body: dict[str, Any]
    headers: tuple[tuple[str, str], ...]


class HubClientError(InvalidClientError):  # type: ignore[misc] # Authlib has no types
    """The client did not authenticate: 401, no hint which check failed."""

    def __init__(self) -> None:
        super().__init__(status_code=401, description="client authentication failed")

    def get_headers(self) -> list[tuple[str, str]]:
        """Return the headers without a `Basic` challenge."""
        return [line for line in super().get_headers() if line[0] != "WWW-Authenticate"]


class InvalidTargetError(OAuth2Error):  # type: ignore[misc] # Authlib has no types
    """`resource` is missing or not one of ours (RFC 8707 §2)."""

    error = "invalid_target"
    description = "resource must be exactly one of the protected resources of this hub"


class InvalidProofError(OAuth2Error):  # type: ignore[misc] # Authlib has no types
    """The DPoP proof is missing or not acceptable (RFC 9449 §5)."""

    error = "invalid_dpop_proof"
    description = "a valid DPoP proof is required"


class NonceError(OAuth2Error):  # type: ignore[misc] # Authlib has no types
    """The proof needs the server's nonce, which the answer carries (RFC 9449 §8)."""

    error = "use_dpop_nonce"
    description = "repeat the request with the nonce of the DPoP-Nonce header"


class UnsupportedGrantError(OAuth2Error):  # type: ignore[misc] # Authlib has no types
    """Only client_credentials is served; the text never repeats what was sent."""

    error = "unsupported_grant_type"
    description = "the only grant type is client_credentials"


class HubRequest(OAuth2Request):  # type: ignore[misc] # Authlib has no types
    """Authlib's view of a `Form`."""

    def __init__(self, uri: str, form: Form) -> None:
        super().__init__("POST", uri, headers={})
        self.hub = form
        self.payload = BasicOAuth2Payload(dict(form.values))
        self.jkt = ""
        self.resource = ""
        self.scopes: tuple[str, ...] = ()

    @property
    def form(self) -> dict[str, str]:
        """Return the parameters; Authlib's revocation endpoint reads them here."""
        return dict(self.hub.values)


class _RegisteredClient:
    """A client as Authlib asks for it, from our registration."""

    def __init__(self, client: Client) -> None:
        self.client = client

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return method == AUTH_METHOD and endpoint in {"token", "revocation"}

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type == GRANT_TYPE


class HubGrant(ClientCredentialsGrant):  # type: ignore[misc] # Authlib has no types
    """Client credentials, for one resource, bound to a DPoP key."""

    GRANT_TYPE = GRANT_TYPE
    TOKEN_ENDPOINT_AUTH_METHODS = (AUTH_METHOD,)

    def validate_token_request(self) -> None:
        """Authenticate, then check scope, resource and proof."""
        super().validate_token_request()
        request: HubRequest = self.request
        request.resource = self.server.wanted_resource(request)
        request.jkt = self.server.proven_key(request)

    def validate_requested_scope(self) -> None:
        """Refuse any scope beyond the registration; none asked for means all registered."""
        client: Client = self.request.client.client
        text = self.request.payload.scope
        wanted = tuple(client.scopes) if text is None else tuple(str(text).split(" "))
        if not wanted or "" in wanted or not set(wanted) <= set(client.scopes):
            raise InvalidScopeError()
        self.request.scopes = wanted

    def create_token_response(self) -> tuple[int, dict[str, Any], list[tuple[str, str]]]:
        """Issue the token from the request itself."""
        request: HubRequest = self.request
        token = self.server.issuer.issue(
            request.client.client, request.resource, request.scopes, request.jkt, request.hub.now
        )
        body = {
            "access_token": token,
            "token_type": "DPoP",
            "expires_in": TOKEN_LIFETIME_S,
            "scope": " ".join(sorted(request.scopes)),
        }
        return 200, body, self.TOKEN_RESPONSE_HEADER


class _IssuedToken:
    """A token to be revoked, as Authlib asks for it."""

    def __init__(self, token: AccessToken) -> None:
        self.token = token

    def check_client(self, client: _RegisteredClient) -> bool:
        return self.token.client_id == client.client.client_id


class HubRevocation(RevocationEndpoint):  # type: ignore[misc] # Authlib has no types
    """Revocation: ends every token that the client was issued until now (its epoch moves)."""

    CLIENT_AUTH_METHODS = (AUTH_METHOD,)
    SUPPORTED_TOKEN_TYPES = ("access_token",)

    def query_token(self, token_string: str, token_type_hint: str | None) -> _IssuedToken | None:
        """Return the token if it is ours and still alive; nothing needs to end otherwise."""
        del token_type_hint
        try:
            return _IssuedToken(self.server.verifier.verify(token_string, self.server.now()))
        except TokenError:
            return None

    def revoke_token(self, token: _IssuedToken, request: HubRequest) -> None:
        """Mark the client whose epoch the endpoint must move."""
        request.hub.epoch_of = token.token.client_id


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
        self.register_grant(HubGrant)
        self.register_endpoint(HubRevocation)

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
        if request.payload.grant_type != GRANT_TYPE:
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

    def proven_key(self, request: HubRequest) -> str:
        """Return the thumbprint of the key that the token will be bound to."""
        form = request.hub
        if form.proof is None:
            raise InvalidProofError()
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
        return proof.jkt

    def _guarded(self, work: Any) -> TokenAnswer:
        try:
            answer: TokenAnswer = work()
        except OAuth2Error as error:
            return self.refused(error)
        return answer


def _authenticate(issuer: str) -> Any:
    def by_assertion(_: Any, request: HubRequest) -> _RegisteredClient:
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
        return _RegisteredClient(client)

    return by_assertion
