"""Words and codes of the national reporting form (NRII) that several sources share.

Each table takes the code and the Chinese word for the same thing, because real senders mix them
(`reference` of the form: equipment type 4; running status and sharing mode are in its model).
"""

from __future__ import annotations

from typing import Any

from schema.codes import (
    Acquisition,
    CustomsStatus,
    FundingSource,
    InstrumentStatus,
    InstrumentUse,
    ResourceCarrier,
    SharingMode,
)

RUNNING_STATUS = {
    "1": InstrumentStatus.IN_SERVICE,
    "2": InstrumentStatus.IN_SERVICE,
    "3": InstrumentStatus.IN_SERVICE,
    "4": InstrumentStatus.IN_SERVICE,
    "5": InstrumentStatus.IN_SERVICE,
    "6": InstrumentStatus.AWAITING_REPAIR,
    "7": InstrumentStatus.AWAITING_SCRAPPING,
    "正常": InstrumentStatus.IN_SERVICE,
    "待机": InstrumentStatus.IN_SERVICE,
    "远程服务中": InstrumentStatus.IN_SERVICE,
    "偶有故障": InstrumentStatus.IN_SERVICE,
    "故障频繁": InstrumentStatus.IN_SERVICE,
    "待修": InstrumentStatus.AWAITING_REPAIR,
    "待报废": InstrumentStatus.AWAITING_SCRAPPING,
}
SHARING = {
    "1": SharingMode.INSIDE_ONLY,
    "2": SharingMode.OUTSIDE,
    "3": SharingMode.NOT_SHARED,
    "内部共享": SharingMode.INSIDE_ONLY,
    "外部共享": SharingMode.OUTSIDE,
    "不共享": SharingMode.NOT_SHARED,
}
ACQUISITION = {
    "1": Acquisition.PURCHASED,
    "2": Acquisition.DEVELOPED,
    "3": Acquisition.DONATED,
    "4": Acquisition.OTHER,
    "购置": Acquisition.PURCHASED,
    "研制": Acquisition.DEVELOPED,
    "赠送": Acquisition.DONATED,
    "其他": Acquisition.OTHER,
}
USE = {
    "1": InstrumentUse.SPECIAL,
    "2": InstrumentUse.GENERAL,
    "专用": InstrumentUse.SPECIAL,
    "通用": InstrumentUse.GENERAL,
}
CARRIER = {
    "无": ResourceCarrier.NONE,
    "4": ResourceCarrier.NONE,
    "1": ResourceCarrier.INSTRUMENT_CENTRE,
    "2": ResourceCarrier.MAJOR_FACILITY,
    "3": ResourceCarrier.SERVICE_UNIT,
    "6": ResourceCarrier.STATE_KEY_LABORATORY,
    "7": ResourceCarrier.ENGINEERING_CENTRE,
    "8": ResourceCarrier.BIOLOGICAL_COLLECTION,
    "科学仪器中心": ResourceCarrier.INSTRUMENT_CENTRE,
    "重大科研基础设施": ResourceCarrier.MAJOR_FACILITY,
    "国家重点实验室": ResourceCarrier.STATE_KEY_LABORATORY,
    "国家工程技术研究中心": ResourceCarrier.ENGINEERING_CENTRE,
    "生物种质资源库馆": ResourceCarrier.BIOLOGICAL_COLLECTION,
}
FUNDS = {member.official or member.zh: member for member in FundingSource}

NOTHING = ("无", "*", "-", "/")
"""What senders write into a mandatory field that has no content."""


def instrument_class(code: str) -> dict[str, str]:
    """Return a GB/T 32847 class code; senders write 999999 for 其他仪器, the list says 990000."""
    listed = "990000" if code == "999999" else code
    return {"scheme": "GB/T 32847", "version": "2016", "code": listed}


def subject(code: str) -> dict[str, str]:
    """Return a GB/T 13745 subject code."""
    return {"scheme": "GB/T 13745", "version": "2009", "code": code}


def customs_status(supervised: bool | None) -> CustomsStatus | None:  # noqa: FBT001 - a flag as read
    """Return what 是 or 否 to "in customs supervision" says; nothing when it was not said."""
    if supervised is None:
        return None
    return CustomsStatus.SUPERVISED if supervised else CustomsStatus.NOT_SUPERVISED


def present(**items: Any) -> dict[str, Any]:
    """Return a wire object without what is absent."""
    return {name: value for name, value in items.items() if value not in (None, [], {})}
