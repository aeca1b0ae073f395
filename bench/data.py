"""`data`: what is measured on: instruments, their owners, offers, hours and bookings.

- Deterministic: the same size gives the same rows. Names, makers and models are the sandbox's;
  owners are well-formed credit codes that belong to nobody.
- Every peer reads these rows from the hub's own tables.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from itertools import accumulate
from typing import Any

from hub.demo.records import demo_party
from hub.sandbox.world import SORTS
from schema.codes import Weekday
from schema.codes.tables import INSTRUMENT_CLASSES, rows
from schema.dates import format_instant

SOURCE = "bench"
AUTHORITY = "platform:bench/lims"
"""Whose numbers the bookings have."""
SEED = 20261201
TUESDAY = date(2026, 12, 1)
"""The Tuesday that is asked for; bookings lie in the four weeks around it."""
DIVISIONS = ("310110", "320102", "330106", "340104")
PROVINCES = ("SHANGHAI", "JIANGSU", "ZHEJIANG", "ANHUI")
SCHEME = "GB/T 32847"
SIX, STRIDE = 6, 7
"""Digits of the classes used; a step through them that leaves none out."""
CALENDAR_SHARE = 0.7
"""Share of instruments whose owner states opening hours and reports bookings."""
COUNTRIES = {"日本": "JPN", "美国": "USA", "德国": "DEU", "中国": "CHN", "英国": "GBR"}
SHARING = ("OUTSIDE",) * 6 + ("INSIDE_ONLY",) * 3 + ("NOT_SHARED",)
STATUS = ("IN_SERVICE",) * 17 + ("AWAITING_REPAIR",) * 2 + ("IDLE",)

Wire = dict[str, Any]


@dataclass(frozen=True)
class Data:
    """All rows of one size. `instruments`: 130,000 in full."""

    instruments: int = 130_000
    institutions: int = 2_000
    occupancies: int = 390_000

    @cached_property
    def owners(self) -> list[str]:
        """The keys of the institutions."""
        return [demo_party(DIVISIONS[n % 4], n + 1) for n in range(self.institutions)]

    @cached_property
    def class_codes(self) -> list[str]:
        """The six-digit classes of GB/T 32847-2016, the commonest first."""
        listed = (row.code for row in rows(INSTRUMENT_CLASSES))
        codes = list(dict.fromkeys(c for c in listed if len(c) == SIX and not c.endswith("00")))
        return [codes[n * STRIDE % len(codes)] for n in range(len(codes))]

    @cached_property
    def keys(self) -> list[str]:
        """The keys of the instruments."""
        return [
            f"{self.owners[n % self.institutions]}/{_number(n)}" for n in range(self.instruments)
        ]

    def institution_rows(self) -> Iterator[tuple[str, Wire]]:
        """Yield (key, wire object)."""
        kinds = ("UNIVERSITY", "RESEARCH_INSTITUTE", "ENTERPRISE", "HOSPITAL")
        for n, key in enumerate(self.owners):
            zh = f"{'东南西北'[n % 4]}{'江浦湖海'[n // 4 % 4]}第{n + 1}研究单位"
            yield (
                key,
                {
                    "institutionKey": key,
                    "name": {"zh": zh, "en": f"Institution {n + 1}"},
                    "kind": kinds[n // 4 % 4],
                    "divisionCode": DIVISIONS[n % 4],
                    "departmentName": "某省科学技术厅",
                    "homepageUrl": f"https://i{n + 1}.example/",
                },
            )

    def instrument_rows(self) -> Iterator[tuple[str, Wire]]:
        """Yield (key, wire object)."""
        chance = random.Random(SEED)
        weights = list(accumulate(1 / (n + 8) for n in range(len(self.class_codes))))
        sorts = list(accumulate(sort.weight for sort in SORTS))
        for n, key in enumerate(self.keys):
            code = chance.choices(self.class_codes, cum_weights=weights)[0]
            sort = chance.choices(SORTS, cum_weights=sorts)[0]
            yield key, _instrument(n, self.owners[n % self.institutions], code, sort, chance)

    def offer_rows(self) -> Iterator[tuple[str, Wire]]:
        """Yield (key, wire object); two prices an instrument."""
        for n, key in enumerate(self.keys):
            for code, audience, factor in (("IN", "INSIDE", 1), ("OUT", "OUTSIDE", 2)):
                yield (
                    f"{key}/{code}",
                    {
                        "instrumentKey": key,
                        "code": code,
                        "audience": audience,
                        "unit": "HOUR",
                        "price": {
                            "amount": f"{(100 + n % 90 * 10) * factor}.00",
                            "currency": "CNY",
                        },
                        "validFrom": "2026-01-01",
                    },
                )

    def _with_calendar(self) -> Iterator[tuple[int, str]]:
        for n, key in enumerate(self.keys):
            if n * 7 % 10 < CALENDAR_SHARE * 10:
                yield n, key

    def hours_rows(self) -> Iterator[tuple[str, Wire]]:
        """Yield (key, wire object); the days of the working week."""
        for _, key in self._with_calendar():
            for day in list(Weekday)[:5]:
                yield (
                    f"{key}/{day.value}",
                    {
                        "instrumentKey": key,
                        "weekday": day.value,
                        "periods": [{"opens": "08:30", "closes": "17:30"}],
                    },
                )

    def coverage_rows(self) -> Iterator[tuple[str, Wire]]:
        """Yield (key, wire object); one window of two months each."""
        start, end = "2026-11-01T00:00:00Z", "2026-12-31T00:00:00Z"
        for _, key in self._with_calendar():
            yield f"{key}/{start}", {"instrumentKey": key, "startAt": start, "endAt": end}

    def occupancy_rows(self) -> Iterator[tuple[str, Wire]]:
        """Yield (key, wire object); bookings of the four weeks around the Tuesday."""
        chance = random.Random(SEED + 1)
        keys = [key for _, key in self._with_calendar()]
        monday = datetime(2026, 11, 16, tzinfo=UTC)
        for n in range(self.occupancies):
            key = keys[n % len(keys)]
            # Each further booking of an instrument falls into later days, so none overlap.
            day = n // len(keys) * 5 + chance.randrange(5)
            start = monday + timedelta(days=day, hours=chance.choice((1, 2, 3, 5, 6)))
            yield (
                f"{key}/R{n}",
                {
                    "instrumentKey": key,
                    "localId": f"R{n}",
                    "kind": "RESERVATION",
                    "certainty": "TENTATIVE" if n % 14 == 0 else "FIRM",
                    "startAt": format_instant(start),
                    "endAt": format_instant(start + timedelta(hours=chance.choice((2, 3, 4)))),
                },
            )

    def everything(self) -> dict[str, Iterator[tuple[str, Wire]]]:
        """Return the rows by record type."""
        return {
            "Institution": self.institution_rows(),
            "Instrument": self.instrument_rows(),
            "ServiceOffer": self.offer_rows(),
            "OpeningHours": self.hours_rows(),
            "OccupancyCoverage": self.coverage_rows(),
            "Occupancy": self.occupancy_rows(),
        }


def _number(n: int) -> str:
    return f"{2008 + n % 18}{n:07d}"


def _instrument(n: int, owner: str, code: str, sort: Any, chance: random.Random) -> Wire:
    year = 2008 + chance.randrange(18)
    booked = f"{year}-{chance.randint(1, 12):02d}-{chance.randint(1, 28):02d}"
    value = chance.randint(sort.worth[0] * 100, sort.worth[1] * 100) * 100
    return {
        "institutionKey": owner,
        "localNo": _number(n),
        "name": {"zh": f"{sort.name_zh}{n % 977}号", "en": f"{sort.name_en} {n % 977}"},
        "classes": [{"scheme": SCHEME, "version": "2016", "code": code}],
        "model": sort.model,
        "manufacturer": sort.maker,
        "originCountry": COUNTRIES.get(sort.country, "CHE"),
        "serialNo": f"SN-{n:07d}",
        "specification": sort.specification,
        "functions": sort.function,
        "originalValue": {"amount": f"{value}.00", "currency": "CNY"},
        "acquisition": "PURCHASED",
        "funding": [{"source": "CENTRAL_FISCAL"}],
        "acceptedOn": booked,
        "bookedOn": booked,
        "commissionedOn": booked,
        "joinedOn": f"{min(year + 1, 2026)}-03-01",
        "use": "GENERAL",
        "status": chance.choice(STATUS),
        "sharing": chance.choice(SHARING),
        "place": {
            "divisionCode": DIVISIONS[n % 4],
            "address": f"理化实验楼 {chance.randint(101, 629)}",
        },
        "serviceContent": "样品测试与数据分析",
        "bookingUrl": f"https://instruments.example/book/{n}",
        "contact": "分析测试中心预约办公室",
        "annualHours": chance.randint(200, 2400),
        "annualSharedHours": chance.randint(10, 200),
    }
