"""`working_days`: working days of mainland China, as the State Council announced them; pure.

- One file a year in `calendar/`, with the papers that it follows. Days that it does not name follow
  the week: Monday to Friday are working days.
- A year without a file has no paper yet: its fixed holidays are taken and whatever is counted over
  it is provisional, and never proves a breach.

Counting as in the Civil Code, articles 201 to 203: the first day is not counted; a month ends on
the day of the same number, or on the month's last; a period that ends on a day off ends on the next
working day.
"""

from __future__ import annotations

import calendar
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from pathlib import Path

FOLDER = Path(__file__).with_name("calendar")
FIXED_HOLIDAYS = frozenset({(1, 1), (5, 1), (5, 2), (10, 1), (10, 2), (10, 3)})
"""Holidays of fixed date in the State Council's order on holidays of 2024; the others move."""
SATURDAY = 5
COUNTED_MAX = 10_000
"""Most working days that are counted at once."""
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Year:
    """The days of one year that differ from the week, and the papers that say so."""

    papers: tuple[str, ...]
    off: frozenset[date]
    work: frozenset[date]


@dataclass(frozen=True, slots=True)
class Counted:
    """A day that was counted to. `provisional`: over a year that has no paper yet."""

    day: date
    provisional: bool


@dataclass(frozen=True, slots=True)
class WorkingDays:
    """The working days of the years that have a paper."""

    years: Mapping[int, Year]

    def is_working_day(self, day: date) -> bool:
        """Whether people work on a day, as far as is known."""
        year = self.years.get(day.year)
        is_weekday = day.weekday() < SATURDAY
        if year is None:
            return is_weekday and (day.month, day.day) not in FIXED_HOLIDAYS
        return day in year.work or (is_weekday and day not in year.off)

    def is_provisional(self, day: date) -> bool:
        """Whether the year of a day has no paper yet."""
        return day.year not in self.years

    def after(self, start: date, count: int) -> Counted:
        """Return the day that is `count` working days after `start`, which is not counted."""
        if not 0 < count <= COUNTED_MAX:
            raise ValueError(f"counts 1 to {COUNTED_MAX} working days")
        day, left = start, count
        while left:
            day += _DAY
            left -= self.is_working_day(day)
        return Counted(day, self.is_provisional(day))

    def at_or_after(self, day: date) -> Counted:
        """Return the day itself if people work on it, else the next working day."""
        while not self.is_working_day(day):
            day += _DAY
        return Counted(day, self.is_provisional(day))


def months_after(start: date, months: int) -> date:
    """Return the day of the same number some months later, or that month's last day."""
    year, month = divmod(start.year * 12 + start.month - 1 + months, 12)
    last = calendar.monthrange(year, month + 1)[1]
    return date(year, month + 1, min(start.day, last))


def years_after(start: date, years: int) -> date:
    """Return the anniversary; of 29 February the 28th where there is no other."""
    return months_after(start, 12 * years)


@lru_cache(maxsize=1)
def current_calendar() -> WorkingDays:
    """Return the calendar that ships with the hub."""
    return WorkingDays({int(path.stem): _read(path) for path in sorted(FOLDER.glob("*.toml"))})


def _read(path: Path) -> Year:
    stated = tomllib.loads(path.read_text("utf-8"))
    year = Year(tuple(stated["papers"]), frozenset(stated["off"]), frozenset(stated["work"]))
    assert year.papers, f"{path.name} names the paper that it follows"
    assert not year.off & year.work, f"{path.name}: a day is either off or worked"
    assert {day.year for day in year.off | year.work} == {int(path.stem)}, path.name
    return year
