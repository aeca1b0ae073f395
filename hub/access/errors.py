"""`errors`: why the access layer refuses, as a closed list of reasons.

RefusedError
└── AccessError            one `Reason`; the caller learns its name, status and advice, no more
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
    """Why a call was refused: the HTTP status, and what is advised, in Chinese and English."""

    def __new__(cls, status: int, advice_zh: str, advice: str) -> Reason:
        """Give each reason its position as value, the status and the advice as attributes."""
        member = object.__new__(cls)
        member._value_ = len(cls.__members__) + 1
        member.status = status
        member.advice_zh = advice_zh
        member.advice = advice
        return member

    status: int
    advice_zh: str
    advice: str

    HOST_MISDIRECTED = (
        421,
        "请按发现文件（/.well-known）中的名称访问枢纽",
        "call the hub by the name in its discovery document",
    )
    REQUEST_TARGET_INVALID = (
        400,
        "路径须以 / 开头；路径与身份请求头只含 ASCII 字符",
        "send a path that begins with /; it and the headers that say who calls are plain ASCII",
    )
    HEADER_DUPLICATE = (
        400,
        "每个安全请求头只发送一次；检查是否有网关重复添加",
        "send each security header once; look for a gateway that adds one",
    )

    TOKEN_MISSING = (
        401,
        "请先取得令牌，再以 `Authorization: DPoP <令牌>` 发送",
        "fetch a token and send `Authorization: DPoP <token>`",
    )
    TOKEN_SCHEME = (
        401,
        "请使用 DPoP 方式；这里从不接受 Bearer",
        "use the scheme DPoP: Bearer is never accepted here",
    )
    TOKEN_INVALID = (
        401,
        "请从本枢纽的令牌端点重新取得令牌",
        "fetch a new token from this hub's token endpoint",
    )
    TOKEN_EXPIRED = (
        401,
        "令牌有效期五分钟，请重新取得",
        "fetch a new token; tokens live five minutes",
    )
    TOKEN_AUDIENCE = (
        401,
        "请取得 `resource` 涵盖此地址的令牌",
        "fetch a token whose `resource` covers this address",
    )
    CLIENT_CERT_UNTRUSTED = (
        400,
        "Client-Cert 只由代理填写，请勿自行发送",
        "Client-Cert is the proxy's word: send none yourself",
    )
    TOKEN_CERTIFICATE = (
        401,
        "请使用取得令牌时所用的 TLS 证书",
        "use the TLS certificate that the token was fetched with",
    )
    TOKEN_UNBOUND = (
        401,
        "取令牌时请附 DPoP 证明，使令牌与密钥绑定",
        "fetch a token with a DPoP proof, so that it is bound to your key",
    )
    TOKEN_REVOKED = (
        401,
        "请重新取得令牌；仍被拒绝时，请向平台运营方询问密钥状态",
        "fetch a new token; if that fails, ask the operator about your key",
    )
    CLIENT_INACTIVE = (
        401,
        "该接入方未处于有效状态，请联系平台运营方",
        "ask the operator: this client is not active",
    )
    ASSERTION_INVALID = (
        401,
        "请核对 client_id、密钥、受众（须为 issuer）和时钟",
        "check client_id, key, issuer as audience, and your clock",
    )
    ASSERTION_REPLAYED = (
        401,
        "每次请求请生成新的 client assertion",
        "make a new client assertion for every request",
    )

    DPOP_MISSING = 401, "请随令牌发送 DPoP 证明", "send a DPoP proof with the token"
    DPOP_INVALID = (
        401,
        "请核对证明：typ 为 dpop+jwt，公钥 jwk，htm、htu、iat、jti、ath",
        "check the proof: typ dpop+jwt, public jwk, htm, htu, iat, jti, ath",
    )
    DPOP_TARGET = (
        401,
        "htm 与 htu 须为本次请求的方法和不含查询参数的地址",
        "htm and htu must be this request's method and address without query",
    )
    DPOP_TIME = (
        401,
        "请校准时钟：与应答的 Date 头比较",
        "set your clock: compare it with the Date header of the answer",
    )
    DPOP_TOKEN_MISMATCH = (
        401,
        "ath 须为本次所发令牌的散列",
        "ath must be the hash of the token sent in this request",
    )
    DPOP_KEY_MISMATCH = (
        401,
        "请使用取得令牌时所用的密钥",
        "prove with the key that the token was fetched with",
    )
    DPOP_NONCE = (
        401,
        "请带上 DPoP-Nonce 头给出的 nonce 重发",
        "repeat with the nonce of the DPoP-Nonce header",
    )
    DPOP_REPLAYED = (
        401,
        "每次请求请生成带新 jti 的证明",
        "make a new proof with a new jti for every request",
    )

    SIG_MISSING = (
        401,
        "请对本请求签名：Signature 与 Signature-Input 头",
        "sign this request: headers Signature and Signature-Input",
    )
    SIG_MALFORMED = (
        400,
        "请按 hub-sig-1 规范书写 Signature 与 Signature-Input",
        "write Signature and Signature-Input as in profile hub-sig-1",
    )
    SIG_LABEL = (
        401,
        '请使用一个签名，标签 hub，tag 为 "hub-req-1"',
        'use one signature with the label hub and the tag "hub-req-1"',
    )
    SIG_ALG = 401, "alg 须为所登记密钥的算法", "alg must be the algorithm of your registered key"
    SIG_KEY_UNKNOWN = (
        401,
        "请登记此密钥，或以 RFC 7638 指纹指明密钥",
        "register this key, or name your key by its RFC 7638 thumbprint",
    )
    SIG_KEY_REVOKED = (
        401,
        "此密钥已吊销，请用另一把已登记的密钥签名",
        "this key was revoked: sign with another registered key",
    )
    SIG_COMPONENTS = (
        401,
        "签名须按次序覆盖 Accept-Signature 列出的各项",
        "cover the components that Accept-Signature lists, in that order",
    )
    SIG_EXPIRED = (
        401,
        "请重新签名，有效期至多 300 秒；请校准时钟",
        "make a new signature, at most 300 s long; check your clock",
    )
    SIG_FUTURE = (
        401,
        "本机时钟偏快：请与应答的 Date 头比较",
        "your clock is ahead: compare it with the Date header of the answer",
    )
    SIG_REPLAY = (
        409,
        "请生成新的 nonce 和签名，以同一 Idempotency-Key 重发",
        "make a new nonce and signature; repeat with the same Idempotency-Key",
    )
    SIG_DIGEST_MISMATCH = (
        400,
        "收到的请求体与计算散列时的不同",
        "the body on the wire is not the body you hashed",
    )
    SIG_INVALID = (
        401,
        "请对保存的请求运行 `deltahub client explain`",
        "run `deltahub client explain` on the saved request",
    )


REFUSED_ZH = "请求未通过验证"
REFUSED_EN = "The call was not authenticated"


class AccessError(RefusedError):
    """A refusal with its reason; what is sent out are the reason's name, status and advice."""

    def __init__(self, reason: Reason, detail: str = "") -> None:
        super().__init__(ErrorCode.UNAUTHENTICATED)
        self.reason = reason
        self.detail = detail

    @property
    def status(self) -> int:
        """Return the HTTP status of the answer."""
        return self.reason.status

    def problem(self, *, english: bool = False) -> dict[str, object]:
        """Return the RFC 9457 document that is sent: of the reason alone, not of this call."""
        return {
            "type": "about:blank",
            "title": REFUSED_EN if english else REFUSED_ZH,
            "status": self.status,
            "code": self.reason.name,
            "hint": self.reason.advice if english else self.reason.advice_zh,
        }

    def __str__(self) -> str:
        return f"{self.reason.name}: {self.detail}" if self.detail else self.reason.name


class TokenError(AccessError):
    """The token, its DPoP proof, the client assertion or the host is not acceptable."""


class SignatureError(AccessError):
    """The HTTP message signature is not acceptable (RFC 9421, profile hub-sig-1)."""
