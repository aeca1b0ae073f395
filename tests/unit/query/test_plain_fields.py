"""Operations of one plain field are answered as graphql-core answers them, in every word."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

import pytest
import strawberry
from graphql import ExecutionResult, GraphQLObjectType, execute, get_named_type
from graphql.execution.values import VariableValues
from strawberry.types import Info

from hub.errors import ErrorCode, HubError, RefusedError
from hub.graphql.plain_fields import plain_field
from hub.graphql.schema import interface
from hub.query.plan.documents import GraphDocument, read_document
from hub.query.plan.limits import QueryLimits
from hub.query.sql.planner import Plan
from hub.store.records import standard_records

LIMITS = QueryLimits(depth=40)


@strawberry.enum
class Colour(Enum):
    RED = "red"
    BLUE = "blue"


@strawberry.input
class Part:
    name: str
    colour: Colour = Colour.RED
    more: list[int] | None = None


@strawberry.input
class Whole:
    parts: list[Part]
    first: Part | None = None
    note: str | None = None
    times: int = 2
    maybe: str | None = strawberry.UNSET


@strawberry.type
class Inner:
    number: int
    colour: Colour | None
    texts: list[str | None]
    needed: list[str]


@strawberry.type
class Payload:
    told: str
    inner: Inner | None
    inners: list[Inner | None]
    sure: list[Inner] | None
    ident: strawberry.ID | None
    share: float | None


@strawberry.type
class Walked:
    @strawberry.field
    def step(self) -> int:
        return 1


@strawberry.type
class Query:
    @strawberry.field
    async def look(self, info: Info, n: int = 3) -> Payload | None:
        """May be null, unlike what a mutation gives."""
        return info.context.give(f"{info.field_name} {n}")

    @strawberry.field
    async def walk(self) -> Walked:
        return Walked()

    @strawberry.field
    def now(self) -> int:
        return 1


@strawberry.type
class Mutation:
    @strawberry.mutation
    async def make(self, info: Info, whole: Whole, colours: list[Colour] | None = None) -> Payload:
        return info.context.give(repr((whole, colours, info.path.key)))

    @strawberry.mutation
    async def put(self, info: Info, part: Part | None = None) -> Payload:
        return info.context.give(repr(part))


SCHEMA = strawberry.Schema(query=Query, mutation=Mutation)._schema
INNER = Inner(number=1, colour=Colour.BLUE, texts=["a", None], needed=["x"])


@dataclass
class Giving:
    """What resolvers give, or raise; `told` is what they were asked."""

    found: Any

    def give(self, told: str) -> Any:
        if isinstance(self.found, Exception):
            raise self.found
        return None if self.found is None else replace(self.found, told=told)


def payload(**other: Any) -> Payload:
    whole = {
        "told": "",
        "inner": INNER,
        "inners": [INNER, None],
        "sure": [],
        "ident": strawberry.ID("7"),
        "share": 0.5,
    }
    return Payload(**{**whole, **other})


INNERS = "{ number colour texts needed __typename }"
ALL = f"{{ told inner {INNERS} inners {INNERS} sure {INNERS} ident share }}"
MAKE = f"mutation ($w: Whole!, $c: [Colour!]) {{ made: make(whole: $w, colours: $c) {ALL} }}"
LOOK = f"query ($n: Int! = 5) {{ look(n: $n) {ALL} }}"
FOUND: dict[str, Any] = {
    "all": payload(),
    "nothing": payload(inner=None, inners=[], sure=None, ident=None, share=None),
    "many": payload(sure=[INNER, INNER], inners=(INNER,) * 3),
    "wrong leaf": payload(share="x"),
    "wrong leaf that is needed": payload(inner=replace(INNER, number="x")),
    "wrong leaf in a list": payload(inners=[replace(INNER, texts=["a", object()]), INNER]),
    "wrong leaf in a list of needed ones": payload(
        sure=[INNER, replace(INNER, needed=["a", None])]
    ),
    "two wrong": payload(share="x", inner=replace(INNER, colour="GREEN", number=2**40)),
    "null that is needed": payload(inners=None),
    "null in what is needed": payload(sure=[INNER, None]),
    "another object": payload(inner=object()),
    "no payload": None,
    "not a payload": RefusedError(ErrorCode.FORBIDDEN, hint="No.", hint_zh="不。"),
    "refused": HubError(ErrorCode.TIMEOUT),
    "broken": ValueError("broken"),
}
PART = {"name": "a"}
GIVEN: list[dict[str, Any]] = [
    {"w": {"parts": []}},
    {"w": {"parts": [PART, {"name": "b", "colour": "BLUE", "more": [1, 2]}]}, "c": ["RED"]},
    {"w": {"parts": PART, "first": {"name": "", "more": None}, "note": None, "times": 9}},
    {"w": {"parts": [PART], "maybe": None}, "c": None},
    {"w": {"parts": [PART], "maybe": "x", "first": None}, "c": "BLUE"},
]
DOCUMENTS = {
    "an alias": 'mutation { a: put(part: {name: "x"}) { b: told inner { n: number number } } }',
    "fragments": f"mutation {{ put {{ ...A ...on Payload {{ share ...A }} }} }} "
    f"fragment A on Payload {{ told inner {INNERS} }}",
    "the same field again": "query { look { inner { number } } look { inner { colour number } told "
    "told } ... { look { inner { texts } } } }",
    "a literal with a variable": "mutation ($n: String!, $m: [Int!]) "
    "{ put(part: {name: $n, more: $m, colour: BLUE}) { told __typename } }",
}
LEFT = {
    "two fields": "query { a: look { told } b: look { told } }",
    "a directive": "mutation ($x: Boolean! = true) { put { told @include(if: $x) share } }",
    "a resolver below": "query { walk { step } }",
    "no await": "query { now }",
    "introspection": "query { __typename }",
}


def plan_of(text: str, given: dict[str, Any]) -> Plan:
    document = read_document(text, SCHEMA, LIMITS)
    return planned(document, given)


def planned(document: GraphDocument, given: dict[str, Any]) -> Plan:
    operation = document.operation(None)
    name = operation.name.value if operation.name else None
    values = document.variables[name].read(given)
    assert isinstance(values, VariableValues)
    return Plan(document, operation, values, None)


async def both(text: str, given: dict[str, Any], found: Any) -> tuple[Any, Any]:
    """Return what comes of an operation here and by graphql-core."""
    plan = plan_of(text, given)
    plain = plain_field(plan)
    assert plain is not None, text
    here = await plain.run(plan, Giving(found))
    there = execute(
        SCHEMA,
        plan.document.ast,
        context_value=Giving(found),
        variable_values=given,
        hide_suggestions=True,
    )
    return told(here), told(there if isinstance(there, ExecutionResult) else await there)


def told(result: ExecutionResult) -> Any:
    """Return all of a result that an answer is made of."""
    errors = [
        (each.path, each.locations, type(each.original_error)) for each in result.errors or ()
    ]
    return result.data, errors


@pytest.mark.parametrize("name", FOUND)
@pytest.mark.parametrize("text", [LOOK, MAKE], ids=["may be null", "needed"])
async def test_a_payload_is_written_as_graphql_core_writes_it(text: str, name: str) -> None:
    here, there = await both(text, GIVEN[0] if text is MAKE else {}, FOUND[name])
    assert here == there


@pytest.mark.parametrize("given", GIVEN, ids=range(len(GIVEN)))
async def test_a_resolver_is_given_what_strawberry_would_give_it(given: dict[str, Any]) -> None:
    here, there = await both(MAKE, given, payload())
    assert here == there
    assert "Whole(" in here[0]["made"]["told"]


@pytest.mark.parametrize("name", DOCUMENTS)
async def test_a_document_is_read_as_graphql_core_reads_it(name: str) -> None:
    text = DOCUMENTS[name]
    given = {"n": "a", "m": [3]} if "$n" in text else {}
    here, there = await both(text, given, payload())
    assert here == there
    assert here[1] == []
    assert repr(here) == repr(there), "in the same order"


@pytest.mark.parametrize("name", LEFT)
def test_what_is_not_plain_is_left_to_graphql_core(name: str) -> None:
    assert plain_field(plan_of(LEFT[name], {})) is None


def test_every_mutation_of_the_interface_is_plain() -> None:
    schema = interface(standard_records()).schema
    assert schema.mutation_type is not None
    for name, field in schema.mutation_type.fields.items():
        ((argument, about),) = field.args.items()
        text = f"mutation ($a: {about.type}) {{ {name}({argument}: $a) {selection(field.type)} }}"
        document = read_document(text, schema, LIMITS)
        plan = Plan(document, document.operation(None), VariableValues({}, {}), None)
        assert plain_field(plan) is not None, name


def selection(kind: Any) -> str:
    kind = get_named_type(kind)
    if not isinstance(kind, GraphQLObjectType):
        return ""
    return f"{{ {' '.join(f'{n} {selection(f.type)}' for n, f in kind.fields.items())} }}"
