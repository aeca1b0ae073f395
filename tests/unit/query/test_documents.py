"""What a document may ask for, and that finding it out costs little more than reading it.

Work is counted in calls of functions, Python's and C's, so nothing here depends on a clock.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any, TypeVar

import pytest
from graphql import FieldNode, OperationDefinitionNode, get_introspection_query

from hub.graphql.schema import interface
from hub.query.plan.arguments import NOTHING, Sample
from hub.query.plan.documents import GraphDocument, read_document, registered
from hub.query.plan.errors import QueryError
from hub.query.plan.limits import LINES_MAX, NESTING_MAX, STATEMENT_MAX, QueryLimits
from hub.query.plan.selection import Selection
from hub.query.sql.authorise import Authority
from hub.query.sql.planner import Planner
from hub.store.records import standard_records
from schema.registry import standard
from tests.unit.query import nasty_fields
from tests.unit.query.nasty import BACK, FAMILIES, LEAVES, ROOT, chain, fragments, repeated

T = TypeVar("T")
INTERFACE = interface(standard_records())
EVERYTHING = Authority(frozenset(item.scope for spec in standard() for item in spec.items))
GIVEN = {"a": True, "b": False, "v": "x", "n": 3, "f": "2026-12-01T00:00:00Z"}
STEPS_MAX = 400_000
"""Calls that reading and compiling one document may take."""
GROWTH_MAX = 5
"""Twice the size may take four times the steps, and a little."""


class TooManyStepsError(BaseException):
    """Not an Exception, so that nothing on the way takes it for a refusal."""


def counted(work: Callable[[], T]) -> tuple[int, T]:
    """Return how many functions are called, and the result; too many end the work."""
    count = 0

    def called(_frame: FrameType, event: str, _arg: Any) -> None:
        nonlocal count
        count += event in ("call", "c_call")
        if count > STEPS_MAX:
            raise TooManyStepsError

    sys.setprofile(called)
    try:
        result = work()
    finally:
        sys.setprofile(None)
    return count, result


def read(text: str, limits: QueryLimits | None = None) -> GraphDocument:
    return read_document(text, INTERFACE.schema, limits or QueryLimits())


def refusal(text: str, limits: QueryLimits | None = None) -> QueryError:
    with pytest.raises(QueryError) as error:
        read(text, limits)
    return error.value


def sql(document: GraphDocument, operation: OperationDefinitionNode) -> str:
    """Return the statement of one operation; empty when the executor takes it."""
    names = {each.variable.name.value for each in operation.variable_definitions or ()}
    given = {name: value for name, value in GIVEN.items() if name in names}
    name = operation.name.value if operation.name else None
    found = Planner(INTERFACE, QueryLimits()).plan(document, name, given, EVERYTHING).compiled
    return found.sql.decode() if found else ""


def asked(text: str) -> tuple[str, list[str]]:
    """Read a document and compile it, as the hub does; return its refusal's code and its SQL."""
    try:
        document = read(text)
        return "", [sql(document, each) for each in document.operations.values()]
    except QueryError as error:
        return error.code.name, []


# -- nasty documents ---------------------------------------------------------------------------


def test_there_are_many_nasty_documents() -> None:
    assert nasty_fields.__doc__
    assert len({made(size) for made, size in FAMILIES.values()}) == len(FAMILIES) >= 60


@pytest.mark.parametrize("name", FAMILIES)
def test_a_nasty_document_takes_few_steps_and_twice_of_it_not_many_more(name: str) -> None:
    made, size = FAMILIES[name]
    asked(made(2))  # what is worked out once for the process is not counted
    half, _ = counted(lambda: asked(made(size // 2)))
    whole, (code, statements) = counted(lambda: asked(made(size)))
    assert 0 < whole <= GROWTH_MAX * half
    assert all(len(each) <= STATEMENT_MAX for each in statements)
    # or the document would be harmless for another reason than the one that is tried
    assert code not in ("TOO_MANY_TOKENS", "GRAPHQL_PARSE_FAILED")


# -- cycles ------------------------------------------------------------------------------------


def test_fragments_that_spread_each_other_are_invalid_and_the_way_is_told() -> None:
    error = refusal("{ ...A }\nfragment A on Query { ...B }\nfragment B on Query { x { ...A } }")
    assert error.code.name == "GRAPHQL_VALIDATION_FAILED"
    assert error.detail == "Cannot spread fragment 'A' within itself via 'B'."
    assert error.locations == ((2, 23), (3, 27))


def test_a_fragment_that_spreads_itself_is_invalid() -> None:
    error = refusal("{ me { party } } fragment A on Query { ... { ...A } }")
    assert error.code.name == "GRAPHQL_VALIDATION_FAILED"
    assert error.detail == "Cannot spread fragment 'A' within itself."


def test_of_a_long_cycle_as_much_is_told_as_an_explanation_holds() -> None:
    names = [f"{'f' * 60}{n}" for n in range(20)]
    spread = (
        f"fragment {a} on Query {{ ...{b} }}"
        for a, b in zip(names, [*names[1:], names[0]], strict=True)
    )
    error = refusal(f"{{ ...{names[0]} }} {' '.join(spread)}")
    assert error.code.name == "GRAPHQL_VALIDATION_FAILED"
    assert len(error.detail) == 300
    assert len(error.locations) == 20


# -- fields and values -------------------------------------------------------------------------


def test_fields_and_values_are_counted_where_fragments_are_spread() -> None:
    wide = fragments(["key offers(first: 3) { code }"])  # 4 of them
    text = "{ instruments { nodes { ...F0 institution { instruments { nodes { ...F0 } } } } } }"
    nodes = 2 + 1 + 4 + 3 + 1 + 4
    assert read(text + wide, QueryLimits(fields=nodes))
    error = refusal(text + wide, QueryLimits(fields=nodes - 1))
    assert error.code.name == "TOO_MANY_FIELDS"
    assert error.detail == f"at most {nodes - 1} fields and values, fragments expanded"


def test_all_operations_of_a_document_count() -> None:
    text = "query A { me { party } } query B { ...F0 }" + fragments(["me { party }"], "Query")
    assert read(text, QueryLimits(fields=5))
    assert refusal(text, QueryLimits(fields=4)).code.name == "TOO_MANY_FIELDS"


@pytest.mark.parametrize(
    "useless",
    [
        "fragment U on Query { me { ...V } } fragment V on Me { party kind }",
        "fragment F on Me { party kind __typename clientId }",
    ],
    ids=["nobody spreads it", "another one has its name"],
)
def test_a_useless_fragment_counts_since_it_is_walked_over(useless: str) -> None:
    text = f"{{ me {{ ...F }} }} {useless} fragment F on Me {{ party }}"
    assert refusal(text, QueryLimits(fields=7)).code.name == "GRAPHQL_VALIDATION_FAILED"
    assert refusal(text, QueryLimits(fields=6)).code.name == "TOO_MANY_FIELDS"


@pytest.mark.parametrize(
    "text",
    [
        f"{{ nodes(ids: [{'1 ' * 985}]) {{ id }} }}",
        f"{{ instruments {{ nodes {{ {' '.join(['... { key }'] * 90 + [LEAVES] * 70)} }} }} }}",
        f"query ($v: ID!) {{ nodes(ids: [{'$v ' * 485}]) {{ id }} }}",
    ],
)
def test_a_document_without_fragments_is_never_refused_for_its_fields(text: str) -> None:
    limits = QueryLimits(pairs=10**9)
    assert read(text, limits)


def test_fields_that_come_again_and_again_are_refused_before_they_are_compared() -> None:
    def text(count: int) -> str:
        return f"{{ instruments {{ nodes {{ {'name { zh } ' * count} }} }} }}"

    pairs = 20 * 19 // 2 * 2  # of names, and of what stands inside them
    assert read(text(20), QueryLimits(pairs=pairs))
    error = refusal(text(20), QueryLimits(pairs=pairs - 1))
    assert error.code.name == "TOO_MANY_FIELDS"
    assert "again and again" in error.detail


def test_spreads_beside_each_other_are_pairs_as_well() -> None:
    spread = "{ instruments { nodes { ...F0 ...F1 ...F2 } } }"
    text = spread + fragments(["key", "localNo", "model"])
    assert read(text, QueryLimits(pairs=3))
    assert refusal(text, QueryLimits(pairs=2)).code.name == "TOO_MANY_FIELDS"


def test_fragments_that_are_shared_by_other_fragments_are_fine() -> None:
    text = """{ instruments { nodes { ...Card ...Detail } } }
      fragment Card on Instrument { ...Title place { ...Where } offers { ...Offer } }
      fragment Detail on Instrument { ...Title specification institution { key name { zh en } } }
      fragment Title on Instrument { key localNo name { zh en } }
      fragment Where on Place { address }
      fragment Offer on ServiceOffer { code unit price { amount currency } instrument { ...Title } }
    """
    document = read(text)
    assert sql(document, document.operation(None)).count("->'zh'") == 3


def test_twenty_whole_records_by_their_keys_are_fine() -> None:
    plain = " ".join(item.wire for item in standard()["Instrument"].items if item.value is None)
    nested = "provenance { __typename } name { zh en } classes { scheme code } place { address }"
    every = repeated(20, lambda n: f'a{n}: instrument(by: {{ key: "k{n}" }}) {{ ...F0 }}')
    document = read(f"{{ {every} }}" + fragments([f"id key {plain} {nested} offers {{ code }}"]))
    assert len(sql(document, document.operation(None))) * 2 < STATEMENT_MAX


@pytest.mark.parametrize("text", [*registered().values(), get_introspection_query()])
def test_what_everybody_sends_keeps_far_from_the_bounds(text: str) -> None:
    assert read(text, QueryLimits(fields=QueryLimits().fields // 4, pairs=0))


# -- each bound has its code -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (f"{{ {'me ' * 1000} }}", "TOO_MANY_TOKENS"),
        ("\n" * LINES_MAX + "\n{ me { party } }", "TOO_MANY_TOKENS"),
        ("\r" * LINES_MAX + "\n{ me { party } }", "TOO_MANY_TOKENS"),
        (f"{{ {repeated(31, lambda n: f'a{n}: me {{ party }}')} }}", "TOO_MANY_ALIASES"),
        ("{ me { party " + "@skip(if: true) " * 21 + "} }", "TOO_MANY_DIRECTIVES"),
        ("{ ...F0 }" + fragments(["me { party }"] * 21, "Query"), "TOO_DEEP"),
        ("{ ...F0 }" + "fragment F0 on Query { me { party } } " * 21, "TOO_DEEP"),
        (ROOT + chain(7, lambda f: f"{BACK[0]} {{ {f} }} }}"), "TOO_DEEP"),
        (f"{{ me {'{ ... ' * NESTING_MAX} {{ party }} {'}' * NESTING_MAX} }}", "TOO_DEEP"),
        (ROOT + chain(20, lambda f: "... { " * 6 + f + " }" * 6), "TOO_DEEP"),
        ("{ ...F0 ...F0 }" + fragments(["me { party } " * 11], "Query"), "TOO_MANY_ROOT_FIELDS"),
        ("{ ...F0 } { me { party } }" + chain(19, lambda f: f * 2, LEAVES, "Query"),
         "TOO_MANY_ROOT_FIELDS"),
        ("{ me { ...F0 } }" + chain(19, lambda f: f"{f} {f}", "party", "Me"), "TOO_MANY_FIELDS"),
    ],
)  # fmt: skip
def test_each_bound_has_its_code(text: str, code: str) -> None:
    assert refusal(text).code.name == code


def test_few_fields_that_make_a_long_statement_are_refused_before_it_is_sent() -> None:
    ways = repeated(15, lambda n: f"a{n}: offers(first: 1) {{ instrument {{ ...F1 }} }}")
    prices = repeated(15, lambda n: f"p{n}: priceEstimate(audience: OUTSIDE) {{ status }}")
    document = read(ROOT + fragments([ways, prices]))
    with pytest.raises(QueryError) as error:
        sql(document, document.operation(None))
    assert error.value.code.name == "TOO_MANY_FIELDS"
    assert f"at most {STATEMENT_MAX}" in error.value.detail


# -- merging -----------------------------------------------------------------------------------


def test_a_fragment_counts_once_in_selection_sets_that_are_merged() -> None:
    size = 5
    step = "offers {{ instrument {{ {0} }} }} offers {{ instrument {{ {0} }} }}".format
    document = read(ROOT + chain(size, step))
    selection = Selection(INTERFACE.schema, document.fragments, Sample(NOTHING))
    nodes: list[FieldNode] = [next(iter(_fields(document.operation(None))))]
    way = ["InstrumentConnection", "Instrument"] + ["ServiceOffer", "Instrument"] * (size - 1)
    for name in way:
        nodes = next(iter(selection.subfields(nodes, name).values()))
        assert len(nodes) <= 2
    assert nodes[0].name.value == "id"


def _fields(operation: OperationDefinitionNode) -> list[FieldNode]:
    return [each for each in operation.selection_set.selections if isinstance(each, FieldNode)]


def test_fragments_that_are_spread_twice_make_the_statement_of_one_spread() -> None:
    step = "offers {{ instrument {{ {0} }} }} {1}".format
    twice = read(ROOT + chain(5, lambda f: step(f, step(f, ""))))
    once = read(ROOT + chain(5, lambda f: step(f, "")))
    made = sql(twice, twice.operation(None))
    assert made == sql(once, once.operation(None))
    assert "service_offer" in made
