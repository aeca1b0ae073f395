"""What joins two keys, and which pairs need no person."""

from __future__ import annotations

import pytest

from hub.identity.likeness import Doubt, Pair, doubted_where_ambiguous, makers, plain, schemes
from schema.codes import IdentifierScheme


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("JEM-2100F", "jem 2100f"),
        ("ＪＥＭ－２１００Ｆ", "JEM2100F"),
        ("Q Exactive", "Q-Exactive"),
        ("SN 007/A", "sn007a"),
        ("日本电子 株式会社", "日本电子株式会社"),
    ],
)
def test_case_width_and_blanks_make_no_difference(one: str, other: str) -> None:
    assert plain(one) == plain(other)


def test_other_letters_and_digits_make_a_difference() -> None:
    assert plain("JEM-2100F") != plain("JEM-2100")


@pytest.mark.parametrize("name", ["JEOL Ltd.", "日本电子", "ＪＥＯＬ", "日本电子株式会社"])
def test_a_maker_is_known_by_any_of_its_names(name: str) -> None:
    assert makers()[plain(name)] == "jeol"


def test_a_scheme_is_known_by_its_names() -> None:
    known = schemes()
    assert known["资产编号"] == known["ASSET"] == known["INVENTORY_NUMBER"] == "INVENTORY_NUMBER"
    assert {*known.values()} == {scheme.name for scheme in IdentifierScheme}


def pair(first: str, second: str, *doubts: Doubt) -> Pair:
    return Pair(
        record_type="Instrument",
        first=first,
        second=second,
        shared=("NRII 1",),
        doubts=frozenset(doubts),
    )


def test_a_group_in_which_each_is_joined_to_each_needs_no_person() -> None:
    found = doubted_where_ambiguous([pair("a", "b"), pair("a", "c"), pair("b", "c")])
    assert all(each.is_certain for each in found)


def test_a_third_key_that_is_joined_to_one_of_two_only_makes_all_doubtful() -> None:
    """A and C are two, by some doubt; B would join them."""
    chain = [pair("a", "b"), pair("b", "c"), pair("a", "c", Doubt.ONE_SOURCE)]
    found = {(each.first, each.second): each.doubts for each in doubted_where_ambiguous(chain)}
    assert found == {
        ("a", "b"): {Doubt.AMBIGUOUS},
        ("b", "c"): {Doubt.AMBIGUOUS},
        ("a", "c"): {Doubt.ONE_SOURCE},
    }
