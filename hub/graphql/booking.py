"""`booking`: asking for a time on an instrument and giving it back, as GraphQL mutations.

- Signed and with an idempotency key as every mutation; scope `orders:write`.
- What the owner's system or customs law says is an answer. `userErrors`: the input as it is cannot
  be worked on, and nothing was asked of anybody.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Annotated, Any

import strawberry
from strawberry.types import Info

from hub.access.resource import Caller
from hub.access.scopes import Scope
from hub.audit.protected import ProtectedRead
from hub.errors import ErrorCode, RefusedError
from hub.graphql.customs import CustomsReasonType, reason_of
from hub.graphql.enums import BookingReasonCode, BookingStateCode, Purpose, stated_code
from hub.graphql.hints import many
from hub.graphql.hooks import RequestContext
from hub.graphql.mutations import UserError, check_input_key, signature_of, user_error
from hub.graphql.scalars import DateTime, Row
from hub.graphql.types import RequiresScope
from hub.intake.batch import Idempotency
from hub.intake.push import request_signature
from hub.orders.asked import BookingAnswer, PartnerMove, PartnerRequest, PartnerWish, PlacedOrder
from hub.orders.entries import RECORD
from hub.orders.limits import BOOKING_COST, LOOK_COST, ORDER_CHARACTERS_MAX
from hub.orders.partner import PartnerDesk
from hub.query.plan.errors import QueryError, ScopeMissingError
from hub.query.sql.marks import grade_of_rows
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


@strawberry.input(
    description="改期：新预约确认后原预约即取消。A firm booking to move to another time."
)
class MoveBookingInput:
    """A booking to move."""

    instrument: str = strawberry.field(description=_INSTRUMENT)
    order: str = strawberry.field(description="原订单编号。The order's number, as answered.")
    start_at: DateTime = strawberry.field(description="新的开始。New begin.")
    end_at: DateTime = strawberry.field(description="新的结束（不含）。New end, not included.")
    new_order: str | None = strawberry.field(
        default=None,
        description="新的订单编号，缺省由幂等键得出。Number of the new order; by default one that "
        "follows from the idempotency key.",
    )
    idempotency_key: str | None = strawberry.field(default=None, description=_KEY)


@strawberry.type(
    name="PlacedOrder",
    description="归属枢纽所存的订单，各枢纽标识相同。The order as its home hub holds it.",
)
class PlacedOrderType:
    """An order as its home hub holds it."""

    id: strawberry.ID = strawberry.field(description="平台标识。Identity, the same at every hub.")
    authority: str = strawberry.field(description="编号所属的系统。Whose number it is.")
    record: Row = strawberry.field(description="订单记录。The record, in wire form.")


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
    placed: PlacedOrderType | None = strawberry.field(
        description="订单记录；过程见 serviceOrder。The order's record; its way is `serviceOrder`."
    )
    via: str | None = strawberry.field(
        description="受理的归属枢纽，本枢纽时为空。The home hub that was asked; null: this one."
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
    try:
        check_input_key(input_key, signed)
        asking = PartnerRequest(
            client=caller.client_id,
            party=booked_for(caller),
            peer=None if caller.requester is None else caller.party,
            idempotency=Idempotency(key=signed.idempotency_key, body_hash=signed.body_hash),
            signature=request_signature(caller, signed),
        )
        return _payload(await work(context.bookings, asking))
    except RefusedError as error:
        return _refused(error, context.language)


def booked_for(caller: Caller) -> str:
    """Return the institution that books: the caller's, or that of a client of a peer hub.

    A peer says for whom its client acts, and nobody stands between: only the home hub is asked.
    """
    assert caller.party is not None, "a client acts for a party"
    if caller.requester is None:
        return caller.party
    if caller.requester.party is None or len(caller.requester.actors) != 1:
        raise RefusedError(
            ErrorCode.FORBIDDEN,
            hint="A hub that books for a client of its own says for which institution that one "
            "acts (hub_party), and asks itself.",
            hint_zh="枢纽代其接入方预约时须说明该接入方所代表的单位（hub_party），并由该枢纽直接提出。",
        )
    return caller.requester.party


async def find_booking(
    info: Info,
    instrument: Annotated[str, strawberry.argument(description=_INSTRUMENT)],
    order: Annotated[str, strawberry.argument(description="订单编号。Number of the order.")],
) -> BookingPayload:
    """Return how an order of the caller stands."""
    context: RequestContext = info.context
    caller = context.caller
    if caller.client_id is None or caller.party is None:
        raise QueryError(
            ErrorCode.UNAUTHENTICATED, "bookingOrder：须以已登记的接入方询问", "say who asks"
        )
    if BOOKING_SCOPE not in caller.scopes:
        raise ScopeMissingError(BOOKING_SCOPE, "bookingOrder")
    if context.bookings is None:
        raise QueryError(ErrorCode.FORBIDDEN, "此接口不受理预约", "this endpoint books nothing")
    await context.charge(LOOK_COST)
    try:
        asking = PartnerRequest(
            client=caller.client_id,
            party=booked_for(caller),
            peer=None if caller.requester is None else caller.party,
            idempotency=Idempotency(key="", body_hash=b""),
        )
        answer = await context.bookings.look(asking, instrument, order)
        if answer.placed is not None:
            spec = context.model.registry[RECORD]
            placed = answer.placed
            context.reads.add(
                ProtectedRead(grade_of_rows(spec), spec.scope, placed.id, placed.owner)
            )
        return _payload(answer)
    except RefusedError as error:
        return _refused(error, context.language)


def booking_fields() -> dict[str, Any]:
    """Return the root fields of this module."""
    return {
        "booking_order": strawberry.field(
            resolver=find_booking,
            graphql_type=BookingPayload | None,
            description="本方订单的现状；不作任何改动。How an order of this client stands; nothing "
            "is changed.",
            directives=[RequiresScope(scope=BOOKING_SCOPE)],
        )
    }


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
        description="改期：新预约确认后取消原预约。Move a firm booking of this client; the "
        "former one stays until the new one is firm.",
        directives=[RequiresScope(scope=BOOKING_SCOPE)],
    )
    async def move_booking(
        self,
        info: Info,
        input: Annotated[MoveBookingInput, strawberry.argument(description="内容。What.")],  # noqa: A002 - the wire name
    ) -> BookingPayload:
        """Book another time in place of a firm booking, or go on with that."""
        move = PartnerMove(
            instrument=input.instrument,
            order=input.order,
            start=datetime.fromisoformat(input.start_at),
            end=datetime.fromisoformat(input.end_at),
            new_order=input.new_order,
        )
        return await _booking(
            info, input.idempotency_key, lambda desk, asking: desk.move(asking, move)
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
        placed=None if answer.placed is None else _placed(answer.placed),
        via=answer.via,
        replayed=answer.replayed,
        user_errors=[],
    )


def _placed(order: PlacedOrder) -> PlacedOrderType:
    return PlacedOrderType(
        id=strawberry.ID(order.id), authority=order.authority, record=Row(dict(order.record))
    )


def _refused(error: RefusedError, language: str) -> BookingPayload:
    return BookingPayload(
        order=None,
        state=None,
        reason=None,
        reference=None,
        said=None,
        customs_reasons=[],
        placed=None,
        via=None,
        replayed=False,
        user_errors=[user_error(error, language)],
    )
