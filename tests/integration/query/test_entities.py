"""What a gateway gets for references: one statement, the rights of `/graphql`, each by itself."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from hub.errors import ErrorCode
from hub.graphql.request import GraphRequest
from hub.query.plan.limits import REFERENCES_MAX
from tests.databases import opened
from tests.integration.query.conftest import TUESDAY, A, Asker, B, C, P, caller, engine_on
from tests.integration.query.test_both_ways import CALLERS, executed, shown

pytestmark = pytest.mark.integration

T1, S1 = f"{A}/T1", f"{B}/S1"
ENTITIES = """query ($r: [_Any!]!) { _entities(representations: $r) {
  __typename
  ... on Instrument { key name { zh } originalValue { amount } institution { key } }
  ... on Institution { key name { en } }
  ... on ServiceRecord { localId charge { amount } }
  ... on Node { id } } }"""


@pytest.fixture
async def gateway(world_url: str) -> AsyncIterator[Asker]:
    async with opened(world_url) as database:
        yield Asker(engine_on(database), of_subgraph=True)


@pytest.fixture
async def ids(gateway: Asker) -> dict[str, str]:
    """Identities of everything that the caller sees, by type and key."""
    data = await gateway(
        "{ instruments { nodes { id key } } institutions { nodes { id key } }"
        " serviceRecords { nodes { id key } } serviceOffers { nodes { id key } } }",
        who=caller(A),
    )
    return {f"{field} {node['key']}": node["id"] for field in data for node in data[field]["nodes"]}


def by_key(record: str, key: str, **more: Any) -> dict[str, Any]:
    return {"__typename": record, "key": key, **more}


def by_id(record: str, identity: str) -> dict[str, Any]:
    return {"__typename": record, "id": identity}


async def test_references_of_any_type_and_key_are_answered_in_their_order(
    gateway: Asker, ids: dict[str, str]
) -> None:
    references = [
        by_key("Instrument", S1),
        by_id("Institution", ids[f"institutions {A}"]),
        by_id("Instrument", ids[f"instruments {T1}"]),
        by_key("Institution", "moe:99999"),
        by_key("Instrument", S1, calibratedOn="2026-01-01"),
        by_id("Institution", ids[f"instruments {T1}"]),
        by_key("Institution", C),
    ]
    data = await gateway(ENTITIES, {"r": references})
    assert gateway.codes == [], gateway.last
    found = data["_entities"]
    keys = [each and (each["__typename"], each["key"]) for each in found]
    assert keys == [
        ("Instrument", S1),
        ("Institution", A),
        ("Instrument", T1),
        None,
        ("Instrument", S1),
        None,
        ("Institution", C),
    ]
    assert found[2]["institution"] == {"key": A}
    assert found[0]["id"] == ids[f"instruments {S1}"]
    assert {each["id"] for each in gateway.last["extensions"]["sources"]} >= {"alpha", "beta"}


async def test_however_many_references_are_one_statement(
    gateway: Asker, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = gateway.engine._statements._database
    answer, sent = database.answer, []

    async def counted(sql: bytes, *more: Any) -> Any:
        sent.append(sql)
        return await answer(sql, *more)

    monkeypatch.setattr(database, "answer", counted)
    kinds = [by_key("Instrument", T1), by_key("Institution", A), by_id("ServiceRecord", "serv_x")]
    for count in (1, 3, 200):
        references = [kinds[n % len(kinds)] for n in range(count)]
        data = await gateway(ENTITIES, {"r": references})
        assert len(data["_entities"]) == count
    assert len(sent) == 3
    assert sent[1] == sent[2]
    assert gateway.last["extensions"]["cost"]["requested"] > 200


BAD = [
    {},
    {"__typename": "Nope", "id": "x"},
    {"__typename": "Instrument"},
    {"__typename": "Instrument", "key": 7},
    {"__typename": "Instrument", "key": "moe:1/\x00"},
    {"__typename": "Occupancy", "key": "moe:10335/T1/1"},
    "Instrument",
]


async def test_a_bad_reference_is_null_with_its_index_and_spoils_no_other(gateway: Asker) -> None:
    good = by_key("Instrument", T1)
    references = [each for bad in BAD for each in (good, bad)]
    data = await gateway(ENTITIES, {"r": references})
    assert [each and each["key"] for each in data["_entities"]] == [T1, None] * len(BAD)
    errors = gateway.last["errors"]
    bad_places = [2 * n + 1 for n in range(len(BAD))]
    assert [error["path"] for error in errors] == [["_entities", place] for place in bad_places]
    assert set(gateway.codes) == {ErrorCode.BAD_USER_INPUT.name}
    assert all(error["extensions"]["detail"] for error in errors)
    await gateway(ENTITIES.replace("_entities(", "e: _entities("), {"r": [{}]})
    assert [error["path"] for error in gateway.last["errors"]] == [["e", 0]]
    assert (await gateway(ENTITIES, {"r": []}))["_entities"] == []


async def test_more_references_than_the_bound_are_refused_as_a_whole(gateway: Asker) -> None:
    references = [by_key("Institution", A)] * (REFERENCES_MAX + 1)
    query = "query ($r: [_Any!]!) { _entities(representations: $r) { __typename } }"
    assert await gateway(query, {"r": references}) is None
    assert gateway.codes == [ErrorCode.BAD_USER_INPUT.name]
    data = await gateway(query, {"r": references[1:]})
    assert data["_entities"] == [{"__typename": "Institution"}] * REFERENCES_MAX


LITERAL = """query ($k: String!) { _entities(representations: [
  {__typename: "Instrument", key: $k}, {__typename: "Nope"}, {__typename: "Institution", key: "%s"}
]) { ... on Instrument { key } ... on Institution { name { zh } } } me { party } }"""
PAIRS = [by_key("Instrument", T1), by_key("Instrument", S1), {"__typename": "Instrument"}]
DOCUMENTS: list[tuple[str, dict[str, Any]]] = [
    (ENTITIES, {"r": PAIRS}),
    (ENTITIES, {"r": [by_key("Institution", B), by_key("Instrument", "no/thing")]}),
    (LITERAL % A, {"k": T1}),
    ("{ _entities(representations: []) { __typename } instruments { totalCount } }", {}),
    (
        "query ($r: [_Any!]!, $from: DateTime!, $until: DateTime!) {"
        " _entities(representations: $r) { ... on _Entity { ... on Instrument {"
        " availability(from: $from, until: $until) { status longestFreeHours } } } } }",
        {"r": PAIRS[:2], **TUESDAY},
    ),
]


@pytest.mark.parametrize("number", range(len(DOCUMENTS)))
async def test_a_statement_and_the_executor_give_a_gateway_the_same(
    gateway: Asker, number: int
) -> None:
    text, variables = DOCUMENTS[number]
    for who in CALLERS:
        compiled = json.loads((await gateway.raw(text, variables, who)).body)
        request = GraphRequest(query=text, variables=variables, of_subgraph=True)
        other = await executed(gateway.engine, request, who)
        assert compiled.get("data") is not None, compiled
        assert json.dumps(compiled["data"]) == json.dumps(other["data"]), who.party
        assert shown(compiled) == shown(other), who.party


async def test_what_a_caller_may_not_read_is_null_as_elsewhere(
    gateway: Asker, ids: dict[str, str]
) -> None:
    record = ids[f"serviceRecords {T1}/R1"]
    references = [by_key("Instrument", T1), by_id("ServiceRecord", record)]
    for who, reads in ((caller(A), True), (caller(C), False), (caller(None), False)):
        data = await gateway(ENTITIES, {"r": references}, who)
        instrument, service = data["_entities"]
        assert (instrument["originalValue"] is not None) is reads
        assert (service is not None) is reads
    poor = caller(A, frozenset({"catalogue:read", "graphql:adhoc"}))
    data = await gateway(ENTITIES, {"r": references}, poor)
    assert data["_entities"][1] is None
    assert gateway.codes == ["SCOPE_MISSING"]
    nobody = caller(P, frozenset({"graphql:adhoc"}))
    assert await gateway(ENTITIES, {"r": references}, nobody) is None
    assert gateway.codes == ["SCOPE_MISSING"]


async def test_the_text_for_composition_is_answered_and_only_there(
    gateway: Asker, ask: Asker
) -> None:
    data = await gateway("{ _service { sdl } me { party } }")
    text = data["_service"]["sdl"]
    assert text.startswith("extend schema\n  @link(url: ") or "@link(" in text[:40]
    assert "federation/v2.9" in text
    for query in ("{ _service { sdl } }", "{ _entities(representations: []) { __typename } }"):
        assert await ask(query) is None
        assert ask.codes == ["GRAPHQL_VALIDATION_FAILED"]
    types = "{ __schema { types { name } queryType { fields { name } } } }"
    names = {each["name"] for each in (await gateway(types))["__schema"]["types"]}
    assert {"_Any", "_Entity", "_Service"} <= names
    assert not {"_Any", "_Entity", "_Service"} & {
        each["name"] for each in (await ask(types))["__schema"]["types"]
    }
