"""`erased`: the records that entries of the feed say were erased, and who has to drop them.

- An erasure is an entry of its own (`schema.traits.Erases`), and what it is about is told with it:
  read the item again where another source still speaks of it, else drop it.
- The content is gone, so nobody can be judged by it. Told are those who may see the record by its
  owner and issuer, and the parties that the erasure names because the content named them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from hub.exchange.entries import ChangedEntry, with_shown_claims
from hub.exchange.position import Place
from hub.identity.links import Names
from hub.store.database import Database
from schema.item import camel
from schema.traits import Erases

_HEADERS = """
SELECT DISTINCT ON (c.n) c.n, e.source, e.owner, e.issuer, e.revision, e.entry_id, e.accepted_at
FROM unnest(%s::int[], %s::text[], %s::text[], %s::text[]) c(n, record_type, authority, key)
JOIN entry e USING (record_type, authority, key) JOIN erased_entry x USING (entry_id)
ORDER BY c.n, e.entry_id DESC"""


@dataclass(frozen=True, slots=True)
class ErasedItem:
    """An item of which something was erased, as it stands now, and who was named in it."""

    entry: ChangedEntry
    told: frozenset[str]


async def erased_items(
    database: Database, entries: Sequence[ChangedEntry], *, closed: Collection[str], names: Names
) -> Mapping[Place, ErasedItem]:
    """Return what the erasures among some entries are about, by their places."""
    registry = database.records.registry
    said: list[tuple[ChangedEntry, str, str, str, frozenset[str]]] = []
    for each in entries:
        trait = registry[each.record_type].trait(Erases)
        if trait is None or each.withdrawn:
            continue
        record, authority, key, told = (
            each.wire.get(camel(name))
            for name in (trait.record, trait.authority, trait.key, trait.told)
        )
        if record in registry:
            parties = frozenset(names.party(party) for party in told or ())
            said.append((each, str(record), str(authority or ""), str(key), parties))
    if not said:
        return {}
    rows = await database.reads.fetch_all(
        _HEADERS, [list(range(len(said))), *([each[n] for each in said] for n in (1, 2, 3))]
    )
    found: list[ChangedEntry] = []
    told_of: dict[Place, frozenset[str]] = {}
    for n, source, owner, issuer, revision, entry_id, accepted_at in rows:
        erasure, record, authority, key, parties = said[n]
        spec = registry[record]
        of_type = names.of_type(spec)
        found.append(
            ChangedEntry(
                place=erasure.place,
                record_type=record,
                item_id=of_type.identity(spec, authority, key, owner),
                source=source,
                authority=authority,
                key=key,
                owner=of_type.party(owner),
                issuer=of_type.party(issuer),
                revision=revision,
                entry_id=entry_id,
                accepted_at=accepted_at,
                withdrawn=True,
                wire={},
                claims=((source, authority, key),),
                revisions=revision,
            )
        )
        told_of[erasure.place] = parties
    shown = await with_shown_claims(database, found, closed=closed, names=names)
    return {each.place: ErasedItem(each, told_of[each.place]) for each in shown}
