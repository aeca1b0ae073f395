"""`statement`: a producer's own signature over the canonical bytes of one record.

A detached JWS `<protected>..<signature>` whose payload is the record itself, not encoded again.

Invariants:
- ES256 only. The protected header has exactly the members alg, b64 (false), crit (["b64"]), kid,
  typ, sch, iat, aud; keys by value or by address (jwk, jku, x5u, x5c) are refused like anything
  unknown.
- `kid` is the thumbprint of the key, `sch` is the record type with the version of the standard,
  `aud` is the party in whose name the record enters the log: a signature cannot be moved to another
  type or party.
- At most 8 KiB.

RFC 7515, RFC 7797 (b64=false).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any, NoReturn

from cryptography.hazmat.primitives.asymmetric.ec import (
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
)

from hub.crypto import es256
from hub.crypto.base64url import b64url, unb64url
from hub.ledger.errors import StatementError
from hub.ledger.limits import CLOCK_SKEW_S, STATEMENT_BYTES_MAX, TIMESTAMP_MAX
from schema.canonical import canonical, parse_object

TYPE = "hub-record+jws"
"""Value of `typ`: nothing else that the hub signs or checks carries it."""

_MEMBERS = frozenset({"alg", "b64", "crit", "kid", "typ", "sch", "iat", "aud"})
_VERSION = "@1"
_AUDIENCE = "urn:hub:party:"
_KID = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)


@dataclass(frozen=True, slots=True)
class SignedStatement:
    """What a detached signature claims; `signature` is checked only by `check_statement`."""

    kid: str
    record_type: str
    party: str
    issued_at: int
    """POSIX seconds, by the producer's clock."""
    protected: str
    signature: bytes


def sign_record(
    canon: bytes,
    private_key: EllipticCurvePrivateKey,
    kid: str,
    record_type: str,
    party: str,
    now: datetime,
) -> str:
    """Sign the canonical bytes of a record; return the detached JWS.

    `kid` must be the RFC 7638 thumbprint of the key, `party` the one the log will name.
    """
    if kid != es256.thumbprint(private_key.public_key()):
        _refuse("STATEMENT_KEY", "kid is not the thumbprint of this key")
    header = {
        "alg": "ES256",
        "aud": _AUDIENCE + party,
        "b64": False,
        "crit": ["b64"],
        "iat": int(now.timestamp()),
        "kid": kid,
        "sch": record_type + _VERSION,
        "typ": TYPE,
    }
    protected = b64url(canonical(header))
    signature = es256.sign(private_key, protected.encode() + b"." + canon)
    return f"{protected}..{b64url(signature)}"


def parse_statement(jws: str) -> SignedStatement:
    """Read a detached signature strictly, to learn which key it needs; nothing is verified."""
    if len(jws) > STATEMENT_BYTES_MAX:
        _refuse("STATEMENT_TOO_LARGE", f"a signature has at most {STATEMENT_BYTES_MAX} bytes")
    parts = jws.split(".")
    if len(parts) != 3 or parts[1]:  # noqa: PLR2004 - protected, nothing, signature
        _refuse("STATEMENT_TEXT", "a detached signature is written <protected>..<signature>")
    try:
        header = parse_object(unb64url(parts[0]))
        signature = unb64url(parts[2])
    except ValueError as error:
        raise StatementError("STATEMENT_TEXT", f"the signature is not readable: {error}") from error
    _check_header(header)
    return SignedStatement(
        kid=header["kid"],
        record_type=header["sch"].removesuffix(_VERSION),
        party=header["aud"].removeprefix(_AUDIENCE),
        issued_at=header["iat"],
        protected=parts[0],
        signature=signature,
    )


def check_statement(
    jws: str,
    canon: bytes,
    key: EllipticCurvePublicKey,
    *,
    record_type: str,
    party: str,
    now: datetime | None = None,
) -> SignedStatement:
    """Verify a detached signature over a record, or raise `StatementError`.

    With `now`, a signature made more than ten minutes in the future is refused.
    """
    statement = parse_statement(jws)
    if statement.kid != es256.thumbprint(key):
        _refuse("STATEMENT_KEY", "the signature names another key")
    check_parsed(statement, canon, key, record_type=record_type, party=party, now=now)
    return statement


def check_parsed(
    statement: SignedStatement,
    canon: bytes,
    key: EllipticCurvePublicKey,
    *,
    record_type: str,
    party: str,
    now: datetime | None = None,
) -> None:
    """Verify a signature that was read already, with the key that its `kid` is known to name."""
    if not es256.is_signed(key, statement.signature, statement.protected.encode() + b"." + canon):
        _refuse("STATEMENT_SIGNATURE", "the signature does not belong to these bytes")
    if statement.record_type != record_type:
        _refuse("STATEMENT_TYPE", "the signature is for another record type")
    if statement.party != party:
        _refuse("STATEMENT_PARTY", "the signature is in the name of another party")
    if now is not None and statement.issued_at > now.timestamp() + CLOCK_SKEW_S:
        _refuse("STATEMENT_TIME", "the signature was made in the future; set the clock")


def statement_hash(jws: str) -> bytes:
    """Hash a detached signature for the leaf: protected header, a dot, signature."""
    protected, _, signature = jws.partition("..")
    return sha256(f"{protected}.{signature}".encode()).digest()


def _check_header(header: dict[str, Any]) -> None:
    if header.keys() != _MEMBERS:
        strange = sorted(header.keys() ^ _MEMBERS)
        _refuse("STATEMENT_HEADER", f"header members missing or not allowed: {strange[:8]}")
    if header["alg"] != "ES256" or header["typ"] != TYPE:
        _refuse("STATEMENT_HEADER", f"alg is ES256 and typ is {TYPE}")
    if header["b64"] is not False or header["crit"] != ["b64"]:
        _refuse("STATEMENT_HEADER", 'b64 is false and crit is ["b64"]')
    kid, scheme, audience, issued = (header[name] for name in ("kid", "sch", "aud", "iat"))
    if not isinstance(kid, str) or _KID.fullmatch(kid) is None:
        _refuse("STATEMENT_HEADER", "kid is an RFC 7638 thumbprint")
    if not isinstance(scheme, str) or not scheme.endswith(_VERSION):
        _refuse("STATEMENT_HEADER", f"sch is a record type followed by {_VERSION}")
    if not isinstance(audience, str) or not audience.startswith(_AUDIENCE):
        _refuse("STATEMENT_HEADER", f"aud starts with {_AUDIENCE}")
    if type(issued) is not int or not 0 < issued <= TIMESTAMP_MAX:
        _refuse("STATEMENT_HEADER", "iat is a time in whole POSIX seconds")


def _refuse(code: str, message: str) -> NoReturn:
    raise StatementError(code, message)
