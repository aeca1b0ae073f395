"""The hub's answers and those of a plain interpreter are the same, whatever is asked by whomever.

`HUB_ORACLE_EXAMPLES`: how many documents are drawn (then at random; else always the same ones).
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from hub.access.clients import ClientKind
from hub.access.resource import Caller
from hub.query.execute import Asking, GraphRequest
from tests.integration.oracle.conftest import World
from tests.integration.oracle.interpreter import Cursor, Expected
from tests.integration.oracle.meaning import Asker
from tests.integration.oracle.strategies import Question, callers, listings, questions
from tests.integration.oracle.worlds import TODAY

pytestmark = pytest.mark.integration

ASKED = os.environ.get("HUB_ORACLE_EXAMPLES")
EXAMPLES = int(ASKED or "300")
PAGES_MAX = 400
"""Pages of one listing; more would mean that it never ends."""
MODE = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=ASKED is None,
    database=None,
    print_blob=True,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.generate, Phase.shrink),
)
Who = tuple[str | None, frozenset[str]]


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


# -- asking ---------------------------------------------------------------------------------------


def asker(who: Who) -> Asker:
    return Asker(who[0], who[1], TODAY)


def ask(
    world: World, text: str, variables: Mapping[str, Any], everybody: list[Who]
) -> list[dict[str, Any]]:
    """Return what the hub answers to each caller, asked side by side."""

    async def together() -> list[dict[str, Any]]:
        request = GraphRequest(query=text, variables=variables)
        found = await asyncio.gather(
            *(
                world.engine.answer(
                    request,
                    Asking(caller=Caller("c", party, ClientKind.PARTNER, scopes), language="en"),
                )
                for party, scopes in everybody
            )
        )
        return [json.loads(each.body) for each in found]

    return world.runner.run(together())


class Found:
    """Cursors that an answer gave: which row each names, and which variables could hold it."""

    def __init__(self, known: Mapping[str, str]) -> None:
        self.names = dict(known)
        self.of: dict[str, list[str]] = {}

    def note(self, text: str, cursor: Cursor) -> None:
        assert self.names.setdefault(text, cursor.row) == cursor.row, "one cursor names two rows"
        for variable in cursor.variables:
            self.of.setdefault(variable, []).append(text)


def with_cursors(
    question: Question, found: Found
) -> tuple[dict[str, Any] | None, Mapping[str, str]]:
    """Return the variables of the next request, with cursors that the first answer gave."""
    taken = {
        name: found.of[name][at % len(found.of[name])]
        for name, at in question.cursors.items()
        if name in found.of
    }
    return ({**question.variables, **taken}, found.names) if taken else (None, {})


# -- comparing ------------------------------------------------------------------------------------


def compare(
    world: World,
    text: str,
    variables: Mapping[str, Any],
    who: Who,
    answer: Mapping[str, Any],
    cursors: Mapping[str, str],
) -> Found:
    """Compare an answer with the interpreter's, and return the cursors in it."""
    expected = world.truth.answer(text, variables, asker(who), cursors)
    found = Found(cursors)
    wrong = list(differences(expected, answer, found))
    if wrong:
        raise AssertionError(told(world, (text, variables, who), expected, answer, wrong))
    return found


def differences(expected: Expected, answer: Mapping[str, Any], found: Found) -> Iterator[str]:
    errors = [
        (each["extensions"]["code"], tuple(each.get("path", ())))
        for each in answer.get("errors", [])
    ]
    if expected.refused is not None:
        if answer.get("data") is not None:
            yield f"must be refused: {expected.refused}"
        if {code for code, _ in errors} != {expected.refused}:
            yield f"errors are {errors}, expected {expected.refused}"
        return
    if len(set(errors)) != len(errors):
        yield f"an error is told twice: {errors}"
    if set(errors) != expected.errors:
        yield f"errors are {sorted(errors)}, expected {sorted(expected.errors)}"
    yield from unlike(expected.data, answer.get("data"), "data", found)


def unlike(expected: Any, actual: Any, where: str, found: Found) -> Iterator[str]:
    """Yield where two values differ; the order of keys counts."""
    if isinstance(expected, Cursor):
        if isinstance(actual, str) and actual:
            found.note(actual, expected)
        else:
            yield f"{where}: {actual!r} is no cursor"
    elif isinstance(expected, dict) and isinstance(actual, dict):
        if list(expected) != list(actual):
            yield f"{where}: keys {list(actual)}, expected {list(expected)}"
        for key in expected.keys() & actual.keys():
            yield from unlike(expected[key], actual[key], f"{where}.{key}", found)
    elif isinstance(expected, list) and isinstance(actual, list):
        if len(expected) != len(actual):
            yield f"{where}: {len(actual)} members, expected {len(expected)}"
        for n, (one, other) in enumerate(zip(expected, actual, strict=False)):
            yield from unlike(one, other, f"{where}.{n}", found)
    elif type(expected) is not type(actual) or expected != actual:
        yield f"{where}: {actual!r}, expected {expected!r}"


def told(
    world: World,
    asked: tuple[str, Mapping[str, Any], Who],
    expected: Expected,
    answer: Mapping[str, Any],
    wrong: list[str],
) -> str:
    text, variables, (party, scopes) = asked
    shown = {key: value for key, value in answer.items() if key != "extensions"}
    return "\n".join(
        [
            f"the hub and the interpreter ({world.truth.rules} rules) differ in {world}",
            f"document:  {text}",
            f"variables: {json.dumps(dict(variables), ensure_ascii=False)}",
            f"caller:    {party} with {' '.join(sorted(scopes))}",
            f"expected:  {expected}",
            f"actual:    {json.dumps(shown, ensure_ascii=False)}",
            *(f"  {each}" for each in wrong[:20]),
        ]
    )
