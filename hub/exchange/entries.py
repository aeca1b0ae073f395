"""`entries`: reads the entries that a page of the change feed judges.

- Entries come in the order (transaction, id) and only below the horizon: ids commit out of order,
  and so none is skipped and none comes twice (`hub.ledger.sequencer` takes them by the same rule).
  What was restored comes first, by its ids (`hub.store.epoch`).
- Of an item only the newest entry below the horizon is told of. Who follows looks at what stands,
  so an older one would say nothing else; one above the horizon has its turn later.
- What an entry is about is an item, of which several sources may speak. It changes with the entry
  of each and stands until all are withdrawn: an entry is judged by the claim that is shown now,
  whose ever it is (`shown`).
- A body that was erased names nobody: who has to know is told by the entry that erases it.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from hub.access.visibility import Subject
from hub.exchange.limits import JUDGED_MAX, SCANNED_MAX
from hub.exchange.position import Place
from hub.identity.links import Names
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
  s.owner, s.issuer, s.revision, s.entry_id, s.accepted_at, s.withdrawal, b.canon
FROM (SELECT c.*, ({_WANTED}) AS wanted FROM scanned c) w
CROSS JOIN LATERAL (
  SELECT * FROM entry e
  WHERE e.record_type = w.record_type AND e.source = w.source AND e.authority = w.authority
    AND e.key = w.key
  ORDER BY e.revision DESC LIMIT 1) s
LEFT JOIN entry_body b ON b.entry_id = s.entry_id AND s.record_type = ANY(%(closed)s)
WHERE w.wanted OR w.n = {SCANNED_MAX}
ORDER BY w.n LIMIT {JUDGED_MAX}"""  # noqa: S608 - own names
_STATED = """
SELECT w.n, e.owner, e.issuer, d.named::text, max(e.revision)
FROM unnest(%(types)s::text[], %(sources)s::text[], %(authorities)s::text[], %(keys)s::text[],
  %(rivals)s::bool[]) WITH ORDINALITY w (record_type, source, authority, key, has_rivals, n)
JOIN entry e ON e.record_type = w.record_type AND e.authority = w.authority AND e.key = w.key
  AND (e.source = w.source OR w.has_rivals)
LEFT JOIN entry_body b ON b.entry_id = e.entry_id AND e.record_type = ANY(%(closed)s)
CROSS JOIN LATERAL (
  SELECT jsonb_object_agg(i.key, i.value) AS named
  FROM jsonb_each(coalesce(convert_from(b.canon, 'UTF8')::jsonb, '{}'::jsonb)) i
  WHERE i.key = ANY(%(names)s)) d
WHERE NOT e.withdrawal GROUP BY 1, 2, 3, d.named"""
_PASSED = """
SELECT w.n, max(e.revision)
FROM unnest(%(types)s::text[], %(sources)s::text[], %(authorities)s::text[], %(keys)s::text[])
  WITH ORDINALITY w (record_type, source, authority, key, n)
JOIN entry e USING (record_type, source, authority, key)
WHERE CASE WHEN e.entry_id <= %(through)s THEN %(xid)s::xid8 > '0'::xid8 OR e.entry_id <= %(id)s
           ELSE (e.xid, e.entry_id) <= (%(xid)s::xid8, %(id)s) END
GROUP BY 1"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Told:
    """An entry that may be told of, with what stands now under its name."""

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
    wire: Mapping[str, Any]
    """What parties it names; empty where everybody may see the rows of its type."""
    has_rivals: bool = False
    """Other sources speak of the item, or spoke of it; known where not everybody sees rows."""

    @property
    def subject(self) -> Subject:
        """What stands, as the rule of visibility judges it."""
        return Subject(owner=self.owner, issuer=self.issuer, wire=self.wire)


@dataclass(frozen=True, kw_only=True, slots=True)
class Scan:
    """What a page judges, and how far it has then come."""

    told: list[Told]
    end: Place
    names: Names
    """By which it was read."""
    is_last: bool
    """Nothing below the horizon is left behind `end`."""


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
    told = [_told(row, registry[row[4]], names) for row in rows if row[3]]
    told = await shown(database, told, closed=closed, names=names)
    if rows and (len(rows) == JUDGED_MAX or rows[-1][2] == SCANNED_MAX):
        return Scan(told=told, end=(int(rows[-1][0]), rows[-1][1]), names=names, is_last=False)
    return Scan(told=told, end=(horizon.xid, -1), names=names, is_last=True)


def _told(row: tuple[Any, ...], spec: RecordSpec, names: Names) -> Told:
    xid, scanned_id, _, _, record_type, source, authority, key, *standing = row
    owner, issuer, revision, *standing = standing
    names = names.of_type(spec)
    entry_id, accepted_at, withdrawn, canon = standing
    return Told(
        place=(int(xid), scanned_id),
        record_type=record_type,
        item_id=names.identity(spec, authority, key, owner),
        source=source,
        authority=authority,
        key=key,
        owner=names.party(owner),
        issuer=names.party(issuer),
        revision=revision,
        entry_id=entry_id,
        accepted_at=accepted_at,
        withdrawn=withdrawn,
        wire={} if canon is None or withdrawn else names.wire(spec, json.loads(canon)),
    )


async def shown(
    database: Database, told: Sequence[Told], *, closed: Collection[str], names: Names
) -> list[Told]:
    """Return the entries with what is shown of their items now, whichever source says it."""
    ids: defaultdict[str, list[str]] = defaultdict(list)
    for each in told:
        ids[each.record_type].append(each.item_id)
    found: dict[str, tuple[Any, ...]] = {}
    rivalled: set[str] = set()
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
            found[row[0]] = row
        if name in closed:
            rows = await database.reads.fetch_all(
                f"SELECT item_id FROM {tables.source.name} "  # noqa: S608 - own name
                "WHERE item_id = ANY(%s) GROUP BY 1 HAVING count(*) > 1",
                (wanted,),
            )
            rivalled |= {item for (item,) in rows}
    registry = database.records.registry
    return [
        _shown(each, found.get(each.item_id), registry[each.record_type], names, rivalled)
        for each in told
    ]


def _shown(
    told: Told,
    row: tuple[Any, ...] | None,
    spec: RecordSpec,
    names: Names,
    rivalled: Collection[str],
) -> Told:
    told = replace(told, has_rivals=told.item_id in rivalled)
    if row is None or row[5] == told.entry_id:
        return told
    _, owner, issuer, source, revision, entry_id, accepted_at, canon = row
    return replace(
        told,
        owner=owner,
        issuer=issuer,
        source=source,
        revision=revision,
        entry_id=entry_id,
        accepted_at=accepted_at,
        withdrawn=False,
        wire={} if canon is None else names.wire(spec, json.loads(canon)),
    )


@dataclass(slots=True)
class Stated:
    """What was ever stated of an item, each with the last revision that said so."""

    subjects: list[tuple[Subject, int]] = field(default_factory=list)
    passed: int = 0
    """The newest revision that the follower has gone past."""
    has_rivals: bool = False
    """Other sources speak of it too, so revisions tell nothing of the order."""

    def is_news(self, concerns: Callable[[Subject], bool]) -> bool:
        """Whether what stands is the first that a follower hears of after what concerned it.

        What came after that and was gone past has been told, so that nobody learns how often
        something changes that is no longer its own.
        """
        last = max((at for subject, at in self.subjects if concerns(subject)), default=0)
        return last > 0 and (self.has_rivals or self.passed <= last)


async def stated(  # noqa: PLR0913 - what is read, for whom, and by which names
    database: Database,
    horizon: Horizon,
    after: Place,
    told: Sequence[Told],
    *,
    closed: Collection[str],
    naming: Collection[str],
    names: Names,
) -> dict[Place, Stated]:
    """Return, by the place of each entry, whose its item ever was, whose word, whom it named.

    `naming`: wire names of the items that name parties; `names`: by which those are known.
    """
    found: defaultdict[Place, Stated] = defaultdict(Stated)
    if not told:
        return found
    parameters = {
        "types": [each.record_type for each in told],
        "sources": [each.source for each in told],
        "authorities": [each.authority for each in told],
        "rivals": [each.has_rivals for each in told],
        "keys": [each.key for each in told],
        "closed": list(closed),
        "names": list(naming),
        "through": horizon.restored_through,
        "xid": str(after[0]),
        "id": after[1],
    }
    for n, owner, issuer, named, last in await database.reads.fetch_all(_STATED, parameters):
        subject = Subject(
            owner=names.party(owner),
            issuer=names.party(issuer),
            wire={at: names.party(key) for at, key in json.loads(named or "{}").items()},
        )
        found[told[n - 1].place].subjects.append((subject, last))
    for n, revision in await database.reads.fetch_all(_PASSED, parameters):
        found[told[n - 1].place].passed = revision
    for each in told:
        found[each.place].has_rivals = each.has_rivals
    return found
