"""`keys`: the producer keys that a verifier pins, beside its policy.

C2SP policies speak of logs and witnesses only. Producer keys stand in a JWKS file next to the
policy, by convention `<policy>.keys.json`. Each JWK is a public EC key on P-256 with `kid` (its
thumbprint) and two members of ours: `party`, whose key it is, and optionally `active`, from which
leaf to which (not included, null for open) it may sign, per log origin:

    {"keys": [{"kty": "EC", "crv": "P-256", "x": "…", "y": "…", "kid": "…", "party": "moe:10335",
               "active": {"hub.example/records": [0, 5000]}}]}

Invariants:
- One key has one party. Without `active` the key is good in every log; with it, in no other log.
- Order in the log decides, not the producer's clock: a leaf cannot be dated back.

RFC 7517, RFC 7638.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

from hub.crypto import es256
from hub.ledger.errors import PolicyError
from hub.ledger.limits import KEYS_BYTES_MAX, KEYS_MAX
from schema.canonical import parse_object

Window = tuple[int, int | None]
"""First index at which a key may sign, and the index at which it no longer may."""


@dataclass(frozen=True, slots=True)
class PinnedKey:
    """A producer's public key as the verifier trusts it."""

    kid: str
    party: str
    public: EllipticCurvePublicKey
    active: Mapping[str, Window] | None = None

    def is_active(self, origin: str, index: int) -> bool:
        """Return whether the key may sign the leaf at this index of this log."""
        if self.active is None:
            return True
        if origin not in self.active:
            return False
        first, until = self.active[origin]
        return first <= index and (until is None or index < until)


class ProducerKeys:
    """Pinned keys, found by key id and party."""

    __slots__ = ("_by_kid",)

    def __init__(self, keys: Iterable[PinnedKey] = ()) -> None:
        self._by_kid: dict[str, PinnedKey] = {}
        for key in keys:
            if key.kid in self._by_kid:
                raise PolicyError("KEYS_DUPLICATE", f"key {key.kid} is pinned twice")
            self._by_kid[key.kid] = key

    def __len__(self) -> int:
        return len(self._by_kid)

    def find(self, kid: str, party: str) -> PinnedKey | None:
        """Return the key of this party, or None when it is not pinned for it."""
        key = self._by_kid.get(kid)
        return key if key is not None and key.party == party else None


def pin(public: EllipticCurvePublicKey, party: str) -> PinnedKey:
    """Pin a key that is always active."""
    return PinnedKey(es256.thumbprint(public), party, public)


def parse_keys(data: bytes) -> ProducerKeys:
    """Read a JWKS file of pinned keys, or raise `PolicyError`."""
    if len(data) > KEYS_BYTES_MAX:
        raise PolicyError("KEYS_TOO_LARGE", f"a key file has at most {KEYS_BYTES_MAX} bytes")
    try:
        content = parse_object(data)
        listed = content.get("keys")
        if not isinstance(listed, list) or len(listed) > KEYS_MAX:
            raise ValueError(f"member keys is a list of at most {KEYS_MAX}")  # noqa: TRY301
        return ProducerKeys([_key(item) for item in listed])
    except ValueError as error:
        raise PolicyError("KEYS_TEXT", f"the key file cannot be used: {error}") from error


def _key(jwk: Any) -> PinnedKey:
    if not isinstance(jwk, dict):
        raise ValueError("a key is a JSON object")  # noqa: TRY004 - one exception for bad text
    public = es256.public_key(jwk)
    if jwk.get("kid") != es256.thumbprint(public):
        raise ValueError("kid is not the thumbprint of its key")
    if jwk.get("use", "sig") != "sig" or jwk.get("key_ops", ["verify"]) != ["verify"]:
        raise ValueError("the key is not for signatures")
    party = jwk.get("party")
    if not isinstance(party, str) or not party:
        raise ValueError("a key names its party")
    active = jwk.get("active")
    windows = None if active is None else _windows(active)
    return PinnedKey(jwk["kid"], party, public, windows)


def _windows(active: Any) -> dict[str, Window]:
    if not isinstance(active, dict):
        raise ValueError("active gives a window per log")  # noqa: TRY004 - bad text
    windows: dict[str, Window] = {}
    for origin, window in active.items():
        if not isinstance(window, list) or len(window) != 2:  # noqa: PLR2004 - from, until
            raise ValueError("a window is [from, until]")
        first, until = window
        if type(first) is not int or (until is not None and type(until) is not int):
            raise ValueError("a window holds leaf indexes")
        windows[origin] = (first, until)
    return windows
