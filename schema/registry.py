"""`registry`: the record types that a hub knows, as a value from which its parts are derived.

- `build(records)` is pure: tables, query model and GraphQL types are derived from what it returns,
  each by its own room. Nothing of it is global, so a test may register a record of its own.
- `standard()` is the registry of the published standard.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Any, TypeVar

from schema.item import Item, RecordSpec, describe
from schema.parties import PartyItem
from schema.records import STANDARD
from schema.traits import Bookable, Covers, Occupies, Opens, OpensOn, Prices, Related

T = TypeVar("T")


@dataclass(frozen=True, slots=True, eq=False)
class Registry:
    """Record types by name, in the order in which a fresh source sends them."""

    specs: Mapping[str, RecordSpec]

    def __getitem__(self, name: str) -> RecordSpec:
        """Return a record type; KeyError when it is not registered."""
        return self.specs[name]

    def __contains__(self, name: object) -> bool:
        """Whether a record type is registered."""
        return name in self.specs

    def __iter__(self) -> Iterator[RecordSpec]:
        """Give every record type in order."""
        return iter(self.specs.values())

    def get(self, name: object) -> RecordSpec | None:
        """Return a record type, or None when it is not registered or no name at all."""
        return self.specs.get(name) if isinstance(name, str) else None

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the record types in order."""
        return tuple(self.specs)

    def with_trait(self, kind: type[T]) -> list[tuple[RecordSpec, T]]:
        """Return the record types that have a trait, with it."""
        return [(spec, trait) for spec in self if (trait := spec.trait(kind)) is not None]

    def has_trait(self, name: str, kind: type[Any]) -> bool:
        """Whether a record type of that name is registered and has a trait."""
        spec = self.specs.get(name)
        return spec is not None and spec.trait(kind) is not None

    def referring_to(self, name: str) -> list[tuple[RecordSpec, Item]]:
        """Return the items that refer to a record type, with the records that they belong to."""
        return [(spec, item) for spec in self for item in spec.items if item.facts.ref == name]

    def values(self) -> dict[str, RecordSpec]:
        """Return every nested value of the record types by name."""
        values: dict[str, RecordSpec] = {}
        waiting = [*self]
        while waiting:
            for item in waiting.pop().items:
                if item.value is not None and item.value.name not in values:
                    values[item.value.name] = item.value
                    waiting.append(item.value)
        return values

    def party_of_key(self, spec: RecordSpec, party: PartyItem | str | None, key: str) -> str | None:
        """Return the party that a record's key names, or None where only its content tells.

        Needed where there is a key and no record: a withdrawal that is checked offline.
        """
        if not isinstance(party, PartyItem):
            return party
        return key.partition(spec.key_separator)[0] if party.item == spec.key[0] else None


def build(records: Iterable[type[Any]]) -> Registry:
    """Return the registry of some record classes.

    Raises `TypeError` when two share a name, a prefix or a table, or one refers to what is not
    registered: a defect of the declarations.
    """
    specs = [describe(record) for record in records]
    for what in ("name", "prefix", "table"):
        values = [getattr(spec, what) for spec in specs]
        if len(set(values)) != len(values):
            raise TypeError(f"two records share a {what}: {sorted(values)}")
    registry = Registry(MappingProxyType({spec.name: spec for spec in specs}))
    for spec in registry:
        wanted = {item.facts.ref for item in spec.items if item.facts.ref}
        wanted |= {each.record for each in spec.traits if isinstance(each, Related)}
        missing = sorted(wanted - registry.specs.keys())
        if missing:
            raise TypeError(f"{spec.name} refers to {', '.join(missing)}, which no record is")
    if registry.with_trait(Bookable):
        for kind in (Opens, OpensOn, Occupies, Covers, Prices):
            if len(registry.with_trait(kind)) != 1:
                raise TypeError(f"what is bookable needs one record that {kind.__name__.lower()}")
    return registry


@lru_cache(maxsize=1)
def standard() -> Registry:
    """Return the registry of the published standard."""
    return build(STANDARD)
