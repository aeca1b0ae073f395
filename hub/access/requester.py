"""`requester`: for whom a peer asks: what another hub says of a client of its own.

- The peer signs it with a key of its registration: `typ` hub-requester+jwt, `iss` its client id,
  `sub` its client, `aud` this hub as one string, `scope` what that client may at the peer, at most
  five minutes long, good for one exchange (`jti`). `hub_party` may say for whom the client acts.
- In the token, `sub` is the requester and `act` who acts for it (RFC 8693 §4.1): the peer, and
  behind it the peers that the statement names, `ACTORS_MAX` in all.
- Rights are the peer's own, narrowed by the scope: nobody gains anything by being named.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hub.access.assertion import acceptable_jti, is_instant
from hub.access.clients import Client
from hub.access.errors import Reason, TokenError
from hub.access.limits import (
    ACTORS_MAX,
    ASSERTION_LIFETIME_S,
    CLOCK_AHEAD_S,
    REQUESTER_CHARACTERS_MAX,
)
from hub.crypto import jws
from hub.crypto.keys import SigningKey

EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105 - names a type
JWT = "urn:ietf:params:oauth:token-type:jwt"
TYPE = "hub-requester+jwt"


@dataclass(frozen=True, slots=True)
class Requester:
    """For whom somebody acts. `actors`: who acts, the one that asked here first."""

    subject: str
    party: str | None
    actors: tuple[str, ...]

    @property
    def claims(self) -> dict[str, Any]:
        """Return the claims of a token that say so."""
        act: dict[str, Any] | None = None
        for actor in reversed(self.actors):
            act = {"sub": actor} if act is None else {"sub": actor, "act": act}
        said = {"sub": self.subject, "act": act, "hub_requester_party": self.party}
        return {name: value for name, value in said.items() if value is not None}


@dataclass(frozen=True, slots=True)
class RequesterStatement:
    """A verified statement. `scopes`: what the requester may at the peer."""

    requester: Requester
    scopes: frozenset[str]
    replay_key: str
    issued_at: int


def make(  # noqa: PLR0913 - what a statement says
    peer: str,
    issuer: str,
    key: SigningKey,
    now: datetime,
    *,
    subject: str,
    scopes: Iterable[str],
    party: str | None = None,
    act: dict[str, Any] | None = None,
) -> str:
    """Return what `peer` says of one of its clients to the hub `issuer`."""
    iat = int(now.timestamp())
    claims = {
        "iss": peer,
        "sub": subject,
        "aud": issuer,
        "jti": secrets.token_urlsafe(16),
        "iat": iat,
        "exp": iat + 60,
        "scope": " ".join(sorted(scopes)),
        "hub_party": party,
        "act": act,
    }
    stated = {name: value for name, value in claims.items() if value is not None}
    return jws.sign({"typ": TYPE, "kid": key.kid}, stated, key)


def read(text: str, peer: Client, issuer: str, now: datetime) -> RequesterStatement:
    """Verify a statement of `peer`, which has authenticated; TokenError says what is wrong."""
    try:
        parsed = jws.parse(text)
        claims = jws.claims(parsed)
        key = peer.key(str(parsed.header.get("kid")))
        if key is None or not key.active(now):
            raise _refused("not by an active key of the peer")
        jws.verify(parsed, key.key)
    except jws.JwsError as error:
        raise _refused(str(error)) from error
    if parsed.header.get("typ") != TYPE:
        raise _refused("typ")
    if claims.get("iss") != peer.client_id or claims.get("aud") != issuer:
        raise _refused("iss or aud")
    _check_times(claims, now)
    if not acceptable_jti(claims.get("jti")) or not isinstance(claims.get("scope"), str):
        raise _refused("jti or scope")
    requester = requester_in(
        claims.get("sub"), claims.get("hub_party"), {"sub": peer.client_id, **_behind(claims)}
    )
    replay_key = f"requester:{key.kid}:{claims['jti']}"
    return RequesterStatement(
        requester, frozenset(claims["scope"].split()), replay_key, claims["iat"]
    )


def requester_in(subject: object, party: object, act: object) -> Requester:
    """Return for whom a token or a statement says that somebody acts; TokenError if unreadable."""
    actors: list[str] = []
    while act is not None:
        if not isinstance(act, dict) or not act.keys() <= {"sub", "act"}:
            raise _refused("act")
        actors.append(_name(act.get("sub")))
        if len(actors) > ACTORS_MAX:
            raise _refused("too many actors")
        act = act.get("act")
    return Requester(_name(subject), None if party is None else _name(party), tuple(actors))


def _behind(claims: dict[str, Any]) -> dict[str, Any]:
    return {"act": claims["act"]} if "act" in claims else {}


def _name(value: object) -> str:
    if (
        not isinstance(value, str)
        or not 0 < len(value) <= REQUESTER_CHARACTERS_MAX
        or not value.isprintable()
    ):
        raise _refused("a name is missing or not plain text")
    return value


def _check_times(claims: dict[str, Any], now: datetime) -> None:
    iat, exp = claims.get("iat"), claims.get("exp")
    if not (is_instant(iat) and is_instant(exp)):
        raise _refused("iat or exp")
    seconds = now.timestamp()
    fresh = -CLOCK_AHEAD_S <= seconds - claims["iat"] <= ASSERTION_LIFETIME_S
    if not fresh or seconds >= claims["exp"]:
        raise _refused("too old or ahead")
    if not 0 < claims["exp"] - claims["iat"] <= ASSERTION_LIFETIME_S:
        raise _refused("made for too long")


def _refused(detail: str) -> TokenError:
    return TokenError(Reason.ASSERTION_INVALID, detail)
