"""`stated`: who may have seen an item since a follower looked last, from its entries.

- The follower has gone past the entries up to a place. What it may hold of an item is what was
  shown then or at any time since: of each claim the revision that stood, or a later one.
- Claims are revised by transactions that overlap, so any of one claim's revisions may have met any
  of another's. A revision was shown if of each other claim there is one, or none yet, that does not
  outrank it. Who is named only by what was certainly never shown learns nothing.
- Who was told, or had nothing to be told, of what he passed hears no more of it: nobody learns how
  often something changes that is no longer its own.
- A body that was erased names nobody: who has to know is told by the entry that erases it.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from hub.access.visibility import Subject
from hub.exchange.entries import Told
from hub.exchange.limits import OVERLAP_MAX
from hub.exchange.position import Place
from hub.identity.links import Names
from hub.identity.precedence import ClaimName, Precedence, kind_for, precedence_on
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
  e.withdrawal, e.owner, e.issuer, e.assurance, k.kind, k.owners, d.named::text,
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
GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, d.named"""


@dataclass(frozen=True, slots=True)
class Closed:
    """The record types whose rows not everybody sees."""

    types: frozenset[str]
    named: frozenset[str]
    """Wire names of the items that name parties."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Option:
    """Revisions of one claim that name the same parties and are vouched for alike."""

    subject: Subject | None
    """None where they withdraw it."""
    best: tuple[Any, ...]
    worst: tuple[Any, ...]
    """Ranks by precedence; the smaller is believed first."""
    first: datetime
    """When the first of them was accepted."""


@dataclass(slots=True)
class Options:
    """What one claim may have said since a follower looked last."""

    said: list[Option] = field(default_factory=list)
    is_passed: bool = False
    """It was there already."""

    def yields_to(self, other: Option) -> bool:
        """Whether this claim may at some time not have outranked what another one said."""
        if any(each.subject is None or each.worst >= other.best for each in self.said):
            return True
        since = min(each.first for each in self.said)
        return not self.is_passed and other.first <= since + OVERLAP_MAX


@dataclass(slots=True)
class Stated:
    """What may have been shown of an item since a follower looked last."""

    claims: defaultdict[ClaimName, Options] = field(default_factory=lambda: defaultdict(Options))

    def subjects(self) -> list[Subject]:
        """Return whose it may have been, whose word, whom it may have named."""
        return [
            option.subject
            for name, options in self.claims.items()
            for option in options.said
            if option.subject is not None
            and all(other.yields_to(option) for at, other in self.claims.items() if at != name)
        ]

    def concerned(self, concerns: Callable[[Subject], bool]) -> bool:
        """Whether a follower may hold the item, by a rule of what concerns it."""
        return any(concerns(subject) for subject in self.subjects())


async def stated(
    database: Database,
    horizon: Horizon,
    after: Place,
    entries: Sequence[Told],
    *,
    closed: Closed,
    names: Names,
) -> dict[Place, Stated]:
    """Return, by the place of each entry, what may have been shown of its item since `after`."""
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
        "names": list(closed.named),
        "through": horizon.restored_through,
        "xid": str(after[0]),
        "id": after[1],
    }
    for n, source, authority, key, is_passed, *row in await database.reads.fetch_all(
        _STATED, parameters
    ):
        options = statements[entries[n].place].claims[source, authority, key]
        options.is_passed = is_passed
        options.said.append(_option(row, order, names))
    return statements


def _option(row: Sequence[Any], order: Precedence, names: Names) -> Option:
    is_withdrawn, owner, issuer, assurance, kind, owners, wire, oldest, newest, first = row
    owner, issuer = names.party(owner), names.party(issuer)
    stands = kind_for(kind, owners, issuer, names.party)
    return Option(
        subject=None
        if is_withdrawn
        else Subject(owner=owner, issuer=issuer, wire=_named(wire, names)),
        best=order.standing(stands, assurance, newest),
        worst=order.standing(stands, assurance, oldest),
        first=first,
    )


def _named(wire: str | None, names: Names) -> Mapping[str, Any]:
    items = {} if wire is None else json.loads(wire)
    return {item: names.party(party) for item, party in items.items()}
