"""`fast_track`: how a claim stands to the fast track (无感直兑), as a GraphQL query."""

from __future__ import annotations

from typing import Annotated, Any

import strawberry
from strawberry.types import Info

from hub.audit.protected import ProtectedRead
from hub.errors import ErrorCode
from hub.graphql import voucher_enums as codes
from hub.graphql.hints import many
from hub.graphql.hooks import RequestContext
from hub.graphql.known_caller import known_party
from hub.graphql.scalars import Date
from hub.graphql.types import RequiresScope
from hub.graphql.voucher_checks import FIRST, SERVICE, VERIFY_SCOPE, VoucherCheck, check_of
from hub.policy.bounds import Missing
from hub.query.plan.errors import QueryError
from hub.query.sql.marks import grade_of_rows
from hub.vouchers.limits import VOUCHER_COST
from hub.vouchers.question import VoucherWanted
from schema.codes import VoucherEvent


@strawberry.type(
    description="申兑的无感直兑条件。What the fast track of a claim needs; nothing is applied for."
)
class ClaimFastTrack:
    """How a claim stands to the fast track."""

    state: codes.ClaimState = strawberry.field(description="申兑状态。State of the claim.")
    ready: bool = strawberry.field(description="条件齐备，由枢纽提交。The hub submits by itself.")
    wanting: list[codes.FastTrackNeedCode] = strawberry.field(
        description="尚缺的条件；非空则按一般程序。What is wanting; if any, the ordinary way."
    )
    due_on: Date | None = strawberry.field(
        description="最迟兑付日期；地区未规定则为空。By when it is paid; null: no region says."
    )
    checks: many(VoucherCheck) = strawberry.field(  # type: ignore[valid-type]
        description="逐项核验，未通过者在前。Every check, what failed first."
    )


async def claim_fast_track(
    info: Info,
    issuer: Annotated[
        str, strawberry.argument(description="发放单位主键。Key of the department that granted it.")
    ],
    code: Annotated[str, strawberry.argument(description="券编号。Number of the voucher.")],
    claim_no: Annotated[str, strawberry.argument(description="申兑编号。Number of the claim.")],
) -> ClaimFastTrack:
    """Say what the fast track of a claim lacks."""
    context: RequestContext = info.context
    party = known_party(context.caller, VERIFY_SCOPE, "claimFastTrack")
    if context.vouchers.tracks is None:
        raise QueryError(ErrorCode.FORBIDDEN, "此接口不受理创新券", "this endpoint has no vouchers")
    await context.charge(VOUCHER_COST)
    wanted = VoucherWanted(issuer=issuer, code=code, event=VoucherEvent.SUBMIT, claim_no=claim_no)
    told = await context.vouchers.tracks.told(party, wanted)
    if told.looked_at is not None:
        spec = context.model.registry[SERVICE]
        context.reads.add(ProtectedRead(grade_of_rows(spec), spec.scope, *told.looked_at))
    due = told.track.due_on
    checks = sorted(told.checks, key=lambda each: FIRST.index(each.result))
    return ClaimFastTrack(
        state=codes.code_in(codes.ClaimState, told.state.name),
        ready=told.track.is_ready,
        wanting=[codes.code_in(codes.FastTrackNeedCode, each.value) for each in told.track.wanting],
        due_on=None if isinstance(due, Missing) else Date(due.isoformat()),
        checks=[check_of(each) for each in checks],
    )


def fast_track_fields() -> dict[str, Any]:
    """Return the root fields of this module."""
    return {
        "claim_fast_track": strawberry.field(
            resolver=claim_fast_track,
            graphql_type=ClaimFastTrack | None,
            description="一笔申兑的无感直兑条件。What the fast track of a claim needs and lacks.",
            directives=[RequiresScope(scope=VERIFY_SCOPE)],
        )
    }
