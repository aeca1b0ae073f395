"""`answer`: what the hub says over its own signature, as a compact JWS of one kind.

- Signed are RFC 8785 bytes: one spelling. The header has exactly `alg` (the suite), `kid` and
  `typ` (the kind of answer, which no other token carries).
- A suite is its id and how it is verified: `SUITES`. Another one, such as SM2 with SM3, is a row
  there and a signer that names it.
- Reading needs the standard library and `cryptography` alone, for verifiers without a hub.

RFC 7515, RFC 8785.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from hub.crypto import es256
from hub.crypto.base64url import b64url, unb64url
from hub.crypto.limits import TOKEN_CHARACTERS_MAX
from schema.canonical import encode, parse_object

SUITES: Mapping[str, Callable[[Any, bytes, bytes], bool]] = {"ES256": es256.is_signed}
"""By suite id: whether a public key made a signature of a message."""
_HEADER = frozenset({"alg", "kid", "typ"})
_PARTS = ("header", "payload", "signature")


class AnswerError(ValueError):
    """The text is no answer of this kind; the message is for logs and people, not for callers."""


class AnswerSigner(Protocol):
    """A private key that signs answers. `suite`: one of `SUITES`."""

    @property
    def kid(self) -> str:
        """The name of the key."""

    @property
    def suite(self) -> str:
        """How it signs."""

    def sign(self, data: bytes) -> bytes:
        """Return the signature over the bytes."""


@dataclass(frozen=True, slots=True)
class SignedAnswer:
    """An answer as it was read; nothing is verified yet."""

    kid: str
    suite: str
    payload: bytes
    signing_input: bytes
    signature: bytes

    def is_by(self, public: Any) -> bool:
        """Whether this public key, of the kind that the suite needs, signed the answer."""
        return SUITES[self.suite](public, self.signature, self.signing_input)


def signed_answer(kind: str, claims: Mapping[str, Any], signer: AnswerSigner) -> str:
    """Return claims as a compact JWS of one kind."""
    header = {"alg": signer.suite, "kid": signer.kid, "typ": kind}
    signing_input = f"{b64url(encode(header))}.{b64url(encode(claims))}"
    return f"{signing_input}.{b64url(signer.sign(signing_input.encode('ascii')))}"


def parse_answer(kind: str, text: str) -> SignedAnswer:
    """Read an answer of one kind strictly, or raise `AnswerError`."""
    parts = text.split(".")
    if len(text) > TOKEN_CHARACTERS_MAX or len(parts) != len(_PARTS):
        raise AnswerError(f"an answer has three parts, together at most {TOKEN_CHARACTERS_MAX}")
    try:
        head, payload, signature = (unb64url(each) for each in parts)
        header = parse_object(head)
    except ValueError as error:
        raise AnswerError(f"the answer is not readable: {error}") from error
    if header.keys() != _HEADER or encode(header) != head:
        raise AnswerError("the header is the RFC 8785 form of exactly alg, kid and typ")
    if header["typ"] != kind or header["alg"] not in SUITES or not isinstance(header["kid"], str):
        raise AnswerError(f"typ is {kind}, alg one of {', '.join(SUITES)}, and kid names a key")
    signing_input = f"{parts[0]}.{parts[1]}".encode("ascii")
    return SignedAnswer(header["kid"], header["alg"], payload, signing_input, signature)
