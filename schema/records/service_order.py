"""ServiceOrder: a booking and the way it has gone, as the system that keeps it reports it."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from schema.codes import AgreementDataset, OrderState, ServicePurpose
from schema.identifiers import check_institution_key
from schema.item import Grade, item, record
from schema.parties import owner_of_key_in
from schema.records.bounds import CHARGE, HOURS_OF_USE, NOT_AHEAD, VOUCHER
from schema.records.instrument import INSTRUMENT_KEY_PATTERN
from schema.records.order_path import is_of_hub, order_guard
from schema.records.rules import interval_of, steps_are_ordered, voucher_fits_charge
from schema.traits import Findable, FoundByDigits, FoundTogether, Guarded, Listable, Reported
from schema.values import KEY_PATTERN, Money, OrderResult, OrderStep, Review
from schema.visibility import by_agreement


@record(
    "服务订单",
    key=("instrument_key", "local_id"),
    prefix="order",
    owner=owner_of_key_in("instrument_key"),
    per_system=True,
    scope="service:read",
    rows=by_agreement(AgreementDataset.SERVICE, "user_key"),
    traits=(
        Findable(by=("id",)),
        FoundByDigits(item="invoice_no"),
        FoundTogether(items=(("instrument_key", "service_id"), ("instrument_key", "local_id"))),
        Listable(),
        Reported(),
        Guarded(guard=order_guard, locks=lambda _: (), applies=is_of_hub),
    ),
    checks=(
        interval_of("startAt", "endAt", required=True),
        steps_are_ordered,
        voucher_fits_charge,
    ),
)
class ServiceOrder:
    """What somebody ordered of an instrument, and how far it has gone."""

    instrument_key: str = item(
        "仪器",
        "Instrument",
        ref="Instrument",
        inverse="orders",
        pattern=INSTRUMENT_KEY_PATTERN,
        filterable=True,
    )
    local_id: str = item("订单编号", "Number in the source", length_max=150)
    state: OrderState = item("状态", "How far it has gone", filterable=True)
    user_key: str | None = item(
        "用户单位",
        "Institution that ordered",
        grade=Grade.L3,
        pattern=KEY_PATTERN,
        check=check_institution_key,
        names="Institution",
        filterable=True,
        default=None,
    )
    offer_code: str | None = item(
        "服务编号",
        "Offer that it is of",
        grade=Grade.L3,
        length_max=150,
        names_key=True,
        default=None,
    )
    purpose: ServicePurpose | None = item(
        "用途", "Purpose", grade=Grade.L3, filterable=True, default=None
    )
    requested_at: datetime | None = item(
        "申请时间",
        "When it was asked for",
        grade=Grade.L3,
        sortable=True,
        plausible=(NOT_AHEAD,),
        default=None,
    )
    start_at: datetime | None = item(
        "预约开始时间", "Booked from", grade=Grade.L3, filterable=True, sortable=True, default=None
    )
    end_at: datetime | None = item("预约结束时间", "Booked until", grade=Grade.L3, default=None)
    hours: Decimal | None = item(
        "预约机时",
        "Hours booked",
        unit="h",
        grade=Grade.L3,
        minimum=0,
        maximum=9999,
        plausible=(HOURS_OF_USE,),
        default=None,
    )
    charge: Money | None = item(
        "订单金额", "Charge, in yuan", grade=Grade.L3, plausible=(CHARGE,), default=None
    )
    voucher_fen: int | None = item(
        "创新券抵扣金额，单位分（100 分为 1 元，订单金额以元计）",
        "Part of the charge that a voucher pays, in fen: 100 fen are 1 yuan of the charge",
        unit="fen CNY",
        grade=Grade.L3,
        scope="voucher:read",
        minimum=0,
        plausible=(VOUCHER,),
        default=None,
    )
    invoice_no: str | None = item(
        "发票号码", "Invoice number", grade=Grade.L3, length_max=60, default=None
    )
    service_id: str | None = item(
        "服务记录编号",
        "Local number of the service record that it ended in",
        grade=Grade.L3,
        length_max=150,
        names_key=True,
        default=None,
    )
    payer_key: str | None = item(
        "付款单位",
        "Institution that pays",
        grade=Grade.L3,
        pattern=KEY_PATTERN,
        check=check_institution_key,
        names="Institution",
        default=None,
    )
    usage_id: str | None = item(
        "机时记录编号",
        "Local number of the usage record that it was used by",
        grade=Grade.L3,
        length_max=150,
        names_key=True,
        default=None,
    )
    result: OrderResult | None = item(
        "服务结果", "What the user was given", grade=Grade.L3, default=None
    )
    review: Review | None = item("服务评价", "Review by the user", grade=Grade.L3, default=None)
    reference: str | None = item(
        "预约编号",
        "Number of the booking at the system that keeps the calendar",
        grade=Grade.L3,
        length_max=150,
        default=None,
    )
    moved_from: str | None = item(
        "原订单编号",
        "Local number of the order in place of which it was booked",
        grade=Grade.L3,
        length_max=150,
        names_key=True,
        default=None,
    )
    steps: tuple[OrderStep, ...] = item(
        "过程", "Steps so far, in order of time", grade=Grade.L3, default=()
    )
