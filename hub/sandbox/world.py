"""`world`: the instruments, opening hours and bookings that the sandbox systems publish.

- Institutions, classes, makers and models are real; who owns which is invented. There are no
  persons, only offices.
- Deterministic: the same day gives the same world, and the next day shows the same bookings and
  one day more, because each week of each instrument is drawn from its own seed.
- Times are local (Asia/Shanghai) without offset, as the systems write them.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import cached_property
from hashlib import md5
from pathlib import Path

SEED = "delta-1"
PLATFORM_COUNT = 4_560
"""Instruments on the province platform."""
UNIVERSITY_COUNT = 463
"""Instruments of the university; so many did its real list hold when it was seen."""
WEEKS_BACK = 4
WEEKS_AHEAD = 3
DAYS_OF_WORKWEEK = 5

CALENDAR_SHARE = 0.7
"""Share of platform instruments whose owners report bookings; of the others nothing is known."""
SUPERVISED_SHARE = 0.06
SATURDAY_SHARE = 0.15
ALL_DAY_SHARE = 0.08
TENTATIVE_SHARE = 0.07
CANCELLED_SHARE = 0.05
MAINTENANCE_SHARE = 0.04
POPULARITY = (0.03, 0.3)

DAY_PATTERNS = ("08:30-17:30", "08:30-12:00,13:30-17:30", "09:00-17:00", "08:00-20:00")
ALL_DAY = "00:00-24:00"
SLOTS = ((9, 2), (9, 3), (10, 2), (13, 3), (14, 2), (14, 3))
"""Start hour and length of a booking."""
STATUSES = ("1",) * 16 + ("2", "2", "4", "6")
FUNDS = ("中央财政资金", "地方财政资金", "单位自有资金", "中央财政资金,单位自有资金")
BUILDINGS = ("分析测试中心", "理化实验楼", "材料楼", "生命科学楼", "工程训练中心", "公共平台A座")


@dataclass(frozen=True, slots=True)
class SandboxOwner:
    """One real institution."""

    name_zh: str
    name_en: str
    kind: str
    division: str
    department: str
    school_code: str
    ror: str
    uscc: str
    weight: int

    @property
    def ins_code(self) -> str:
        """The platform's own code of a unit: 32 hex characters, invented."""
        return md5(f"{SEED}|{self.name_en}".encode(), usedforsecurity=False).hexdigest()


@dataclass(frozen=True, slots=True)
class Sort:
    """One kind of instrument: a model of a maker."""

    code: str
    name_zh: str
    name_en: str
    maker: str
    country: str
    model: str
    worth: tuple[int, int]
    """Plausible original value in 10,000 yuan."""
    hour: tuple[int, int]
    """Plausible price of an hour in yuan, for users from outside."""
    sample_price: str
    use: str
    subjects: str
    specification: str
    function: str
    weight: int


@dataclass(frozen=True, slots=True)
class SandboxInstrument:
    """One invented instrument of a real kind at a real institution."""

    owner: SandboxOwner
    number: str
    sort: Sort
    worth: Decimal
    """In 10,000 yuan, two decimals."""
    hour_price: int
    booked_on: date
    status: str
    supervised: bool
    funds: str
    place: str
    week: tuple[tuple[int, str], ...]
    """Open periods by ISO day of the week."""
    popularity: float
    has_calendar: bool
    hours_year: int
    hours_shared: int


@dataclass(frozen=True, slots=True)
class Booking:
    """A time in which an instrument is occupied, or was to be."""

    id: str
    instrument: SandboxInstrument
    kind: str
    start: datetime
    end: datetime
    state: str
    """FIRM, TENTATIVE or CANCELLED."""


@dataclass(frozen=True)
class World:
    """All synthetic data of one day."""

    day: date
    scale: float = 1.0
    """Share of the instruments that exist; tests need fewer."""

    @cached_property
    def owners(self) -> tuple[SandboxOwner, ...]:
        """The institutions of the province platform."""
        return owners()

    @cached_property
    def platform(self) -> tuple[SandboxInstrument, ...]:
        """The instruments of the province platform."""
        instruments: list[SandboxInstrument] = []
        total = sum(owner.weight for owner in self.owners)
        before = 0
        for owner in self.owners:
            before += owner.weight
            count = int(before * PLATFORM_COUNT * self.scale) // total - len(instruments)
            instruments += [
                _instrument(owner, position, CALENDAR_SHARE) for position in range(count)
            ]
        return tuple(instruments)

    @cached_property
    def university(self) -> tuple[SandboxInstrument, ...]:
        """The instruments of the university, all with a calendar."""
        count = int(UNIVERSITY_COUNT * self.scale)
        return tuple(_instrument(UNIVERSITY, position, 1.0) for position in range(count))

    def bookings(self, instrument: SandboxInstrument) -> Iterator[Booking]:
        """Yield what is booked from four weeks ago to three weeks ahead."""
        if not instrument.has_calendar:
            return
        monday = self.day - timedelta(days=self.day.weekday())
        last = self.day + timedelta(weeks=WEEKS_AHEAD)
        for week in range(-WEEKS_BACK, WEEKS_AHEAD + 1):
            for booking in _week(instrument, monday + timedelta(weeks=week)):
                if booking.start.date() <= last:
                    yield booking


UNIVERSITY = SandboxOwner(
    "华东师范大学",
    "East China Normal University",
    "UNIVERSITY",
    "310107",
    "教育部",
    "10269",
    "02n96ep67",
    "",
    1,
)


def _rows(name: str) -> list[dict[str, str]]:
    lines = (Path(__file__).parent / name).read_text("utf-8").splitlines()
    head, *rest = (line.split("\t") for line in lines if line and not line.startswith("#"))
    return [dict(zip(head, row, strict=True)) for row in rest]


def owners() -> tuple[SandboxOwner, ...]:
    """Read the institutions."""
    return tuple(
        SandboxOwner(
            row["name_zh"],
            row["name_en"],
            row["kind"],
            row["division"],
            row["department"],
            row["school_code"],
            row["ror"],
            row["uscc"],
            int(row["weight"]),
        )
        for row in _rows("institutions.tsv")
    )


def sorts() -> tuple[Sort, ...]:
    """Read the catalogue of kinds."""
    return tuple(
        Sort(
            row["class"],
            row["name_zh"],
            row["name_en"],
            row["maker"],
            row["country"],
            row["model"],
            (int(row["worth_low"]), int(row["worth_high"])),
            (int(row["hour_low"]), int(row["hour_high"])),
            row["sample_price"],
            row["use"],
            row["subjects"],
            row["specification"],
            row["function"],
            int(row["weight"]),
        )
        for row in _rows("catalogue.tsv")
    )


SORTS = sorts()
SORT_WEIGHTS = [sort.weight for sort in SORTS]


def _chance(*parts: object) -> random.Random:
    return random.Random("|".join((SEED, *map(str, parts))))  # noqa: S311 - data, not secrets


def _instrument(owner: SandboxOwner, position: int, calendar_share: float) -> SandboxInstrument:
    chance = _chance(owner.name_en, position)
    sort = chance.choices(SORTS, SORT_WEIGHTS)[0]
    booked_on = date(2008, 1, 1) + timedelta(days=chance.randrange(18 * 365))
    hours_year = chance.randrange(200, 2400)
    pattern = chance.choice(DAY_PATTERNS)
    days = list(range(1, DAYS_OF_WORKWEEK + 1))
    if chance.random() < SATURDAY_SHARE:
        days.append(DAYS_OF_WORKWEEK + 1)
    if chance.random() < ALL_DAY_SHARE:
        pattern, days = ALL_DAY, list(range(1, 8))
    return SandboxInstrument(
        owner=owner,
        number=f"{booked_on.year}{position + 1:05d}",
        sort=sort,
        worth=Decimal(chance.randint(sort.worth[0] * 100, sort.worth[1] * 100)) / 100,
        hour_price=chance.randint(sort.hour[0] // 10, sort.hour[1] // 10) * 10,
        booked_on=booked_on,
        status=chance.choice(STATUSES),
        supervised=sort.country != "中国" and chance.random() < SUPERVISED_SHARE,
        funds=chance.choice(FUNDS),
        place=f"{chance.choice(BUILDINGS)} {chance.randint(101, 629)}",
        week=tuple((day, pattern) for day in days),
        popularity=chance.uniform(*POPULARITY),
        has_calendar=chance.random() < calendar_share,
        hours_year=hours_year,
        hours_shared=int(hours_year * chance.uniform(0.05, 0.6)),
    )


def _week(instrument: SandboxInstrument, monday: date) -> Iterator[Booking]:
    """Draw one week: at most one booking a day, and now and then a day of maintenance."""
    chance = _chance(instrument.owner.name_en, instrument.number, monday)
    for day, _ in instrument.week:
        on = monday + timedelta(days=day - 1)
        hour, length = chance.choice(SLOTS)
        roll = chance.random()
        start = datetime.combine(on, time(hour))
        state = _state(chance.random())
        if roll < instrument.popularity:
            name = f"{on:%y%m%d}-{hour:02d}"
            yield Booking(name, instrument, "预约", start, start + timedelta(hours=length), state)
    if chance.random() < MAINTENANCE_SHARE:
        on = monday + timedelta(days=chance.randrange(DAYS_OF_WORKWEEK))
        start = datetime.combine(on, time(18))
        name = f"{on:%y%m%d}-M"
        yield Booking(name, instrument, "维护", start, start + timedelta(hours=4), "FIRM")


def _state(roll: float) -> str:
    if roll < CANCELLED_SHARE:
        return "CANCELLED"
    return "TENTATIVE" if roll < CANCELLED_SHARE + TENTATIVE_SHARE else "FIRM"
