"""`words`: what is told of a voucher case, in Chinese and English; data.

Pages, commands and the descriptions of the interface's codes take their words from here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, NamedTuple


class VoucherWords(NamedTuple):
    """One thing said in two languages. `code` is stable, the words are for people."""

    code: str
    zh: str
    en: str


STATIONS: Final[Mapping[str, tuple[str, str]]] = {
    "ORDER": ("订单", "Order"),
    "BOOKING": ("预约", "Booking"),
    "USAGE": ("机时", "Use"),
    "CHARGE": ("计费", "Charge"),
    "INVOICE": ("发票与支付", "Invoice and payment"),
    "REVIEW": ("评价", "Review"),
    "CUSTOMS": ("海关监管", "Customs"),
    "PARTIES": ("登记与声明", "Registration and statement"),
    "CLAIM": ("券与申兑", "Voucher and claim"),
}
"""The way of a case, from order to claim."""

LACKING: Final[Mapping[str, tuple[str, str]]] = {
    "ORDER": ("没有订单记录", "no record of an order"),
    "BOOKING": ("订单中没有“已确认”一步", "the order has no step Confirmed"),
    "USAGE": ("没有机时记录", "no record of the use of the instrument"),
    "POWER": ("没有物联网开机记录", "no record of a sensor"),
    "SERVICE": ("没有服务记录", "no service record"),
    "CHARGE": ("没有服务金额", "no charge is stated"),
    "OFFER": ("没有所依的公开价格", "no published price that it was given under"),
    "INVOICE": ("没有发票号码", "no number of an invoice"),
    "PAYMENT": ("订单中没有“已支付”一步", "the order has no step Paid"),
    "REVIEW": ("用户没有评价", "the user has not reviewed it"),
    "CUSTOMS_STATUS": ("没有仪器的海关监管状态", "no customs status of the instrument"),
    "CUSTOMS_WITHHELD": (
        "海关记录不向您出示，有无均不说明；请向仪器所属单位或其主管海关查询",
        "customs records are not shown to you, be there any or not: ask the owner of the "
        "instrument, or its customs office",
    ),
    "CUSTOMS": ("没有海关监管记录", "no record of the customs supervision"),
    "REGISTRATION": ("没有服务机构登记", "no registration of the provider"),
    "RELATION": ("没有双方关联关系声明", "no statement of how the two are related"),
    "VOUCHER": ("没有券", "no voucher"),
    "CLAIM": ("没有申兑", "no claim"),
}
"""What a case may lack, or its reader may not see: which of the two is not told."""

FACTS: Final[Mapping[str, tuple[str, str]]] = {
    "number": ("编号", "number"),
    "state": ("状态", "state"),
    "user": ("用户单位", "user"),
    "provider": ("服务机构", "provider"),
    "instrument": ("仪器", "instrument"),
    "requested": ("申请时间", "asked for at"),
    "confirmed": ("确认时间", "confirmed at"),
    "from": ("开始", "from"),
    "until": ("结束", "until"),
    "hours": ("机时（小时）", "hours"),
    "reference": ("预约编号", "number of the booking"),
    "charge": ("服务金额", "charge"),
    "price": ("公开价格", "published price"),
    "invoice": ("发票号码", "invoice"),
    "paid": ("支付时间", "paid at"),
    "payer": ("付款单位", "paid by"),
    "reviewed": ("评价时间", "reviewed at"),
    "reviewedBy": ("评价方", "reviewed by"),
    "business": ("企业登记状态", "state of the enterprise in the register"),
    "registration": ("登记编号", "registration"),
    "controlled": ("存在控制关系", "one controls the other"),
    "voucher": ("券", "voucher"),
    "claim": ("申兑编号", "claim"),
    "holder": ("持券单位", "holder"),
    "issuer": ("发放单位", "issuer"),
    "granted": ("额度", "granted"),
    "useUntil": ("使用截止", "last day of use"),
    "cashUntil": ("兑付截止", "last day of settlement"),
    "voucherPart": ("券抵扣", "paid by the voucher"),
    "ownPart": ("自付", "paid by the enterprise"),
    "settled": ("已兑付", "settled"),
    "held": ("暂缓原因", "held for"),
    "sensor": ("传感器", "sensor"),
    "customsStatus": ("海关监管状态", "customs status"),
    "declaration": ("报关单与项号", "declaration and item"),
    "released": ("放行日期", "released on"),
    "settledEarly": ("提前解除监管", "supervision ended early on"),
    "customsOffice": ("主管海关", "customs office"),
    "approval": ("海关批准", "customs notice"),
    "askCustomsOf": ("海关记录请向其查询", "ask for customs records"),
}

CHECKS: Final[Mapping[str, tuple[str, str]]] = {
    "CHAIN": (
        "订单、预约、机时与券相互对应，服务由申兑所列机构提供",
        "order, booking, use and voucher belong together; whom the claim names gave the service",
    ),
    "HOLDER": ("用户即持券单位", "the user is the holder of the voucher"),
    "PROVIDER": ("服务机构当日已登记", "the provider was registered on the day"),
    "SAME_PERSON": ("用户与服务机构不是同一法人", "user and provider are two legal persons"),
    "CONTROLLED": ("双方无控制关系", "neither controls the other"),
    "USE_DATE": ("服务在用券期限内", "the service lies in the days of use"),
    "STATUS": ("企业当日在业", "the enterprise was in business on the day"),
    "POWER": ("申报机时内仪器已开机", "the instrument was on for the claimed time"),
    "OVERLAP": ("没有时间重叠的其他服务", "no other service at the same time"),
    "HOURS": ("机时不超过预约与每日 24 小时", "no more hours than booked, and than a day has"),
    "PRICE": ("不高于当日公开价格", "no dearer than the published price of the day"),
    "AMOUNT": ("抵扣金额在比例与上限之内", "the voucher's part is within rate and caps"),
    "INVOICE": ("发票付款方与金额相符、自付已付", "payer and amount of the invoice fit"),
    "EXCLUDED": ("不属不予补助的服务", "it is not among the services that earn nothing"),
    "REVIEW": ("评价由用户单位作出", "the review is the user's own"),
    "CUSTOMS": ("海关监管规则允许该服务", "customs law allows the service"),
}

MISSING: Final[Mapping[str, tuple[str, str]]] = {
    "chain": ("订单或用户没有记录", "no record of the order, or of its user"),
    "user": ("用户单位没有记录", "no record of who the user is"),
    "startedAt": ("开始时间没有记录", "no record of the start"),
    "endedAt": ("结束时间没有记录", "no record of the end"),
    "hours": ("机时没有记录", "no record of the hours"),
    "hoursOfDay": ("每日机时没有记录", "no record of the hours of each day"),
    "booking": ("预约时段没有记录", "no record of the booked time"),
    "charge": ("服务金额没有记录", "no record of the charge"),
    "listPrice": ("当日公开价格没有记录", "no record of the published price of the day"),
    "power": ("传感器记录不足", "the sensors say too little"),
    "overlap": ("起止时间没有记录", "no record of start and end"),
    "invoice": ("发票或支付没有记录", "no record of invoice or payment"),
    "payer": ("付款单位没有记录", "no record of who paid"),
    "paid": ("支付金额没有记录", "no record of what was paid"),
    "review": ("没有评价，或未说明由谁作出", "no review, or not by whom"),
    "registration": ("服务机构没有登记记录", "no record of the provider's registration"),
    "relation": ("双方没有关联关系声明", "no statement of how the two are related"),
    "status": ("企业是否在业没有记录", "no record that the enterprise was in business"),
    "holder": ("持券单位没有记录", "no record of the holder"),
    "customs": ("海关规则未能判断", "customs law could not answer"),
    "useUntil": ("用券截止日期没有记录", "no record of the last day of use"),
    "cashUntil": ("兑付截止日期没有记录", "no record of the last day of settlement"),
    "grant": (
        "服务记录的归属枢纽没有此申兑的占用，请与其运维核对",
        "the home hub of the service knows no grant for this claim; ask its operator",
    ),
    "granted": ("券的额度没有记录", "no record of what was granted"),
    "available": ("券的余额没有记录", "no record of what is available"),
    "exclusions": ("是否属不予补助没有记录", "no record whether it earns nothing"),
    "asOf": ("不知数据的时间", "it is not known how old the data are"),
    "checks": ("核验未得出结论", "the checks come to no verdict"),
    "customsStatus": ("海关监管状态没有记录", "no record of the customs status"),
    "lastStep": ("订单的最后一步没有记录", "no record of the last step of the order"),
    "minimumCharge": ("最低收费没有记录", "no record of the minimum charge"),
    "gives": ("不知该服务可抵扣多少", "it is not known what the service gives"),
    "most": ("不知该券至多可抵扣多少", "it is not known what the voucher pays at most"),
    "payerDivision": ("不知由哪一地区兑付", "it is not known which region pays"),
    "planned": ("计划结束日期没有记录", "no record of the planned last day"),
    "usedInYear": ("本年已用没有记录", "no record of what was used this year"),
    "peer": ("其他枢纽还没有答复，稍后会再问", "another hub has not answered; it is asked again"),
    "restored": (
        "其他枢纽知道此券的一笔申兑而本枢纽恢复后没有，须先重新提交该申兑",
        "another hub knows a claim on this voucher that was lost here; it has to come back first",
    ),
    "voucherFen": ("券抵扣金额没有记录", "no record of what the voucher pays"),
}
"""Facts for want of which a check, or a message, is not judged; by their names."""

REFUSED: Final[Mapping[str, tuple[str, str]]] = {
    "INSUFFICIENT": ("余额不足", "too little is available"),
    "AMOUNT_INVALID": ("金额不合此步", "the amount does not fit the step"),
    "STATE_NOT_FITTING": (
        "申兑现在的状态不能走这一步",
        "the claim is not in a state for this step",
    ),
    "CLAIM_UNKNOWN": ("没有此申兑", "there is no such claim"),
    "CLAIM_EXISTS": ("申兑编号已用", "the number of the claim is taken"),
    "CLAIMS_TOO_MANY": ("该券申兑过多", "the voucher has too many claims"),
    "NOT_GRANTED": ("该券没有发放或已终止", "the voucher is not granted, or has ended"),
    "USE_NOT_BEGUN": ("用券期限还未开始", "the days of use have not begun"),
    "USE_EXPIRED": ("用券期限已过", "the last day of use is over"),
    "CASH_EXPIRED": ("兑付期限已过", "the last day of settlement is over"),
    "NOT_OVER": ("期限还未到", "the day is not over"),
    "HELD": ("申兑被暂缓，须先解除", "the claim is held: lift the hold first"),
    "NOT_HELD": ("申兑没有被暂缓", "the claim is not held"),
    "CHECKS_INVALID": ("核验未通过", "a check has failed"),
    "NOT_IN_LOG": ("服务记录还不在日志中", "the service record is not in the log yet"),
    "NOT_DECIDED": ("须由发放单位决定", "the issuer must decide it"),
    "REASON_MISSING": ("须写明原因", "a reason must be given"),
    "ALREADY_CLAIMED": ("该服务已申兑过", "this service was claimed before"),
    "INVOICE_CLAIMED": ("该发票已申兑过", "this invoice was claimed before"),
    "SAME_SERVICE": (
        "与另一申兑的仪器、时间、单位、金额相同",
        "another claim has the same instrument, minutes, holder and amount",
    ),
    "SAME_TIME": ("与另一申兑时间重叠", "another claim overlaps in time"),
    "SPLIT_SUSPECTED": ("疑似拆单", "an order may have been split"),
    "CLAIM_PENDING": (
        "该申兑以其他内容在等其他枢纽答复",
        "the claim waits for other hubs, with other content",
    ),
    "SERVICE_LOWERED": ("服务更正后金额减少", "the service was corrected and gives less"),
    "SERVICE_WITHDRAWN": ("服务记录已撤回", "the service record was withdrawn"),
    "SERVICE_NOT_VALID": ("更正后核验未通过", "a check fails since a correction"),
}
"""Why nothing moved, and why a claim is held; by code."""

UNATTESTED: Final[Mapping[str, tuple[str, str]]] = {
    "SERVICE_ELSEWHERE": (
        "服务记录在其他枢纽，且未经其占用于此申兑。",
        "The service is a record of another hub, which granted it to no claim that is kept here.",
    ),
    "LOG_NOT_PINNED": (
        "服务记录所在枢纽的日志未在本枢纽固定；请运维在该来源的文件中写明 [hub] policy。",
        "The log of the hub that keeps the service is not pinned here: the operator names its "
        "policy in the file of that source, under [hub].",
    ),
    "SERVICE_UNPROVED": (
        "服务记录所在枢纽的证明与固定的日志不符；本枢纽的运行日志记有原因，请运维与其核对。",
        "What the hub that keeps the service sent is no proof of its pinned log: the operator "
        "reads why in the messages of this hub, and asks that hub's operator.",
    ),
    "peer": (
        "服务记录所在枢纽未应答，请稍后再问。",
        "The hub that keeps the service did not answer: ask again later.",
    ),
}
"""Why a claim on a service of another hub is not attested, and what to do: by code, or by the fact
that is missing."""

PARAMETER: Final = ("该地区当日无此参数值", "the region has no value of this parameter on the day")
"""What is said where a parameter of the law is missing."""

ADVICE: Final[Mapping[str, tuple[str, str]]] = {
    "": ("请向发放单位查询。", "Ask the issuer of the voucher."),
    "INSUFFICIENT": ("减少金额，或用另一张券。", "Ask for less, or use another voucher."),
    "AMOUNT_INVALID": ("金额须在 1 分与申兑金额之间。", "State 1 fen up to what the claim holds."),
    "STATE_NOT_FITTING": (
        "先查询申兑状态（claimState）。",
        "Look at the claim first (claimState).",
    ),
    "CLAIM_UNKNOWN": ("核对券与申兑编号；先预留。", "Compare the numbers; reserve first."),
    "CLAIM_EXISTS": ("换一个申兑编号。", "Choose another number for the claim."),
    "CLAIMS_TOO_MANY": ("用另一张券。", "Use another voucher."),
    "NOT_GRANTED": ("请发放单位核对该券。", "Ask the issuer about the voucher."),
    "USE_NOT_BEGUN": ("等到启用日期。", "Wait for its first day of use."),
    "USE_EXPIRED": ("该券不能再用于此服务。", "The voucher cannot pay for this service any more."),
    "CASH_EXPIRED": ("该券不能再兑付。", "The voucher cannot be settled any more."),
    "NOT_OVER": ("等到期限之后。", "Wait until the day is over."),
    "HELD": (
        "由发放单位核对后解除：decide clear。",
        "The issuer looks and lifts it: decide clear.",
    ),
    "NOT_HELD": ("无须解除。", "There is nothing to lift."),
    "CHECKS_INVALID": (
        "更正所列记录后再试。",
        "Have the records named below corrected, then repeat.",
    ),
    "NOT_IN_LOG": ("数秒后重新执行同一命令。", "Give the same command again in some seconds."),
    "CLAIM_PENDING": ("用原来的服务与金额重试。", "Repeat it with the service and amount it had."),
    "NOT_DECIDED": ("等待区县、市级审核。", "Wait for the county's and the city's decision."),
    "REASON_MISSING": ("用 --reason 写明原因。", "Say why with --reason."),
    "ALREADY_CLAIMED": (
        "不得重复申兑；有疑问请联系发放单位。",
        "Do not claim it again; ask the issuer if you think it was not.",
    ),
    "INVOICE_CLAIMED": (
        "核对发票号码；不得重复申兑。",
        "Compare the number of the invoice; do not claim it again.",
    ),
}
"""What to do about a refusal; the empty code is any other."""


def said(table: Mapping[str, tuple[str, str]], code: str) -> VoucherWords:
    """Return the words of a code; a code without words stands for itself."""
    zh, en = table.get(code, (code, code))
    return VoucherWords(code, zh, en)


def code_name(fact: str) -> str:
    """Return the code of a fact: `hoursOfDay` is HOURS_OF_DAY, `voucher.rate` VOUCHER_RATE."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", fact).replace(".", "_").upper()
