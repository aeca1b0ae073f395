"""Words by which people head their columns, beside the names that the standard gives.

Each path of the standard with headers in use for it; the standard's own names are added by
`suggest`. Personal columns are known by header or by the shape of their values.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

HEADERS: Mapping[str, tuple[str, ...]] = {
    "institutionKey": ("统一社会信用代码", "信用代码", "单位代码", "学校标识码", "学校代码", "ror"),
    "localNo": (
        *("仪器编号", "设备编号", "资产编号", "编号", "仪器设备编号", "id", "instrumentid"),
        *("assetno", "equipmentno", "newinstrumentname"),
    ),
    "name.zh": (
        *("仪器名称", "设备名称", "仪器设备名称", "资产名称", "中文名称", "名称", "品名"),
        *("单位名称", "学校名称", "name"),
    ),
    "name.en": ("英文名称", "英文名", "englishname", "instrument", "instrumentname", "descriptor"),
    "model": ("型号", "规格型号", "规格", "model", "modelno", "modelno."),
    "manufacturer": ("厂家", "生产厂家", "制造商", "厂商", "品牌", "生产商", "maker", "vendor"),
    "originCountry": ("国别", "产地", "产地国别", "国家", "country"),
    "serialNo": ("出厂编号", "序列号", "出厂号", "serialnumber", "serialno", "sn"),
    "originalValue.amount": (
        "原值",
        "单价",
        "价格",
        "购置价格",
        "金额",
        "设备原值",
        "purchaseprice",
    ),
    "acceptedOn": ("验收日期", "验收时间"),
    "bookedOn": ("入账日期", "建账日期", "购置日期", "入库日期"),
    "commissionedOn": ("启用日期", "投用日期", "commissioned"),
    "joinedOn": ("入网日期", "created"),
    "status": ("状态", "使用状况", "现状", "仪器状态", "state"),
    "place.address": ("存放地点", "放置地点", "安放地点", "存放地", "房间", "room", "roomnumber"),
    "functions": ("主要功能", "功能", "用途说明", "description"),
    "specification": ("技术指标", "主要技术指标", "性能指标"),
    "instrumentKey": ("仪器", "设备", "仪器编号", "设备编号", "仪器名称", "instrument"),
    "localId": ("记录编号", "流水号", "订单号", "预约单号", "服务记录编号", "recordid", "id"),
    "startedAt": ("开始时间", "上机时间", "起始时间", "start", "starttime", "begin"),
    "endedAt": ("结束时间", "下机时间", "截止时间", "finishtime", "endtime", "end"),
    "startAt": ("开始时间", "起始时间", "start", "starttime"),
    "endAt": ("结束时间", "截止时间", "finishtime", "endtime"),
    "hours": ("机时", "时长", "使用时长", "使用机时", "机时数", "duration"),
    "samplesCount": ("样品数", "测样数", "样品数量", "samples"),
    "charge.amount": ("收费", "费用", "收费金额", "服务金额", "应收", "price", "charge", "fee"),
    "price.amount": ("单价", "价格", "收费标准", "rate", "price"),
    "code": ("编号", "代码", "项目编号", "服务编号", "code"),
    "recordedAt": ("登记时间", "创建时间", "createdon", "createdat"),
    "userName": ("用户单位", "送检单位", "使用单位", "单位", "affiliation", "organisation"),
    "purpose": ("用途", "服务类型", "使用目的", "purpose"),
    "departmentName": ("主管部门", "department"),
    "divisionCode": ("行政区划", "行政区划代码", "所在地", "所在城市", "城市", "city"),
    "homepageUrl": ("网址", "主页", "网站", "website", "homepage"),
    "kind": ("单位类型", "类型", "kind"),
}

PERSONAL_HEADERS = frozenset(
    {
        *("姓名", "用户姓名", "联系人", "负责人", "管理员", "领用人", "保管人", "导师", "经手人"),
        *("电话", "手机", "手机号", "联系电话", "邮箱", "电子邮箱", "身份证号", "学号", "工号"),
        *("fullname", "username", "phone", "telephone", "mobile", "email", "e-mail", "mail"),
        *("supervisor", "createdby", "updatedby", "operator", "contactperson", "scientist"),
    }
)
PERSONAL_SHAPES = (
    re.compile(r"[^@\s]+@[^@\s]+\.[A-Za-z]{2,}"),
    re.compile(r"1[3-9][0-9]{9}"),
    re.compile(r"\+?[0-9]{1,3}-[0-9]{3}-[0-9]{3}-[0-9]{4}"),
    re.compile(r"[1-9][0-9]{16}[0-9Xx]"),
)
"""Mail addresses, telephones, citizen numbers."""

KEYS: Mapping[str, re.Pattern[str]] = {
    'remove = "https://ror.org/", template = "ror:{}"': re.compile(
        r"https://ror\.org/0[0-9a-z]{8}"
    ),
    'template = "ror:{}"': re.compile(r"0[a-z0-9]{6}[0-9]{2}"),
    'template = "uscc:{}"': re.compile(r"[0-9A-HJ-NPQRTUWXY]{2}[0-9]{6}[0-9A-HJ-NPQRTUWXY]{10}"),
    'match = "^[0-9]{5}([0-9]{5})$", template = "moe:{}"': re.compile(r"4[1-9][1-6][0-9]{7}"),
}
"""How institution keys are made from values of these shapes: ROR, social credit code, MOE code."""

INSTITUTIONS = re.compile(
    r".*(大学|学院|学校|研究所|研究院|医院|公司|实验室)|.*(University|Institute|Hospital|Ltd).*"
)
"""Names that institutions have and instruments have not."""

INSTITUTION_NAMES = frozenset({"单位名称", "学校名称", "所属单位", "机构名称", "学院名称"})
"""Headers of the names of institutions, which are no names of anything else."""
EQUIPMENT_NAME = re.compile(
    "(仪器|设备|资产|装置)(的?名|名称)|^(instrument|equipment|device|asset)s?(_|-)?name"
)
"""Headers of the names of instruments."""
LEDGER_WORDS = re.compile(
    "型号|规格|原值|单价|价值|厂家|厂商|制造商|品牌|国别|产地|序列号|出厂|验收|购置|入库|入账|启用|投用|"
    "状态|状况|现状|存放|放置|安放|地点|房间|领用|保管|编号|经费|model|manufact|maker|vendor|serial|"
    "purchas|acquir|status|location|room|custodian|asset"
)
"""Headers of what a list of equipment says of it."""
RECORDS_OF_USE = re.compile(
    "(开始|结束|上机|下机|起始|截止|预约|送样)(时间|日期)?$|机时|时长|样品数|收费|计费|服务对象|服务内容|"
    "报警|星期|周几|^(start|end|begin|finish)|duration|charge|price|^rate|weekday"
)
"""Headers of what happened with an instrument, or of what its use costs."""
EQUIPMENT = re.compile(
    ".*(仪|镜|机|谱|计|炉|器|系统|装置|设备|探针|离心机|平台|衍射|共振|测序|工作站)([(（].*)?|"
    ".*(scope|meter|graph|analy[sz]er|system|centrifuge|diffract|laser|furnace|probe).*",
    re.IGNORECASE,
)
"""Names that instruments have."""

CURRENCIES: Mapping[str, str] = {
    **dict.fromkeys(("元", "万元", "千元", "rmb", "cny", "￥", "¥", "人民币"), "CNY"),
    **dict.fromkeys(("usd", "$", "us$", "美元"), "USD"),
    **dict.fromkeys(("eur", "€", "欧元"), "EUR"),
}
FORMS = (
    *("D/M/YYYY H:mm", "M/D/YYYY H:mm", "D/M/YYYY", "M/D/YYYY", "DD.MM.YYYY H:mm", "DD.MM.YYYY"),
    *("YYYY年M月D日 H:mm", "YYYY年M月D日 H时m分", "YYYY.M.D H:mm", "YYYY.M.D", "excel"),
)
