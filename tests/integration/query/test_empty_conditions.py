"""A condition without a value is refused, however it came to have none (case 10)."""

from __future__ import annotations

from typing import Any

import pytest

from hub.explorer import samples
from tests.integration.query.conftest import Asker

pytestmark = pytest.mark.integration

MEMBERS = [
    ("localNo", "eq", "String"),
    ("localNo", "startsWith", "String"),
    ("localNo", "in", "[String!]"),
    ("status", "eq", "InstrumentStatus"),
    ("status", "in", "[InstrumentStatus!]"),
    ("originalValue", "gte", "Decimal"),
    ("place", "eq", "String"),
]


async def code(ask: Asker, query: str, variables: dict[str, Any] | None = None) -> str | None:
    await ask(query, variables)
    return next(iter(ask.codes), None)


@pytest.mark.parametrize(("item", "test", "kind"), MEMBERS)
async def test_a_condition_without_a_value_is_refused(
    ask: Asker, item: str, test: str, kind: str
) -> None:
    schema_name = {"place": "division"}.get(item, item)
    literal = "{{ instruments(filter: {{ {}: {{ {}: {} }} }}) {{ totalCount }} }}"
    values = ["null", *(["[]"] if kind.startswith("[") else [])]
    for value in values:
        assert await code(ask, literal.format(schema_name, test, value)) == "BAD_USER_INPUT"
    query = f"query Q($x: {kind}) {literal.format(schema_name, test, '$x')}"
    empty: list[dict[str, Any]] = [{}, {"x": None}]
    empty += [{"x": []}] if kind.startswith("[") else []
    for variables in empty:
        assert await code(ask, query, variables) == "BAD_USER_INPUT"
    assert await code(ask, literal.format(schema_name, test, "{}")) is not None


WHOLE = [
    {"localNo": None},
    {"localNo": {}},
    {"localNo": {"eq": None}},
    {"localNo": {"in": []}},
    {"classes": []},
    {"classes": None},
    {"classes": [{"scheme": "GB/T 32847", "under": None}]},
    {"provinces": []},
    {"provinces": None},
    {"updatedSince": None},
    {"availableFor": None},
    {"sharing": {"eq": "OUTSIDE"}, "localNo": {"in": []}},
]


@pytest.mark.parametrize("value", WHOLE, ids=str)
async def test_it_is_refused_in_a_variable_for_the_whole_filter_too(
    ask: Asker, value: dict[str, Any]
) -> None:
    query = "query Q($f: InstrumentFilter) { instruments(filter: $f) { totalCount } }"
    full = await ask(query, {"f": {"localNo": {"in": ["none"]}}})
    assert full["instruments"]["totalCount"] == 0
    assert await code(ask, query, {"f": value}) == "BAD_USER_INPUT"
    assert "filter." in str(ask.last["errors"])


async def test_a_list_is_empty_after_a_plan_for_a_full_one_was_made(ask: Asker) -> None:
    query = (
        "query Q($x: [String!]!) { instruments(filter: { localNo: { in: $x } }) { totalCount } }"
    )
    assert await code(ask, query, {"x": ["S1"]}) is None
    assert await code(ask, query, {"x": []}) == "BAD_USER_INPUT"
    assert await code(ask, query, {"x": ["S1", "S2"]}) is None


async def test_conditions_of_an_edge_need_values_as_well(ask: Asker) -> None:
    query = (
        "query Q($x: DateTime) { instruments(first: 2) { nodes {"
        " occupancies(filter: { startAt: { lt: $x } }) { totalCount } } } }"
    )
    assert await code(ask, query) == "BAD_USER_INPUT"
    assert await code(ask, query, {"x": "2026-11-24T00:00:00Z"}) is None


async def test_a_filter_without_conditions_is_none(ask: Asker) -> None:
    every = await ask("{ instruments { totalCount } }")
    assert every["instruments"]["totalCount"] > 0
    for text in ("filter: {}", "filter: null"):
        assert await ask(f"{{ instruments({text}) {{ totalCount }} }}") == every
    query = "query Q($f: InstrumentFilter) { instruments(filter: $f) { totalCount } }"
    for variables in ({}, {"f": None}, {"f": {}}):
        assert await ask(query, variables) == every


async def test_what_is_not_asked_for_in_a_registered_document_has_a_default(ask: Asker) -> None:
    text = samples.document("instruments_of_class")
    assert await code(ask, text, {"class": "0101"}) is None


@pytest.mark.parametrize("name", ["localNo", "division"])
async def test_nothing_begins_with_the_empty_text(ask: Asker, name: str) -> None:
    query = (
        f"query Q($x: String) {{ instruments(filter: {{ {name}: {{ startsWith: $x }} }})"
        " { totalCount } }"
    )
    assert (await ask(query, {"x": ""}))["instruments"]["totalCount"] == 0
    assert (await ask(query, {"x": "S" if name == "localNo" else "33"}))["instruments"][
        "totalCount"
    ] > 0
