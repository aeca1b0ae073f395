"""`keys`: public keys that verify, private keys that sign, and their names (RFC 7517, RFC 7638).

- A key is named by its RFC 7638 thumbprint and by nothing else.
- Clients register P-256 keys; Ed25519 is accepted where the profiles list it. A key fixes its
  algorithm: there is no way to verify a P-256 key's signature as HMAC, RSA or anything else.
- A JWK with private members, extra members or another spelling of its numbers is refused.
- joserfc makes and exports keys; importing on the hot path is ours, because the profile admits
  two key shapes only and a strict reader of two shapes is shorter than a wrapper around all.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from joserfc.jwk import ECKey, OKPKey

from hub.crypto import es256
from hub.crypto.base64url import b64url
from hub.crypto.limits import KEYS_KEPT_MAX

_SIGNATURE_BYTES = 64
_FREE_MEMBERS = frozenset({"kid", "use", "alg", "key_ops", "ext"})
_JWS_NAMES = {"ES256": frozenset({"ES256"}), "EdDSA": frozenset({"EdDSA", "Ed25519"})}
_HTTP_NAMES = {"ES256": "ecdsa-p256-sha256", "EdDSA": "ed25519"}


@dataclass(frozen=True, slots=True)
class VerifyKey:
    """A public key. `kid`: thumbprint. `suite`: ES256 or EdDSA. `jwk`: required members only."""

    kid: str
    suite: str
    jwk: dict[str, str] = field(hash=False)
    _public: ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey = field(
        repr=False, hash=False, compare=False
    )

    @property
    def jws_names(self) -> frozenset[str]:
        """Return the JWS `alg` values that this key may be used with (RFC 7518, RFC 9864)."""
        return _JWS_NAMES[self.suite]

    @property
    def http_name(self) -> str:
        """Return the RFC 9421 algorithm name of this key."""
        return _HTTP_NAMES[self.suite]

    def verifies(self, data: bytes, signature: bytes) -> bool:
        """Tell whether `signature` (64 raw bytes) is this key's over `data`."""
        if len(signature) != _SIGNATURE_BYTES:
            return False
        try:
            if isinstance(self._public, ed25519.Ed25519PublicKey):
                self._public.verify(signature, data)
                return True
        except InvalidSignature:
            return False
        return es256.is_signed(self._public, signature, data)


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key with its public half; made by `generate` or read by `from_pem`."""

    public: VerifyKey
    _private: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey = field(repr=False)

    @property
    def kid(self) -> str:
        """Return the thumbprint of the public half."""
        return self.public.kid

    @property
    def suite(self) -> str:
        """Return how it signs: ES256 or EdDSA."""
        return self.public.suite

    @property
    def private(self) -> ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey:
        """Return the key object of `cryptography`, for the signer of records."""
        return self._private

    def sign(self, data: bytes) -> bytes:
        """Return the 64 raw signature bytes over `data`."""
        if isinstance(self._private, ed25519.Ed25519PrivateKey):
            return self._private.sign(data)
        return es256.sign(self._private, data)

    def pem(self) -> bytes:
        """Return the private key as unencrypted PKCS #8 PEM."""
        return self._private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )

    def derived_secret(self, purpose: str) -> bytes:
        """Return 32 bytes that only holders of this key know, another for each purpose."""
        return hashlib.sha256(purpose.encode() + b"\x00" + self.pem()).digest()


def generate_key(suite: str = "ES256") -> SigningKey:
    """Make a new private key of the suite ES256 or EdDSA."""
    if suite == "EdDSA":
        return _signing_key(OKPKey.generate_key("Ed25519").private_key)
    if suite == "ES256":
        return _signing_key(ECKey.generate_key("P-256").private_key)
    raise ValueError("suites are ES256 and EdDSA")


def key_from_pem(pem: bytes) -> SigningKey:
    """Read a private P-256 or Ed25519 key from unencrypted PEM; ValueError for anything else."""
    try:
        return _signing_key(serialization.load_pem_private_key(pem, password=None))
    except TypeError as error:
        raise ValueError("the key file is encrypted; export it without a password") from error


def import_jwk(jwk: Mapping[str, Any], *, ed25519_allowed: bool = True) -> VerifyKey:
    """Import a public JWK of one of the two shapes; ValueError says what is wrong with it."""
    names = frozenset(jwk) - _FREE_MEMBERS
    kty, crv = jwk.get("kty"), jwk.get("crv")
    if kty == "EC" and crv == "P-256" and names == {"kty", "crv", "x", "y"}:
        public: ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey = es256.public_key(jwk)
        suite = "ES256"
        plain = {"crv": "P-256", "kty": "EC", "x": str(jwk["x"]), "y": str(jwk["y"])}
    elif ed25519_allowed and (kty, crv) == ("OKP", "Ed25519") and names == {"kty", "crv", "x"}:
        public = ed25519.Ed25519PublicKey.from_public_bytes(es256.coordinate(jwk["x"]))
        suite = "EdDSA"
        plain = {"crv": "Ed25519", "kty": "OKP", "x": str(jwk["x"])}
    else:
        raise ValueError("a public P-256 or Ed25519 JWK is needed, without private members")
    if str(jwk.get("alg", suite)) not in _JWS_NAMES[suite]:
        raise ValueError("the JWK names an algorithm that its key cannot have")
    uses = jwk.get("key_ops", ["verify"])
    if jwk.get("use", "sig") != "sig" or not isinstance(uses, list) or "verify" not in uses:
        raise ValueError("the JWK is not for signatures")
    return VerifyKey(es256.thumbprint_of(plain), suite, plain, public)


def thumbprint(jwk: Mapping[str, Any]) -> str:
    """Return the RFC 7638 SHA-256 thumbprint of a public P-256 or Ed25519 JWK."""
    return import_jwk(jwk).kid


class KeyCache:
    """Imported public keys by their JWK members, least recently used leave first."""

    def __init__(self, entries: int = KEYS_KEPT_MAX) -> None:
        self._entries = entries
        self._keys: OrderedDict[tuple[str, str, str], VerifyKey] = OrderedDict()

    def get(self, jwk: Mapping[str, Any]) -> VerifyKey:
        """Return the key of `jwk`, importing it the first time; ValueError as `import_jwk`."""
        if len(jwk) in (3, 4) and "d" not in jwk:
            name = (str(jwk.get("crv")), str(jwk.get("x")), str(jwk.get("y")))
            known = self._keys.get(name)
            if known is not None and known.jwk == jwk:
                self._keys.move_to_end(name)
                return known
            key = import_jwk(jwk)
            self._keys[name] = key
            while len(self._keys) > self._entries:
                self._keys.popitem(last=False)
            return key
        return import_jwk(jwk)

    def __len__(self) -> int:
        return len(self._keys)


def _signing_key(private: Any) -> SigningKey:
    if isinstance(private, ed25519.Ed25519PrivateKey):
        raw = private.public_key().public_bytes_raw()
        jwk = {"crv": "Ed25519", "kty": "OKP", "x": b64url(raw)}
    elif isinstance(private, ec.EllipticCurvePrivateKey) and private.curve.name == "secp256r1":
        jwk = es256.public_jwk(private.public_key())
    else:
        raise ValueError("keys are P-256 or Ed25519")
    return SigningKey(import_jwk(jwk), private)
