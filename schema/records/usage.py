"""UsageRecord and ServiceRecord: what was really done with an instrument, for whom, for how much.

Rows are shown to their institution, to the user's institution and to parties with an agreement;
a service to an outside user also to the customs office that supervises the instrument, and of it
only what the customs form of the national platform asks for.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from schema.codes import (
    AgreementDataset,
    CollectionMethod,
    ExclusionReason,
    InstitutionKind,
    ServicePurpose,
    ServiceWay,
    UserKind,
)
from schema.identifiers import check_institution_key
from schema.item import Grade, item, record
from schema.parties import owner_of_key_in
from schema.plausible import Unlikely
from schema.records.bounds import CHARGE, HOURS_OF_USE, NOT_AHEAD, SAMPLES, VOUCHER
from schema.records.instrument import INSTRUMENT_KEY_PATTERN
from schema.records.rules import (
    charged_nothing_by_voucher,
    hours_fit_interval,
    interval_of,
    other_purpose_has_tax_record,
    outside_use_has_address,
    voucher_fits_charge,
)
from schema.traits import FoundByDigits, FoundTogether, Listable, Reported
from schema.values import KEY_PATTERN, Money, OriginalText, Project, Review
from schema.visibility import Supervised, by_agreement

OUTSIDE_SERVICE = Supervised(
    ("instrument_key",),
    since="started_at",
    where=("user_side", UserKind.OUTSIDE.value),
    shows=frozenset(
        {
            *("userKey", "userName", "userKind", "userSide"),
            *("startedAt", "endedAt", "hours"),
            *("agreementSigned", "agreementNo", "outsidePremises", "outsideAddress"),
            *("customsNoticeNo", "taxRecord"),
        }
    ),
)
"""What customs sees of services: those to others, since release, without money and content."""


@record(
    "机时记录",
    key=("instrument_key", "local_id"),
    prefix="use",
    owner=owner_of_key_in("instrument_key"),
    per_system=True,
    scope="service:read",
    rows=by_agreement(AgreementDataset.SERVICE, "user_key"),
    traits=(Listable(), Reported()),
    checks=(interval_of("startedAt", "endedAt"), hours_fit_interval),
)
class UsageRecord:
    """One use of an instrument, whether or not a service was sold with it."""

    instrument_key: str = item(
        "仪器",
        "Instrument",
        ref="Instrument",
        inverse="usage_records",
        pattern=INSTRUMENT_KEY_PATTERN,
        filterable=True,
    )
    local_id: str = item("来源编号", "Identifier in the source", length_max=150)
    started_at: datetime | None = item(
        "开始时间",
        "Start",
        grade=Grade.L3,
        filterable=True,
        sortable=True,
        plausible=(NOT_AHEAD,),
        default=None,
    )
    ended_at: datetime | None = item(
        "结束时间",
        "End; absent while the use goes on",
        grade=Grade.L3,
        filterable=True,
        plausible=(NOT_AHEAD,),
        default=None,
    )
    hours: Decimal | None = item(
        "机时",
        "Effective hours: start-up, measurement and wind-down that were needed",
        unit="h",
        grade=Grade.L3,
        minimum=0,
        maximum=9999,
        plausible=(HOURS_OF_USE,),
        default=None,
    )
    samples_count: int | None = item(
        "测样数",
        "Samples",
        unit="samples",
        grade=Grade.L3,
        minimum=0,
        plausible=(SAMPLES,),
        default=None,
    )
    user_key: str | None = item(
        "用户单位",
        "Institution of the user",
        grade=Grade.L3,
        pattern=KEY_PATTERN,
        check=check_institution_key,
        names="Institution",
        default=None,
    )
    user_name: str | None = item(
        "用户单位名称", "Name of that institution", grade=Grade.L3, length_max=200, default=None
    )
    user_kind: InstitutionKind | None = item(
        "用户单位类型", "Kind of that institution", grade=Grade.L3, default=None
    )
    user_side: UserKind | None = item(
        "内外部",
        "Inside or outside, judged by legal person and not by department",
        grade=Grade.L3,
        filterable=True,
        default=None,
    )
    user_reference: str | None = item(
        "用户代号",
        "Pseudonym of the user, meaningful to its source only",
        grade=Grade.L4,
        length_max=100,
        default=None,
    )
    purpose: ServicePurpose | None = item(
        "用途", "Purpose", grade=Grade.L3, filterable=True, default=None
    )
    collection_method: CollectionMethod = item("采集方式", "How the hours were collected")
    recorded_at: datetime | None = item(
        "登记时间",
        "When the source wrote it down",
        grade=Grade.L3,
        plausible=(NOT_AHEAD,),
        default=None,
    )
    project_reference: str | None = item(
        "课题编号", "Project number in the source", grade=Grade.L3, length_max=150, default=None
    )
    order_id: str | None = item(
        "订单编号",
        "Local number of the order that it was for, where the source tells",
        grade=Grade.L3,
        length_max=150,
        names_key=True,
        default=None,
    )
    originals: tuple[OriginalText, ...] = item(
        "原始文本", "Source texts that were converted", grade=Grade.L3, default=()
    )


@record(
    "服务记录",
    key=("instrument_key", "local_id"),
    prefix="svc",
    owner=owner_of_key_in("instrument_key"),
    per_system=True,
    scope="service:read",
    rows=by_agreement(AgreementDataset.SERVICE, "user_key", supervised=OUTSIDE_SERVICE),
    traits=(
        FoundByDigits(item="invoice_no"),
        FoundTogether(items=(("instrument_key", "ended_at"), ("key",))),
        Listable(),
        Reported(),
    ),
    checks=(
        interval_of("startedAt", "endedAt"),
        hours_fit_interval,
        other_purpose_has_tax_record,
        outside_use_has_address,
        voucher_fits_charge,
    ),
    unlikely=(
        Unlikely(
            find=charged_nothing_by_voucher,
            zh="有创新券抵扣而没有服务金额，请补充服务金额",
            en="a voucher pays and no charge is stated; state the charge",
        ),
    ),
)
class ServiceRecord:
    """One service given with an instrument: user, duration, content and charge."""

    instrument_key: str = item(
        "仪器",
        "Instrument",
        ref="Instrument",
        inverse="service_records",
        pattern=INSTRUMENT_KEY_PATTERN,
        filterable=True,
    )
    local_id: str = item(
        "服务记录编号",
        "Identifier in the source",
        length_max=150,
        filterable=True,
        identifies=True,
    )
    offer_code: str | None = item(
        "服务编号",
        "Offer that it was given under",
        grade=Grade.L3,
        length_max=150,
        names_key=True,
        default=None,
    )
    user_key: str | None = item(
        "用户单位",
        "Institution of the user",
        grade=Grade.L3,
        pattern=KEY_PATTERN,
        check=check_institution_key,
        names="Institution",
        filterable=True,
        default=None,
    )
    user_name: str | None = item(
        "用户单位名称", "Name of that institution", grade=Grade.L3, length_max=200, default=None
    )
    user_kind: InstitutionKind | None = item(
        "用户单位类型", "Kind of that institution", grade=Grade.L3, default=None
    )
    user_side: UserKind | None = item(
        "内外部",
        "Inside or outside, judged by legal person and not by department",
        grade=Grade.L3,
        filterable=True,
        default=None,
    )
    user_reference: str | None = item(
        "用户代号",
        "Pseudonym of the user, meaningful to its source only",
        grade=Grade.L4,
        length_max=100,
        default=None,
    )
    started_at: datetime | None = item(
        "开始时间",
        "Start",
        grade=Grade.L3,
        filterable=True,
        sortable=True,
        plausible=(NOT_AHEAD,),
        default=None,
    )
    ended_at: datetime | None = item(
        "结束时间",
        "End",
        grade=Grade.L3,
        filterable=True,
        sortable=True,
        plausible=(NOT_AHEAD,),
        default=None,
    )
    start_derived: bool | None = item(
        "开始时间为推算",
        "The start was computed from end and hours",
        grade=Grade.L3,
        default=None,
    )
    hours: Decimal | None = item(
        "服务机时",
        "Hours of service",
        unit="h",
        grade=Grade.L3,
        minimum=0,
        maximum=9999,
        plausible=(HOURS_OF_USE,),
        default=None,
    )
    samples_count: int | None = item(
        "样品数",
        "Samples",
        unit="samples",
        grade=Grade.L3,
        minimum=0,
        plausible=(SAMPLES,),
        default=None,
    )
    purpose: ServicePurpose = item("服务类型", "Purpose", filterable=True)
    ways: tuple[ServiceWay, ...] = item("服务方式", "Ways of service", default=())
    content: str | None = item(
        "服务内容", "What was done", grade=Grade.L3, length_max=1000, multiline=True, default=None
    )
    charge: Money | None = item(
        "服务金额，单位元",
        "Charge, in yuan",
        grade=Grade.L3,
        filterable=True,
        plausible=(CHARGE,),
        default=None,
    )
    voucher_fen: int | None = item(
        "创新券抵扣金额，单位分（100 分为 1 元，服务金额以元计）",
        "Part of the charge that a voucher pays, in fen: 100 fen are 1 yuan of the charge",
        unit="fen CNY",
        grade=Grade.L3,
        scope="voucher:read",
        minimum=0,
        plausible=(VOUCHER,),
        default=None,
    )
    invoice_no: str | None = item(
        "发票号码",
        "Invoice number",
        grade=Grade.L3,
        length_max=60,
        filterable=True,
        identifies=True,
        default=None,
    )
    collection_method: CollectionMethod = item("采集方式", "How the hours were collected")
    recorded_at: datetime | None = item(
        "登记时间",
        "When the source wrote it down",
        grade=Grade.L3,
        plausible=(NOT_AHEAD,),
        default=None,
    )
    agreement_signed: bool | None = item(
        "是否签订协议", "A service agreement was signed", grade=Grade.L3, default=None
    )
    agreement_no: str | None = item(
        "协议编号", "Number of that agreement", grade=Grade.L3, length_max=100, default=None
    )
    outside_premises: bool | None = item(
        "是否单位外使用", "Used outside the institution", grade=Grade.L3, default=None
    )
    outside_address: str | None = item(
        "对外服务地址", "Where, if outside", grade=Grade.L3, length_max=200, default=None
    )
    customs_notice_no: str | None = item(
        "海关通知书编号",
        "Customs notice, where the simple procedure does not apply",
        grade=Grade.L3,
        scope="customs:read",
        length_max=60,
        default=None,
    )
    tax_record: str | None = item(
        "补税记录",
        "Duty paid for another purpose (138)",
        grade=Grade.L3,
        scope="customs:read",
        length_max=300,
        default=None,
    )
    exclusions: tuple[ExclusionReason, ...] = item(
        "不计奖补原因", "Why it earns no award", grade=Grade.L3, default=()
    )
    project: Project | None = item("课题", "Project", grade=Grade.L3, default=None)
    review: Review | None = item("服务评价", "Review by the user", grade=Grade.L3, default=None)
    originals: tuple[OriginalText, ...] = item(
        "原始文本", "Source texts that were converted", grade=Grade.L3, default=()
    )
