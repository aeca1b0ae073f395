"""`voucher_routes`: the routes of attested claims."""

from __future__ import annotations

from hub.access.scopes import Scope
from hub.errors import ErrorCode
from hub.openapi.operation import JSON, TEXT, Content, Guard, RouteOperation, RouteParameter

_WORD = {"type": "string", "minLength": 1}


def voucher_routes() -> tuple[RouteOperation, ...]:
    """Return every operation of this module."""
    again = {"Retry-After": "Seconds until the log may have signed."}
    return (
        RouteOperation(
            route="GET /attestations/{issuer}/{code}/{claim}",
            zh="取申兑证明",
            en="An attestation of a claim, to verify offline. Keep it as bytes.",
            guard=Guard.TOKEN,
            scope=Scope.VOUCHER_VERIFY.value,
            path=(
                RouteParameter("issuer", _WORD, "Key of the department that granted the voucher."),
                RouteParameter("code", _WORD, "The number of the voucher."),
                RouteParameter("claim", _WORD, "The number of the claim."),
            ),
            answers={
                200: Content({JSON: {"type": "object"}}, "The attestation."),
                202: Content({TEXT: {"type": "string"}}, "The log has not signed yet.", again),
            },
            refusals=frozenset(
                {ErrorCode.NOT_FOUND, ErrorCode.CONFLICT, ErrorCode.AUDIT_UNAVAILABLE}
            ),
        ),
    )
