"""`stated`: what may have been shown of an item since a follower last read it, from its entries.

- The follower has passed the entries up to a place. Its copy of an item is what was shown then or
  at any time since: of each claim the revision that was current at that place, or a later one.
- Transactions that revise claims overlap, so any revision of one claim may have been current beside
  any revision of another. A revision counts as shown if every other claim has a revision that does
  not outrank it, or may not have existed yet. A party named only in revisions that were never shown
  learns nothing.
- A follower that was told of a removal, or had nothing to drop, is told nothing of later entries:
  nobody learns how often a record changes that it may no longer see.
- An erased body names nobody: the entry that erases it tells those who have to know.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from hub.access.visibility import Subject
from hub.exchange.entries import ChangedEntry
from hub.exchange.limits import OVERLAP_MAX
from hub.exchange.position import Place
from hub.identity.links import Names
from hub.identity.precedence import (
    ClaimName,
    ClaimStanding,
    Precedence,
    kind_for,
    precedence_on,
    purpose_of,
)
from hub.store.database import Database
from hub.store.epoch import Horizon
from hub.store.view import precedence_in_force

_STATED = """
WITH claim AS (
  SELECT * FROM unnest(%(n)s::int[], %(types)s::text[], %(sources)s::text[],
    %(authorities)s::text[], %(keys)s::text[]) c (n, record_type, source, authority, key)
), passed AS (
  SELECT c.n, c.source, c.authority, c.key, max(e.revision) AS revision
  FROM claim c JOIN entry e USING (record_type, source, authority, key)
  WHERE CASE WHEN e.entry_id <= %(through)s THEN %(xid)s::xid8 > '0'::xid8 OR e.entry_id <= %(id)s
             ELSE (e.xid, e.entry_id) <= (%(xid)s::xid8, %(id)s) END
  GROUP BY 1, 2, 3, 4
)
SELECT c.n, c.source, c.authority, c.key, p.revision IS NOT NULL,
  e.withdrawal, e.owner, e.issuer, e.assurance, k.kind, k.owners, k.purpose, d.named::text,
  min(e.as_of), max(e.as_of), min(e.accepted_at)
FROM claim c
JOIN entry e USING (record_type, source, authority, key)
LEFT JOIN passed p ON p.n = c.n AND p.source = c.source AND p.authority = c.authority
  AND p.key = c.key
LEFT JOIN source k ON k.source_id = c.source
LEFT JOIN entry_body b ON b.entry_id = e.entry_id AND e.record_type = ANY(%(closed)s)
  AND NOT e.withdrawal
CROSS JOIN LATERAL (
  SELECT jsonb_object_agg(i.key, i.value) AS named
  FROM jsonb_each(coalesce(convert_from(b.canon, 'UTF8')::jsonb, '{}'::jsonb)) i
  WHERE i.key = ANY(%(names)s)) d
WHERE e.revision >= coalesce(p.revision, 0)
GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, d.named"""


@dataclass(frozen=True, slots=True)
class Closed:
    """The record types whose rows are not public."""

    types: frozenset[str]
    party_items: frozenset[str]
    """Wire names of the items that name parties."""
    facts: Mapping[str, str | None] = field(default_factory=dict)
    """Wire names of the other items that rules read, with the record type whose key each holds."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RevisionGroup:
    """Revisions of one claim that say the same to the rule of visibility, alike vouched for."""

    subject: Subject | None
    """None for withdrawals."""
    best: tuple[Any, ...]
    worst: tuple[Any, ...]
    """Ranks by precedence; the smaller rank is preferred."""
    first: datetime
    """When the earliest of them was accepted."""


@dataclass(slots=True)
class ClaimHistory:
    """The revisions of one claim that may have been current since a follower last read it."""

    revisions: list[RevisionGroup] = field(default_factory=list)
    is_passed: bool = False
    """The claim existed when the follower passed it."""

    def yields_to(self, other: RevisionGroup) -> bool:
        """Whether there may have been a time when this claim did not outrank another's revision."""
        if any(each.subject is None or each.worst >= other.best for each in self.revisions):
            return True
        since = min(each.first for each in self.revisions)
        return not self.is_passed and other.first <= since + OVERLAP_MAX


@dataclass(slots=True)
class Stated:
    """What may have been shown of an item since a follower last read it."""

    claims: defaultdict[ClaimName, ClaimHistory] = field(
        default_factory=lambda: defaultdict(ClaimHistory)
    )

    def subjects(self) -> list[Subject]:
        """Return what rules read of each revision that may have been shown."""
        return [
            group.subject
            for name, history in self.claims.items()
            for group in history.revisions
            if group.subject is not None
            and all(other.yields_to(group) for at, other in self.claims.items() if at != name)
        ]

    def any_subject(self, rule: Callable[[Subject], bool]) -> bool:
        """Whether a rule holds for anything that may have been shown of the item."""
        return any(rule(subject) for subject in self.subjects())


async def read_stated(
    database: Database,
    horizon: Horizon,
    after: Place,
    entries: Sequence[ChangedEntry],
    *,
    closed: Closed,
    names: Names,
) -> dict[Place, Stated]:
    """Return what may have been shown of each entry's item since `after`, by the entry's place."""
    statements: defaultdict[Place, Stated] = defaultdict(Stated)
    if not entries:
        return statements
    claims = [
        (n, each.record_type, *claim) for n, each in enumerate(entries) for claim in each.claims
    ]
    columns = ("n", "types", "sources", "authorities", "keys")
    async with database.reads.connection() as connection:
        order = await precedence_in_force(connection) or precedence_on(date.min)
    parameters: dict[str, Any] = {
        **dict(zip(columns, map(list, zip(*claims, strict=True)), strict=True)),
        "closed": list(closed.types),
        "names": [*closed.party_items, *closed.facts],
        "through": horizon.restored_through,
        "xid": str(after[0]),
        "id": after[1],
    }
    for n, source, authority, key, is_passed, *row in await database.reads.fetch_all(
        _STATED, parameters
    ):
        history = statements[entries[n].place].claims[source, authority, key]
        history.is_passed = is_passed
        told = _Told(closed.facts, names)
        history.revisions.append(_revision_group(row, entries[n].record_type, order, told))
    return statements


@dataclass(frozen=True, slots=True)
class _Told:
    """What rules read of a revision, under present names."""

    facts: Mapping[str, str | None]
    names: Names

    def wire(self, text: str | None) -> Mapping[str, Any]:
        """Return the items that name parties and those that rules read."""
        items = {} if text is None else json.loads(text)
        return {item: self._present(item, value) for item, value in items.items()}

    def _present(self, item: str, value: Any) -> Any:
        if item not in self.facts:
            return self.names.party(value)
        record = self.facts[item]
        return value if record is None else self.names.of(record, value)


def _revision_group(
    row: Sequence[Any], record: str, order: Precedence, told: _Told
) -> RevisionGroup:
    names = told.names
    is_withdrawn, owner, issuer, assurance, kind, owners, purpose, wire, *times = row
    oldest, newest, first = times
    owner, issuer = names.party(owner), names.party(issuer)
    standing = ClaimStanding(
        kind_for(kind, owners, issuer, names.party), purpose_of(purpose), assurance
    )
    return RevisionGroup(
        subject=None if is_withdrawn else Subject(owner=owner, issuer=issuer, wire=told.wire(wire)),
        best=order.standing(standing, newest, record),
        worst=order.standing(standing, oldest, record),
        first=first,
    )
