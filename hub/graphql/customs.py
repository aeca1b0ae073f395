"""`customs`: decisions of customs law and reports due, as GraphQL fields.

They are worked out by `hub.customs` and compile to no statement. Anonymous callers
get none of them.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Annotated, Any

import strawberry
from strawberry.types import Info

from hub.audit.protected import ProtectedRead
from hub.customs.answer import CustomsDue, CustomsEvidence, UseAnswer
from hub.customs.limits import DECISION_COST, LIST_COST
from hub.customs.question import UseQuestion
from hub.customs.service import CUSTOMS_SCOPE, CustomsAsker, CustomsDesk
from hub.customs.sight import SUPERVISION
from hub.customs.words import CustomsReason
from hub.errors import ErrorCode
from hub.graphql.enums import (
    CustomsAnswerCode,
    CustomsProcedure,
    CustomsRemedy,
    District,
    Purpose,
    stated_code,
)
from hub.graphql.hints import many
from hub.graphql.hooks import RequestContext
from hub.graphql.known_caller import known_party
from hub.graphql.scalars import Date, DateTime
from hub.graphql.types import RequiresScope
from hub.query.plan.errors import QueryError
from hub.query.sql.marks import grade_of_rows
from schema.codes import CustomsDistrict, ServicePurpose
from schema.dates import format_instant
from schema.visibility import PUBLIC_SCOPE


@strawberry.type(name="CustomsReason", description="一步理由。One step of the way to an answer.")
class CustomsReasonType:
    """One step of the way to an answer."""

    code: str = strawberry.field(description="稳定代码。Stable code.")
    zh: str = strawberry.field(description="中文。In Chinese.")
    en: str = strawberry.field(description="英文。In English.")


@strawberry.type(
    name="CustomsEvidence",
    description="所依据的海关记录，仅告知海关与管理单位。A record that it rests on; told to "
    "customs and the owner only.",
)
class CustomsEvidenceType:
    """A record that a decision rests on."""

    record_type: str = strawberry.field(description="记录类型。Record type.")
    key: str = strawberry.field(description="自然键。Natural key.")
    entry_id: strawberry.ID = strawberry.field(description="台账条目。Entry.")
    source: str = strawberry.field(description="来源。Source.")
    as_of: DateTime | None = strawberry.field(
        description="来源最近确认的时刻。When its source last confirmed it."
    )


@strawberry.input(name="PlaceOfUse", description="使用地点：关区与名称。Where something is used.")
class PlaceOfUseInput:
    """Where an instrument is used."""

    district: District = strawberry.field(description="直属海关。Customs district.")
    name: str = strawberry.field(
        description="校区或园区名称，与核准地点同名。Campus, named as customs approved it."
    )


@strawberry.type(
    name="UseDecision",
    description="海关规则对一次使用的答复；到期或数据变动后须重新询问。What customs law answers "
    "to a use; ask again after `validUntil`, and when you act on it.",
)
class UseDecisionType:
    """What customs law answers to a use."""

    answer: CustomsAnswerCode = strawberry.field(
        description="答复；只有 ALLOW 可以使用。Go on with ALLOW only."
    )
    rule: int = strawberry.field(description="所适用的规则，1 至 9。Rule that answered, 1 to 9.")
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
        description="海关通知书编号，须写入服务记录；仅告知海关与管理单位。Number of the notice.",
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
    undecided: list[str] = strawberry.field(
        description="所依据的参数中法无明文者，见 policyParameters。Parameters behind it "
        "that the law leaves open."
    )
    jws: str | None = strawberry.field(
        description="同一答复的签名（hub-customs-decision+jws）。The same, signed by the hub."
    )


@strawberry.type(
    name="CustomsDue",
    description="监管期内的一项减免税货物及其年度报告。A supervised item in term, and its reports.",
)
class CustomsDueType:
    """A supervised item in term, and the reports that it asks for."""

    instrument: str = strawberry.field(description="仪器主键。Key of the instrument.")
    instrument_name: str | None = strawberry.field(description="仪器名称。Its name.")
    declaration_no: str = strawberry.field(description="报关单号。Number of the declaration.")
    item_no: str = strawberry.field(description="项号。Item.")
    district: District | None = strawberry.field(description="直属海关。Customs district.")
    released_on: Date | None = strawberry.field(description="放行日期。Day of release.")
    last_day: Date | None = strawberry.field(description="监管期最后一日。Last day of the term.")
    days_left: int | None = strawberry.field(description="剩余天数。Days until then.")
    overdue: list[int] = strawberry.field(
        description="逾期未交的报告年度。Years whose report is overdue."
    )
    next_due_on: Date | None = strawberry.field(
        description="下一份未交报告的截止日（含当日）。Last day of the next report not filed."
    )
    missing: CustomsReasonType | None = strawberry.field(
        description="因何无法算出。Why it could not be worked out."
    )


@strawberry.type(
    name="CustomsDueList", description="监管期内的货物。Supervised items in term on a day."
)
class CustomsDueListType:
    """Supervised items in term on a day."""

    on: Date = strawberry.field(description="哪一天。The day.")
    items: many(CustomsDueType) = strawberry.field(  # type: ignore[valid-type]
        description="各项货物，放行日期早者在前。The items, first released first."
    )
    is_whole: bool = strawberry.field(
        description="是否为全部；否则请按仪器询问。False: there are more; ask by instrument."
    )


def desk_for(context: RequestContext, scope: str, field: str) -> CustomsDesk:
    """Return the desk for a caller that is known and has a scope."""
    known_party(context.caller, scope, field)
    if context.customs is None:
        raise QueryError(
            ErrorCode.FORBIDDEN, "此接口不提供海关答复", "this endpoint has no customs"
        )
    return context.customs


async def decide_use(  # noqa: PLR0913, PLR0917 - the arguments of a field
    info: Info,
    instrument: Annotated[
        str, strawberry.argument(description="仪器主键或平台标识。Key or identity.")
    ],
    purpose: Annotated[Purpose, strawberry.argument(description="用途。Purpose.")],
    user: Annotated[str, strawberry.argument(description="使用单位主键。Key of the user.")],
    from_: Annotated[
        Date, strawberry.argument(name="from", description="第一日（上海）。First day in Shanghai.")
    ],
    until: Annotated[Date, strawberry.argument(description="最后一日（含）。Last day, included.")],
    place: Annotated[
        PlaceOfUseInput | None,
        strawberry.argument(description="缺省为核准地点。By default where customs approved."),
    ] = strawberry.UNSET,
    agreement_signed: Annotated[
        bool | None,
        strawberry.argument(
            description="服务协议是否已签，仅由管理单位说明。A service agreement was signed; "
            "stated by the owner alone."
        ),
    ] = strawberry.UNSET,
    clinical: Annotated[  # noqa: FBT002 - an argument of a field, which has a name
        bool,
        strawberry.argument(
            description="用于附属医院的临床活动，另有规则。It serves patients of an affiliated "
            "hospital, for which there are rules of their own."
        ),
    ] = False,
) -> UseDecisionType:
    """Answer whether an instrument may serve a use."""
    context = info.context
    desk = desk_for(context, PUBLIC_SCOPE, "useDecision")
    question = UseQuestion(
        instrument=instrument,
        user=user,
        purpose=stated_code(ServicePurpose, purpose),
        first=date.fromisoformat(from_),
        last=date.fromisoformat(until),
        district=stated_code(CustomsDistrict, place.district) if place else None,
        place=place.name if place else None,
        agreement_signed=None if agreement_signed is strawberry.UNSET else agreement_signed,
        clinical=clinical,
    )
    await context.charge(DECISION_COST)
    answer = await desk.decide(question, asker_of(context))
    context.reads |= {
        read_of(context, record, item_id, owner) for record, item_id, owner in answer.read
    }
    return _decision(answer)


async def list_customs_due(
    info: Info,
    on: Annotated[
        Date | None, strawberry.argument(description="哪一天，缺省今天。Day; today.")
    ] = strawberry.UNSET,
    instrument: Annotated[
        str | None, strawberry.argument(description="只看一台仪器。Of one instrument, by its key.")
    ] = strawberry.UNSET,
) -> CustomsDueListType:
    """Return supervised items in term with the reports that they ask for."""
    context = info.context
    desk = desk_for(context, CUSTOMS_SCOPE, "customsReportsDue")
    await context.charge(LIST_COST)
    found = await desk.due(
        asker_of(context),
        on=date.fromisoformat(on) if on else None,
        instrument=instrument or None,
    )
    context.reads |= {
        read_of(context, SUPERVISION, each.item_id, each.owner) for each in found.items
    }
    return CustomsDueListType(
        on=Date(found.on.isoformat()),
        items=[_due(each) for each in found.items],
        is_whole=found.is_whole,
    )


def customs_fields() -> dict[str, Any]:
    """Return the root fields of this module."""
    return {
        "use_decision": strawberry.field(
            resolver=decide_use,
            graphql_type=UseDecisionType | None,
            description="减免税仪器可否作此使用：答复、理由、手续、补救、有效期，经平台签名。"
            "May a duty-free instrument serve this use: answer, reasons, procedure, remedy, "
            "validity, signed.",
            directives=[RequiresScope(scope=PUBLIC_SCOPE)],
        ),
        "customs_reports_due": strawberry.field(
            resolver=list_customs_due,
            graphql_type=CustomsDueListType | None,
            description="可见的监管期内货物，及应交的年度报告。Supervised items in term that you "
            "may see, and the yearly reports due.",
            directives=[RequiresScope(scope=CUSTOMS_SCOPE)],
        ),
    }


def asker_of(context: RequestContext) -> CustomsAsker:
    """Return who asks."""
    return CustomsAsker(context.caller.party, context.caller.scopes)


def read_of(context: RequestContext, record: str, item_id: str, owner: str) -> ProtectedRead:
    """Return what the audit is told of a record that an answer names."""
    spec = context.model.registry[record]
    return ProtectedRead(grade_of_rows(spec), spec.scope, item_id, owner)


def _decision(answer: UseAnswer) -> UseDecisionType:
    return UseDecisionType(
        answer=CustomsAnswerCode[answer.answer.name],
        rule=answer.rule,
        reasons=[reason_of(each) for each in answer.reasons],
        procedure=CustomsProcedure[answer.procedure.name],
        remedy=None if answer.remedy is None else CustomsRemedy[answer.remedy.name],
        missing=answer.missing,
        notice_no=answer.notice_no,
        as_of=_optional(answer.as_of, _instant),
        valid_until=_optional(answer.valid_until, _instant),
        evidence=[evidence_type(each) for each in answer.evidence],
        undecided=list(answer.undecided),
        jws=answer.jws,
    )


def reason_of(reason: CustomsReason) -> CustomsReasonType:
    """Return a reason as the interface tells it."""
    return CustomsReasonType(code=reason.code, zh=reason.zh, en=reason.en)


def evidence_type(evidence: CustomsEvidence) -> CustomsEvidenceType:
    """Return a piece of evidence as the interface tells it."""
    return CustomsEvidenceType(
        record_type=evidence.record_type,
        key=evidence.key,
        entry_id=strawberry.ID(evidence.entry_id),
        source=evidence.source,
        as_of=_optional(evidence.as_of, _instant),
    )


def _due(due: CustomsDue) -> CustomsDueType:
    return CustomsDueType(
        instrument=due.instrument,
        instrument_name=due.instrument_name,
        declaration_no=due.declaration_no,
        item_no=due.item_no,
        district=_optional(due.district, District.__getitem__),
        released_on=_optional(due.released_on, _day),
        last_day=_optional(due.last_day, _day),
        days_left=due.days_left,
        overdue=list(due.overdue),
        next_due_on=_optional(due.next_due_on, _day),
        missing=_optional(due.missing, reason_of),
    )


def _optional(value: Any, read: Callable[[Any], Any]) -> Any:
    return None if value is None else read(value)


def _day(day: date) -> Date:
    return Date(day.isoformat())


def _instant(at: Any) -> DateTime:
    return DateTime(format_instant(at))
