"""The law as data: what is loaded, what is refused and where, what holds on a day."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from hub.policy.bounds import Missing
from hub.policy.law import LawError, LawStatus, current_law, divisions, read_law

GOOD = """
[award.rate]
title = { zh = "奖励比例", en = "award rate" }
unit = "share"
max = "0.10"
[[award.rate.values]]
region = "000000"
since = 2022-09-01
value = "0.10"
status = "DRAFT"
basis = "三(十)"
[[award.rate.values]]
region = "330000"
since = 2023-01-10
until = 2025-12-31
value = "0.08"
status = "ENDED"
basis = "x"
"""


def test_the_most_specific_division_that_states_a_value_counts() -> None:
    law = read_law({"award.toml": GOOD})
    assert law.on(date(2024, 1, 1), "330106").number("award.rate") == Decimal("0.08")
    assert law.on(date(2026, 1, 1), "330106").number("award.rate") == Decimal("0.10")
    assert law.on(date(2024, 1, 1), "310000").number("award.rate") == Decimal("0.10")
    assert divisions("330106") == ("330106", "330100", "330000", "000000")


def test_a_value_holds_on_its_first_and_on_its_last_day() -> None:
    law = read_law({"award.toml": GOOD})
    for day, value in [("2023-01-09", "0.10"), ("2023-01-10", "0.08"), ("2025-12-31", "0.08")]:
        assert law.on(date.fromisoformat(day), "330000").number("award.rate") == Decimal(value)


def test_what_nobody_states_is_missing_and_never_zero() -> None:
    found = read_law({"award.toml": GOOD}).on(date(2020, 1, 1), "330000").number("award.rate")
    assert found == Missing("award.rate", "NO_VALUE_IN_FORCE")
    with pytest.raises(KeyError):
        current_law().on(date(2026, 1, 1), "330000").value("award.nothing")


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('value = "0.08"', 'value = "0.11"', "line 12: award.rate: '0.11' is not a number"),
        ('value = "0.08"', "value = 0.08", "line 12: award.rate: 0.08 is not a number"),
        ('value = "0.08"', 'value = "NaN"', "'NaN' is not a number"),
        ('status = "ENDED"', 'status = "OVER"', "line 12: award.rate: status is one of"),
        ("until = 2025-12-31", "until = 2022-12-31", "until is before since"),
        ("until = 2025-12-31\n", "", "what has ended has a last day"),
        ('region = "330000"', 'region = "33"', "region is a division of six digits"),
        ('region = "330000"', 'region = "000000"', "line 12: award.rate: overlaps another value"),
        ('basis = "x"', 'basis = ""', "basis names the document"),
        ('basis = "x"', 'basis = "x"\ncolour = "red"', "a value has"),
        ('unit = "share"', 'unit = "share"\ncolour = "red"', "line 2: award.rate: a parameter has"),
        ("since = 2023-01-10", "since = 2023-01-10T00:00:00", "since and until are days"),
        ("[award.rate]", "[award.rate", "award.toml: "),
    ],
)
def test_a_wrong_file_is_refused_with_its_line(old: str, new: str, told: str) -> None:
    assert old in GOOD
    with pytest.raises(LawError) as caught:
        read_law({"award.toml": GOOD.replace(old, new, 1)})
    assert any(told in each for each in caught.value.problems), caught.value.problems
    assert all(each.startswith("award.toml") for each in caught.value.problems)


def test_one_parameter_stands_in_one_file() -> None:
    with pytest.raises(LawError, match="stands in another file too"):
        read_law({"a.toml": GOOD, "b.toml": GOOD})


def test_every_value_that_ships_names_its_basis_and_says_how_firm_it_is() -> None:
    values = [v for parameter in current_law().parameters.values() for v in parameter.values]
    assert values
    assert all(each.basis for each in values)
    assert {each.status for each in values} <= set(LawStatus)
