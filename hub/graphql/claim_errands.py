"""`claim_errands`: what hubs ask each other about claims on vouchers, as one GraphQL mutation.

For hubs alone: a client of kind PEER with `voucher:claim`, as which a source of this hub asks.
What is asked and answered is read and made by `hub.vouchers.between.errands`.
"""

from __future__ import annotations

from enum import Enum
from typing import Annotated

import strawberry
from strawberry.types import Info

from hub.access.clients import ClientKind
from hub.access.resource import Caller
from hub.access.scopes import Scope
from hub.errors import ErrorCode, RefusedError
from hub.graphql.hooks import RequestContext
from hub.graphql.mutations import UserError, check_input_key, check_own, signature_of, user_error
from hub.graphql.scalars import JsonObject
from hub.graphql.types import RequiresScope
from hub.query.plan.errors import QueryError, ScopeMissingError
from hub.vouchers.between.ring import ErrandKind
from hub.vouchers.limits import PEER_ERRAND_COST

SCOPE = Scope.VOUCHER_CLAIM.value


@strawberry.enum(description="枢纽之间询问的事项。What one hub asks another about a claim.")
class ClaimErrandKind(Enum):
    """What is asked."""

    GRANT = strawberry.enum_value(
        "GRANT", description="申请占用服务记录。May this claim have your service record?"
    )
    FINGERPRINTS = strawberry.enum_value(
        "FINGERPRINTS", description="比对指纹。Do you know a claim with one of these fingerprints?"
    )
    WORD = strawberry.enum_value(
        "WORD", description="告知申兑状态。How a claim stands that you granted."
    )
    OUTCOME = strawberry.enum_value(
        "OUTCOME", description="询问申兑结果。What became of the claim that I granted?"
    )
    FACTS = strawberry.enum_value(
        "FACTS",
        description="已占用服务记录的现况。What do you know by now of the service that this claim "
        "was granted?",
    )
    PROOF = strawberry.enum_value(
        "PROOF",
        description="同上，并附其日志证明。The same, and the proof that your log holds it.",
    )
    LOOK = strawberry.enum_value(
        "LOOK",
        description="服务记录的情况，不占用。What do you know of a service? Nothing is claimed.",
    )
    CLAIMS = strawberry.enum_value(
        "CLAIMS", description="我方服务的申兑。Which of my services have your vouchers paid for?"
    )
    GRANTS = strawberry.enum_value(
        "GRANTS",
        description="贵方给我方创新券的占用。Which services have you granted to vouchers whose "
        "money I keep?",
    )


@strawberry.input(description="枢纽之间关于申兑的询问。What one hub asks another about a claim.")
class ClaimErrandInput:
    """A question between hubs."""

    kind: ClaimErrandKind = strawberry.field(description="事项。What is asked.")
    content: JsonObject = strawberry.field(description="内容。Its members, by kind.")
    idempotency_key: str | None = strawberry.field(
        default=None, description="幂等键，须与请求头一致。Same as the Idempotency-Key header."
    )


@strawberry.type(description="枢纽之间关于申兑的答复。What the other hub answers.")
class ClaimErrandPayload:
    """An answer between hubs."""

    content: JsonObject | None = strawberry.field(description="内容。Its members, by kind.")
    user_errors: list[UserError] = strawberry.field(
        description="被拒的原因。Why the question was refused."
    )


@strawberry.type(name="ClaimErrands", description="枢纽之间的申兑。Claims between hubs.")
class ClaimErrandMutations:
    """Claims between hubs."""

    @strawberry.mutation(
        description="枢纽之间：创新券申兑，仅限对等枢纽。Between hubs alone: claims on vouchers.",
        directives=[RequiresScope(scope=SCOPE)],
    )
    async def claim_errand(
        self,
        info: Info,
        input: Annotated[ClaimErrandInput, strawberry.argument(description="内容。What.")],  # noqa: A002 - the wire name
    ) -> ClaimErrandPayload:
        """Answer another hub."""
        context: RequestContext = info.context
        caller = context.caller
        signed = signature_of(context)
        if SCOPE not in caller.scopes:
            raise ScopeMissingError(SCOPE, info.field_name)
        if context.vouchers.errands is None:
            raise QueryError(
                ErrorCode.FORBIDDEN, "此接口不受理创新券", "this endpoint has no vouchers"
            )
        assert caller.client_id is not None, "who signs has a client"
        await context.charge(PEER_ERRAND_COST)
        try:
            check_input_key(input.idempotency_key, signed)
            check_own(caller)
            _check_hub(caller)
            kind, content = ErrandKind(input.kind.name), dict(input.content)
            told = await context.vouchers.errands.answer(caller.client_id, kind, content)
        except RefusedError as error:
            return ClaimErrandPayload(
                content=None, user_errors=[user_error(error, context.language)]
            )
        return ClaimErrandPayload(content=JsonObject(told), user_errors=[])


def _check_hub(caller: Caller) -> None:
    if caller.kind is not ClientKind.PEER:
        raise RefusedError(
            ErrorCode.FORBIDDEN,
            hint="Only another hub asks this: use consumeVoucher.",
            hint_zh="仅限对等枢纽，请使用 consumeVoucher。",
        )
