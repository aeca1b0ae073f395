"""`people`: persons who sign in at their institution (OpenID Connect) and act for its client here.

- The operator lists the providers in a file (`HUB_IDENTITY_PROVIDERS`, docs/operators/oidc.md): the
  issuer, the audience that it knows our pages by, the client for which its people act, the scopes
  that they may have at most, and which of their groups are which role.
- The browser asks for its ID token with `nonce` = thumbprint of its own key, and exchanges it here
  (RFC 7523) with a DPoP proof by that key. So an ID token that leaks is worth nothing.
- Nothing of the ID token is kept: the token here names the person by a pseudonym, the hash of
  issuer and subject.
- Keys of a provider are fetched from its `jwks_uri` only (https, or this machine), without
  redirects, bounded, at most once in `PROVIDER_KEYS_RETRY_S` seconds.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
from joserfc import jwk, jws, jwt
from joserfc.errors import JoseError

from hub.access.assertion import is_instant
from hub.access.clients import KeyRole
from hub.access.errors import Reason, TokenError
from hub.access.limits import (
    CLOCK_AHEAD_S,
    ID_TOKEN_AGE_S,
    ID_TOKEN_CHARACTERS_MAX,
    PROVIDER_KEYS_AGE_S,
    PROVIDER_KEYS_BYTES_MAX,
    PROVIDER_KEYS_RETRY_S,
    PROVIDER_TIMEOUT_S,
)
from hub.access.registration import granted
from hub.clock import Clock
from hub.crypto.base64url import b64url
from hub.errors import SettingsError

JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
ALGORITHMS = ("ES256", "RS256", "PS256")
_MEMBERS = frozenset({"issuer", "audience", "client", "jwks_uri", "scopes", "groups", "roles"})
_NEEDED = _MEMBERS - {"groups", "roles"}
_LOCAL = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass(frozen=True, kw_only=True, slots=True)
class IdentityProvider:
    """An institution's provider. `groups`: the claim that lists groups; `roles`: role by group."""

    issuer: str
    audience: str
    client: str
    jwks_uri: str
    scopes: tuple[str, ...]
    groups: str = "groups"
    roles: Mapping[str, KeyRole] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Person:
    """A person as a provider vouches for. `key`: thumbprint of the browser's key (`nonce`)."""

    name: str
    client_id: str
    scopes: tuple[str, ...]
    role: KeyRole | None
    key: str


def read_providers(path: Path | None) -> tuple[IdentityProvider, ...]:
    """Read the operator's file; SettingsError says what is wrong with it."""
    if path is None:
        return ()
    try:
        stated = tomllib.loads(path.read_text("utf-8"))["provider"]
        return tuple(_provider(each) for each in stated)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError([f"HUB_IDENTITY_PROVIDERS: {path}: {error}"]) from error
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise SettingsError([f"HUB_IDENTITY_PROVIDERS: {path}: {error}"]) from error


def _provider(stated: Mapping[str, Any]) -> IdentityProvider:
    if not _NEEDED <= stated.keys() <= _MEMBERS:
        raise ValueError(f"each [[provider]] has {', '.join(sorted(_NEEDED))}; and groups, roles")
    for name in ("issuer", "jwks_uri"):
        parts = urlsplit(str(stated[name]))
        if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOCAL):
            raise ValueError(f"{name} is an https address")
    roles = {
        str(group): KeyRole[role]
        for role, groups in dict(stated.get("roles", {})).items()
        for group in groups
    }
    return IdentityProvider(
        issuer=str(stated["issuer"]),
        audience=str(stated["audience"]),
        client=str(stated["client"]),
        jwks_uri=str(stated["jwks_uri"]),
        scopes=granted(stated["scopes"]),
        groups=str(stated.get("groups", "groups")),
        roles=roles,
    )


class People:
    """Verifies ID tokens of the providers that the operator lists."""

    def __init__(self, providers: Sequence[IdentityProvider], clock: Clock) -> None:
        self._providers = {each.issuer: _Known(each) for each in providers}
        self._clock = clock

    async def identify(self, text: str) -> Person:
        """Return who an ID token names; TokenError when it is not acceptable."""
        if len(text) > ID_TOKEN_CHARACTERS_MAX:
            raise _refused("too long")
        now = self._clock()
        try:
            unverified = jws.extract_compact(text.encode("ascii"))
            claims = json.loads(unverified.payload)
            known = self._providers[claims["iss"]]
            key = await known.key(str(unverified.headers().get("kid")), now.timestamp())
            verified = jwt.decode(text, key, algorithms=list(ALGORITHMS)).claims
        except (JoseError, ValueError, KeyError, TypeError) as error:
            raise _refused(type(error).__name__) from error
        _check(verified, known.provider, now)
        return _person(verified, known.provider)


class _Known:
    """A provider and its keys, as far as they were fetched."""

    def __init__(self, provider: IdentityProvider) -> None:
        self.provider = provider
        self._keys: dict[str, Any] = {}
        self._fetched_at = float("-inf")
        self._lock = asyncio.Lock()

    async def key(self, kid: str, now: float) -> Any:
        """Return a key by its id; KeyError when the provider has none."""
        async with self._lock:
            age = now - self._fetched_at
            is_old = not 0 <= age < PROVIDER_KEYS_AGE_S
            if is_old or (kid not in self._keys and age >= PROVIDER_KEYS_RETRY_S):
                self._fetched_at = now
                self._keys = await _fetch(self.provider.jwks_uri) or self._keys
        return self._keys[kid]


async def _fetch(address: str) -> dict[str, Any]:
    """Return the keys at an address by their ids; none when they cannot be had."""
    try:
        async with (
            httpx.AsyncClient(timeout=PROVIDER_TIMEOUT_S, trust_env=False) as http,
            http.stream("GET", address, headers={"Accept": "application/json"}) as answer,
        ):
            body = b""
            async for part in answer.aiter_bytes():
                body += part
                if len(body) > PROVIDER_KEYS_BYTES_MAX:
                    return {}
        if not answer.is_success:
            return {}
        found = {}
        for each in json.loads(body)["keys"]:
            if each.get("kty") in ("EC", "RSA") and each.get("use", "sig") == "sig":
                found[str(each["kid"])] = jwk.import_key(each)
    except (httpx.HTTPError, JoseError, ValueError, KeyError, TypeError, AttributeError):
        return {}
    return found


def _check(claims: Mapping[str, Any], provider: IdentityProvider, now: datetime) -> None:
    audience = claims.get("aud")
    if audience not in (provider.audience, [provider.audience]):
        raise _refused("aud")
    if claims.get("azp", provider.audience) != provider.audience:
        raise _refused("azp")
    iat, exp = claims.get("iat"), claims.get("exp")
    if not (is_instant(iat) and is_instant(exp)):
        raise _refused("iat or exp")
    seconds = now.timestamp()
    if not -CLOCK_AHEAD_S <= seconds - claims["iat"] <= ID_TOKEN_AGE_S or seconds >= claims["exp"]:
        raise _refused("not of just now")
    if not isinstance(claims.get("sub"), str) or not claims["sub"]:
        raise _refused("sub")
    if not isinstance(claims.get("nonce"), str):
        raise _refused("nonce")


def _person(claims: Mapping[str, Any], provider: IdentityProvider) -> Person:
    named = f"{provider.issuer}\0{claims['sub']}".encode()
    stated = claims.get(provider.groups)
    groups = [stated] if isinstance(stated, str) else stated if isinstance(stated, list) else []
    roles = {provider.roles[each] for each in groups if each in provider.roles}
    role = KeyRole.DECIDER if KeyRole.DECIDER in roles else next(iter(roles), None)
    pseudonym = f"person:{b64url(hashlib.sha256(named).digest())}"
    return Person(pseudonym, provider.client, provider.scopes, role, claims["nonce"])


def _refused(detail: str) -> TokenError:
    return TokenError(Reason.ASSERTION_INVALID, detail)
