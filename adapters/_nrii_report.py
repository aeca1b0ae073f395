"""Records of the standard as the national platform (NRII) takes them: objects of type 4, 5 and 6.

Pure, and the way back of `adapters.nrii`, with the same traps:

- `worth` is 万元 with two decimals, `amounts` is 元;
- `signAgreement` is inverted: 0 is 是, 1 is 否; `endTime` has the hour only and is cut to it;
- countries, divisions and codes go out as Chinese words.

Nothing is invented: a required item that no record states is named in `missing`, and such an object
is not sent. Where the form itself writes 无 for nothing (price, achievements, carrier) 无 is sent.
Persons are left out: contact, phone and email are those of an office, which the operator states in
`facts.contact`; applicants are not sent, and `left_out` says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from adapters._nrii import YUAN_IN_WAN
from adapters._nrii_service import CUSTOMS, EQUIPMENT, RECORD
from schema.codes import (
    Acquisition,
    FundingSource,
    InstrumentUse,
    Rating,
    ResourceCarrier,
    ServicePurpose,
    ServiceWay,
    UserKind,
)
from schema.codes.tables import countries, division
from schema.dates import SHANGHAI

__all__ = ["NriiObject", "customs_object", "equipment_object", "record_object"]

Wire = Mapping[str, Any]
NOTHING = "无"
CENTS_OF_WAN, TENTH = Decimal("0.01"), Decimal("0.1")
CITY_DIGITS = 4
OFFICE = ("contact", "phone", "email", "address", "postalcode", "insideDepart", "image")
"""What the form asks of whoever answers for an instrument; the operator states an office."""
PERSONS = ("applicant", "applicantPhone", "applicantEmail")
SUPERVISED = {"SUPERVISED": "是"} | dict.fromkeys(
    ("RELEASED", "NOT_DUTY_FREE", "NOT_SUPERVISED"), "否"
)
OPTIONAL = {
    EQUIPMENT: frozenset({"county", "instrBelongsName", "resourceName"}),
    CUSTOMS: frozenset[str](),
    RECORD: frozenset(
        {"record", "moveAddress", "serviceCode", "comment", "applicantUnit", "serviceAmount"}
        | {"subjectName", "subjectIncome", "subjectArea", "subjectContent"}
    ),
}
"""Members that an object may lack."""


@dataclass(frozen=True, kw_only=True, slots=True)
class NriiObject:
    """One object as it is sent, or why it is not."""

    type: str
    key: str
    """Key of the record that it says."""
    instrument: str
    """Key of the instrument that must be accepted before, or of itself."""
    wire: Mapping[str, Any]
    missing: tuple[str, ...]
    """Required members that no record states: it is not sent."""
    left_out: tuple[str, ...] = ()
    """Members about persons that are not sent."""


def equipment_object(key: str, record: Wire, price: str | None, facts: Wire) -> NriiObject:
    """Return an instrument as type 4; `price`: what is published of its prices, in words."""
    place = record.get("place") or {}
    carrier = record.get("carrier")
    of_centre = carrier in ("INSTRUMENT_CENTRE", "MAJOR_FACILITY")
    office = facts.get("contact") or {}
    name = record.get("name") or {}
    wire = {
        "insCode": facts.get("insCode"),
        "innerId": record.get("localNo"),
        "cname": name.get("zh"),
        "ename": name.get("en"),
        "instrBelongsType": ResourceCarrier[carrier].zh if carrier else None,
        "instrBelongsName": record.get("centreCode") if of_centre else NOTHING,
        "resourceName": NOTHING,
        "instrCategory": _code(record.get("classes"), "GB/T 32847"),
        **_divisions(place.get("divisionCode")),
        "street": place.get("address"),
        "worth": _wan(record.get("originalValue")),
        "instrSource": _source(record.get("acquisition")),
        "type": InstrumentUse[record["use"]].zh if record.get("use") else None,
        "subject": _subjects(record.get("subjects")),
        "nation": _country(record.get("originCountry")),
        "instrVersion": record.get("model"),
        "manufacturer": record.get("manufacturer"),
        "beginDate": _day(record.get("bookedOn")),
        "technical": record.get("specification"),
        "function": record.get("functions"),
        "requirement": record.get("rules"),
        "fee": price or NOTHING,
        "serviceContent": record.get("serviceContent"),
        "serviceUrl": record.get("bookingUrl"),
        "instrSupervise": SUPERVISED.get(record.get("customsStatus") or ""),
        "runMachine": record.get("annualHours"),
        "serviceMachine": record.get("annualSharedHours"),
        "funds": ",".join(FundingSource[each["source"]].zh for each in record.get("funding", ())),
        **{each: office.get(each) for each in OFFICE},
        "auditStatus": -1,
        "achievement": record.get("achievements") or NOTHING,
    }
    return _object(EQUIPMENT, key, key, wire)


def customs_object(key: str, record: Wire, facts: Wire) -> NriiObject:
    """Return a customs record as type 5."""
    instrument = str(record.get("instrumentKey"))
    number = record.get("itemNo")
    wire = {
        "innerId": instrument.partition("/")[2],
        "insCode": facts.get("insCode"),
        "declarationNumber": record.get("declarationNo"),
        "itemNumber": number and number.zfill(2),
        "importDate": record.get("releasedOn"),
        "formname": record.get("declaredName"),
    }
    return _object(CUSTOMS, key, instrument, wire)


def record_object(key: str, record: Wire, facts: Wire) -> NriiObject:
    """Return a service record as type 6."""
    instrument = str(record.get("instrumentKey"))
    ways = [ServiceWay[each] for each in record.get("ways", ())]
    hours = record.get("hours")
    shown = None if hours is None else float(_rounded(hours, TENTH))
    is_commissioned = ServiceWay.COMMISSIONED in ways
    side, purpose = record.get("userSide"), record.get("purpose")
    review = record.get("review") or {}
    outside = record.get("outsidePremises")
    wire = {
        "insCode": facts.get("insCode"),
        "recordInnerId": record.get("localId"),
        "innerId": instrument.partition("/")[2],
        "amounts": _yuan(record.get("charge")),
        "serviceTime": shown,
        "serviceAmount": record.get("samplesCount") if is_commissioned else shown,
        "endTime": _hour(record.get("endedAt")),
        "serviceContent": record.get("content"),
        "serviceWay": ",".join(way.zh for way in ways),
        "serviceType": UserKind[side].zh if side in ("INSIDE", "OUTSIDE") else None,
        "serviceDirection": ServicePurpose[purpose].zh if purpose else None,
        "record": record.get("taxRecord"),
        "adressType": None if outside is None else int(outside),
        "moveAddress": record.get("outsideAddress"),
        "serviceCode": record.get("customsNoticeNo"),
        "signAgreement": _inverted(record.get("agreementSigned")),
        **_project(record.get("project") or {}),
        "applicantUnit": record.get("userName"),
        "comment": Rating[review["rating"]].zh if review else None,
        "auditStatus": -1,
    }
    return _object(RECORD, key, instrument, wire, left_out=PERSONS)


def _object(
    kind: str, key: str, instrument: str, wire: Wire, left_out: tuple[str, ...] = ()
) -> NriiObject:
    stated = {name: value for name, value in wire.items() if value not in (None, "")}
    missing = tuple(sorted(set(wire) - set(stated) - OPTIONAL[kind]))
    return NriiObject(
        type=kind, key=key, instrument=instrument, wire=stated, missing=missing, left_out=left_out
    )


def _project(project: Wire) -> dict[str, Any]:
    return {
        "subjectName": project.get("name"),
        "subjectIncome": ",".join(project.get("incomes", ())),
        "subjectArea": _subjects(project.get("subjects")),
        "subjectContent": project.get("content"),
    }


def _inverted(signed: bool | None) -> int | None:  # noqa: FBT001 - a flag as it stands
    """Return NRII's flag of an agreement: 0 is yes."""
    return None if signed is None else int(not signed)


def _rounded(text: str, to: Decimal) -> Decimal:
    return Decimal(text).quantize(to, ROUND_HALF_UP)


def _wan(money: Wire | None) -> float | None:
    """Return an amount of yuan in 万元 with two decimals."""
    if money is None or money["currency"] != "CNY":
        return None
    return float(_rounded(str(Decimal(money["amount"]) / YUAN_IN_WAN), CENTS_OF_WAN))


def _yuan(money: Wire | None) -> float | None:
    if money is None or money["currency"] != "CNY":
        return None
    return float(_rounded(money["amount"], CENTS_OF_WAN))


def _code(classes: Any, scheme: str) -> str | None:
    return next((each["code"] for each in classes or () if each["scheme"] == scheme), None)


def _subjects(subjects: Any) -> str:
    return ",".join(each["code"] for each in subjects or () if each["scheme"] == "GB/T 13745")


def _source(acquisition: str | None) -> str | None:
    """Return the word of the form; what it does not know, such as 调入, is 其他 there."""
    if acquisition is None:
        return None
    member = Acquisition[acquisition]
    return member.zh if member.official else Acquisition.OTHER.zh


def _country(alpha3: str | None) -> str | None:
    return next((each.zh for each in countries() if each.alpha3 == alpha3), None)


def _divisions(code: str | None) -> dict[str, str | None]:
    """Return the names of province, city and county; a code that ends above has no lower ones."""
    names: dict[str, str | None] = dict.fromkeys(("province", "city", "county"))
    if not code:
        return names
    codes = {"province": f"{code[:2]}0000", "city": f"{code[:CITY_DIGITS]}00", "county": code}
    for name, each in codes.items():
        known = division(each)
        if known is not None and (name == "province" or each[2:] != "0000"):
            names[name] = known.name
    if names["county"] == names["city"]:
        names["county"] = None
    return names


def _day(text: str | None) -> str | None:
    """Return a day; a month or a year is none, and is not made one."""
    return text if text is not None and len(text) == len("YYYY-MM-DD") else None


def _hour(text: str | None) -> str | None:
    if text is None:
        return None
    return datetime.fromisoformat(text).astimezone(SHANGHAI).strftime("%Y-%m-%d %H")
