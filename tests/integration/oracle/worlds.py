"""`worlds`: what sources say, drawn from a seed: rows in batches, one after another.

- Every row conforms; what is drawn beside that is unpleasant: absent items, equal values, keys that
  begin like others, references to nothing, two sources that say different things of one record,
  corrections, withdrawals, and rows that come back after one.
- Agreements are stated by their provider's own source.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from schema.identifiers import organisation_code_digit, uscc_digit
from schema.item import Item, Kind, RecordSpec
from schema.registry import standard
from tests.integration.oracle.meaning import owner_in

NOW = datetime(2026, 11, 23, 16, 30, tzinfo=UTC)
"""When everybody asks: half past midnight of the 24th in Shanghai, still the 23rd in UTC."""
TODAY = (NOW + timedelta(hours=8)).date()

NAMES = (
    "电子显微镜",
    "动态分析仪",
    "核磁共振波谱仪",
    "环境扫描电镜",
    "JEM-2100F 电镜",
    "激光共聚焦显微镜",
    "冷冻电镜",
    "流式细胞仪",
    "气相色谱仪",
    "扫描电镜",
    "透射电镜",
    "X射线衍射仪",
    "原子力显微镜",
    "源子力显微镜",
    "Zeiss Merlin",
    "zeiss merlin",
    "质谱仪",
)
"""Names in the order of a Chinese index, written down by hand: pinyin, then character."""

TEXTS = (
    "a",
    "Zhejiang University",
    "玉泉\"校区\"\\1号楼 东",
    "50% of O'Brien's; DROP_TABLE",
    "高分辨率：0.19 nm，温度 −196 ℃",
    "🔬 微",
    "{\"null\":null}",
    "null",
)  # fmt: skip
DIVISIONS = ("310110", "330106", "330206", "340102", "320102", "110108", "999999")
CURRENCIES = ("CNY", "CNY", "USD", "EUR", "JPY")
CLASSES = (
    ("GB/T 32847", "2016", "010101"),
    ("GB/T 32847", "2016", "010102"),
    ("GB/T 32847", "2016", "010100"),
    ("GB/T 32847", "2016", "010000"),
    ("GB/T 32847", "2016", "020101"),
    ("GB/T 14885", "2010", "1010101"),
    ("local", "1", "01"),
    ("local", "1", "0"),
    ("local", "2", "012"),
    ("LOCAL", "1", "0102"),
    ("local", "1", "a:01"),
    ("local:a", "1", "01"),
)
CENTRES = ("EM", "MS", "中心/1")
OFFERS = ("E", "O", "o", "服务 1")
LOCAL_NUMBERS = ("T1", "T10", "t1", "仪器-1", "a b", "T'1\"%_\\", "T1 x", "0")
INSTANTS = tuple(
    (datetime(2026, 11, 1, tzinfo=UTC) + timedelta(hours=6 * n)).strftime("%Y-%m-%dT%H:%M:%SZ")
    for n in range(9)
)
DATES = ("2025-12-31", "2026-01-01", "2026-02-28", "2026-12-31")
PARTIAL = ("2020", "2020-05", "2020-05-01", "2021", "2019-12-31")
DECIMALS = ("0", "0.10", "1.00", "1", "250.5", "250.50", "9999999.99", "20000000")
FIELDS = (
    *("originalValue", "annualHours", "acceptedOn", "funding", "hours", "charge", "startedAt"),
    *("userKey", "purpose", "voucherFen", "customsNoticeNo", "userReference", "originals", "nil"),
)
"""Items that an agreement may name."""


def _uscc(division: str, body: str) -> str:
    head = f"12{division}{body}{organisation_code_digit(body)}"
    return f"uscc:{head}{uscc_digit(head)}"


KEYS = (
    "moe:10335",
    "moe:10246",
    _uscc("310000", "42500123"),
    _uscc("100000", "42500456"),
    _uscc("440300", "42500789"),
    "moe:10284",
    "moe:10358",
)
OUTSIDER = "moe:10001"
"""A party without data of its own."""


@dataclass(frozen=True)
class Said:
    """Rows that one source says at one time. `now`: when they come in."""

    source: str
    as_of: datetime
    now: datetime
    rows: list[dict[str, Any]]


@dataclass
class History:
    """A world before anybody has stored it. `owners`: whom each source may speak for."""

    seed: int
    owners: dict[str, list[str] | None]
    parties: list[str]
    batches: list[Said] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class Size:
    """How large a world is: how many of each, at most."""

    institutions: int
    instruments: int
    each: int
    """Offers, bookings and records of one instrument."""


SMALL = Size(institutions=2, instruments=2, each=2)
LARGE = Size(institutions=6, instruments=12, each=3)


def draw_world(seed: int, size: Size) -> History:
    """Return the history that a seed gives."""
    rng = Random(seed)
    keys = list(KEYS[: size.institutions]) if size is LARGE else rng.sample(KEYS, size.institutions)
    half = len(keys) // 2
    owners: dict[str, list[str] | None] = {"alpha": keys[:half], "beta": keys[half:], "delta": None}
    history = History(seed, owners, [*keys, OUTSIDER])
    drawing = _Drawing(rng, keys, size)
    rows = drawing.rows()
    by_source: dict[str, list[tuple[str, dict[str, Any]]]] = {name: [] for name in owners}
    for kind, row in rows:
        own = "alpha" if owner_in(row) in keys[:half] else "beta"
        by_source[own].append((kind, row))
        if kind != "Agreement" and rng.random() < 0.15:
            other = drawing.again(kind, row)
            by_source["delta"].append((kind, other))
    for number, (source, said) in enumerate(by_source.items()):
        _tell(history, drawing, source, said, number)
    return history


def _tell(
    history: History, drawing: _Drawing, source: str, said: list[tuple[str, Any]], number: int
) -> None:
    """Add what a source says: everything, then corrections and withdrawals, then some back."""
    rng = drawing.rng
    at = NOW - timedelta(days=3, hours=number)
    seen = NOW - timedelta(days=4, hours=rng.choice([0, 0, 5]))
    if not said:
        return

    def batch(days: int, rows: list[dict[str, Any]]) -> None:
        step = timedelta(days=days)
        if rows:
            history.batches.append(Said(source, seen + step, at + step, rows))

    batch(0, [{"type": kind, "record": row} for kind, row in said])
    changed = [pair for pair in said if rng.random() < 0.15]
    corrected = [
        {"type": kind, "record": drawing.again(kind, row)}
        for kind, row in changed
        if kind != "OccupancyCoverage"
    ]
    confirmed = [{"type": k, "record": r} for k, r in said if k == "OccupancyCoverage"]
    batch(1, corrected + confirmed[::2])
    gone = [pair for pair in said if rng.random() < 0.1]
    withdrawn = [
        {"type": kind, "withdraw": {"key": standard()[kind].key_of(row), "reason": "误报"}}
        for kind, row in gone
    ]
    batch(2, withdrawn)
    batch(3, [{"type": kind, "record": drawing.again(kind, row)} for kind, row in gone[::3]])


class _Drawing:
    """Draws records of one world."""

    def __init__(self, rng: Random, keys: list[str], size: Size) -> None:
        self.rng, self.keys, self.size = rng, keys, size
        self.texts: dict[str, Callable[[], str]] = {
            "divisionCode": lambda: rng.choice(DIVISIONS),
            "currency": lambda: rng.choice(CURRENCIES),
            "originCountry": lambda: rng.choice(["DEU", "JPN", "USA"]),
            "homepageUrl": lambda: "https://example.org/首页?a=\"b\"",
            "bookingUrl": lambda: "https://example.org/book",
            "imageUrl": lambda: "https://example.org/x.png",
            "operatorKey": lambda: rng.choice(keys),
            "userKey": lambda: rng.choice([*keys, OUTSIDER]),
            "centreCode": lambda: rng.choice([*CENTRES, "none"]),
            "offerCode": lambda: rng.choice(OFFERS),
            "zh": lambda: rng.choice(NAMES),
        }  # fmt: skip

    def rows(self) -> list[tuple[str, dict[str, Any]]]:
        """Return every record of the world as its owner first states it."""
        rng, size, found = self.rng, self.size, []
        stated = [key for key in self.keys if rng.random() < 0.85]
        found += [("Institution", self._record("Institution", institutionKey=k)) for k in stated]
        for key in self.keys:
            codes = rng.sample(CENTRES, rng.randint(0, 2))
            found += [("Centre", self._record("Centre", institutionKey=key, code=c)) for c in codes]
            numbers = rng.sample(
                [*LOCAL_NUMBERS, *(f"N{n}" for n in range(20))], rng.randint(1, size.instruments)
            )
            for number in numbers:
                found += self._instrument(key, number)
        return found + self._agreements()

    def again(self, kind: str, row: dict[str, Any]) -> dict[str, Any]:
        """Return another record of the same key."""
        spec = standard()[kind]
        wires = {item.wire for item in spec.items if item.name in spec.key}
        if kind == "OccupancyCoverage":
            wires.add("endAt")
        return self._record(kind, **{name: row[name] for name in wires})

    def _instrument(self, owner: str, number: str) -> list[tuple[str, dict[str, Any]]]:
        rng, found = self.rng, []
        key = f"{owner}/{number}"
        if rng.random() < 0.9:  # the others are spoken of and never stated
            row = self._record("Instrument", institutionKey=owner, localNo=number)
            found.append(("Instrument", row))
        for kind, name, drawn in (
            ("ServiceOffer", "code", list(OFFERS)),
            ("OpeningHours", "weekday", ["MONDAY", "TUESDAY", "SUNDAY", "FRIDAY"]),
            ("Occupancy", "localId", ["1", "10", "2", "B/1"]),
            ("OccupancyCoverage", "startAt", list(INSTANTS[:4])),
            ("UsageRecord", "localId", ["1", "10", "U 1", "二"]),
            ("ServiceRecord", "localId", ["1", "R/1", "r1", "二"]),
        ):
            count = min(rng.choice([0, 1, 2, self.size.each]), len(drawn))
            found += [
                (kind, self._record(kind, instrumentKey=key, **{name: local}))
                for local in rng.sample(drawn, count)
            ]
        return found

    def _agreements(self) -> list[tuple[str, dict[str, Any]]]:
        rng, found = self.rng, []
        yesterday, tomorrow = (str(TODAY + timedelta(days=n)) for n in (-1, 1))
        spans = (
            {},
            {},
            {"validFrom": str(TODAY)},
            {"validUntil": str(TODAY)},
            {"validFrom": tomorrow},
            {"validUntil": yesterday},
            {"validFrom": yesterday, "validUntil": tomorrow},
        )
        for provider in self.keys:
            for consumer in [*self.keys, OUTSIDER]:
                for dataset in ("ASSET", "SERVICE", "CUSTOMS", "VOUCHER", "PERSON"):
                    if provider == consumer or rng.random() > 0.45:
                        continue
                    row: dict[str, Any] = {
                        "providerKey": provider,
                        "consumerKey": consumer,
                        "dataset": dataset,
                        **rng.choice(spans),
                    }
                    if rng.random() < 0.5:
                        row["fields"] = rng.sample(FIELDS, rng.randint(1, 3))
                    if rng.random() < 0.5:
                        row["purpose"] = rng.choice(TEXTS)
                    found.append(("Agreement", row))
        return found

    # -- values -----------------------------------------------------------------------------------

    def _record(self, kind: str, **fixed: Any) -> dict[str, Any]:
        if kind == "Agreement":
            return {**fixed, "purpose": self.rng.choice(TEXTS)}
        made = {**self._object(standard()[kind]), **fixed}
        for each in made.get("originals", ()):
            item = self.rng.choice(standard()[kind].items)
            each["path"] = item.wire + self.rng.choice(["", ".amount", ".0"])
        self._repair(kind, made)
        return made

    def _object(self, spec: RecordSpec) -> dict[str, Any]:
        made: dict[str, Any] = {}
        for item in spec.items:
            if (item.optional or item.many) and self.rng.random() < 0.35:
                continue
            if item.many:
                made[item.wire] = [self._value(item) for _ in range(self.rng.randint(0, 3))]
            else:
                made[item.wire] = self._value(item)
        return made

    def _value(self, item: Item) -> Any:
        rng = self.rng
        if item.value is not None and item.value.name == "ClassCode":
            return dict(zip(("scheme", "version", "code"), rng.choice(CLASSES), strict=True))
        if item.value is not None:
            return self._object(item.value)
        if item.code_list is not None:
            return rng.choice(list(item.code_list)).value
        if item.wire in self.texts:
            return self.texts[item.wire]()
        drawn: dict[Kind, tuple[Any, ...]] = {
            Kind.TEXT: TEXTS,
            Kind.INTEGER: (0, 1, 9, 1500, 9000),
            Kind.BOOLEAN: (False, True),
            Kind.DECIMAL: DECIMALS,
            Kind.DATE: DATES,
            Kind.PARTIAL_DATE: PARTIAL,
            Kind.INSTANT: INSTANTS,
        }
        return rng.choice(drawn[item.kind])

    def _repair(self, kind: str, made: dict[str, Any]) -> None:
        """Bring items of one record in line with each other, as the rules of the standard ask."""
        rng = self.rng
        if kind == "OpeningHours" and made.get("periods"):
            halves = [{"opens": "08:00", "closes": "12:00"}, {"opens": "13:30", "closes": "24:00"}]
            made["periods"] = halves[: rng.randint(1, 2)]
        for first, last in (
            ("startAt", "endAt"),
            ("startedAt", "endedAt"),
            ("validFrom", "validUntil"),
        ):
            if first in made and last in made and made[first] >= made[last]:
                later = [each for each in (*INSTANTS, *DATES) if each > made[first]]
                made[last] = min(
                    (each for each in later if len(each) == len(made[first])),
                    default=made[first] if first != "startAt" else "2026-12-01T00:00:00Z",
                )
        if "hours" in made:
            made["hours"] = rng.choice(["0.5", "1", "1.00", "5.9"])
            if made.get("startedAt") == made.get("endedAt") is not None:
                made["hours"] = "0"
        if made.get("purpose") == "OTHER" and kind == "ServiceRecord":
            made.setdefault("taxRecord", "补税 1 号")
        if made.get("outsidePremises"):
            made.setdefault("outsideAddress", rng.choice(TEXTS))
