"""NRII and its provincial copies: equipment, customs data and service records of one account.

The reading half of such a platform is not public: `basis` of `nrii.toml` says on what this is
modelled (`adapters._nrii_service` has the service). The operator states

- `facts.insCode`: the account's code, 32 hex characters, or e.g. gdins00031 at a copy;
- `facts.units`: keys of institutions by `insCode`, where the account holds several; else all is of
  the institution of the source;
- `facts.projects = "checked"`: the source has checked to which project a service belongs.

What a maintainer forgets:

- `worth` is 万元 and `amounts` is 元. `importDate` is the day of release (放行日期).
- `endTime` has the hour only; no start goes out, so it is derived and marked.
- There is no running status on the wire: UNKNOWN. Words of places are not turned into codes.
- Real senders have defects. (a) `serviceTime` never goes out and `serviceAmount` went through a
  formatter of dates: quarantined. (b), (c) 0 is what both flags are imported with, so 0 and 0
  together state nothing. (d) Services are joined to wrong projects: no project is taken unless the
  source has checked them. A place that contradicts its flag, customs data of an instrument that is
  said to be free, and a record of another unit are quarantined too.
- Personal: contact, phone, email; applicant with phone and email.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from adapters._adapter import Adapter, Collection, Context, Mapped, Yielded
from adapters._metadata_files import metadata_of
from adapters._nrii import NOTHING, equipment, present, price_in_words, subject
from adapters._nrii_service import (
    ACCEPTED,
    CENTRE,
    CUSTOMS,
    EQUIPMENT,
    RECORD,
    WSDL,
)
from adapters._row import Row
from connectors.paging import PageNumber
from connectors.reader import Window
from connectors.soap import SoapList
from schema.codes import Rating, ServicePurpose, ServiceWay, UserKind
from schema.dates import format_instant

METADATA = metadata_of("nrii")
FREE = "否"
IS_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}.*")
EARLIEST_END = "2000"
"""No service of an instrument on the platform ended before."""
LONGEST = timedelta(days=366)
"""Longest service of which a start is derived."""
OF_CENTRES = ("1", "科学仪器中心")
"""Kinds of carriers whose number is that of a centre."""
WAYS = METADATA.codes.words("ways", ServiceWay)
PURPOSES = METADATA.codes.words("purposes", ServicePurpose)
SIDES = METADATA.codes.words("user_sides", UserKind)
SIGNED = METADATA.codes.flag("agreement_signed")
OUTSIDE = METADATA.codes.flag("outside_premises")
RATINGS = METADATA.codes.words("ratings", Rating)


def _unit(row: Row, context: Context) -> str:
    """Return the key of the institution that a row names by its code."""
    code = row.text("insCode")
    units = context.facts.get("units") or {
        context.facts.get("insCode"): context.institution.get("institutionKey")
    }
    if code and code not in units:
        row.fault(
            "insCode",
            "UNIT_UNKNOWN",
            "不是本来源所代表的单位，请在来源文件 facts.units 中登记",
            "is no unit of this source; list it in facts.units of the source's file",
        )
    return str(units.get(code, ""))


def _instrument_key(row: Row, context: Context) -> str:
    return f"{_unit(row, context)}/{row.text('innerId')}"


def centre(row: Row, context: Context) -> Iterable[Yielded]:
    """Map one centre (type 1): the standard has its name and where it is on the web."""
    row.drop("contact", "phone", "email")
    row.ignore("worth", "area", "establish", "instruNum", "accept", "subject", "serviceContent")
    row.ignore("province", "city", "county", "location", "postalcode", "image", "achievement")
    row.ignore("auditStatus")
    yield Mapped(
        "Centre",
        present(
            institutionKey=_unit(row, context),
            code=row.text("innerId"),
            name={"zh": row.text("cname")},
            kind="INSTRUMENT_CENTRE",
            homepageUrl=row.optional_text("url", empty=NOTHING),
        ),
    )


def instrument(row: Row, context: Context) -> Iterable[Yielded]:
    """Map one instrument (type 4)."""
    row.ignore("resourceName")
    unit = _unit(row, context)
    key = f"{unit}/{row.text('innerId')}"
    words = [row.optional_text(each, empty=NOTHING) for each in ("province", "city", "county")]
    street = row.optional_text("street", empty=NOTHING)
    of_centre = row.optional_text("instrBelongsType") in OF_CENTRES
    number = row.optional_text("instrBelongsName", empty=NOTHING)
    supervised = row.optional_text("instrSupervise")
    if supervised:
        context.remember("supervised", key, supervised)
    yield Mapped(
        "Instrument",
        present(
            institutionKey=unit,
            **equipment(row),
            status="UNKNOWN",
            centreCode=number if of_centre else None,
            place=present(address="".join(word for word in (*words, street) if word) or None),
        ),
    )
    offer = price_in_words(row, key)
    if offer is not None:
        yield offer


def customs(row: Row, context: Context) -> Iterable[Yielded]:
    """Map the customs data of one instrument (type 5)."""
    key = _instrument_key(row, context)
    if context.recall("supervised", key) == FREE:
        row.fault(
            "innerId",
            "CONTRADICTED",
            "该仪器填报为“不在海关监管年限内”，却有海关信息",
            "has customs data, and its equipment form says that customs does not supervise it",
        )
    yield Mapped(
        "CustomsSupervision",
        present(
            declarationNo=row.text("declarationNumber"),
            itemNo=row.text("itemNumber"),
            instrumentKey=key,
            declaredName=row.text("formname"),
            releasedOn=row.optional_day("importDate"),
        ),
    )
    if not row.has("importDate"):
        row.text("importDate")


def service(row: Row, context: Context) -> Iterable[Yielded]:
    """Map one service record (type 6)."""
    row.drop("applicant", "applicantPhone", "applicantEmail")
    row.ignore("auditStatus")
    key, number = _instrument_key(row, context), row.text("recordInnerId")
    ways = row.codes("serviceWay", WAYS)
    end, hours = row.instant("endTime"), row.decimal("serviceTime")
    purpose = row.code("serviceDirection", PURPOSES)
    rating = row.optional_code("comment", RATINGS)
    yield Mapped(
        "ServiceRecord",
        present(
            instrumentKey=key,
            localId=number,
            userName=row.optional_text("applicantUnit", empty=NOTHING),
            userSide=row.optional_code("serviceType", SIDES),
            startedAt=_start(row, end, hours),
            endedAt=end,
            startDerived=True,
            hours=hours,
            samplesCount=_samples(row, ways),
            purpose=purpose.value,
            ways=[way.value for way in ways],
            content=row.text("serviceContent"),
            charge={"amount": row.decimal("amounts"), "currency": "CNY"},
            collectionMethod="MANUAL",
            **_flags(row),
            customsNoticeNo=row.optional_text("serviceCode", empty=NOTHING),
            taxRecord=row.optional_text("record", empty=NOTHING),
            project=_project(row, context),
            review=rating and {"rating": rating.value},
            originals=_originals(row, "endTime", "signAgreement", "adressType"),
        ),
    )


def _start(row: Row, end: str, hours: str) -> str | None:
    """Return the start that end and hours give; None where they cannot be read."""
    if row.problems:
        return None
    if end < EARLIEST_END:
        row.fault(
            "endTime",
            "OUT_OF_RANGE",
            "是计算机纪元附近的日期而非结束时间：须修复发送系统",
            "is a date near the epoch of computers and no end; mend the sender",
        )
        return None
    length = timedelta(seconds=int(Decimal(hours) * 3600))
    if not timedelta(0) <= length <= LONGEST:
        row.fault("serviceTime", "OUT_OF_RANGE", "服务机时超出范围", "is out of range")
        return None
    at = datetime.fromisoformat(end).astimezone(UTC)
    return format_instant(at - length)


def _samples(row: Row, ways: list[ServiceWay]) -> int | None:
    """Take the amount: samples of commissioned work, else hours that stand elsewhere already."""
    amount = row.optional_text("serviceAmount", empty=NOTHING)
    if amount is None:
        return None
    if IS_DATE.fullmatch(amount):
        row.fault(
            "serviceAmount",
            "NOT_DECIMAL",
            "是日期而非数量：发送系统把服务量按日期格式化了，须修复发送系统",
            "is a date and no number: the sender ran it through a formatter of dates; mend it",
        )
        return None
    if ServiceWay.COMMISSIONED in ways:
        return row.integer("serviceAmount")
    row.decimal("serviceAmount")
    return None


def _flags(row: Row) -> dict[str, Any]:
    """Take the two flags; together at what they are imported with they state nothing."""
    signed = row.flag("signAgreement", *SIGNED)
    outside = row.flag("adressType", *OUTSIDE)
    address = row.optional_text("moveAddress", empty=NOTHING)
    if address and outside is False:
        row.fault(
            "moveAddress",
            "CONTRADICTED",
            "填写了对外服务地址，却填报为单位内使用",
            "is an address outside, and adressType says that it was used inside",
        )
    if signed is True and outside is False:
        signed = outside = None
    return {"agreementSigned": signed, "outsidePremises": outside, "outsideAddress": address}


def _project(row: Row, context: Context) -> dict[str, Any]:
    """Take the project where the source has checked which one it is."""
    subjects = [subject(one) for one in row.list_of("subjectArea")]
    stated = present(
        name=row.optional_text("subjectName", empty=NOTHING),
        incomes=[one for one in row.list_of("subjectIncome") if one not in NOTHING],
        subjects=subjects,
        content=row.optional_text("subjectContent", empty=NOTHING),
    )
    return stated if context.facts.get("projects") == "checked" else {}


def _originals(row: Row, *names: str) -> list[dict[str, str]]:
    """Keep what stood where the standard's form differs."""
    items = {"endTime": "endedAt", "signAgreement": "agreementSigned"}
    items["adressType"] = "outsidePremises"
    kept = ((items[name], row.optional_text(name)) for name in names)
    return [{"path": path, "text": text} for path, text in kept if text]


def _window(context: Context) -> Window:
    return Window(filters={"insCode": str(context.facts.get("insCode", ""))})


def _list(instrument_type: str, *key: str) -> SoapList:
    return SoapList(
        path="cxf/instru",
        wsdl=WSDL,
        operation="instruQuery",
        paging=PageNumber(page="pageNo", size="pageSize", rows=200),
        items_at="instruList",
        total_at="total",
        key=key,
        code_at="code",
        accepted=(ACCEPTED,),
        fixed={"instruType": instrument_type},
    )


def _collection(name: str, reader: SoapList, **more: Any) -> Collection:
    return Collection(name=name, reader=reader, window=_window, complete=True, **more)


ADAPTER = Adapter(
    metadata=METADATA,
    collections=(
        _collection("centres", _list(CENTRE, "insCode", "innerId"), map=centre, types=("Centre",)),
        _collection(
            "equipment",
            _list(EQUIPMENT, "insCode", "innerId"),
            map=instrument,
            types=("Instrument", "ServiceOffer"),
        ),
        _collection(
            "customs",
            _list(CUSTOMS, "declarationNumber", "itemNumber"),
            map=customs,
            types=("CustomsSupervision",),
        ),
        _collection(
            "records",
            _list(RECORD, "insCode", "recordInnerId"),
            map=service,
            types=("ServiceRecord",),
        ),
    ),
)
