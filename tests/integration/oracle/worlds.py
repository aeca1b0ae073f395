"""`worlds`: what sources say, drawn from a seed: rows in batches, one after another.

- Every row conforms; what is drawn beside that is unpleasant: absent items, equal values, keys that
  begin like others, references to nothing, corrections, withdrawals, rows that come back after one.
- Most things are spoken of by several sources: systems of the owner, one that acts for it,
  platforms, another hub. They state other items, are as old or older, say things again, are vouched
  for better later, and are registered otherwise in the end.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

from schema.identifiers import organisation_code_digit, uscc_digit
from schema.item import Item, Kind, RecordSpec
from schema.registry import standard
from tests.integration.oracle.claims import MERGED, NUMBERED, Registered
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


HUB = "hub:delta.example"
"""The party that vouches for what the hub saw itself."""


@dataclass(frozen=True)
class Said:
    """Rows that one source says at one time. `now`: when they come in; `party`: who vouches."""

    source: str
    as_of: datetime
    now: datetime
    rows: list[dict[str, Any]]
    party: str = HUB


@dataclass(frozen=True)
class Renewed:
    """A source is registered otherwise from now on."""

    source: str
    known: Registered


@dataclass
class History:
    """A world before anybody has stored it. `sources`: how they are registered at first."""

    seed: int
    sources: dict[str, Registered]
    parties: list[str]
    steps: list[Said | Renewed] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class Size:
    """How large a world is: how many of each, at most."""

    institutions: int
    instruments: int
    each: int
    """Offers, bookings and records of one instrument."""


SMALL = Size(institutions=2, instruments=2, each=2)
LARGE = Size(institutions=6, instruments=8, each=3)


OFTEN = {"alpha": 0.8, "beta": 0.8, "archive": 0.2, "agent": 0.25}
"""How often a source speaks of what it may speak of; the others as often as the last one."""


def draw_world(seed: int, size: Size) -> History:
    """Return the history that a seed gives."""
    rng = Random(seed)
    keys = list(KEYS[: size.institutions]) if size is LARGE else rng.sample(KEYS, size.institutions)
    half = len(keys) // 2
    alpha = Registered("OWN", tuple(keys[:half]), f"{keys[0]}/lims")
    delta = Registered("PLATFORM", None, f"{OUTSIDER}/delta")
    sources = {
        "alpha": alpha,
        "beta": Registered("OWN", tuple(keys[half:]), f"{keys[-1]}/lims"),
        "archive": Registered("OWN", tuple(keys), alpha.authority),
        "agent": Registered("DELEGATE", tuple(keys), f"{keys[-1]}/agent"),
        "delta": delta,
        "nation": delta,
        "peer": Registered("PEER", None, ""),
    }
    history = History(seed, sources, [*keys, OUTSIDER])
    drawing = _Drawing(rng, keys, size)
    said: dict[str, list[tuple[str, dict[str, Any]]]] = {name: [] for name in sources}
    for kind, row in drawing.rows():
        may = [name for name, each in sources.items() if _may_state(each, kind, row)]
        more = 1.7 if kind in MERGED else 1
        who = [name for name in may if rng.random() < more * OFTEN.get(name, OFTEN["agent"])]
        first, *others = who or may[:1]
        said[first].append((kind, row))
        for other in others:
            said[other].append((kind, row if rng.random() < 0.1 else drawing.again(kind, row)))
    told = [
        [*_told(drawing, sources, name, rows), *_renewed(drawing, name, sources[name])]
        for name, rows in said.items()
    ]
    while any(told):  # each in its order, all together in any
        history.steps.append(rng.choice([each for each in told if each]).pop(0))
    return history


def _may_state(source: Registered, kind: str, row: dict[str, Any]) -> bool:
    if source.owners is None:
        return kind != "Agreement"
    return owner_in(row) in source.owners


def _told(
    drawing: _Drawing,
    sources: dict[str, Registered],
    source: str,
    said: list[tuple[str, dict[str, Any]]],
) -> list[Said | Renewed]:
    """Return what a source says: all, then corrections and withdrawals, some back, some signed."""
    rng, found = drawing.rng, list[Said | Renewed]()
    at = NOW - timedelta(days=3, hours=list(sources).index(source))
    seen = NOW - timedelta(days=4, hours=rng.choice([0, 0, 5]))
    systems = [each.authority for each in sources.values() if each.authority]
    numbered = {(kind, standard()[kind].key_of(row)): rng.choice(systems) for kind, row in said}

    def stated(kind: str, row: dict[str, Any], *, back: bool = False) -> dict[str, Any]:
        """Return a row, or one that takes it back; another hub says whose number its key is."""
        key = standard()[kind].key_of(row)
        made = {"withdraw": {"key": key, "reason": "误报"}} if back else {"record": row}
        if sources[source].kind == "PEER" and kind in NUMBERED:
            made["authority"] = numbered[kind, key]
        return {"type": kind, **made}

    def batch(number: int, rows: list[dict[str, Any]], party: str = HUB) -> None:
        step = timedelta(hours=23 * number)
        as_of = seen + rng.choice([step, step, timedelta(0)])
        if rows:
            found.append(Said(source, as_of, at + step, rows, party))

    batch(0, [stated(*pair) for pair in said])
    changed = [pair for pair in said if rng.random() < 0.15]
    same = [pair for pair in said if rng.random() < 0.3 and pair not in changed]
    corrected = [
        stated(kind, drawing.again(kind, row))
        for kind, row in changed
        if kind != "OccupancyCoverage"
    ]
    gone = [pair for pair in said if rng.random() < 0.15]
    withdrawn = [stated(*pair, back=True) for pair in gone]
    batch(1, corrected + [stated(*pair) for pair in same] + withdrawn)
    batch(2, [stated(kind, drawing.again(kind, row)) for kind, row in gone[::3]])
    signed = [pair for pair in said if pair[0] != "Agreement" and pair not in gone]
    batch(3, [stated(*pair) for pair in signed if rng.random() < 0.12], drawing.keys[0])
    return found


def _renewed(drawing: _Drawing, source: str, known: Registered) -> list[Said | Renewed]:
    """Return what a source is registered as once it has said everything."""
    rng, keys = drawing.rng, drawing.keys
    others: dict[str, tuple[Registered, ...]] = {
        "archive": (replace(known, owners=(OUTSIDER,)), replace(known, owners=tuple(keys[:1]))),
        "agent": (replace(known, kind="OWN"), replace(known, owners=tuple(keys[1:]))),
        "delta": (replace(known, kind="OWN", owners=tuple(keys[-1:])),),
        "nation": (replace(known, kind="DELEGATE"), replace(known, owners=(OUTSIDER, keys[0]))),
    }
    if source not in others or rng.random() < 0.25:
        return []
    found: list[Said | Renewed] = [Renewed(source, rng.choice(others[source]))]
    if rng.random() < 0.25:
        found.append(Renewed(source, known))
    return found


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
            "departmentKey": lambda: rng.choice(keys),
            "userKey": lambda: rng.choice([*keys, OUTSIDER]),
            "centreCode": lambda: rng.choice([*CENTRES, "none"]),
            "offerCode": lambda: rng.choice(OFFERS),
            "orderId": lambda: rng.choice(["D-1", "hub:fudan-a:O-1"]),
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
            ("OpeningException", "firstOn", list(DATES[:3])),
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
        _pay_by_voucher(made)
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
        if kind in ("OpeningHours", "OpeningException") and made.get("periods"):
            halves = [{"opens": "08:00", "closes": "12:00"}, {"opens": "13:30", "closes": "24:00"}]
            made["periods"] = halves[: rng.randint(1, 2)]
        for first, last in (
            ("startAt", "endAt"),
            ("startedAt", "endedAt"),
            ("validFrom", "validUntil"),
            ("firstOn", "lastOn"),
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


def _pay_by_voucher(made: dict[str, Any]) -> None:
    """Leave away a voucher that pays more than was charged, or in another currency."""
    charge = made.get("charge")
    if "voucherFen" in made and charge is not None:
        yuan = Decimal(charge["amount"]) if charge["currency"] == "CNY" else Decimal(0)
        made["voucherFen"] = min(made["voucherFen"], int(yuan * 100))
