"""`voucher_cases`: voucher cases as GraphQL fields: found by a number, and one in full.

Worked out by `hub.vouchers.cases.case_desk`; they compile to no statement. Anonymous callers get
none.
"""

from __future__ import annotations

from enum import Enum
from typing import Annotated, Any

import strawberry
from strawberry.types import Info

from hub.access.scopes import Scope
from hub.errors import ErrorCode
from hub.graphql.hints import many
from hub.graphql.hooks import RequestContext
from hub.graphql.known_caller import known_party
from hub.graphql.scalars import DateTime, SafeInt
from hub.graphql.types import RequiresScope
from hub.graphql.vouchers import VoucherBalance
from hub.policy.law import LawValue, Parameter
from hub.query.plan.errors import QueryError
from hub.vouchers.cases.case_desk import VoucherCaseDesk, VoucherCaseSeen
from hub.vouchers.cases.chain import CaseChain, told_by
from hub.vouchers.cases.search import CaseBy, VoucherCaseFound
from hub.vouchers.cases.sight import Row, protected_read
from hub.vouchers.cases.stations import CaseStation
from hub.vouchers.cases.words import FACTS, LACKING, REFUSED, STATIONS, VoucherWords, said
from hub.vouchers.limits import CASES_COST
from schema.dates import format_instant

CASES_SCOPE = Scope.VOUCHER_READ.value
_CODE, _ZH, _EN = "稳定代码。Stable code.", "中文。In Chinese.", "英文。In English."


@strawberry.enum(name="VoucherCaseBy", description="按什么查找。By what a case is looked for.")
class VoucherCaseBy(Enum):
    """By what a case is looked for."""

    ORDER = strawberry.enum_value("ORDER", description="订单或预约编号。Order or booking.")
    INVOICE = strawberry.enum_value(
        "INVOICE", description="发票号码，任何写法。Invoice, however its number is written."
    )
    VOUCHER = strawberry.enum_value("VOUCHER", description="券编号。Voucher.")
    RECORD = strawberry.enum_value(
        "RECORD", description="服务记录或申兑编号。Number of a service record or of a claim."
    )
    KEY = strawberry.enum_value("KEY", description="主键或平台标识。A whole key, or an identity.")


@strawberry.type(name="VoucherCaseWords", description="代码及其说明。A code with its words.")
class VoucherCaseWords:
    """A code with its words."""

    code: str = strawberry.field(description=_CODE)
    zh: str = strawberry.field(description=_ZH)
    en: str = strawberry.field(description=_EN)


@strawberry.type(name="VoucherCaseFact", description="一项事实。A fact of a case.")
class VoucherCaseFact:
    """A fact of a case."""

    code: str = strawberry.field(description=_CODE)
    zh: str = strawberry.field(description=_ZH)
    en: str = strawberry.field(description=_EN)
    value_zh: str = strawberry.field(description="内容，中文。What it is, in Chinese.")
    value_en: str = strawberry.field(description="内容，英文。What it is, in English.")


@strawberry.type(name="VoucherCaseRecord", description="一条记录。A record of a case.")
class VoucherCaseRecord:
    """A record of a case."""

    record_type: str = strawberry.field(description="记录类型。Record type.")
    id: strawberry.ID = strawberry.field(description="平台标识。Identity.")
    key: str = strawberry.field(description="自然键。Natural key.")
    entry_id: strawberry.ID = strawberry.field(description="台账条目。Entry.")
    source: str = strawberry.field(description="来源。Source.")
    as_of: DateTime = strawberry.field(description="来源何时如此说。When its source said so.")
    checks: list[str] = strawberry.field(description="以此为据的核验。Checks that rest on it.")


@strawberry.type(name="VoucherCaseStation", description="案卷的一站。A station of a case.")
class VoucherCaseStation:
    """A station of a case, from order to claim."""

    code: str = strawberry.field(description=_CODE)
    zh: str = strawberry.field(description=_ZH)
    en: str = strawberry.field(description=_EN)
    facts: many(VoucherCaseFact) = strawberry.field(  # type: ignore[valid-type]
        description="所知。What is known."
    )
    missing: many(VoucherCaseWords) = strawberry.field(  # type: ignore[valid-type]
        description="没有记录、或您无权查看的。What no record states, or is not yours to see."
    )


@strawberry.type(
    name="VoucherCaseParameter", description="当日有效的参数。A parameter in force on the day."
)
class VoucherCaseParameter:
    """A parameter in force on the day on which the service ended."""

    name: str = strawberry.field(description="参数名。Name.")
    zh: str = strawberry.field(description="中文名称。Title in Chinese.")
    en: str = strawberry.field(description="英文名称。Title in English.")
    value: str = strawberry.field(description="值。Value.")
    unit: str = strawberry.field(description="单位。Unit.")
    status: str = strawberry.field(description="效力：UNDECIDED 为枢纽默认值。How firm it is.")
    basis: str = strawberry.field(description="依据。Legal basis.")


@strawberry.type(name="VoucherCase", description="创新券案卷。A voucher case, as its reader may.")
class VoucherCaseType:
    """A voucher case."""

    claim: strawberry.ID | None = strawberry.field(description="申兑。Claim.")
    claim_key: str | None = strawberry.field(description="申兑主键。Key of the claim.")
    claim_state: str | None = strawberry.field(description="申兑状态。State of the claim.")
    claim_fen: SafeInt | None = strawberry.field(description="券抵扣，单位分。Its fen.")
    held_for: many(VoucherCaseWords) = strawberry.field(  # type: ignore[valid-type]
        description="暂缓原因。Why a person must look at the claim."
    )
    voucher: strawberry.ID | None = strawberry.field(description="券。Voucher.")
    voucher_key: str | None = strawberry.field(description="券主键。Key of the voucher.")
    service: strawberry.ID | None = strawberry.field(description="服务记录。Service record.")
    service_key: str | None = strawberry.field(
        description="服务记录主键。Key of the service, also where only the claim names it."
    )
    order: strawberry.ID | None = strawberry.field(description="订单。Order.")
    order_key: str | None = strawberry.field(description="订单主键。Key of the order.")


@strawberry.type(name="VoucherCaseList", description="找到的案卷。The cases that were found.")
class VoucherCaseList:
    """The cases that were found."""

    cases: many(VoucherCaseType) = strawberry.field(  # type: ignore[valid-type]
        description="案卷，有申兑者在前。The cases, those with a claim first."
    )
    is_whole: bool = strawberry.field(
        description="是否为全部；否则请写得更具体。False: there are more; ask for less."
    )


@strawberry.type(name="VoucherCaseFile", description="一个案卷的全部。A voucher case in full.")
class VoucherCaseFile:
    """A voucher case in full, as its reader may see it."""

    case: VoucherCaseType = strawberry.field(description="案卷。The case.")
    stations: many(VoucherCaseStation) = strawberry.field(  # type: ignore[valid-type]
        description="从订单到申兑。From order to claim."
    )
    records: many(VoucherCaseRecord) = strawberry.field(  # type: ignore[valid-type]
        description="所依记录。The records that it rests on."
    )
    parameters: many(VoucherCaseParameter) = strawberry.field(  # type: ignore[valid-type]
        description="服务结束当日有效的参数。Parameters in force on the day of the service."
    )
    lacking_parameters: list[str] = strawberry.field(
        description="当日没有值的参数。Parameters without a value on that day."
    )
    balance: VoucherBalance | None = strawberry.field(
        description="券的额度，仅持券与发放单位可见。Where the money lies; to holder and issuer."
    )
    fault: str | None = strawberry.field(
        description="变动前后不符时的代码。Why there is no balance: movements do not follow."
    )
    is_whole: bool = strawberry.field(
        description="所列记录是否为全部。False: there are more records than are listed."
    )


async def list_cases(
    info: Info,
    text: Annotated[
        str, strawberry.argument(description="编号、发票号码或主键。A number, an invoice or a key.")
    ],
    by: Annotated[
        VoucherCaseBy | None,
        strawberry.argument(description="按什么查找，缺省都查。By what; every way by default."),
    ] = strawberry.UNSET,
) -> VoucherCaseList:
    """Return the cases that a text finds."""
    context: RequestContext = info.context
    desk = _desk(context, "voucherCases")
    await context.charge(CASES_COST)
    sight = await desk.sight(context.caller.party, context.caller.scopes)
    found = await desk.find(sight, text, CaseBy[by.name] if by else None)
    for each in found.cases:
        _note(context, each)
    return VoucherCaseList(cases=[_case(each) for each in found.cases], is_whole=found.is_whole)


async def show_case(
    info: Info,
    id: Annotated[  # noqa: A002 - the wire name
        strawberry.ID,
        strawberry.argument(description="申兑、服务记录、订单或券的标识或主键。Identity or key."),
    ],
) -> VoucherCaseFile | None:
    """Return one case in full."""
    context: RequestContext = info.context
    desk = _desk(context, "voucherCase")
    await context.charge(CASES_COST)
    sight = await desk.sight(context.caller.party, context.caller.scopes)
    seen = await desk.look(sight, str(id))
    if seen is None:
        return None
    for kind, rows in seen.chain.rows.items():
        for row in rows:
            _note_row(context, kind, row)
    return _file(seen)


def voucher_case_fields() -> dict[str, Any]:
    """Return the root fields of this module."""
    return {
        "voucher_cases": strawberry.field(
            resolver=list_cases,
            graphql_type=VoucherCaseList | None,
            description="按订单、发票、券、记录编号或主键查找案卷。Voucher cases by order, "
            "invoice, voucher, number of a record, or key.",
            directives=[RequiresScope(scope=CASES_SCOPE)],
        ),
        "voucher_case": strawberry.field(
            resolver=show_case,
            graphql_type=VoucherCaseFile | None,
            description="一个案卷：各站、记录、参数、额度。One case: stations, records, "
            "parameters, money.",
            directives=[RequiresScope(scope=CASES_SCOPE)],
        ),
    }


def _desk(context: RequestContext, field: str) -> VoucherCaseDesk:
    known_party(context.caller, CASES_SCOPE, field)
    if context.vouchers.cases is None:
        raise QueryError(ErrorCode.FORBIDDEN, "此接口不受理创新券", "this endpoint has no vouchers")
    return context.vouchers.cases


def _note(context: RequestContext, found: VoucherCaseFound) -> None:
    for kind, row in found.records.items():
        _note_row(context, kind, row)


def _note_row(context: RequestContext, kind: str, row: Row) -> None:
    """Note in the audit that a record was read."""
    read = protected_read(context.model.registry[kind], row)
    if read is not None:
        context.reads.add(read)


def _id(row: Row | None) -> strawberry.ID | None:
    return None if row is None else strawberry.ID(row["item_id"])


def _key(row: Row | None) -> str | None:
    return None if row is None else row["key"]


def _fen(claim: Row | None) -> SafeInt | None:
    fen = None if claim is None else claim["voucher_fen"]
    return None if fen is None else SafeInt(fen)


def _holds(claim: Row | None) -> list[str]:
    return list((claim or {}).get("hold_reasons") or ())


def _case(found: VoucherCaseFound) -> VoucherCaseType:
    return VoucherCaseType(
        claim=_id(found.claim),
        claim_key=_key(found.claim),
        claim_state=None if found.claim is None else found.claim["state"],
        claim_fen=_fen(found.claim),
        held_for=[_words(said(REFUSED, each)) for each in _holds(found.claim)],
        voucher=_id(found.voucher),
        voucher_key=_key(found.voucher),
        service=_id(found.service),
        service_key=_key(found.service) or (found.claim or {}).get("service_key"),
        order=_id(found.order),
        order_key=_key(found.order),
    )


def _words(words: VoucherWords) -> VoucherCaseWords:
    return VoucherCaseWords(code=words.code, zh=words.zh, en=words.en)


def _file(seen: VoucherCaseSeen) -> VoucherCaseFile:
    balance = seen.balance
    return VoucherCaseFile(
        case=_case(seen.found),
        stations=[_station(each) for each in seen.stations],
        records=_records(seen.chain),
        parameters=[_parameter(*each) for each in seen.chain.parameters],
        lacking_parameters=list(seen.lacking),
        balance=None
        if balance is None
        else VoucherBalance(**{name: getattr(balance, name) for name in balance.__slots__}),
        fault=seen.fault,
        is_whole=not seen.chain.cut,
    )


def _station(station: CaseStation) -> VoucherCaseStation:
    words = said(STATIONS, station.code)
    return VoucherCaseStation(
        code=words.code,
        zh=words.zh,
        en=words.en,
        facts=[
            VoucherCaseFact(**said(FACTS, name)._asdict(), value_zh=fact.zh, value_en=fact.en)
            for name, fact in station.facts
        ],
        missing=[_words(said(LACKING, code)) for code in station.missing],
    )


def _records(chain: CaseChain) -> list[VoucherCaseRecord]:
    return [
        VoucherCaseRecord(
            record_type=kind,
            id=strawberry.ID(row["item_id"]),
            key=row["key"],
            entry_id=strawberry.ID(str(row["entry_id"])),
            source=row["source"],
            as_of=DateTime(format_instant(row["as_of"])),
            checks=list(told_by(kind)),
        )
        for kind, rows in chain.rows.items()
        for row in rows
    ]


def _parameter(parameter: Parameter, value: LawValue) -> VoucherCaseParameter:
    return VoucherCaseParameter(
        name=parameter.name,
        zh=parameter.title_zh,
        en=parameter.title_en,
        value=str(value.value),
        unit=parameter.unit,
        status=value.status.value,
        basis=value.basis,
    )
