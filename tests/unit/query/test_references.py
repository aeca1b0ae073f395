"""How the references of a gateway are read: one that names nothing is told, and spoils no other."""

from __future__ import annotations

from typing import Any

import pytest

from hub.graphql.scalars import NumberText
from hub.graphql.schema import interface
from hub.graphql.subgraph import subgraph
from hub.query.plan.limits import QueryLimits
from hub.query.plan.references import BadReference, Reference, read_reference, record_types
from hub.query.sql.authorise import Authority
from hub.query.sql.compiled import Compiled
from hub.query.sql.planner import Planner
from hub.store.records import standard_records

WAYS = {"Instrument": ("id", "key"), "Occupancy": ("id",)}
READER = Authority(frozenset({"catalogue:read"}))
TEXT = """query ($r: [_Any!]!) { _entities(representations: $r) {
  ... on Instrument { key } ... on Institution { key } ... on Node { id } } }"""
ONE = {"__typename": "Instrument", "key": "moe:10335/T1"}
OTHER = {"__typename": "Institution", "id": "inst_x"}


@pytest.mark.parametrize(
    ("value", "named"),
    [
        ({"__typename": "Instrument", "id": "a"}, ("id", "a")),
        ({"__typename": "Instrument", "key": "b"}, ("key", "b")),
        ({"__typename": "Instrument", "id": "a", "key": "b"}, ("id", "a")),
        ({"__typename": "Instrument", "id": None, "key": "b"}, ("key", "b")),
        ({"__typename": "Instrument", "key": "b", "weight": {"of": [1]}}, ("key", "b")),
        ({"__typename": "Instrument", "id": ""}, ("id", "")),
    ],
)
def test_a_reference_is_read_by_a_key_of_its_type(value: Any, named: tuple[str, str]) -> None:
    assert read_reference(value, WAYS) == Reference("Instrument", *named)


@pytest.mark.parametrize(
    "value",
    [
        None,
        7,
        "Instrument",
        [],
        {},
        {"id": "a"},
        {"__typename": "Nope", "id": "a"},
        {"__typename": ["Instrument"], "id": "a"},
        {"__typename": "Instrument"},
        {"__typename": "Instrument", "id": None, "key": None},
        {"__typename": "Instrument", "id": 7},
        {"__typename": "Instrument", "id": NumberText("1.5")},
        {"__typename": "Instrument", "id": {"id": "a"}},
        {"__typename": "Instrument", "id": "a\x00"},
        {"__typename": "Instrument", "key": "\ud800"},
        {"__typename": "Occupancy", "key": "moe:10335/T1/1"},
    ],
)
def test_what_names_nothing_is_told_and_never_raised(value: Any) -> None:
    found = read_reference(value, WAYS)
    assert isinstance(found, BadReference)
    assert found.zh
    assert found.en
    assert record_types([found, Reference("Occupancy", "id", "x")]) == {"Occupancy"}


@pytest.fixture
def planner() -> Planner:
    return Planner(interface(standard_records()), QueryLimits())


def compiled(planner: Planner, references: list[Any], text: str = TEXT) -> Compiled | None:
    schema = subgraph(standard_records())
    document = planner.known(text, schema) or planner.keep(planner.read(text, schema))
    return planner.plan(document, None, {"r": references}, READER).compiled


def test_the_record_types_alone_make_the_plan(planner: Planner) -> None:
    first = compiled(planner, [ONE])
    assert first is not None
    assert compiled(planner, [ONE, {**ONE, "key": "moe:1/2"}, {"__typename": "Nope"}]) is first
    assert compiled(planner, [{"__typename": "Instrument", "id": "instr_x"}]) is first
    both = compiled(planner, [ONE, OTHER])
    assert both is not None
    assert both is not first
    assert compiled(planner, [OTHER, ONE, ONE]) is both
    assert compiled(planner, []) is compiled(planner, [{"__typename": "Nope"}])
    assert first.records == {"Instrument"}
    assert both.records == {"Instrument", "Institution"}


def test_values_stay_out_of_the_statement_and_cost_grows_with_their_number(
    planner: Planner,
) -> None:
    found = compiled(planner, [ONE])
    assert found is not None
    assert b"10335" not in found.sql
    document = planner.known(TEXT, subgraph(standard_records()))
    assert document is not None
    for count in (0, 1, 7):
        values = planner.read_variables(document, None, {"r": [ONE] * count}).values
        assert found.cost.total(values) == count


def test_references_with_variables_inside_are_left_to_the_executor(planner: Planner) -> None:
    literal = (
        '{ _entities(representations: [{__typename: "Instrument", key: "a"}]) { __typename } }'
    )
    assert compiled(planner, [], literal) is not None
    inside = """query ($k: String!) {
      _entities(representations: [{__typename: "Instrument", key: $k}]) { __typename } }"""
    schema = subgraph(standard_records())
    document = planner.keep(planner.read(inside, schema))
    assert planner.plan(document, None, {"k": "a"}, READER).compiled is None


def test_the_same_text_is_another_document_of_the_plain_interface(planner: Planner) -> None:
    text, schema = "{ instruments { totalCount } }", subgraph(standard_records())
    one, other = planner.keep(planner.read(text)), planner.keep(planner.read(text, schema))
    assert one is not other
    assert planner.known(text) is one
    assert planner.known(text, schema) is other
