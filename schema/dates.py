"""Dates and times as sources really write them, and the one form in which the standard keeps them.

Invariants: a date given as a month stays a month; an instant is aware UTC and its original text is
kept beside it; a time without an offset from a Chinese source is Asia/Shanghai, which has been
UTC+08:00 without summer time since 1992, so a fixed offset is exact for every instrument here.
Every date of the standard, of whatever precision, is of a year from 1900 to 2099.
Nothing in this module asks for the current time. Standards: ISO 8601-1, GB/T 7408.1-2023.
"""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from enum import IntEnum
from functools import lru_cache, total_ordering

from schema.errors import StandardError

SHANGHAI = timezone(timedelta(hours=8), "Asia/Shanghai")
EARLIEST_YEAR = 1900
LATEST_YEAR = 2099  # a greater year is a mistyped one, or YYMMDD read as YYYYMM
YEAR = "(?:19|20)[0-9]{2}"
"""The years between those two, as a pattern."""
DATE = re.compile(rf"{YEAR}-[0-9]{{2}}-[0-9]{{2}}")
PARTIAL_DATE = re.compile(rf"{YEAR}(?:-[0-9]{{2}}(?:-[0-9]{{2}})?)?")
INSTANT = re.compile(rf"{YEAR}-[0-9]{{2}}-[0-9]{{2}}T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]Z")
TIME_OF_DAY = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]|24:00")
EARLIEST_UNIX = 631_152_000  # 1990-01-01T00:00:00Z: smaller numbers are durations or mistakes
LATEST_UNIX = 4_102_444_800  # 2100-01-01T00:00:00Z
LONGEST_TEXT = 64
HOURS_OF_DAY = 24
DAYS_OF_WEEK = 7
GREATEST_OFFSET = timedelta(hours=14)  # east of the date line; nothing on earth has more


class DateError(StandardError):
    """A date or time that cannot be read; `code` is stable, the text says what would be read."""

    def __init__(self, code: str, text: str, expected: str) -> None:
        """Name the text that failed and the form that is wanted."""
        self.code = code
        super().__init__(f"{text[:LONGEST_TEXT]!r} cannot be read; write {expected}")


def is_date(text: str) -> bool:
    """Whether a text is a day of the calendar, as the standard writes it."""
    return DATE.fullmatch(text) is not None and _is_iso(date, text)


def is_instant(text: str) -> bool:
    """Whether a text is a moment in UTC, as the standard writes it."""
    return INSTANT.fullmatch(text) is not None and _is_iso(datetime, text)


def _is_iso(kind: type[date], text: str) -> bool:
    try:
        kind.fromisoformat(text)
    except ValueError:
        return False
    return True


class Precision(IntEnum):
    """How exact a partial date is; the value is the count of its parts."""

    YEAR = 1
    MONTH = 2
    DAY = 3


_PARTIAL = re.compile(r"([0-9]{4})(?:-([0-9]{2})(?:-([0-9]{2}))?)?")


@total_ordering
@dataclass(frozen=True, slots=True)
class PartialDate:
    """A year, a month or a day, kept exactly as precise as it was given.

    `text` is `YYYY`, `YYYY-MM` or `YYYY-MM-DD`. Order is by first day, then the less exact first;
    `2021` == `2021-01` is False. Raises `DateError` with code DATE_INVALID.
    """

    text: str

    def __post_init__(self) -> None:
        """Refuse what is not a date of the calendar."""
        _split(self.text)

    @property
    def precision(self) -> Precision:
        """How many parts are given."""
        return Precision(self.text.count("-") + 1)

    @property
    def first_day(self) -> date:
        """The first day of the period that the text names."""
        year, month, day = _split(self.text)
        return date(year, month or 1, day or 1)

    @property
    def last_day(self) -> date:
        """The last day of the period that the text names."""
        year, month, day = _split(self.text)
        last_month = month or 12
        return date(year, last_month, day or calendar.monthrange(year, last_month)[1])

    def __lt__(self, other: object) -> bool:
        """Order by first day; of two that begin together, the less exact comes first."""
        if not isinstance(other, PartialDate):
            return NotImplemented
        return (self.first_day, self.precision) < (other.first_day, other.precision)

    def __str__(self) -> str:
        """Give the text as written."""
        return self.text


def _split(text: str) -> tuple[int, int | None, int | None]:
    """Parts of a partial date, checked against the calendar."""
    expected = f"YYYY, YYYY-MM or YYYY-MM-DD between {EARLIEST_YEAR} and {LATEST_YEAR}"
    match = _PARTIAL.fullmatch(text)
    if match is None:
        raise DateError("DATE_INVALID", text, expected)
    year = int(match[1])
    month = int(match[2]) if match[2] else None
    day = int(match[3]) if match[3] else None
    try:
        date(year, 1 if month is None else month, 1 if day is None else day)
    except ValueError as error:
        raise DateError("DATE_INVALID", text, expected) from error
    if not EARLIEST_YEAR <= year <= LATEST_YEAR:
        raise DateError("DATE_INVALID", text, expected)
    return year, month, day


_COMPACT_DATE = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})?")
_YEAR_ALONE = re.compile(r"([0-9]{4})年")
_LOOSE_DATE = re.compile(r"([0-9]{4})[-/.年]([0-9]{1,2})(?:[-/.月]([0-9]{1,2})日?|月)?")


def parse_partial_date(text: str) -> PartialDate:
    """Read a date of any precision: YYYY, YYYYMM, YYYYMMDD, YYYY-MM(-DD), 2021/3/5, 2021年3月5日.

    Raises `DateError` DATE_INVALID. `202113` is refused, not guessed at.
    """
    stripped = text.strip()[:LONGEST_TEXT]
    year_alone = _YEAR_ALONE.fullmatch(stripped)
    if year_alone is not None:
        return PartialDate(year_alone[1])
    match = _COMPACT_DATE.fullmatch(stripped) or _LOOSE_DATE.fullmatch(stripped)
    if match is None:
        return PartialDate(stripped)
    year, month, day = match.groups()
    parts = [year, month.zfill(2)] + ([day.zfill(2)] if day else [])
    try:
        return PartialDate("-".join(parts))
    except DateError as error:
        raise DateError("DATE_INVALID", text, "a day of the calendar, e.g. 2021-03-05") from error


@dataclass(frozen=True, slots=True)
class Instant:
    """A moment in UTC with the text it was read from.

    `assumed_zone` is True where the text had no offset and Asia/Shanghai was taken; `unit` is the
    smallest part that the text gave, so that an hour is not mistaken for an exact second.
    """

    at: datetime
    original: str
    assumed_zone: bool
    unit: str


ZONE = r"Z|z|UTC|GMT|[+-][0-9]{2}(?::?[0-9]{2})?"
"""How an offset is written behind a time. Letters of other zones are not read: CST is three."""
_MOMENT = re.compile(
    r"(?P<date>[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}|[0-9]{4}/[0-9]{1,2}/[0-9]{1,2}|[0-9]{8})"
    r"[T ](?P<hour>[0-9]{1,2})"
    r"(?::(?P<minute>[0-9]{2})(?::(?P<second>[0-9]{2})(?:[.,](?P<fraction>[0-9]{1,9}))?)?)?"
    rf"(?: ?(?P<zone>{ZONE}))?"
)
_UNIX = re.compile(r"[0-9]{9,10}")
_EXPECTED_INSTANT = "YYYY-MM-DDTHH:MM:SS+08:00, YYYY-MM-DD HH[:MM[:SS]] or UNIX seconds"


def parse_instant(text: str | int) -> Instant:
    """Read a moment in one of the forms in use; the answer is aware UTC plus the original text.

    Forms: ISO 8601 with offset, Z or UTC; `YYYY-MM-DD HH`, `… HH:MM`, `… HH:MM:SS` and their T and
    slash forms without offset (Asia/Shanghai); UNIX seconds. 24:00 is the next midnight. A bare
    day is no moment and is refused. Raises `DateError` INSTANT_INVALID.
    """
    original = str(text)
    stripped = original.strip()[:LONGEST_TEXT]
    if _UNIX.fullmatch(stripped):
        seconds = int(stripped)
        if not EARLIEST_UNIX <= seconds <= LATEST_UNIX:
            raise DateError("INSTANT_INVALID", original, "UNIX seconds between 1990 and 2100")
        return Instant(
            datetime.fromtimestamp(seconds, UTC), original, assumed_zone=False, unit="second"
        )
    match = _MOMENT.fullmatch(stripped)
    if match is None:
        raise DateError("INSTANT_INVALID", original, _EXPECTED_INSTANT)
    try:
        at = _moment(match)
    except (ValueError, OverflowError) as error:
        raise DateError("INSTANT_INVALID", original, _EXPECTED_INSTANT) from error
    unit = "second" if match["second"] else "minute" if match["minute"] else "hour"
    return Instant(at, original, match["zone"] is None, unit)


def _moment(match: re.Match[str]) -> datetime:
    """Put the parts together; ValueError where one is out of range."""
    day = _first_day(match["date"])
    hour, minute = int(match["hour"]), int(match["minute"] or 0)
    second = int(match["second"] or 0)
    micro = int((match["fraction"] or "0")[:6].ljust(6, "0"))
    midnight_after = hour == HOURS_OF_DAY and not (minute or second or micro)
    clock = time(0 if midnight_after else hour, minute, second, micro, tzinfo=_zone(match["zone"]))
    at = datetime.combine(day, clock) + timedelta(days=1 if midnight_after else 0)
    return at.astimezone(UTC)


@lru_cache(maxsize=4_096)
def _first_day(text: str) -> date:
    """Return the day of a moment; the rows of a table fall on few days. Raises `DateError`."""
    return parse_partial_date(text).first_day


def _zone(text: str | None) -> timezone:
    """Return the offset of a text; none means Asia/Shanghai."""
    return SHANGHAI if text is None else offset_of(text)


def offset_of(text: str) -> timezone:
    """Return the offset of a text as `ZONE` has it. Raises `ValueError`."""
    if text.upper() in ("Z", "UTC", "GMT"):
        return UTC
    digits = text[1:].replace(":", "").ljust(4, "0")
    offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    if offset > GREATEST_OFFSET:
        raise ValueError("offset out of range")
    return timezone(-offset if text[0] == "-" else offset)


_SECONDS_LONG = len("2026-11-23T09:00:00")


def format_instant(at: datetime) -> str:
    """Write an aware datetime as `YYYY-MM-DDTHH:MM:SSZ`; parts below a second are cut.

    Raises `DateError` INSTANT_NAIVE for a datetime without a zone.
    """
    if at.tzinfo is None:
        raise DateError("INSTANT_NAIVE", at.isoformat(), "a datetime with a zone")
    return at.astimezone(UTC).isoformat()[:_SECONDS_LONG] + "Z"


def minutes_of_day(text: str) -> int:
    """Minutes since local midnight of a time of day `HH:MM`, 00:00 to 24:00 (= 1440).

    Raises `DateError` TIME_OF_DAY_INVALID.
    """
    if not TIME_OF_DAY.fullmatch(text):
        raise DateError("TIME_OF_DAY_INVALID", text, "HH:MM from 00:00 to 24:00, local time")
    return int(text[:2]) * 60 + int(text[3:])


def local_day(day: date) -> tuple[datetime, datetime]:
    """First moment of a day in Asia/Shanghai and of the day after, as aware UTC: [start, end)."""
    start = datetime.combine(day, time(), tzinfo=SHANGHAI).astimezone(UTC)
    return start, start + timedelta(days=1)


def local_date(at: datetime) -> date:
    """Give the calendar day in Asia/Shanghai of a moment. Raises `DateError` INSTANT_NAIVE."""
    if at.tzinfo is None:
        raise DateError("INSTANT_NAIVE", at.isoformat(), "a datetime with a zone")
    return at.astimezone(SHANGHAI).date()


def next_weekday(now: datetime, iso_weekday: int) -> tuple[datetime, datetime]:
    """Find the next such day after today in Asia/Shanghai (1 Monday … 7 Sunday): [start, end).

    Asked on a Tuesday, the next Tuesday is the one in seven days. Raises `DateError`
    WEEKDAY_INVALID or INSTANT_NAIVE.
    """
    if not 1 <= iso_weekday <= DAYS_OF_WEEK:
        raise DateError("WEEKDAY_INVALID", str(iso_weekday), "1 (Monday) to 7 (Sunday)")
    today = local_date(now)
    ahead = (iso_weekday - today.isoweekday() - 1) % DAYS_OF_WEEK + 1
    return local_day(today + timedelta(days=ahead))
