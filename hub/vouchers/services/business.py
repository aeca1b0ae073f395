"""`business`: whether an enterprise was in business on a day, by what registers said; pure.

A statement covers the days from its first to the one on which the register was read, or to its own
last day. Of days that no statement covers nothing is known, save that what had ended stays ended.
Registers that contradict each other say nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any, Final

from hub.policy.bounds import Missing
from schema.codes import BusinessState

FACT = "status"
S = BusinessState
ENDED: Final = frozenset({S.REVOKED, S.ANNULLED, S.DEREGISTERED})
"""What nothing leads out of: it holds for later days too."""
SAYS: Final[Mapping[BusinessState, bool | None]] = {
    S.IN_BUSINESS: True,
    S.SUSPENDED: None,
    S.IN_LIQUIDATION: False,
    **dict.fromkeys(ENDED, False),
}
"""Whether a state is one of being in business. Who is suspended and does business has resumed it by
law (State Council order 746, article 30): that decides nothing."""


def was_in_business(statements: Iterable[Mapping[str, Any]], day: date) -> bool | Missing:
    """Say whether an enterprise was in business on a day of Shanghai; rows of BusinessStatus."""
    states = {BusinessState[each["state"]] for each in statements if _covers(each, day)}
    if not states:
        return Missing(FACT, "NO_STATEMENT_OF_THAT_DAY")
    said = {SAYS[each] for each in states - {S.MOVED_OUT}}
    if len(said) > 1:
        return Missing(FACT, "CONTRADICTED")
    verdict = next(iter(said), None)  # of who moved out another register speaks
    return Missing(FACT, min(states).value) if verdict is None else verdict


def _covers(statement: Mapping[str, Any], day: date) -> bool:
    if day < statement["valid_from"]:
        return False
    if BusinessState[statement["state"]] in ENDED and statement["valid_until"] is None:
        return True
    return bool(day <= (statement["valid_until"] or statement["stated_on"]))
