"""`registration`: a partner's registration document, and the rotation of keys.

- The document is public: a name, one public key, the requested scopes and sources. The operator
  decides party, kind, scopes and sources; requested ones are only shown.
- Rotation: the new public key comes in a JWS by the old one (or by the operator's hand). Both are
  active in an overlap, so that no request fails while the partner switches.
- Loss: the operator ends the key; within five seconds it is refused everywhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hub.access.assertion import is_instant
from hub.access.cases import BY_CASE, CaseGrant
from hub.access.clients import (
    Client,
    ClientKey,
    ClientKind,
    ClientStatus,
    ClientStore,
    KeyStatus,
    RegistrationError,
)
from hub.access.limits import CLOCK_AHEAD_S, ROTATION_OVERLAP_S
from hub.access.scopes import expand
from hub.crypto import jws
from hub.crypto.keys import SigningKey, VerifyKey, import_jwk
from schema.parties import HUB_PARTY
from schema.values import KEY_PATTERN

DOCUMENT_VERSION = "hub-registration-1"
ROTATION_TYPE = "hub-key-rotation+jws"
_PARTY = re.compile(KEY_PATTERN)
_CLIENT_ID = re.compile(r"[a-z0-9][a-z0-9._\-]{2,63}")
_ROTATION_AGE_S = 86_400
_NAME_MAX = 200
_LIST_MAX = 64


@dataclass(frozen=True, slots=True)
class RegistrationRequest:
    """A registration document as read. Scopes and sources are only requested."""

    client_id: str
    name: str
    key: VerifyKey
    scopes: tuple[str, ...]
    sources: tuple[str, ...]


def application_document(
    client_id: str,
    name: str,
    key: VerifyKey,
    scopes: Iterable[str] = (),
    sources: Iterable[str] = (),
) -> dict[str, Any]:
    """Return the document that a partner sends to the operator; it holds no secret."""
    return {
        "version": DOCUMENT_VERSION,
        "clientId": client_id,
        "name": name,
        "jwk": dict(key.jwk),
        "kid": key.kid,
        "scopes": sorted(scopes),
        "sources": sorted(sources),
    }


def read_application(document: Mapping[str, Any]) -> RegistrationRequest:
    """Read a registration document; RegistrationError says what is wrong with it."""
    if document.get("version") != DOCUMENT_VERSION:
        raise RegistrationError(f"the document is not {DOCUMENT_VERSION}; make it again")
    client_id, name, jwk = (document.get(n) for n in ("clientId", "name", "jwk"))
    if not isinstance(client_id, str) or not _CLIENT_ID.fullmatch(client_id):
        raise RegistrationError("clientId: 3 to 64 of a-z 0-9 . _ -, beginning with one of a-z 0-9")
    if not isinstance(name, str) or not 0 < len(name) <= _NAME_MAX:
        raise RegistrationError(f"name: 1 to {_NAME_MAX} characters")
    if not isinstance(jwk, dict):
        raise RegistrationError("jwk: the public key is missing")
    requested, sources = _texts(document, "scopes"), _texts(document, "sources")
    try:
        key = import_jwk(jwk, ed25519_allowed=False)
        scopes = expand(requested)
    except ValueError as error:
        raise RegistrationError(str(error)) from error
    if document.get("kid", key.kid) != key.kid:
        raise RegistrationError("kid is not the RFC 7638 thumbprint of jwk")
    return RegistrationRequest(client_id, name, key, scopes, sources)


@dataclass(frozen=True, slots=True)
class ClientGrant:
    """What the operator grants an applicant: for whom it acts, what it may do, and as whom."""

    party: str
    kind: ClientKind
    scopes: tuple[str, ...]
    sources: tuple[str, ...] = ()
    agent: str | None = None
    """Who holds the key for the party: a service provider, where it is not the party itself."""
    cases: tuple[CaseGrant, ...] = ()
    """For each scope that is given by case: which, what for, and until when."""


def is_party(text: str) -> bool:
    """Whether a client may act for a party: `scheme:value`, and no hub, which speaks for itself."""
    return _PARTY.fullmatch(text) is not None and not text.startswith(HUB_PARTY)


async def admit(
    store: ClientStore, application: RegistrationRequest, grant: ClientGrant, now: datetime
) -> Client:
    """Register an application with what the operator grants; return the client."""
    try:
        scopes = expand(grant.scopes)
    except ValueError as error:
        raise RegistrationError(str(error)) from error
    without = sorted(BY_CASE & set(scopes) - {case.scope for case in grant.cases})
    if without:
        raise RegistrationError(
            f"{', '.join(without)}: given by case only; state case, purpose and last day"
        )
    for party in (grant.party, grant.agent):
        if party is not None and not is_party(party):
            raise RegistrationError(f"{party} is no party that a client may act for; write uscc:…")
    client = Client(
        client_id=application.client_id,
        party=grant.party,
        kind=grant.kind,
        name=application.name,
        scopes=scopes,
        sources=tuple(sorted(set(grant.sources))),
        status=ClientStatus.ACTIVE,
        created_at=now,
        keys=(
            ClientKey(
                application.key, application.client_id, KeyStatus.ACTIVE, now, agent=grant.agent
            ),
        ),
        cases=tuple(each for each in grant.cases if each.scope in scopes),
    )
    await store.register(client)
    return client


def rotation_request(
    client_id: str, issuer: str, old: SigningKey, new: VerifyKey, now: datetime
) -> str:
    """Return the JWS by which the holder of the old key names the new one."""
    payload = {
        "client_id": client_id,
        "aud": issuer,
        "iat": int(now.timestamp()),
        "new_jwk": dict(new.jwk),
    }
    return jws.sign({"typ": ROTATION_TYPE, "kid": old.kid}, payload, old)


async def rotate(
    store: ClientStore,
    request: str,
    issuer: str,
    now: datetime,
    overlap_s: float = ROTATION_OVERLAP_S,
) -> VerifyKey:
    """Accept a rotation request by an active key of the client; return the new key."""
    try:
        parsed = jws.parse(request)
        claims = jws.claims(parsed)
        new = import_jwk(claims["new_jwk"], ed25519_allowed=False)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise RegistrationError("the rotation request cannot be read; make it again") from error
    client = await store.get(str(claims.get("client_id")))
    old = client.key(str(parsed.header.get("kid"))) if client is not None else None
    if client is None or old is None or not old.active(now):
        raise RegistrationError("the request is not by an active key of this client")
    try:
        jws.verify(parsed, old.key)
    except jws.JwsError as error:
        raise RegistrationError("the signature of the old key does not verify") from error
    iat = claims.get("iat")
    fresh = is_instant(iat) and -CLOCK_AHEAD_S <= now.timestamp() - claims["iat"] <= _ROTATION_AGE_S
    if parsed.header.get("typ") != ROTATION_TYPE or claims.get("aud") != issuer or not fresh:
        raise RegistrationError("the rotation request is older than a day or for another hub")
    await store.add_key(client.client_id, new, retire=old.kid, overlap_s=overlap_s, now=now)
    return new


def _texts(document: Mapping[str, Any], name: str) -> tuple[str, ...]:
    texts = document.get(name, [])
    if (
        not isinstance(texts, list)
        or len(texts) > _LIST_MAX
        or not all(isinstance(text, str) and 0 < len(text) <= _NAME_MAX for text in texts)
    ):
        raise RegistrationError(f"{name}: a list of at most {_LIST_MAX} texts")
    return tuple(texts)
