"""`precedence`: which of several sources of one record is believed first; pure.

- What kind of source it is to the owner comes first, then how it is vouched for, then the newest
  statement. Neither assurance nor age crosses a kind: a platform never overrides the owner's own
  system, however new or well signed its word is.
- How old a statement is never changes who speaks: a platform does not step in while the owner's own
  system is late.
- The order stands in `precedence.toml`, dated.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from schema.codes import Assurance, SourceKind

ClaimName = tuple[str, str, str]
"""Source, authority and key."""

_FILE = Path(__file__).with_name("precedence.toml")


@dataclass(frozen=True, kw_only=True, slots=True)
class Claim:
    """What one source says of one record, with what its rank follows from."""

    source: str
    authority: str
    key: str
    kind: SourceKind
    assurance: str
    as_of: datetime
    entry_id: int
    wire: Mapping[str, Any]

    @property
    def name(self) -> ClaimName:
        """What no two claims of one record type share."""
        return self.source, self.authority, self.key


@dataclass(frozen=True, slots=True)
class Precedence:
    """One dated order."""

    since: date
    kinds: tuple[SourceKind, ...]
    assurances: tuple[Assurance, ...]

    def rank(self, claim: Claim) -> tuple[Any, ...]:
        """Return what claims are sorted by; the smallest is believed first."""
        return (*self.standing(claim.kind, claim.assurance, claim.as_of), -claim.entry_id)

    def standing(self, kind: SourceKind, assurance: str, as_of: datetime) -> tuple[Any, ...]:
        """Return the rank of a claim without its entry id, which only orders equal ones."""
        assured = self.assurances.index(Assurance[assurance])
        return (self.kinds.index(kind), assured, -as_of.timestamp())


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


@lru_cache(maxsize=1)
def _orders() -> tuple[Precedence, ...]:
    stated = tomllib.loads(_FILE.read_text("utf-8"))["precedence"]
    orders = [
        Precedence(
            each["since"],
            tuple(SourceKind[name] for name in each["kinds"]),
            tuple(Assurance[name] for name in each["assurances"]),
        )
        for each in stated
    ]
    for each in orders:
        if set(each.kinds) != set(SourceKind) or set(each.assurances) != set(Assurance):
            raise TypeError(f"{_FILE.name}: the order of {each.since} does not name everything")
    return tuple(sorted(orders, key=lambda each: each.since))


def precedence_on(day: date) -> Precedence:
    """Return the order that holds on a day; before the first one, that one."""
    orders = _orders()
    return max((each for each in orders if each.since <= day), key=_since, default=orders[0])


def _since(order: Precedence) -> date:
    return order.since
