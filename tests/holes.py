"""`holes`: the one property of every rule over incomplete facts, for tests of rules.

Holes are punched into complete facts one after the other. Whatever a rule says then must leave room
for what it says of the complete ones, which is the truth. A rule that reads silence as
a word, or gives a permission for want of a fact, fails here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

from hypothesis import strategies as st

from hub.policy.bounds import Missing

F = TypeVar("F")
V = TypeVar("V")


def punched(facts: F, names: Sequence[str]) -> F:
    """Return facts (a frozen dataclass) of which these are missing."""
    return replace(facts, **{name: Missing(name) for name in names})  # type: ignore[type-var]


def some_holes(names: Sequence[str]) -> st.SearchStrategy[list[str]]:
    """Return the strategy of holes: different facts, in the order in which they are punched."""
    return st.lists(st.sampled_from(names), unique=True, min_size=1)


def check_bounds(
    facts: F, holes: Sequence[str], judge: Callable[[F], V], leaves_room: Callable[[V, V], bool]
) -> V:
    """Fail where a verdict over holes excludes the true one, which is returned.

    `leaves_room(said, true)`: whether what was said lets the other verdict be the true one.
    """
    true = judge(facts)
    for count in range(1, len(holes) + 1):
        said = judge(punched(facts, holes[:count]))
        assert leaves_room(said, true), f"without {holes[:count]}: {said}; in truth: {true}"
    return true
