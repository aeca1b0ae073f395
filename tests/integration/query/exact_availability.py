"""`exact_availability`: availability and prices once more, in plain Python, to compare with.

- It shares nothing with `hub`: sets of instants are sorted lists of (start, end) in whole seconds.
- It says the rules as a person would: who speaks, what of it counts now, what is left over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from typing import TypeVar

LOCAL = timezone(timedelta(hours=8))
Part = tuple[int, int]
Parts = list[Part]


KINDS = ("OWN", "DELEGATE", "PLATFORM", "PEER", "NONE")


@dataclass(frozen=True, kw_only=True)
class Says:
    """What every statement has: who says it, as of when, and whether it was taken back."""

    source: str
    as_of: int
    withdrawn: bool = False
    again: int | None = None
    """As of when the source said it again, unchanged."""
    signed: bool = False
    turn: int = 0
    """The order in which sources speak; in one turn, by their names."""


@dataclass(frozen=True, kw_only=True)
class Covers(Says):
    start: int = 0
    end: int = 0


@dataclass(frozen=True, kw_only=True)
class Opens(Says):
    weekday: int = 0
    periods: tuple[tuple[int, int], ...] = ()
    """Minutes of the day."""


@dataclass(frozen=True, kw_only=True)
class Excepts(Says):
    first: date
    last: date
    periods: tuple[tuple[int, int], ...] = ()
    """Minutes of each of these days."""


@dataclass(frozen=True, kw_only=True)
class Takes(Says):
    number: str
    start: int = 0
    end: int = 0
    firm: bool = True


@dataclass(frozen=True, kw_only=True)
class Offers(Says):
    code: str
    cents: int


@dataclass(frozen=True)
class Registered:
    """A source: what it is, for whom it speaks (None: for any), what it promises, if it is open."""

    kind: str
    owners: tuple[str, ...] | None
    promise: int
    active: bool = True
    system: str = ""
    """Whose numbers it states; its own where that is empty."""

    def to(self, owner: str) -> str:
        """Return what it is to an institution."""
        return self.kind if self.owners is None or owner in self.owners else "NONE"


@dataclass(frozen=True)
class Instrument:
    owner: str
    coverage: tuple[Covers, ...] = ()
    hours: tuple[Opens, ...] = ()
    taken: tuple[Takes, ...] = ()
    offers: tuple[Offers, ...] = ()
    exceptions: tuple[Excepts, ...] = ()


@dataclass(frozen=True)
class Found:
    """An answer in wire form, and the free parts as they are."""

    wire: dict[str, object]
    free: Parts = field(default_factory=list)
    excepted: int = 0
    """The most exceptions that speak of one of its days."""

    def has(self, hours: str) -> bool:
        """Tell whether one free stretch is at least that long."""
        return any(end - start >= Fraction(hours) * 3600 for start, end in self.free)


Said = TypeVar("Said", bound=Says)


def believed(said: Sequence[Said], owner: str, sources: dict[str, Registered]) -> Said | None:
    """Return what is believed first of what stands: by whom, how proven, how new, how late said."""

    def worth(each: Says) -> tuple[int, bool, int, int, str]:
        kind = sources[each.source].to(owner)
        return -KINDS.index(kind), each.signed, each.as_of, each.turn, each.source

    return max((each for each in said if not each.withdrawn), key=worth, default=None)


def led(said: Sequence[Said], owner: str, sources: dict[str, Registered]) -> list[Said]:
    """Return what the one source says that is believed for the whole of it."""
    first = believed(said, owner, sources)
    return [e for e in said if first and e.source == first.source and not e.withdrawn]


def price(of: Instrument, sources: dict[str, Registered], hours: int) -> dict[str, object]:
    """Say what so many hours cost: by the leading source's cheapest offer."""
    counts = led(of.offers, of.owner, sources)
    best = min(counts, key=lambda each: each.cents, default=None)
    if best is None:
        return {"status": "NO_PRICE", "amount": None, "offerCode": None, "source": None}
    amount = {"amount": f"{Decimal(best.cents * hours) / 100:.2f}"}
    return {"status": "OK", "amount": amount, "offerCode": best.code, "source": best.source}


def availability(of: Instrument, sources: dict[str, Registered], window: Part, now: int) -> Found:
    """Say when an instrument can be had."""
    start, end = window
    covers = [
        each
        for each in led(of.coverage, of.owner, sources)
        if sources[each.source].active
        and sources[each.source].to(of.owner) != "NONE"
        and now - _heard(each) <= sources[each.source].promise
        and each.start < end
        and start < each.end
    ]
    opening, unstated, stating = _hours(of, sources, window)
    taken = [o for o in _bookings(of, sources) if o.start < end and start < o.end]
    firm = _parts(taken, lambda o: o.firm)
    maybe = _parts(taken, lambda o: not o.firm)
    covered = _parts(covers, lambda _: True)
    free = without(both(opening, covered), firm)
    tentative = without(both(both(maybe, opening), covered), firm)
    unknown = union(without(without(opening, covered), firm), unstated)
    if not free:
        status = "UNKNOWN" if unknown else "BUSY"
    else:
        status = "FREE" if free == union(opening, unstated) else "PARTLY"
    used = {each.source for each in (*covers, *taken)} | stating
    wire = {
        "status": status,
        "free": _wire(both(free, [window])),
        "tentative": _wire(both(tentative, [window])),
        "unknown": _wire(unknown),
        "longestFreeHours": _longest(free),
        "asOf": _instant(min(map(_heard, covers))) if covers else None,
        "sources": sorted(used),
    }
    special = led(of.exceptions, of.owner, sources)
    days = [sum(e.first <= day <= e.last for e in special) for day in _days(window)]
    return Found(wire, free, max(days))


def _heard(said: Says) -> int:
    """Return as of when it was last said."""
    return max(said.as_of, said.as_of if said.again is None else said.again)


def _bookings(of: Instrument, sources: dict[str, Registered]) -> list[Takes]:
    """Return each booking once, as it is believed; a number is one booking of one system."""
    known: dict[tuple[str, str], list[Takes]] = {}
    for each in of.taken:
        system = sources[each.source].system or each.source
        known.setdefault((system, each.number), []).append(each)
    found = [believed(said, of.owner, sources) for said in known.values()]
    return [each for each in found if each is not None]


def _hours(
    of: Instrument, sources: dict[str, Registered], window: Part
) -> tuple[Parts, Parts, set[str]]:
    """Return when it is open, when that is not stated, and who stated what was used."""
    by_day = {each.weekday: each for each in led(of.hours, of.owner, sources)}
    exceptions = led(of.exceptions, of.owner, sources)
    opening: Parts = []
    unstated: Parts = []
    used: set[str] = set()
    for day in _days(window):
        midnight = int(datetime(day.year, day.month, day.day, tzinfo=LOCAL).timestamp())
        special = [each for each in exceptions if each.first <= day <= each.last]
        stated: Opens | Excepts | None = by_day.get(day.weekday())
        if special:
            stated = max(special, key=lambda each: each.first)
        if stated is not None:
            used.add(stated.source)
            opening += [(midnight + a * 60, midnight + b * 60) for a, b in stated.periods]
        else:
            unstated.append((midnight, midnight + 86_400))
    return both(union(opening), [window]), both(union(unstated), [window]), used


def _days(window: Part) -> Iterable[date]:
    """Yield the local days that some second of the window lies in."""
    day = datetime.fromtimestamp(window[0], LOCAL).date()
    last = datetime.fromtimestamp(window[1] - 1, LOCAL).date()
    while day <= last:
        yield day
        day += timedelta(days=1)


def union(*sets: Iterable[Part]) -> Parts:
    """Return what is in any set, in order, touching parts joined."""
    found: Parts = []
    for start, end in sorted(part for each in sets for part in each):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((start, end))
    return found


def both(left: Iterable[Part], right: Iterable[Part]) -> Parts:
    """Return what is in both sets."""
    right = list(right)
    return union((max(a, c), min(b, d)) for a, b in left for c, d in right if max(a, c) < min(b, d))


def without(left: Parts, right: Parts) -> Parts:
    """Return what is in the first set and not in the second."""
    found = list(left)
    for c, d in right:
        found = [
            (start, end)
            for a, b in found
            for start, end in ((a, min(b, c)), (max(a, d), b))
            if start < end
        ]
    return union(found)


Stretch = TypeVar("Stretch", Covers, Takes)


def _parts(said: Iterable[Stretch], chosen: Callable[[Stretch], bool]) -> Parts:
    return union((each.start, each.end) for each in said if chosen(each))


def _instant(at: int) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _wire(parts: Parts) -> list[dict[str, str]]:
    return [{"from": _instant(start), "until": _instant(end)} for start, end in parts]


def _longest(parts: Parts) -> str:
    most = max((end - start for start, end in parts), default=0)
    rounded = (Decimal(most) / 3600).quantize(Decimal("0.01"), ROUND_HALF_UP)
    return f"{rounded.normalize():f}"
