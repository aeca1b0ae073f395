"""`attestations`: attested claims, their state now, and proofs of days, as GraphQL fields.

They are worked out by `hub.vouchers.attested.attesting`, compile to no statement, and need
`voucher:verify`. Who may not see a claim is answered as if there were none.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

import strawberry
from strawberry.types import Info

from hub.errors import ErrorCode
from hub.graphql.enums import ClaimStateCode, NotAttestedCode
from hub.graphql.hints import many
from hub.graphql.hooks import RequestContext
from hub.graphql.known_caller import known_party
from hub.graphql.scalars import Date, DateTime, SafeInt
from hub.graphql.types import RequiresScope
from hub.graphql.voucher_checks import FIRST, VERIFY_SCOPE, VoucherCheck, check_of
from hub.query.plan.errors import QueryError
from hub.vouchers.attested.attestation_told import AttestationTold, NotAttested
from hub.vouchers.attested.attesting import AttestationDesk
from hub.vouchers.limits import ATTESTATION_COST, CLAIM_STATE_COST, CLAIMS_COST
from hub.vouchers.marks import ClaimName
from schema.dates import format_instant

_Issuer = Annotated[
    str, strawberry.argument(description="发放单位主键。Key of the department that granted it.")
]
_Code = Annotated[str, strawberry.argument(description="券编号。Number of the voucher.")]
_Claim = Annotated[str, strawberry.argument(description="申兑编号。Number of the claim.")]


@strawberry.type(
    name="Attestation",
    description="一笔申兑的证明，可离线核验。An attested claim, to be verified offline.",
)
class AttestationType:
    """An attested claim, or why it is not attested."""

    text: str | None = strawberry.field(
        description="证明文件，原样保存。The file, to be kept as it is; null: there is none."
    )
    valid_until: Date | None = strawberry.field(
        description="有效至（含，上海日）。Last day for which it holds, in Shanghai."
    )
    log_size: SafeInt | None = strawberry.field(
        description="日志当时的项数。So it was when the log had so many leaves."
    )
    refused: NotAttestedCode | None = strawberry.field(
        description="没有证明的原因。Why there is none."
    )
    missing: str | None = strawberry.field(description="缺少的事实。The fact that is missing.")
    checks: many(VoucherCheck) = strawberry.field(  # type: ignore[valid-type]
        description="逐项核验，未通过者在前。Every check, what failed first."
    )


@strawberry.type(
    name="ClaimState",
    description="一笔申兑此刻的状态，经平台签名。What a claim is now, signed by the hub.",
)
class ClaimStateType:
    """What a claim is now."""

    state: ClaimStateCode = strawberry.field(description="状态。Its state.")
    voucher_fen: SafeInt | None = strawberry.field(
        description="券抵扣金额，单位分。Part that the voucher pays, in fen."
    )
    settled_fen: SafeInt | None = strawberry.field(
        description="兑付金额，单位分。What was paid out, in fen."
    )
    held_for: list[str] = strawberry.field(description="须人工核对的原因。Why a person must look.")
    changed_at: DateTime | None = strawberry.field(
        description="进入该状态的时刻。When it came into this state."
    )
    home: str = strawberry.field(
        description="所问枢纽的日志名。Origin of the log of the hub that was asked."
    )
    looked_up_at: DateTime = strawberry.field(description="查询时刻。When it was looked up.")
    entry_id: strawberry.ID = strawberry.field(description="台账条目。Entry that says so.")
    jws: str = strawberry.field(
        description="同一内容的签名（hub-claim-state+jws）。The same, signed by the hub."
    )


@strawberry.type(
    name="ClaimsProof",
    description="某日终了时该服务是否已被申兑的证明。Proof of whether a service was claimed at "
    "the end of a day.",
)
class ClaimsProofType:
    """Proof of whether a service was claimed."""

    text: str | None = strawberry.field(
        description="证明文件，原样保存。The file, to be kept as it is; null: there is none."
    )
    is_claimed: bool | None = strawberry.field(
        description="是否有在办申兑。Whether a claim stood on it; null: not proved."
    )
    refused: NotAttestedCode | None = strawberry.field(
        description="没有证明的原因。Why there is none."
    )


def _desk(info: Info, field: str) -> tuple[RequestContext, AttestationDesk, str]:
    """Return who attests, for a caller that is known and has the scope."""
    context: RequestContext = info.context
    party = known_party(context.caller, VERIFY_SCOPE, field)
    if context.vouchers.attesting is None:
        raise QueryError(ErrorCode.FORBIDDEN, "此接口不受理创新券", "this endpoint has no vouchers")
    return context, context.vouchers.attesting, party


async def attest(info: Info, issuer: _Issuer, code: _Code, claim_no: _Claim) -> AttestationType:
    """Attest a claim."""
    context, desk, party = _desk(info, "attestation")
    await context.charge(ATTESTATION_COST)
    name = ClaimName(issuer, code, claim_no)
    told = await desk.attest(party, name, context.caller.client_id)
    context.reads.update(desk.reads(told.claim, told.service))
    return _attestation(told)


async def tell_state(info: Info, issuer: _Issuer, code: _Code, claim_no: _Claim) -> ClaimStateType:
    """Tell what a claim is now."""
    context, desk, party = _desk(info, "claimState")
    await context.charge(CLAIM_STATE_COST)
    told = await desk.state(party, ClaimName(issuer, code, claim_no))
    claim = told.claim
    context.reads.update(desk.reads(claim, None))
    at = claim["changed_at"]
    return ClaimStateType(
        state=ClaimStateCode[claim["state"]],
        voucher_fen=_number(claim["voucher_fen"]),
        settled_fen=_number(claim["settled_fen"]),
        held_for=list(claim["hold_reasons"] or ()),
        changed_at=None if at is None else DateTime(format_instant(at)),
        home=told.home,
        looked_up_at=DateTime(told.looked_up_at),
        entry_id=strawberry.ID(str(claim["entry_id"])),
        jws=told.jws,
    )


async def prove_claims(
    info: Info,
    service: Annotated[
        str, strawberry.argument(description="服务记录主键。Key of the service record.")
    ],
    day: Annotated[Date, strawberry.argument(description="哪一日（上海）。Day in Shanghai.")],
) -> ClaimsProofType:
    """Prove whether a service was claimed at the end of a day."""
    context, desk, party = _desk(info, "claimsProof")
    await context.charge(CLAIMS_COST)
    told = await desk.claims_of(party, service, date.fromisoformat(day))
    context.reads.update(desk.reads(None, told.service))
    return ClaimsProofType(
        text=None if told.text is None else told.text.decode(),
        is_claimed=told.is_claimed,
        refused=_refused(told.refused),
    )


def attestation_fields() -> dict[str, Any]:
    """Return the root fields of this module."""
    scope = [RequiresScope(scope=VERIFY_SCOPE)]
    return {
        "attestation": strawberry.field(
            resolver=attest,
            graphql_type=AttestationType | None,
            description="一笔申兑的离线证明：核验、金额、台账凭证。An attestation of a claim for a "
            "finance office: checks, amounts, proofs from the log.",
            directives=scope,
        ),
        "claim_state": strawberry.field(
            resolver=tell_state,
            graphql_type=ClaimStateType | None,
            description="一笔申兑此刻的状态。What a claim is now.",
            directives=scope,
        ),
        "claims_proof": strawberry.field(
            resolver=prove_claims,
            graphql_type=ClaimsProofType | None,
            description="某日终了时该服务是否已被申兑：可离线核验的证明。Was a service claimed at "
            "the end of a day: a proof to verify offline.",
            directives=scope,
        ),
    }


def _attestation(told: AttestationTold) -> AttestationType:
    attested = told.attested
    checks = sorted(told.checks, key=lambda each: FIRST.index(each.result))
    return AttestationType(
        text=None if told.text is None else told.text.decode(),
        valid_until=None if attested is None else Date(attested.valid_until.isoformat()),
        log_size=None if attested is None else SafeInt(attested.log_size),
        refused=_refused(told.refused),
        missing=None if told.missing is None else told.missing.fact,
        checks=[check_of(each) for each in checks],
    )


def _refused(refused: NotAttested | None) -> Any:
    return None if refused is None else NotAttestedCode[refused.name]


def _number(fen: int | None) -> SafeInt | None:
    return None if fen is None else SafeInt(fen)
