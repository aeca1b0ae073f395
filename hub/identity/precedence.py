"""`precedence`: which of several sources of one record is believed first; pure.

- What kind of source it is to the owner comes first, then how it is vouched for, then the newest
  statement. Neither assurance nor age crosses a kind: a platform never overrides the owner's own
  system, however new or well signed its word is.
- For some items, and for some records as a whole, a system that is kept for them comes before all
  others (`Lead`): the asset accounts for the original value. Whatever has no such line follows the
  general order. A peer, and a source that is not registered for the owner, leads nothing.
- How old a statement is never changes who speaks: a platform does not step in while the owner's own
  system is late.
- The order stands in `precedence.toml`, dated.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from schema.codes import Assurance, SourceKind, SystemPurpose
from schema.item import camel

ClaimName = tuple[str, str, str]
"""Source, authority and key."""

NEVER_LEAD = frozenset((SourceKind.PEER, SourceKind.NONE))
"""Kinds of source that no line puts first."""
_FILE = Path(__file__).with_name("precedence.toml")


@dataclass(frozen=True, kw_only=True, slots=True)
class Claim:
    """What one source says of one record, with what its rank follows from."""

    source: str
    authority: str
    key: str
    kind: SourceKind
    purpose: SystemPurpose = SystemPurpose.OTHER
    assurance: str
    as_of: datetime
    entry_id: int
    wire: Mapping[str, Any]

    @property
    def name(self) -> ClaimName:
        """What no two claims of one record type share."""
        return self.source, self.authority, self.key


@dataclass(frozen=True, slots=True)
class ClaimStanding:
    """What the rank of a statement follows from, beside its age."""

    kind: SourceKind
    purpose: SystemPurpose
    assurance: str


@dataclass(frozen=True, slots=True)
class Lead:
    """Systems that come before all others: of this purpose, and of one of these kinds."""

    purpose: SystemPurpose
    kinds: frozenset[SourceKind]

    def takes(self, standing: ClaimStanding) -> bool:
        """Tell whether a statement is one of such a system."""
        return standing.purpose is self.purpose and standing.kind in self.kinds


@dataclass(frozen=True, slots=True)
class Precedence:
    """One dated order."""

    since: date
    kinds: tuple[SourceKind, ...]
    assurances: tuple[Assurance, ...]
    last: frozenset[SystemPurpose] = frozenset()
    """Purposes that come last among sources of one kind."""
    leads: Mapping[tuple[str, str], Lead] = field(default_factory=dict)
    """By record type and wire name; an empty name stands for the record as a whole."""

    def rank(self, claim: Claim, record: str = "", item: str = "") -> tuple[Any, ...]:
        """Return what claims are sorted by, for an item or as a whole; the smallest comes first."""
        standing = ClaimStanding(claim.kind, claim.purpose, claim.assurance)
        return (*self.standing(standing, claim.as_of, record, item), -claim.entry_id)

    def standing(
        self, standing: ClaimStanding, as_of: datetime, record: str, item: str = ""
    ) -> tuple[Any, ...]:
        """Return the rank of a statement without its entry id, which only orders equal ones."""
        lead = self.leads.get((record, item))
        return (
            lead is None or not lead.takes(standing),
            self.kinds.index(standing.kind),
            standing.purpose in self.last,
            self.assurances.index(Assurance[standing.assurance]),
            -as_of.timestamp(),
        )


def kind_for(
    kind: str | None, owners: Iterable[str] | None, issuer: str, same: Callable[[str], str]
) -> SourceKind:
    """Return the kind of a source in relation to a record's issuer, mostly its owner.

    `kind`: as registered, None where the source is not. `owners`: for whom it is registered, None
    for a platform. `same` gives the key under which a linked institution is known. A source that
    is not, or no longer, registered for the issuer is NONE.
    """
    if kind is None or not (owners is None or any(same(each) == issuer for each in owners)):
        return SourceKind.NONE
    return SourceKind[kind]


def purpose_of(purpose: str | None) -> SystemPurpose:
    """Return what a source is kept for, as registered; OTHER where the source is not."""
    return SystemPurpose.OTHER if purpose is None else SystemPurpose[purpose]


@lru_cache(maxsize=1)
def _orders() -> tuple[Precedence, ...]:
    orders = [_read(each) for each in tomllib.loads(_FILE.read_text("utf-8"))["precedence"]]
    for each in orders:
        if set(each.kinds) != set(SourceKind) or set(each.assurances) != set(Assurance):
            raise TypeError(f"{_FILE.name}: the order of {each.since} does not name everything")
        if any(lead.kinds & NEVER_LEAD for lead in each.leads.values()):
            raise TypeError(f"{_FILE.name}: a peer, or who is not registered, leads nothing")
    return tuple(sorted(orders, key=lambda each: each.since))


def _read(stated: Mapping[str, Any]) -> Precedence:
    """Read one order; an item that two lines name is an error."""
    leads: dict[tuple[str, str], Lead] = {}
    for line in stated.get("lead", ()):
        lead = Lead(
            SystemPurpose[line["purpose"]], frozenset(SourceKind[name] for name in line["kinds"])
        )
        for name in line.get("items", [""]):
            place = line["record"], camel(name)
            if place in leads:
                raise TypeError(f"{_FILE.name}: two lines lead {' '.join(place)}")
            leads[place] = lead
    return Precedence(
        stated["since"],
        tuple(SourceKind[name] for name in stated["kinds"]),
        tuple(Assurance[name] for name in stated["assurances"]),
        frozenset(SystemPurpose[name] for name in stated.get("last", ())),
        leads,
    )


def precedence_on(day: date) -> Precedence:
    """Return the order that holds on a day; before the first one, that one."""
    orders = _orders()
    return max((each for each in orders if each.since <= day), key=_since, default=orders[0])


def _since(order: Precedence) -> date:
    return order.since
