"""`voucher_routes`: the routes of attested claims, and of the evidence pack of a case."""

from __future__ import annotations

from hub.access.scopes import Scope
from hub.errors import ErrorCode
from hub.openapi.operation import JSON, TEXT, Content, Guard, RouteOperation, RouteParameter
from hub.vouchers.cases.pack_endpoint import MEDIA_TYPE
from hub.vouchers.cases.pack_page import CHINESE, PACK_LANGUAGES
from hub.vouchers.limits import CASE_TEXT_MAX

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
        _pack(),
    )


def _pack() -> RouteOperation:
    """Return the evidence pack of a voucher case."""
    named = RouteParameter(
        "id",
        {"type": "string", "minLength": 1, "maxLength": CASE_TEXT_MAX},
        "Identity of a claim, a service record, an order or a voucher.",
    )
    language = {"type": "string", "enum": list(PACK_LANGUAGES), "default": CHINESE}
    headers = {"ETag": "SHA-256 of the pack.", "Repr-Digest": "The same as RFC 9530 writes it."}
    return RouteOperation(
        route="GET /vouchers/pack/{id}",
        zh="取创新券案卷",
        en="The evidence pack of a voucher case: a ZIP that is the same bytes for the same log.",
        guard=Guard.TOKEN,
        scope=Scope.RECEIPT_READ.value,
        path=(named,),
        query=(RouteParameter("lang", language, "Language of its table of contents."),),
        answers={
            200: Content({MEDIA_TYPE: {"type": "string"}}, "The pack.", headers),
            304: Content({}, "The caller holds it.", headers),
        },
        refusals=frozenset({ErrorCode.NOT_FOUND, ErrorCode.BAD_USER_INPUT}),
    )
