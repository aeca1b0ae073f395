"""`es256`: ECDSA on P-256 with SHA-256: tokens, requests, records.

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

from hub.crypto.base64url import b64url, unb64url

ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
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
    if not (0 < r < ORDER and 0 < s < ORDER):
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
        "x": b64url(numbers.x.to_bytes(_HALF, "big")),
        "y": b64url(numbers.y.to_bytes(_HALF, "big")),
    }


def thumbprint(public: EllipticCurvePublicKey) -> str:
    """Give the key id: RFC 7638, SHA-256, base64url."""
    return thumbprint_of(public_jwk(public))


def thumbprint_of(members: Mapping[str, str]) -> str:
    """Give the RFC 7638 thumbprint of the required members of a public JWK."""
    text = ",".join(f'"{name}":"{members[name]}"' for name in sorted(members))
    return b64url(sha256(f"{{{text}}}".encode("ascii")).digest())


def public_key(jwk: Mapping[str, Any]) -> EllipticCurvePublicKey:
    """Read a public JWK; `ValueError` for another kind of key or a point off the curve."""
    if jwk.get("kty") != "EC" or jwk.get("crv") != "P-256":
        raise ValueError("only EC keys on P-256 are supported")
    if "d" in jwk:
        raise ValueError("the JWK holds a private key; remove member d and replace the key")
    x, y = coordinate(jwk.get("x")), coordinate(jwk.get("y"))
    return EllipticCurvePublicNumbers(
        int.from_bytes(x, "big"), int.from_bytes(y, "big"), SECP256R1()
    ).public_key()


def coordinate(text: object) -> bytes:
    """Read the 32 bytes of a coordinate of a JWK, which have one spelling."""
    if not isinstance(text, str):
        raise ValueError("a coordinate of the JWK is not text")  # noqa: TRY004 - one kind of refusal
    data = unb64url(text)
    if len(data) != _HALF:
        raise ValueError("a coordinate of the JWK is not 32 bytes")
    return data
