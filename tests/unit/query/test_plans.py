"""What a plan depends on, and what it never depends on."""

from __future__ import annotations

import re
from typing import Any

import pytest

from hub.graphql.schema import interface, sdl
from hub.query.plan.documents import document_id, registered
from hub.query.plan.errors import QueryError
from hub.query.plan.limits import LIST_COSTED, QueryLimits
from hub.query.sql.authorise import Authority
from hub.query.sql.compiled import Compiled
from hub.query.sql.model import relations
from hub.query.sql.planner import Planner
from hub.store.records import standard_records
from schema.codes import AgreementDataset
from schema.registry import standard

INTERFACE = interface(standard_records())
READER = Authority(frozenset({"catalogue:read"}))
FULL = Authority(frozenset({"catalogue:read", "asset:read", "service:read"}))
SEARCH = """query ($f: InstrumentFilter, $n: Int, $o: [InstrumentOrder!], $s: String) {
  instruments(filter: $f, first: $n, orderBy: $o, search: $s) { nodes { key annualHours } }
}"""


@pytest.fixture
def planner() -> Planner:
    return Planner(INTERFACE, QueryLimits(documents_cached=4, plans_cached=3))


def compiled(
    planner: Planner, text: str, variables: dict[str, Any], authority: Authority = READER
) -> Compiled:
    document = planner.known(text) or planner.keep(planner.read(text))
    found = planner.plan(document, None, variables, authority).compiled
    assert found is not None
    return found


def test_values_never_make_another_plan(planner: Planner) -> None:
    first = compiled(planner, SEARCH, {"f": {"status": {"eq": "IDLE"}}, "n": 3, "s": "a"})
    again = compiled(planner, SEARCH, {"f": {"status": {"eq": "LOST"}}, "n": 99, "s": "b"})
    assert first is again


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"f": None},
        {"f": {"status": {"in": ["IDLE"]}}},
        {"f": {"localNo": {"eq": "x"}}},
        {"f": {"classes": [{"scheme": "s"}]}},
        {"f": {"classes": [{"scheme": "s"}, {"scheme": "s"}]}},
        {"o": ["NAME_DESC"]},
        {"o": ["NAME_ASC"]},
        {"s": "x"},
        {"n": 1},
    ],
)
def test_what_is_given_makes_the_plan(planner: Planner, variables: dict[str, Any]) -> None:
    other = compiled(planner, SEARCH, {"f": {"status": {"eq": "IDLE"}}})
    assert compiled(planner, SEARCH, variables) is not other


def test_scopes_and_limited_agreements_are_part_of_the_key(planner: Planner) -> None:
    plain = compiled(planner, SEARCH, {}, FULL)
    assert compiled(planner, SEARCH, {}, READER) is not plain
    limited = Authority(FULL.scopes, limited=frozenset({AgreementDataset.ASSET}))
    assert compiled(planner, SEARCH, {}, limited) is not plain
    assert "ANY(" in plain.sql.decode()


def test_what_is_kept_is_bounded_and_the_oldest_goes(planner: Planner) -> None:
    texts = [f"{{ instruments(first: {n}) {{ nodes {{ id }} }} }}" for n in range(6)]
    for text in texts:
        compiled(planner, text, {})
    assert [planner.known(text) is not None for text in texts] == [False] * 2 + [True] * 4
    for n in range(1, 6):
        compiled(planner, SEARCH, {"f": {"classes": [{"scheme": "s"}] * n}})
    document = planner.known(SEARCH)
    assert document is not None
    assert len(document.plans) == 3


def test_a_document_that_cannot_be_one_statement_is_tried_once(planner: Planner) -> None:
    document = planner.read("{ me { party } }")
    assert planner.plan(document, None, {}, READER).compiled is None
    assert list(document.plans.values()) == [None]


def test_a_field_without_scope_reads_no_column(planner: Planner) -> None:
    text = compiled(planner, SEARCH, {}, READER)
    assert "annual_hours" not in text.sql.decode()
    assert [each.path for each in text.denied] == [("instruments", "nodes", "annualHours")]
    assert "annual_hours" in compiled(planner, SEARCH, {}, FULL).sql.decode()


def test_a_wide_object_is_nested_below_the_limit_of_arguments(planner: Planner) -> None:
    names = [f"a{n}: localNo" for n in range(30)]
    everything = " ".join(
        item.wire for item in standard()["Instrument"].items if item.value is None and not item.many
    )
    wide = f"{{ instruments {{ nodes {{ {' '.join(names)} {everything} }} }} }}"
    made = compiled(planner, wide, {}, FULL).sql.decode()
    for call in re.finditer(r"concat\(", made):
        assert _arguments(made, call.end()) <= 100


def _arguments(text: str, start: int) -> int:
    depth, count, quoted = 0, 1, False
    for char in text[start:]:
        if char == "'":
            quoted = not quoted
        elif quoted:
            continue
        elif char in "([":
            depth += 1
        elif char in ")]":
            depth -= 1
            if depth < 0:
                break
        elif char == "," and depth == 0:
            count += 1
    return count


def test_parameters_are_numbered_without_gaps(planner: Planner) -> None:
    made = compiled(planner, "query ($n: Int) { instruments(first: $n) { totalCount } }", {"n": 1})
    assert made.binds == ()
    assert len(made.checks) == 1
    made = compiled(planner, SEARCH, {"f": {"localNo": {"eq": "x"}}, "n": 1, "s": "y"}, FULL)
    numbers = {int(found) for found in re.findall(r"\$(\d+)", made.sql.decode())}
    assert numbers == set(range(1, len(made.binds) + 1))


def test_the_cost_of_a_request_is_known_from_its_values(planner: Planner) -> None:
    text = """query ($n: Int) { instruments(first: $n) {
      nodes { key name { zh } institution { key } offers(first: 10) { code } } } }"""
    document = planner.read(text)

    def cost(variables: dict[str, Any]) -> int:
        plan = planner.plan(document, None, variables, READER)
        assert plan.compiled is not None
        return plan.compiled.cost.total(plan.values)

    # the connection; and per row: itself, its name, its institution, offers, which are few
    assert cost({"n": 20}) == 1 + 20 * (3 + LIST_COSTED)
    assert cost({"n": 0}) == 1
    assert cost({}) == cost({"n": 20})


def test_the_demo_costs_well_below_the_limit(planner: Planner) -> None:
    text = next(each for each in registered().values() if "availableFor" in each)
    variables = {"from": "2026-12-01T00:00:00Z", "until": "2026-12-02T00:00:00Z"}
    document = planner.read(text)
    operation = document.operation(None)
    names = {each.variable.name.value for each in operation.variable_definitions or ()}
    given = {
        "class": "010101",
        "hours": "4",
        "audience": "ENTERPRISE",
        "first": 20,
        **variables,
    }
    plan = planner.plan(document, None, {k: v for k, v in given.items() if k in names}, READER)
    assert plan.compiled is not None
    total = plan.compiled.cost.total(plan.values)
    assert total * 2 < QueryLimits().cost


def test_every_registered_document_fits_the_interface(planner: Planner) -> None:
    for identity, text in registered().items():
        assert planner.read(text).text == text
        assert document_id(text) == identity


@pytest.mark.parametrize("text", ["{", "{ nothing }", "query A { me { party } } {me{party}}", ""])
def test_a_bad_document_is_refused_and_not_kept(planner: Planner, text: str) -> None:
    with pytest.raises(QueryError):
        planner.read(text)
    assert planner.known(text) is None


def test_fragments_that_spread_each_other_widely_are_counted_quickly(planner: Planner) -> None:
    spreads = "".join(f"fragment F{n} on Query {{ ...F{n + 1} ...F{n + 1} }} " for n in range(19))
    text = f"{{ ...F0 }} {spreads} fragment F19 on Query {{ me {{ party }} }}"
    with pytest.raises(QueryError) as error:
        planner.read(text)
    assert error.value.code.name in ("TOO_MANY_ROOT_FIELDS", "TOO_DEEP")


def test_the_model_reads_tables_and_columns_that_exist() -> None:
    for name, spec in standard().specs.items():
        read = standard_records().tables[name].read
        assert INTERFACE.model.tables[name] == read.name
        columns = set(read.c.keys())
        assert {item.name for item in spec.items} <= columns
        for field in relations(spec, standard()).values():
            used = re.findall(r"\{t\}\.(\w+)", getattr(field, "on", ""))
            assert set(used) <= columns


def test_every_field_of_every_record_is_in_the_model() -> None:
    for name in standard().names:
        kind = INTERFACE.schema.type_map[name]
        assert set(kind.fields) == set(INTERFACE.model.fields[name])  # type: ignore[attr-defined]


def test_the_interface_is_printed_with_its_scopes() -> None:
    text = sdl(INTERFACE.model)
    assert 'originalValue: Money @requiresScope(scope: "asset:read")' in text
    assert "directive @requiresScope(scope: String!) on FIELD_DEFINITION" in text
    assert 'scalar Decimal @specifiedBy(url: "' in text
    assert "input InstrumentBy @oneOf" in text


@pytest.mark.parametrize("is_fresh", [False, True])
def test_a_kept_plan_holds_on_to_no_caller_s_values(planner: Planner, *, is_fresh: bool) -> None:
    import gc

    class Secret(str):
        __slots__ = ("__weakref__",)

    secret = Secret("a value of somebody")
    compiled(planner, SEARCH, {"s": "x"})
    document = planner.known(SEARCH)
    assert document is not None
    values = planner.read_variables(document, None, {"s": "x"}).values
    values.coerced["s"] = secret
    kept = planner._compiled(document, document.operation(None), values, READER, is_fresh=is_fresh)
    del values
    gc.collect()
    # this frame's name and the argument of getrefcount
    import sys

    assert kept is not None
    assert sys.getrefcount(secret) <= 3


def test_a_list_that_would_shape_a_statement_is_bounded(planner: Planner) -> None:
    variables = {"f": {"classes": [{"scheme": "s"}] * 21}}
    with pytest.raises(QueryError) as error:
        compiled(planner, SEARCH, variables)
    assert error.value.code.name == "BAD_USER_INPUT"


def test_of_an_interface_the_dearest_type_counts(planner: Planner) -> None:
    text = """query ($id: ID!) { node(id: $id) { id
      ... on Institution { instruments(first: 50) { nodes { id } } }
      ... on Instrument { name { zh } place { address } institution { key } } } }"""
    document = planner.read(text)
    plan = planner.plan(document, None, {"id": "x"}, READER)
    assert plan.compiled is not None
    assert plan.compiled.cost.total(plan.values) == 1 + 1 + 50
