"""`enums`: code lists as GraphQL enums, and the few enums that are only used in answers.

- The value of a member is its name; its description has both languages and the official code.
- The code lists themselves stay unchanged: each gets a GraphQL enum of its own.
- Every enum of an answer has UNKNOWN, so that a client is ready for a value that a later version
  knows and its own does not. No record holds it where its code list does not: as a condition it
  matches nothing, and as a value of an order it is refused.
"""

from __future__ import annotations

from enum import Enum
from functools import lru_cache
from typing import Any, TypeVar

import strawberry

from hub.errors import ErrorCode
from hub.query.plan.errors import QueryError
from hub.vouchers.cases.words import UNATTESTED
from schema.codes import (
    CodeList,
    CustomsDistrict,
    OrderState,
    Rating,
    ServicePurpose,
    VoucherClaimState,
)
from schema.codes import Province as ProvinceList
from schema.item import Item, Kind, RecordSpec
from schema.traits import Bookable, Faceted

C = TypeVar("C", bound=Enum)
UNKNOWN = "UNKNOWN"
NOT_KNOWN = "未知：本版本接口不认识的值。Not known to this version of the interface."


@lru_cache(maxsize=256)
def enum_of(code_list: type[CodeList]) -> Any:
    """Return the GraphQL enum of a code list."""
    members = {}
    for member in code_list:
        official = f" ({member.official})" if member.official else ""
        text = f"{member.zh}{official}. {member.en}."
        members[member.name] = strawberry.enum_value(member.name, description=text)
    members.setdefault(UNKNOWN, strawberry.enum_value(UNKNOWN, description=NOT_KNOWN))
    twin: Any = Enum(code_list.__name__, members)  # type: ignore[misc]
    about = f"{code_list.title_zh}. {code_list.title_en}. {code_list.source}."
    return strawberry.enum(twin, description=about)


def stated_code(code_list: type[C], stated: Any) -> C:
    """Return the code that a caller states; `QueryError` for UNKNOWN where the list has none."""
    code = code_list.__members__.get(stated.name)
    if code is None:
        raise QueryError(
            ErrorCode.BAD_USER_INPUT,
            f"{code_list.__name__}：请写明 {stated.name} 以外的值",
            f"{code_list.__name__}: state a value other than {stated.name}",
        )
    return code


Province = enum_of(ProvinceList)
Purpose = enum_of(ServicePurpose)
District = enum_of(CustomsDistrict)
OrderStateCode = enum_of(OrderState)
RatingCode = enum_of(Rating)
ClaimStateCode = enum_of(VoucherClaimState)


def plain_enum(name: str, about: str, members: dict[str, str]) -> Any:
    """Return the enum of words that no code list holds, each with its description."""
    named = {**members, UNKNOWN: members.get(UNKNOWN, NOT_KNOWN)}
    values = {key: strawberry.enum_value(key, description=text) for key, text in named.items()}
    twin: Any = Enum(name, values)  # type: ignore[misc]
    return strawberry.enum(twin, description=about)


AvailabilityStatus = plain_enum(
    "AvailabilityStatus",
    "所问时段的空闲状况。What is known of the window that was asked for.",
    {
        "FREE": "开放时间全部空闲。All open time is free.",
        "PARTLY": "部分空闲或部分未知。Some open time is free, some is taken or unknown.",
        "BUSY": "已知无空闲。Known to have no free time.",
        "UNKNOWN": "未知：来源未覆盖，绝不视为空闲。Not known: no source covered it; never free.",
    },
)
PriceStatus = plain_enum(
    "PriceStatus",
    "能否估价。Whether a price could be told.",
    {
        "OK": "有适用的公布价格。A published price applies.",
        "NO_PRICE": "没有适用的公布价格。No published price applies.",
    },
)
SourceState = plain_enum(
    "SourceState",
    "来源状况。How a source stands.",
    {
        "OK": "在承诺的时效内。Within its promised freshness.",
        "STALE": "超过承诺或所要求的时效。Older than promised, or than was asked for.",
        "ERROR": "最近一次失败，或无法连通。Its last run failed, or it could not be reached.",
        "NEVER": "尚未提供过数据。Has never answered.",
        "TIMEOUT": "已询问，未在截止前应答。Was asked and did not answer in time.",
        "OPEN": "屡次失败，暂不询问。Failed again and again: it is not asked for a while.",
        "DENIED": "拒绝了本平台。Refused the hub.",
        "BAD_DATA": "应答有误，未予采信。Answered with what cannot be believed.",
        "BUDGET": "询问已达限额。Was asked as often as it may be.",
        "SKIPPED": "未询问：未登录者不引发询问。Not asked: anonymous callers cause no question.",
        "UNKNOWN": "未知。Not known.",
    },
)
ServedFrom = plain_enum(
    "ServedFrom",
    "应答取自何处。Where the answer was taken from.",
    {
        "STORE": "平台存储。The hub's store.",
        "LIVE": "为本次请求询问了来源。The source, asked for this request.",
        "CACHE": "刚为他人询问所得。What the source said to somebody else just before.",
        "NONE": "没有数据。Nothing is there.",
        "UNKNOWN": "未知。Not known.",
    },
)
SourceEventKind = plain_enum(
    "SourceEventKind",
    "对来源做了什么。What was done with a source.",
    {
        "LIVE": "查询时询问。It was asked while a caller waited.",
        "HARVEST": "定时读取。It was read.",
        "BREAKER": "暂停或恢复询问。It is not asked for a while (OPEN), or is again (CLOSED).",
        "UNKNOWN": "未知。Not known.",
    },
)
RowOutcomeCode = plain_enum(
    "RowOutcomeCode",
    "一行数据的处理结果。What became of a row.",
    {
        "ACCEPTED": "已接收。Accepted as a new revision.",
        "PROVEN": "与现有内容相同，证明更强。What stands, better vouched for.",
        "DUPLICATE": "与现有内容相同。Equal to what stands.",
        "WITHDRAWN": "已撤回。Withdrawn.",
        "QUARANTINED": "已隔离，见问题列表。Held back; see its problems.",
        "UNSETTLED": "归属枢纽尚未答复：用同一幂等键原样重发。"
        "Its home hub has not said: send the same again with the same key.",
    },
)

CustomsAnswerCode = plain_enum(
    "CustomsAnswer",
    "海关规则的答复。What customs law answers.",
    {
        "ALLOW": "可以。It may.",
        "DENY": "不可以，见补救。It may not; see the remedy.",
        "UNKNOWN": "无法判断，不得视为可以。Not known; never taken as ALLOW.",
    },
)
CustomsProcedure = plain_enum(
    "CustomsProcedure",
    "使用须办的手续。What goes with a use.",
    {
        "NONE": "无。Nothing.",
        "SIMPLE_RECORD": "简易程序：事后登记服务。A service record in the national platform.",
        "NOTICE": "服务记录写明通知书编号。The number of the notice in the service record.",
        "DUTY_RECORD": "服务记录写明补税记录。The payment of duty in the service record.",
    },
)
CustomsRemedy = plain_enum(
    "CustomsRemedy",
    "可行的补救。What would turn a DENY into an ALLOW.",
    {
        "APPROVAL": "申请批准。An approval by customs.",
        "OTHER_DISTRICT": "异地监管。Supervision in the other district.",
        "DUTY": "补税。Duty for the time of the use.",
        "REPORT": "补交年度报告。The yearly report that is overdue.",
    },
)
CustomsDisposal = plain_enum(
    "CustomsDisposal",
    "对减免税仪器的处置。What an owner may want to do with a duty-free instrument.",
    {
        "LEASE": "出租，属移作他用。Lease, which counts as another use.",
        "TRANSFER": "转让、划转。Transfer.",
        "PLEDGE": "抵押。Pledge.",
        "SCRAP": "报废。Scrapping.",
    },
)
BookingStateCode = plain_enum(
    "BookingState",
    "预约的状态。How a booking stands.",
    {
        "TENTATIVE": "来源尚未答复，请原样重发。Its system did not answer: send the same again.",
        "FIRM": "已预约，来源日历已核对。Booked; the calendar was read again.",
        "REFUSED": "未预约。Not booked.",
        "CANCELLED": "已取消。Given back.",
        "EXPIRED": "来源逾时未答复，已放弃。Given up: its system did not answer in time.",
        "UNKNOWN": "未预约：海关规则能否允许未知。Not booked: whether customs law allows it is not "
        "known.",
    },
)
BookingReasonCode = plain_enum(
    "BookingReason",
    "未预约的原因。Why a booking is not firm.",
    {
        "OCCUPIED": "时段已被占用。The time is taken.",
        "OUTAGE": "停用或检修。Out of service then.",
        "UNKNOWN_INSTRUMENT": "来源没有这台仪器。Its system has no such instrument.",
        "USER_NOT_MAPPED": "本单位在该系统没有账号或项目，请与其联系。Your institution has no "
        "account there: ask the owner.",
        "IN_THE_PAST": "时段已过。The time is past.",
        "AGAINST_RULES": "不合其预约规则：可提前天数、时长、每日次数、未来次数与总时长、间隔。"
        "Against its owner's rules: days ahead, length, bookings a day or to come, time to come, "
        "gap between two.",
        "SOURCE_REFUSED": "来源拒绝，见 said。Its system refuses; see `said`.",
        "SOURCE_SILENT": "来源没有应答。Its system did not answer.",
        "NOT_CANCELLED_YET": "尚未撤回，请原样重发。Not taken back yet: send the same again.",
        "NOT_THERE": "来源没有这一预约。Its system shows no such booking.",
        "CUSTOMS": "海关规则未允许，见 customsReasons。Customs law did not allow it.",
        "HOME_HUB_SILENT": "仪器的归属枢纽没有应答，请原样重发。The instrument's home hub did not "
        "answer: send the same again.",
    },
)
NotAttestedCode = plain_enum(
    "NotAttested",
    "没有证明的原因。Why there is no attestation, or no proof of a day.",
    {
        "NOT_CLAIMED": "仅预留、已释放、已驳回或已追回。Reserved only, or ended.",
        "HELD": "须人工核对。A person has to look first.",
        "NOT_VALID": "核验未全部通过，见 checks。Not every check passed; see `checks`.",
        "CORRECTED": "服务记录的金额已与申兑不同。The service record says another charge by now.",
        "CASH_OVER": "兑付截止日期已过。The last day of settlement is over.",
        "NOT_IN_LOG": "日志尚未签出，数秒后再问。The log has not signed yet: ask in some seconds.",
        **{
            code: "".join(UNATTESTED[code])
            for code in ("SERVICE_ELSEWHERE", "LOG_NOT_PINNED", "SERVICE_UNPROVED")
        },
        "NO_MAP": "该日的申兑日表尚无。There is no map of that day: it is not over, or none was "
        "made.",
        "AFTER_DAY": "记录晚于该日的日表，请问其后的日子。The record came later: ask for a later "
        "day.",
        "MAP_GONE": "该日的内容已删除，日表无法重现。Content of that day was erased.",
    },
)
ChangeKind = plain_enum(
    "ChangeKind",
    "对该记录应做的事。What to do about an item.",
    {
        "CHANGED": "重新读取该记录。Look at the item again.",
        "REMOVED": "该记录已不存在或不再可见，应删除。Gone, or not yours to see any more: drop it.",
    },
)

ExportFormatCode = plain_enum(
    "ExportFormat",
    "导出格式。Format of an export.",
    {
        "NDJSON": "每行一个 JSON 对象，同接口应答。A JSON object a line, as the interface answers.",
        "CSV": "UTF-8 表格，列名以点分。A table in UTF-8, names of columns with dots.",
        "XLSX": "工作簿。A workbook.",
        "PARQUET": "Parquet，须平台已装 pyarrow。Parquet, where the hub has pyarrow.",
    },
)
ExportStatus = plain_enum(
    "ExportStatus",
    "导出的状态。How an export stands.",
    {
        "RUNNING": "正在导出。Being made.",
        "COMPLETED": "已完成，文件可读。All files are there.",
        "FAILED": "未完成，见 errorCode。Not finished: see `errorCode`.",
        "EXPIRED": "文件已不保留。Its files are not kept any more.",
        "UNKNOWN": "未知。Not known.",
    },
)


def order_members(spec: RecordSpec) -> dict[str, tuple[Item, bool]]:
    """Return the orders of a record: name to (item, whether it descends)."""
    members: dict[str, tuple[Item, bool]] = {}
    for item in spec.items:
        if item.facts.sortable:
            members[f"{item.name.upper()}_ASC"] = (item, False)
            members[f"{item.name.upper()}_DESC"] = (item, True)
    return members


@lru_cache(maxsize=64)
def order_of(spec: RecordSpec) -> Any:
    """Return the order enum of a record, or None when it can be sorted by nothing."""
    members = order_members(spec)
    if not members:
        return None
    values = {
        name: strawberry.enum_value(
            name,
            description=(
                f"{item.facts.zh}{'降序' if down else '升序'}"
                f"{'（按拼音）' if item.kind is Kind.VALUE and item.name == 'name' else ''}. "
                f"{item.facts.en}, {'descending' if down else 'ascending'}; absent values last."
            ),
        )
        for name, (item, down) in members.items()
    }
    if spec.trait(Bookable):
        for name, zh, en in (
            ("PRICE_ASC", "升序", "the least first"),
            ("PRICE_DESC", "降序", "the most first"),
        ):
            about = f"费用{zh}，见 priceFor. What it costs by priceFor, {en}; without a price last."
            values[name] = strawberry.enum_value(name, description=about)
    twin: Any = Enum(f"{spec.name}Order", values)  # type: ignore[misc]
    return strawberry.enum(twin, description=f"{spec.zh}的排序。Orders of {spec.name}.")


@lru_cache(maxsize=64)
def facet_of(spec: RecordSpec) -> Any:
    """Return the enum of what the rows of a record can be counted by, or None."""
    trait = spec.trait(Faceted)
    if trait is None:
        return None
    about = {
        "CITY": "城市，GB/T 2260 前四位。City: four digits of GB/T 2260.",
        "CLASS": "GB/T 32847 分类代码。Class of GB/T 32847.",
        "PROVINCE": "省级行政区。Province.",
    }
    values = {}
    for name, column in trait.by:
        item = next((each for each in spec.items if each.name == column), None)
        told = f"{item.facts.zh}。{item.facts.en}." if item else name
        values[name] = strawberry.enum_value(name, description=about.get(name, told))
    twin: Any = Enum(f"{spec.name}Facet", values)  # type: ignore[misc]
    return strawberry.enum(
        twin, description=f"{spec.zh}的统计维度。What {spec.name} is counted by."
    )
