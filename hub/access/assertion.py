"""`assertion`: how a client authenticates to the token endpoint (private_key_jwt).

- RFC 7523 §3 with the rules of draft-ietf-oauth-rfc7523bis: the audience is the issuer, one
  string, so that an assertion made for another server is worth nothing here.
- `typ` is absent, `client-authentication+jwt` or `JWT` (what common clients send), so that no
  other kind of token can be presented as an assertion.
- `peek` reads which client claims to call, so that it can be fetched; nothing is trusted
  until `check` has verified the signature with a key registered for exactly that client.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hub.access.clients import Client, ClientStatus
from hub.access.errors import Reason, TokenError
from hub.access.limits import (
    ASSERTION_LIFETIME_S,
    CLOCK_AHEAD_S,
    JTI_MAX_CHARS,
    JTI_MIN_CHARS,
)
from hub.crypto import jws
from hub.crypto.keys import SigningKey, VerifyKey

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ALGORITHMS = ("ES256",)
"""Keys of clients are P-256; others are refused at registration."""
_TYPES = frozenset({None, "client-authentication+jwt", "JWT"})
_CLIENT_ID_MAX = 128


@dataclass(frozen=True, slots=True)
class Assertion:
    """An assertion as read; `client_id` and `kid` are claims until `check` has returned."""

    client_id: str
    kid: str
    jti: str
    token: jws.Jws
    claims: dict[str, Any]

    @property
    def replay_key(self) -> str:
        """Return the name under which its one use is remembered."""
        return f"assertion:{self.kid}:{self.jti}"


def peek(text: str) -> Assertion:
    """Read an assertion without verifying it; TokenError(ASSERTION_INVALID) when unreadable."""
    try:
        token = jws.parse(text)
        claims = jws.claims(token)
    except jws.JwsError as error:
        raise _refused(str(error)) from error
    client_id, kid, jti = claims.get("sub"), token.header.get("kid"), claims.get("jti")
    is_id = isinstance(client_id, str) and 0 < len(client_id) <= _CLIENT_ID_MAX
    if not isinstance(client_id, str) or not is_id or not client_id.isprintable():
        raise _refused("sub is not a client id")
    if not isinstance(kid, str):
        raise _refused("kid is missing")
    if not acceptable_jti(jti):
        raise _refused("jti is missing, too short or too long")
    return Assertion(client_id, kid, str(jti), token, claims)


def check(assertion: Assertion, client: Client | None, issuer: str, now: datetime) -> Client:
    """Return the client when the assertion is its own and meant for `issuer`, now.

    The caller must reserve `replay_key` (one use) afterwards, before it issues anything.
    """
    if client is None:
        raise _refused("unknown client")
    registered = client.key(assertion.kid)
    if registered is None or not registered.active(now):
        raise _refused("key unknown for this client or not active")
    check_possession(assertion, client.client_id, registered.key, issuer, now)
    if client.status is not ClientStatus.ACTIVE:
        raise _refused("client is not active")
    return client


def check_possession(
    assertion: Assertion, client_id: str, key: VerifyKey, issuer: str, now: datetime
) -> None:
    """Check that an assertion was made with `key` for a client that need not be registered yet.

    The caller must reserve `replay_key` (one use) afterwards.
    """
    if assertion.client_id != client_id or assertion.kid != key.kid:
        raise _refused("for another client or by another key")
    if assertion.token.header.get("typ") not in _TYPES:
        raise _refused("wrong typ")
    try:
        jws.verify(assertion.token, key)
    except jws.JwsError as error:
        raise _refused(str(error)) from error
    _check_claims(assertion.claims, client_id, issuer, now)


def make(client_id: str, issuer: str, key: SigningKey, now: datetime) -> str:
    """Return a client assertion for `issuer`, good for one use within a minute."""
    iat = int(now.timestamp())
    return jws.sign(
        {"typ": "client-authentication+jwt", "kid": key.kid},
        {
            "iss": client_id,
            "sub": client_id,
            "aud": issuer,
            "jti": secrets.token_urlsafe(16),
            "iat": iat,
            "exp": iat + 60,
        },
        key,
    )


def acceptable_jti(jti: object) -> bool:
    """Return whether `jti` is visible ASCII text of 16 to 128 characters."""
    return (
        isinstance(jti, str)
        and JTI_MIN_CHARS <= len(jti) <= JTI_MAX_CHARS
        and jti.isascii()
        and jti.isprintable()
        and " " not in jti
    )


def is_instant(value: object) -> bool:
    """Return whether a claim is a NumericDate of the profile: a whole number, not below 0."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _check_claims(claims: dict[str, Any], client_id: str, issuer: str, now: datetime) -> None:
    if claims.get("iss") != client_id:
        raise _refused("iss is not the client")
    if claims.get("aud") != issuer:
        raise _refused("aud is not the issuer as one string")
    iat, exp, nbf = claims.get("iat"), claims.get("exp"), claims.get("nbf", 0)
    if not (is_instant(iat) and is_instant(exp) and is_instant(nbf)):
        raise _refused("iat, exp or nbf is missing or not a whole number")
    seconds = now.timestamp()
    if not -CLOCK_AHEAD_S <= seconds - claims["iat"] <= ASSERTION_LIFETIME_S:
        raise _refused("iat is too old or ahead")
    if not 0 < claims["exp"] - claims["iat"] <= ASSERTION_LIFETIME_S or seconds >= claims["exp"]:
        raise _refused("expired or made for too long")
    if nbf > seconds + CLOCK_AHEAD_S:
        raise _refused("not yet valid")


def _refused(detail: str) -> TokenError:
    return TokenError(Reason.ASSERTION_INVALID, detail)
