"""`disposals`: whether a duty-free instrument may be leased, transferred, pledged or scrapped.

Beside it the duty on the rest of the term, as an estimate. Worked out by `hub.customs`; anonymous
callers get none of it.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal as Number
from typing import Annotated, Any

import strawberry
from strawberry.types import Info

from hub.audit.protected import ProtectedRead
from hub.customs.disposal import (
    DisposalAnswer,
    DisposalQuestion,
    DutyEstimate,
    value_in_fen,
    yuan_of,
)
from hub.customs.limits import DECISION_COST
from hub.customs.service import CUSTOMS_SCOPE
from hub.graphql.customs import (
    CustomsEvidenceType,
    CustomsReasonType,
    asker_of,
    desk_for,
    evidence_type,
    read_of,
    reason_of,
)
from hub.graphql.enums import (
    CustomsAnswerCode,
    CustomsDisposal,
    CustomsProcedure,
    CustomsRemedy,
    stated_code,
)
from hub.graphql.hints import many
from hub.graphql.scalars import Date, DateTime, Decimal
from hub.graphql.types import RequiresScope
from hub.policy.customs.disposal import DisposalKind
from schema.dates import format_instant
from schema.visibility import PUBLIC_SCOPE


@strawberry.type(
    name="DutyEstimate",
    description="补税完税价格的估算，单位元，不是海关核定的税额。An estimate, in yuan, of the "
    "value on which duty would be due; never an assessment.",
)
class DutyEstimateType:
    """The value on which duty would be due for the rest of the term: an estimate."""

    value: Decimal = strawberry.field(description="所用的进口价值。Value at import, as taken.")
    base: Decimal = strawberry.field(
        description="剩余监管期的完税价格（估算）。What is left of it for the rest of the term."
    )
    released_on: Date = strawberry.field(description="放行日期。Day of release.")
    on: Date = strawberry.field(description="估算至哪一天。The day of the disposal.")


@strawberry.type(
    name="DisposalDecision",
    description="海关规则对一次处置的答复；处置前须重新询问。What customs law answers to a "
    "disposal; ask again when you act on it.",
)
class DisposalDecisionType:
    """What customs law answers to a disposal."""

    answer: CustomsAnswerCode = strawberry.field(
        description="答复；只有 ALLOW 可以处置。Go on with ALLOW only."
    )
    rule: int = strawberry.field(
        description="海关总署令第245号的条款。Article of customs order 245."
    )
    reasons: many(CustomsReasonType) = strawberry.field(  # type: ignore[valid-type]
        description="理由。The reasons, in order."
    )
    procedure: CustomsProcedure = strawberry.field(description="手续。What goes with it.")
    remedy: CustomsRemedy | None = strawberry.field(
        description="可行的补救。What would make it an ALLOW."
    )
    missing: str | None = strawberry.field(
        description="因何事实未知而无法答复。The fact for want of which nothing is known."
    )
    notice_no: str | None = strawberry.field(
        description="海关通知书编号。Number of the notice.",
        directives=[RequiresScope(scope=CUSTOMS_SCOPE)],
    )
    as_of: DateTime | None = strawberry.field(
        description="海关数据的时刻。How old what customs says is."
    )
    valid_until: DateTime | None = strawberry.field(
        description="答复有效至（不含）。Until when it holds."
    )
    evidence: many(CustomsEvidenceType) = strawberry.field(  # type: ignore[valid-type]
        description="依据。Records that it rests on.",
        directives=[RequiresScope(scope=CUSTOMS_SCOPE)],
    )
    estimate: DutyEstimateType | None = strawberry.field(
        description="补税估算，仅告知可见依据者。Estimate of duty, for who may see the evidence.",
        directives=[RequiresScope(scope=CUSTOMS_SCOPE)],
    )
    no_estimate: CustomsReasonType | None = strawberry.field(
        description="因何不能估算。Why there is no estimate.",
        directives=[RequiresScope(scope=CUSTOMS_SCOPE)],
    )
    undecided: list[str] = strawberry.field(
        description="所依据的参数中法无明文者。Parameters behind it that the law leaves open."
    )
    jws: str | None = strawberry.field(
        description="同一答复的签名（hub-customs-disposal+jws）。The same, signed by the hub."
    )


async def decide_disposal(
    info: Info,
    instrument: Annotated[
        str, strawberry.argument(description="仪器主键或平台标识。Key or identity.")
    ],
    kind: Annotated[CustomsDisposal, strawberry.argument(description="如何处置。What is done.")],
    on: Annotated[Date, strawberry.argument(description="哪一天（上海）。Day in Shanghai.")],
    value: Annotated[
        Decimal | None,
        strawberry.argument(
            description="进口价值，单位元；缺省为可见的原值。Value at import in yuan; by default "
            "the original value, where you may read it."
        ),
    ] = strawberry.UNSET,
) -> DisposalDecisionType:
    """Answer whether an instrument may be disposed of."""
    context = info.context
    desk = desk_for(context, PUBLIC_SCOPE, "disposalDecision")
    question = DisposalQuestion(
        instrument=instrument,
        kind=stated_code(DisposalKind, kind),
        on=date.fromisoformat(on),
        value_fen=value_in_fen(Number(value)) if value else None,
    )
    await context.charge(DECISION_COST)
    answer = await desk.dispose(question, asker_of(context))
    context.reads |= {read_of(context, *each) for each in answer.read}
    if answer.value_of is not None:
        item = context.model.registry["Instrument"].item("original_value")
        context.reads.add(ProtectedRead(item.grade.name, item.scope, *answer.value_of))
    return _decision(answer)


def disposal_fields() -> dict[str, Any]:
    """Return the root fields of this module."""
    return {
        "disposal_decision": strawberry.field(
            resolver=decide_disposal,
            graphql_type=DisposalDecisionType | None,
            description="减免税仪器可否出租、转让、抵押或报废，及补税估算。May a duty-free "
            "instrument be leased, transferred, pledged or scrapped; with an estimate of duty.",
            directives=[RequiresScope(scope=PUBLIC_SCOPE)],
        )
    }


def _decision(answer: DisposalAnswer) -> DisposalDecisionType:
    return DisposalDecisionType(
        answer=CustomsAnswerCode[answer.answer.name],
        rule=answer.rule,
        reasons=[reason_of(each) for each in answer.reasons],
        procedure=CustomsProcedure[answer.procedure.name],
        remedy=None if answer.remedy is None else CustomsRemedy[answer.remedy.name],
        missing=answer.missing,
        notice_no=answer.notice_no,
        as_of=None if answer.as_of is None else DateTime(format_instant(answer.as_of)),
        valid_until=None
        if answer.valid_until is None
        else DateTime(format_instant(answer.valid_until)),
        evidence=[evidence_type(each) for each in answer.evidence],
        estimate=None if answer.estimate is None else _estimate(answer.estimate),
        no_estimate=None if answer.no_estimate is None else reason_of(answer.no_estimate),
        undecided=list(answer.undecided),
        jws=answer.jws,
    )


def _estimate(estimate: DutyEstimate) -> DutyEstimateType:
    return DutyEstimateType(
        value=_yuan(estimate.value_fen),
        base=_yuan(estimate.base_fen),
        released_on=Date(estimate.released_on.isoformat()),
        on=Date(estimate.on.isoformat()),
    )


def _yuan(fen: int) -> Decimal:
    return Decimal(yuan_of(fen))
