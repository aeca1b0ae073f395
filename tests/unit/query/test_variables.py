"""Variables read in one walk are what graphql-core reads, and nothing else is taken."""

from __future__ import annotations

import random
from typing import Any

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLSchema,
    OperationDefinitionNode,
    build_schema,
    is_input_type,
    is_required_input_field,
    parse,
)
from graphql.execution.values import get_variable_values

from hub.graphql.scalars import NumberText
from hub.graphql.schema import interface
from hub.query.plan import variables as room
from hub.query.plan.limits import PLAIN_DEPTH_MAX
from hub.query.plan.variables import VariableReader
from hub.store.records import standard_records

SCHEMA = interface(standard_records()).schema
SMALL = build_schema(
    """type Query { x: Int }
    enum Colour { RED BLUE }
    input Nested { n: Int! = 3  inner: Nested  many: [[Nested!]]  colour: Colour = RED  id: ID! }
    input Defaults { texts: [String!] = ["a"]  inner: Nested = {id: "1"}  yes: Boolean! = false }
    input OneOf @oneOf { text: String  nested: Nested  colours: [Colour] }"""
)
ODD: tuple[Any, ...] = (
    None,
    True,
    0,
    -1,
    2**31,
    2**53,
    1.5,
    NumberText("1.50"),
    "",
    "x",
    "2026-05-04",
    "2026-05-04T00:00:00Z",
    [],
    ["x"],
    {},
    {"x": 1},
)
OF_SCALARS: dict[str, tuple[Any, ...]] = {
    "String": ("", "x", "光谱仪"),
    "ID": ("x", "instrument:1"),
    "Int": (0, -(2**31), 2**31 - 1),
    "Boolean": (True, False),
    "Float": (1, 1.5),
    "DateTime": ("2026-05-04T00:00:00Z", "2026-05-04T08:00:00.5+08:00"),
    "Date": ("2026-05-04",),
    "PartialDate": ("2026", "2026-05"),
    "Decimal": ("1.50", 7, NumberText("2.5")),
    "SafeInt": (0, 2**53 - 1),
    "Duration": ("PT30S",),
    "Row": ({"type": "Topic", "record": {"n": NumberText("1.5")}},),
    "JsonObject": ({"a": [1]},),
}


def inputs_of(schema: GraphQLSchema) -> list[str]:
    kinds = schema.type_map.items()
    return sorted(name for name, kind in kinds if is_input_type(kind) and name[0] != "_")


def operation(text: str) -> OperationDefinitionNode:
    found = parse(text).definitions[0]
    assert isinstance(found, OperationDefinitionNode)
    return found


class Made:
    """Values of types, most of them right."""

    def __init__(self, seed: int, odd: float) -> None:
        self._random = random.Random(seed)
        self._odd = odd

    def of(self, kind: Any, depth: int = 0) -> Any:
        if self._random.random() < self._odd:
            return self._random.choice(ODD)
        if isinstance(kind, GraphQLNonNull):
            return self._some(kind.of_type, depth)
        return self._some(kind, depth) if self._random.random() > 0.1 and depth < 5 else None

    def _some(self, kind: Any, depth: int) -> Any:
        if isinstance(kind, GraphQLList):
            return [self.of(kind.of_type, depth + 1) for _ in range(self._random.randrange(3))]
        if isinstance(kind, GraphQLInputObjectType):
            return self._object(kind, depth)
        if isinstance(kind, GraphQLEnumType):
            return self._random.choice(list(kind.values))
        return self._random.choice(OF_SCALARS[kind.name])

    def _object(self, kind: GraphQLInputObjectType, depth: int) -> dict[str, Any]:
        names = list(kind.fields)
        if kind.is_one_of:
            names = [self._random.choice(names)]
        needed = [n for n in names if is_required_input_field(kind.fields[n])]
        others = [n for n in names if n not in needed and self._random.random() < 0.7 / (1 + depth)]
        chosen = names if kind.is_one_of else needed + others
        made = {name: self.of(kind.fields[name].type, depth + 1) for name in chosen}
        if self._random.random() < self._odd:
            made["notThere"] = 1
        return made


def both(
    node: OperationDefinitionNode, given: dict[str, Any], schema: GraphQLSchema = SCHEMA
) -> tuple[Any, Any]:
    read = VariableReader(schema, node).read(given)
    nodes = node.variable_definitions or ()
    asked = get_variable_values(schema, nodes, given, max_errors=1, hide_suggestions=True)
    return told(read), told(asked)


def told(found: Any) -> Any:
    if isinstance(found, list):
        return [error.message for error in found]
    return found.coerced, {name: source.value for name, source in found.sources.items()}


@pytest.mark.parametrize("odd", [0.0, 0.05, 0.4])
@pytest.mark.parametrize("schema", [SCHEMA, SMALL], ids=["standard", "small"])
def test_values_of_every_input_type_are_read_as_graphql_core_reads_them(
    schema: GraphQLSchema, odd: float
) -> None:
    accepted = 0
    names = inputs_of(schema)
    for at, name in enumerate(names):
        node = operation(f"query ($a: {name}!, $b: {name}, $c: [{name}!]) {{ x }}")
        for seed in range(6 if schema is SCHEMA else 200):
            made = Made(100 * at + seed, odd)
            kind = schema.type_map[name]
            given = {"a": made.of(kind)}
            if seed % 2:
                given["b"] = made.of(kind)
                given["c"] = [made.of(kind) for _ in range(seed % 4)]
            read, asked = both(node, given, schema)
            assert read == asked, (name, given)
            accepted += isinstance(read, tuple)
    assert accepted > len(names) * (2 if odd < 0.1 else 0), "most of what is made is right"


def test_what_is_plainly_right_needs_no_second_look(monkeypatch: pytest.MonkeyPatch) -> None:
    node = operation("mutation ($input: VoucherClaimInput!, $n: Int, $by: InstrumentBy) { x }")
    reader = VariableReader(SCHEMA, node)
    given = {
        "input": {"issuer": "moe:1", "code": "V", "claimNo": "A", "fen": 3},
        "by": {"key": "moe:1/x"},
    }
    asked = get_variable_values(SCHEMA, node.variable_definitions or (), given)
    monkeypatch.setattr(room, "get_variable_values", None)
    assert told(reader.read(given)) == told(asked)


def test_a_default_of_the_document_is_read_by_graphql_core() -> None:
    node = operation("query ($n: Int = 7, $m: Int) { x }")
    for given in ({}, {"n": 1}, {"n": None, "m": 2}):
        read, asked = both(node, given)
        assert read == asked


def test_how_deep_a_value_is_decides_who_reads_it_and_not_what_it_is() -> None:
    node = operation("query ($f: Nested) { x }")
    for depth in (1, PLAIN_DEPTH_MAX - 1, PLAIN_DEPTH_MAX, 3 * PLAIN_DEPTH_MAX):
        value: dict[str, Any] = {"id": "x"}
        for _ in range(depth):
            value = {"id": "x", "inner": value}
        read, asked = both(node, {"f": value}, SMALL)
        assert isinstance(read, tuple)
        assert read == asked
