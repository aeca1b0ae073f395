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
