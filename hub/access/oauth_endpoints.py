"""`oauth_endpoints`: what a client may ask about its tokens: whether one is good, and to end them.

- Revocation (RFC 7009) ends every token that the client was issued until now.
- Introspection (RFC 7662) tells a client of tokens that were issued to its own party; of any other
  one, as of nonsense, it says `{"active": false}` and nothing else.
"""

from __future__ import annotations

from typing import Any

from authlib.oauth2.rfc6749 import InvalidRequestError
from authlib.oauth2.rfc7009 import RevocationEndpoint
from authlib.oauth2.rfc7662 import IntrospectionEndpoint

from hub.access.clients import Client, ClientStatus
from hub.access.errors import TokenError
from hub.access.oauth_request import AUTH_METHOD, HubRequest, RegisteredClient
from hub.access.tokens import AccessToken, check_revocation


class _IssuedToken:
    """A token to be revoked, as Authlib asks for it."""

    def __init__(self, token: AccessToken) -> None:
        self.token = token

    def check_client(self, client: RegisteredClient) -> bool:
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


class HubIntrospection(IntrospectionEndpoint):  # type: ignore[misc] # Authlib has no types
    """Introspection of the tokens of one's own party."""

    CLIENT_AUTH_METHODS = (AUTH_METHOD,)

    def authenticate_token(
        self, request: HubRequest, client: RegisteredClient
    ) -> AccessToken | None:
        """Return the token that was fetched for the request, if the client may know of it."""
        if "token" not in request.form:
            raise InvalidRequestError("token is missing")
        token, owner = request.hub.token, request.hub.token_client
        if token is None or owner is None or owner.party != client.client.party:
            return None
        return token if _is_good(token, owner, self.server) else None

    def create_introspection_payload(self, token: AccessToken | None) -> dict[str, Any]:
        """Say what the token says."""
        if token is None:
            return {"active": False}
        return {
            "active": True,
            "token_type": token.bound.token_type,
            "iss": self.server.config.issuer,
            "aud": token.audience,
            "client_id": token.client_id,
            "scope": " ".join(sorted(token.scopes)),
            "iat": token.issued_at,
            "exp": token.expires_at,
            "jti": token.jti,
            "hub_party": token.party,
            "cnf": token.bound.cnf,
            **token.subject_claims,
        }


def _is_good(token: AccessToken, client: Client, server: Any) -> bool:
    try:
        check_revocation(client, token, server.now())
    except TokenError:
        return False
    return client.status is ClientStatus.ACTIVE
