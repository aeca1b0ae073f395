"""`errors`: why the access layer refuses, as a closed list of reasons.

RefusedError
└── AccessError            one `Reason`; the caller learns its name and status, nothing else
    ├── TokenError         token, DPoP proof, client assertion, host
    └── SignatureError     the signature of a request or response (trust profile hub-sig-1)

- `detail` is for the log of the operator and for tests; it never leaves the process, so that a
  refusal does not help whoever is trying keys. The owner of a key uses `deltahub client explain`.
- Reasons and statuses of signatures are those of the profile; a partner may switch on them.
"""

from __future__ import annotations

from enum import Enum, unique

from hub.errors import ErrorCode, RefusedError


@unique
class Reason(Enum):
    """Why a call was refused: the HTTP status, and what the caller's own tools advise."""

    def __new__(cls, status: int, advice: str) -> Reason:
        """Give each reason its position as value, the status and the advice as attributes."""
        member = object.__new__(cls)
        member._value_ = len(cls.__members__) + 1
        member.status = status
        member.advice = advice
        return member

    status: int
    advice: str

    HOST_MISDIRECTED = 421, "call the hub by the name in its discovery document"
    REQUEST_TARGET_INVALID = 400, "send a path that begins with / and is plain ASCII"
    HEADER_DUPLICATE = 400, "send each security header once; look for a gateway that adds one"

    TOKEN_MISSING = 401, "fetch a token and send `Authorization: DPoP <token>`"
    TOKEN_SCHEME = 401, "use the scheme DPoP: Bearer is never accepted here"
    TOKEN_INVALID = 401, "fetch a new token from this hub's token endpoint"
    TOKEN_EXPIRED = 401, "fetch a new token; tokens live five minutes"
    TOKEN_AUDIENCE = 401, "fetch a token whose `resource` covers this address"
    CLIENT_CERT_UNTRUSTED = 400, "Client-Cert is the proxy's word: send none yourself"
    TOKEN_CERTIFICATE = 401, "use the TLS certificate that the token was fetched with"
    TOKEN_UNBOUND = 401, "fetch a token with a DPoP proof, so that it is bound to your key"
    TOKEN_REVOKED = 401, "fetch a new token; if that fails, ask the operator about your key"
    CLIENT_INACTIVE = 401, "ask the operator: this client is not active"
    ASSERTION_INVALID = 401, "check client_id, key, issuer as audience, and your clock"
    ASSERTION_REPLAYED = 401, "make a new client assertion for every request"

    DPOP_MISSING = 401, "send a DPoP proof with the token"
    DPOP_INVALID = 401, "check the proof: typ dpop+jwt, public jwk, htm, htu, iat, jti, ath"
    DPOP_TARGET = 401, "htm and htu must be this request's method and address without query"
    DPOP_TIME = 401, "set your clock: compare it with the Date header of the answer"
    DPOP_TOKEN_MISMATCH = 401, "ath must be the hash of the token sent in this request"
    DPOP_KEY_MISMATCH = 401, "prove with the key that the token was fetched with"
    DPOP_NONCE = 401, "repeat with the nonce of the DPoP-Nonce header"
    DPOP_REPLAYED = 401, "make a new proof with a new jti for every request"

    SIG_MISSING = 401, "sign this request: headers Signature and Signature-Input"
    SIG_MALFORMED = 400, "write Signature and Signature-Input as in profile hub-sig-1"
    SIG_LABEL = 401, 'use one signature with the label hub and the tag "hub-req-1"'
    SIG_ALG = 401, "alg must be the algorithm of your registered key"
    SIG_KEY_UNKNOWN = 401, "register this key, or name your key by its RFC 7638 thumbprint"
    SIG_KEY_REVOKED = 401, "this key was revoked: sign with another registered key"
    SIG_COMPONENTS = 401, "cover the components that Accept-Signature lists, in that order"
    SIG_EXPIRED = 401, "make a new signature, at most 300 s long; check your clock"
    SIG_FUTURE = 401, "your clock is ahead: compare it with the Date header of the answer"
    SIG_REPLAY = 409, "make a new nonce and signature; repeat with the same Idempotency-Key"
    SIG_DIGEST_MISMATCH = 400, "the body on the wire is not the body you hashed"
    SIG_INVALID = 401, "run `deltahub client explain` on the saved request"


class AccessError(RefusedError):
    """A refusal with its reason; what is sent out is `reason.name` and `reason.status`."""

    def __init__(self, reason: Reason, detail: str = "") -> None:
        super().__init__(ErrorCode.UNAUTHENTICATED)
        self.reason = reason
        self.detail = detail

    @property
    def status(self) -> int:
        """Return the HTTP status of the answer."""
        return self.reason.status

    def problem(self) -> dict[str, object]:
        """Return the RFC 9457 document that is sent: the code and the status alone."""
        return {"type": "about:blank", "status": self.status, "code": self.reason.name}

    def __str__(self) -> str:
        return f"{self.reason.name}: {self.detail}" if self.detail else self.reason.name


class TokenError(AccessError):
    """The token, its DPoP proof, the client assertion or the host is not acceptable."""


class SignatureError(AccessError):
    """The HTTP message signature is not acceptable (RFC 9421, profile hub-sig-1)."""
