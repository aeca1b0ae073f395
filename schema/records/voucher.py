"""Voucher records: what a voucher system granted and what was claimed, as that system states it.

The hub moves no money by them: they are facts of their issuers. Amounts are whole fen. A state that
is older than the one that stands never replaces it. Field names
follow the front end of a real voucher system (2018) as far as it shows them.
"""

from __future__ import annotations

from datetime import date, datetime

from schema.checks import check_division
from schema.codes import (
    AgreementDataset,
    VoucherClaimState,
    VoucherEvent,
    VoucherService,
    VoucherState,
)
from schema.identifiers import check_institution_key
from schema.item import Grade, item, record
from schema.parties import Effect, party_in
from schema.records.bounds import NOT_AHEAD
from schema.records.instrument import INSTRUMENT_KEY_PATTERN
from schema.records.rules import differ, interval_of, parts_fit_charge
from schema.traits import FoundByDigits, Listable, Progresses
from schema.values import KEY_PATTERN, VoucherMove
from schema.visibility import by_agreement

VOUCHER_PATTERN = r"[^\s/\x00-\x1f]{1,60}"
FEN_MAX = 10**13
DIGEST_PATTERN = "[0-9a-f]{64}"


@record(
    "创新券",
    key=("issuer_key", "code"),
    prefix="vchr",
    owner=party_in("holder_key"),
    issuer=party_in("issuer_key"),
    effect=Effect.DECISION,
    scope="voucher:read",
    rows=by_agreement(AgreementDataset.VOUCHER),
    traits=(Listable(), Progresses(at="changed_at")),
    checks=(interval_of("useFrom", "useUntil"), interval_of("useUntil", "cashUntil")),
)
class Voucher:
    """A voucher that a region granted to an enterprise; two dates end it, of use and of cashing."""

    issuer_key: str = item(
        "发放单位",
        "Department that granted it",
        pattern=KEY_PATTERN,
        check=check_institution_key,
        names="Institution",
        filterable=True,
    )
    code: str = item("券编号", "Number of the voucher", pattern=VOUCHER_PATTERN)
    holder_key: str = item(
        "持券单位",
        "Enterprise that holds it",
        pattern=KEY_PATTERN,
        check=check_institution_key,
        names="Institution",
        filterable=True,
    )
    state: VoucherState = item("券状态", "State", filterable=True)
    payer_division: str | None = item(
        "兑付地区",
        "Division that pays",
        scheme="GB/T 2260",
        grade=Grade.L3,
        pattern="[0-9]{6}",
        check=check_division,
        default=None,
    )
    granted_fen: int | None = item(
        "额度，单位分",
        "Granted, in fen",
        unit="fen CNY",
        grade=Grade.L3,
        minimum=0,
        maximum=FEN_MAX,
        default=None,
    )
    use_from: date | None = item("起用日期", "First day of use", grade=Grade.L3, default=None)
    use_until: date | None = item(
        "使用截止日期", "Last day of use", grade=Grade.L3, sortable=True, default=None
    )
    cash_until: date | None = item(
        "兑付截止日期", "Last day of settlement", grade=Grade.L3, default=None
    )
    services: tuple[VoucherService, ...] = item(
        "适用服务", "Services that it may pay for", grade=Grade.L3, default=()
    )
    rule_set: str | None = item(
        "适用规则", "Rules of the region it was granted under", grade=Grade.L3, length_max=200,
        default=None,
    )  # fmt: skip
    changed_at: datetime | None = item(
        "状态时间",
        "When it came into its state",
        grade=Grade.L3,
        plausible=(NOT_AHEAD,),
        default=None,
    )


@record(
    "创新券申兑",
    key=("issuer_key", "code", "claim_no"),
    prefix="vclm",
    owner=party_in("provider_key"),
    issuer=party_in("issuer_key"),
    effect=Effect.DECISION,
    scope="voucher:read",
    rows=by_agreement(AgreementDataset.VOUCHER, "holder_key"),
    traits=(FoundByDigits(item="invoice_no"), Listable(), Progresses(at="changed_at")),
    checks=(differ("providerKey", "holderKey"), parts_fit_charge),
)
class VoucherClaim:
    """What was claimed on a voucher for one service, and how far its way has gone."""

    issuer_key: str = item(
        "发放单位",
        "Department that granted the voucher",
        pattern=KEY_PATTERN,
        check=check_institution_key,
        names="Institution",
        filterable=True,
    )
    code: str = item(
        "券编号",
        "Number of the voucher",
        pattern=VOUCHER_PATTERN,
        filterable=True,
        identifies=True,
    )
    claim_no: str = item("申兑编号", "Number of the claim", pattern=VOUCHER_PATTERN)
    provider_key: str = item(
        "服务机构",
        "Institution that gave the service",
        pattern=KEY_PATTERN,
        check=check_institution_key,
        names="Institution",
        filterable=True,
    )
    holder_key: str | None = item(
        "持券单位",
        "Enterprise that holds the voucher",
        grade=Grade.L3,
        pattern=KEY_PATTERN,
        check=check_institution_key,
        names="Institution",
        filterable=True,
        default=None,
    )
    state: VoucherClaimState = item("申兑状态", "State", filterable=True)
    service_key: str | None = item(
        "服务记录",
        "Key of the service record that it is claimed for",
        grade=Grade.L3,
        pattern=INSTRUMENT_KEY_PATTERN + r"/[^/\x00-\x1f]{1,150}",
        length_max=400,
        names_key=True,
        filterable=True,
        identifies=True,
        default=None,
    )
    order_no: str | None = item(
        "订单编号",
        "Order that it was reserved for",
        grade=Grade.L3,
        length_max=150,
        filterable=True,
        identifies=True,
        default=None,
    )
    charge_fen: int | None = item(
        "服务金额，单位分",
        "Charge of the service, in fen",
        unit="fen CNY",
        grade=Grade.L3,
        minimum=0,
        maximum=FEN_MAX,
        default=None,
    )
    voucher_fen: int | None = item(
        "券抵扣金额，单位分",
        "Part that the voucher pays, in fen",
        unit="fen CNY",
        grade=Grade.L3,
        minimum=0,
        maximum=FEN_MAX,
        default=None,
    )
    own_fen: int | None = item(
        "自付金额，单位分",
        "Part that the enterprise pays, in fen",
        unit="fen CNY",
        grade=Grade.L3,
        minimum=0,
        maximum=FEN_MAX,
        default=None,
    )
    settled_fen: int | None = item(
        "兑付金额，单位分",
        "What was paid out, in fen",
        unit="fen CNY",
        grade=Grade.L3,
        minimum=0,
        maximum=FEN_MAX,
        default=None,
    )
    invoice_code: str | None = item(
        "发票代码", "Code of the invoice", grade=Grade.L3, length_max=60, default=None
    )
    invoice_no: str | None = item(
        "发票号码", "Number of the invoice", grade=Grade.L3, length_max=60, default=None
    )
    hold_reasons: tuple[str, ...] = item(
        "暂缓原因", "Why it is held", grade=Grade.L3, length_max=200, default=()
    )
    planned_until: date | None = item(
        "计划完成日",
        "Last day on which the service that it was reserved for was planned",
        grade=Grade.L3,
        default=None,
    )
    changed_at: datetime | None = item(
        "状态时间",
        "When it came into its state",
        grade=Grade.L3,
        sortable=True,
        plausible=(NOT_AHEAD,),
        default=None,
    )


@record(
    "创新券变动",
    key=("issuer_key", "code", "number"),
    prefix="vmov",
    owner=party_in("holder_key"),
    issuer=party_in("issuer_key"),
    effect=Effect.DECISION,
    scope="voucher:read",
    rows=by_agreement(AgreementDataset.VOUCHER, "provider_key"),
    traits=(Listable(),),
)
class VoucherMovement:
    """One message that a hub took about a voucher whose money it keeps, and what moved by it.

    The movements of a voucher, in the order of their numbers, give its money and its claims.
    """

    issuer_key: str = item(
        "发放单位",
        "Department that granted the voucher",
        pattern=KEY_PATTERN,
        check=check_institution_key,
        names="Institution",
        filterable=True,
    )
    code: str = item(
        "券编号",
        "Number of the voucher",
        pattern=VOUCHER_PATTERN,
        filterable=True,
        identifies=True,
    )
    number: str = item(
        "序号", "Count of the messages of this voucher, from 1", pattern="[1-9][0-9]{0,8}"
    )
    holder_key: str = item(
        "持券单位",
        "Enterprise that holds the voucher",
        pattern=KEY_PATTERN,
        check=check_institution_key,
        names="Institution",
        filterable=True,
    )
    event: VoucherEvent = item("事项", "What it is about", filterable=True)
    at: datetime = item("时间", "When it was judged", sortable=True)
    claim_no: str | None = item(
        "申兑编号",
        "Claim that it is about; absent: the whole voucher",
        grade=Grade.L3,
        pattern=VOUCHER_PATTERN,
        default=None,
    )
    provider_key: str | None = item(
        "服务机构",
        "Institution that gives the service",
        grade=Grade.L3,
        pattern=KEY_PATTERN,
        check=check_institution_key,
        names="Institution",
        default=None,
    )
    claim_state: VoucherClaimState | None = item(
        "变动后申兑状态", "State of the claim afterwards", grade=Grade.L3, default=None
    )
    holds: tuple[str, ...] = item(
        "暂缓原因",
        "Why the claim is held for a person afterwards; codes",
        grade=Grade.L3,
        length_max=60,
        default=(),
    )
    moves: tuple[VoucherMove, ...] = item(
        "额度变动", "How the money moved", grade=Grade.L3, default=()
    )
    stated_by: str | None = item(
        "提出单位",
        "Party whose message it was; absent: the hub's own, by the calendar",
        grade=Grade.L3,
        pattern=KEY_PATTERN,
        default=None,
    )
    reason: str | None = item(
        "原因", "Reason that was given", grade=Grade.L3, length_max=200, default=None
    )
    request: str | None = item(
        "请求标记",
        "SHA-256 of the client and its idempotency key, hexadecimal: the same request moves money "
        "once",
        grade=Grade.L3,
        pattern=DIGEST_PATTERN,
        filterable=True,
        identifies=True,
        default=None,
    )
    request_body: str | None = item(
        "请求内容摘要",
        "SHA-256 of what the request asked, hexadecimal",
        grade=Grade.L3,
        pattern=DIGEST_PATTERN,
        default=None,
    )
