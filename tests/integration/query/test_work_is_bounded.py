"""What a request makes the hub do is bounded before it is done."""

from __future__ import annotations

import json
from typing import Any

import pytest
from graphql import get_introspection_query

from hub.access.resource import Caller
from hub.clock import system_clock
from hub.graphql.hooks import ServiceFacts
from hub.graphql.request import Asking, GraphRequest
from hub.graphql.service import Engine, Parts
from hub.store.database import Database

pytestmark = pytest.mark.integration
LISTED = "types { fields { name type { name ofType { name } } } }"


@pytest.fixture
def engine(database: Database) -> Engine:
    facts = ServiceFacts(version="1", standard_version="1", sandbox=True)
    return Engine(database, system_clock, Parts(facts=facts))


async def ask(engine: Engine, query: str, variables: dict[str, Any] | None = None) -> Any:
    caller = Caller("c", "moe:10335", None, frozenset({"catalogue:read", "graphql:adhoc"}))
    request = GraphRequest(query=query, variables=variables or {})
    return json.loads((await engine.answer(request, Asking(caller=caller))).body)


async def codes(
    engine: Engine, document: str, variables: dict[str, Any] | None = None
) -> list[str]:
    answer = await ask(engine, document, variables)
    return [each["extensions"]["code"] for each in answer.get("errors", [])]


async def test_a_tool_may_introspect_the_schema_and_it_costs(engine: Engine) -> None:
    answer = await ask(engine, get_introspection_query())
    assert len(answer["data"]["__schema"]["types"]) > 50
    assert answer["extensions"]["cost"]["requested"] >= 100


@pytest.mark.parametrize(
    "document",
    [
        f"{{ a: __schema {{ {LISTED} }} b: __schema {{ {LISTED} }} }}",
        f"{{ __schema {{ a: {LISTED} b: {LISTED} }} }}",
        f"{{ ...A ...B }} fragment A on Query {{ a: __schema {{ ...T }} }} "
        f"fragment B on Query {{ b: __schema {{ ...T }} }} fragment T on __Schema {{ {LISTED} }}",
        "{ " + " ".join(f't{n}: __type(name: "Query") {{ name }}' for n in range(20)) + "}"
        " query B { a: __schema { x: types { name } y: types { name } } }",
    ],
)
async def test_the_schema_is_introspected_once_in_a_document(engine: Engine, document: str) -> None:
    assert set(await codes(engine, document)) & {"TOO_MANY_FIELDS", "GRAPHQL_VALIDATION_FAILED"}


async def test_introspection_is_asked_for_by_itself(engine: Engine) -> None:
    assert await codes(engine, "{ __schema { queryType { name } } __typename }") == []
    mixed = "{ __schema { queryType { name } } me { party } }"
    assert await codes(engine, mixed) == ["TOO_MANY_ROOT_FIELDS"]


async def test_variables_are_counted_before_they_are_read(engine: Engine) -> None:
    document = "query Q($ids: [ID!]!) { nodes(ids: $ids) { id } }"
    many = {"ids": [1.5] * 50_001}
    assert len(json.dumps(many)) < 1024 * 1024
    assert await codes(engine, document, many) == ["BAD_USER_INPUT"]
    deep: list[Any] = []
    for _ in range(400):
        deep = [deep, deep[:0]]
    assert await codes(engine, document, {"ids": deep}) == ["BAD_USER_INPUT"]


@pytest.mark.parametrize(
    "document",
    [
        "mutation { a: withdrawRecord(input: {}) { ok } b: withdrawRecord(input: {}) { ok } }",
        "mutation { ...F ...G } fragment F on Mutation { a: __typename } "
        "fragment G on Mutation { b: __typename } ",
    ],
)
async def test_a_request_makes_one_change_for_its_one_key(engine: Engine, document: str) -> None:
    assert await codes(engine, document) == ["TOO_MANY_ROOT_FIELDS"]
