"""What is wrong with a document or its variables is said in words of this hub, in two languages."""

from __future__ import annotations

import re
from typing import Any

import pytest
from graphql import (
    GraphQLError,
    GraphQLScalarType,
    build_schema,
    get_variable_values,
    parse,
    validate,
)

from hub.graphql.schema import interface
from hub.query.plan.errors import QueryError
from hub.query.plan.limits import DETAIL_MAX, QueryLimits
from hub.query.plan.wording import UNKNOWN_SENTENCE, in_own_words
from hub.query.sql.authorise import Authority
from hub.query.sql.planner import Planner
from hub.store.records import standard_records

SCHEMA = build_schema("""
scalar Date
enum P { A B }
input I { a: Int! b: [P!] d: Date o: O }
input O @oneOf { x: Int y: Int }
interface N { id: ID }
type T implements N { id: ID t(i: I, n: Int!): T }
type Query { t(i: I, n: Int, l: [String!], s: String, b: Boolean, k: ID): T n: N }
type Mutation { m: Int }
""")
DOCUMENTS = (
    *(
        "{ zz }",
        "{ t { zz } }",
        "{ t }",
        '{ t(n:"x"){id} }',
        "{ t(q:1){id} }",
        "{ t { t { id } } }",
    ),
    *("query($x: Zz){ t{id} }", "query($x:Int){ t{id} }", "{ t(n:$y){id} }"),
    *("query($x:String){ t(n:$x){id} }", "{ ...F }", "fragment F on T {id} {t{id}}"),
    *("fragment F on Zz {id} {t{...F}}", "fragment F on P {id} {t{...F}}", "{t{... on P{id}}}"),
    *("{ t{ ...G } } fragment G on Query {t{id}}", "{ t{ ... on Query{n{id}} } }"),
    *("{ t{id: __typename id} }", "{ t @foo {id} }", "{ t @skip {id} }", "{ t(s:1){id} }"),
    *("query @skip(if:true) {t{id}}", "{t{id}} {t{id}}", "query A{t{id}} query A{t{id}}"),
    *("{ t(n:1,n:2){id} }", "query($x:Int,$x:Int){t(n:$x){id}}", "{ t(b:1){id} }"),
    *("{t{id @skip(if:true) @skip(if:true)}}", "subscription {t}", "type Q {a:Int}"),
    *("{ t(i:{a:1,zz:2}){id} }", "{ t(i:{}){id} }", "{ t(i:{a:1,b:[Z]}){id} }"),
    *('{ t(i:{a:1,b:["A"]}){id} }', "{ t(i:{a:1,o:{x:1,y:2}}){id} }", "{ t(i:5){id} }"),
    *("{ t(n:99999999999){id} }", "{ t(l:[null]){id} }", "{ t{id{x}} }", "{ t(k:1.5){id} }"),
    *("query($x:T){t{id}}", "{ t(n:1.5){id} }", "{ t(i:{a:1,a:2}){id} }"),
    *("query($x:Int){t(i:{a:1,o:{x:$x}}){id}}", "{ t(i:{a:null}){id} }"),
    *("fragment F on T {id} fragment F on T {id} {t{...F}}", "extend type T {a:Int}"),
)
BROKEN = (
    *("{ t ", "{ t(n: }", '"abc', '{ t(n: "abc) }', "{ é }", "query {", "{ a ?", "{ t(n:01) }"),
    *("fragment on on T {a}", '{ t(l:"\\q") }', "", "{ a } }", "{ t(n:{a:1 }) "),
)
VARIABLES: tuple[tuple[str, dict[str, Any]], ...] = (
    ("I!", {}),
    ("I!", {"i": None}),
    ("I", {"i": 5}),
    ("I", {"i": {"a": "x"}}),
    ("I", {"i": {"a": 1, "zz": 1}}),
    ("I", {"i": {"b": ["A"]}}),
    ("I", {"i": {"a": 1, "b": ["Q"]}}),
    ("I", {"i": {"a": 1, "b": [3]}}),
    ("I", {"i": {"a": 1, "o": {"x": 1, "y": 2}}}),
    ("I", {"i": {"a": 1, "o": {"x": None}}}),
    ("String", {"i": 5}),
    ("Boolean", {"i": "x"}),
    ("ID", {"i": 1.5}),
    ("Int", {"i": 1.5}),
    ("Int", {"i": 10**11}),
    ("[Int!]", {"i": [None]}),
    ("T", {"i": 1}),
)
LIBRARY = re.compile(
    r"cannot represent|Expected|Syntax Error|Did you mean|non-null|Undefined|None|inspect|Input"
)


def check(message: str) -> tuple[str, str]:
    zh, en = in_own_words(message)
    assert (zh, en) != UNKNOWN_SENTENCE, message
    assert re.search(r"[\u4e00-\u9fff]", zh), message
    assert not re.search(r"[\u4e00-\u9fff]", en), message
    assert not LIBRARY.search(zh + en), (message, zh, en)
    assert "{" not in zh + en, (message, zh)
    return zh, en


@pytest.mark.parametrize("document", DOCUMENTS)
def test_what_does_not_fit_the_interface_is_said_in_own_words(document: str) -> None:
    errors = validate(SCHEMA, parse(document), hide_suggestions=True)
    assert errors
    for error in errors:
        check(error.message)


@pytest.mark.parametrize("document", BROKEN)
def test_what_is_not_graphql_is_said_in_own_words(document: str) -> None:
    with pytest.raises(GraphQLError) as caught:
        parse(document)
    check(caught.value.message)


@pytest.mark.parametrize(("kind", "given"), VARIABLES)
def test_what_a_variable_may_not_be_is_said_with_its_name(kind: str, given: dict[str, Any]) -> None:
    (operation,) = parse(f"query($i:{kind}){{n{{id}}}}").definitions
    values = get_variable_values(
        SCHEMA,
        operation.variable_definitions,  # type: ignore[attr-defined]
        given,
        max_errors=1,
        hide_suggestions=True,
    )
    assert isinstance(values, list)
    zh, en = check(values[0].message)
    assert "$i" in zh
    assert "$i" in en


def test_a_refused_value_is_repeated_and_cut() -> None:
    zh, en = in_own_words("Variable '$i' has invalid value at .a: Int cannot represent value: 'x'")
    assert zh == "$i.a：'x' 不可用，应为整数，-2147483648 至 2147483647"
    assert en.startswith("$i.a: 'x' is not: a whole number from")
    zh, _ = in_own_words("Date cannot represent value: " + "9" * 10_000)
    assert len(zh) <= DETAIL_MAX
    assert "存在的日期" in zh


def test_a_sentence_that_nobody_knows_goes_out_as_its_kind_alone() -> None:
    assert in_own_words("Traceback: object at 0x7f") == UNKNOWN_SENTENCE


@pytest.mark.parametrize("value", [[], "\0x", True, "zz", 10**400])
def test_what_no_scalar_of_the_interface_takes_is_said_in_words(value: object) -> None:
    kinds = interface(standard_records()).schema.type_map.values()
    for kind in kinds:
        if isinstance(kind, GraphQLScalarType):
            try:
                kind.coerce_input_value(value)
            except (GraphQLError, TypeError, ValueError) as error:
                check(f"Variable '$x' has invalid value: {error}")


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ("a: changes(first: 1) { endCursor } b: changes(first: 2) { endCursor }", "one root field"),
        ("changes(first: 1) @include(if: false) { endCursor }", "@include"),
        ("__typename", "__typename"),
    ],
)
@pytest.mark.parametrize("name", ["", "Named"])
def test_a_subscription_that_is_none_is_not_said_to_be_missing(
    fields: str, said: str, name: str
) -> None:
    planner = Planner(interface(standard_records()), QueryLimits())
    with pytest.raises(QueryError, match=said):
        planner.read(f"subscription {name} {{ {fields} }}")


@pytest.mark.parametrize("by", ["{}", '{id: "x", key: "y"}', "{id: null}"])
def test_what_is_named_in_exactly_one_way_says_so(by: str) -> None:
    planner = Planner(interface(standard_records()), QueryLimits())
    with pytest.raises(QueryError, match="exactly one member"):
        document = planner.read(f"{{ instrument(by: {by}) {{ key }} }}")
        planner.plan(document, None, {}, Authority(frozenset({"catalogue:read"})))
