"""Instrument and ServiceOffer: what is shared, how, and for what price."""

from __future__ import annotations

from datetime import date, datetime

from schema.checks import check_country
from schema.codes import (
    Acquisition,
    Audience,
    CustomsStatus,
    InstrumentStatus,
    InstrumentUse,
    PriceUnit,
    ResourceCarrier,
    ServiceWay,
    SharingMode,
)
from schema.dates import PartialDate
from schema.identifiers import check_institution_key
from schema.item import Grade, item, record
from schema.parties import owner_of_key_in, party_in
from schema.plausible import Unlikely
from schema.records.bounds import HOURS_OF_YEAR, NOT_AHEAD, PRICE, VALUE_OF_INSTRUMENT
from schema.records.rules import classes_are_listed, commissioned_before_accepted, interval_of
from schema.traits import (
    Bookable,
    Faceted,
    Findable,
    Linkable,
    Listable,
    Listing,
    Located,
    Prices,
    Related,
    Reported,
)
from schema.values import (
    KEY_PATTERN,
    ClassCode,
    Funding,
    Identifier,
    Money,
    Name,
    OriginalText,
    Place,
)

LOCAL_PATTERN = r"[^\s/\x00-\x1f][^/\x00-\x1f]{0,149}"
INSTRUMENT_KEY_PATTERN = KEY_PATTERN + "/" + LOCAL_PATTERN


@record(
    "大型科研仪器",
    key=("institution_key", "local_no"),
    prefix="instr",
    owner=party_in("institution_key"),
    golden=True,
    traits=(
        Listable(),
        Findable(("id", "key", "number", "identifier")),
        Listing(
            classes="classes",
            order="name",
            facets=("province", "use", "status", "sharing", "customs_status"),
        ),
        Faceted(
            by=(
                ("CITY", "place"),
                ("CLASS", "classes"),
                ("INSTITUTION", "institution_key"),
                ("PROVINCE", "province"),
                ("SHARING", "sharing"),
            )
        ),
        Located(division="place"),
        Bookable(),
        Related(
            name="centre",
            record="Centre",
            on=(("institution_key", "institution_key"), ("code", "centre_code")),
        ),
        Reported(),
        Linkable(identifiers="identifiers", plate=("manufacturer", "model", "serial_no")),
    ),
    checks=(classes_are_listed,),
    unlikely=(
        Unlikely(
            find=commissioned_before_accepted,
            zh="启用日期比验收日期早三年以上，请核对",
            en="it was in use more than three years before it was accepted; check the dates",
        ),
    ),
)
class Instrument:
    """One large scientific instrument, as its managing institution declares it."""

    institution_key: str = item(
        "管理单位",
        "Managing institution",
        ref="Institution",
        inverse="instruments",
        pattern=KEY_PATTERN,
        check=check_institution_key,
        filterable=True,
        search=True,
    )
    local_no: str = item(
        "仪器编号",
        "Number within the institution",
        pattern=LOCAL_PATTERN,
        length_max=150,
        filterable=True,
        search=True,
    )
    name: Name = item("仪器名称", "Name", search=True, sortable=True)
    classes: tuple[ClassCode, ...] = item(
        "分类",
        "Classes, each as scheme, version and code",
        filterable=True,
        search=True,
        default=(),
    )
    subjects: tuple[ClassCode, ...] = item("学科领域", "Subjects (GB/T 13745)", default=())
    model: str | None = item(
        "规格型号", "Model", length_max=100, filterable=True, search=True, default=None
    )
    manufacturer: str | None = item(
        "生产制造商", "Manufacturer", length_max=100, filterable=True, search=True, default=None
    )
    origin_country: str | None = item(
        "产地国别",
        "Country of origin",
        scheme="ISO 3166-1 alpha-3 (GB/T 2659.1)",
        pattern="[A-Z]{3}",
        check=check_country,
        filterable=True,
        default=None,
    )
    serial_no: str | None = item(
        "出厂编号", "Serial number", grade=Grade.L2, length_max=100, default=None
    )
    specification: str | None = item(
        "主要技术指标", "Main technical data", length_max=2000, multiline=True, default=None
    )
    functions: str | None = item(
        "主要功能", "Main functions", length_max=2000, multiline=True, search=True, default=None
    )
    accessories: str | None = item(
        "附件", "Accessories", length_max=1000, multiline=True, default=None
    )
    original_value: Money | None = item(
        "原值",
        "Original value, accessories included",
        grade=Grade.L2,
        filterable=True,
        sortable=True,
        plausible=(VALUE_OF_INSTRUMENT,),
        default=None,
    )
    acquisition: Acquisition | None = item("设备来源", "How it was acquired", default=None)
    funding: tuple[Funding, ...] = item("经费来源", "Funding sources", grade=Grade.L2, default=())
    accepted_on: PartialDate | None = item(
        "验收日期",
        "Accepted after installation",
        grade=Grade.L2,
        sortable=True,
        plausible=(NOT_AHEAD,),
        default=None,
    )
    booked_on: PartialDate | None = item(
        "建账日期",
        "Entered in the asset accounts",
        grade=Grade.L2,
        plausible=(NOT_AHEAD,),
        default=None,
    )
    commissioned_on: PartialDate | None = item(
        "启用日期", "Put into use", plausible=(NOT_AHEAD,), default=None
    )
    joined_on: date | None = item(
        "入网日期", "Joined the sharing platform", sortable=True, default=None
    )
    ended_on: PartialDate | None = item(
        "停用日期",
        "Scrapped, lost or handed on: the last day it was there",
        plausible=(NOT_AHEAD,),
        default=None,
    )
    use: InstrumentUse | None = item(
        "仪器类别", "General or special instrument", filterable=True, default=None
    )
    status: InstrumentStatus = item("使用状况", "Status", filterable=True)
    sharing: SharingMode | None = item("共享模式", "Sharing mode", filterable=True, default=None)
    carrier: ResourceCarrier | None = item(
        "所属资源载体类型", "Kind of facility that it belongs to", default=None
    )
    centre_code: str | None = item(
        "集约化平台", "Code of the centre that runs it", length_max=60, names_key=True, default=None
    )
    place: Place | None = item("安放地址", "Where it stands", filterable=True, default=None)
    topics: tuple[str, ...] = item("共享专题", "Topics it is shown under", default=())
    customs_status: CustomsStatus | None = item(
        "海关监管", "Whether customs supervises it", filterable=True, default=None
    )
    service_content: str | None = item(
        "服务内容",
        "What service is given with it",
        length_max=1000,
        multiline=True,
        search=True,
        default=None,
    )
    rules: str | None = item(
        "开放共享规定", "Rules of use for others", length_max=2000, multiline=True, default=None
    )
    achievements: str | None = item(
        "服务成效", "Typical results", length_max=2000, multiline=True, default=None
    )
    booking_url: str | None = item(
        "预约网址", "Where to book", pattern=r"https?://\S+", default=None
    )
    contact: str | None = item(
        "联系方式", "Public work contact: an office, never a person", length_max=200, default=None
    )
    annual_hours: int | None = item(
        "年运行机时",
        "Hours run in the last reported year",
        unit="h",
        grade=Grade.L2,
        minimum=0,
        maximum=9000,
        plausible=(HOURS_OF_YEAR,),
        default=None,
    )
    annual_shared_hours: int | None = item(
        "年对外服务机时",
        "Hours for others in the last reported year",
        unit="h",
        grade=Grade.L2,
        minimum=0,
        maximum=9000,
        plausible=(HOURS_OF_YEAR,),
        default=None,
    )
    image_url: str | None = item("图片", "Picture", pattern=r"https?://\S+", default=None)
    identifiers: tuple[Identifier, ...] = item(
        "其他标识", "Other identifiers: PIDINST, NRII, asset number", search=True, default=()
    )
    originals: tuple[OriginalText, ...] = item(
        "原始文本", "Source texts that were converted", default=()
    )


@record(
    "服务与收费",
    key=("instrument_key", "code"),
    prefix="offer",
    owner=owner_of_key_in("instrument_key"),
    traits=(Listable(), Prices(of="instrument_key"), Reported()),
    checks=(interval_of("validFrom", "validUntil"),),
)
class ServiceOffer:
    """A service that is offered on an instrument, and its published price."""

    instrument_key: str = item(
        "仪器",
        "Instrument",
        ref="Instrument",
        inverse="offers",
        is_few=True,
        pattern=INSTRUMENT_KEY_PATTERN,
        filterable=True,
    )
    code: str = item(
        "服务编号", "Code within the instrument", pattern=LOCAL_PATTERN, length_max=150
    )
    name: Name | None = item("服务名称", "Name", default=None)
    way: ServiceWay | None = item("服务方式", "Way of service", filterable=True, default=None)
    content: str | None = item(
        "服务内容", "What is done", length_max=1000, multiline=True, default=None
    )
    process: str | None = item(
        "服务流程", "How it proceeds", length_max=2000, multiline=True, default=None
    )
    audience: Audience = item("服务对象", "Who pays this price", filterable=True)
    unit: PriceUnit | None = item("计价单位", "What is counted", default=None)
    price: Money | None = item("单价", "Price of one unit", plausible=(PRICE,), default=None)
    minimum_charge: Money | None = item(
        "最低收费", "Least charge of one order", plausible=(PRICE,), default=None
    )
    price_note: str | None = item(
        "收费说明",
        "Price in words, where it is not one number",
        length_max=1000,
        multiline=True,
        default=None,
    )
    valid_from: date | None = item("生效日期", "First day of validity", default=None)
    valid_until: date | None = item("失效日期", "Last day of validity", default=None)
    booking_url: str | None = item(
        "预约网址", "Where to book", pattern=r"https?://\S+", default=None
    )
    contact: str | None = item(
        "联系方式", "Public work contact: an office, never a person", length_max=200, default=None
    )
    published_at: datetime | None = item(
        "公布时间", "When the price was published", plausible=(NOT_AHEAD,), default=None
    )
