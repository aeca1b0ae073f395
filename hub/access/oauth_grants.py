"""`oauth_grants`: by what a token is given: to a client, a peer for a requester, a person.

- A token is for one resource, bound to a DPoP key or to a TLS client certificate.
- A peer (another hub) exchanges what it says of a requester of its own for a token (RFC 8693). The
  scope is never wider than the peer's registration, nor than what the requester may at the peer.
"""

from __future__ import annotations

from typing import Any

from authlib.oauth2.rfc6749 import (
    ClientCredentialsGrant,
    InvalidRequestError,
    InvalidScopeError,
)

from hub.access import requester
from hub.access.clients import Client, ClientStatus
from hub.access.errors import TokenError
from hub.access.limits import ASSERTION_TTL_S, TOKEN_LIFETIME_S
from hub.access.oauth_errors import InvalidAssertionError, InvalidSubjectError
from hub.access.oauth_request import (
    AUTH_METHOD,
    CLIENT_CREDENTIALS,
    HubRequest,
    RegisteredClient,
    SingleUse,
)
from hub.access.people import JWT_BEARER
from hub.access.requester import ACCESS_TOKEN, EXCHANGE, JWT


class HubGrant(ClientCredentialsGrant):  # type: ignore[misc] # Authlib has no types
    """Client credentials, for one resource, bound to a key or a certificate."""

    GRANT_TYPE = CLIENT_CREDENTIALS
    TOKEN_ENDPOINT_AUTH_METHODS = (AUTH_METHOD,)

    def validate_token_request(self) -> None:
        """Authenticate, then check scope, resource and proof."""
        super().validate_token_request()
        request: HubRequest = self.request
        request.resource = self.server.wanted_resource(request)
        request.bound = self.server.bound_to(request)

    def validate_requested_scope(self) -> None:
        """Refuse any scope beyond the registration; none asked for means all registered."""
        client: Client = self.request.client.client
        self.request.scopes = self._wanted(client.scopes)

    def create_token_response(self) -> tuple[int, dict[str, Any], list[tuple[str, str]]]:
        """Issue the token from the request itself."""
        request: HubRequest = self.request
        token = self.server.issuer.issue(
            request.client.client,
            request.resource,
            request.scopes,
            request.bound,
            request.hub.now,
            requester=request.requester,
            person=request.person,
        )
        body = {
            "access_token": token,
            "token_type": request.bound.token_type,
            "expires_in": TOKEN_LIFETIME_S,
            "scope": " ".join(sorted(request.scopes)),
        }
        return 200, body, self.TOKEN_RESPONSE_HEADER

    def _wanted(self, allowed: tuple[str, ...]) -> tuple[str, ...]:
        text = self.request.payload.scope
        wanted = allowed if text is None else tuple(str(text).split(" "))
        if not wanted or "" in wanted or not set(wanted) <= set(allowed):
            raise InvalidScopeError()
        return wanted


class HubPersonGrant(HubGrant):
    """A person signs in with an ID token of the institution's provider (RFC 7523).

    The browser that asks is no client: the provider says for which client its people act.
    """

    GRANT_TYPE = JWT_BEARER

    def validate_token_request(self) -> None:
        """Take the person from the ID token that was verified before; check the key's proof."""
        request: HubRequest = self.request
        person, client = request.hub.person, request.hub.client
        if person is None or client is None or client.status is not ClientStatus.ACTIVE:
            raise InvalidAssertionError()
        request.client = RegisteredClient(client)
        request.person = person
        allowed = tuple(scope for scope in client.scopes if scope in person.scopes)
        request.scopes = self._wanted(allowed)
        request.resource = self.server.wanted_resource(request)
        request.bound = self.server.bound_to(request)
        if request.bound.jkt != person.key:
            raise InvalidAssertionError()


class HubExchange(HubGrant):
    """Token exchange: a peer asks for one of its own clients (RFC 8693)."""

    GRANT_TYPE = EXCHANGE

    def validate_requested_scope(self) -> None:
        """Read for whom the peer asks; the scope is what both may, or less."""
        request: HubRequest = self.request
        values, now = request.hub.values, request.hub.now
        client: Client = request.client.client
        if values.keys() & {"actor_token", "actor_token_type"}:
            raise InvalidRequestError("the actor is the client itself; send no actor_token")
        if values.get("subject_token_type") != JWT:
            raise InvalidRequestError(f"subject_token_type is {JWT}")
        if values.get("requested_token_type", ACCESS_TOKEN) != ACCESS_TOKEN:
            raise InvalidRequestError(f"requested_token_type is {ACCESS_TOKEN}")
        try:
            said = requester.read(
                values.get("subject_token", ""), client, self.server.config.issuer, now
            )
        except TokenError as error:
            raise InvalidSubjectError() from error
        request.requester = said.requester
        used = SingleUse(said.replay_key, ASSERTION_TTL_S, said.issued_at, InvalidSubjectError())
        request.hub.reserve.append(used)
        both = tuple(scope for scope in client.scopes if scope in said.scopes)
        request.scopes = self._wanted(both)

    def create_token_response(self) -> tuple[int, dict[str, Any], list[tuple[str, str]]]:
        """Issue the token and say what kind it is."""
        status, body, headers = super().create_token_response()
        return status, {**body, "issued_token_type": ACCESS_TOKEN}, headers
