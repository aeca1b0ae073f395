"""`order_steps`: stating what follows a booking, as mutations: use, result, charge and so on.

Signed and with an idempotency key as every mutation; scope `orders:write`. Who may state which
step, and what the order's way allows, is `hub.orders.steps`.
"""

from __future__ import annotations

from typing import Annotated, Any

import strawberry
from strawberry.types import Info

from hub.access.resource import Caller
from hub.errors import ErrorCode, RefusedError
from hub.graphql.booking import BOOKING_SCOPE, booked_for
from hub.graphql.enums import OrderStateCode, RatingCode
from hub.graphql.hooks import RequestContext
from hub.graphql.mutations import UserError, check_input_key, signature_of, user_error
from hub.graphql.scalars import Decimal, SafeInt
from hub.graphql.types import RequiresScope
from hub.intake.batch import Idempotency
from hub.intake.push import request_signature
from hub.orders.asked import PartnerRequest
from hub.orders.limits import STEP_COST
from hub.orders.steps import BY_USER, StatedStep, StepAnswer
from hub.query.plan.errors import QueryError, ScopeMissingError
from schema.codes import OrderState

_ORDER = "订单的平台标识。Identity of the order."
_KEY = "幂等键，须与请求头一致。Same as the Idempotency-Key header."
_NOTE = "说明，至多 200 字。A note of at most 200 characters."
_VOUCHER = "创新券抵扣金额，单位分。Part that a voucher pays, in fen."
YUAN = "CNY"


@strawberry.input(description="使用情况，由管理单位陈述。Use, stated by the instrument's owner.")
class StateOrderUsageInput:
    """The use of an order."""

    order_id: strawberry.ID = strawberry.field(description=_ORDER)
    is_over: bool = strawberry.field(
        default=True, description="服务是否已完成。Whether the service is done."
    )
    usage_id: str | None = strawberry.field(
        default=None, description="机时记录编号。Local number of the usage record."
    )
    service_id: str | None = strawberry.field(
        default=None, description="服务记录编号。Local number of the service record."
    )
    note: str | None = strawberry.field(default=None, description=_NOTE)
    idempotency_key: str | None = strawberry.field(default=None, description=_KEY)


@strawberry.input(description="服务结果，由管理单位反馈。The result, handed over by the owner.")
class StateOrderResultInput:
    """The result of an order."""

    order_id: strawberry.ID = strawberry.field(description=_ORDER)
    reference: str = strawberry.field(
        description="结果编号或地址。Number or address of the report."
    )
    digest: str | None = strawberry.field(
        default=None, description="结果的 SHA-256，十六进制。SHA-256 of the report, in hex."
    )
    note: str | None = strawberry.field(default=None, description=_NOTE)
    idempotency_key: str | None = strawberry.field(default=None, description=_KEY)


@strawberry.input(description="应付费用，由管理单位陈述。What the owner charges.")
class StateOrderChargeInput:
    """The charge of an order."""

    order_id: strawberry.ID = strawberry.field(description=_ORDER)
    amount: Decimal = strawberry.field(description="金额，单位元。Amount, in yuan.")
    voucher_fen: SafeInt | None = strawberry.field(default=None, description=_VOUCHER)
    note: str | None = strawberry.field(default=None, description=_NOTE)
    idempotency_key: str | None = strawberry.field(default=None, description=_KEY)


@strawberry.input(
    description="已付费用，由收款的管理单位陈述；本平台不经手资金。What was paid, stated by the "
    "owner that received it; the hub moves no money."
)
class StateOrderPaymentInput:
    """The payment of an order."""

    order_id: strawberry.ID = strawberry.field(description=_ORDER)
    payer: str = strawberry.field(description="付款单位主键。Key of the institution that paid.")
    amount: Decimal = strawberry.field(description="金额，单位元。Amount, in yuan.")
    invoice_no: str = strawberry.field(description="发票号码。Invoice number.")
    voucher_fen: SafeInt | None = strawberry.field(default=None, description=_VOUCHER)
    note: str | None = strawberry.field(default=None, description=_NOTE)
    idempotency_key: str | None = strawberry.field(default=None, description=_KEY)


@strawberry.input(
    description="服务评价，由用户单位陈述。The review, by the institution that ordered."
)
class StateOrderReviewInput:
    """The review of an order."""

    order_id: strawberry.ID = strawberry.field(description=_ORDER)
    rating: RatingCode = strawberry.field(description="评分。Rating.")
    comment: str | None = strawberry.field(default=None, description="评价内容。Comment.")
    idempotency_key: str | None = strawberry.field(default=None, description=_KEY)


@strawberry.type(description="陈述后的订单。How an order stands after a statement.")
class OrderStepPayload:
    """How an order stands after a statement."""

    order_id: strawberry.ID | None = strawberry.field(description=_ORDER)
    state: OrderStateCode | None = strawberry.field(
        description="状态；为空见 userErrors。State; null: see `userErrors`."
    )
    missing: list[str] = strawberry.field(
        description="全流程中尚缺的步骤：BOOKED、USED、PAID、RESULT、REVIEWED。"
        "Steps of a whole service that are not shown yet."
    )
    replayed: bool = strawberry.field(description="同一请求的先前应答。An earlier answer.")
    user_errors: list[UserError] = strawberry.field(
        description="输入被拒的原因。Why the input was refused."
    )


async def _stated(info: Info, input_key: str | None, step: StatedStep) -> OrderStepPayload:
    context: RequestContext = info.context
    signed, caller = signature_of(context), context.caller
    if BOOKING_SCOPE not in caller.scopes:
        raise ScopeMissingError(BOOKING_SCOPE, info.field_name)
    if context.bookings is None:
        raise QueryError(ErrorCode.FORBIDDEN, "此接口不受理订单", "this endpoint takes no orders")
    assert caller.client_id is not None, "who signs has a client"
    assert caller.party is not None, "a client acts for a party"
    await context.charge(STEP_COST)
    try:
        check_input_key(input_key, signed)
        asking = PartnerRequest(
            client=caller.client_id,
            party=_stated_by(caller, step),
            peer=None if caller.requester is None else caller.party,
            idempotency=Idempotency(key=signed.idempotency_key, body_hash=signed.body_hash),
            signature=request_signature(caller, signed),
        )
        return _payload(await context.bookings.steps.state(asking, step))
    except RefusedError as error:
        return OrderStepPayload(
            order_id=None,
            state=None,
            missing=[],
            replayed=False,
            user_errors=[user_error(error, context.language)],
        )


def _stated_by(caller: Caller, step: StatedStep) -> str:
    """Return the party that states a step; a hub passes on its clients' reviews and no more."""
    if caller.requester is not None and step.state not in BY_USER:
        raise RefusedError(
            ErrorCode.FORBIDDEN,
            hint="State a step as the party that it is of, not through a hub.",
            hint_zh="请以当事方身份陈述，不能由枢纽代为陈述。",
        )
    return booked_for(caller)


def _payload(answer: StepAnswer) -> OrderStepPayload:
    return OrderStepPayload(
        order_id=strawberry.ID(answer.order_id),
        state=OrderStateCode[answer.state.name],
        missing=list(answer.missing),
        replayed=answer.replayed,
        user_errors=[],
    )


def _told(**items: Any) -> dict[str, Any]:
    return {name: value for name, value in items.items() if value is not None}


def _yuan(amount: str) -> dict[str, str]:
    return {"amount": amount, "currency": YUAN}


@strawberry.type(name="OrderSteps", description="订单的后续步骤。What follows a booking.")
class OrderStepMutations:
    """What follows a booking, stated by the party that it is of."""

    @strawberry.mutation(
        description="陈述使用情况。State that an order was used.",
        directives=[RequiresScope(scope=BOOKING_SCOPE)],
    )
    async def state_order_usage(
        self,
        info: Info,
        input: Annotated[StateOrderUsageInput, strawberry.argument(description="内容。What.")],  # noqa: A002 - the wire name
    ) -> OrderStepPayload:
        """State that an instrument is or was used for an order."""
        step = StatedStep(
            order_id=input.order_id,
            state=OrderState.DONE if input.is_over else OrderState.IN_SERVICE,
            note=input.note,
            items=_told(usageId=input.usage_id, serviceId=input.service_id),
        )
        return await _stated(info, input.idempotency_key, step)

    @strawberry.mutation(
        description="反馈服务结果。State what the user was given.",
        directives=[RequiresScope(scope=BOOKING_SCOPE)],
    )
    async def state_order_result(
        self,
        info: Info,
        input: Annotated[StateOrderResultInput, strawberry.argument(description="内容。What.")],  # noqa: A002 - the wire name
    ) -> OrderStepPayload:
        """State which result the user was given."""
        step = StatedStep(
            order_id=input.order_id,
            state=OrderState.DELIVERED,
            note=input.note,
            items={"result": _told(reference=input.reference, digest=input.digest)},
        )
        return await _stated(info, input.idempotency_key, step)

    @strawberry.mutation(
        description="陈述应付费用。State what an order costs.",
        directives=[RequiresScope(scope=BOOKING_SCOPE)],
    )
    async def state_order_charge(
        self,
        info: Info,
        input: Annotated[StateOrderChargeInput, strawberry.argument(description="内容。What.")],  # noqa: A002 - the wire name
    ) -> OrderStepPayload:
        """State what the owner charges for an order."""
        step = StatedStep(
            order_id=input.order_id,
            state=OrderState.CHARGED,
            note=input.note,
            items=_told(charge=_yuan(input.amount), voucherFen=input.voucher_fen),
        )
        return await _stated(info, input.idempotency_key, step)

    @strawberry.mutation(
        description="陈述已付费用。State who paid what for an order.",
        directives=[RequiresScope(scope=BOOKING_SCOPE)],
    )
    async def state_order_payment(
        self,
        info: Info,
        input: Annotated[StateOrderPaymentInput, strawberry.argument(description="内容。What.")],  # noqa: A002 - the wire name
    ) -> OrderStepPayload:
        """State who paid what, against which invoice, and which part a voucher pays."""
        step = StatedStep(
            order_id=input.order_id,
            state=OrderState.PAID,
            note=input.note,
            items=_told(
                payerKey=input.payer,
                charge=_yuan(input.amount),
                invoiceNo=input.invoice_no,
                voucherFen=input.voucher_fen,
            ),
        )
        return await _stated(info, input.idempotency_key, step)

    @strawberry.mutation(
        description="评价服务。Review the service of an order.",
        directives=[RequiresScope(scope=BOOKING_SCOPE)],
    )
    async def state_order_review(
        self,
        info: Info,
        input: Annotated[StateOrderReviewInput, strawberry.argument(description="内容。What.")],  # noqa: A002 - the wire name
    ) -> OrderStepPayload:
        """State how the user found the service."""
        step = StatedStep(
            order_id=input.order_id,
            state=OrderState.REVIEWED,
            items={"review": _told(rating=input.rating.name, comment=input.comment)},
        )
        return await _stated(info, input.idempotency_key, step)
