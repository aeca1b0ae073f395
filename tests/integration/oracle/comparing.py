"""`comparing`: the hub's answer beside the interpreter's, and what to say where they differ."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping
from typing import Any

from hub.access.clients import ClientKind
from hub.access.resource import Caller
from hub.graphql.request import Asking, GraphRequest
from tests.integration.oracle.conftest import World
from tests.integration.oracle.interpreter import Cursor, Expected
from tests.integration.oracle.meaning import Asker
from tests.integration.oracle.strategies import Question
from tests.integration.oracle.worlds import TODAY

Who = tuple[str | None, frozenset[str]]
"""A party and the scopes of its token."""

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
            f"the hub and the interpreter differ in {world}",
            f"document:  {text}",
            f"variables: {json.dumps(dict(variables), ensure_ascii=False)}",
            f"caller:    {party} with {' '.join(sorted(scopes))}",
            f"expected:  {expected}",
            f"actual:    {json.dumps(shown, ensure_ascii=False)}",
            *(f"  {each}" for each in wrong[:20]),
        ]
    )
