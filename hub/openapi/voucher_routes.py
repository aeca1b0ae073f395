"""`voucher_routes`: the route at which the evidence pack of a voucher case is fetched."""

from __future__ import annotations

from hub.access.scopes import Scope
from hub.errors import ErrorCode
from hub.openapi.operation import Content, Guard, RouteOperation, RouteParameter
from hub.vouchers.limits import CASE_TEXT_MAX
from hub.vouchers.pack_endpoint import MEDIA_TYPE


def pack_route() -> RouteOperation:
    """Return the evidence pack of a voucher case."""
    named = RouteParameter(
        "id",
        {"type": "string", "minLength": 1, "maxLength": CASE_TEXT_MAX},
        "Identity of a claim, a service record, an order or a voucher.",
    )
    headers = {"ETag": "SHA-256 of the pack.", "Repr-Digest": "The same as RFC 9530 writes it."}
    return RouteOperation(
        route="GET /vouchers/pack/{id}",
        zh="取创新券案卷",
        en="The evidence pack of a voucher case: a ZIP that is the same bytes for the same log.",
        guard=Guard.TOKEN,
        scope=Scope.RECEIPT_READ.value,
        path=(named,),
        answers={
            200: Content({MEDIA_TYPE: {"type": "string"}}, "The pack.", headers),
            304: Content({}, "The caller holds it.", headers),
        },
        refusals=frozenset({ErrorCode.NOT_FOUND, ErrorCode.BAD_USER_INPUT}),
    )
