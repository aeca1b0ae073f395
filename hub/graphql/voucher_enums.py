"""`voucher_enums`: the codes in answers about vouchers.

Facts and reasons are named in the rules as texts; here each has a code, and what a rule names that
this list does not know is UNKNOWN. A test holds the list to the rules.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import Enum
from functools import lru_cache
from typing import Any

from hub.graphql.enums import UNKNOWN, enum_of, plain_enum
from hub.graphql.limits import CODES_KEPT_MAX
from hub.policy.vouchers.checks import CheckCode
from hub.policy.vouchers.fingerprints import Hit
from hub.policy.vouchers.messages import VoucherRefusal
from hub.vouchers.cases.words import CHECKS, MISSING, REFUSED, code_name
from schema.codes import VoucherClaimState


def _described(codes: Iterable[str], words: Mapping[str, tuple[str, str]]) -> dict[str, str]:
    """Return codes with the words that people are told for them."""
    return {code: f"{zh}。{en[0].upper()}{en[1:]}." for code in codes for zh, en in (words[code],)}


ClaimState = enum_of(VoucherClaimState)
CheckCodeName = plain_enum(
    "VoucherCheckCode",
    "对服务的核验项。What is checked of a service.",
    _described((each.value for each in CheckCode), CHECKS),
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
_REFUSALS = (
    *(each.value for each in VoucherRefusal),
    *(each.value for each in Hit if each.refuses),
)
RefusalCode = plain_enum(
    "VoucherRefusal",
    "消息未被执行的原因。Why a message about a voucher changes nothing.",
    _described(_REFUSALS, REFUSED),
)
HoldCode = plain_enum(
    "VoucherHold",
    "须人工核对的原因。Why a person has to look at a claim.",
    _described((each for each in REFUSED if each not in _REFUSALS), REFUSED),
)
PARAMETERS = {
    "voucher.cash_counts": "参数：兑付截止日的状态。Parameter of the last day of settlement.",
    "voucher.fast_track_days": "参数：无感直兑天数。Parameter of the fast track.",
    "voucher.full_deduction": "参数：全额抵扣上限。Parameter of full deduction.",
    "voucher.order_cap": "参数：单次上限。Parameter of the cap of an order.",
    "voucher.power_share": "参数：通电比例。Parameter of the time with power on.",
    "voucher.rate": "参数：抵扣比例。Parameter of the share that is paid.",
    "voucher.reservation_days": "参数：占用保留天数。Parameter of how long money stays reserved.",
    "voucher.year_cap": "参数：年度上限。Parameter of the cap of a year.",
}
"""Parameters of the law that a region may lack, by their names there."""
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
    {
        code_name(name): text
        for name, text in {**_described(MISSING, MISSING), **PARAMETERS}.items()
    },
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


@lru_cache(maxsize=CODES_KEPT_MAX)
def code_in(enum: type[Enum], name: str) -> Any:
    """Return a member by its name, UNKNOWN where this version has no such member."""
    return enum.__members__.get(name, enum.__members__[UNKNOWN])
