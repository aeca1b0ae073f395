"""Dates and times in the form that a mapping states, or in those that the standard reads anyway.

A form is written the way a spreadsheet shows it: `YYYY-MM-DD HH:mm`, `D/M/YYYY`, `YYYY年M月D日`.
Month `M`, day `D`, hour `H`, minute `m`, second `s`; a doubled letter wants two digits. `Z` is an
offset or the letter itself; an offset that stands in the form counts as well. `excel` is the day
number of a spreadsheet, `unix` and `unix ms` count from 1970.

- A local time that a change of the clocks skips or repeats is refused and not guessed.
- A date given as a month stays a month.
- The day of a moment is its day in the zone of the file; 24:00:00 is the midnight that follows.
- A day of a workbook, where a moment is wanted, is its first: programs write midnight so.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from decimal import Decimal
from functools import cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from adapters.mapping.errors import CellError
from adapters.mapping.table import Cell, text_of
from schema.dates import (
    EARLIEST_UNIX,
    EARLIEST_YEAR,
    HOURS_OF_DAY,
    LATEST_UNIX,
    LATEST_YEAR,
    SHANGHAI,
    ZONE,
    DateError,
    format_instant,
    offset_of,
    parse_instant,
    parse_partial_date,
)

EXCEL, UNIX, UNIX_MS = "excel", "unix", "unix ms"
COUNTED = (EXCEL, UNIX, UNIX_MS)
EPOCH_1900 = datetime(1899, 12, 30)  # noqa: DTZ001 - a day number has no zone
DAYS_1904 = 1462
"""Days between the two epochs of spreadsheets."""
SERIAL_MAX = 200_000
READ_ANYWAY = "应写作 2026-11-02 或 2026-11-02 09:00"
CENTURY_TURN = 70
"""Two-digit years from here on are of the last century."""

_TOKENS: Mapping[str, str] = {
    "YYYY": r"(?P<year>[0-9]{4})",
    "YY": r"(?P<short>[0-9]{2})",
    "MM": r"(?P<month>[0-9]{2})",
    "M": r"(?P<month>[0-9]{1,2})",
    "DD": r"(?P<day>[0-9]{2})",
    "D": r"(?P<day>[0-9]{1,2})",
    "HH": r"(?P<hour>[0-9]{2})",
    "H": r"(?P<hour>[0-9]{1,2})",
    "mm": r"(?P<minute>[0-9]{2})",
    "m": r"(?P<minute>[0-9]{1,2})",
    "ss": r"(?P<second>[0-9]{2})",
    "s": r"(?P<second>[0-9]{1,2})",
}
_ZONE_OF_FORM = re.compile(rf"(?<=[smH]) ?({ZONE})$")
_TOKEN = re.compile("|".join(sorted(_TOKENS, key=len, reverse=True)))
_CLOCKLESS = re.compile(r"(.{4,11}?)[T ][0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]{1,9})?)?")
_FRACTION = re.compile(r"(:[0-9]{2})\.[0-9]{1,9}")


@cache
def form(text: str) -> re.Pattern[str] | None:
    """Return the pattern of a stated form, or None when it is not one."""
    pattern, at, seen = "", 0, set()
    zone = _ZONE_OF_FORM.search(text)
    text = text[: zone.start()] if zone else text
    for token in _TOKEN.finditer(text):
        pattern += re.escape(text[at : token.start()]) + _TOKENS[token.group()]
        at = token.end()
        kind = token.group()[0]
        if kind in seen:
            return None
        seen.add(kind)
    pattern += re.escape(text[at:])
    if zone:
        accepted = ZONE if zone[1] == "Z" else re.escape(zone[1])
        pattern += f" ?(?P<zone>{accepted})"
    if re.search(r"[A-Za-z]", _TOKEN.sub("", text).replace("T", "", 1)):
        return None
    return re.compile(pattern) if "Y" in seen else None


def zone_of(name: str | None) -> tzinfo:
    """Return a zone by IANA name or offset (`+08:00`); none is Asia/Shanghai. Raises ValueError."""
    if name is None or name == "Asia/Shanghai":
        return SHANGHAI
    offset = re.fullmatch(r"([+-])([01][0-9]):([0-5][0-9])", name)
    if offset:
        passed = timedelta(hours=int(offset[2]), minutes=int(offset[3]))
        return timezone(passed if offset[1] == "+" else -passed)
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ValueError(name) from error


def instant(cell: Cell, stated: str | None, zone: tzinfo, *, from_1904: bool = False) -> str:
    """Return a moment in the form of the standard. Raises `CellError`."""
    if isinstance(cell, datetime):
        return _utc(cell, zone)
    if isinstance(cell, date):
        return _utc(datetime.combine(cell, time()), zone)
    text = text_of(cell)
    if stated is not None:
        return _utc(_stated(text, stated, from_1904=from_1904), zone)
    try:
        moment = parse_instant(text)
    except DateError as error:
        raise _no_date(text, str(error)) from error
    if not moment.assumed_zone:
        return format_instant(moment.at)
    # The standard took Asia/Shanghai; take that back and use the zone of the file.
    return _utc(moment.at.astimezone(SHANGHAI).replace(tzinfo=None), zone)


_MONTH_OR_TENTH = re.compile(r"[12][0-9]{3}\.1")
"""A year and a month as a number: 2024.10 is 2024.1 for a spreadsheet."""


def day(
    cell: Cell, stated: str | None, zone: tzinfo, *, partial: bool, from_1904: bool = False
) -> str:
    """Return a date, or a month or year where the item may be one. Raises `CellError`."""
    if isinstance(cell, date):
        _check_year(cell)
        return cell.date().isoformat() if isinstance(cell, datetime) else cell.isoformat()
    text = text_of(cell)
    if stated is not None:
        return _stated_day(text, stated, zone, from_1904=from_1904)
    text = unicodedata.normalize("NFKC", text)
    if _MONTH_OR_TENTH.fullmatch(text):
        raise CellError(
            "DATE_AMBIGUOUS",
            f"“{text}”可能是 1 月，也可能是被电子表格去掉末尾 0 的 10 月；请写作 {text[:4]}-01 或 "
            f"{text[:4]}-10",
            f"{text!r} may be January, or October without the 0 that a spreadsheet drops: write "
            f"{text[:4]}-01 or {text[:4]}-10",
        )
    clock = _CLOCKLESS.fullmatch(text)
    try:
        if clock is None and len(text) > len("YYYY-MM-DD"):
            moment = parse_instant(text)  # it says its offset
            if not moment.assumed_zone:
                return moment.at.astimezone(zone).date().isoformat()
    except DateError:
        pass
    try:
        date_text = parse_partial_date(clock[1] if clock else text).text
    except DateError as error:
        raise _no_date(text, str(error)) from error
    if len(date_text) < len("YYYY-MM-DD") and not partial:
        raise CellError(
            "DAY_MISSING", f"“{text}”没有具体日期", f"{text!r} names no day; write YYYY-MM-DD"
        )
    return date_text


def hours_between(start: Cell, end: Cell, stated: str | None, zone: tzinfo) -> Decimal:
    """Return the hours from one moment to another. Raises `CellError`."""
    first = datetime.fromisoformat(instant(start, stated, zone))
    last = datetime.fromisoformat(instant(end, stated, zone))
    if last < first:
        raise CellError("TIMES_REVERSED", "结束时间早于开始时间", "the end lies before the start")
    return Decimal(int((last - first).total_seconds())) / 3600


def _stated_day(text: str, stated: str, zone: tzinfo, *, from_1904: bool) -> str:
    at = _stated(text, stated, from_1904=from_1904)
    if at.tzinfo is not None:
        at = at.astimezone(zone)
    _check_year(at)
    read = at.date().isoformat()
    if "D" in stated or stated in COUNTED:
        return read
    return read[:7] if "M" in stated else read[:4]


def _stated(text: str, stated: str, *, from_1904: bool) -> datetime:
    """Read a text in the stated form; the answer has a zone only where the form fixes one."""
    if stated in COUNTED:
        return _counted(text, stated, from_1904=from_1904)
    pattern = form(stated)
    assert pattern is not None, "parse has refused forms that are none"
    match = pattern.fullmatch(_FRACTION.sub(r"\1", text))
    if match is None:
        raise _no_date(text, f"write it as {stated}", f"应写作 {stated}")
    parts = match.groupdict()
    year = int(parts["year"]) if "year" in parts else _century(int(parts["short"]))
    clock = [int(parts.get(name) or 0) for name in ("hour", "minute", "second")]
    is_midnight_after = clock == [HOURS_OF_DAY, 0, 0]
    try:
        at = datetime.combine(
            date(year, int(parts.get("month") or 1), int(parts.get("day") or 1)),
            time() if is_midnight_after else time(clock[0], clock[1], clock[2]),
            tzinfo=offset_of(parts["zone"]) if parts.get("zone") else None,
        )
        return at + timedelta(days=1) if is_midnight_after else at
    except (ValueError, OverflowError) as error:
        raise _no_date(text, f"write it as {stated}", f"应写作 {stated}") from error


def _century(short: int) -> int:
    return (1900 if short >= CENTURY_TURN else 2000) + short


def _counted(text: str, stated: str, *, from_1904: bool) -> datetime:
    try:
        number = Decimal(text)
    except ArithmeticError as error:
        raise _no_date(text, f"a number ({stated}) is expected", f"应为数字（{stated}）") from error
    if stated == EXCEL:
        if not 0 < number < SERIAL_MAX:
            raise _no_date(
                text, "a day number of a spreadsheet is expected", "应为电子表格的日期序号"
            )
        days = number + (DAYS_1904 if from_1904 else 0)
        return EPOCH_1900 + timedelta(seconds=int((days * 86_400).to_integral_value()))
    seconds = int(number / 1000) if stated == UNIX_MS else int(number)
    if not EARLIEST_UNIX <= seconds <= LATEST_UNIX:
        raise _no_date(text, "a time between 1990 and 2100 is expected", "应在 1990 至 2100 年之间")
    return datetime.fromtimestamp(seconds, UTC)


def _utc(at: datetime, zone: tzinfo) -> str:
    _check_year(at)
    if at.tzinfo is not None:
        return format_instant(at)
    placed = at.replace(tzinfo=zone)
    if placed.utcoffset() != placed.replace(fold=1).utcoffset():
        raise CellError(
            "TIME_AMBIGUOUS",
            f"{at} 正值该时区夏令时切换，请写明时差，例如 +01:00",
            f"{at} falls into a change of the clocks there; write it with its offset, e.g. +01:00",
        )
    return format_instant(placed)


def _check_year(at: date) -> None:
    """Refuse years that no record can be of: they are mistyped, or an empty date cell."""
    if not EARLIEST_YEAR <= at.year <= LATEST_YEAR:
        raise _no_date(
            at.isoformat(),
            f"a year between {EARLIEST_YEAR} and {LATEST_YEAR} is expected",
            f"年份应在 {EARLIEST_YEAR} 至 {LATEST_YEAR} 之间",
        )


def _no_date(text: str, hint: str, zh: str = READ_ANYWAY) -> CellError:
    return CellError("DATE_UNREADABLE", f"“{text}”不是可识别的日期或时间；{zh}", hint)
