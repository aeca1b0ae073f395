"""`grants`: what a party may see of other parties' data; pure.

- A party always sees its own data. Others may grant it a data set, or some items of one, from one
  day to another. Days are those of Asia/Shanghai, both ends included.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

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
class SupervisedKeys:
    """What an office supervises on one day: when supervision began, by key.

    Keys are those of supervisions and of the things that they supervise. `text`: the same as JSON.
    """

    since: Mapping[str, datetime] = field(default_factory=dict)
    text: str = "{}"

    @classmethod
    def of(cls, since: Mapping[str, datetime]) -> SupervisedKeys:
        """Return keys with their text."""
        told = {key: at.isoformat() for key, at in sorted(since.items())}
        return cls(since, json.dumps(told, ensure_ascii=False))

    def __bool__(self) -> bool:
        """Whether it supervises anything."""
        return bool(self.since)


NOTHING_SUPERVISED = SupervisedKeys()


@dataclass(frozen=True, slots=True)
class PartyGrants:
    """What a party may see of others on one day."""

    party: str | None
    """The name of its institution, as rows have it."""
    whole: Mapping[AgreementDataset, tuple[str, ...]] = field(default_factory=dict)
    """Providers of whose data set all is granted."""
    partly: Mapping[AgreementDataset, Mapping[str, tuple[str, ...]]] = field(default_factory=dict)
    """Providers by the wire name of the item that is granted."""
    sees_everything: bool = False
    """It reads past agreements, by case and with a reason (`hub.access.cases`)."""
    supervised: SupervisedKeys = NOTHING_SUPERVISED
    """What it supervises as a customs office, in term (`hub.access.supervision`)."""

    @property
    def limited(self) -> frozenset[AgreementDataset]:
        """The data sets of which some provider grants only named items."""
        return frozenset(self.partly)

    def providers(self, dataset: AgreementDataset) -> set[str]:
        """Return who granted a data set, or a part of it."""
        partly = self.partly.get(dataset, {})
        return {*self.whole.get(dataset, ()), *(key for keys in partly.values() for key in keys)}

    def reaches_others(self, dataset: AgreementDataset) -> bool:
        """Whether it may see anything of a data set that is not its own."""
        return self.sees_everything or bool(self.providers(dataset) - {self.party})

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
