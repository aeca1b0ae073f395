"""`claims`: what each source says, kept as it was said, and what of it is shown.

- Written from the rules in words: who is believed first, what is merged, what is shown whole. It
  knows nothing of the hub but what became of each row, and the identities that it was told.
- What is shown follows from the claims that stand and from the registrations that hold now, never
  from what was shown before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from tests.integration.oracle.meaning import Claim, Row

MERGED = ("Institution", "Instrument")
"""Records of which several sources are shown in one, item by item."""
NUMBERED = ("Occupancy", "OccupancyCoverage", "UsageRecord", "ServiceRecord")
"""Records whose key is a number of some system."""
CONFIRMED = ("OccupancyCoverage",)
"""Records of which it matters that they were said again."""
KINDS = ("OWN", "DELEGATE", "PLATFORM", "PEER", "NONE")
PROOFS = ("PRODUCER_SIGNED", "REQUEST_SIGNED", "HUB_OBSERVED")

Thing = tuple[str, str, str]
"""What is spoken of: its type, whose number its key is, its key."""


@dataclass(frozen=True)
class Registered:
    """What a source is, and for whom; `owners` None: for anybody."""

    kind: str
    owners: tuple[str, ...] | None
    authority: str

    def to(self, owner: str) -> str:
        """Return what the source is to one institution."""
        return self.kind if self.owners is None or owner in self.owners else "NONE"

    def numbers(self, kind: str, stated: str | None) -> str:
        """Return whose number the key of a record is."""
        return (stated or self.authority) if kind in NUMBERED else ""


def believed(claims: Iterable[Claim], sources: Mapping[str, Registered]) -> Claim:
    """Return the claim that is believed first, by one question after another."""
    left = list(claims)
    questions: tuple[Callable[[Claim], Any], ...] = (
        lambda claim: -KINDS.index(sources[claim.source].to(claim.owner)),
        lambda claim: -PROOFS.index(claim.assurance),
        lambda claim: claim.as_of,
        lambda claim: claim.entry_id,
    )
    for asked in questions:
        most = max(asked(each) for each in left)
        left = [each for each in left if asked(each) == most]
    (first,) = left
    return first


class Standing:
    """Who is registered, and what stands of what was said."""

    def __init__(self) -> None:
        self.sources: dict[str, Registered] = {}
        self.said: dict[Thing, dict[str, Claim]] = {}
        """The claims that stand, by what they are about and by who says them."""
        self.ever: dict[Thing, set[str]] = {}
        """Who ever said something of it."""
        self.ids: dict[Thing, str] = {}
        self.touched: dict[Thing, datetime] = {}
        """When what somebody says of it was last taken in or taken back."""
        self.proven = self.heard = 0
        """How many rows were vouched for better, and how many were heard again later."""

    def named(self, thing: Thing, identity: str) -> None:
        """Note the identity of a thing: one, and no other thing's."""
        assert self.ids.setdefault(thing, identity) == identity, f"{thing} has two identities"

    def takes_back(self, thing: Thing, source: str, at: datetime) -> None:
        """Note that a source says it no longer."""
        del self.said[thing][source]
        self.touched[thing] = max(self.touched[thing], at)

    def says(self, thing: Thing, claim: Claim) -> None:
        """Note what a source says now."""
        self.said.setdefault(thing, {})[claim.source] = claim
        self.ever.setdefault(thing, set()).add(claim.source)
        self.touched[thing] = max(self.touched.get(thing, claim.accepted_at), claim.accepted_at)

    def says_again(self, thing: Thing, source: str, as_of: datetime) -> None:
        """Note that a source said the same again, which changes nothing but when it was heard."""
        claim = self.said[thing][source]
        if thing[0] in CONFIRMED and as_of > claim.heard:
            self.heard += 1
            self.said[thing][source] = replace(claim, heard=as_of)

    def rows(self) -> list[Row]:
        """Return every row that is shown."""
        return [
            self._row(thing, list(claims.values())) for thing, claims in self.said.items() if claims
        ]

    def gone(self) -> list[str]:
        """Return the identities of what nobody says any more."""
        return [self.ids[thing] for thing, claims in self.said.items() if not claims]

    def _row(self, thing: Thing, claims: list[Claim]) -> Row:
        kind, authority, key = thing
        first = believed(claims, self.sources)
        wire, chosen = dict(first.wire), {}
        left = [each for each in claims if each is not first] if kind in MERGED else []
        while left:
            further = believed(left, self.sources)
            left.remove(further)
            for name, value in further.wire.items():
                # Who says UNKNOWN says so only where nobody knows more.
                if name not in wire or (wire[name] == "UNKNOWN" != value):
                    wire[name], chosen[name] = value, further.source
        return Row(
            kind=kind,
            key=key,
            id=self.ids[thing],
            wire=wire,
            authority=authority,
            lead=first,
            claims=sorted(claims, key=lambda each: each.source),
            kinds={each.source: self.sources[each.source].to(each.owner) for each in claims},
            chosen=chosen,
            touched_at=self.touched[thing],
        )


def by_kind(rows: Sequence[Row], names: Iterable[str]) -> dict[str, list[Row]]:
    """Return rows by their type, of every type."""
    return {name: [row for row in rows if row.kind == name] for name in names}
