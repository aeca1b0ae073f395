"""Nested values of the standard: facts that several records hold and that have no key."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from schema.checks import check_currency, check_division
from schema.codes import FundingSource, OrderState, PowerState, Rating, VoucherBucket
from schema.dates import TIME_OF_DAY
from schema.item import item, value

KEY_PATTERN = r"[a-z][a-z0-9]*:[^\s/]{1,64}"
"""An institution key: scheme and value."""


@value("双语名称")
class Name:
    """A name in Chinese and, where there is one, in English."""

    zh: str = item("中文名称", "Name in Chinese", length_max=200)
    en: str | None = item("英文名称", "Name in English", length_max=300, default=None)


@value("金额")
class Money:
    """An amount in a stated currency, in whole units of it (yuan, never ten thousand yuan)."""

    amount: Decimal = item("数额", "Amount", unit="currency unit", minimum=0)
    currency: str = item(
        "币种", "Currency", scheme="ISO 4217", pattern="[A-Z]{3}", check=check_currency
    )


@value("创新券额度变动")
class VoucherMove:
    """Money of a voucher that goes from one place to another."""

    source: VoucherBucket = item("来自", "From")
    target: VoucherBucket = item("去向", "To")
    fen: int = item("金额，单位分", "Amount, in fen", unit="fen CNY", minimum=1)


@value("台账依据")
class LogEvidence:
    """An entry of the log that a finding rests on, told so that nobody learns its content by it."""

    record_type: str = item("记录类型", "Record type", length_max=60)
    entry: str = item(
        "台账编号", "Number of the entry at the hub that found it", pattern="[1-9][0-9]{0,17}"
    )
    commitment: str = item(
        "承诺值",
        "Salted hash of the entry, as its leaf holds it, hexadecimal",
        pattern="[0-9a-f]{64}",
    )


@value("分类代码")
class ClassCode:
    """A code of a published classification, with the scheme and edition it belongs to."""

    scheme: str = item("分类体系", "Classification scheme", length_max=40, names_key=True)
    version: str = item("版本", "Edition of the scheme", length_max=20, names_key=True)
    code: str = item("代码", "Code", length_max=40, names_key=True)


@value("标识符")
class Identifier:
    """An identifier that another system or register gave."""

    scheme: str = item("标识体系", "Identifier scheme", length_max=40)
    value: str = item("标识", "Identifier", length_max=200, identifies=True)


@value("地点")
class Place:
    """Where something stands."""

    division_code: str | None = item(
        "行政区划代码",
        "Division code",
        scheme="GB/T 2260",
        pattern="[0-9]{6}",
        check=check_division,
        default=None,
    )
    address: str | None = item("地址", "Campus, building, room", length_max=200, default=None)


@value("开放时段")
class OpenPeriod:
    """A part of a day, Asia/Shanghai, half open: 24:00 is the end of the day."""

    opens: str = item("开始", "Opens at", pattern=TIME_OF_DAY.pattern)
    closes: str = item("结束", "Closes at", pattern=TIME_OF_DAY.pattern)


@value("原始文本")
class OriginalText:
    """What the source wrote, kept where the standard's form differs from it."""

    path: str = item("数据项", "Item that was converted", length_max=80)
    text: str = item("原文", "Text as the source gave it", length_max=200)


@value("经费")
class Funding:
    """A source of the money that bought an instrument."""

    source: FundingSource = item("经费来源", "Funding source")
    amount: Money | None = item("金额", "Amount from this source", default=None)


@value("课题")
class Project:
    """The research project that a service was for."""

    name: str | None = item("课题名称", "Project name", length_max=200, default=None)
    incomes: tuple[str, ...] = item(
        "经费来源", "Programmes that pay, as the source names them", default=()
    )
    subjects: tuple[ClassCode, ...] = item("学科领域", "Subjects (GB/T 13745)", default=())
    content: str | None = item("研究内容", "Research content", default=None)


@value("评价")
class Review:
    """What the user said of a service."""

    rating: Rating = item("评分", "Rating; 1 is best, as in NRII")
    comment: str | None = item("评价内容", "Comment", default=None)
    at: datetime | None = item("评价时间", "When it was given", default=None)


@value("时间段")
class TimeSpan:
    """A stretch of time, half open."""

    start_at: datetime = item("开始时间", "Start")
    end_at: datetime | None = item("结束时间", "End; absent while it goes on", default=None)


@value("供电时段")
class PowerSpan:
    """A stretch of a day in which a sensor saw one state, half open."""

    start_at: datetime = item("开始时间", "Start")
    end_at: datetime = item("结束时间", "End")
    state: PowerState = item("供电状态", "What the sensor saw")


@value("订单过程")
class OrderStep:
    """A step of an order, as its system tells it."""

    state: OrderState = item("状态", "State that was reached")
    at: datetime = item("时间", "When")
    note: str | None = item("说明", "Note", length_max=200, default=None)
    stated_by: str | None = item(
        "陈述方", "Party that says so; absent: the system itself", length_max=500, default=None
    )
    evidence: str | None = item(
        "证据",
        "SHA-256 of what vouches for it, in hex: signed request, source's document, record",
        pattern=r"[0-9a-f]{64}",
        default=None,
    )


@value("服务结果")
class OrderResult:
    """What the user was given; the result itself stays with them."""

    reference: str = item("结果编号", "Number or address of the report", length_max=300)
    digest: str | None = item(
        "结果摘要",
        "SHA-256 of the report, in hex, by which it is recognised",
        pattern=r"[0-9a-f]{64}",
        default=None,
    )
