"""`booking`: asking for a time on an instrument and giving it back, as GraphQL mutations.

- Signed and with an idempotency key as every mutation; scope `orders:write`.
- What the owner's system or customs law says is an answer. `userErrors`: the input as it is cannot
  be worked on, and nothing was asked of anybody.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Annotated

import strawberry
from strawberry.types import Info

from hub.access.resource import Caller
from hub.access.scopes import Scope
from hub.errors import ErrorCode, RefusedError
from hub.graphql.customs import CustomsReasonType, reason_of
from hub.graphql.enums import BookingReasonCode, BookingStateCode, Purpose, stated_code
from hub.graphql.hints import many
from hub.graphql.hooks import RequestContext
from hub.graphql.mutations import UserError, check_input_key, signature_of, user_error
from hub.graphql.scalars import DateTime
from hub.graphql.types import RequiresScope
from hub.intake.batch import Idempotency
from hub.orders.limits import BOOKING_COST, ORDER_CHARACTERS_MAX
from hub.orders.partner import BookingAnswer, PartnerDesk, PartnerRequest, PartnerWish
from hub.query.plan.errors import QueryError, ScopeMissingError
from schema.codes import ServicePurpose

BOOKING_SCOPE = Scope.ORDERS_WRITE.value
_KEY = "幂等键，须与请求头一致。Same as the Idempotency-Key header."
_INSTRUMENT = "仪器主键。Key of the instrument."


@strawberry.input(description="预约一段时间。A time to book; the user is the caller's institution.")
class RequestBookingInput:
    """A time to book."""

    instrument: str = strawberry.field(description=_INSTRUMENT)
    start_at: DateTime = strawberry.field(description="开始。Begin.")
    end_at: DateTime = strawberry.field(description="结束（不含）。End, not included.")
    purpose: Purpose = strawberry.field(description="用途。Purpose.")
    order: str | None = strawberry.field(
        default=None,
        description=f"本方的订单编号，至多 {ORDER_CHARACTERS_MAX} 个字符；缺省由幂等键得出。"
        "Number of your own; by default one that follows from the idempotency key.",
    )
    idempotency_key: str | None = strawberry.field(default=None, description=_KEY)


@strawberry.input(description="取消预约。A booking to give back; only by the client that booked.")
class CancelBookingInput:
    """A booking to give back."""

    instrument: str = strawberry.field(description=_INSTRUMENT)
    order: str = strawberry.field(description="预约时的订单编号。The order's number, as answered.")
    idempotency_key: str | None = strawberry.field(default=None, description=_KEY)


@strawberry.type(description="预约的结果。How a booking stands.")
class BookingPayload:
    """How a booking stands."""

    order: str | None = strawberry.field(description="本方的订单编号。Number of the order.")
    state: BookingStateCode | None = strawberry.field(
        description="状态；只有 FIRM 是已预约。Only FIRM is booked; null: see `userErrors`."
    )
    reason: BookingReasonCode | None = strawberry.field(
        description="未预约的原因。Why it is not firm."
    )
    reference: str | None = strawberry.field(
        description="来源系统中的预约编号。Its number at the owner's system."
    )
    said: str | None = strawberry.field(
        description="来源系统的原话。The words of the owner's system, where it refused."
    )
    customs_reasons: many(CustomsReasonType) = strawberry.field(  # type: ignore[valid-type]
        description="海关规则未允许的理由。Why customs law did not allow it."
    )
    replayed: bool = strawberry.field(description="同一请求的先前应答。An earlier answer.")
    user_errors: list[UserError] = strawberry.field(
        description="输入被拒的原因。Why the input was refused."
    )


async def _booking(
    info: Info,
    input_key: str | None,
    work: Callable[[PartnerDesk, PartnerRequest], Awaitable[BookingAnswer]],
) -> BookingPayload:
    context: RequestContext = info.context
    signed, caller = signature_of(context), context.caller
    if BOOKING_SCOPE not in caller.scopes:
        raise ScopeMissingError(BOOKING_SCOPE, info.field_name)
    if context.bookings is None:
        raise QueryError(ErrorCode.FORBIDDEN, "此接口不受理预约", "this endpoint books nothing")
    assert caller.client_id is not None, "who signs has a client"
    assert caller.party is not None, "a client acts for a party"
    await context.charge(BOOKING_COST)
    asking = PartnerRequest(
        client=caller.client_id,
        party=caller.party,
        idempotency=Idempotency(key=signed.idempotency_key, body_hash=signed.body_hash),
    )
    try:
        check_input_key(input_key, signed)
        check_own(caller)
        return _payload(await work(context.bookings, asking))
    except RefusedError as error:
        return _refused(error, context.language)


def check_own(caller: Caller) -> None:
    """Refuse a hub that asks for somebody else."""
    if caller.requester is not None:
        raise RefusedError(
            ErrorCode.FORBIDDEN,
            hint="A hub books for its own institution only, not for whom it asks.",
            hint_zh="枢纽只能为本单位预约，不能代他人预约。",
        )


@strawberry.type(name="Bookings", description="预约。Bookings.")
class BookingMutations:
    """Asking for a time on an instrument, and giving it back."""

    @strawberry.mutation(
        description="在仪器所属机构的系统预约。Book at the system that owns the instrument.",
        directives=[RequiresScope(scope=BOOKING_SCOPE)],
    )
    async def request_booking(
        self,
        info: Info,
        input: Annotated[RequestBookingInput, strawberry.argument(description="内容。What.")],  # noqa: A002 - the wire name
    ) -> BookingPayload:
        """Book a time, or go on with an order that is not settled."""
        wish = PartnerWish(
            instrument=input.instrument,
            purpose=stated_code(ServicePurpose, input.purpose),
            start=datetime.fromisoformat(input.start_at),
            end=datetime.fromisoformat(input.end_at),
            order=input.order,
        )
        return await _booking(
            info, input.idempotency_key, lambda desk, asking: desk.request(asking, wish)
        )

    @strawberry.mutation(
        description="取消本方的预约。Give back a booking of this client.",
        directives=[RequiresScope(scope=BOOKING_SCOPE)],
    )
    async def cancel_booking(
        self,
        info: Info,
        input: Annotated[CancelBookingInput, strawberry.argument(description="内容。What.")],  # noqa: A002 - the wire name
    ) -> BookingPayload:
        """Give a booking back; one that is not there any more is given back already."""
        return await _booking(
            info,
            input.idempotency_key,
            lambda desk, asking: desk.cancel(asking, input.instrument, input.order),
        )


def _payload(answer: BookingAnswer) -> BookingPayload:
    return BookingPayload(
        order=answer.order,
        state=BookingStateCode[answer.state.value],
        reason=None if answer.reason is None else BookingReasonCode[answer.reason],
        reference=answer.reference,
        said=answer.said or None,
        customs_reasons=[reason_of(each) for each in answer.customs],
        replayed=answer.replayed,
        user_errors=[],
    )


def _refused(error: RefusedError, language: str) -> BookingPayload:
    return BookingPayload(
        order=None,
        state=None,
        reason=None,
        reference=None,
        said=None,
        customs_reasons=[],
        replayed=False,
        user_errors=[user_error(error, language)],
    )
