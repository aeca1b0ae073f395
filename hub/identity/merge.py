"""`merge`: the golden record of several claims; pure.

Each item is taken from the claim that is believed first of those that state it. A claim states an
item by having it in its canonical bytes; what it leaves out, it does not deny.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from hub.identity.precedence import Claim, Precedence


@dataclass(frozen=True, slots=True)
class Merged:
    """A golden record."""

    lead: Claim
    """The claim that is believed first."""
    wire: Mapping[str, Any]
    chosen: Mapping[str, str]
    """By wire name, the source of each item that the lead does not state."""


def merge(claims: Iterable[Claim], precedence: Precedence) -> Merged | None:
    """Merge the claims that stand; None where there are none."""
    ranked = sorted(claims, key=precedence.rank)
    if not ranked:
        return None
    lead = ranked[0]
    wire, chosen = dict(lead.wire), {}
    for claim in ranked[1:]:
        for name, value in claim.wire.items():
            if name not in wire:
                wire[name], chosen[name] = value, claim.source
    return Merged(lead, wire, chosen)
