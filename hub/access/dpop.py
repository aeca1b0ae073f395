"""`dpop`: proof that the sender of a token holds the key that it is bound to (RFC 9449).

- A proof is good for one method, one address, one token, one use, within -60/+10 s of our clock.
- The address is compared with the configured base and the raw path of the request, after the
  syntax normalisation of RFC 3986 §6.2.2; a proof with query, fragment, user name or dot segments
  is refused rather than repaired.
- The server's nonce is stateless: time bucket and HMAC, made from a secret that workers share.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from hub.access.assertion import acceptable_jti, is_instant
from hub.access.errors import Reason, TokenError
from hub.access.limits import CLOCK_AHEAD_S, NONCE_BUCKET_S, PROOF_AGE_S
from hub.crypto import jws
from hub.crypto.base64url import b64url
from hub.crypto.keys import KeyCache, SigningKey, VerifyKey

ALGORITHMS = ("ES256", "EdDSA")
_URI = re.compile(
    r"((?i:https?))://([A-Za-z0-9.\-]+|\[[0-9A-Fa-f:.]+\])(?::(\d{1,5}))?(/[^?#\s]*)?"
)
_ESCAPE = re.compile(r"%[0-9A-Fa-f]{2}")
_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_DEFAULT_PORT = {"http": "80", "https": "443"}
_NONCE_MAC_BYTES = 16
_NONCE_TIME_BYTES = 6


@dataclass(frozen=True, slots=True)
class Proof:
    """A verified proof. `key` is the sender's; `replay_key` is still to be reserved."""

    key: VerifyKey
    jti: str
    nonce: str | None
    issued_at: int

    @property
    def jkt(self) -> str:
        """Return the thumbprint that a token is bound to."""
        return self.key.kid

    @property
    def replay_key(self) -> str:
        """Return the name under which its one use is remembered."""
        return f"dpop:{self.key.kid}:{self.jti}"


def token_hash(token: str) -> str:
    """Return `ath`: the base64url SHA-256 of an access token."""
    return b64url(hashlib.sha256(token.encode("ascii")).digest())


class ProofChecker:
    """Verifies proofs and caches the keys it has imported."""

    def __init__(self, keys: KeyCache | None = None) -> None:
        self._keys = keys or KeyCache()

    def check(
        self, text: str, *, method: str, target: str, token: str | None, now: datetime
    ) -> Proof:
        """Verify one proof for `method` at `target` (address without query).

        `token`: the access token that travels with it, or None at the token endpoint.
        """
        try:
            parsed = jws.parse(text, jws.PROOF_HEADER)
            if parsed.header.get("typ") != "dpop+jwt":
                raise TokenError(Reason.DPOP_INVALID, "typ is not dpop+jwt")
            jwk = parsed.header.get("jwk")
            if not isinstance(jwk, dict):
                raise TokenError(Reason.DPOP_INVALID, "jwk is missing")
            key = self._keys.get(jwk)
            jws.verify(parsed, key)
            claims = jws.claims(parsed)
        except (ValueError, TypeError) as error:
            raise TokenError(Reason.DPOP_INVALID, str(error)) from error
        jti, iat, nonce = claims.get("jti"), claims.get("iat"), claims.get("nonce")
        if not acceptable_jti(jti) or not is_instant(iat) or not isinstance(nonce, str | None):
            raise TokenError(Reason.DPOP_INVALID, "jti, iat or nonce has the wrong form")
        if claims.get("htm") != method or not same_target(claims.get("htu"), target):
            raise TokenError(Reason.DPOP_TARGET, "htm or htu is another request's")
        age = now.timestamp() - claims["iat"]
        if not -CLOCK_AHEAD_S <= age <= PROOF_AGE_S:
            raise TokenError(Reason.DPOP_TIME, f"iat differs by {age:.0f} s")
        if token is not None and claims.get("ath") != token_hash(token):
            raise TokenError(Reason.DPOP_TOKEN_MISMATCH, "ath is not of this token")
        return Proof(key, str(jti), nonce, claims["iat"])


def make(
    key: SigningKey,
    method: str,
    target: str,
    now: datetime,
    *,
    token: str | None = None,
    nonce: str | None = None,
) -> str:
    """Return a proof for one request; `token` binds it to an access token."""
    claims: dict[str, object] = {
        "jti": secrets.token_urlsafe(16),
        "htm": method,
        "htu": target,
        "iat": int(now.timestamp()),
    }
    if token is not None:
        claims["ath"] = token_hash(token)
    if nonce is not None:
        claims["nonce"] = nonce
    return jws.sign({"typ": "dpop+jwt", "jwk": key.public.jwk}, claims, key)


class Nonces:
    """Server nonces that need no memory: the secrets are the same in every worker of the hub.

    `secrets`: the one that nonces are made with, then others of which nonces are accepted.
    """

    def __init__(self, secrets: Callable[[], Sequence[bytes]]) -> None:
        self._secrets = secrets

    def issue(self, now: datetime) -> str:
        """Return the nonce of the present time bucket."""
        return _nonce(self._secrets()[0], int(now.timestamp()) // NONCE_BUCKET_S)

    def accepts(self, nonce: str | None, now: datetime) -> bool:
        """Return whether the nonce is ours, of this bucket or the one before."""
        if nonce is None or len(nonce) > 64:  # noqa: PLR2004 - ours have 30 characters
            return False
        bucket = int(now.timestamp()) // NONCE_BUCKET_S
        return any(
            hmac.compare_digest(nonce.encode(), _nonce(secret, b).encode())
            for secret in self._secrets()
            for b in (bucket, bucket - 1)
        )


def _nonce(secret: bytes, bucket: int) -> str:
    stamp = bucket.to_bytes(_NONCE_TIME_BYTES, "big")
    mac = hmac.digest(secret, b"dpop-nonce" + stamp, "sha256")
    return b64url(stamp + mac[:_NONCE_MAC_BYTES])


def same_target(htu: object, target: str) -> bool:
    """Return whether `htu` names `target`, both normalised by syntax alone (RFC 3986 §6.2.2)."""
    if not isinstance(htu, str):
        return False
    if htu == target:
        return True
    wanted = normalised(target)
    return wanted is not None and normalised(htu) == wanted


def normalised(uri: str) -> str | None:
    """Return an http(s) address in its normal spelling, or None if it is not a plain one."""
    match = _URI.fullmatch(uri)
    if match is None or not uri.isascii():
        return None
    scheme, host, port, path = match.groups()
    scheme = scheme.lower()
    path = _ESCAPE.sub(_normal_escape, path or "/")
    if any(part in {".", ".."} for part in path.split("/")):
        return None
    authority = host.lower()
    if port and port != _DEFAULT_PORT[scheme]:
        authority += f":{int(port)}"
    return f"{scheme}://{authority}{path}"


def _normal_escape(match: re.Match[str]) -> str:
    character = chr(int(match[0][1:], 16))
    return character if character in _UNRESERVED else match[0].upper()


__all__ = ["ALGORITHMS", "Nonces", "Proof", "ProofChecker", "make", "same_target", "token_hash"]
