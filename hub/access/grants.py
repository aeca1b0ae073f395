"""`grants`: what a party may see of other parties' data; pure.

- A party always sees its own data. Others may grant it a data set, or some items of one, from one
  day to another. Days are those of Asia/Shanghai, both ends included.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date

from schema.codes import AgreementDataset


@dataclass(frozen=True, kw_only=True, slots=True)
class Grant:
    """What one party lets another see."""

    provider: str
    dataset: AgreementDataset
    items: frozenset[str] = frozenset()
    """Wire names; none means the whole data set."""
    since: date | None = None
    until: date | None = None

    def is_valid(self, day: date) -> bool:
        """Whether it holds on a day."""
        return (self.since is None or self.since <= day) and (
            self.until is None or day <= self.until
        )

    def changes_between(self, after: date, until: date) -> bool:
        """Whether it begins or ends on a day after `after`, until `until` (included)."""
        begins = self.since is not None and after < self.since <= until
        return begins or (self.until is not None and after <= self.until < until)


@dataclass(frozen=True, slots=True)
class PartyGrants:
    """What a party may see of others on one day."""

    party: str | None
    """The name of its institution, as rows have it."""
    whole: Mapping[AgreementDataset, tuple[str, ...]] = field(default_factory=dict)
    """Providers of whose data set all is granted."""
    partly: Mapping[AgreementDataset, Mapping[str, tuple[str, ...]]] = field(default_factory=dict)
    """Providers by the wire name of the item that is granted."""

    @property
    def limited(self) -> frozenset[AgreementDataset]:
        """The data sets of which some provider grants only named items."""
        return frozenset(self.partly)

    def owners(self, dataset: AgreementDataset, item: str | None = None) -> list[str]:
        """Return whose rows of a data set are visible, or whose value of an item."""
        own = [] if self.party is None else [self.party]
        own += self.whole.get(dataset, ())
        by_item = self.partly.get(dataset, {})
        if item is None:
            own += [key for keys in by_item.values() for key in keys]
        else:
            own += by_item.get(item, ())
        return list(dict.fromkeys(own))


def grants_on(day: date, party: str | None, stated: Iterable[Grant]) -> PartyGrants:
    """Return what a party may see on a day, of all that was granted to it."""
    whole: defaultdict[AgreementDataset, list[str]] = defaultdict(list)
    partly: defaultdict[AgreementDataset, defaultdict[str, list[str]]] = defaultdict(
        lambda: defaultdict(list)
    )
    for grant in stated:
        if party is None or not grant.is_valid(day):
            continue
        if not grant.items:
            whole[grant.dataset].append(grant.provider)
        for item in grant.items:
            partly[grant.dataset][item].append(grant.provider)
    return PartyGrants(
        party,
        whole={dataset: tuple(providers) for dataset, providers in whole.items()},
        partly={
            dataset: {item: tuple(providers) for item, providers in items.items()}
            for dataset, items in partly.items()
        },
    )
