"""The text of the subgraph: keys, what may be shared, costs; the plain schema has none of it."""

from __future__ import annotations

import re
from typing import Any

import pytest
from graphql import (
    REMOVE,
    DirectiveNode,
    Visitor,
    parse,
    print_ast,
    validate_schema,
    visit,
)

from hub.graphql.schema import interface, sdl
from hub.graphql.subgraph import subgraph, subgraph_sdl
from hub.query.plan.limits import LIST_COSTED, PAGE_DEFAULT, QueryLimits
from hub.query.sql.authorise import Authority
from hub.query.sql.planner import Planner
from hub.store.records import standard_records
from schema.registry import standard
from tests.unit.query.printed_costs import PrintedCosts

MODEL = interface(standard_records()).model
TEXT = subgraph_sdl(MODEL)
COSTS = PrintedCosts(TEXT)
PLANNER = Planner(interface(standard_records()), QueryLimits())
READER = Authority(frozenset({"catalogue:read", "asset:read", "service:read"}))
WINDOW = 'from: "2026-12-01T00:00:00Z", until: "2026-12-02T00:00:00Z"'
FREE = f"{{ availableFor: {{ {WINDOW}, hours: 4 }} }}"


def test_the_plain_schema_has_nothing_of_the_subgraph() -> None:
    plain, made = interface(standard_records()).schema, subgraph(standard_records())
    added = set(made.type_map) - set(plain.type_map)
    assert added == {"_Any", "_Entity", "_Service"}
    assert made.query_type is not None
    assert plain.query_type is not None
    assert set(made.query_type.fields) - set(plain.query_type.fields) == {"_entities", "_service"}
    assert validate_schema(made) == []
    for word in ("@key", "@link", "@cost", "@listSize", "@shareable", "_Any", "_entities"):
        assert word not in sdl(MODEL), word


class Undirected(Visitor):
    """Takes out of a text what the subgraph adds to the plain one."""

    def leave_directive(self, node: DirectiveNode, *_: Any) -> Any:
        added = ("key", "cost", "listSize", "shareable")
        return REMOVE if node.name.value in added else None

    def leave_schema_extension(self, *_: Any) -> Any:
        return REMOVE


def test_the_text_is_the_plain_one_with_directives() -> None:
    assert print_ast(visit(parse(TEXT), Undirected())) == print_ast(parse(sdl(MODEL)))


def test_every_record_has_the_keys_by_which_it_is_named() -> None:
    keys = {
        name: set(re.findall(r'@key\(fields: "(\w+)"\)', line))
        for name, line in re.findall(r"^type (\w+) implements Node (.*)\{$", TEXT, re.M)
    }
    assert set(keys) == {spec.name for spec in standard()}
    for spec in standard():
        assert "id" in keys[spec.name]
        if spec.per_system:  # a number of some system: two systems may have the same
            assert keys[spec.name] == {"id"}
    assert keys["Instrument"] == keys["Institution"] == keys["ServiceOffer"] == {"id", "key"}


COSTED: list[tuple[str, dict[str, Any]]] = [
    ("{ instruments { totalCount } }", {}),
    ("{ instruments(first: 7) { nodes { key name { zh } } pageInfo { endCursor } } }", {}),
    ("{ instruments(last: 3) { edges { cursor node { key } } } }", {}),
    ("query ($n: Int) { instruments(first: $n) { nodes { institution { key } } } }", {"n": 9}),
    (f"{{ instruments {{ nodes {{ availability({WINDOW}) {{ free {{ from }} }} }} }} }}", {}),
    ('{ instrument(by: { key: "a/b" }) { offers { code price { amount } } } }', {}),
    ('{ instrument(by: { key: "a/b" }) { classes { code } provenance { claims { kind } } } }', {}),
    ("{ instruments(last: 2) { sources { id } nodes { occupancies { totalCount } } } }", {}),
    ("{ instruments(first: 2) { facets(by: [PROVINCE], first: 5) { value count } } }", {}),
    (f"{{ instruments(filter: {FREE}) {{ totalCount }} }}", {}),
    ("{ sources { id status } }", {}),
]  # fmt: skip


@pytest.mark.parametrize("number", range(len(COSTED)))
def test_a_gateway_reckons_what_the_hub_charges(number: int) -> None:
    query, variables = COSTED[number]
    plan = PLANNER.plan(PLANNER.read(query), None, variables, READER)
    assert plan.compiled is not None
    assert COSTS.of(query, variables) == plan.compiled.cost.total(plan.values)


def test_the_sizes_that_are_printed_are_the_limits() -> None:
    assert f"@listSize(assumedSize: {LIST_COSTED}, requireOneSlicingArgument: false)" in TEXT
    page = f'assumedSize: {PAGE_DEFAULT}, slicingArguments: ["first", "last"]'
    assert TEXT.count(page) > len(list(standard()))
