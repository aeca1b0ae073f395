"""`rows`: one record of every type in which every item is stated, so that nothing hides by absence.

`rank` decides what rows are sorted by; `mark` tells revisions apart.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from hashlib import sha256
from typing import Any
from zlib import crc32

from hub.clock import system_clock

CLASSES = [{"scheme": "GB/T 32847", "version": "2016", "code": "010101"}]
SUBJECTS = [{"scheme": "GB/T 13745", "version": "2009", "code": "140"}]
DAYS = {"1": "MONDAY", "2": "TUESDAY", "3": "WEDNESDAY", "gone": "SUNDAY", "new": "FRIDAY"}
NUMBERS = tuple(DAYS)
TODAY = system_clock().replace(hour=0, minute=0, second=0, microsecond=0)
FIRST = TODAY - timedelta(days=1000)
"""What rows of rank 0 are dated: within the term of customs, and so is every later rank."""
RELEASED = FIRST - timedelta(days=60)

DECIDER = "moe:10345"
"""Who decides on others: party Z of the table."""
OFFICE = "moe:10319"
"""Who supervises duty-free instruments: party C of the table."""

SELECTED = {
    **dict.fromkeys(("name",), "{ zh }"),
    **dict.fromkeys(("originalValue", "price", "minimumCharge", "charge"), "{ amount }"),
    **dict.fromkeys(("classes", "subjects"), "{ code }"),
    **dict.fromkeys(("identifiers",), "{ value }"),
    **dict.fromkeys(("originals",), "{ path }"),
    "funding": "{ source }",
    "place": "{ address }",
    "periods": "{ opens }",
    "project": "{ name }",
    "review": "{ comment }",
    "result": "{ reference }",
    "maintenance": "{ startAt }",
    "spans": "{ state }",
    "steps": "{ state }",
    "moves": "{ fen }",
    "amount": "{ amount }",
}
"""What is asked inside items that hold more than one value."""


@dataclass(frozen=True, kw_only=True)
class Blank:
    """What a record is made from."""

    owner: str
    number: str
    named: str
    """Key of the institution that it names."""
    rank: int = 0
    mark: str = "first"
    is_personal: bool = True

    @property
    def instrument(self) -> str:
        """The instrument that it belongs to."""
        return f"{self.owner}/1"

    def at(self, hours: int) -> str:
        """An instant that only this rank has."""
        moment = FIRST + timedelta(days=31 * self.rank, hours=hours)
        return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def with_originals(wire: dict[str, Any]) -> dict[str, Any]:
    """State for every item, parts of values too, what its source wrote."""
    inside = {"originalValue": "amount", "place": "address", "charge": "amount"}
    paths = [f"{item}.{inside[item]}" if item in inside else item for item in wire]
    return {**wire, "originals": [{"path": path, "text": "原文"} for path in paths]}


def institution(of: Blank) -> dict[str, Any]:
    return with_originals(
        {
            "institutionKey": of.owner,
            "name": {"zh": f"大学{of.rank:03}"},
            "kind": "UNIVERSITY",
            "divisionCode": "330106",
            "departmentName": of.mark,
            "identifiers": [{"scheme": "NRII", "value": "1"}],
            "shortNames": ["大"],
            "formerNames": ["学堂"],
            "homepageUrl": "https://example.edu.cn/",
            "departmentKey": "moe:10284",
            "sectors": ["EDUCATION"],
        }
    )


def centre(of: Blank) -> dict[str, Any]:
    return {
        "institutionKey": of.owner,
        "code": of.number,
        "name": {"zh": f"中心{of.rank:03}"},
        "kind": "ANALYSIS_CENTRE",
        "operatorKey": of.named,
        "postsCount": 3,
        "postsFilledCount": 2,
        "homepageUrl": f"https://example.edu.cn/{of.mark}",
    }


def instrument(of: Blank) -> dict[str, Any]:
    texts = ("manufacturer", "serialNo", "specification", "functions", "accessories")
    texts += ("serviceContent", "rules", "achievements", "contact")
    year = 1990 + of.rank
    return with_originals(
        {
            **dict.fromkeys(texts, "甲"),
            "institutionKey": of.owner,
            "localNo": of.number,
            "name": {"zh": f"电镜{of.rank:03}"},
            "classes": CLASSES,
            "subjects": SUBJECTS,
            "model": of.mark,
            "originCountry": "JPN",
            "originalValue": {"amount": f"{1000 + of.rank}.00", "currency": "CNY"},
            "acquisition": "PURCHASED",
            "funding": [{"source": "OWN_FUNDS"}],
            "acceptedOn": f"{year}-05",
            "bookedOn": f"{year}-06",
            "commissionedOn": f"{year}-07",
            "joinedOn": f"{year}-08-01",
            "endedOn": f"{year}-09",
            "use": "GENERAL",
            "status": "IN_SERVICE",
            "sharing": "OUTSIDE",
            "carrier": "INSTRUMENT_CENTRE",
            "centreCode": of.number,
            "place": {"divisionCode": "330106", "address": "东"},
            "topics": ["新材料"],
            "customsStatus": "NOT_DUTY_FREE",
            "bookingUrl": "https://example.edu.cn/book",
            "annualHours": 1500,
            "annualSharedHours": 400,
            "imageUrl": "https://example.edu.cn/picture",
            "identifiers": [{"scheme": "NRII", "value": "1"}],
        }
    )


def service_offer(of: Blank) -> dict[str, Any]:
    texts = ("process", "priceNote", "contact")
    return {
        **dict.fromkeys(texts, "乙"),
        "instrumentKey": of.instrument,
        "code": of.number,
        "name": {"zh": "测试"},
        "way": "TECHNICAL",
        "content": of.mark,
        "audience": "OUTSIDE",
        "unit": "HOUR",
        "price": {"amount": "300.00", "currency": "CNY"},
        "minimumCharge": {"amount": "100.00", "currency": "CNY"},
        "validFrom": "2020-01-01",
        "validUntil": "2090-12-31",
        "bookingUrl": "https://example.edu.cn/book",
        "publishedAt": "2020-01-01T00:00:00Z",
    }


def opening_hours(of: Blank) -> dict[str, Any]:
    return {
        "instrumentKey": of.instrument,
        "weekday": DAYS[of.number],
        "periods": [{"opens": "08:00", "closes": "20:00"}],
        "note": of.mark,
    }


def opening_exception(of: Blank) -> dict[str, Any]:
    return {
        "instrumentKey": of.instrument,
        "firstOn": f"2026-10-0{NUMBERS.index(of.number) + 1}",
        "lastOn": "2026-10-08",
        "periods": [{"opens": "08:00", "closes": "20:00"}],
        "note": of.mark,
    }


def occupancy(of: Blank) -> dict[str, Any]:
    return with_originals(
        {
            "instrumentKey": of.instrument,
            "localId": of.number,
            "kind": "RESERVATION",
            "certainty": "FIRM",
            "startAt": of.at(0),
            "endAt": of.at(5 if of.mark == "second" else 4),
        }
    )


def occupancy_coverage(of: Blank) -> dict[str, Any]:
    year = 2010 + NUMBERS.index(of.number)
    return {
        "instrumentKey": of.instrument,
        "startAt": f"{year}-01-01T00:00:00Z",
        "endAt": f"{year}-02-0{2 if of.mark == 'second' else 1}T00:00:00Z",
    }


def usage_record(of: Blank) -> dict[str, Any]:
    return with_originals(
        {
            "instrumentKey": of.instrument,
            "localId": of.number,
            "startedAt": of.at(0),
            "endedAt": of.at(5),
            "hours": "4.0",
            "samplesCount": 2,
            "userKey": of.named,
            "userName": "用户",
            "userKind": "ENTERPRISE",
            "userSide": "OUTSIDE",
            **({"userReference": "u-1"} if of.is_personal else {}),
            "purpose": "RESEARCH",
            "collectionMethod": "SENSOR",
            "recordedAt": of.at(6),
            "projectReference": of.mark,
            "orderId": of.number,
        }
    )


def service_record(of: Blank) -> dict[str, Any]:
    used = usage_record(of)
    del used["projectReference"], used["orderId"], used["originals"]
    return with_originals(
        {
            **used,
            "userSide": "INSIDE" if of.number == "3" else "OUTSIDE",
            "offerCode": "1",
            "startDerived": False,
            "ways": ["TECHNICAL"],
            "content": "丙",
            "charge": {"amount": "1200.00", "currency": "CNY"},
            "voucherFen": 60000,
            "invoiceNo": of.mark,
            "agreementSigned": True,
            "agreementNo": "1",
            "outsidePremises": True,
            "outsideAddress": "西",
            "customsNoticeNo": "1",
            "taxRecord": "1",
            "exclusions": ["OFFICIAL_DUTY"],
            "project": {"name": "丁"},
            "review": {"rating": "SATISFIED", "comment": "好"},
        }
    )


def topic(of: Blank) -> dict[str, Any]:
    return {
        "authorityKey": of.owner,
        "code": of.number,
        "name": {"zh": f"专题{of.rank:03}"},
        "description": of.mark,
        "memberKeys": [of.owner],
        "classes": CLASSES,
        "validFrom": "2020-01-01",
        "validUntil": "2090-12-31",
    }


def sharing_consent(of: Blank) -> dict[str, Any]:
    return {
        "instrumentKey": f"{of.owner}/{of.number}",
        "mode": "OUTSIDE",
        "validFrom": "2020-01-01",
        "validUntil": "2090-12-31",
        "documentNo": of.mark,
    }


def sensor_binding(of: Blank) -> dict[str, Any]:
    year = 2000 + NUMBERS.index(of.number)
    return {
        "instrumentKey": of.instrument,
        "sensor": of.number,
        "boundAt": f"{year}-01-01T00:00:00Z",
        "commissionedOn": f"{year}-01-02",
        "removedAt": f"{year + 1}-01-0{2 if of.mark == 'second' else 1}T00:00:00Z",
        "intervalSeconds": 60,
        "maintenance": [{"startAt": f"{year}-03-01T00:00:00Z"}],
    }


def power_day(of: Blank) -> dict[str, Any]:
    year = 2000 + NUMBERS.index(of.number)
    span = {"startAt": f"{year}-05-04T01:00:00Z", "endAt": f"{year}-05-04T02:00:00Z"}
    state = "IN_USE" if of.mark == "second" else "ON"
    return {
        "instrumentKey": of.instrument,
        "sensor": of.number,
        "day": f"{year}-05-04",
        "spans": [{**span, "state": state}],
    }


def service_order(of: Blank) -> dict[str, Any]:
    return {
        "instrumentKey": of.instrument,
        "localId": of.number,
        "state": "DONE",
        "userKey": of.named,
        "offerCode": "1",
        "purpose": "RESEARCH",
        "requestedAt": of.at(0),
        "startAt": of.at(1),
        "endAt": of.at(5),
        "hours": "4.0",
        "charge": {"amount": "1200.00", "currency": "CNY"},
        "voucherFen": 60000,
        "invoiceNo": of.mark,
        "serviceId": "1",
        "payerKey": of.named,
        "usageId": "1",
        "result": {"reference": of.mark, "digest": "ab" * 32},
        "review": {"rating": "SATISFIED"},
        "reference": "17",
        "movedFrom": "1",
        "steps": [
            {"state": "REQUESTED", "at": of.at(0), "statedBy": of.named, "evidence": "cd" * 32},
            {"state": "DONE", "at": of.at(6)},
        ],
    }


def number_of(of: Blank) -> str:
    """A number that no other owner's row here has."""
    return f"{crc32(of.owner.encode())}-{of.number}"


def declared(of: Blank) -> dict[str, str]:
    """A declaration that no other row here is of."""
    return {"declarationNo": f"{crc32(f'{of.owner} {of.number}'.encode()):018}", "itemNo": "1"}


def customs_supervision(of: Blank) -> dict[str, Any]:
    """Of each owner the first is in term, and the others were ended early."""

    def on(days: int) -> str:
        return (RELEASED + timedelta(days=of.rank + days)).date().isoformat()

    return {
        **declared(of),
        "instrumentKey": of.instrument,
        "customsKey": OFFICE,
        "district": "HANGZHOU",
        "goodsKind": "OTHER",
        "declaredName": of.mark,
        "releasedOn": on(0),
        "arrivedOn": on(2),
        "applicantKey": of.owner,
        "approvedPlace": "东",
        "approvedUses": ["RESEARCH"],
        "regime": "财关税〔2021〕23号",
        "nriiSince": on(2),
        "settledOn": "2090-12-31" if of.number == "1" else on(4),
    }


def customs_approval(of: Blank) -> dict[str, Any]:
    return {
        "customsKey": DECIDER,
        "noticeNo": number_of(of),
        "instrumentKey": of.instrument,
        "kind": "MOVE",
        "purposes": ["RESEARCH"],
        "users": [of.owner],
        "district": "HANGZHOU",
        "allowedPlace": of.mark,
        "validFrom": "2020-01-01",
        "validUntil": "2090-12-31",
    }


def customs_report(of: Blank) -> dict[str, Any]:
    return {
        **declared(of),
        "year": 2020,
        "instrumentKey": of.instrument,
        "customsKey": OFFICE,
        "filedAt": of.at(5 if of.mark == "second" else 4),
    }


def duty_payment(of: Blank) -> dict[str, Any]:
    return {
        "instrumentKey": of.instrument,
        "recordNo": of.number,
        "customsKey": OFFICE,
        "amount": {"amount": f"{len(of.mark)}.00", "currency": "CNY"},
        "validFrom": "2020-01-01",
        "validUntil": "2090-12-31",
    }


def voucher(of: Blank) -> dict[str, Any]:
    return {
        "issuerKey": DECIDER,
        "code": number_of(of),
        "holderKey": of.owner,
        "state": "GRANTED",
        "payerDivision": "330106",
        "grantedFen": 2_000_000,
        "useFrom": of.at(0)[:10],
        "useUntil": of.at(24)[:10],
        "cashUntil": of.at(48)[:10],
        "services": ["TESTING"],
        "ruleSet": of.mark,
        "changedAt": of.at(0),
    }


def voucher_claim(of: Blank) -> dict[str, Any]:
    return {
        "issuerKey": DECIDER,
        "code": "1",
        "claimNo": number_of(of),
        "providerKey": of.owner,
        "holderKey": of.named,
        "state": "SETTLED",
        "serviceKey": f"{of.instrument}/1",
        "orderNo": "1",
        "chargeFen": 120_000,
        "voucherFen": 60_000,
        "ownFen": 60_000,
        "settledFen": 60_000,
        "invoiceCode": "1",
        "invoiceNo": of.mark,
        "holdReasons": ["复核"],
        "plannedUntil": of.at(0)[:10],
        "changedAt": of.at(0),
    }


def voucher_movement(of: Blank) -> dict[str, Any]:
    """Movements of a voucher that `of.owner` holds, for a service that `of.named` gives."""
    return {
        "issuerKey": DECIDER,
        "code": f"zj-{number_of(of)}",
        "number": "1",
        "holderKey": of.owner,
        "providerKey": of.named,
        "event": "RESERVE",
        "at": of.at(0),
        "claimNo": "1",
        "claimState": "RESERVED",
        "holds": ["SAME_TIME"],
        "moves": [{"source": "AVAILABLE", "target": "RESERVED", "fen": 60_000}],
        "statedBy": of.owner,
        "reason": of.mark,
        "request": sha256(b"request").hexdigest(),
        "requestBody": sha256(b"body").hexdigest(),
    }


def provider_registration(of: Blank) -> dict[str, Any]:
    return {
        "registrarKey": DECIDER,
        "registrationNo": number_of(of),
        "providerKey": of.owner,
        "province": "ZHEJIANG",
        "services": ["TESTING"],
        "validFrom": "2020-01-01",
        "validUntil": f"2090-12-{len(of.mark):02}",
    }


def business_status(of: Blank) -> dict[str, Any]:
    return {
        "registrarKey": DECIDER,
        "enterpriseKey": of.owner,
        "validFrom": f"{2000 + NUMBERS.index(of.number)}-01-01",
        "state": "IN_BUSINESS",
        "statedOn": f"2026-01-{len(of.mark):02}",
        "validUntil": "2025-12-31",
    }


def relation_statement(of: Blank) -> dict[str, Any]:
    return {
        "holderKey": of.owner,
        "providerKey": of.named,
        "statedOn": f"{2000 + NUMBERS.index(of.number)}-01-01",
        "isControlled": of.mark == "second",
    }


def agreement(of: Blank) -> dict[str, Any]:
    """Agreements that are over, of data sets that are told apart by the number."""
    datasets = dict(zip(NUMBERS, ("ASSET", "CUSTOMS", "VOUCHER", "PERSON", "SERVICE"), strict=True))
    return {
        "providerKey": of.owner,
        "consumerKey": of.named,
        "dataset": datasets[of.number],
        "fields": ["hours"],
        "purpose": of.mark,
        "validFrom": "2019-01-01",
        "validUntil": "2019-12-31",
    }


def link(of: Blank) -> dict[str, Any]:
    """Links that join nothing: they keep instruments apart that were never said to be one."""
    return {
        "recordType": "Instrument",
        "firstKey": f"{of.owner}/apart-{of.number}-1",
        "secondKey": f"{of.owner}/apart-{of.number}-2",
        "statedBy": of.owner,
        "relation": "DIFFERS",
        "reason": of.mark,
    }


MAKE: dict[str, Callable[[Blank], dict[str, Any]]] = {
    "Institution": institution,
    "Centre": centre,
    "Instrument": instrument,
    "ServiceOffer": service_offer,
    "OpeningHours": opening_hours,
    "OpeningException": opening_exception,
    "Occupancy": occupancy,
    "OccupancyCoverage": occupancy_coverage,
    "UsageRecord": usage_record,
    "ServiceRecord": service_record,
    "Agreement": agreement,
    "Link": link,
    "Topic": topic,
    "SharingConsent": sharing_consent,
    "SensorBinding": sensor_binding,
    "PowerDay": power_day,
    "ServiceOrder": service_order,
    "CustomsSupervision": customs_supervision,
    "CustomsApproval": customs_approval,
    "CustomsReport": customs_report,
    "DutyPayment": duty_payment,
    "Voucher": voucher,
    "VoucherClaim": voucher_claim,
    "VoucherMovement": voucher_movement,
    "ProviderRegistration": provider_registration,
    "RelationStatement": relation_statement,
    "BusinessStatus": business_status,
}
"""A record of a type, by the name of the type."""


def key_in(record: str, wire: dict[str, Any]) -> str:
    """Return the key of a record of ours."""
    parts = {
        "Institution": ("institutionKey",),
        "Centre": ("institutionKey", "code"),
        "Instrument": ("institutionKey", "localNo"),
        "ServiceOffer": ("instrumentKey", "code"),
        "OpeningHours": ("instrumentKey", "weekday"),
        "OpeningException": ("instrumentKey", "firstOn"),
        "OccupancyCoverage": ("instrumentKey", "startAt"),
        "Agreement": ("providerKey", "consumerKey", "dataset"),
        "Link": ("recordType", "firstKey", "secondKey", "statedBy"),
        "Topic": ("authorityKey", "code"),
        "SharingConsent": ("instrumentKey",),
        "SensorBinding": ("instrumentKey", "sensor", "boundAt"),
        "PowerDay": ("instrumentKey", "sensor", "day"),
        "CustomsSupervision": ("declarationNo", "itemNo"),
        "CustomsApproval": ("customsKey", "noticeNo"),
        "CustomsReport": ("declarationNo", "itemNo", "year"),
        "DutyPayment": ("instrumentKey", "recordNo"),
        "Voucher": ("issuerKey", "code"),
        "VoucherClaim": ("issuerKey", "code", "claimNo"),
        "VoucherMovement": ("issuerKey", "code", "number"),
        "ProviderRegistration": ("registrarKey", "registrationNo"),
        "RelationStatement": ("holderKey", "providerKey", "statedOn"),
        "BusinessStatus": ("registrarKey", "enterpriseKey", "validFrom"),
    }.get(record, ("instrumentKey", "localId"))
    return ("|" if record == "Link" else "/").join(str(wire[part]) for part in parts)


OWNED_BY = {
    **dict.fromkeys(("CustomsSupervision", "CustomsReport", "CustomsApproval"), "instrumentKey"),
    "Voucher": "holderKey",
    "VoucherClaim": "providerKey",
    "VoucherMovement": "holderKey",
    "ProviderRegistration": "providerKey",
    "BusinessStatus": "enterpriseKey",
}
"""The item that names the owner, of records whose key does not begin with it."""


def owner_in(record: str, wire: dict[str, Any]) -> str:
    """Return whose a record of ours is."""
    if record == "Link":
        return str(wire["firstKey"]).partition("/")[0]
    named = OWNED_BY.get(record)
    return (wire[named] if named else key_in(record, wire)).partition("/")[0]


def ranked(of: Blank, rank: int, **changes: Any) -> Blank:
    """Return what the same record is made from with another rank."""
    return replace(of, rank=rank, mark="second", **changes)
