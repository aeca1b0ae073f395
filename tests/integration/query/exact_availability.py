"""`exact_availability`: availability once more, in plain Python, to hold the hub's answers against.

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


@dataclass(frozen=True)
class Says:
    """What every statement has: who says it, as of when, and whether it was taken back."""

    source: str
    as_of: int
    withdrawn: bool = False


@dataclass(frozen=True)
class Covers(Says):
    start: int = 0
    end: int = 0


@dataclass(frozen=True)
class Opens(Says):
    weekday: int = 0
    periods: tuple[tuple[int, int], ...] = ()
    """Minutes of the day."""


@dataclass(frozen=True)
class Takes(Says):
    start: int = 0
    end: int = 0
    firm: bool = True


@dataclass(frozen=True)
class Registered:
    """A source: for whom it speaks (None: for any), what it promises, whether it is open."""

    owners: tuple[str, ...] | None
    promise: int
    active: bool = True


@dataclass(frozen=True)
class Instrument:
    owner: str
    coverage: tuple[Covers, ...] = ()
    hours: tuple[Opens, ...] = ()
    taken: tuple[Takes, ...] = ()


@dataclass(frozen=True)
class Found:
    """An answer in wire form, and the free parts as they are."""

    wire: dict[str, object]
    free: Parts = field(default_factory=list)

    def has(self, hours: str) -> bool:
        """Tell whether one free stretch is at least that long."""
        return any(end - start >= Fraction(hours) * 3600 for start, end in self.free)


Said = TypeVar("Said", bound=Says)


def spoken(said: Sequence[Said], sources: dict[str, Registered]) -> tuple[str | None, list[Said]]:
    """Return the one source that speaks, with what it says.

    What is registered for institutions is their own system, since intake takes nothing else of it.
    """
    stands = [each for each in said if not each.withdrawn]
    own, platforms = set(), set()
    for each in stands:
        (platforms if sources[each.source].owners is None else own).add(each.source)
    chosen = own or platforms
    if not chosen:
        return None, []

    def newest(source: str) -> int:
        return max(each.as_of for each in stands if each.source == source)

    latest = max(map(newest, chosen))
    speaker = min(source for source in chosen if newest(source) == latest)
    return speaker, [each for each in stands if each.source == speaker]


def availability(of: Instrument, sources: dict[str, Registered], window: Part, now: int) -> Found:
    """Say when an instrument can be had."""
    start, end = window
    _, said = spoken(of.coverage, sources)
    covers = [
        each
        for each in said
        if sources[each.source].active
        and of.owner in (sources[each.source].owners or (of.owner,))
        and now - each.as_of <= sources[each.source].promise
        and each.start < end
        and start < each.end
    ]
    opening, unstated, stating = _hours(of, sources, window)
    taken = [o for o in of.taken if not o.withdrawn and o.start < end and start < o.end]
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
        "asOf": _instant(min(each.as_of for each in covers)) if covers else None,
        "sources": sorted(used),
    }
    return Found(wire, free)


def _hours(
    of: Instrument, sources: dict[str, Registered], window: Part
) -> tuple[Parts, Parts, set[str]]:
    """Return when it is open, when that is not stated, and who stated what was used."""
    speaker, said = spoken(of.hours, sources)
    by_day = {each.weekday: each.periods for each in said}
    opening: Parts = []
    unstated: Parts = []
    used: set[str] = set()
    for day in _days(window):
        midnight = int(datetime(day.year, day.month, day.day, tzinfo=LOCAL).timestamp())
        if day.weekday() in by_day:
            assert speaker is not None
            used.add(speaker)
            opening += [(midnight + a * 60, midnight + b * 60) for a, b in by_day[day.weekday()]]
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
