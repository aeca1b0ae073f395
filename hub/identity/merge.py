"""`merge`: the golden record of several claims; pure.

Each item is taken from the claim that is believed first, for this item, of those that state it. A
claim states an item by having it in its canonical bytes; what it leaves out, it does not deny. Who
says UNKNOWN says so only where nobody knows more.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from hub.identity.precedence import Claim, Precedence

UNKNOWN = "UNKNOWN"
"""The member of code lists that is no knowledge."""


@dataclass(frozen=True, slots=True)
class Merged:
    """A golden record."""

    lead: Claim
    """The claim that is believed first."""
    wire: Mapping[str, Any]
    chosen: Mapping[str, str]
    """By wire name, the source of each item that is not taken from the lead."""


def merge(claims: Iterable[Claim], precedence: Precedence, record: str = "") -> Merged | None:
    """Merge the claims of a record type that stand; None where there are none."""
    ranked = sorted(claims, key=precedence.rank)
    if not ranked:
        return None
    lead = ranked[0]
    wire, chosen = dict(lead.wire), {}
    for name in dict.fromkeys(name for claim in ranked for name in claim.wire):
        first = first_for(ranked, precedence, record, name)
        if first is not lead:
            wire[name], chosen[name] = first.wire[name], first.source
    return Merged(lead, wire, chosen)


def first_for(ranked: Iterable[Claim], precedence: Precedence, record: str, name: str) -> Claim:
    """Return the claim that is believed first for an item, of those in order that state it."""
    told = [claim for claim in ranked if name in claim.wire]
    stating = [claim for claim in told if claim.wire[name] != UNKNOWN] or told
    if (record, name) not in precedence.leads:
        return stating[0]
    return min(stating, key=lambda claim: precedence.rank(claim, record, name))
