"""`oauth_request`: a request to the authorization server, for us and for Authlib."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from authlib.oauth2.rfc6749 import OAuth2Error, OAuth2Request
from authlib.oauth2.rfc6749.requests import BasicOAuth2Payload

from hub.access import assertion
from hub.access.clients import Client, ClientKind
from hub.access.people import Person
from hub.access.requester import EXCHANGE, Requester
from hub.access.tokens import AccessToken, Bound

AUTH_METHOD = "private_key_jwt"
CLIENT_CREDENTIALS = "client_credentials"


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

    `certificate`: thumbprint of the TLS client certificate, where a proxy vouches for one.
    `person`: whom an ID token names. `token` and `token_client`: what is to be introspected, and
    whose it is. `reserve`: what may be used once. `epoch_of`: client whose tokens all end.
    """

    path: str
    values: Mapping[str, str]
    proof: str | None
    now: datetime
    assertion: assertion.Assertion | None = None
    client: Client | None = None
    certificate: str | None = None
    person: Person | None = None
    token: AccessToken | None = None
    token_client: Client | None = None
    reserve: list[SingleUse] = field(default_factory=list)
    epoch_of: str | None = None


@dataclass(frozen=True, slots=True)
class TokenAnswer:
    """What the server answers: status, JSON members, header lines."""

    status: int
    body: dict[str, Any]
    headers: tuple[tuple[str, str], ...]


class HubRequest(OAuth2Request):  # type: ignore[misc] # Authlib has no types
    """Authlib's view of a `Form`."""

    def __init__(self, uri: str, form: Form) -> None:
        super().__init__("POST", uri, headers={})
        self.hub = form
        self.payload = BasicOAuth2Payload(dict(form.values))
        self.bound = Bound()
        self.resource = ""
        self.requester: Requester | None = None
        self.person: Person | None = None
        self.scopes: tuple[str, ...] = ()

    @property
    def form(self) -> dict[str, str]:
        """Return the parameters; Authlib's revocation endpoint reads them here."""
        return dict(self.hub.values)


class RegisteredClient:
    """A client as Authlib asks for it, from our registration."""

    def __init__(self, client: Client) -> None:
        self.client = client

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        """Tell whether the client may authenticate so."""
        return method == AUTH_METHOD and endpoint in {"token", "revocation", "introspection"}

    def check_grant_type(self, grant_type: str) -> bool:
        """Tell whether the client may ask by that grant: only a peer for others."""
        if grant_type == EXCHANGE:
            return self.client.kind is ClientKind.PEER
        return grant_type == CLIENT_CREDENTIALS
