"""A number or a date has one bound, wherever it is looked at."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

import pytest
from graphql import GraphQLError
from hypothesis import given
from hypothesis import strategies as st

from adapters._row import Row
from adapters.mapping.errors import CellError
from adapters.mapping.units import decimal_text as written
from hub.graphql.scalars import SCALARS, Date, DateTime, PartialDate, SafeInt
from hub.graphql.scalars import Decimal as DecimalScalar
from schema.canonical import canonical
from schema.conform import conform
from schema.dates import EARLIEST_YEAR, LATEST_YEAR, YEAR
from schema.errors import CanonicalError
from schema.numbers import DECIMALS_MAX, WHOLE_DIGITS_MAX, integer_of
from schema.publish import json_schema
from schema.registry import standard
from tests.unit.schema.test_conform import INSTRUMENT, SERVICE, instrument, service

LARGEST = "9" * WHOLE_DIGITS_MAX + "." + "9" * DECIMALS_MAX


def accepts(scalar: Any, value: Any) -> bool:
    try:
        parse = SCALARS[scalar].parse_value
        assert parse is not None
        parse(value)
    except GraphQLError:
        return False
    return True


def conforms(**changed: Any) -> bool:
    return conform(INSTRUMENT, instrument(**changed))[1] == []


def worth(amount: Any) -> dict[str, Any]:
    return {"originalValue": {"amount": amount, "currency": "CNY"}}


def pattern_of(*path: str) -> str:
    schema: Any = json_schema(INSTRUMENT)
    for step in path:
        schema = schema[step]
    return str(schema["pattern"])


AMOUNT = ("$defs", "Money", "properties", "amount")


@pytest.mark.parametrize(
    "text",
    [
        LARGEST,
        "0",
        "3.50",
        "1" + LARGEST,
        LARGEST + "1",
        "007",
        "1.",
        ".5",
        "1e5",
        "",
        "１",
        "0.1\n",
    ],
)
def test_what_decimal_a_record_may_hold_can_be_asked_for_and_is_published(text: str) -> None:
    held = conforms(**worth(text))
    assert accepts(DecimalScalar, text) == held
    assert bool(re.search(pattern_of(*AMOUNT), text)) == held or text.endswith("\n")


@given(st.decimals(allow_nan=False, allow_infinity=False, places=8) | st.decimals(places=2))
def test_every_decimal_that_conforms_can_be_asked_for(number: Decimal) -> None:
    text = format(number, "f")
    assert accepts(DecimalScalar, text) == conforms(**worth(text.removeprefix("-")))


def test_a_number_that_binary_floating_point_may_have_changed_is_refused() -> None:
    assert accepts(DecimalScalar, 334.65)
    assert accepts(DecimalScalar, 10**17 + 1)
    assert not accepts(DecimalScalar, 9007199254740993.0)
    assert not accepts(DecimalScalar, 0.12345678901234567)


def test_an_adapter_takes_the_decimals_that_a_record_may_hold() -> None:
    row = Row({"a": LARGEST, "b": "1" + LARGEST, "c": "0." + "0" * DECIMALS_MAX + "1"})
    assert row.decimal("a") == LARGEST
    assert row.problems == []
    row.decimal("b")
    row.decimal("c")
    assert [each.path for each in row.problems] == ["b", "c"]


def test_a_computed_number_is_cut_to_the_decimals_that_a_record_may_hold() -> None:
    assert written(Decimal("0.123456789012345")) == "0.12345679"
    assert conforms(**worth(written(Decimal("0.123456789012345"))))


@pytest.mark.parametrize("text", ["0.123456789", "0.000000000000000000001", "1234.1234567891"])
def test_of_a_number_that_somebody_wrote_no_digit_is_cut(text: str) -> None:
    with pytest.raises(CellError) as caught:
        written(Decimal(text))
    assert caught.value.code == "DECIMALS_TOO_MANY"
    assert text in caught.value.zh
    assert written(Decimal(text), 2) is not None, "the mapping says how it is to be rounded"
    assert not conforms(**worth(text)), "as it is in a push"


@pytest.mark.parametrize("number", [2**53 - 1, 2**53, -(2**53) + 1, -(2**53), 10**15, 0])
def test_an_integer_has_one_bound(number: int) -> None:
    held = conform(SERVICE, service(samplesCount=abs(number)))[1] == []
    assert accepts(SafeInt, number) == held
    assert (integer_of(str(number)) == number) == held
    try:
        canonical({"n": number})
        written_down = True
    except CanonicalError:
        written_down = False
    assert written_down == held
    published = json_schema(SERVICE)["properties"]["samplesCount"]
    assert (published["minimum"] <= abs(number) <= published["maximum"]) == held


YEARS = [1, EARLIEST_YEAR - 1, EARLIEST_YEAR, 1999, 2000, LATEST_YEAR, LATEST_YEAR + 1, 9999]


@pytest.mark.parametrize("year", YEARS)
def test_dates_of_every_precision_and_moments_are_of_the_same_years(year: int) -> None:
    held = EARLIEST_YEAR <= year <= LATEST_YEAR
    day = f"{year:04}-06-01"
    moment = f"{day}T12:00:00Z"
    assert bool(re.fullmatch(YEAR, f"{year:04}")) == held
    assert conforms(joinedOn=day) == held
    assert conforms(acceptedOn=day) == held
    assert conforms(acceptedOn=day[:4]) == held
    assert (conform(SERVICE, service(recordedAt=moment))[1] == []) == held
    assert accepts(Date, day) == held
    assert accepts(PartialDate, day) == held
    assert accepts(DateTime, moment) == held
    for name, text in (("joinedOn", day), ("acceptedOn", day)):
        assert bool(re.search(pattern_of("properties", name), text)) == held
    published = json_schema(SERVICE)["properties"]["recordedAt"]["pattern"]
    assert bool(re.search(published, moment)) == held


def test_a_moment_that_leaves_those_years_in_utc_is_refused() -> None:
    assert not accepts(DateTime, f"{EARLIEST_YEAR}-01-01T00:00:00+08:00")
    assert accepts(DateTime, f"{EARLIEST_YEAR}-01-01T08:00:00+08:00")


def test_a_refused_number_or_date_is_told_its_bounds() -> None:
    found = conform(INSTRUMENT, instrument(joinedOn="2100-01-01", **worth("1" + LARGEST)))[1]
    told = {each.path: each for each in found}
    assert "18" in told["originalValue.amount"].en
    assert "18" in told["originalValue.amount"].zh
    assert "2099" in told["joinedOn"].en
    assert "2099" in told["joinedOn"].zh


def test_every_integer_of_the_standard_is_published_with_its_bounds() -> None:
    seen = 0
    for spec in standard():
        for shape in json_schema(spec)["properties"].values():
            if shape.get("type") == "integer":
                seen += 1
                assert shape["maximum"] < 2**53
                assert shape["minimum"] > -(2**53)
    assert seen > 3
