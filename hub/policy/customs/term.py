"""`term`: how long an instrument is under supervision, and which reports that asks for; pure."""

from __future__ import annotations

from calendar import monthrange
from datetime import date, datetime, timedelta

from hub.policy.bounds import Missing, known
from hub.policy.customs.facts import CustomsFacts
from hub.policy.law import LawOnDay
from hub.policy.working_days import years_after
from schema.codes import CustomsGoodsKind
from schema.dates import SHANGHAI

REPORTS_MAX = 40
"""Years of reports that are looked at."""
_CLAMPED_DAYS = 3
"""Days by which an anniversary backwards may miss the first such release: a clamped 29 February."""
_TERMS = {
    CustomsGoodsKind.OTHER: "customs.term_other",
    CustomsGoodsKind.MOTOR_VEHICLE: "customs.term_motor_vehicle",
    CustomsGoodsKind.VESSEL_AIRCRAFT: "customs.term_vessel_aircraft",
}


def term_years(kind: CustomsGoodsKind, law: LawOnDay) -> int:
    """Return the years of supervision of a kind of goods; LackingError without a value in force."""
    return int(known(law.number(_TERMS[kind])))


def last_day(kind: CustomsGoodsKind, released_on: date, law: LawOnDay) -> date:
    """Return the last day under supervision of goods that were released on a day.

    LackingError where the law states no term.
    """
    anniversary = years_after(released_on, term_years(kind, law))
    is_day_before = known(law.word("customs.last_day")) == "DAY_BEFORE"
    return anniversary - timedelta(days=1) if is_day_before else anniversary


def first_release_in_term(kind: CustomsGoodsKind, on: date, law: LawOnDay) -> date:
    """Return the earliest day of release of goods that are under supervision on a day.

    LackingError where the law states no term.
    """
    day = years_after(on, -term_years(kind, law)) - timedelta(days=_CLAMPED_DAYS)
    while last_day(kind, day, law) < on:
        day += timedelta(days=1)
    return day


def is_over(facts: CustomsFacts, day: date, law: LawOnDay) -> bool:
    """Whether supervision has run out on a day, as far as kind and release are known.

    Goods are released on the day they arrive or before: where only the arrival is known, a day
    after the term that would run from it is free for certain. LackingError where it may be either.
    """
    kinds = list(CustomsGoodsKind) if isinstance(facts.kind, Missing) else [facts.kind]
    is_exact = not isinstance(facts.released_on, Missing)
    if not is_exact and isinstance(facts.arrived_on, Missing):
        known(facts.released_on)
    began = known(facts.released_on if is_exact else facts.arrived_on)
    ends = [last_day(kind, began, law) for kind in kinds]
    if day > max(ends):
        return True
    if is_exact and day <= min(ends):
        return False
    return known(facts.kind if is_exact else facts.released_on) is None


def end_of_term(facts: CustomsFacts, law: LawOnDay) -> date:
    """Return the last day under supervision; LackingError where kind or release are missing."""
    return last_day(known(facts.kind), known(facts.released_on), law)


def reports_due(released_on: date, last: date, law: LawOnDay) -> list[tuple[int, date]]:
    """Return year and last day of each report that supervision asks for."""
    month, day = (int(known(law.number(f"customs.report_{part}"))) for part in ("month", "day"))
    begin = released_on.year + int(known(law.number("customs.report_first_year")))
    days = [
        (year, date(year, month, min(day, monthrange(year, month)[1])))
        for year in range(begin, min(last.year, begin + REPORTS_MAX) + 1)
    ]
    return [(year, due) for year, due in days if released_on <= due <= last]


def overdue_reports(facts: CustomsFacts, day: date, law: LawOnDay) -> tuple[int, ...]:
    """Return the years whose report was due before a day and is not filed by it."""
    last = end_of_term(facts, law)
    filed = {year: _day(at) for year, at in known(facts.reports)}
    return tuple(
        year
        for year, due in reports_due(known(facts.released_on), last, law)
        if due < day and filed.get(year, date.max) > day
    )


def _day(at: datetime) -> date:
    return at.astimezone(SHANGHAI).date()
