"""`words`: the reasons of a decision in Chinese and English; pure."""

from __future__ import annotations

from dataclasses import dataclass

from hub.policy.bounds import Missing
from hub.policy.customs.decision import CustomsAnswer, Procedure, Remedy, UseDecision
from hub.policy.customs.disposal import DisposalKind


@dataclass(frozen=True, kw_only=True, slots=True)
class CustomsReason:
    """One step of the way to an answer. `code` is stable, the words are for people."""

    code: str
    zh: str
    en: str


_RULES: dict[tuple[int, CustomsAnswer], tuple[str, str]] = {
    (2, CustomsAnswer.ALLOW): (
        "规则 2：不属海关监管的减免税货物",
        "rule 2: no duty-free goods under supervision",
    ),
    (3, CustomsAnswer.ALLOW): (
        "规则 3：使用开始时监管已结束或已解除",
        "rule 3: supervision has ended when the use begins",
    ),
    (4, CustomsAnswer.DENY): (
        "规则 4：使用地点不是海关核准的地点，且没有相应批准",
        "rule 4: another place than customs approved, without approval",
    ),
    (5, CustomsAnswer.ALLOW): (
        "规则 5：用途为“其他”，整个使用期间已补税",
        "rule 5: another purpose, with duty paid for all of the time",
    ),
    (5, CustomsAnswer.DENY): (
        "规则 5：用途不属科研、科技开发、教学，且未补税",
        "rule 5: neither research, development nor teaching, and no duty paid for it",
    ),
    (6, CustomsAnswer.ALLOW): (
        "规则 6：管理单位自用，用途已核准",
        "rule 6: the owner itself, for an approved purpose",
    ),
    (6, CustomsAnswer.DENY): (
        "规则 6：管理单位自用，但该用途未经核准",
        "rule 6: the owner itself, for a purpose that is not approved",
    ),
    (7, CustomsAnswer.ALLOW): (
        "规则 7：海关批准涵盖用途、单位、地点与期间",
        "rule 7: a notice of customs covers purpose, user, place and time",
    ),
    (8, CustomsAnswer.ALLOW): (
        "规则 8：已纳入国家网络管理平台，在核准地点，协议已签，年报无逾期",
        "rule 8: in the national platform, in its place, agreement signed, no report overdue",
    ),
    (9, CustomsAnswer.DENY): (
        "规则 9：没有任何规则允许此次使用",
        "rule 9: no rule allows this use",
    ),
}
_CLINICAL = {
    CustomsAnswer.ALLOW: (
        "规则 7：海关批准该医院临床使用，规定年限内没有同类仪器",
        "rule 7: a notice allows clinical use by this hospital, which had none of the kind lately",
    ),
    CustomsAnswer.DENY: (
        "规则 9：没有涵盖该医院的临床使用批准，或规定年限内已有同类仪器",
        "rule 9: no notice covers this clinical use, or the hospital had one of the kind lately",
    ),
}
_DISPOSALS = {
    DisposalKind.LEASE: (
        "第二十二条：监管期内出租属移作他用，须经海关批准并补税",
        "article 22: a lease in term is another use, which needs consent and duty paid",
    ),
    DisposalKind.TRANSFER: (
        "第二十二条：监管期内转让须经海关批准：受让方同享减免税的办结转，否则补税解除监管",
        "article 22: a transfer in term needs consent: to a unit of the same treatment the term "
        "goes on, otherwise duty is paid",
    ),
    DisposalKind.PLEDGE: (
        "第二十二、二十四条：监管期内抵押须经海关批准，且只能抵押给金融机构",
        "articles 22 and 24: a pledge in term needs consent, and only banks may take it",
    ),
    DisposalKind.SCRAP: (
        "第二十二条：监管期内报废也须经海关批准",
        "article 22: scrapping in term needs consent too",
    ),
}
_RULES_OF_CLINICAL_USE = (7, 9)
_NOT_SUPERVISED = ("不在海关监管期内", "not under customs supervision")
_PROCEDURES = {
    Procedure.SIMPLE_RECORD: (
        "简易程序：服务后在国家网络管理平台登记",
        "simple procedure: register the service in the national platform",
    ),
    Procedure.NOTICE: (
        "服务记录须写明海关通知书编号",
        "the service record must state the number of the notice",
    ),
    Procedure.DUTY_RECORD: (
        "服务记录须写明补税记录",
        "the service record must state the payment of duty",
    ),
}
_REMEDIES = {
    Remedy.APPROVAL: ("向主管海关申请批准", "ask the competent customs office for approval"),
    Remedy.OTHER_DISTRICT: (
        "向主管海关办理异地监管手续",
        "ask for supervision in the other district (异地监管)",
    ),
    Remedy.DUTY: ("就使用期间补缴税款", "pay duty for the time of the use"),
    Remedy.REPORT: ("补交逾期的年度使用状况报告", "file the yearly report that is overdue"),
}
_FACTS = {
    "customsStatus": ("海关监管状态", "the customs status"),
    "asOf": ("海关数据的时间", "the age of what customs says"),
    "records": ("海关记录", "the customs records"),
    "goodsKind": ("货物类别", "the kind of goods"),
    "releasedOn": ("放行日期", "the day of release"),
    "arrivedOn": ("到货日期", "the day of arrival"),
    "settledOn": ("解除监管日期", "the day on which supervision was ended"),
    "approvedPlace": ("核准地点", "the place that customs approved"),
    "approvedUses": ("核准用途", "the approved purposes"),
    "nriiSince": ("纳入国家网络管理平台的日期", "since when the national platform has it"),
    "agreementSigned": ("服务协议是否已签", "whether a service agreement was signed"),
    "approvals": ("海关批准", "the notices of customs"),
    "reports": ("年度报告", "the yearly reports"),
    "duties": ("补税记录", "the payments of duty"),
    "user": ("使用单位的法人", "the legal person of the user"),
    "clinicalOthers": ("该医院的同类仪器", "other instruments of the kind at the hospital"),
    "value": ("进口价值", "the value at import"),
}
_WHY = {
    "NOT_STATED": ("没有来源说明", "no source states it"),
    "STALE": (
        "数据已过期，或与海关的连接中断",
        "the data are too old, or customs cannot be reached",
    ),
    "NO_SOURCE": ("没有提供海关数据的来源", "no source gives customs data"),
    "NEVER_HEARD": ("提供海关数据的来源从未应答", "a source of customs data was never heard"),
    "CONTRADICTED": ("各来源说法不一", "sources contradict each other"),
    "AFTER_TODAY": ("日期在今天之后", "the day lies after today"),
    "AFTER_THE_USE": ("日期在使用开始之后", "the day lies after the use begins"),
    "TIME_NOT_STATED": ("未说明提交时间", "when it was filed is not stated"),
    "PERIOD_NOT_STATED": ("未说明起止日期", "its days are not stated"),
    "PLACE_NOT_STATED": ("未说明地点", "its place is not stated"),
    "CLASS_NOT_STATED": ("未说明仪器分类", "the class of the instrument is not stated"),
    "SEVERAL_ITEMS": (
        "分属多个报关项号，须分别估算",
        "it was imported as several items: each is estimated apart",
    ),
    "NO_USCC": ("没有统一社会信用代码", "no unified social credit code is known"),
    "OWNER_WITHOUT_USCC": (
        "管理单位没有统一社会信用代码，无法判断是否同一法人",
        "the owner's unified social credit code is not known: it may be the same legal person",
    ),
    "NOT_STATED_BY_OWNER": ("须由管理单位说明", "the owner must state it"),
    "TOO_MANY": ("记录过多，未能全部读取", "there are more than are read"),
    "NO_VALUE_IN_FORCE": ("没有生效的规定", "no value is in force"),
}


def reasons_of(
    decided: UseDecision, *, is_told_all: bool, is_clinical: bool = False
) -> tuple[CustomsReason, ...]:
    """Return the way to an answer: the rule, what is missing, what goes with it or would help.

    `is_told_all`: days and years that only customs and the owner may know are told too.
    """
    reasons = []
    words = _RULES.get((decided.rule, decided.answer))
    if is_clinical and decided.rule in _RULES_OF_CLINICAL_USE:
        words = _CLINICAL.get(decided.answer)
    if words is not None:
        reasons.append(_reason(f"RULE_{decided.rule}", words))
    elif decided.answer is CustomsAnswer.UNKNOWN:
        words = (f"规则 {decided.rule} 无法判断", f"rule {decided.rule} cannot be answered")
        reasons.append(_reason(f"RULE_{decided.rule}", words))
    if decided.nrii_since is not None and is_told_all:
        day = decided.nrii_since.isoformat()
        words = (f"自 {day} 起纳入国家网络管理平台", f"in the national platform since {day}")
        reasons.append(_reason("NRII_SINCE", words))
    reasons += _consequences(decided)
    if decided.reports and is_told_all:
        years = ", ".join(map(str, decided.reports))
        words = (f"未交年度报告：{years}", f"reports that were not filed: {years}")
        reasons.append(_reason("REPORTS_OVERDUE", words))
    return tuple(reasons)


def disposal_reasons(decided: UseDecision, kind: DisposalKind) -> tuple[CustomsReason, ...]:
    """Return the way to the answer to a disposal."""
    is_free = decided.answer is CustomsAnswer.ALLOW and decided.procedure is Procedure.NONE
    words = _NOT_SUPERVISED if is_free else _DISPOSALS[kind]
    code = "NOT_SUPERVISED" if is_free else f"ARTICLE_{decided.rule}"
    return (_reason(code, words), *_consequences(decided))


def _consequences(decided: UseDecision) -> list[CustomsReason]:
    reasons = []
    if decided.missing is not None:
        reasons.append(missing_reason(decided.missing))
    if decided.procedure in _PROCEDURES:
        reasons.append(_reason(decided.procedure.value, _PROCEDURES[decided.procedure]))
    if decided.remedy is not None:
        reasons.append(_reason(decided.remedy.value, _REMEDIES[decided.remedy]))
    return reasons


def missing_reason(missing: Missing) -> CustomsReason:
    """Return what is missing and why, in words."""
    zh, en = _FACTS.get(missing.fact, (missing.fact, missing.fact))
    why_zh, why_en = _WHY.get(missing.reason, (missing.reason, missing.reason))
    return _reason(f"{missing.fact}:{missing.reason}", (f"{zh}：{why_zh}", f"{en}: {why_en}"))


def _reason(code: str, words: tuple[str, str]) -> CustomsReason:
    zh, en = words
    return CustomsReason(code=code, zh=zh, en=en)
