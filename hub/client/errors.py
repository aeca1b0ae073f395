"""`errors`: the errors of a partner's program, each with advice.

ClientError
├── KeyFileError            the private key file is missing, open to others, or not a key
├── HubUnreachableError     no answer, or an answer that is not the hub's
├── CallRefusedError        the hub refused; `code`, `status`, `advice`, what was sent
└── AnswerUnverifiedError   the answer has no valid signature of the hub
"""

from __future__ import annotations

from typing import Any

from hub.access.errors import Reason
from hub.access.explain import SentRequest
from hub.errors import ErrorCode

_OAUTH_ADVICE = {
    "invalid_client": "check client_id and key file, whether the operator registered the key, and "
    "your clock",
    "invalid_scope": "ask only for scopes of your registration; the operator can grant more",
    "invalid_target": "the hub's address in your settings is not its public address",
    "invalid_dpop_proof": "check your clock; if the key was lost or retired, use the new one",
    "use_dpop_nonce": "repeat with the nonce of the answer",
    "invalid_request": "update this program: the hub could not read its request",
    "unsupported_grant_type": "update this program: only client_credentials is served",
    "insecure_transport": "tell the operator: the hub's public address must be https",
    "temporarily_unavailable": "wait a moment and repeat",
}
_UNKNOWN = "show this code to the operator of the hub"


class ClientError(Exception):
    """The root: `code` is stable, `advice` says what to do."""

    def __init__(self, code: str, message: str, advice: str) -> None:
        super().__init__(f"{code}: {message}. {advice[:1].upper()}{advice[1:].rstrip('.')}.")
        self.code = code
        self.message = message
        self.advice = advice


class KeyFileError(ClientError):
    """The private key file cannot be used."""

    def __init__(self, message: str, advice: str) -> None:
        super().__init__("KEY_FILE", message, advice)


class HubUnreachableError(ClientError):
    """The hub did not answer, or what answered is not a hub."""

    def __init__(self, message: str) -> None:
        super().__init__(
            "HUB_UNREACHABLE", message, "check the address and the network, then repeat"
        )


class CallRefusedError(ClientError):
    """The hub refused a call. `sent`: the signed request, for `hub.access.explain`."""

    def __init__(
        self,
        code: str,
        status: int,
        message: str = "",
        *,
        sent: SentRequest | None = None,
        server_date: str = "",
        problem: dict[str, Any] | None = None,
    ) -> None:
        hint = (problem or {}).get("hint")
        advice = hint if isinstance(hint, str) and hint else advice_for(code)
        super().__init__(code, message or f"the hub answered {status}", advice)
        self.status = status
        self.sent = sent
        self.server_date = server_date
        self.retry_after_s: float | None = None
        """How long the hub wants to be left alone, where it says so."""
        self.problem = problem or {}


class AnswerUnverifiedError(ClientError):
    """The answer to a signed request has no valid signature of the hub."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(
            f"ANSWER_{reason.name}",
            "the answer is not provably the hub's",
            "the push may have been taken: repeat it with the same idempotency key; if this stays, "
            "something between you and the hub changes its answers",
        )


def advice_for(code: str) -> str:
    """Return what to do about a code of the hub."""
    if code in Reason.__members__:
        return Reason[code].advice
    if code in ErrorCode.__members__:
        return f"{ErrorCode[code].en}: {ErrorCode[code].zh}"
    if code.startswith("HTTP_5"):
        return _OAUTH_ADVICE["temporarily_unavailable"]
    return _OAUTH_ADVICE.get(code, _UNKNOWN)
