"""`Row`: one source row that knows which of its fields were read.

- Take, never get: a mandatory field that is absent, a number that is none, a code outside its
  table, a field nobody read: each is a problem with path, code and words in zh and en.
- All problems of a row are found, not the first one. A reader that meets one returns a placeholder
  which never leaves, because a row with problems yields no records.
- An unknown code is always a problem; an additional field is one only where the adapter is strict.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Context as DecimalContext
from decimal import Decimal, InvalidOperation
from typing import Any, TypeVar

from connectors.document import RawRow
from schema.codes import CodeList
from schema.codes.tables import country
from schema.conform import VALUE_SHOWN_MAX
from schema.dates import (
    DateError,
    format_instant,
    local_date,
    parse_instant,
    parse_partial_date,
)
from schema.errors import Problem
from schema.numbers import DECIMALS_MAX, WHOLE_DIGITS_MAX, decimal_text

__all__ = ["Row", "decimal_text"]

C = TypeVar("C", bound=CodeList)
T = TypeVar("T")

DIGITS_KEPT = 10**15
"""From here on a number that was written as a fraction may have lost its last digits."""
PLACES_MAX = 400
"""A number of more places is written with its exponent."""
DAY_LONG = len("YYYY-MM-DD")
EPOCH = datetime.fromisoformat("2000-01-01T00:00:00+00:00")
EXACT = DecimalContext(prec=60)
"""Wide enough that converting a unit never rounds."""


class Row:
    """Strict reader of one source row."""

    def __init__(self, raw: RawRow) -> None:
        """Nothing is read yet."""
        self._raw = raw
        self._unread = set(raw)
        self._silent: set[str] = set()
        self.problems: list[Problem] = []
        self.dropped: list[str] = []
        self._parts: list[tuple[str, Row]] = []

    def _take(self, name: str) -> str:
        """Return a field as trimmed NFC text; absent, null and blank are all the empty text."""
        self._unread.discard(name)
        value = self._raw.get(name)
        if value is None:
            return ""
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, datetime | date):
            return value.isoformat()
        if isinstance(value, Decimal):
            return _number_text(value)
        if isinstance(value, dict | list):
            self.fault(name, "NOT_TEXT", "必须是单个值", "must be a single value")
            return ""
        return unicodedata.normalize("NFC", str(value)).strip()

    def fault(self, name: str, code: str, zh: str, en: str) -> None:
        """Note a problem of a field; what stands there is repeated unless it is personal."""
        value = self._raw.get(name)
        shown = None if value is None or name in self._silent else str(value)[:VALUE_SHOWN_MAX]
        self.problems.append(Problem(name, code, zh, en, shown))

    def has(self, name: str) -> bool:
        """Tell whether a field holds anything, without counting it as read."""
        value = self._raw.get(name)
        return value is not None and str(value).strip() != ""

    def value(self, name: str) -> Any:
        """Take a field as it came, for a mapping that checks it against the standard itself."""
        self._unread.discard(name)
        return self._raw.get(name)

    def text(self, name: str) -> str:
        """Take a mandatory text."""
        value = self._mandatory(name)
        self._check_digits(name)
        return value

    def optional_text(self, name: str, *, empty: tuple[str, ...] = ()) -> str | None:
        """Take a text that may be absent; `empty` lists what the source writes for nothing."""
        value = self._take(name)
        self._check_digits(name)
        return None if not value or value in empty else value

    def integer(self, name: str) -> int:
        """Take a mandatory whole number."""
        number = self._number(name)
        if number != number.to_integral_value():
            self.fault(name, "NOT_INTEGER", "必须是整数", "must be a whole number")
            return 0
        return int(number)

    def optional_integer(self, name: str) -> int | None:
        """Take a whole number that may be absent."""
        return self.integer(name) if self._present(name) else None

    def decimal(self, name: str, *, times: int = 1) -> str:
        """Take a mandatory number exactly, in the unit of the standard (`times` converts)."""
        return decimal_text(EXACT.multiply(self._number(name), Decimal(times)))

    def optional_decimal(self, name: str, *, times: int = 1) -> str | None:
        """Take a number that may be absent."""
        return self.decimal(name, times=times) if self._present(name) else None

    def flag(self, name: str, yes: str, no: str) -> bool | None:
        """Take a yes or no in the words of the source; None where it is absent."""
        value = self._take(name)
        if value in (yes, no):
            return value == yes
        if value:
            self._unknown(name, (yes, no))
        return None

    def code(self, name: str, table: Mapping[str, C]) -> C:
        """Take a mandatory code through the adapter's own table."""
        value = self.text(name)
        if value in table:
            return table[value]
        if value:
            self._unknown(name, table)
        return next(iter(table.values()))

    def optional_code(self, name: str, table: Mapping[str, C]) -> C | None:
        """Take a code that may be absent; an unknown one is a problem all the same."""
        return self.code(name, table) if self._present(name) else None

    def codes(self, name: str, table: Mapping[str, T]) -> list[T]:
        """Take several codes in one text, separated by comma or enumeration mark."""
        members = []
        for part in self.list_of(name):
            if part in table:
                members.append(table[part])
            else:
                self._unknown(name, table)
        return members

    def list_of(self, name: str) -> list[str]:
        """Take a text with several members."""
        text = self._take(name)
        for mark in "，、;；":
            text = text.replace(mark, ",")
        return [part.strip() for part in text.split(",") if part.strip()]

    def each(self, name: str) -> list[str]:
        """Take a list of single values, each as text; absent and null are the empty list."""
        value = self._raw.get(name)
        self._unread.discard(name)
        if value is None:
            return []
        if not isinstance(value, list) or any(isinstance(one, dict | list) for one in value):
            self.fault(name, "NOT_LIST", "必须是单个值的列表", "must be a list of single values")
            return []
        return [str(one).strip() for one in value if one is not None]

    def instant(self, name: str) -> str:
        """Take a mandatory moment, in UTC; without an offset it is Asia/Shanghai."""
        return format_instant(self._moment(name, self.text(name)))

    def optional_instant(self, name: str) -> str | None:
        """Take a moment that may be absent."""
        return self.instant(name) if self._present(name) else None

    def optional_day(self, name: str) -> str | None:
        """Take a date of any precision that may be absent; a month stays a month."""
        value = self._take(name)
        if not value:
            return None
        try:
            return _day(value)
        except DateError as error:
            self.fault(name, error.code, "日期无法识别", str(error))
            return None

    def optional_country(self, name: str) -> str | None:
        """Take a country by Chinese name, two letters, three letters or number."""
        value = self._take(name)
        if not value or value == "000":
            return None
        known = country(value)
        if known is None:
            self.fault(name, "COUNTRY_UNKNOWN", "没有这个国家或地区", "is no country or region")
            return None
        return known.alpha3

    def read(self, name: str, reader: Callable[[str], T], words: tuple[str, str]) -> T | None:
        """Take a text through a reader that raises `ValueError`; `words` say what is wanted."""
        value = self._take(name)
        if not value:
            return None
        try:
            return reader(value)
        except ValueError:
            self.fault(name, "MISSHAPEN", *words)
            return None

    def ignore(self, *names: str) -> None:
        """Declare fields out of scope."""
        self._unread.difference_update(names)

    def drop(self, *names: str) -> None:
        """Drop personal data at the border; what was really there is counted, never shown."""
        for name in names:
            self._unread.discard(name)
            self._silent.add(name)
            if self.has(name):
                self.dropped.append(name)

    def parts(self, name: str) -> list[Row]:
        """Take a list of objects, each a row of its own; `settle` tells what was wrong in them."""
        self._unread.discard(name)
        value = self._raw.get(name)
        if value is None:
            return []
        if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
            self.fault(name, "NOT_LIST", "必须是对象列表", "must be a list of objects")
            return []
        parts = [Row(one) for one in value]
        self._parts += [(f"{name}.{at}", part) for at, part in enumerate(parts)]
        return parts

    def settle(self) -> None:
        """Take over what the parts found wrong; a list with something personal is so itself."""
        for path, part in self._parts:
            part.settle()
            self.problems += [replace(one, path=f"{path}.{one.path}") for one in part.problems]
            self._unread.update(f"{path}.{name}" for name in part.unread())
            if part.dropped:
                self.drop(path.partition(".")[0])
        self._parts.clear()

    def unread(self) -> list[str]:
        """List the fields that nobody asked for: the source has changed its form."""
        return sorted(self._unread)

    def _present(self, name: str) -> bool:
        self._unread.discard(name)
        return self.has(name)

    def _check_digits(self, name: str) -> None:
        """Refuse a number as a text when whoever wrote it did not keep all its digits."""
        value = self._raw.get(name)
        if isinstance(value, float | Decimal) and not -DIGITS_KEPT < value < DIGITS_KEPT:
            self.fault(
                name,
                "DIGITS_LOST",
                "编号以小数或指数形式传输，末尾数字可能已丢失；请以文本传输",
                "is a long number that was sent as a fraction: its last digits may be lost; "
                "send it as text",
            )

    def _mandatory(self, name: str) -> str:
        text = self._take(name)
        if not text:
            self.fault(name, "MISSING", "必填项缺失", "is required")
        return text

    def _number(self, name: str) -> Decimal:
        text = self._mandatory(name)
        try:
            number = Decimal(text) if text else Decimal(0)
        except InvalidOperation:
            number = Decimal("NaN")
        exponent = number.as_tuple().exponent
        if (
            not isinstance(exponent, int)  # NaN and infinity have a letter there
            or exponent < -DECIMALS_MAX
            or number.adjusted() >= WHOLE_DIGITS_MAX  # `1e999999999` is a short text
        ):
            self.fault(name, "NOT_DECIMAL", *_NUMBER)
            return Decimal(0)
        return number

    def _moment(self, name: str, text: str) -> datetime:
        try:
            return parse_instant(text).at if text else EPOCH
        except DateError as error:
            self.fault(name, error.code, "时间无法识别", str(error))
            return EPOCH + timedelta(0)

    def _unknown(self, name: str, known: Mapping[str, object] | tuple[str, ...]) -> None:
        listed = "、".join(known)
        self.fault(
            name,
            "CODE_UNKNOWN",
            f"代码不在对照表中，已知：{listed}",
            f"is not in the code table of this source; known: {listed}",
        )


_NUMBER = (
    f"必须是数字，整数至多 {WHOLE_DIGITS_MAX} 位、小数至多 {DECIMALS_MAX} 位",
    f"must be a number of at most {WHOLE_DIGITS_MAX} digits before the point and {DECIMALS_MAX} "
    "behind",
)


def _number_text(number: Decimal) -> str:
    """Write a number as people do: 13.0 is 13; one of a far exponent stays as it is."""
    if not number.is_finite() or abs(number.adjusted()) > PLACES_MAX:
        return str(number)
    whole = number.to_integral_value()
    return format(whole if whole == number else number, "f")


def _day(text: str) -> str:
    """Return the day of a text, which may have a clock: of a moment its day in Asia/Shanghai."""
    if len(text) > DAY_LONG and text[DAY_LONG] in "T " and text[:4].isdigit():
        moment = parse_instant(text)
        return text[:DAY_LONG] if moment.assumed_zone else local_date(moment.at).isoformat()
    return parse_partial_date(text).text
