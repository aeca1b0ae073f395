"""By which keys linked things are known, whatever the order in which links were stated."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from hub.identity.ids import item_id, shard_of
from hub.identity.links import UNLINKED, LinkStatement, Names, names_of
from schema.codes import LinkRelation
from schema.item import Kind, RecordSpec
from schema.parties import OPERATOR
from schema.registry import standard
from schema.traits import Joins, Linkable

INSTITUTION, INSTRUMENT = "Institution", "Instrument"
A, B, C, U = "moe:1", "moe:2", "ror:3", "uscc:9"
KEYS = (A, B, C, U, "uscc:8")


def said(one: str, other: str, by: str = "operator", relation: str = "SAME_AS") -> LinkStatement:
    first, second = sorted((one, other))
    record = INSTRUMENT if "/" in one else INSTITUTION
    return LinkStatement(
        record=record,
        first=first,
        second=second,
        relation=LinkRelation[relation],
        stated_by=by,
    )


def test_where_nothing_is_linked_every_key_is_its_own_name() -> None:
    names = names_of([])
    assert not names
    assert (names.party(A), names.of(INSTRUMENT, f"{A}/1"), names.parties(A)) == (A, f"{A}/1", [A])


@pytest.mark.parametrize(
    ("links", "institutions"),
    [
        ([said(A, B)], {B: A}),
        ([said(A, B, A)], {}),
        ([said(A, B, A), said(A, B, B)], {B: A}),
        ([said(A, B, A), said(A, B, A)], {}),
        ([said(A, B), said(A, B, A, "DIFFERS")], {}),
        ([said(A, B, A), said(A, B, B, "DIFFERS")], {}),
        ([said(A, B), said(A, B, "operator", "DIFFERS")], {}),
        ([said(A, B), said(B, C)], {B: A, C: A}),
        ([said(A, U), said(A, B)], {A: U, B: U}),
        ([said(U, "uscc:8")], {U: "uscc:8"}),
        ([said(A, B), said(B, C), said(A, C, C, "DIFFERS")], {B: A}),
    ],
)
def test_two_keys_are_joined_by_the_operator_or_by_both_owners(
    links: list[LinkStatement], institutions: dict[str, str]
) -> None:
    assert names_of(links) == Names(institutions, {})


@pytest.mark.parametrize(
    ("links", "instruments"),
    [
        ([said(f"{A}/1", f"{B}/2")], {f"{B}/2": f"{A}/1"}),
        ([said(f"{A}/1", f"{B}/2", A)], {}),
        ([said(f"{A}/1", f"{B}/2", A), said(f"{A}/1", f"{B}/2", B)], {f"{B}/2": f"{A}/1"}),
        ([said(f"{A}/1", f"{A}/2", A)], {f"{A}/2": f"{A}/1"}),
        ([said(f"{A}/1", f"{U}/2")], {f"{A}/1": f"{U}/2"}),
        # keys of linked institutions are looked at by the name of their institution
        ([said(A, U), said(f"{A}/1", f"{U}/2", A)], {f"{U}/2": f"{U}/1"}),
        ([said(A, U), said(f"{A}/1", f"{U}/1")], {}),
        (
            [said(A, B), said(f"{B}/1", f"{C}/2", A), said(f"{B}/1", f"{C}/2", C)],
            {f"{C}/2": f"{A}/1"},
        ),
    ],
)
def test_instruments_are_joined_after_their_institutions(
    links: list[LinkStatement], instruments: dict[str, str]
) -> None:
    assert names_of(links).owned.get(INSTRUMENT, {}) == instruments


def test_an_instrument_has_the_name_of_its_linked_institution() -> None:
    names = names_of([said(A, U), said(f"{A}/1", f"{U}/2")])
    assert names.of(INSTRUMENT, f"{A}/7") == names.of(INSTRUMENT, f"{U}/7") == f"{U}/7"
    assert names.of(INSTRUMENT, f"{A}/2") == f"{U}/1"
    assert sorted(names.parties(A)) == sorted(names.parties(U)) == [A, U]


_party = st.sampled_from(KEYS)
_instruments = st.tuples(_party, st.sampled_from("12")).map("/".join)


@st.composite
def _statements(draw: st.DrawFn) -> LinkStatement:
    of = draw(st.sampled_from([_party, _instruments]))
    one, other = draw(of), draw(of)
    assume(one != other)
    owners = [key.partition("/")[0] for key in (one, other)]
    by = draw(st.sampled_from(["operator", *owners]))
    return said(one, other, by, draw(st.sampled_from(["SAME_AS", "SAME_AS", "DIFFERS"])))


_links = st.lists(_statements(), max_size=10)


@given(_links.flatmap(lambda each: st.tuples(st.just(each), st.permutations(each))))
def test_the_order_of_statements_never_matters(
    both: tuple[list[LinkStatement], list[LinkStatement]],
) -> None:
    assert names_of(both[0]) == names_of(both[1])


@given(_links)
def test_a_name_is_its_own_name_and_the_best_of_its_group(links: list[LinkStatement]) -> None:
    names = names_of(links)
    for key in KEYS:
        name = names.party(key)
        assert names.party(name) == name
        group = names.parties(key)
        assert name == min(group, key=lambda each: (not each.startswith("uscc:"), each))
        for number in "12":
            known = names.of(INSTRUMENT, f"{key}/{number}")
            assert names.of(INSTRUMENT, known) == known
            assert names.party(known.partition("/")[0]) == known.partition("/")[0]


@given(_links)
def test_what_is_said_to_differ_is_never_joined(links: list[LinkStatement]) -> None:
    names = names_of(links)
    for each in links:
        if each.relation is LinkRelation.DIFFERS and each.record == INSTITUTION:
            assert names.party(each.first) != names.party(each.second)


@given(_links)
def test_nothing_is_joined_that_nobody_said_is_the_same(links: list[LinkStatement]) -> None:
    names = names_of(links)
    stated = {
        frozenset((each.first, each.second))
        for each in links
        if each.record == INSTITUTION and each.relation is LinkRelation.SAME_AS
    }
    for key in KEYS:
        group = {*names.parties(key)}
        reached, before = {key}, 0
        while len(reached) > before:
            before = len(reached)
            reached |= {other for pair in stated if pair & reached for other in pair & group}
        assert reached == group


SPECS = [spec for spec in standard() if spec.trait(Joins) is None]
_text = st.text("ab1 |.-:镜", min_size=1, max_size=6)


def _value(draw: st.DrawFn, spec: RecordSpec, name: str, *, is_last: bool) -> Any:
    item = spec.item(name)
    if item.names == INSTITUTION:
        return draw(_party)
    if item.names == INSTRUMENT:
        return f"{draw(_party)}/{draw(st.sampled_from(['1', '2', 'x|1 镜']))}"
    if item.kind is Kind.CODE:
        assert item.code_list is not None
        return draw(st.sampled_from([each.name for each in item.code_list]))
    # only the last part of a key is free text, and may have separators of its own
    return draw(_text) + (draw(st.sampled_from(["", "/", "/x", "//"])) if is_last else "")


@st.composite
def _records(draw: st.DrawFn, spec: RecordSpec) -> dict[str, Any]:
    if spec.name in (INSTITUTION, INSTRUMENT):
        made = {"institutionKey": draw(_party)}
        return (
            made if spec.name == INSTITUTION else {**made, "localNo": draw(st.sampled_from("12"))}
        )
    made = {
        spec.item(name).wire: _value(draw, spec, name, is_last=name == spec.key[-1])
        for name in spec.key
    }
    assert spec.owner is not None
    owner = spec.item(spec.owner.item)
    if owner.wire not in made:  # a record of the operator's, whose key does not name its owner
        made[owner.wire] = draw(_party) if owner.names == INSTITUTION else OPERATOR
    return made


def _renamed(spec: RecordSpec, data: st.DataObject) -> tuple[Names, dict[str, Any], dict[str, Any]]:
    """Draw names and a record; return them, and the record by those names."""
    names, wire = names_of(data.draw(_links)), data.draw(_records(spec))
    return names, wire, dict(names.wire(spec, wire))


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
@settings(max_examples=40)
@given(data=st.data())
def test_the_name_of_a_key_is_the_key_of_the_renamed_record(
    spec: RecordSpec, data: st.DataObject
) -> None:
    names, wire, renamed = _renamed(spec, data)
    key, owner = spec.key_of(wire), spec.owner_of(wire)
    named = names.key(spec, key)
    assert named == spec.key_of(renamed)
    assert names.key(spec, named) == named
    assert dict(names.wire(spec, renamed)) == renamed
    assert names.owner_of_name(spec, key, owner) == spec.owner_of(renamed)
    assert UNLINKED.key(spec, key) == key
    assert UNLINKED.owner_of_name(spec, key, owner) == owner


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
@settings(max_examples=40)
@given(data=st.data())
def test_keys_of_one_name_have_one_id_in_the_shard_of_the_name(
    spec: RecordSpec, data: st.DataObject
) -> None:
    names, wire, renamed = _renamed(spec, data)
    key, owner = spec.key_of(wire), spec.owner_of(wire)
    found = names.identity(spec, "moe:1/lims", key, owner)
    named, keeper = spec.key_of(renamed), spec.owner_of(renamed)
    assert found == item_id(spec.prefix, spec.name, "moe:1/lims", named, keeper)
    assert found == names.identity(spec, "moe:1/lims", named, keeper)
    assert found.removeprefix(f"{spec.prefix}_").startswith(shard_of(keeper))


def test_what_links_is_known_by_the_keys_that_it_states() -> None:
    names = names_of([said(A, U)])
    for spec in standard():
        is_link = spec.trait(Joins) is not None
        assert names.of_type(spec) is (UNLINKED if is_link else names)


def test_what_can_be_linked_is_what_a_link_may_name() -> None:
    ((link, joins),) = standard().with_trait(Joins)
    pattern = link.item(joins.record).facts.pattern
    assert pattern is not None
    assert pattern.split("|") == [spec.name for spec, _ in standard().with_trait(Linkable)]


def test_an_id_tells_types_systems_and_keys_apart() -> None:
    parts = [("T", "", "k"), ("T", "k", ""), ("Tk", "", ""), ("T", "a", "k"), ("U", "", "k")]
    made = {item_id("x", *each, owner=A) for each in parts}
    assert len(made) == len(parts)
    assert all(len(each) == len("x_") + 24 for each in made)
    assert item_id("x", "T", "", "k", owner=A) != item_id("x", "T", "", "k", owner=B)
