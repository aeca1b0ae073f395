"""`es256`: ECDSA on P-256 with SHA-256, the signature of producers.

Invariants:
- A signature is r and s of 32 bytes each, both between 1 and the group order; no DER, no other
  length.
- A key is known by its RFC 7638 thumbprint, and only as a public EC key on P-256.

RFC 7515, RFC 7518 §3.4 and §6.2, RFC 7638.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDSA,
    SECP256R1,
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
    EllipticCurvePublicNumbers,
)
from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature,
    encode_dss_signature,
)
from cryptography.hazmat.primitives.hashes import SHA256

from hub.ledger.encoding import from_base64url, to_base64url

_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_HALF = 32
_ALGORITHM = ECDSA(SHA256())


def sign(private: EllipticCurvePrivateKey, message: bytes) -> bytes:
    """Give the 64 bytes of the signature; the key must be on P-256."""
    if not isinstance(private.curve, SECP256R1):
        raise ValueError("ES256 needs a key on P-256")  # noqa: TRY004 - a wrong curve, not a type
    r, s = decode_dss_signature(private.sign(message, _ALGORITHM))
    return r.to_bytes(_HALF, "big") + s.to_bytes(_HALF, "big")


def is_signed(public: EllipticCurvePublicKey, signature: bytes, message: bytes) -> bool:
    """Say whether the 64 bytes are a signature of the message under the key."""
    if len(signature) != 2 * _HALF or not isinstance(public.curve, SECP256R1):
        return False
    r = int.from_bytes(signature[:_HALF], "big")
    s = int.from_bytes(signature[_HALF:], "big")
    if not (0 < r < _ORDER and 0 < s < _ORDER):
        return False
    try:
        public.verify(encode_dss_signature(r, s), message, _ALGORITHM)
    except InvalidSignature:
        return False
    return True


def public_jwk(public: EllipticCurvePublicKey) -> dict[str, str]:
    """Give the required members of the key's JWK, and no others."""
    if not isinstance(public.curve, SECP256R1):
        raise ValueError("ES256 needs a key on P-256")  # noqa: TRY004 - a wrong curve, not a type
    numbers = public.public_numbers()
    return {
        "crv": "P-256",
        "kty": "EC",
        "x": to_base64url(numbers.x.to_bytes(_HALF, "big")),
        "y": to_base64url(numbers.y.to_bytes(_HALF, "big")),
    }


def thumbprint(public: EllipticCurvePublicKey) -> str:
    """Give the key id: RFC 7638, SHA-256, base64url."""
    jwk = public_jwk(public)
    text = f'{{"crv":"P-256","kty":"EC","x":"{jwk["x"]}","y":"{jwk["y"]}"}}'
    return to_base64url(sha256(text.encode()).digest())


def public_key(jwk: Mapping[str, Any]) -> EllipticCurvePublicKey:
    """Read a public JWK; `ValueError` for another kind of key or a point off the curve."""
    if jwk.get("kty") != "EC" or jwk.get("crv") != "P-256":
        raise ValueError("only EC keys on P-256 are supported")
    if "d" in jwk:
        raise ValueError("the JWK holds a private key; remove member d and replace the key")
    x, y = jwk.get("x"), jwk.get("y")
    if not isinstance(x, str) or not isinstance(y, str):
        raise ValueError("an EC JWK has the members x and y")  # noqa: TRY004 - bad text
    raw_x, raw_y = from_base64url(x), from_base64url(y)
    if len(raw_x) != _HALF or len(raw_y) != _HALF:
        raise ValueError("x and y have 32 bytes each")
    numbers = EllipticCurvePublicNumbers(
        int.from_bytes(raw_x, "big"), int.from_bytes(raw_y, "big"), SECP256R1()
    )
    return numbers.public_key()
