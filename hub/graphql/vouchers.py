"""`vouchers`: messages about vouchers whose money this hub keeps, as GraphQL mutations.

- Signed and with an idempotency key as every mutation, which stands for its message for good; scope
  `voucher:claim`. Checking a service beforehand moves nothing (`voucher_checks`).
- What the rules say is an answer (`refused`, `missing`, `checks`). `userErrors`: the input as it is
  cannot be worked on.
"""

from __future__ import annotations

from datetime import date
from enum import Enum
from typing import Annotated, Any

import strawberry
from strawberry.types import Info

from hub.access.resource import Caller
from hub.access.scopes import Scope
from hub.errors import ErrorCode, RefusedError
from hub.graphql import voucher_enums as codes
from hub.graphql.first_claims import FIRST_CLAIM_TEXT, FirstClaim, first_claim_of
from hub.graphql.hints import many
from hub.graphql.hooks import RequestContext
from hub.graphql.mutations import UserError, check_input_key, check_own, signature_of, user_error
from hub.graphql.scalars import Date
from hub.graphql.types import RequiresScope
from hub.graphql.voucher_checks import (
    CODE_TEXT,
    ISSUER_TEXT,
    SERVICE_TEXT,
    VoucherCheck,
    check_of,
)
from hub.intake.push import request_signature
from hub.query.plan.errors import QueryError, ScopeMissingError
from hub.vouchers.cases.words import code_name
from hub.vouchers.first_claims import refusing_claims
from hub.vouchers.limits import VOUCHER_COST
from hub.vouchers.may_say import BY_ISSUER
from hub.vouchers.question import VoucherAsking, VoucherTold, VoucherWanted
from schema.codes import VoucherEvent

CLAIM_SCOPE = Scope.VOUCHER_CLAIM.value
_KEY = "幂等键，须与请求头一致。Same as the Idempotency-Key header."
_CLAIM = "申兑编号，由提出方取定。Number of the claim, chosen by who reserves."
_FEN = "金额，单位分。Amount in fen."


@strawberry.enum(description="对申兑的审核决定。A decision about a claim.")
class ClaimDecision(Enum):
    """What the issuer decides about a claim."""

    COUNTY = strawberry.enum_value("COUNTY", description="区县审核通过。Passed by the county.")
    CITY = strawberry.enum_value("CITY", description="市级审核通过。Passed by the city.")
    REJECT = strawberry.enum_value("REJECT", description="驳回。Rejected.")
    CLEAR = strawberry.enum_value("CLEAR", description="解除暂缓。A hold is lifted.")


@strawberry.input(description="为一个订单预留额度。Money of a voucher to reserve for an order.")
class ReserveVoucherInput:
    """Money to reserve."""

    issuer: str = strawberry.field(description=ISSUER_TEXT)
    code: str = strawberry.field(description=CODE_TEXT)
    claim_no: str = strawberry.field(description=_CLAIM)
    fen: int = strawberry.field(description=_FEN)
    provider: str = strawberry.field(description="服务机构主键。Key of who gives the service.")
    planned_from: Date = strawberry.field(description="计划首日。First day that is planned.")
    planned_until: Date = strawberry.field(description="计划末日（含）。Last day, included.")
    order_no: str | None = strawberry.field(default=None, description="订单编号。Order.")
    idempotency_key: str | None = strawberry.field(default=None, description=_KEY)


@strawberry.input(description="一笔申兑的下一步。A claim's next step.")
class VoucherClaimInput:
    """A claim's next step."""

    issuer: str = strawberry.field(description=ISSUER_TEXT)
    code: str = strawberry.field(description=CODE_TEXT)
    claim_no: str = strawberry.field(description=_CLAIM)
    fen: int = strawberry.field(default=0, description=_FEN)
    service: str | None = strawberry.field(default=None, description=SERVICE_TEXT)
    reason: str = strawberry.field(default="", description="原因。Reason.")
    idempotency_key: str | None = strawberry.field(default=None, description=_KEY)


@strawberry.input(description="对申兑的审核决定。A decision about a claim.")
class DecideClaimInput:
    """A decision."""

    issuer: str = strawberry.field(description=ISSUER_TEXT)
    code: str = strawberry.field(description=CODE_TEXT)
    claim_no: str = strawberry.field(description=_CLAIM)
    decision: ClaimDecision = strawberry.field(description="决定。Decision.")
    reason: str = strawberry.field(default="", description="原因。Reason.")
    idempotency_key: str | None = strawberry.field(default=None, description=_KEY)


@strawberry.type(description="创新券的额度去向，单位分。Where the money of a voucher lies, in fen.")
class VoucherBalance:
    """Where the money of a voucher lies."""

    available: int = strawberry.field(description="可用。Available.")
    reserved: int = strawberry.field(description="已预留。Reserved.")
    consumed: int = strawberry.field(description="已使用。Consumed.")
    settled: int = strawberry.field(description="已兑付。Settled.")
    expired: int = strawberry.field(description="已过期。Expired.")
    clawed_back: int = strawberry.field(description="已追回。Clawed back.")


@strawberry.type(description="消息的结果。What came of a message about a voucher.")
class VoucherPayload:
    """What came of a message."""

    claim_no: str | None = strawberry.field(description=_CLAIM)
    state: codes.ClaimState | None = strawberry.field(
        description="申兑状态；为空则未变动。State of the claim; null: nothing moved."
    )
    fen: int | None = strawberry.field(description=_FEN)
    balance: VoucherBalance | None = strawberry.field(
        description="券的额度，仅持券与发放单位可见。To holder and issuer only."
    )
    refused: codes.RefusalCode | None = strawberry.field(
        description="被拒的原因。Why it was refused."
    )
    missing: codes.MissingFact | None = strawberry.field(
        description="缺少的事实。The fact that is missing."
    )
    held_for: list[codes.HoldCode] = strawberry.field(
        description="须人工核对的原因。Why a person must look."
    )
    checks: many(VoucherCheck) = strawberry.field(  # type: ignore[valid-type]
        description="逐项核验。Every check."
    )
    first_claim: FirstClaim | None = strawberry.field(description=FIRST_CLAIM_TEXT)
    replayed: bool = strawberry.field(description="同一请求的先前应答。An earlier answer.")
    user_errors: list[UserError] = strawberry.field(
        description="输入被拒的原因。Why the input was refused."
    )


async def _take(info: Info, input_key: str | None, wanted: VoucherWanted) -> VoucherPayload:
    context: RequestContext = info.context
    signed, caller = signature_of(context), context.caller
    if CLAIM_SCOPE not in caller.scopes:
        raise ScopeMissingError(CLAIM_SCOPE, info.field_name)
    if context.vouchers.messages is None:
        raise QueryError(ErrorCode.FORBIDDEN, "此接口不受理创新券", "this endpoint has no vouchers")
    assert caller.client_id is not None, "who signs has a client"
    assert caller.party is not None, "a client acts for a party"
    await context.charge(VOUCHER_COST)
    asking = VoucherAsking(
        client=caller.client_id,
        party=caller.party,
        key=signed.idempotency_key,
        body_hash=signed.body_hash,
        signature=request_signature(caller, signed),
    )
    try:
        check_input_key(input_key, signed)
        check_own(caller)
        check_role(caller, signed.evidence.kid, wanted.event)
        told = await context.vouchers.messages.take(asking, wanted)
        return _payload(told, await first_claim_of(context, refusing_claims(told.met)))
    except RefusedError as error:
        return _refused(error, context.language)


def check_role(caller: Caller, kid: str, event: VoucherEvent) -> None:
    """Raise `RefusedError` FORBIDDEN where a decision is not signed by a decider's key."""
    client = caller.client
    if event in BY_ISSUER and client is not None and not client.may_bind(kid):
        raise RefusedError(
            ErrorCode.FORBIDDEN,
            hint="This client's keys have roles: decisions are signed with a DECIDER's key.",
            hint_zh="该客户端的密钥分设角色：审核须用决定人（DECIDER）的密钥签名。",
        )


def _step(event: VoucherEvent, asked: VoucherClaimInput) -> VoucherWanted:
    return VoucherWanted(
        issuer=asked.issuer,
        code=asked.code,
        event=event,
        claim_no=asked.claim_no,
        fen=asked.fen,
        service=asked.service,
        reason=asked.reason,
    )


_Step = Annotated[VoucherClaimInput, strawberry.argument(name="input", description="内容。What.")]


@strawberry.type(name="Vouchers", description="创新券。Vouchers.")
class VoucherMutations:
    """Messages about vouchers whose money this hub keeps."""

    @strawberry.mutation(
        description="为订单预留额度。Reserve money of a voucher for an order.",
        directives=[RequiresScope(scope=CLAIM_SCOPE)],
    )
    async def reserve_voucher(
        self,
        info: Info,
        input: Annotated[ReserveVoucherInput, strawberry.argument(description="内容。What.")],  # noqa: A002 - the wire name
    ) -> VoucherPayload:
        """Reserve money."""
        wanted = VoucherWanted(
            issuer=input.issuer,
            code=input.code,
            event=VoucherEvent.RESERVE,
            claim_no=input.claim_no,
            fen=input.fen,
            provider=input.provider,
            order_no=input.order_no,
            planned=(
                date.fromisoformat(input.planned_from),
                date.fromisoformat(input.planned_until),
            ),
        )
        return await _take(info, input.idempotency_key, wanted)

    @strawberry.mutation(
        description="订单取消，释放预留。Release what was reserved.",
        directives=[RequiresScope(scope=CLAIM_SCOPE)],
    )
    async def release_claim(self, info: Info, asked: _Step) -> VoucherPayload:
        """Release what was reserved."""
        return await _take(info, asked.idempotency_key, _step(VoucherEvent.RELEASE, asked))

    @strawberry.mutation(
        description="服务完成，使用额度；逐项核验。Consume for a service that was given.",
        directives=[RequiresScope(scope=CLAIM_SCOPE)],
    )
    async def consume_voucher(self, info: Info, asked: _Step) -> VoucherPayload:
        """Consume what was reserved."""
        return await _take(info, asked.idempotency_key, _step(VoucherEvent.CONSUME, asked))

    @strawberry.mutation(
        description="申请兑付。Submit a claim for settlement.",
        directives=[RequiresScope(scope=CLAIM_SCOPE)],
    )
    async def submit_claim(self, info: Info, asked: _Step) -> VoucherPayload:
        """Submit a claim."""
        return await _take(info, asked.idempotency_key, _step(VoucherEvent.SUBMIT, asked))

    @strawberry.mutation(
        description="审核申兑，仅发放单位。Decide about a claim; the issuer alone.",
        directives=[RequiresScope(scope=CLAIM_SCOPE)],
    )
    async def decide_claim(
        self,
        info: Info,
        input: Annotated[DecideClaimInput, strawberry.argument(description="内容。What.")],  # noqa: A002 - the wire name
    ) -> VoucherPayload:
        """Decide about a claim."""
        wanted = VoucherWanted(
            issuer=input.issuer,
            code=input.code,
            event=VoucherEvent[input.decision.name],
            claim_no=input.claim_no,
            reason=input.reason,
        )
        return await _take(info, input.idempotency_key, wanted)

    @strawberry.mutation(
        description="兑付，仅发放单位；再次核验。Settle; the issuer alone; checked again.",
        directives=[RequiresScope(scope=CLAIM_SCOPE)],
    )
    async def settle_claim(self, info: Info, asked: _Step) -> VoucherPayload:
        """Settle a claim."""
        return await _take(info, asked.idempotency_key, _step(VoucherEvent.SETTLE, asked))

    @strawberry.mutation(
        description="追回已兑付的额度，仅发放单位。Claw back; the issuer alone.",
        directives=[RequiresScope(scope=CLAIM_SCOPE)],
    )
    async def claw_back_claim(self, info: Info, asked: _Step) -> VoucherPayload:
        """Claw back what was settled."""
        return await _take(info, asked.idempotency_key, _step(VoucherEvent.CLAW_BACK, asked))


def _payload(told: VoucherTold, first: FirstClaim | None) -> VoucherPayload:
    buckets = told.buckets
    return VoucherPayload(
        claim_no=told.claim_no,
        state=None if told.state is None else codes.code_in(codes.ClaimState, told.state.name),
        fen=told.fen,
        balance=None
        if buckets is None
        else VoucherBalance(**{name: getattr(buckets, name) for name in buckets.__slots__}),
        refused=None
        if told.refused is None
        else codes.code_in(codes.RefusalCode, told.refused.value),
        missing=None
        if told.missing is None
        else codes.code_in(codes.MissingFact, code_name(told.missing.fact)),
        held_for=[codes.code_in(codes.HoldCode, each) for each in told.held_for],
        checks=[check_of(each) for each in told.checks],
        first_claim=first,
        replayed=told.replayed,
        user_errors=[],
    )


def _refused(error: RefusedError, language: str) -> VoucherPayload:
    nothing: dict[str, Any] = dict.fromkeys(
        ("claim_no", "state", "fen", "balance", "refused", "missing", "first_claim")
    )
    return VoucherPayload(
        **nothing, held_for=[], checks=[], replayed=False, user_errors=[user_error(error, language)]
    )
