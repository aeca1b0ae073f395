"""`records`: what the demo's university pushes: instruments, hours, bookings, prices, services.

The university is real, its instruments are invented. One row is wrong on purpose.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from schema.codes import Weekday
from schema.dates import format_instant, next_weekday
from schema.identifiers import uscc_digit

Row = dict[str, Any]

UNIVERSITY = "uscc:12100000470095016Q"
UNIVERSITY_NAME = {"zh": "浙江大学", "en": "Zhejiang University"}
SOURCE = "zju-push"
SOURCE_TITLE = ("浙江大学推送", "Zhejiang University, pushed")
TUESDAY = 2
BAD_ROW = "DEMO-SEM-02"
SERVICE_ID = "DEMO-SVC-0001"

INSTRUMENTS = (
    (
        "DEMO-TEM-01",
        "010101",
        "200 kV 场发射透射电子显微镜",
        "Talos F200X",
        "Thermo Fisher",
        "NLD",
        "900",
    ),
    ("DEMO-TEM-02", "010101", "透射电子显微镜", "JEM-2100F", "JEOL", "JPN", "600"),
    ("DEMO-SEM-01", "010102", "扫描电子显微镜", "Gemini 300", "Zeiss", "DEU", "400"),
)


def demo_party(division: str, serial: int, kind: str = "11") -> str:
    """Return the key of an invented public body: a code that is well formed and belongs to nobody.

    `kind`: 11 public body, 91 enterprise.

    The organisation part is a row of nines and the serial, with the right check digits.
    """
    organisation = f"9999{serial:04d}"
    weights = (3, 7, 9, 10, 5, 8, 4, 2)
    rest = 11 - sum(int(c) * w for c, w in zip(organisation, weights, strict=True)) % 11
    body = f"{kind}{division}{organisation}{ {10: 'X', 11: '0'}.get(rest, rest) }"
    return f"uscc:{body}{uscc_digit(body)}"


PARTNER = demo_party("320000", 1)
VOUCHER = demo_party("330000", 2)


def batch(now: datetime) -> list[Row]:
    """Return the rows of the university's push; the last but one row of instruments is bad."""
    tuesday, _ = next_weekday(now, TUESDAY)
    window = tuesday - timedelta(days=8)  # a Monday, so that the window's key holds for a week
    return [
        *_instruments(),
        *(row for number, *_ in INSTRUMENTS for row in _calendar(number, tuesday, window)),
        *(row for number, *_, price in INSTRUMENTS for row in _offers(number, price)),
        *_services(now),
        *_agreements(),
    ]


def _instruments() -> Iterator[Row]:
    record: Row = {
        "institutionKey": UNIVERSITY,
        "name": UNIVERSITY_NAME,
        "kind": "UNIVERSITY",
        "divisionCode": "330106",
        "identifiers": [{"scheme": "MOE", "value": "10335"}],
    }
    yield {"type": "Institution", "record": record}
    for number, code, name, model, maker, country, _ in INSTRUMENTS:
        yield {
            "type": "Instrument",
            "record": _instrument(number, code, name, model, maker, country),
        }
    bad = _instrument(BAD_ROW, "010199", "扫描电镜", "JSM-7800F", "JEOL", "JAPAN")
    yield {"type": "Instrument", "record": {**bad, "annualHours": 12000}}


def _instrument(*facts: str) -> Row:
    number, code, name, model, maker, country = facts
    return {
        "institutionKey": UNIVERSITY,
        "localNo": number,
        "name": {"zh": name},
        "classes": [{"scheme": "GB/T 32847", "version": "2016", "code": code}],
        "model": model,
        "manufacturer": maker,
        "originCountry": country,
        "originalValue": {"amount": "6800000.00", "currency": "CNY"},
        "acceptedOn": "2021-06-18",
        "use": "GENERAL",
        "status": "IN_SERVICE",
        "sharing": "OUTSIDE",
        "place": {"divisionCode": "330106", "address": "玉泉校区 分析测试中心"},
        "bookingUrl": f"https://instruments.example/book/{number}",
    }


def _calendar(number: str, tuesday: datetime, window: datetime) -> Iterator[Row]:
    key = f"{UNIVERSITY}/{number}"
    for day in list(Weekday)[:5]:
        periods = [{"opens": "08:30", "closes": "17:30"}]
        record: Row = {"instrumentKey": key, "weekday": day.value, "periods": periods}
        yield {"type": "OpeningHours", "record": record}
    taken = {"DEMO-TEM-01": (9, 12), "DEMO-TEM-02": (11, 15), "DEMO-SEM-01": (14, 16)}[number]
    yield {
        "type": "Occupancy",
        "record": {
            "instrumentKey": key,
            "localId": f"R-{tuesday:%Y%m%d}",
            "kind": "RESERVATION",
            "certainty": "FIRM",
            "startAt": format_instant(tuesday + timedelta(hours=taken[0])),
            "endAt": format_instant(tuesday + timedelta(hours=taken[1])),
        },
    }
    yield {
        "type": "OccupancyCoverage",
        "record": {
            "instrumentKey": key,
            "startAt": format_instant(window),
            "endAt": format_instant(window + timedelta(days=42)),
        },
    }


def _offers(number: str, price: str) -> Iterator[Row]:
    for audience, factor in (("INSIDE", "0.5"), ("ENTERPRISE", "1")):
        amount = f"{Decimal(price) * Decimal(factor):.2f}"
        yield {
            "type": "ServiceOffer",
            "record": {
                "instrumentKey": f"{UNIVERSITY}/{number}",
                "code": f"H-{audience}",
                "way": "TECHNICAL",
                "audience": audience,
                "unit": "HOUR",
                "price": {"amount": amount, "currency": "CNY"},
                "minimumCharge": {"amount": amount, "currency": "CNY"},
                "validFrom": "2026-01-01",
            },
        }


def _services(now: datetime) -> Iterator[Row]:
    end = now.replace(hour=7, minute=0, second=0, microsecond=0) - timedelta(days=3)
    for serial, hours in ((1, 4), (2, 2)):
        start = end - timedelta(days=serial, hours=hours)
        yield {
            "type": "ServiceRecord",
            "record": {
                "instrumentKey": f"{UNIVERSITY}/DEMO-TEM-01",
                "localId": f"DEMO-SVC-{serial:04d}",
                "offerCode": "H-ENTERPRISE",
                "userName": "示范企业（虚构）",
                "userKind": "ENTERPRISE",
                "userSide": "OUTSIDE",
                "startedAt": format_instant(start),
                "endedAt": format_instant(start + timedelta(hours=hours)),
                "hours": f"{hours}.0",
                "purpose": "DEVELOPMENT",
                "ways": ["TECHNICAL"],
                "charge": {"amount": f"{900 * hours}.00", "currency": "CNY"},
                "voucherFen": 45000 * hours,
                "collectionMethod": "SENSOR",
            },
        }


def _agreements() -> Iterator[Row]:
    shared = ((VOUCHER, "SERVICE"), (VOUCHER, "VOUCHER"), (PARTNER, "ASSET"))
    for consumer, dataset in shared:
        record: Row = {"providerKey": UNIVERSITY, "consumerKey": consumer, "dataset": dataset}
        yield {"type": "Agreement", "record": record}
