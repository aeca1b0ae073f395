"""`linked`: which owners have to be read again when a link is stated, corrected or withdrawn.

- A link joins two keys and renames the records of both owners, and what others state of them. The
  name under which a follower holds a record depends on all links at the time it was read. So a link
  affects all owners that effective links ever joined with these two (`Linked.group`), and the
  owners of rows that mention one of them; a follower learns of the latter if it may read the
  mention.
- A link that only one of the two owners ever stated has no effect and affects nobody.
- A party that is itself linked has other rights: it starts from the beginning (`Linked.newest`).
"""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Collection, Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from hub.access.grants import PartyGrants
from hub.access.visibility import Datasets, sql
from hub.exchange.position import START, Place
from hub.store.database import Database
from schema.codes import AgreementDataset
from schema.item import RecordSpec
from schema.parties import OPERATOR
from schema.traits import Joins
from schema.visibility import PUBLIC_SCOPE

STATES_KEPT_MAX = 8
"""States of the links whose groups are kept."""
_linked_cache: OrderedDict[Hashable, Linked] = OrderedDict()


@dataclass(frozen=True, slots=True)
class Linked:
    """The owners that links ever joined."""

    groups: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """By owner: the owners that it may have shared a name with."""
    newest: Mapping[str, Place] = field(default_factory=dict)
    """By owner: the newest entry of a link that may have renamed it."""

    def group(self, first: str, second: str) -> frozenset[str]:
        """Return the owners that a link between two owners affects; none if it has no effect."""
        group = self.groups.get(first, frozenset((first,)))
        return group if second in group else frozenset()

    def newest_of(self, party: str | None) -> Place:
        """Return the newest entry of a link that may have renamed a party."""
        return START if party is None else self.newest.get(party, START)


def owners_of(spec: RecordSpec, joins: Joins, key: str) -> tuple[str, str]:
    """Return the owners of the two keys that a link with this key is about."""
    parts = key.split(spec.key_separator)
    first, second = (parts[spec.key.index(name)] for name in (joins.first, joins.second))
    return first.partition("/")[0], second.partition("/")[0]


async def read_linked(database: Database, restored_through: int) -> Linked:
    """Return the owners that links ever joined.

    Entries up to `restored_through` are ordered by their ids alone (`hub.store.epoch`).
    """
    joining = database.records.registry.with_trait(Joins)
    if not joining:
        return Linked()
    ((spec, joins),) = joining
    table = database.records.tables[spec.name].source.name
    (state,) = await database.reads.fetch_all(
        "SELECT count(*), sum(hashtextextended(encode(c.digest, 'hex'), c.entry_id)), "  # noqa: S608
        "max(e.xid::text::bigint), %s::bigint, current_database() "
        f"FROM {table} c JOIN entry e USING (entry_id)",
        (restored_through,),
    )
    if not state[0]:
        return Linked()
    if state not in _linked_cache:
        rows = await database.reads.fetch_all(
            "SELECT c.key, CASE WHEN c.entry_id <= %s THEN '0' ELSE e.xid::text END, c.entry_id "  # noqa: S608
            f"FROM {table} c JOIN entry e USING (entry_id)",
            (restored_through,),
        )
        _linked_cache[state] = _linked(spec, joins, rows)
        if len(_linked_cache) > STATES_KEPT_MAX:
            _linked_cache.popitem(last=False)
    return _linked_cache[state]


def _linked(spec: RecordSpec, joins: Joins, rows: Iterable[tuple[str, str, int]]) -> Linked:
    relations: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    entries: defaultdict[tuple[str, str], list[Place]] = defaultdict(list)
    stated_by = spec.key.index(joins.stated_by)
    for key, xid, entry_id in rows:
        pair = owners_of(spec, joins, key)
        relations[pair].add(key.split(spec.key_separator)[stated_by])
        entries[pair].append((int(xid), entry_id))
    groups: dict[str, frozenset[str]] = {}
    for pair, parties in relations.items():
        if OPERATOR in parties or parties >= set(pair):
            group = frozenset().union(*(groups.get(each, {each}) for each in pair))
            groups |= dict.fromkeys(group, group)
    newest: dict[str, Place] = {}
    for (first, second), places in entries.items():
        if second in groups.get(first, ()):
            last = max(places, key=lambda place: place[1])
            for each in groups[first]:
                newest[each] = max(last, newest.get(each, START), key=lambda place: place[1])
    return Linked(groups, newest)


@dataclass(slots=True)
class _Bound:
    """The parameters of a statement that stand for a follower."""

    grants: PartyGrants
    values: dict[str, Any]

    def bind_party(self) -> str:
        self.values["party"] = self.grants.party
        return "%(party)s::text"

    def bind_owners(self, dataset: AgreementDataset, item: str | None) -> str:
        name = f"owners_{dataset.name}_{item or ''}"
        self.values[name] = self.grants.owners(dataset, item)
        return f"%({name})s::text[]"

    def bind_supervised(self) -> str:
        self.values["supervised"] = self.grants.supervised.text
        return "%(supervised)s::jsonb"


async def mentioning(
    database: Database,
    group: Collection[str],
    *,
    types: Collection[str],
    scopes: frozenset[str],
    grants: PartyGrants,
) -> set[str]:
    """Return the owners outside a group whose rows mention it where a follower may read it."""
    owners: set[str] = set()
    if PUBLIC_SCOPE not in scopes:
        return owners
    for name in sorted(types):
        tables = database.records.tables[name]
        if tables.spec.scope not in scopes:
            continue
        bound = _Bound(grants, {"group": list(group)})
        mentions = _mentions(tables.spec, scopes, bound)
        if not mentions:
            continue
        conditions = ["t.owner <> ALL(%(group)s)", f"({' OR '.join(mentions)})"]
        conditions += [] if tables.golden is not None else ["t.speaks"]
        rule = sql(tables.spec.rows, tables.spec, "t", bound, grants.limited)
        conditions += [] if rule is None else [rule]
        rows = await database.reads.fetch_all(
            f"SELECT DISTINCT t.owner FROM {tables.read.name} t "  # noqa: S608 - own names
            f"WHERE {' AND '.join(conditions)}",
            bound.values,
        )
        owners |= {owner for (owner,) in rows}
    return owners


def _mentions(spec: RecordSpec, scopes: frozenset[str], bound: _Bound) -> list[str]:
    """Return the conditions, any of which holds for a row that readably mentions the group."""
    conditions = [] if spec.issuer is None else ["t.issuer = ANY(%(group)s)"]
    limited: Datasets = bound.grants.limited
    for item in spec.items:
        if item.names is None or item.scope not in scopes:
            continue
        mention = f"split_part(t.{item.name}, '/', 1) = ANY(%(group)s)"
        rule = sql(spec.rule(item), spec, "t", bound, limited)
        conditions.append(mention if rule is None else f"({rule} AND {mention})")
    return conditions
