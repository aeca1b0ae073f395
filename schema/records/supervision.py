"""Customs records: what customs supervises, approved, was told and was paid for an instrument.

Sources: customs order 245 (articles 14, 15, 16, 22), and the customs form of the national platform
(NRII type 5). Rows are shown to their institution, to parties with an agreement, and to the office
that supervises the instrument, in term and no longer. Which office that is, and so whose district,
the supervision itself names.
"""

from __future__ import annotations

from datetime import date, datetime

from schema.codes import (
    AgreementDataset,
    CustomsApprovalKind,
    CustomsDistrict,
    CustomsGoodsKind,
    ServicePurpose,
)
from schema.identifiers import check_institution_key
from schema.item import Grade, item, record
from schema.parties import Effect, owner_of_key_in, party_in
from schema.records.bounds import NOT_AHEAD
from schema.records.instrument import INSTRUMENT_KEY_PATTERN
from schema.records.rules import interval_of, not_before
from schema.traits import LastWord, Listable, Reported, Supervises
from schema.values import KEY_PATTERN, Money
from schema.visibility import Supervised, by_agreement

DECLARATION_PATTERN = "[0-9]{18}"
ITEM_PATTERN = "[0-9]{1,3}"
NUMBER_PATTERN = r"[^\s/\x00-\x1f]{1,60}"
FIRST_YEAR, LAST_YEAR = 1990, 2100
OF_THE_ITEM = Supervised(("declaration_no", "item_no"))
OF_THE_INSTRUMENT = Supervised(("instrument_key",))


@record(
    "海关监管记录",
    key=("declaration_no", "item_no"),
    prefix="csup",
    owner=owner_of_key_in("instrument_key"),
    scope="customs:read",
    rows=by_agreement(AgreementDataset.CUSTOMS, supervised=OF_THE_ITEM),
    traits=(
        Listable(),
        Reported(),
        Supervises(
            office="customs_key",
            thing="instrument_key",
            kind="goods_kind",
            released="released_on",
            arrived="arrived_on",
            settled="settled_on",
        ),
        LastWord(),
    ),
    checks=(not_before("arrivedOn", "releasedOn"), interval_of("releasedOn", "settledOn")),
)
class CustomsSupervision:
    """An instrument that was imported free of duty, as its import declaration states it."""

    declaration_no: str = item("报关单号", "Number of the declaration", pattern=DECLARATION_PATTERN)
    item_no: str = item("项号", "Item of the declaration", pattern=ITEM_PATTERN)
    instrument_key: str = item(
        "仪器",
        "Instrument",
        ref="Instrument",
        inverse="customs_supervisions",
        pattern=INSTRUMENT_KEY_PATTERN,
        filterable=True,
    )
    customs_key: str | None = item(
        "主管海关",
        "Competent customs office",
        grade=Grade.L3,
        pattern=KEY_PATTERN,
        check=check_institution_key,
        names="Institution",
        filterable=True,
        default=None,
    )
    district: CustomsDistrict | None = item(
        "直属海关", "Customs district", grade=Grade.L3, filterable=True, default=None
    )
    goods_kind: CustomsGoodsKind | None = item(
        "货物类别", "Kind of goods, which decides the term", grade=Grade.L3, default=None
    )
    declared_name: str | None = item(
        "报关名称", "Name on the declaration", grade=Grade.L3, length_max=200, default=None
    )
    released_on: date | None = item(
        "放行日期",
        "Day of release: the term runs from it",
        grade=Grade.L3,
        filterable=True,
        sortable=True,
        plausible=(NOT_AHEAD,),
        default=None,
    )
    arrived_on: date | None = item(
        "到货日期",
        "Day of arrival, where a source knows no release",
        grade=Grade.L3,
        plausible=(NOT_AHEAD,),
        default=None,
    )
    applicant_key: str | None = item(
        "减免税申请人",
        "Who applied for the exemption",
        grade=Grade.L3,
        pattern=KEY_PATTERN,
        check=check_institution_key,
        default=None,
    )
    approved_place: str | None = item(
        "核准地点",
        "Place of use that customs approved",
        grade=Grade.L3,
        length_max=200,
        default=None,
    )
    approved_uses: tuple[ServicePurpose, ...] = item(
        "核准用途", "Purposes of the exemption", grade=Grade.L3, default=()
    )
    regime: str | None = item(
        "政策依据",
        "Paper that the exemption rests on",
        grade=Grade.L3,
        length_max=200,
        default=None,
    )
    nrii_since: date | None = item(
        "纳入国家网络管理平台日期",
        "Since when the national platform has it",
        grade=Grade.L3,
        default=None,
    )
    settled_on: date | None = item(
        "解除监管日期",
        "Day on which supervision was ended early",
        grade=Grade.L3,
        default=None,
    )


@record(
    "海关批准",
    key=("customs_key", "notice_no"),
    prefix="capp",
    owner=owner_of_key_in("instrument_key"),
    issuer=party_in("customs_key"),
    effect=Effect.DECISION,
    scope="customs:read",
    rows=by_agreement(AgreementDataset.CUSTOMS, supervised=OF_THE_INSTRUMENT),
    traits=(Listable(), LastWord()),
    checks=(interval_of("validFrom", "validUntil"),),
)
class CustomsApproval:
    """What customs allowed for a supervised instrument, as a notice states it."""

    customs_key: str = item(
        "批准海关",
        "Customs office that approved",
        pattern=KEY_PATTERN,
        check=check_institution_key,
        names="Institution",
        filterable=True,
    )
    notice_no: str = item("通知书编号", "Number of the notice", pattern=NUMBER_PATTERN)
    instrument_key: str = item(
        "仪器",
        "Instrument",
        ref="Instrument",
        inverse="customs_approvals",
        pattern=INSTRUMENT_KEY_PATTERN,
        filterable=True,
    )
    kind: CustomsApprovalKind = item("批准事项", "What was approved", filterable=True)
    purposes: tuple[ServicePurpose, ...] = item(
        "批准用途", "Purposes; none means that the notice names none", grade=Grade.L3, default=()
    )
    users: tuple[str, ...] = item(
        "使用单位",
        "Keys of the institutions that may use it; none means that the notice names none",
        grade=Grade.L3,
        pattern=KEY_PATTERN,
        names_key=True,
        default=(),
    )
    district: CustomsDistrict | None = item(
        "所在关区", "District in which it may be used", grade=Grade.L3, default=None
    )
    allowed_place: str | None = item(
        "批准地点", "Where it may be used", grade=Grade.L3, length_max=200, default=None
    )
    valid_from: date | None = item("生效日期", "First day", grade=Grade.L3, default=None)
    valid_until: date | None = item("失效日期", "Last day", grade=Grade.L3, default=None)


@record(
    "减免税货物使用状况报告",
    key=("declaration_no", "item_no", "year"),
    prefix="crep",
    owner=owner_of_key_in("instrument_key"),
    scope="customs:read",
    rows=by_agreement(AgreementDataset.CUSTOMS, supervised=OF_THE_ITEM),
    traits=(Listable(), Reported()),
)
class CustomsReport:
    """That a year's report on the use of a supervised instrument was filed (order 245, art. 15)."""

    declaration_no: str = item("报关单号", "Number of the declaration", pattern=DECLARATION_PATTERN)
    item_no: str = item("项号", "Item of the declaration", pattern=ITEM_PATTERN)
    year: int = item(
        "报告年度",
        "Year in which it was due",
        minimum=FIRST_YEAR,
        maximum=LAST_YEAR,
        filterable=True,
    )
    instrument_key: str = item(
        "仪器",
        "Instrument",
        ref="Instrument",
        inverse="customs_reports",
        pattern=INSTRUMENT_KEY_PATTERN,
        filterable=True,
    )
    customs_key: str | None = item(
        "主管海关",
        "Customs office that it was filed with",
        grade=Grade.L3,
        pattern=KEY_PATTERN,
        check=check_institution_key,
        names="Institution",
        default=None,
    )
    filed_at: datetime | None = item(
        "提交时间",
        "When it was filed",
        grade=Grade.L3,
        sortable=True,
        plausible=(NOT_AHEAD,),
        default=None,
    )


@record(
    "补税记录",
    key=("instrument_key", "record_no"),
    prefix="cduty",
    owner=owner_of_key_in("instrument_key"),
    scope="customs:read",
    rows=by_agreement(AgreementDataset.CUSTOMS, supervised=OF_THE_INSTRUMENT),
    traits=(Listable(), Reported()),
    checks=(interval_of("validFrom", "validUntil"),),
)
class DutyPayment:
    """Duty that was paid so that a supervised instrument may serve another purpose for a time."""

    instrument_key: str = item(
        "仪器",
        "Instrument",
        ref="Instrument",
        inverse="duty_payments",
        pattern=INSTRUMENT_KEY_PATTERN,
        filterable=True,
    )
    record_no: str = item("税款缴纳编号", "Number of the payment", pattern=NUMBER_PATTERN)
    customs_key: str | None = item(
        "主管海关",
        "Customs office that it was paid to",
        grade=Grade.L3,
        pattern=KEY_PATTERN,
        check=check_institution_key,
        names="Institution",
        default=None,
    )
    amount: Money | None = item("税款", "Duty and tax paid", grade=Grade.L3, default=None)
    valid_from: date | None = item("起始日期", "First day covered", grade=Grade.L3, default=None)
    valid_until: date | None = item("终止日期", "Last day covered", grade=Grade.L3, default=None)
