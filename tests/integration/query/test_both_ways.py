"""The compiled statement and the executor answer alike: a differential over many documents."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from hub.access.resource import Caller
from hub.graphql.request import Asking, GraphRequest
from hub.graphql.service import Engine
from hub.query.sql.compiled import Compiled
from hub.query.sql.planner import Plan
from tests.integration.query.conftest import ALL, READ, TUESDAY, A, Asker, B, C, P, caller
from tests.integration.query.test_reading import DEMO

pytestmark = pytest.mark.integration

EVERYTHING = """{ instruments(first: 100) { nodes {
  id key localNo name { zh en } classes { scheme version code } subjects { code } model manufacturer
  originCountry serialNo specification functions accessories originalValue { amount currency }
  acquisition funding { source amount { amount } } acceptedOn bookedOn commissionedOn joinedOn use
  status sharing carrier centreCode place { divisionCode address } topics customsStatus
  serviceContent rules achievements bookingUrl contact annualHours annualSharedHours imageUrl
  identifiers { scheme value } originals { path text }
  provenance { source asOf acceptedAt revision revisionId assurance channel entryId } } } }"""

DOCUMENTS: list[tuple[str, dict[str, Any]]] = [
    ("{ instruments { totalCount } }", {}),
    (EVERYTHING, {}),
    (DEMO, TUESDAY),
    ("{ institutions(orderBy: NAME_DESC) { nodes { name { zh } kind divisionCode } } }", {}),
    ("{ centres { nodes { code kind institution { key } operatorKey postsCount } } }", {}),
    ("{ serviceOffers { nodes { code audience unit price { amount } validUntil } } }", {}),
    ("{ occupancies(orderBy: START_AT_DESC) { nodes { localId kind startAt endAt } } }", {}),
    ("{ serviceRecords { totalCount nodes { localId hours ways charge { amount } } } }", {}),
    ("{ serviceRecords(orderBy: ENDED_AT_DESC) { nodes { localId } } }", {}),
    ("{ usageRecords { nodes { localId hours userSide instrument { key } } } }", {}),
    ("{ agreements { nodes { providerKey consumerKey dataset fields purpose } } }", {}),
    ("{ sources { id title status rows errorCode latencyMs servedFrom asOf grade missing } }", {}),
    ('{ instruments(search: "电镜") { nodes { key } sources { id } } }', {}),
    ('{ instrument(by: { key: "moe:10335/T1" }) { offers { code } coverage { startAt } } }', {}),
    ('{ instrument(by: { key: "no/thing" }) { id } }', {}),
    ('{ node(id: "instr_none") { id } nodes(ids: []) { id } }', {}),
    ("{ a: instruments(first: 1) { x: nodes { y: key } } b: institutions { totalCount } }", {}),
    (
        "query ($f: InstrumentFilter, $n: Int = 2) { instruments(filter: $f, first: $n) {"
        " edges { cursor node { key } } pageInfo { hasNextPage endCursor startCursor } } }",
        {"f": {"status": {"in": ["IN_SERVICE"]}, "classes": [{"scheme": "GB/T 32847"}]}},
    ),
    ("{ instruments(last: 2) { nodes { key } pageInfo { hasPreviousPage hasNextPage } } }", {}),
    (
        "query ($s: Boolean!) { instruments(first: 1) @skip(if: $s) { totalCount }"
        " institutions(first: 1) @include(if: $s) { nodes { __typename id } } }",
        {"s": True},
    ),
    (
        "{ instruments(first: 3) { nodes { ...A institution { ...B } } } }"
        " fragment A on Instrument { key ... on Node { id } institution { key } }"
        " fragment B on Institution { name { zh } instruments(first: 1) { nodes { ...C } } }"
        " fragment C on Instrument { localNo }",
        {},
    ),
    ("{ instruments(first: 1) { __typename nodes { __typename name { __typename }}}}", {}),
    ("{ instruments(first: 1) { nodes { openingHours(first: 2) {weekday periods { opens }}}}}", {}),
    ("{ instruments { nodes { occupancies(first: 1) { totalCount nodes { certainty } } } } }", {}),
    ("{ instruments(orderBy: [ORIGINAL_VALUE_DESC, NAME_ASC]) { nodes { key annualHours } } }", {}),
    ("{ instruments(first: 101) { nodes { key } } }", {}),
    ('{ instruments(after: "bad") { nodes { key } } }', {}),
]  # fmt: skip
CALLERS = [caller(P), caller(A), caller(B), caller(C), caller(None), caller(A, READ)]


async def executed(engine: Engine, request: GraphRequest, who: Caller) -> dict[str, Any]:
    """Answer a request by the executor, though it could be compiled."""
    planner = engine.planner
    plan = type(planner).plan

    def uncompiled(*arguments: Any, **more: Any) -> Plan:
        return replace(plan(planner, *arguments, **more), compiled=None)

    planner.plan = uncompiled  # type: ignore[method-assign]
    try:
        answer = await engine.answer(request, Asking(caller=who, language="en"))
    finally:
        del planner.plan  # type: ignore[method-assign]
    found: dict[str, Any] = json.loads(answer.body)
    return found


@pytest.mark.parametrize("number", range(len(DOCUMENTS)))
async def test_a_statement_and_the_executor_give_the_same(ask: Asker, number: int) -> None:
    text, variables = DOCUMENTS[number]
    for who in CALLERS:
        request = GraphRequest(query=text, variables=variables)
        answer = await ask.engine.answer(request, Asking(caller=who, language="en"))
        compiled = json.loads(answer.body)
        other = await executed(ask.engine, request, who)
        assert compiled.get("data") == other.get("data"), who.party
        assert shown(compiled) == shown(other), who.party
        if compiled.get("data"):
            # the same order of keys too
            assert json.dumps(compiled["data"]) == json.dumps(other["data"])
            extensions, others = compiled["extensions"], other["extensions"]
            assert extensions.get("denied") == others.get("denied")
            assert extensions["sources"] == others["sources"]
            assert extensions["cost"]["requested"] == others["cost"]["requested"]


def shown(answer: dict[str, Any]) -> set[tuple[str, str, str]]:
    """Return code, scope and detail of each error; an executed field also has a path."""
    return {
        (
            error["extensions"]["code"],
            error["extensions"].get("scope", ""),
            error["extensions"].get("detail", ""),
        )
        for error in answer.get("errors", [])
    }


async def test_most_documents_are_one_statement(ask: Asker) -> None:
    from hub.query.sql.authorise import Authority

    planner = ask.engine.planner
    for text, variables in DOCUMENTS:
        document = planner.keep(planner.read(text))
        plan = planner.plan(document, None, variables, Authority(ALL))
        assert isinstance(plan.compiled, Compiled), text
