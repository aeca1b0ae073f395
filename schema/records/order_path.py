"""How an order goes from step to step, as a table, and the guard of orders that hubs place; pure.

- The first five steps of a booking follow each other. What comes after it (use, result, charge,
  payment, review) is attached as it arrives; only what the table names must have come before.
- Steps are only ever added: what was reached, when and on whose word stays. Stated again, a step
  corrects itself. The state of an order is that of its last step.
- The guard holds for orders of which a hub is the home: their number begins with `hub:`. What other
  systems report of their own orders is theirs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from schema.codes import OrderState
from schema.identifiers import Flaw
from schema.traits import GuardedChange

HUB_ORDER = "hub:"
"""Begins the number of an order that a hub places; `<client>:<number>` follows."""
S = OrderState


@dataclass(frozen=True, slots=True)
class StepRule:
    """When a step may come: after one of `after` was reached, before any of `before` was."""

    after: frozenset[OrderState]
    before: frozenset[OrderState]


ENDED = frozenset({S.REFUSED, S.EXPIRED, S.CANCELLED})
"""No step follows these."""
USED = frozenset({S.IN_SERVICE, S.DONE, S.DELIVERED})
"""The instrument was used for the order: it can no longer be given back."""
OPEN = frozenset({S.REQUESTED, S.TENTATIVE})
"""It is not known yet whether the time is held."""
_BOOKED = frozenset({S.CONFIRMED})
RULES: Mapping[OrderState, StepRule] = {
    S.REQUESTED: StepRule(frozenset(), frozenset(OrderState)),
    S.TENTATIVE: StepRule(OPEN, _BOOKED | ENDED | {S.TENTATIVE}),
    S.CONFIRMED: StepRule(OPEN, _BOOKED | ENDED),
    S.REFUSED: StepRule(OPEN, _BOOKED | ENDED),
    S.EXPIRED: StepRule(OPEN, _BOOKED | ENDED),
    S.CANCELLED: StepRule(OPEN | _BOOKED, ENDED | USED),
    S.IN_SERVICE: StepRule(_BOOKED, ENDED | {S.IN_SERVICE, S.DONE}),
    S.DONE: StepRule(_BOOKED, ENDED),
    S.DELIVERED: StepRule(_BOOKED, ENDED),
    S.CHARGED: StepRule(_BOOKED, ENDED),
    S.PAID: StepRule(_BOOKED, ENDED),
    S.REVIEWED: StepRule(frozenset({S.DONE, S.DELIVERED}), ENDED),
}
"""The table. A step that stands among its own `before` comes once."""
FIVE_STEPS: Mapping[str, frozenset[OrderState]] = {
    "BOOKED": _BOOKED,
    "USED": frozenset({S.DONE}),
    "PAID": frozenset({S.PAID}),
    "RESULT": frozenset({S.DELIVERED}),
    "REVIEWED": frozenset({S.REVIEWED}),
}
"""What the sharing policy (三(十一)) counts as a whole service, by the step that shows it."""
KEPT = ("userKey", "purpose", "requestedAt", "startAt", "endAt", "movedFrom")
"""What was ordered: another wish is another order."""


def may_follow(reached: Iterable[OrderState], step: OrderState) -> bool:
    """Whether a step may come after those that were reached."""
    so_far, rule = frozenset(reached), RULES[step]
    if step is S.REQUESTED:
        return not so_far
    return bool(so_far & rule.after) and not so_far & rule.before


def reached_in(steps: Sequence[Mapping[str, Any]]) -> list[OrderState]:
    """Return the states of the steps of an order in wire form."""
    return [OrderState[step["state"]] for step in steps]


def missing_in(steps: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return which of the five steps of a whole service have not been shown, in their order."""
    reached = frozenset(reached_in(steps))
    return [name for name, shown_by in FIVE_STEPS.items() if not reached & shown_by]


def order_guard(change: GuardedChange) -> Flaw | None:
    """Return what forbids a change of an order: a step out of turn, or a path that was rewritten.

    A withdrawal is its operator's own business.
    """
    if change.next is None:
        return None
    steps = list(change.next.get("steps", ()))
    if not steps or steps[-1]["state"] != change.next["state"]:
        return _flaw("状态须为最后一步的状态", "the state is that of the last step")
    before = change.previous
    if before is not None:
        told = list(before.get("steps", ()))
        if steps[: len(told)] != told:
            return _flaw("已有的步骤不能改写", "steps that were told are not rewritten")
        if changed := [name for name in KEPT if before.get(name) != change.next.get(name)]:
            zh, en = f"订单的 {changed[0]} 不能更改", f"{changed[0]} of an order does not change"
            return Flaw("ORDER_CHANGED", zh, en)
    states = reached_in(steps)
    for position, state in enumerate(states):
        if not may_follow(states[:position], state):
            zh, en = f"此时不能进入 {state}", f"{state} cannot come now"
            return _flaw(zh, en)
    return None


def is_of_hub(key: str) -> bool:
    """Whether the key of an order is that of one that a hub placed."""
    return key.partition("/")[2].partition("/")[2].startswith(HUB_ORDER)


def _flaw(zh: str, en: str) -> Flaw:
    return Flaw("ORDER_STEP", zh, en)
