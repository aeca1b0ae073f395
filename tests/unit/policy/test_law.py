"""The law as data: what is loaded, what is refused and where, what holds on a day."""

from __future__ import annotations

import codecs
import re
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from hub.cli.context import settings
from hub.errors import SettingsError
from hub.policy.bounds import Missing
from hub.policy.law import LawError, LawStatus, current_law, divisions, read_law


def stated(region: str, since: str, value: str, status: str, basis: str) -> str:
    """Return one value of the parameter as a file states it; `since` may name the last day too."""
    return f"""[[award.rate.values]]
region = "{region}"
since = {since}
value = "{value}"
status = "{status}"
basis = "{basis}"
"""


GOOD = (
    """
[award.rate]
title = { zh = "奖励比例", en = "award rate" }
unit = "share"
max = "0.10"
"""
    + stated("000000", "2022-09-01", "0.10", "DRAFT", "三(十)")
    + stated("330000", "2023-01-10\nuntil = 2025-12-31", "0.08", "ENDED", "x")
)
ADDED = "\n" + stated("330106", "2026-01-01", "0.05", "IN_FORCE", "y")


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


def test_a_deployment_adds_values_to_parameters_that_ship() -> None:
    law = read_law({"award.toml": GOOD}, {"here.toml": ADDED})
    assert law.on(date(2026, 1, 1), "330106").number("award.rate") == Decimal("0.05")
    assert law.on(date(2025, 1, 1), "330106").number("award.rate") == Decimal("0.08")
    assert law.on(date(2026, 1, 1), "330100").number("award.rate") == Decimal("0.10")
    assert law.parameters["award.rate"].title_en == "award rate"


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("award.rate", "award.rat", "here.toml, line 0: award.rat: no parameter of this name"),
        ('"0.05"', '"0.11"', "here.toml, line 2: award.rate: '0.11' is not a number"),
        ('"330106"', '"000000"', "here.toml, line 2: award.rate: overlaps another value of 000000"),
        (ADDED, ADDED + ADDED, "here.toml, line 9: award.rate: overlaps another value of 330106"),
        (
            "[[award.rate.values]]",
            '[award.rate]\nmax = "1"\n[[award.rate.values]]',
            "here.toml, line 2: award.rate: has values and nothing else here",
        ),
        ("[[award.rate.values]]", "[award.rate.values]", "no parameter of this name ships"),
        (ADDED, "[award]\nrate = 0.05", "here.toml, line 1: award: no parameter of this name"),
        (ADDED, "[award.rate]\nvalues = 5", "values are tables [[award.rate.values]]"),
        (ADDED, "[award.rate]\nvalues = [5]", "a value has basis"),
    ],
)
def test_what_is_wrong_with_an_added_file_is_told(old: str, new: str, told: str) -> None:
    with pytest.raises(LawError, match=re.escape(told)):
        read_law({"award.toml": GOOD}, {"here.toml": ADDED.replace(old, new)})


def test_a_folder_that_cannot_be_read_as_law_is_refused_by_every_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "law"
    monkeypatch.setenv("HUB_LAW_DIR", str(folder))
    for prepare, told in (
        (lambda: None, "HUB_LAW_DIR: .* is no folder"),
        (folder.mkdir, None),
        (lambda: (folder / "a.toml").write_text("[x"), "law/a.toml: "),
        (lambda: (folder / "a.toml").write_bytes(b"\xff"), "law/a.toml is no text in UTF-8"),
        (lambda: (folder / "a.toml").write_bytes(codecs.BOM_UTF8), None),
    ):
        prepare()
        current_law.cache_clear()
        if told is None:
            assert settings().law_dir == folder
            continue
        with pytest.raises(SettingsError, match=told):
            settings()
