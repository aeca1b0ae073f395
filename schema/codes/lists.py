"""Code lists for institutions, instruments and what is offered.

Sources: JY/T 1001-2012 (education data), the reporting form of the national instrument platform
(NRII), GB/T 2260, ISO 8601-1. UNKNOWN exists only where a source may honestly not know; where an
item may be left out, absence says it.
"""

from __future__ import annotations

from enum import auto

from schema.codes.code_list import CodeList, code_list

HUB = "Hub standard 1"
NRII = "NRII reporting form"
MOE_SJ1 = "MOE SJ1"
MOE_FINANCE = "MOF asset codes"
JYT_1001 = "JY/T 1001-2012"


@code_list("单位类型", "Kind of institution", HUB)
class InstitutionKind(CodeList):
    """单位类型: kind of legal person; insurance and voucher rules depend on it."""

    UNIVERSITY = auto(), "高等学校", "University"
    RESEARCH_INSTITUTE = auto(), "科研机构", "Research institute"
    HOSPITAL = auto(), "医疗机构", "Hospital"
    ENTERPRISE = auto(), "企业", "Enterprise"
    GOVERNMENT_LAB = auto(), "政府检测机构", "Government laboratory"
    THIRD_PARTY_OPERATOR = auto(), "第三方专业机构", "Third-party operator"
    DEPARTMENT = auto(), "管理部门", "Government department"
    OTHER = auto(), "其他", "Other"


@code_list("集约化平台类型", "Kind of centre", "NRII reporting form, 所属资源载体")
class CentreKind(CodeList):
    """集约化平台类型: where instruments are pooled; codes of the NRII carrier list."""

    INSTRUMENT_CENTRE = auto(), "科学仪器中心", "Scientific instrument centre", "1"
    MAJOR_FACILITY = auto(), "重大科研基础设施", "Major research infrastructure", "2"
    STATE_KEY_LABORATORY = auto(), "国家重点实验室", "State key laboratory", "6"
    ENGINEERING_CENTRE = auto(), "国家工程技术研究中心", "National engineering research centre", "7"
    BIOLOGICAL_COLLECTION = auto(), "生物种质资源库馆", "Biological resource collection", "8"
    ANALYSIS_CENTRE = auto(), "分析测试中心", "Analysis and testing centre"
    OTHER = auto(), "其他", "Other"


@code_list("所属资源载体类型", "Resource carrier an instrument belongs to", "NRII instrBelongsType")
class ResourceCarrier(CodeList):
    """所属资源载体类型: what an instrument is part of.

    NONE is a statement (不附属), not a gap; older forms send 4 for it.
    """

    NONE = auto(), "无", "None", "无", {"NRII old form": ("4",)}
    INSTRUMENT_CENTRE = auto(), "科学仪器中心", "Scientific instrument centre", "1"
    MAJOR_FACILITY = auto(), "重大科研基础设施", "Major research infrastructure", "2"
    SERVICE_UNIT = (
        auto(),
        "服务单元",
        "Service unit (no longer used)",
        None,
        {"NRII old form": ("3",)},
    )
    STATE_KEY_LABORATORY = auto(), "国家重点实验室", "State key laboratory", "6"
    ENGINEERING_CENTRE = auto(), "国家工程技术研究中心", "National engineering research centre", "7"
    BIOLOGICAL_COLLECTION = auto(), "生物种质资源库馆", "Biological resource collection", "8"


@code_list("仪器现状", "State of the instrument as an asset", "JY/T 1001-2012 YQXZ")
class InstrumentStatus(CodeList):
    """仪器现状代码 YQXZ: the asset's state; "NRII running status" maps onto it.

    NRII has three grades of use (正常, 待机, 远程服务中) and two of trouble (偶有故障,
    故障频繁) that are all 在用 here.
    UNKNOWN: catalogues such as PIDINST name an instrument without its state.
    """

    IN_SERVICE = (
        auto(),
        "在用",
        "In service",
        "1",
        {"NRII running status": ("1", "2", "3", "4", "5"), MOE_SJ1: ("1",)},
    )
    IDLE = auto(), "闲置", "Idle (多余 in older tables)", "2", {MOE_SJ1: ("2",)}
    AWAITING_REPAIR = (
        auto(),
        "待修",
        "Awaiting repair",
        "3",
        {"NRII running status": ("6",), MOE_SJ1: ("3",)},
    )
    AWAITING_SCRAPPING = (
        auto(),
        "待报废",
        "Awaiting scrapping",
        "4",
        {"NRII running status": ("7",), MOE_SJ1: ("4",)},
    )
    LOST = auto(), "丢失", "Lost", "5", {MOE_SJ1: ("5",)}
    SCRAPPED = auto(), "报废", "Scrapped", "6", {MOE_SJ1: ("6",)}
    TRANSFERRED_OUT = auto(), "调出", "Transferred out", "7", {MOE_SJ1: ("7",)}
    DOWNGRADED = auto(), "降档", "Downgraded", "8", {MOE_SJ1: ("8",)}
    OTHER = auto(), "其他", "Other", "9", {MOE_SJ1: ("9",)}
    UNKNOWN = auto(), "未知", "Unknown"


@code_list("仪器类别", "General or special instrument", "NRII type")
class InstrumentUse(CodeList):
    """仪器类别: the rules on utilisation and on pooled purchases hold for 通用 only."""

    GENERAL = auto(), "通用", "General purpose", "2"
    SPECIAL = auto(), "专用", "Special purpose", "1"


@code_list("共享模式", "Sharing mode", "NRII 共享模式")
class SharingMode(CodeList):
    """共享模式: whom the owner lets in."""

    INSIDE_ONLY = auto(), "内部共享", "Shared inside the unit", "1"
    OUTSIDE = auto(), "外部共享", "Shared with other units", "2"
    NOT_SHARED = auto(), "不共享", "Not shared", "3"


@code_list("设备来源", "How the instrument was acquired", "NRII instrSource")
class Acquisition(CodeList):
    """设备来源: official codes are NRII's; MOE SJ1 and finance codes number them otherwise.

    TRANSFERRED_IN has no NRII code: towards NRII it is 其他.
    """

    PURCHASED = auto(), "购置", "Purchased", "1", {MOE_SJ1: ("1",), MOE_FINANCE: ("1",)}
    DEVELOPED = auto(), "研制", "Built in-house", "2", {MOE_SJ1: ("3",), MOE_FINANCE: ("3", "7")}
    DONATED = auto(), "赠送", "Donated", "3", {MOE_SJ1: ("2",), MOE_FINANCE: ("4",)}
    TRANSFERRED_IN = (
        auto(),
        "调入",
        "Transferred in",
        None,
        {MOE_SJ1: ("4",), MOE_FINANCE: ("2", "5", "6")},
    )
    OTHER = auto(), "其他", "Other", "4", {MOE_FINANCE: ("8",)}


@code_list("购置经费来源", "Source of the purchase money", "NRII funds")
class FundingSource(CodeList):
    """主要购置经费来源: NRII sends the words.

    The first two are fiscal money and bring the duty to join the platform.
    """

    CENTRAL_FISCAL = auto(), "中央财政资金", "Central fiscal funds", "中央财政资金"
    LOCAL_FISCAL = auto(), "地方财政资金", "Local fiscal funds", "地方财政资金"
    OWN_FUNDS = auto(), "单位自有资金", "The unit's own funds", "单位自有资金"
    OTHER = auto(), "其他资金", "Other funds", "其他资金"


@code_list("省级行政区", "Province", "GB/T 2260")
class Province(CodeList):
    """省级行政区: the four provinces of the delta by the first two digits of GB/T 2260."""

    SHANGHAI = auto(), "上海市", "Shanghai", "31"
    JIANGSU = auto(), "江苏省", "Jiangsu", "32"
    ZHEJIANG = auto(), "浙江省", "Zhejiang", "33"
    ANHUI = auto(), "安徽省", "Anhui", "34"
    OTHER = auto(), "其他", "Outside the delta"


@code_list("计价单位", "What a price is for", HUB)
class PriceUnit(CodeList):
    """计价单位: one hour of machine time, one sample, or one run."""

    HOUR = auto(), "机时（小时）", "Hour of machine time"
    SAMPLE = auto(), "样品", "Sample"
    RUN = auto(), "次", "Run"


@code_list("服务对象范围", "Audience a price or an offer is for", HUB)
class Audience(CodeList):
    """服务对象范围: ENTERPRISE is an outside price for enterprises only."""

    INSIDE = auto(), "本单位", "Inside the owner's legal person"
    OUTSIDE = auto(), "外单位", "Outside the owner's legal person"
    ENTERPRISE = auto(), "企业", "Enterprise"


@code_list("占用类型", "Why an instrument is not free", HUB)
class OccupancyKind(CodeList):
    """占用类型: what fills the time."""

    RESERVATION = auto(), "预约", "Reservation"
    MAINTENANCE = auto(), "维护", "Maintenance"
    OUTAGE = auto(), "故障", "Outage"
    OWN_USE = auto(), "自用", "The owner's own use"
    CLOSED = auto(), "不开放", "Closed"


@code_list("占用确定性", "Certainty of an occupancy", HUB)
class Certainty(CodeList):
    """占用确定性: only FIRM time is subtracted from what is free."""

    FIRM = auto(), "已确定", "Firm"
    TENTATIVE = auto(), "待确认", "Tentative"


@code_list("星期", "Day of the week", "ISO 8601-1 / GB/T 7408.1")
class Weekday(CodeList):
    """星期: official codes are the ISO numbers, Monday is 1."""

    MONDAY = auto(), "星期一", "Monday", "1"
    TUESDAY = auto(), "星期二", "Tuesday", "2"
    WEDNESDAY = auto(), "星期三", "Wednesday", "3"
    THURSDAY = auto(), "星期四", "Thursday", "4"
    FRIDAY = auto(), "星期五", "Friday", "5"
    SATURDAY = auto(), "星期六", "Saturday", "6"
    SUNDAY = auto(), "星期日", "Sunday", "7"


@code_list("供电状态", "Power state seen by a sensor", HUB)
class PowerState(CodeList):
    """供电状态: UNKNOWN while the sensor is silent; silence never means OFF."""

    ON = auto(), "开机", "On"
    OFF = auto(), "关机", "Off"
    IN_USE = auto(), "使用中", "In use"
    UNKNOWN = auto(), "未知", "Unknown (the sensor is silent)"


@code_list("标识符类型", "Scheme of an identifier", HUB)
class IdentifierScheme(CodeList):
    """标识符类型: a register; the official code is the prefix of keys made from it."""

    USCC = auto(), "统一社会信用代码", "Unified social credit code (GB 32100-2015)", "uscc"
    MOE = auto(), "教育部学校代码", "MOE school code", "moe"
    ROR = auto(), "ROR 机构标识", "Research Organization Registry", "ror"
    NRII = auto(), "国家网络管理平台标识", "NRII unit or instrument identifier", "nrii"
    DOI = auto(), "数字对象标识符", "Digital object identifier"
    HANDLE = auto(), "Handle 标识", "Handle"
    CSTR = auto(), "科技资源标识", "Science resource identifier (GB/T 32843)"
    ORCID = auto(), "ORCID", "ORCID"
    SERIAL_NUMBER = auto(), "出厂号", "Maker's serial number"
    INVENTORY_NUMBER = auto(), "资产编号", "Inventory number"
    OTHER = auto(), "其他", "Other"


@code_list("来源类别", "Kind of source", HUB)
class SourceKind(CodeList):
    """来源类别: what a source is to the owner of what it states; precedence goes by it first."""

    OWN = auto(), "本单位系统", "The owner's own system"
    DELEGATE = auto(), "受委托系统", "A system that the owner entrusted with it"
    PLATFORM = auto(), "共享平台", "A platform that speaks for others"
    PEER = auto(), "其他枢纽", "Another hub that passes on what it heard"
    NONE = auto(), "无权代表", "No longer registered for the owner"


@code_list("系统用途", "What a system is for", HUB)
class SystemPurpose(CodeList):
    """系统用途: what a source is kept for; for some items it counts before the kind of source."""

    ASSET = auto(), "资产管理系统", "Asset accounts: an asset system or the asset cloud"
    LAB = auto(), "实验室与预约系统", "Laboratory management and booking"
    CUSTOMS = auto(), "海关系统", "Customs supervision"
    OTHER = auto(), "其他", "Anything else, or not said"
    NATIONAL = auto(), "国家网络管理平台", "The national platform, which repeats what others keep"
    REGISTER = auto(), "经营主体登记系统", "A register of businesses, of market regulation"


@code_list("关联关系", "How two keys relate", HUB)
class LinkRelation(CodeList):
    """关联关系: whether two keys name one thing."""

    SAME_AS = auto(), "同一对象", "They name one thing"
    DIFFERS = auto(), "不同对象", "They name two things, however alike they look"


@code_list(
    "行业领域", "Sector of an institution", "Sharing policy, clause 四(十六): the departments"
)
class Sector(CodeList):
    """行业领域: which department oversees an institution in its trade; it may have several."""

    SCIENCE = auto(), "科技", "Science and technology"
    EDUCATION = auto(), "教育", "Education"
    HEALTH = auto(), "卫生健康", "Health"
    MARKET = auto(), "市场监管", "Market regulation: inspection and testing"
    CUSTOMS = auto(), "海关", "Customs"
    OTHER = auto(), "其他", "Other"
