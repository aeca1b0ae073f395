"""`links`: which keys name one thing, from the statements that say so; pure.

- Two keys are joined when the operator says SAME_AS, or the owners of both do; a DIFFERS of the
  operator or of one owner keeps them apart, and keeps apart whatever else would join them.
- Linking two institutions links the keys below them: an instrument of one and the instrument of the
  other with the same number are one, and no DIFFERS can keep these apart.
- Of joined keys one is the name of all: a unified social credit code before others, else the first
  in the order of code points. Nothing depends on the order in which links were stated.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from hub.identity.ids import item_id
from schema.codes import LinkRelation
from schema.item import RecordSpec
from schema.parties import OPERATOR
from schema.traits import Joins, Linkable


@dataclass(frozen=True, kw_only=True, slots=True)
class LinkStatement:
    """One link that stands."""

    record: str
    """Type of what is linked: a party, or something that a party numbers: `<party>/<number>`."""
    first: str
    second: str
    relation: LinkRelation
    stated_by: str


@dataclass(frozen=True, slots=True)
class Names:
    """The key under which each linked thing is known."""

    institutions: Mapping[str, str] = field(default_factory=dict)
    """By key that is no longer the name."""
    owned: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """By record type, the same of what institutions number; keys begin with the name of theirs."""

    def __bool__(self) -> bool:
        """Whether anything is linked."""
        return bool(self.institutions or self.owned)

    def party(self, key: str) -> str:
        """Return the name of an institution."""
        return self.institutions.get(key, key)

    def parties(self, key: str) -> list[str]:
        """Return every key of the institution that a key names."""
        name = self.party(key)
        return [name, *(each for each, known in self.institutions.items() if known == name)]

    def of(self, record: str, key: str) -> str:
        """Return the name of an institution, or of what it numbers, by its record type."""
        head, slash, number = key.partition("/")
        name = f"{self.party(head)}{slash}{number}"
        return self.owned.get(record, _NONE).get(name, name)

    def of_type(self, spec: RecordSpec) -> Names:
        """Return the names that records of a type are read by.

        What joins keys speaks of the keys as they were stated: names follow from it, so they change
        nothing of it.
        """
        return UNLINKED if spec.trait(Joins) is not None else self

    def key(self, spec: RecordSpec, key: str) -> str:
        """Return the key of a record of any type with the names of what it mentions."""
        if spec.trait(Linkable) is not None:
            return self.of(spec.name, key)
        return spec.key_separator.join(self._parts(spec, key).values())

    def owner_of_name(self, spec: RecordSpec, key: str, owner: str) -> str:
        """Return the institution in the name of a record, which may differ from the record's owner.

        An instrument that is known by a number of another institution stays its owner's, but all
        claims of it have one id, and whoever writes them takes one lock.
        """
        if spec.trait(Linkable) is not None:
            return self.of(spec.name, key).partition("/")[0]
        assert spec.owner is not None, "a record has an owner"
        if spec.owner.item not in spec.key:
            return self.party(owner)
        return self._parts(spec, key)[spec.owner.item].partition("/")[0]

    def identity(self, spec: RecordSpec, authority: str, key: str, owner: str) -> str:
        """Return the id of a record; its key and owner are as they were stated."""
        if not self:
            return item_id(spec.prefix, spec.name, authority, key, owner)
        name_owner = self.owner_of_name(spec, key, owner)
        return item_id(spec.prefix, spec.name, authority, self.key(spec, key), name_owner)

    def identity_by_key(self, spec: RecordSpec, key: str) -> str:
        """Return the id of the record that a key names by itself (`is_named_by_key`)."""
        names = self.of_type(spec)
        return names.identity(spec, "", key, names.owner_of_name(spec, key, ""))

    def _parts(self, spec: RecordSpec, key: str) -> dict[str, str]:
        """Return the parts of a key by item, with the names of what they mention."""
        parts, rest = {}, key
        for name in spec.key:
            item = spec.item(name)
            if name == spec.key[-1]:  # all that is left: free text may hold separators
                part = rest
            else:
                part, rest = _cut(rest, spec.key_separator, _segments(spec, name))
            parts[name] = part if item.names is None else self.of(item.names, part)
        return parts

    def wire(self, spec: RecordSpec, wire: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return a record's object with the names of what it mentions, its own key among them."""
        changed = {
            item.wire: self.of(item.names, wire[item.wire])
            for item in spec.items
            if item.names is not None and item.wire in wire
        }
        if spec.trait(Linkable) is not None:
            items = [spec.item(name).wire for name in spec.key]
            own = self.of(spec.name, spec.key_separator.join(wire[each] for each in items))
            changed |= zip(items, own.split(spec.key_separator, len(items) - 1), strict=True)
        return {**wire, **changed}


_NONE: Mapping[str, str] = {}
UNLINKED = Names()
"""Nothing is linked."""


def is_named_by_key(spec: RecordSpec) -> bool:
    """Tell whether the key of a record tells its id: no system's number in it, and its owner is."""
    return not spec.per_system and spec.owner is not None and spec.owner.item in spec.key


def names_of(statements: Iterable[LinkStatement]) -> Names:
    """Return the names that follow from all links that stand."""
    stated = sorted(
        statements, key=lambda s: (s.record, s.first, s.second, s.stated_by, s.relation)
    )
    institutions = _joined_keys([each for each in stated if "/" not in each.first], UNLINKED)
    known = Names(institutions)
    numbered: dict[str, list[LinkStatement]] = {}
    for each in stated:
        if "/" in each.first:
            numbered.setdefault(each.record, []).append(each)
    owned = {record: _joined_keys(each, known) for record, each in numbered.items()}
    return Names(institutions, {record: keys for record, keys in owned.items() if keys})


def _joined_keys(statements: Iterable[LinkStatement], known: Names) -> dict[str, str]:
    """Return the name of each key that has another one, of links of one record type."""
    same: dict[tuple[str, str], set[str]] = {}
    apart: set[tuple[str, str]] = set()
    for each in statements:
        first, second = sorted(known.of(each.record, key) for key in (each.first, each.second))
        if first == second:
            continue
        if each.relation is LinkRelation.DIFFERS:
            apart.add((first, second))
        else:
            same.setdefault((first, second), set()).add(known.party(each.stated_by))
    groups: dict[str, set[str]] = {}
    for pair in sorted(same):
        owners = {key.partition("/")[0] for key in pair}
        if not (OPERATOR in same[pair] or owners <= same[pair]):
            continue
        one, other = (groups.get(key, {key}) for key in pair)
        if one is other or any((min(a, b), max(a, b)) in apart for a in one for b in other):
            continue
        joined = one | other
        groups |= dict.fromkeys(joined, joined)
    return {key: name for key, group in groups.items() if (name := min(group, key=_rank)) != key}


def _rank(key: str) -> tuple[bool, str]:
    return (not key.startswith("uscc:"), key)


def _segments(spec: RecordSpec, name: str) -> int:
    """Return how many parts of a key an item is: two where it holds `<owner>/<number>`."""
    owner = spec.owner
    return 2 if owner is not None and owner.item == name and owner.is_key_of_owned else 1


def _cut(key: str, separator: str, segments: int) -> tuple[str, str]:
    parts = key.split(separator, segments)
    return separator.join(parts[:segments]), separator.join(parts[segments:])
