"""`grants`: what a party may see of others, as a value.

- A party always sees its own.
- An agreement covers a whole data set of a provider, or the items that it names.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from schema.codes import AgreementDataset


@dataclass(frozen=True, slots=True)
class Grants:
    """What a party may see of others."""

    party: str | None
    everything: bool = False
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
        named = self.partly.get(dataset, {})
        if item is None:
            own += [key for keys in named.values() for key in keys]
        else:
            own += named.get(item, ())
        return list(dict.fromkeys(own))
