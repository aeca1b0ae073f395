"""`voucher_checks`: the checks of a service for a voucher, as GraphQL; asking moves nothing."""

from __future__ import annotations

from typing import Annotated, Any

import strawberry
from strawberry.types import Info

from hub.access.scopes import Scope
from hub.audit.protected import ProtectedRead
from hub.errors import ErrorCode
from hub.graphql import voucher_enums as codes
from hub.graphql.first_claims import FIRST_CLAIM_TEXT, FirstClaim, first_claim_of
from hub.graphql.hints import many
from hub.graphql.hooks import RequestContext
from hub.graphql.known_caller import known_party
from hub.graphql.types import RequiresScope
from hub.policy.bounds import Missing
from hub.policy.vouchers.checks import CheckResult, CheckTold
from hub.query.plan.errors import QueryError
from hub.query.sql.marks import grade_of_rows
from hub.vouchers.between.advance_checks import ServiceAsker
from hub.vouchers.cases.words import code_name
from hub.vouchers.first_claims import claims_on
from hub.vouchers.limits import VOUCHER_COST
from hub.vouchers.marks import ClaimName
from hub.vouchers.question import VoucherWanted
from schema.codes import VoucherEvent

VERIFY_SCOPE = Scope.VOUCHER_VERIFY.value
SERVICE = "ServiceRecord"
FIRST = (CheckResult.FAIL, CheckResult.UNKNOWN, CheckResult.PASS)
ISSUER_TEXT = "发放单位主键。Key of the department that granted it."
CODE_TEXT = "券编号。Number of the voucher."
SERVICE_TEXT = "服务记录主键。Key of the service record."


@strawberry.type(description="对服务的一项核验。One check of a service.")
class VoucherCheck:
    """One check of a service."""

    code: codes.CheckCodeName = strawberry.field(description="核验项。What is checked.")
    result: codes.CheckResultCode = strawberry.field(description="结果。Result of the check.")
    missing: codes.MissingFact | None = strawberry.field(
        description="缺少的事实。The fact that is missing."
    )
    missing_reason: codes.MissingReason | None = strawberry.field(
        description="为何缺少。Why it is missing."
    )
    parameter: str | None = strawberry.field(description="所依参数。Parameter of the law.")


@strawberry.type(description="服务的核验。What the checks say of a service for a voucher.")
class ServiceVerification:
    """What the checks say of a service."""

    verdict: codes.VerdictCode = strawberry.field(description="结论。The verdict over all.")
    in_log: bool = strawberry.field(description="服务记录已入台账。The record is in the log.")
    charge_fen: int | None = strawberry.field(description="服务金额，单位分。Charge in fen.")
    checks: many(VoucherCheck) = strawberry.field(  # type: ignore[valid-type]
        description="逐项核验，未通过者在前。Every check, what failed first."
    )
    first_claim: FirstClaim | None = strawberry.field(description=FIRST_CLAIM_TEXT)


async def verify_service(  # noqa: PLR0913, PLR0917 - the arguments of a field
    info: Info,
    issuer: Annotated[str, strawberry.argument(description=ISSUER_TEXT)],
    code: Annotated[str, strawberry.argument(description=CODE_TEXT)],
    service: Annotated[str, strawberry.argument(description=SERVICE_TEXT)],
    fen: Annotated[int, strawberry.argument(description="拟抵扣金额，单位分。Fen to be paid.")],
    order_no: Annotated[
        str | None, strawberry.argument(description="订单编号。Order.")
    ] = strawberry.UNSET,
    claim_no: Annotated[
        str | None,
        strawberry.argument(
            description="已有申兑的编号：其额度算作可用。A claim that stands: its money counts as "
            "available to it."
        ),
    ] = strawberry.UNSET,
) -> ServiceVerification:
    """Check a service for a voucher; nothing moves."""
    context: RequestContext = info.context
    party = known_party(context.caller, VERIFY_SCOPE, "verifyService")
    if context.vouchers.advance is None:
        raise QueryError(ErrorCode.FORBIDDEN, "此接口不受理创新券", "this endpoint has no vouchers")
    await context.charge(VOUCHER_COST)
    wanted = VoucherWanted(
        issuer=issuer,
        code=code,
        event=VoucherEvent.CONSUME,
        claim_no=claim_no or "",
        fen=fen,
        service=service,
        order_no=order_no or None,
    )
    asker = ServiceAsker(party, context.caller.client_id or "")
    found = await context.vouchers.advance.of(asker, wanted)
    if found.item_id:  # else its home said nothing, and nothing was read
        spec = context.model.registry[SERVICE]
        read = ProtectedRead(grade_of_rows(spec), spec.scope, found.item_id, found.owner)
        context.reads.add(read)
    told = sorted(found.verified.checks, key=lambda each: FIRST.index(each.result))
    met = list[ClaimName]()
    if context.vouchers.cases is not None and not isinstance(found.claimed, Missing):
        asked = ClaimName(issuer, code, wanted.claim_no)
        met = await claims_on(context.vouchers.cases.database, found.claimed, asked)
    return ServiceVerification(
        verdict=codes.code_in(codes.VerdictCode, found.verified.verdict.value),
        in_log=found.in_log,
        charge_fen=found.charge_fen,
        checks=[check_of(each) for each in told],
        first_claim=await first_claim_of(context, met),
    )


def verification_fields() -> dict[str, Any]:
    """Return the root fields of this module."""
    return {
        "verify_service": strawberry.field(
            resolver=verify_service,
            graphql_type=ServiceVerification | None,
            description="服务能否用券：逐项核验，不变动额度。Does a service count for a voucher: "
            "every check; nothing moves.",
            directives=[RequiresScope(scope=VERIFY_SCOPE)],
        )
    }


def check_of(check: CheckTold) -> VoucherCheck:
    """Return a check as the interface tells it."""
    missing = check.missing
    return VoucherCheck(
        code=codes.code_in(codes.CheckCodeName, check.code.value),
        result=codes.code_in(codes.CheckResultCode, check.result.value),
        missing=None
        if missing is None
        else codes.code_in(codes.MissingFact, code_name(missing.fact)),
        missing_reason=None
        if missing is None
        else codes.code_in(codes.MissingReason, missing.reason),
        parameter=check.parameter,
    )
