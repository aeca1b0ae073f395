"""Ids and keys that a link has replaced: they still answer, and say what they are known by now."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from hub.access.resource import Caller
from hub.graphql.request import Asking, GraphRequest
from tests.integration.identity.conftest import (
    A,
    B,
    C,
    Hub,
    U,
    caller,
    institution,
    instrument,
    key_of,
    link,
    usage,
)

pytestmark = pytest.mark.integration
NODE = "query($id: ID!) { node(id: $id) { id ... on Instrument { key model } } }"
NODES = "query($ids: [ID!]!) { nodes(ids: $ids) { id } }"


async def whole(hub: Hub, query: str, who: Caller | None = None, **variables: Any) -> Any:
    """Return an answer with its extensions, some seconds later: names are read each second."""
    hub.at += timedelta(seconds=2)
    asking = Asking(caller=who or caller(None), language="en")
    answer = await hub.engine.answer(GraphRequest(query=query, variables=variables), asking)
    found = json.loads(answer.body)
    assert "errors" not in found, found
    return found


def replaced(answer: Any) -> Any:
    return answer["extensions"].get("replacedBy")


async def linked(hub: Hub) -> dict[str, str]:
    """Link two institutions; return the ids of what A stated before that, by type and key."""
    said = await hub.say("a", institution(A), instrument(A, "1", model="X"), usage(f"{A}/1"))
    await hub.say("u", institution(U))
    await hub.say("op", link(A, U))
    return {str(row.record_type): str(row.item_id) for row in said}


async def test_a_former_id_answers_and_says_what_it_is_now(hub: Hub) -> None:
    former = (await linked(hub))["Instrument"]
    answer = await whole(hub, NODE, id=former)
    now = answer["data"]["node"]["id"]
    assert answer["data"]["node"] == {"id": now, "key": f"{U}/1", "model": "X"}
    assert now != former
    assert replaced(answer) == {former: now}
    again = await whole(hub, NODE, id=now)
    assert (again["data"], replaced(again)) == (answer["data"], None)


async def test_a_gateway_s_reference_finds_by_former_id_and_key_what_is_known_now(hub: Hub) -> None:
    ids = await linked(hub)
    query = """query($r: [_Any!]!) { _entities(representations: $r) {
      ... on Instrument { id key } ... on Institution { key } } }"""
    references = [
        {"__typename": "Instrument", "id": ids["Instrument"]},
        {"__typename": "Instrument", "key": f"{A}/1"},
        {"__typename": "Instrument", "key": f"{U}/1"},
        {"__typename": "Institution", "key": A},
    ]
    hub.at += timedelta(seconds=2)
    request = GraphRequest(query=query, variables={"r": references}, of_subgraph=True)
    answer = json.loads((await hub.engine.answer(request, Asking(caller=caller(None)))).body)
    assert "errors" not in answer, answer
    *instruments, institution = answer["data"]["_entities"]
    assert {each["key"] for each in instruments} == {f"{U}/1"}
    (now,) = {each["id"] for each in instruments}
    assert replaced(answer) == {ids["Instrument"]: now}
    assert institution == {"key": U}


async def test_former_ids_and_keys_find_what_they_named(hub: Hub) -> None:
    ids = await linked(hub)
    both = [ids["Institution"], ids["Instrument"]]
    answer = await whole(hub, NODES, ids=[*both, "instr_nobody", "?"])
    assert [node and node["id"] for node in answer["data"]["nodes"]] == [
        *(replaced(answer)[each] for each in both),
        *(None, None),
    ]
    by = "query($by: InstrumentBy!) { instrument(by: $by) { key } }"
    for named in ({"id": ids["Instrument"]}, {"key": f"{A}/1"}, {"key": f"{U}/1"}):
        assert (await whole(hub, by, by=named))["data"]["instrument"] == {"key": f"{U}/1"}
    counted = "query($f: InstrumentFilter) { instruments(filter: $f) { totalCount } }"
    for where in ({"eq": A}, {"eq": U}, {"in": [A, B]}):
        found = await whole(hub, counted, f={"institutionKey": where})
        assert found["data"]["instruments"]["totalCount"] == 1


async def test_nobody_learns_by_a_former_id_of_what_not_everybody_sees(hub: Hub) -> None:
    former = (await linked(hub))["UsageRecord"]
    for who in (caller(None), caller(C)):
        answer = await whole(hub, NODE, who, id=former)
        assert (answer["data"]["node"], replaced(answer)) == (None, None)
    for party in (A, U):  # it is both's now
        answer = await whole(hub, NODE, caller(party), id=former)
        assert answer["data"]["node"]["id"] != former
        assert replaced(answer) is None


async def test_nobody_learns_by_a_former_id_of_what_was_withdrawn(hub: Hub) -> None:
    former = (await linked(hub))["Instrument"]
    await hub.say("a", ("Instrument", f"{A}/1"))
    answer = await whole(hub, NODE, id=former)
    assert (answer["data"]["node"], replaced(answer)) == (None, None)


async def test_a_link_that_is_taken_back_leaves_no_former_id(hub: Hub) -> None:
    own = (await linked(hub))["Instrument"]
    await hub.say("op", key_of(link(A, U)))
    answer = await whole(hub, NODE, id=own)
    assert (answer["data"]["node"]["id"], replaced(answer)) == (own, None)
    assert await hub.rows("SELECT * FROM former_id") == []


@pytest.mark.parametrize("odd", ["\x00", "\ud800", "器", "instr_\x00"])
async def test_what_no_id_can_be_is_answered_as_where_nothing_is_linked(hub: Hub, odd: str) -> None:
    async def ask() -> tuple[Any, Any]:
        hub.at += timedelta(seconds=2)
        asking = Asking(caller=caller(None), language="en")
        request = GraphRequest(query=NODES, variables={"ids": [odd]})
        found = json.loads((await hub.engine.answer(request, asking)).body)
        return found.get("data"), [each["extensions"]["code"] for each in found.get("errors", [])]

    before = await ask()
    await linked(hub)
    assert await ask() == before
