"""`tokens`: access tokens, issued and verified (RFC 9068, RFC 9449 §6).

- Signed ES256, `typ` at+jwt, five minutes long, for one resource, always bound to a DPoP key or
  to a TLS client certificate.
- The verifier remembers tokens by SHA-256 until they expire, bounded. Expiry is checked on every
  use, whether the keys that signed are still ours every half second; revocation is checked by the
  caller, against the client's epoch.
"""

from __future__ import annotations

import hashlib
import math
import secrets
from collections import OrderedDict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hub.access.assertion import acceptable_jti, is_instant
from hub.access.clients import Client, KeyRole
from hub.access.errors import Reason, TokenError
from hub.access.limits import (
    CLOCK_AHEAD_S,
    KEYS_LOOKED_AT_S,
    TOKEN_CACHE_ENTRIES,
    TOKEN_LIFETIME_S,
)
from hub.access.people import Person
from hub.access.requester import Requester, requester_in
from hub.access.token_keys import TokenKeys
from hub.crypto import jws
from hub.crypto.keys import VerifyKey

X5T = "x5t#S256"
TOKEN_TYPE = "at+jwt"  # noqa: S105 - a media type


@dataclass(frozen=True, slots=True)
class Bound:
    """What a token is bound to: a DPoP key or a TLS client certificate, by its thumbprint."""

    jkt: str | None = None
    x5t: str | None = None

    @property
    def cnf(self) -> dict[str, str]:
        """Return the claim that says so (RFC 7800, RFC 8705 §3.1)."""
        return {X5T: self.x5t} if self.x5t is not None else {"jkt": self.jkt or ""}

    @property
    def token_type(self) -> str:
        """Return the scheme that the token is sent with."""
        return "DPoP" if self.x5t is None else "Bearer"


@dataclass(frozen=True, slots=True)
class AccessToken:
    """A verified token. `requester`: for whom a peer asks. Times in seconds."""

    client_id: str
    party: str
    audience: str
    scopes: frozenset[str]
    bound: Bound
    jti: str
    issued_at: int
    expires_at: int
    kid: str
    """The key that signed it."""
    requester: Requester | None = None
    person: str | None = None
    """The pseudonym of the person who acts for the client, and `role`."""
    role: KeyRole | None = None

    @property
    def subject_claims(self) -> dict[str, Any]:
        """Return the claims that say for whom it is."""
        if self.requester is not None:
            return self.requester.claims
        return {"sub": self.person or self.client_id}


class TokenIssuer:
    """Signs tokens in the name of `issuer` with the key that signs now."""

    def __init__(self, issuer: str, keys: TokenKeys) -> None:
        self._issuer = issuer
        self._keys = keys

    def issue(  # noqa: PLR0913 - what a token says
        self,
        client: Client,
        resource: str,
        scopes: Collection[str],
        bound: Bound,
        now: datetime,
        *,
        requester: Requester | None = None,
        person: Person | None = None,
    ) -> str:
        """Return a token for `client` at `resource`, bound to a key or a certificate.

        `iat` is never before the client's epoch, so that a token fetched in the very second of a
        revocation is not refused by it.
        """
        iat = int(now.timestamp())
        if client.not_before is not None:
            iat = max(iat, math.ceil(client.not_before.timestamp()))
        claims = {
            "iss": self._issuer,
            "aud": resource,
            "sub": client.client_id,
            "client_id": client.client_id,
            "jti": secrets.token_urlsafe(16),
            "iat": iat,
            "exp": iat + TOKEN_LIFETIME_S,
            "scope": " ".join(sorted(scopes)),
            "cnf": bound.cnf,
            "hub_party": client.party,
            **(requester.claims if requester is not None else {}),
            **(_person_claims(person) if person is not None else {}),
        }
        key = self._keys.signing()
        return jws.sign({"typ": TOKEN_TYPE, "kid": key.kid}, claims, key)


class TokenVerifier:
    """Verifies the tokens of one issuer for the resources of this hub."""

    def __init__(
        self,
        issuer: str,
        resources: Collection[str],
        keys: Mapping[str, VerifyKey],
        entries: int = TOKEN_CACHE_ENTRIES,
        *,
        takes_certificates: bool = False,
    ) -> None:
        self._bindings = ("jkt", X5T) if takes_certificates else ("jkt",)
        self._issuer = issuer
        self._resources = frozenset(resources)
        self._keys = keys
        self._entries = entries
        self._seen: OrderedDict[bytes, AccessToken] = OrderedDict()
        self._known: frozenset[str] = frozenset()
        self._looked_at = float("-inf")

    def verify(self, text: str, now: datetime) -> AccessToken:
        """Return what the token says, or raise TokenError; only good tokens are remembered."""
        name = hashlib.sha256(text.encode("utf-8", "surrogateescape")).digest()
        seconds = now.timestamp()
        if not 0 <= seconds - self._looked_at < KEYS_LOOKED_AT_S:
            self._forget_unknown()
            self._looked_at = seconds
        token = self._seen.get(name)
        if token is None:
            token = self._read(text, now)
            self._seen[name] = token
            while len(self._seen) > self._entries:
                self._seen.popitem(last=False)
        if seconds >= token.expires_at:
            self._seen.pop(name, None)
            raise TokenError(Reason.TOKEN_EXPIRED, "exp has passed")
        return token

    def check_standing(self, token: AccessToken, now: datetime) -> None:
        """Raise TokenError when a token that was verified before is good no more."""
        if token.kid not in self._keys:
            raise TokenError(Reason.TOKEN_INVALID, "unknown kid")
        if now.timestamp() >= token.expires_at:
            raise TokenError(Reason.TOKEN_EXPIRED, "exp has passed")

    def _forget_unknown(self) -> None:
        """Forget the tokens of keys that are ours no more."""
        known = frozenset(self._keys)
        if known != self._known:
            gone = [name for name, token in self._seen.items() if token.kid not in known]
            for name in gone:
                del self._seen[name]
            self._known = known

    def _read(self, text: str, now: datetime) -> AccessToken:
        try:
            parsed = jws.parse(text)
            if parsed.header.get("typ") != TOKEN_TYPE:
                raise TokenError(Reason.TOKEN_INVALID, "typ is not at+jwt")
            key = self._keys.get(str(parsed.header.get("kid")))
            if key is None:
                raise TokenError(Reason.TOKEN_INVALID, "unknown kid")
            jws.verify(parsed, key)
            claims = jws.claims(parsed)
        except jws.JwsError as error:
            raise TokenError(Reason.TOKEN_INVALID, str(error)) from error
        return self._accept(claims, key.kid, now)

    def _accept(self, claims: dict[str, Any], kid: str, now: datetime) -> AccessToken:
        if claims.get("iss") != self._issuer:
            raise TokenError(Reason.TOKEN_INVALID, "another issuer")
        audience = claims.get("aud")
        if not isinstance(audience, str) or audience not in self._resources:
            raise TokenError(Reason.TOKEN_AUDIENCE, "aud is not one of our resources")
        if not (is_instant(claims.get("iat")) and is_instant(claims.get("exp"))):
            raise TokenError(Reason.TOKEN_INVALID, "iat or exp is missing")
        iat, exp = claims["iat"], claims["exp"]
        if iat > now.timestamp() + CLOCK_AHEAD_S or not 0 < exp - iat <= TOKEN_LIFETIME_S:
            raise TokenError(Reason.TOKEN_INVALID, "issued ahead, or made for too long")
        if not is_instant(claims.get("nbf", 0)) or claims.get("nbf", 0) > now.timestamp():
            raise TokenError(Reason.TOKEN_INVALID, "not yet valid")
        bound = _bound_to(claims.get("cnf"), self._bindings)
        texts = [claims.get(name) for name in ("client_id", "scope", "hub_party")]
        client_id, scope, party = texts
        if not all(isinstance(text, str) for text in texts):
            raise TokenError(Reason.TOKEN_INVALID, "client_id, scope or party is missing")
        requester = _requester(claims)
        if not acceptable_jti(claims.get("jti")):
            raise TokenError(Reason.TOKEN_INVALID, "jti is missing")
        return AccessToken(
            client_id=str(client_id),
            party=str(party),
            audience=audience,
            scopes=frozenset(str(scope).split()),
            bound=bound,
            jti=claims["jti"],
            issued_at=iat,
            expires_at=exp,
            kid=kid,
            requester=requester,
            person=claims["sub"] if claims.get("hub_person") is True else None,
            role=_role(claims.get("hub_role")),
        )


def check_revocation(client: Client, token: AccessToken, now: datetime) -> None:
    """Raise TokenError when a token was issued before the client's epoch or its key has ended."""
    if client.not_before is not None and token.issued_at < client.not_before.timestamp():
        raise TokenError(Reason.TOKEN_REVOKED, "issued before the client's epoch")
    registered = None if token.bound.jkt is None else client.key(token.bound.jkt)
    if registered is not None and not registered.active(now):
        raise TokenError(Reason.TOKEN_REVOKED, "bound to a key that has ended")


def _person_claims(person: Person) -> dict[str, Any]:
    role = {} if person.role is None else {"hub_role": person.role.value}
    return {"sub": person.name, "hub_person": True, **role}


def _role(stated: object) -> KeyRole | None:
    try:
        return None if stated is None else KeyRole(stated)
    except ValueError as error:
        raise TokenError(Reason.TOKEN_INVALID, "hub_role") from error


def _requester(claims: dict[str, Any]) -> Requester | None:
    """Return for whom a token is, None when its client asks for itself."""
    if "act" not in claims:
        is_person = claims.get("hub_person") is True and isinstance(claims.get("sub"), str)
        if not is_person and claims.get("sub") != claims["client_id"]:
            raise TokenError(Reason.TOKEN_INVALID, "sub is not the client")
        return None
    party = claims.get("hub_requester_party")
    try:
        requester = requester_in(claims.get("sub"), party, claims["act"])
    except TokenError as error:
        raise TokenError(Reason.TOKEN_INVALID, error.detail) from error
    if requester.actors[:1] != (claims["client_id"],):
        raise TokenError(Reason.TOKEN_INVALID, "the client is not the actor")
    return requester


def _bound_to(cnf: object, bindings: Collection[str]) -> Bound:
    if isinstance(cnf, dict) and len(cnf) == 1:
        ((member, thumbprint),) = cnf.items()
        if isinstance(thumbprint, str) and member in bindings:
            return Bound(jkt=thumbprint) if member == "jkt" else Bound(x5t=thumbprint)
    raise TokenError(Reason.TOKEN_UNBOUND, f"cnf is not one of {bindings}")
