"""JSON from outside is JSON and nothing more, and says what is wrong with it."""

from __future__ import annotations

from decimal import Decimal

import pytest

from schema.strict_json import no_number, read_json


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('{"a":1,"a":1}', "'a' stands twice"),
        ('{"x":{"\\u0061":1,"a":2}}', "'a' stands twice"),
        ("NaN", "NaN is not JSON"),
        ("[-Infinity]", "-Infinity is not JSON"),
        ("[" * 200_000, "nested too deeply|Expecting value"),
        ("9" * 5_000, "digits"),
        ("{'a':1}", "double quotes"),
        ("", "Expecting value"),
        ("1 2", "Extra data"),
    ],
)
def test_what_is_no_json_is_refused_with_its_reason(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        read_json(text)


def test_the_caller_says_what_becomes_of_numbers() -> None:
    assert read_json("[1.10,2]", fractions=Decimal) == [Decimal("1.10"), 2]
    assert read_json("[1.10,2]", fractions=str, integers=str) == ["1.10", "2"]
    with pytest.raises(ValueError, match=r"the number 1\.5 is not allowed here"):
        read_json("1.5", fractions=no_number)


def test_a_repeated_name_among_many_is_found_in_one_walk() -> None:
    names = ",".join(f'"k{n}":1' for n in range(200_000))  # compared in pairs it took hours
    with pytest.raises(ValueError, match="'k199999' stands twice"):
        read_json(f'{{{names},"k199999":2}}')


def test_a_number_is_read_up_to_a_bound() -> None:
    assert read_json("9" * 500) == 10**500 - 1
    with pytest.raises(ValueError, match="more than 500 digits"):
        read_json("9" * 501)
