"""`voucher_enums`: the codes in answers about vouchers.

Facts and reasons are named in the rules as texts; here each has a code, and what a rule names that
this list does not know is UNKNOWN. A test holds the list to the rules.
"""

from __future__ import annotations

from enum import Enum
from typing import Any

from hub.graphql.enums import UNKNOWN, enum_of, plain_enum
from hub.vouchers.words import code_name
from schema.codes import VoucherClaimState

ClaimState = enum_of(VoucherClaimState)
CheckCodeName = plain_enum(
    "VoucherCheckCode",
    "对服务的核验项。What is checked of a service.",
    {
        "CHAIN": "订单、预约、机时与券一致。Order, booking, use and voucher belong together.",
        "HOLDER": "使用单位为持券单位。The user holds the voucher.",
        "PROVIDER": "服务机构当日已登记。The provider was registered that day.",
        "SAME_PERSON": "双方不是同一法人。User and provider are two legal persons.",
        "CONTROLLED": "双方无控制关系。Neither controls the other.",
        "USE_DATE": "在使用期限内完成。It ended by the last day of use.",
        "STATUS": "企业当日在营。The enterprise was in business that day.",
        "POWER": "通电时间达到比例。The instrument was on for the claimed time.",
        "OVERLAP": "时间不重叠。No other record claims that time.",
        "HOURS": "不超过预约与每日 24 小时。Within the booking, and 24 hours a day.",
        "PRICE": "不高于当日公布价格。Not above the price in force that day.",
        "AMOUNT": "不超过本地区可抵扣金额。Not above what the region gives.",
        "INVOICE": "付款方与金额相符。Payer and amount agree.",
        "EXCLUDED": "不属排除情形。It is of no kind that is left out.",
        "REVIEW": "企业已评价。The enterprise reviewed it.",
        "CUSTOMS": "海关规则允许。Customs law allows it.",
    },
)
CheckResultCode = plain_enum(
    "VoucherCheckResult",
    "一项核验的结果。The result of one check.",
    {
        "PASS": "通过。It passes.",
        "FAIL": "不通过。It fails.",
        "UNKNOWN": "缺少事实，见 missing。A fact is missing; see `missing`.",
    },
)
VerdictCode = plain_enum(
    "VoucherVerdict",
    "核验结论。The verdict over all checks.",
    {
        "VALID": "全部通过。Every check passes.",
        "INVALID": "至少一项不通过。One fails.",
        "UNKNOWN": "无不通过项，但缺少事实。None fails, and a fact is missing.",
    },
)
RefusalCode = plain_enum(
    "VoucherRefusal",
    "消息未被执行的原因。Why a message about a voucher changes nothing.",
    {
        "INSUFFICIENT": "可用额度不足。The voucher does not hold so much.",
        "AMOUNT_INVALID": "金额须为正且不超过申兑金额。The amount is not a part of the claim.",
        "STATE_NOT_FITTING": "申兑所处状态不允许。The claim is in another state.",
        "CLAIM_UNKNOWN": "没有此申兑。There is no such claim.",
        "CLAIM_EXISTS": "申兑编号已被使用。The number of the claim is taken.",
        "CLAIMS_TOO_MANY": "该券申兑过多。The voucher has too many claims.",
        "NOT_GRANTED": "券不在已发放状态。The voucher is not in use.",
        "USE_NOT_BEGUN": "早于起用日期。Before its first day of use.",
        "USE_EXPIRED": "已过使用截止日期。After its last day of use.",
        "CASH_EXPIRED": "已过兑付截止日期。After its last day of settlement.",
        "NOT_OVER": "期限未到。Its last day is not over.",
        "HELD": "须人工核对。A person has to look first.",
        "NOT_HELD": "未被暂缓。Nothing holds it.",
        "CHECKS_INVALID": "核验不通过，见 checks。A check fails; see `checks`.",
        "NOT_IN_LOG": "服务记录尚未入台账。The log has not taken the record yet.",
        "CLAIM_PENDING": "该申兑另有内容正在等待其他枢纽答复。The claim waits for other hubs, with "
        "other content.",
        "NOT_DECIDED": "缺少审核决定。A decision is missing.",
        "REASON_MISSING": "须说明原因。A reason is missing.",
        "ALREADY_CLAIMED": "该服务记录已兑付。The service record is claimed.",
        "INVOICE_CLAIMED": "该发票已兑付。The invoice is claimed.",
    },
)
HoldCode = plain_enum(
    "VoucherHold",
    "须人工核对的原因。Why a person has to look at a claim.",
    {
        "SAME_SERVICE": "疑似同一服务。Another claim is for what looks like the same service.",
        "SAME_TIME": "同一仪器时间重叠。Another claim overlaps in time.",
        "SPLIT_SUSPECTED": "疑似拆单。The order looks like a part of one that was split.",
        "SERVICE_LOWERED": "服务更正后金额减少。The service was corrected and gives less.",
        "SERVICE_WITHDRAWN": "服务记录已撤回。The service record was withdrawn.",
        "SERVICE_NOT_VALID": "更正后核验不通过。A check fails since a correction.",
    },
)
FACTS = {
    "asOf": "数据时间。How old what is known is.",
    "available": "可用额度。What the voucher holds.",
    "booking": "预约时长。The booked time.",
    "chain": "订单。The order.",
    "charge": "服务金额。The charge.",
    "checks": "核验。The checks.",
    "customs": "海关答复。The customs answer.",
    "customsStatus": "海关监管状态。Whether customs supervises it.",
    "exclusions": "排除情形。Kinds that are left out.",
    "granted": "额度。The amount that was granted.",
    "grant": "服务记录的占用。The grant of the service record.",
    "hours": "机时。The claimed hours.",
    "hoursOfDay": "每日机时。The hours of a day.",
    "invoice": "发票或付款。Invoice or payment.",
    "lastStep": "订单的最后一步。The last step of the order.",
    "listPrice": "公布价格。The published price.",
    "minimumCharge": "起付金额。The minimum charge.",
    "gives": "规则给付的金额。What the rules give.",
    "most": "可抵扣金额。What a voucher may pay.",
    "overlap": "起止时间。Start and end.",
    "paid": "已付金额。The amount that was paid.",
    "payer": "付款单位。Who pays.",
    "payerDivision": "兑付地区。The region that pays.",
    "planned": "计划日期。The planned days.",
    "power": "通电记录。What sensors saw.",
    "registration": "服务机构登记。The registration of the provider.",
    "relation": "关联关系声明。The statement of relation.",
    "review": "评价。The review.",
    "startedAt": "开始时间。The start.",
    "endedAt": "结束时间。The end.",
    "status": "登记状态。The state in the register of businesses.",
    "usedInYear": "本年已用。What was used this year.",
    "useUntil": "使用截止日期。The last day of use.",
    "cashUntil": "兑付截止日期。The last day of settlement.",
    "user": "使用单位。The user.",
    "voucher.cash_counts": "参数：兑付截止日的状态。Parameter of the last day of settlement.",
    "voucher.fast_track_days": "参数：无感直兑天数。Parameter of the fast track.",
    "voucher.full_deduction": "参数：全额抵扣上限。Parameter of full deduction.",
    "voucher.order_cap": "参数：单次上限。Parameter of the cap of an order.",
    "voucher.power_share": "参数：通电比例。Parameter of the time with power on.",
    "voucher.rate": "参数：抵扣比例。Parameter of the share that is paid.",
    "voucher.reservation_days": "参数：占用保留天数。Parameter of how long money stays reserved.",
    "voucher.year_cap": "参数：年度上限。Parameter of the cap of a year.",
    "peer": "其他枢纽的答复。The answer of another hub.",
    "voucherFen": "券抵扣金额。What the voucher pays.",
}
"""Facts that a rule may miss, by their names in the rules."""
REASONS = {
    "NOT_STATED": "未申报。Nobody stated it.",
    "NO_VALUE_IN_FORCE": "该地区当日无此参数值。No region has a value in force that day.",
    "NO_STATEMENT_OF_THAT_DAY": "登记机关未说明该日。No register speaks of that day.",
    "CONTRADICTED": "来源相互矛盾。Sources contradict each other.",
    "SUSPENDED": "歇业。Suspended by its own filing.",
    "MOVED_OUT": "已迁出。Moved to another register.",
    "STALE": "数据过旧。Too old.",
    "SILENT": "传感器无读数。Sensors were silent.",
    "NO_SENSOR": "没有传感器。There is no sensor.",
    "NO_ORDER": "没有订单。There is no order.",
    "NO_OFFER": "没有服务项目。No offer is named.",
    "NO_PRICE_IN_FORCE": "当日没有公布价格。No price was in force that day.",
    "NOT_COUNTED": "没有计价数量。The quantity is not stated.",
    "NOT_PAID": "未支付。It is not paid.",
    "NOT_SAID_BY_WHOM": "未说明由谁提出。Who said it is not stated.",
    "UNREADABLE": "号码无法辨认。The number cannot be read.",
    "OTHER_CURRENCY": "不是人民币。Not in yuan.",
    "FEN_INEXACT": "不足一分。Not a whole number of fen.",
    "SERVICE_NOT_WHOLE": "服务记录不完整。The service record is not whole.",
    "NOT_KEPT": "归属枢纽没有该占用。Its home hub has no such grant.",
    "UNDECIDED": "海关规则未能判断。Customs law could not decide.",
    "AFTER_TODAY": "晚于今日。Later than today.",
    "AFTER_THE_USE": "晚于使用日。Later than the use.",
}
"""Why a fact is missing."""

MissingFact = plain_enum(
    "VoucherFact",
    "判断所需而缺少的事实。A fact for want of which nothing was decided.",
    {code_name(name): text for name, text in FACTS.items()},
)
MissingReason = plain_enum(
    "VoucherFactMissing", "事实为何缺少。Why a fact is missing.", dict(REASONS)
)
FastTrackNeedCode = plain_enum(
    "FastTrackNeed",
    "无感直兑所需而尚缺的条件。What the fast track needs and lacks.",
    {
        "ORDER": "没有订单。No order is known for the claim.",
        "BOOKED": "未确认预约。The booking.",
        "USED": "未完成使用。The use.",
        "PAID": "未支付。The payment.",
        "RESULT": "未反馈结果。The result.",
        "REVIEWED": "未评价。The review.",
        "IN_LOG": "订单或服务记录尚未入台账。Order or service record in the log.",
        "CHECKS": "核验未全部通过，见 checks。Checks that all pass; see `checks`.",
        "NO_HOLD": "申兑被暂缓。A claim that nothing holds.",
        "HOME": "服务由其他枢纽管理，须由服务机构提出。A service that is kept at this hub.",
        "REGION": "兑付地区未实行。A region that allows it.",
    },
)


def code_in(enum: type[Enum], name: str) -> Any:
    """Return a member by its name, UNKNOWN where this version has no such member."""
    return enum.__members__.get(name, enum.__members__[UNKNOWN])
