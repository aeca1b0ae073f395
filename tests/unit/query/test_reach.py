"""Which sources could answer for whom a request is about."""

from __future__ import annotations

import pytest

from hub.identity.ids import shard_of
from hub.identity.links import UNLINKED, Names
from hub.query.plan.reach import Reach, SourceReach

A, B, C = "moe:1", "moe:2", "moe:3"
SOURCES = [("platform", None), ("a", [A]), ("b", [B]), ("ab", [A, B]), ("nobody", [])]
PLACES = {A: {"31"}, B: {"32", "31"}, C: {"34"}}


def found(reach: Reach, names: Names = UNLINKED) -> set[str]:
    return set(SourceReach(SOURCES, names).sources(reach, PLACES))


def test_who_says_nothing_may_be_answered_by_anybody() -> None:
    assert found(Reach()) == {name for name, _ in SOURCES}


@pytest.mark.parametrize(
    ("parties", "expected"),
    [({A}, {"a", "ab"}), ({B}, {"b", "ab"}), ({C}, set()), ({A, B}, {"a", "b", "ab"})],
)
def test_an_institution_is_answered_for_by_its_own_sources_and_by_platforms(
    parties: set[str], expected: set[str]
) -> None:
    assert found(Reach(parties=frozenset(parties))) == {"platform"} | expected


def test_an_id_has_the_shard_of_its_owner() -> None:
    assert found(Reach(shards=frozenset({shard_of(A)}))) >= {"platform", "a", "ab"}
    assert "b" not in found(Reach(shards=frozenset({shard_of(A)})))


def test_a_province_is_answered_for_where_somebody_or_something_of_theirs_is_there() -> None:
    assert found(Reach(provinces=frozenset({"31"}))) == {"platform", "a", "b", "ab"}
    assert found(Reach(provinces=frozenset({"32"}))) == {"platform", "b", "ab"}
    assert found(Reach(provinces=frozenset({"33"}))) == {"platform"}
    both = Reach(parties=frozenset({A}), provinces=frozenset({"32"}))
    assert found(both) == {"platform", "ab"}


@pytest.mark.parametrize("places", [{}, {A: {None}}, {A: {"31", None}}])
def test_where_it_is_not_known_who_is_where_nobody_is_left_out(places: dict[str, set]) -> None:
    reach = SourceReach([("a", [A])], UNLINKED)
    assert reach.sources(Reach(provinces=frozenset({"34"})), places) == {"a"}


def test_links_of_institutions_and_of_what_they_have_are_followed() -> None:
    renamed = Names(institutions={B: C})
    assert found(Reach(parties=frozenset({C})), renamed) == {"platform", "b", "ab"}
    assert found(Reach(shards=frozenset({shard_of(B)})), renamed) >= {"b", "ab"}
    assert found(Reach(shards=frozenset({shard_of(C)})), renamed) >= {"b", "ab"}
    one = Names(owned={"Instrument": {f"{A}/7": f"{C}/9"}})
    assert found(Reach(parties=frozenset({C})), one) == {"platform", "a", "ab"}
    assert found(Reach(parties=frozenset({A})), one) == {"platform", "a", "ab"}
