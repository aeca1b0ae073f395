"""`scalars`: the scalar types of the interface.

- Output is the wire text of the standard, unchanged. Input is checked and converted to that text,
  so that every value in a statement is plain text with an explicit cast.
- Instants carry an offset; decimals never become binary floating point.
- Bounds are those of the standard: every value that a record may hold can be used in a filter.

RFC 3339; ISO 8601-1 (GB/T 7408.1).
"""

from __future__ import annotations

import re
import sys
from datetime import datetime
from decimal import Decimal as Number
from typing import Any, NewType

import strawberry
from graphql import GraphQLError
from strawberry.types.scalar import ScalarDefinition

from hub.query.plan.freshness import duration_s
from hub.query.plan.limits import STALENESS_DAYS_MAX, VALUE_SHOWN_MAX
from schema.dates import (
    EARLIEST_YEAR,
    GREATEST_OFFSET,
    LATEST_YEAR,
    DateError,
    format_instant,
    is_date,
    is_instant,
    parse_instant,
    parse_partial_date,
)
from schema.numbers import DECIMAL, DECIMALS_MAX, WHOLE_DIGITS_MAX, is_integer


class NumberText(str):
    """A number with a point or an exponent as it was written, so that a Decimal loses no digit."""

    __slots__ = ()


DateTime = NewType("DateTime", str)
Date = NewType("Date", str)
PartialDate = NewType("PartialDate", str)
Decimal = NewType("Decimal", str)
SafeInt = NewType("SafeInt", int)
Duration = NewType("Duration", str)
Row = NewType("Row", dict)  # type: ignore[type-arg]
JsonObject = NewType("JsonObject", dict)  # type: ignore[type-arg]

_WIRE_INSTANT = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,6})?(Z|[+-]\d{2}:\d{2})")
_FLOAT_DIGITS = sys.float_info.dig
"""Decimal digits that binary floating point keeps exactly; longer numbers may be changed by it."""


def _same(value: Any) -> Any:
    return value


def _refused(kind: str, value: Any) -> GraphQLError:
    """Return the refusal of a value; `hub.query.plan.wording` says what would be right."""
    return GraphQLError(f"{kind} cannot represent value: {str(value)[: VALUE_SHOWN_MAX + 1]}")


def _instant(value: Any) -> str:
    if not isinstance(value, str) or not _WIRE_INSTANT.fullmatch(value):
        raise _refused("DateTime", value)
    try:
        at = datetime.fromisoformat(value)  # what it does not read may still be 24:00
    except ValueError:
        at = None
    try:
        if at is None or not EARLIEST_YEAR <= at.year <= LATEST_YEAR or _is_far(at):
            at = parse_instant(value).at
        text = format_instant(at)
    except DateError as error:
        raise _refused("DateTime", value) from error
    if not is_instant(text):
        raise _refused("DateTime", value)
    # The standard's instants have whole seconds; what is asked for may lie between two.
    return f"{text[:-1]}.{at.microsecond:06}Z" if at.microsecond else text


def _is_far(at: datetime) -> bool:
    offset = at.utcoffset()
    return offset is None or abs(offset) > GREATEST_OFFSET


def _date(value: Any) -> str:
    if not isinstance(value, str) or not is_date(value):
        raise _refused("Date", value)
    return value


def _partial_date(value: Any) -> str:
    try:
        return str(parse_partial_date(value if isinstance(value, str) else ""))
    except DateError as error:
        raise _refused("PartialDate", value) from error


def _duration(value: Any) -> str:
    try:
        duration_s(value if isinstance(value, str) else "")
    except ValueError as error:
        raise _refused("Duration", value) from error
    return str(value)


def _decimal(value: Any) -> str:
    text = str(value) if isinstance(value, str | int | float) else ""
    if isinstance(value, float):  # a small one is written without an exponent
        text = format(Number(text), "f")
    if isinstance(value, bool) or not DECIMAL.fullmatch(text):
        raise _refused("Decimal", value)
    if isinstance(value, float) and sum(map(str.isdigit, text)) > _FLOAT_DIGITS:
        raise _refused("Decimal", value)
    return text


def _safe_int(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not is_integer(value):
        raise _refused("SafeInt", value)
    return value


def _row(value: Any) -> Any:
    if not isinstance(value, dict):
        raise _refused("Row", value)
    return _numbered(value)


def _object(value: Any) -> Any:
    if not isinstance(value, dict):
        raise _refused("JsonObject", value)
    return value


def _numbered(value: Any) -> Any:
    """Return a JSON value with its numbers as floats; intake decides which items may be numbers."""
    if isinstance(value, NumberText):
        return float(value)
    if isinstance(value, dict):
        return {name: _numbered(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_numbered(each) for each in value]
    return value


SCALARS: dict[object, ScalarDefinition] = {
    DateTime: strawberry.scalar(
        name="DateTime",
        description="带时区的时刻，以 UTC 返回。An instant with its offset, answered in UTC.",
        specified_by_url="https://www.rfc-editor.org/rfc/rfc3339",
        serialize=_same,
        parse_value=_instant,
    ),
    Date: strawberry.scalar(
        name="Date",
        description="日期 YYYY-MM-DD。A calendar day.",
        specified_by_url="https://www.rfc-editor.org/rfc/rfc3339#section-5.6",
        serialize=_same,
        parse_value=_date,
    ),
    PartialDate: strawberry.scalar(
        name="PartialDate",
        description="精确到年、月或日的日期。A year, a month or a day, as precise as was stated.",
        specified_by_url="https://www.loc.gov/standards/datetime/",
        serialize=_same,
        parse_value=_partial_date,
    ),
    Decimal: strawberry.scalar(
        name="Decimal",
        description=(
            f"十进制数，以文本传输，小数点前至多 {WHOLE_DIGITS_MAX} 位，后至多 {DECIMALS_MAX} 位。"
            f"A decimal number, as text: never binary floating point; at most {WHOLE_DIGITS_MAX} "
            f"digits before the point, {DECIMALS_MAX} behind."
        ),
        specified_by_url="https://speleotrove.com/decimal/daconvs.html",
        serialize=_same,
        parse_value=_decimal,
    ),
    SafeInt: strawberry.scalar(
        name="SafeInt",
        description="绝对值小于 2^53 的整数。A whole number below 2^53, as a JSON number.",
        specified_by_url="https://www.rfc-editor.org/rfc/rfc8785#section-3.2.2.3",
        serialize=_same,
        parse_value=_safe_int,
    ),
    Duration: strawberry.scalar(
        name="Duration",
        description=(
            f"时长，如 PT30S、PT5M、P1D，至多 P{STALENESS_DAYS_MAX}D。"
            "A length of time in days, hours, minutes and seconds."
        ),
        specified_by_url="https://www.rfc-editor.org/rfc/rfc3339#appendix-A",
        serialize=_same,
        parse_value=_duration,
    ),
    Row: strawberry.scalar(
        name="Row",
        description=(
            '原始数据行：{"type","record","jws"?} 或 {"type","withdraw","jws"?}。'
            "A row as it is pushed, before it is checked."
        ),
        specified_by_url="https://www.rfc-editor.org/rfc/rfc8259",
        serialize=_same,
        parse_value=_row,
    ),
    JsonObject: strawberry.scalar(
        name="JsonObject",
        description="JSON 对象，如查询的变量。A JSON object, such as the variables of a document.",
        specified_by_url="https://www.rfc-editor.org/rfc/rfc8259#section-4",
        serialize=_same,
        parse_value=_object,
    ),
}
"""Scalars of the interface by the Python name they are declared with."""
