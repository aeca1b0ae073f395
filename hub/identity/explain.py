"""`explain`: which claim won for each item of a record, by which rule, what others say; pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from hub.identity.precedence import Claim, Precedence


class WonBy(StrEnum):
    """By what the claim that won comes before the next one, in the order in which they count."""

    LEADS = "its system leads for this"
    KIND = "kind of source"
    LAST = "the other repeats what others keep"
    ASSURANCE = "better vouched for"
    AGE = "newer statement"
    ORDER = "as new; stated later"
    ONLY = "nobody else states it"


_RULES = (WonBy.LEADS, WonBy.KIND, WonBy.LAST, WonBy.ASSURANCE, WonBy.AGE, WonBy.ORDER)
"""One for each part of a rank."""


@dataclass(frozen=True, slots=True)
class ExplainedItem:
    """One item, or a record as a whole where `item` is empty: all claims that state it."""

    item: str
    rule: WonBy
    claims: tuple[Claim, ...]
    """As they are believed; the first has won."""

    @property
    def values(self) -> Sequence[Any]:
        """What each claim says, in the same order."""
        return [each.wire if not self.item else each.wire[self.item] for each in self.claims]


def explain_items(
    claims: Iterable[Claim], precedence: Precedence, record: str
) -> list[ExplainedItem]:
    """Explain each item of a merged record, in the order in which the claims state them."""
    ranked = sorted(claims, key=precedence.rank)
    names = dict.fromkeys(name for claim in ranked for name in claim.wire)
    return [
        explain_one([each for each in ranked if name in each.wire], precedence, record, name)
        for name in names
    ]


def explain_one(
    claims: Iterable[Claim], precedence: Precedence, record: str, item: str = ""
) -> ExplainedItem:
    """Explain an item, or a record of which one claim is shown as a whole."""
    ranked = sorted(claims, key=lambda claim: precedence.rank(claim, record, item))
    return ExplainedItem(item, _rule(ranked, precedence, record, item), tuple(ranked))


def _rule(ranked: Sequence[Claim], precedence: Precedence, record: str, item: str) -> WonBy:
    if len(ranked) == 1:
        return WonBy.ONLY
    first, second = (precedence.rank(claim, record, item) for claim in ranked[:2])
    parts = zip(_RULES, first, second, strict=True)
    return next(rule for rule, one, other in parts if one != other)
