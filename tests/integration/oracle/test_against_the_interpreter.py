"""The hub's answers and those of a plain interpreter are the same, whatever is asked by whomever.

`HUB_ORACLE_EXAMPLES`: how many documents are drawn (then at random; else always the same ones).
"""

from __future__ import annotations

import os
from collections import Counter
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.integration.oracle.comparing import ask, asker, compare, with_cursors
from tests.integration.oracle.conftest import World
from tests.integration.oracle.strategies import (
    SCOPES,
    callers,
    connections,
    listings,
    questions,
    searches,
    whole,
)
from tests.integration.oracle.worlds import Renewed

pytestmark = pytest.mark.integration

ASKED = os.environ.get("HUB_ORACLE_EXAMPLES")
EXAMPLES = int(ASKED or "300")
EVERY_SCOPE = frozenset({"catalogue:read", "graphql:adhoc", *SCOPES})
PAGES_MAX = 400
"""Pages of one listing; more would mean that it never ends."""
MODE = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=ASKED is None,
    database=None,
    print_blob=True,
    report_multiple_bugs=False,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.generate, Phase.shrink),
)


@pytest.mark.parametrize("name", connections())
def test_all_that_a_record_holds_and_leads_to_is_the_same(worlds: list[World], name: str) -> None:
    text = whole(name)
    for world in worlds:
        everybody = [(party, EVERY_SCOPE) for party in world.history.parties]
        for who, answer in zip(everybody, ask(world, text, {}, everybody), strict=True):
            compare(world, text, {}, who, answer, {})


LONG_AGO = {"gte": "2000-01-01T00:00:00Z"}
PROTECTED = [
    ("instruments", "InstrumentFilter", {"originalValue": {"gte": "0"}}),
    ("usageRecords", "UsageRecordFilter", {"startedAt": LONG_AGO}),
    ("usageRecords", "UsageRecordFilter", {"endedAt": LONG_AGO}),
    ("usageRecords", "UsageRecordFilter", {"userSide": {"in": ["INSIDE", "OUTSIDE"]}}),
    ("serviceRecords", "ServiceRecordFilter", {"userKey": {"startsWith": "moe:"}}),
    ("serviceRecords", "ServiceRecordFilter", {"startedAt": LONG_AGO}),
    ("serviceRecords", "ServiceRecordFilter", {"charge": {"gte": "0"}}),
]
"""A condition on each kind of item that an agreement protects, which every stated value fulfils."""


@pytest.mark.parametrize(("name", "kind", "given"), PROTECTED)
def test_a_filter_finds_only_by_what_its_caller_may_read(
    worlds: list[World], name: str, kind: str, given: dict[str, Any]
) -> None:
    text = (
        f"query ($f: {kind}) {{ {name}(first: 100, filter: $f) {{ totalCount nodes {{ id }} }} }}"
    )
    found = set()
    for world in worlds:
        everybody = [(party, EVERY_SCOPE) for party in world.history.parties]
        for who, answer in zip(everybody, ask(world, text, {"f": given}, everybody), strict=True):
            compare(world, text, {"f": given}, who, answer, {})
            found.add(answer["data"][name]["totalCount"])
    assert len(found) > 1, "callers see different rows, or nothing was tried"


@MODE
@given(data=st.data())
def test_every_answer_is_the_interpreter_s(worlds: list[World], data: st.DataObject) -> None:
    world = data.draw(st.sampled_from(worlds))
    question = data.draw(questions(world.known))
    some = st.lists(callers(world.history.parties), min_size=1, max_size=3)
    everybody = data.draw(some)
    answers = ask(world, question.text, question.variables, everybody)
    for who, answer in zip(everybody, answers, strict=True):
        found = compare(world, question.text, question.variables, who, answer, {})
        further, named = with_cursors(question, found)
        if further is not None:
            (next_answer,) = ask(world, question.text, further, [who])
            compare(world, question.text, further, who, next_answer, named)


@settings(MODE, max_examples=max(EXAMPLES // 4, 1))
@given(data=st.data())
def test_every_search_finds_the_same_rows_in_order(
    worlds: list[World], data: st.DataObject
) -> None:
    world = data.draw(st.sampled_from(worlds))
    question = data.draw(searches(world.known))
    everybody = data.draw(st.lists(callers(world.history.parties), min_size=2, max_size=4))
    answers = ask(world, question.text, question.variables, everybody)
    for who, answer in zip(everybody, answers, strict=True):
        compare(world, question.text, question.variables, who, answer, {})


@settings(MODE, max_examples=max(EXAMPLES // 4, 1))
@given(data=st.data())
def test_all_pages_give_every_row_once_in_order(worlds: list[World], data: st.DataObject) -> None:
    world = data.draw(st.sampled_from(worlds))
    text, variables, name = data.draw(listings(world.known))
    who = data.draw(callers(world.history.parties))
    size = data.draw(st.sampled_from([1, 2, 3, 7, 50]))
    whole = world.truth.answer(text, {**variables, "first": 10**6}, asker(who))
    for count, start, more, end in (
        ("first", "after", "hasNextPage", "endCursor"),
        ("last", "before", "hasPreviousPage", "startCursor"),
    ):
        seen: list[str] = []
        sent, named = {**variables, count: size}, {}
        for _ in range(PAGES_MAX):
            (answer,) = ask(world, text, sent, [who])
            named = compare(world, text, sent, who, answer, named).names
            page = (answer.get("data") or {}).get(name)
            if page is None:
                break
            here = [edge["node"]["id"] for edge in page["edges"]]
            seen = [*seen, *here] if count == "first" else [*here, *seen]
            if not page["pageInfo"][more]:
                assert seen == [edge["node"]["id"] for edge in whole.data[name]["edges"]], text
                break
            sent = {**sent, start: page["pageInfo"][end]}
        else:
            raise AssertionError(f"more than {PAGES_MAX} pages: {text} {variables}")


SEEN = {
    "proven": 20,
    "heard again": 5,
    "registered otherwise": 2,
    "one of several is gone": 15,
    "merged": 25,
    "merged of three": 10,
    "a newer one is not believed": 20,
    "the last one is not believed": 40,
    "one cannot speak": 20,
    "none can speak": 5,
    "as good, but worse vouched for": 3,
    "as good and as old": 10,
}
"""What the worlds hold at least, so that answers depend on who is believed."""


def test_the_worlds_are_full_of_what_sources_say_of_one_thing(worlds: list[World]) -> None:
    seen: Counter[str] = Counter()
    for world in worlds:
        seen["proven"] += world.standing.proven
        seen["heard again"] += world.standing.heard
        seen["registered otherwise"] += any(isinstance(s, Renewed) for s in world.history.steps)
        for thing, claims in world.standing.said.items():
            seen["one of several is gone"] += len(world.standing.ever[thing]) > len(claims) > 0
        for row in (row for rows in world.truth.rows.values() for row in rows):
            others = [each for each in row.claims if each is not row.lead]
            seen[f"{row.kind}: several"] += bool(others)
            seen["merged"] += bool(row.chosen)
            seen["merged of three"] += len(set(row.chosen.values())) > 1
            newer = [each for each in others if each.as_of > row.lead.as_of]
            seen["a newer one is not believed"] += bool(newer)
            last = max(row.claims, key=lambda each: each.entry_id)
            seen["the last one is not believed"] += last is not row.lead
            seen["one cannot speak"] += "NONE" in row.kinds.values()
            seen["none can speak"] += set(row.kinds.values()) == {"NONE"}
            rivals = [e for e in others if row.kinds[e.source] == row.kinds[row.lead.source]]
            seen["as good, but worse vouched for"] += any(
                each.assurance != row.lead.assurance for each in rivals
            )
            seen["as good and as old"] += any(e.as_of == row.lead.as_of for e in rivals)
    stated = {kind for world in worlds for kind, rows in world.truth.rows.items() if rows}
    few = {name: seen[name] for name in SEEN if seen[name] < SEEN[name]}
    few |= {kind: seen[f"{kind}: several"] for kind in stated if seen[f"{kind}: several"] < 3}
    assert not few, seen
