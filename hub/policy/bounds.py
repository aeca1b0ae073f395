"""`bounds`: what follows from facts of which some are missing; pure.

- A condition over missing facts is true, false, or `Missing` with the reason that is told.
- An amount over missing facts has a lowest and a highest value; a verdict stands where it is the
  same at both ends, and is UNKNOWN otherwise.

`all_of` and `any_of` are the connectives of Kleene's strong three-valued logic.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Generic, TypeAlias, TypeVar

T = TypeVar("T")
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Missing:
    """A fact that is not known. `fact`: its name; `reason`: a stable code."""

    fact: str
    reason: str = "NOT_STATED"


class LackingError(Exception):
    """A rule asked for a fact that is missing; whoever asked the rule answers UNKNOWN."""

    def __init__(self, missing: Missing) -> None:
        super().__init__(f"{missing.fact}: {missing.reason}")
        self.missing = missing


def known(fact: T | Missing) -> T:
    """Return a fact; LackingError where it is missing."""
    if isinstance(fact, Missing):
        raise LackingError(fact)
    return fact


Truth: TypeAlias = bool | Missing


def all_of(conditions: Iterable[Truth]) -> Truth:
    """Return false if any condition is false, else the first that is missing, else true."""
    missing: Missing | None = None
    for each in conditions:
        if each is False:
            return False
        if isinstance(each, Missing) and missing is None:
            missing = each
    return True if missing is None else missing


def any_of(conditions: Iterable[Truth]) -> Truth:
    """Return true if any condition is true, else the first that is missing, else false."""
    missing: Missing | None = None
    for each in conditions:
        if each is True:
            return True
        if isinstance(each, Missing) and missing is None:
            missing = each
    return False if missing is None else missing


@dataclass(frozen=True, slots=True)
class Bounded(Generic[T, V]):
    """A verdict over facts that lie between two ends. `verdict`: None where the ends differ."""

    low: T
    high: T
    verdict: V | None


def at_both_ends(low: T, high: T, judge: Callable[[T], V]) -> Bounded[T, V]:
    """Judge the lowest and the highest value that the facts allow; `judge` must be monotonous."""
    at_low, at_high = judge(low), judge(high)
    return Bounded(low, high, at_low if at_low == at_high else None)
