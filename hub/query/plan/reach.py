"""`reach`: whom a request is about, and which sources could answer for these; pure.

- A source that speaks for anybody could always answer.
- One that is registered for some institutions could answer for these, under every key that links
  give them, and for whatever of others is one with something of theirs.
- For a province it could answer if one of them is there, or something of theirs; and wherever it is
  not known where they are.

Who is not named here could not have changed the answer: nobody else is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Set
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hub.identity.ids import shard_of
from hub.identity.links import Names

if TYPE_CHECKING:
    from hub.query.plan.binding import Env

__all__ = ["Reach", "ReachOf", "SourceReach"]

KEPT_MAX = 4_096
"""Reaches whose sources are remembered until the sources are read again."""


@dataclass(frozen=True, slots=True)
class Reach:
    """Whom a field of the root is about; None: it says nothing of this, so anybody."""

    parties: frozenset[str] | None = None
    """Institutions under their present names."""
    shards: frozenset[str] | None = None
    """Shards of the ids that are asked for."""
    provinces: frozenset[str] | None = None
    """Two digits of GB/T 2260."""


ReachOf = Callable[["Env"], Reach]
Places = Mapping[str, Set[str | None]]
"""The provinces of each institution and of what it has; None among them: not known."""


@dataclass(frozen=True, slots=True)
class _Registered:
    """A source that is registered for some institutions."""

    source: str
    owners: frozenset[str]
    """Under their present names."""
    parties: frozenset[str]
    """The same, and those with whose things theirs are one."""
    shards: frozenset[str]


class SourceReach:
    """Which sources could answer, by whom a request is about."""

    def __init__(self, owners: Iterable[tuple[str, list[str] | None]], names: Names) -> None:
        """`owners`: each source with the institutions that it may speak for; None: anybody."""
        known = list(owners)
        shared = _shared(names)
        self._anybody = frozenset(source for source, keys in known if keys is None)
        self._registered = [
            _registered(source, keys, names, shared) for source, keys in known if keys is not None
        ]
        self._of_party: dict[str, list[_Registered]] = {}
        for each in self._registered:
            for party in each.parties:
                self._of_party.setdefault(party, []).append(each)
        self._kept: dict[Reach, frozenset[str]] = {}

    @property
    def owners(self) -> frozenset[str]:
        """The institutions that sources are registered for, under their present names."""
        return frozenset(owner for each in self._registered for owner in each.owners)

    def sources(self, reach: Reach, places: Places) -> frozenset[str]:
        """Return the sources that could answer."""
        found = self._kept.get(reach)
        if found is None:
            named = self._registered if reach.parties is None else self._of(reach.parties)
            chosen = (each.source for each in named if _could(each, reach, places))
            found = self._anybody.union(chosen)
            if len(self._kept) < KEPT_MAX:
                self._kept[reach] = found
        return found

    def _of(self, parties: frozenset[str]) -> list[_Registered]:
        return [each for party in parties for each in self._of_party.get(party, ())]


def _could(each: _Registered, reach: Reach, places: Places) -> bool:
    if reach.shards is not None and reach.shards.isdisjoint(each.shards):
        return False
    if reach.provinces is None:
        return True
    there = {place for owner in each.owners for place in places.get(owner, (None,))}
    return None in there or not reach.provinces.isdisjoint(there - {None})


def _registered(
    source: str, keys: Iterable[str], names: Names, shared: Mapping[str, Set[str]]
) -> _Registered:
    stated = frozenset(keys)
    owners = frozenset(names.party(key) for key in stated)
    parties = owners.union(*(shared.get(owner, frozenset()) for owner in owners))
    return _Registered(source, owners, parties, frozenset(map(shard_of, parties | stated)))


def _shared(names: Names) -> dict[str, set[str]]:
    """Return by institution those in whose names something of it is known."""
    shared: dict[str, set[str]] = {}
    for owned in names.owned.values():
        for former, name in owned.items():
            own = names.party(former.partition("/")[0])
            shared.setdefault(own, set()).add(name.partition("/")[0])
    return shared
