"""`entries`: reads the entries that a page of the change feed judges.

- Entries come in the order (transaction, id) and only below the horizon: ids commit out of order,
  and so none is skipped and none comes twice (`hub.ledger.sequencer` takes them by the same rule).
  What was restored comes first, by its ids (`hub.store.epoch`).
- Of each claim only the newest entry below the horizon is reported: a follower reads the present
  record anyway, so older entries would add nothing. Entries above the horizon come in a later page.
- An entry is about an item, and several sources may have claims of one item. The item changes with
  every one of them and exists until all are withdrawn, so an entry is judged by the claim that is
  shown now, whichever source made it (`with_shown_claims`).
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from hub.access.visibility import Subject
from hub.exchange.limits import JUDGED_MAX, REVISIONS_MAX, SCANNED_MAX
from hub.exchange.position import Place
from hub.identity.links import Names
from hub.identity.precedence import ClaimName
from hub.store.database import Database
from hub.store.epoch import Horizon
from hub.store.view import names_now
from schema.item import RecordSpec

_HEADER = "entry_id, record_type, source, authority, key, owner, revision"
_SCANNED = f"""
WITH scanned AS MATERIALIZED (
  SELECT *, row_number() OVER (ORDER BY place, entry_id) AS n FROM (
    (SELECT '0'::xid8 AS place, {_HEADER} FROM entry
     WHERE %(xid)s::xid8 = '0'::xid8 AND entry_id > %(id)s AND entry_id <= %(through)s
     ORDER BY entry_id LIMIT {SCANNED_MAX})
    UNION ALL
    (SELECT xid AS place, {_HEADER} FROM entry
     WHERE (xid, entry_id) > (%(xid)s::xid8, %(id)s) AND xid < %(horizon)s::xid8
       AND entry_id > %(through)s
     ORDER BY xid, entry_id LIMIT {SCANNED_MAX})
  ) u ORDER BY place, entry_id LIMIT {SCANNED_MAX}
)"""  # noqa: S608 - own names
_WANTED = """
  c.record_type = ANY(%(types)s)
  AND (%(owners)s::text[] IS NULL OR c.owner = ANY(%(owners)s::text[]))
  AND NOT EXISTS (
    SELECT FROM entry n WHERE n.record_type = c.record_type AND n.source = c.source
      AND n.authority = c.authority AND n.key = c.key AND n.revision > c.revision
      AND (n.entry_id <= %(through)s OR n.xid < %(horizon)s::xid8))"""
_STANDS = f"""
{_SCANNED}
SELECT w.place::text, w.entry_id, w.n, w.wanted, w.record_type, w.source, w.authority, w.key,
  s.owner, s.issuer, s.revision, s.entry_id, s.accepted_at,
  s.withdrawal OR x.entry_id IS NOT NULL, b.canon
FROM (SELECT c.*, ({_WANTED}) AS wanted FROM scanned c) w
CROSS JOIN LATERAL (
  SELECT * FROM entry e
  WHERE e.record_type = w.record_type AND e.source = w.source AND e.authority = w.authority
    AND e.key = w.key
  ORDER BY e.revision DESC LIMIT 1) s
LEFT JOIN entry_body b ON b.entry_id = s.entry_id AND s.record_type = ANY(%(closed)s)
LEFT JOIN erased_entry x ON x.entry_id = s.entry_id
WHERE w.wanted OR w.n = {SCANNED_MAX}
ORDER BY w.n LIMIT {JUDGED_MAX}"""  # noqa: S608 - own names


@dataclass(frozen=True, kw_only=True, slots=True)
class ChangedEntry:
    """An entry that a page may report, with the revision that its claim has now."""

    place: Place
    record_type: str
    item_id: str
    source: str
    authority: str
    key: str
    owner: str
    issuer: str
    revision: int
    entry_id: int
    accepted_at: datetime
    withdrawn: bool
    """It stands no longer: its source took it back, or it was erased."""
    wire: Mapping[str, Any]
    """Its items, for the rule of visibility; empty where the rows of its type are public."""
    claims: tuple[ClaimName, ...]
    """All claims of the item, withdrawn ones too; of public types only this entry's."""
    revisions: int
    """Number of revisions of all these claims."""

    @property
    def subject(self) -> Subject:
        """What stands, as the rule of visibility judges it."""
        return Subject(owner=self.owner, issuer=self.issuer, wire=self.wire)


@dataclass(frozen=True, kw_only=True, slots=True)
class Scan:
    """The entries that a page judges, and the place in the feed after them."""

    entries: list[ChangedEntry]
    end: Place
    is_last: bool
    """No entry below the horizon comes after `end`."""
    names: Names
    """The names of linked records when the entries were read."""


async def scan(
    database: Database,
    horizon: Horizon,
    after: Place,
    *,
    types: Collection[str],
    owner: str | None,
    closed: Collection[str],
) -> Scan:
    """Read the next entries of some types; `closed` are the types whose rows not everybody sees."""
    async with database.reads.connection() as connection:
        names = await names_now(connection, database.records)
    rows = await database.reads.fetch_all(
        _STANDS,
        {
            "xid": str(after[0]),
            "id": after[1],
            "horizon": str(horizon.xid),
            "through": horizon.restored_through,
            "types": list(types),
            "owners": None if owner is None else names.parties(owner),
            "closed": list(closed),
        },
    )
    registry = database.records.registry
    entries = [_changed_entry(row, registry[row[4]], names) for row in rows if row[3]]
    entries = await with_shown_claims(database, entries, closed=closed, names=names)
    if rows and (len(rows) == JUDGED_MAX or rows[-1][2] == SCANNED_MAX):
        end = (int(rows[-1][0]), rows[-1][1])
        return Scan(entries=entries, end=end, is_last=False, names=names)
    return Scan(entries=entries, end=(horizon.xid, -1), is_last=True, names=names)


def _changed_entry(row: tuple[Any, ...], spec: RecordSpec, names: Names) -> ChangedEntry:
    xid, scanned_id, _, _, record_type, source, authority, key, *standing = row
    owner, issuer, revision, *standing = standing
    names = names.of_type(spec)
    entry_id, accepted_at, withdrawn, canon = standing
    return ChangedEntry(
        place=(int(xid), scanned_id),
        record_type=record_type,
        item_id=names.identity(spec, authority, key, owner),
        source=source,
        authority=authority,
        key=key,
        owner=names.party(owner),
        issuer=names.party(issuer),
        revision=revision,
        revisions=revision,
        claims=((source, authority, key),),
        entry_id=entry_id,
        accepted_at=accepted_at,
        withdrawn=withdrawn,
        wire={} if canon is None or withdrawn else names.wire(spec, json.loads(canon)),
    )


async def with_shown_claims(
    database: Database, entries: Sequence[ChangedEntry], *, closed: Collection[str], names: Names
) -> list[ChangedEntry]:
    """Return the entries with the claim of their item that is shown now, of whichever source."""
    ids: defaultdict[str, list[str]] = defaultdict(list)
    for each in entries:
        ids[each.record_type].append(each.item_id)
    rows: dict[str, tuple[Any, ...]] = {}
    claims: defaultdict[str, dict[ClaimName, int]] = defaultdict(dict)
    for name, wanted in ids.items():
        tables = database.records.tables[name]
        speaks = "" if tables.golden is not None else " AND t.speaks"
        body = "b.canon" if name in closed else "NULL"
        for row in await database.reads.fetch_all(
            f"SELECT t.item_id, t.owner, t.issuer, t.source, t.revision, t.entry_id, "  # noqa: S608 - own names
            f"t.accepted_at, {body} FROM {tables.read.name} t LEFT JOIN entry_body b "
            f"ON b.entry_id = t.entry_id WHERE t.item_id = ANY(%s){speaks}",
            (wanted,),
        ):
            rows[row[0]] = row
        if name in closed:
            for item, *claim, revision in await database.reads.fetch_all(
                f"SELECT item_id, source, authority, key, revision FROM {tables.source.name} "  # noqa: S608 - own name
                "WHERE item_id = ANY(%s)",
                (wanted,),
            ):
                claims[item][tuple(claim)] = revision
    registry = database.records.registry
    return [
        _with_shown_claim(
            _with_claims(each, claims[each.item_id]),
            rows.get(each.item_id),
            registry[each.record_type],
            names,
        )
        for each in entries
    ]


def _with_claims(entry: ChangedEntry, claims: Mapping[ClaimName, int]) -> ChangedEntry:
    known = {**dict.fromkeys(entry.claims, entry.revisions), **claims}
    return replace(entry, claims=tuple(sorted(known)), revisions=sum(known.values()))


def _with_shown_claim(
    entry: ChangedEntry, row: tuple[Any, ...] | None, spec: RecordSpec, names: Names
) -> ChangedEntry:
    if row is None or row[5] == entry.entry_id:
        return entry
    _, owner, issuer, source, revision, entry_id, accepted_at, canon = row
    return replace(
        entry,
        owner=owner,
        issuer=issuer,
        source=source,
        revision=revision,
        entry_id=entry_id,
        accepted_at=accepted_at,
        withdrawn=False,
        wire={} if canon is None else names.wire(spec, json.loads(canon)),
    )


def readable(entries: list[ChangedEntry]) -> tuple[list[ChangedEntry], bool]:
    """Return the first entries within `REVISIONS_MAX` revisions, and whether any are left over."""
    left = REVISIONS_MAX
    for at, each in enumerate(entries):
        if at and each.revisions > left:
            return entries[:at], True
        left -= each.revisions
    return entries, False
