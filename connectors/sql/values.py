"""Values of a database as a row holds them: text, whole numbers, `Decimal`, bool, lists, objects.

- A moment becomes text with an offset; one without a zone is of the zone that the adapter declares,
  and is refused where it declares none. A day is `YYYY-MM-DD`.
- A zero date of MySQL (`0000-00-00`) is nothing; one without month or day stays as it is written.
- A number with a point is a `Decimal`, also one that is kept as a float; NaN and infinity are
  refused.
- CHAR is given back without the blanks that fill it.
- Bytes, and whatever else has no agreed meaning, are refused: the view says what is meant by CAST.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum, auto
from ipaddress import IPv4Address, IPv4Interface, IPv6Address, IPv6Interface
from typing import Any, TypeAlias
from uuid import UUID
from zoneinfo import ZoneInfo

from connectors.errors import PayloadError

__all__ = ["SqlKind", "UnfitError", "Values", "bound", "kept", "line_of", "taken_up"]


class SqlKind(Enum):
    """What a column's type says that its values do not."""

    AWARE = auto()
    """A moment: TIMESTAMP WITH TIME ZONE; TIMESTAMP of MySQL, which is asked for in UTC."""
    NAIVE = auto()
    """A moment without a zone: TIMESTAMP of PostgreSQL, DATETIME of MySQL."""
    DAY = auto()
    CLOCK = auto()
    """A time of the day; MySQL gives it as a span."""
    PADDED = auto()
    """CHAR, which is filled with blanks."""
    JSON = auto()
    """JSON that comes as text."""
    BYTES = auto()
    OTHER = auto()


Convert: TypeAlias = Callable[[Any], Any]
TEXTUAL = (UUID, IPv4Address, IPv6Address, IPv4Interface, IPv6Interface)
ZERO_DATE = "0000-00-00"
DAY = timedelta(days=1)
MIDNIGHT = datetime(2000, 1, 1)  # noqa: DTZ001 - only its time of the day counts
YES = frozenset({1, "1", b"\x01", "Y", "y", "t", "T"})
NO = frozenset({0, "0", b"\x00", "N", "n", "f", "F"})


class UnfitError(ValueError):
    """A value that has no agreed meaning, in words."""


@dataclass(frozen=True, kw_only=True)
class Values:
    """Converts the rows of one view."""

    source: str
    place: str
    zone: ZoneInfo | None
    kinds: Mapping[str, SqlKind]
    flags: frozenset[str]
    """Columns that say yes or no: tinyint(1), bit(1), Y and N."""
    json: frozenset[str]
    """Columns of text that hold JSON."""
    text_encoding: str | None
    """In which texts come as bytes: where what they hold is not what they are declared as."""

    def row(self, names: Sequence[str], values: Sequence[Any], number: int) -> dict[str, Any]:
        """Return a row; `PayloadError` names the column of a value that cannot be taken."""
        made = {}
        for name, value in zip(names, values, strict=True):
            try:
                made[name] = self._value(name, value)
            except UnfitError as error:
                raise PayloadError(
                    self.source,
                    f"{self.place}: row {number}, column {name}: {error}",
                    hint="have the view CAST it to what is meant, or leave the column out",
                ) from None
            except UnicodeError:
                raise PayloadError(
                    self.source,
                    f"{self.place}: row {number}, column {name}: it is not {self.text_encoding}",
                    hint="correct text_encoding in [sql]",
                ) from None
        return made

    def _value(self, name: str, value: Any) -> Any:
        if value is None:
            return None
        if name in self.flags:
            return _flag(value)
        kind = self.kinds[name]
        if isinstance(value, bytes | bytearray | memoryview):
            if self.text_encoding is None or kind is SqlKind.BYTES:
                raise UnfitError("bytes have no agreed meaning")
            value = bytes(value).decode(self.text_encoding)
        if isinstance(value, str):
            return self._text(name, kind, value)
        if isinstance(value, datetime):
            return self._moment(kind, value)
        if kind is SqlKind.CLOCK and isinstance(value, timedelta):
            return _clock(value)
        return _plain(value)

    def _text(self, name: str, kind: SqlKind, value: str) -> Any:
        if kind in (
            SqlKind.AWARE,
            SqlKind.NAIVE,
            SqlKind.DAY,
        ):  # MySQL gives what is no date as text
            return None if value.startswith(ZERO_DATE) else value
        if kind is SqlKind.JSON or name in self.json:
            return _json(value)
        return value.rstrip(" ") if kind is SqlKind.PADDED else value

    def _moment(self, kind: SqlKind, value: datetime) -> str:
        if value.tzinfo is not None:
            return value.astimezone(UTC).isoformat()
        if kind is SqlKind.AWARE:
            return value.replace(tzinfo=UTC).isoformat()
        if self.zone is None:
            raise UnfitError("it has no zone, and the adapter declares none")
        return value.replace(tzinfo=self.zone).isoformat()


def _flag(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    try:
        if value in YES or value in NO:
            return value in YES
    except TypeError:
        pass
    raise UnfitError("it is neither yes nor no")


def _clock(value: timedelta) -> str:
    if not timedelta(0) <= value < DAY:
        raise UnfitError("it is a span of time and no time of the day")
    return (MIDNIGHT + value).time().isoformat()


def _json(text: str) -> Any:
    try:
        return json.loads(text, parse_float=Decimal, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise UnfitError("it is not JSON") from error


def _no_number(word: str) -> Any:
    raise ValueError(word)


def _plain(value: Any) -> Any:
    if isinstance(value, bool | int | str) or value is None:
        return value
    if isinstance(value, float):
        value = Decimal(repr(value))
    if isinstance(value, Decimal):
        if not value.is_finite():
            raise UnfitError("it is not a number")
        return value
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, TEXTUAL):
        return str(value)
    if isinstance(value, list | tuple | dict):
        return _nested(value)
    raise UnfitError(f"values of type {type(value).__name__} have no agreed meaning")


def _nested(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(name): _plain(each) for name, each in value.items()}
    if any(isinstance(each, datetime) and each.tzinfo is None for each in value):
        raise UnfitError("a list of moments without a zone has no agreed meaning")
    moments = (each.isoformat() if isinstance(each, datetime) else each for each in value)
    return [_plain(each) for each in moments]


def line_of(values: Sequence[Any]) -> bytes:
    """Return a row as a line of JSON: what the digest of a document is made of."""
    return json.dumps(list(values), ensure_ascii=False, default=str).encode(
        "utf-8", "surrogatepass"
    )


# Where a list goes on


def kept(value: Any) -> Any:
    """Return a value of an order column as JSON, from which `taken_up` makes it again."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        for name, kind in KEPT.items():
            if isinstance(value, kind):
                return [name, str(value) if kind in (Decimal, UUID) else value.isoformat()]
        raise UnfitError(f"a column of type {type(value).__name__} gives no order to go by")
    return value


KEPT: Mapping[str, Any] = {"moment": datetime, "day": date, "number": Decimal, "uuid": UUID}
_AGAIN: Mapping[str, Convert] = {
    "moment": datetime.fromisoformat,
    "day": date.fromisoformat,
    "number": Decimal,
    "uuid": UUID,
}


def taken_up(wire: Any) -> Any:
    """Return what `kept` kept; `ValueError` for anything else."""
    if isinstance(wire, int | str):
        return wire
    try:
        name, text = wire
        return _AGAIN[name](text)
    except (TypeError, KeyError, ArithmeticError) as error:
        raise ValueError(wire) from error


def bound(instant: datetime, kind: SqlKind, zone: ZoneInfo | None, *, in_utc: bool) -> Any:
    """Return an instant as a column of time is compared with it; `UnfitError` where it cannot be.

    `in_utc`: whether moments with a zone are compared as moments of UTC without one, as in MySQL.
    """
    if kind is SqlKind.AWARE:
        return instant.astimezone(UTC).replace(tzinfo=None) if in_utc else instant
    if kind not in (SqlKind.NAIVE, SqlKind.DAY):
        raise UnfitError("a column that holds no time cannot be asked for a part")
    if zone is None:
        raise UnfitError("it has no zone, and the adapter declares none")
    local = instant.astimezone(zone).replace(tzinfo=None)
    return local if kind is SqlKind.NAIVE else local.date()
