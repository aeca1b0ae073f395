"""`service`: the change feed: which items a follower has to read again, in pages.

A change says "read this item again" and holds no content. Content is read with `nodes` and lists,
whose compiled statements are the one place where items are hidden. A mirror that reads what is
CHANGED, drops what is REMOVED and reads again all of an owner that comes in `resync` holds exactly
what its client may read.

- Each entry is judged by the present rule of visibility (`hub.access.visibility.may_see`). A
  follower that may see the present revision gets CHANGED. One that may not, but could see an
  earlier one (it was public, its own, or named it), gets REMOVED once, with type and identity only.
  Owner, issuer and sender of a withdrawn record get its whole header. Nobody else gets anything.
- A grant (`schema.traits.Grants`) changes what its consumer may read, though the records themselves
  have no new entry: its owner comes in `resync` when the feed passes an entry of the grant, and
  when the grant begins or ends by its dates between the day of the cursor and today. So it does for
  a customs office when a supervision is stated, changed or withdrawn, and when its term ends.
- A link renames the records of both owners, and what others state of them. Every owner of a
  readable record that may have had another name comes in `resync` (`hub.exchange.linked`). A
  follower whose own party is linked, or no longer linked, has other rights: it starts from the
  beginning.
- An erasure tells of the erased record too, with or without its own entry (`hub.exchange.erased`);
  the two stay on one page, which may hold one change more than was asked for.
- Workers cache grants for some seconds. A page therefore ends before a grant or link that may not
  have reached all workers yet, says when to come back, and keeps in its cursor by when that entry
  was committed.
- Another hub hears nothing of what this one heard from hubs: each speaks for itself, and nothing
  comes back to where it began.
- A page reads a bounded number of entries, so a page may be empty without being the last.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

from hub.access.agreements import Agreements
from hub.access.clients import ClientKind
from hub.access.grants import PartyGrants
from hub.access.visibility import Subject, holds, may_see
from hub.clock import Clock
from hub.exchange.entries import ChangedEntry, Scan, readable, scan
from hub.exchange.erased import ErasedItem, erased_items
from hub.exchange.limits import SETTLED_S
from hub.exchange.linked import Linked, mentioning, owners_of, read_linked
from hub.exchange.page import (
    Change,
    ChangeKind,
    ChangePage,
    ChangesRequest,
    Header,
    wanted_types,
)
from hub.exchange.position import (
    START,
    FeedPosition,
    Mark,
    Place,
    Question,
    decode,
    encode,
    question,
    reset,
)
from hub.exchange.stated import Closed, Stated, read_stated
from hub.identity.links import Names
from hub.store.database import Database
from hub.store.epoch import Horizon, horizon
from schema.codes import SourceKind
from schema.dates import local_date
from schema.item import camel
from schema.traits import Erases, Joins, Supervises
from schema.traits import Grants as Granting
from schema.visibility import HISTORY, PUBLIC_SCOPE


@dataclass(frozen=True, slots=True)
class _Follower:
    """Who reads a page, and the facts by which its entries are judged."""

    request: ChangesRequest
    types: frozenset[str]
    """Requested types that its scopes allow."""
    grants: PartyGrants
    horizon: Horizon
    before: FeedPosition
    mark: Mark
    now: datetime
    linked: Linked
    question: Question
    foreign: frozenset[str] = frozenset()
    """Sources of whose entries it hears nothing: a hub is told only what this one heard itself."""

    def is_settled(self, place: Place) -> bool:
        """Whether the grants of the entry at this place have reached every worker."""
        is_known = place[0] < self.mark.xid
        return is_known and self.now.timestamp() >= self.mark.at + SETTLED_S

    @property
    def pending_link(self) -> Place | None:
        """The link of its own party that has to reach all workers before the follower may start.

        A follower that reads a single owner also follows the whole feed, and has waited there.
        """
        newest = self.linked.newest_of(self.request.caller.party)
        begins = self.before.place == START and self.request.owner is None
        return newest if begins and newest != START and not self.is_settled(newest) else None


@dataclass(slots=True)
class _Gathered:
    """The contents of a page that is being built."""

    place: Place
    changes: list[Change] = field(default_factory=list)
    resync: set[str] = field(default_factory=set)
    renamed: set[str] = field(default_factory=set)
    """Owners of records that a link may have renamed."""
    waits_for: Place | None = None
    erased: Mapping[Place, ErasedItem] = field(default_factory=dict)
    """What the erasures among the entries of this page are about."""

    def is_full(self, place: Place, first: int) -> bool:
        """Whether the changes of another entry would be too many."""
        return len(self.changes) + (place in self.erased) >= first and bool(self.changes)


class ChangeFeed:
    """The change feed of one database."""

    def __init__(self, database: Database, agreements: Agreements, clock: Clock) -> None:
        self.database = database
        self.agreements = agreements
        self.clock = clock
        self._registry = database.records.registry
        granting = self._registry.with_trait(Granting)
        supervising = self._registry.with_trait(Supervises)
        self._consumers = {spec.name: camel(trait.consumer) for spec, trait in granting}
        self._consumers |= {spec.name: camel(trait.office) for spec, trait in supervising}
        """For each type that opens what others own: the item that names whom it opens it to."""
        self._scopes = {item.scope for spec in self._registry for item in spec.items}
        self._scopes |= {spec.scope for spec in self._registry}
        self._closed = {spec.name for spec in self._registry if not spec.rows.is_public}
        self._closed |= self._consumers.keys()
        self._joins = {spec.name: trait for spec, trait in self._registry.with_trait(Joins)}
        self._erases = {spec.name for spec, _ in self._registry.with_trait(Erases)}
        self._names = {camel(name) for spec in self._registry for name in spec.rows.named}
        self._names |= set(self._consumers.values())
        self._facts = {
            camel(name): spec.item(name).names
            for spec in self._registry
            for term in spec.rows.supervised
            for name in term.items
        }

    async def page(self, request: ChangesRequest) -> ChangePage:
        """Return the next page.

        Raises `RefusedError`: BAD_USER_INPUT, BAD_CURSOR, or CURSOR_RESET when the follower has to
        start from the beginning.
        """
        follower = await self._follower(request)
        gathered = _Gathered(follower.before.place, waits_for=follower.pending_link)
        if gathered.waits_for is not None:
            return await self._answer(follower, gathered, has_more=True)
        scanned = await self._scan(follower)
        entries, is_cut = readable(scanned.entries)
        earlier = await self._stated(follower, entries, scanned.names)
        gathered.erased = await erased_items(
            self.database, entries, closed=self._closed, names=scanned.names
        )
        for each in entries:
            if gathered.is_full(each.place, request.first):
                return await self._answer(follower, gathered, has_more=True)
            if not self._add_entry(follower, each, earlier, gathered):
                return await self._answer(follower, gathered, has_more=True)
            gathered.place = each.place
        if is_cut:
            return await self._answer(follower, gathered, has_more=True)
        gathered.place = scanned.end
        return await self._answer(follower, gathered, has_more=not scanned.is_last)

    async def _follower(self, request: ChangesRequest) -> _Follower:
        caller, now = request.caller, self.clock()
        types = wanted_types(request, self._registry.names)
        until = await horizon(self.database)
        links = await read_linked(self.database, until.restored_through)
        question = self._question(request, links)
        fresh = Mark(until.xid, math.ceil(now.timestamp()))
        before = FeedPosition(place=START, day=_day(now), mark=fresh)
        if request.after is not None:
            before = decode(request.after, until.epoch, question)
            if before.place[0] > until.xid:
                raise reset(
                    "数据库是发放游标的数据库的较旧副本。",
                    "The database is an older copy of the one that gave the cursor.",
                )
        is_passed = before.mark.xid <= before.place[0]
        foreign = await self._hubs() if caller.kind is ClientKind.PEER else frozenset()
        return _Follower(
            request=request,
            types=frozenset(name for name in types if self._registry[name].scope in caller.scopes),
            grants=await self.agreements.of(caller.party),
            horizon=until,
            before=before,
            mark=fresh if is_passed else before.mark,
            now=now,
            linked=links,
            question=question,
            foreign=foreign,
        )

    async def _hubs(self) -> frozenset[str]:
        """Return the sources that are other hubs."""
        rows = await self.database.reads.fetch_all(
            "SELECT source_id FROM source WHERE kind = %s", (SourceKind.PEER.value,)
        )
        return frozenset(name for (name,) in rows)

    def _question(self, request: ChangesRequest, links: Linked) -> Question:
        types = ["*"] if request.types is None else request.types
        caller = request.caller
        _, newest = links.newest_of(caller.party)
        return question(caller.party, types, request.owner, caller.scopes & self._scopes, newest)

    async def _scan(self, follower: _Follower) -> Scan:
        is_whole = follower.request.owner is None
        return await scan(
            self.database,
            follower.horizon,
            follower.before.place,
            types=follower.types
            | self._erases
            | set({*self._consumers, *self._joins} if is_whole else ()),
            owner=follower.request.owner,
            closed=self._closed,
        )

    async def _stated(
        self, follower: _Follower, entries: list[ChangedEntry], names: Names
    ) -> dict[Place, Stated]:
        """Read earlier claims of grants, and of items that the follower may not see now."""
        unseen = [
            each
            for each in entries
            if each.record_type in self._consumers or not self._sees(follower, each)
        ]
        return await read_stated(
            self.database,
            follower.horizon,
            follower.before.place,
            # an item with a single revision has no earlier ones to look at
            [each for each in unseen if each.revisions > 1 or each.record_type in self._consumers],
            closed=Closed(frozenset(self._closed), frozenset(self._names), self._facts),
            names=names,
        )

    def _add_entry(
        self,
        follower: _Follower,
        entry: ChangedEntry,
        earlier: dict[Place, Stated],
        gathered: _Gathered,
    ) -> bool:
        """Add the changes that an entry causes; False when the page must end before the entry."""
        consumer = self._consumers.get(entry.record_type)
        party = follower.grants.party
        if consumer and party is not None and follower.request.owner is None:
            past = earlier[entry.place]
            granted = {each.owner for each in past.subjects() if each.wire.get(consumer) == party}
            if granted and not follower.is_settled(entry.place):
                gathered.waits_for = entry.place
                return False
            gathered.resync |= granted
        if entry.record_type in self._joins and follower.request.owner is None:
            spec, joins = self._registry[entry.record_type], self._joins[entry.record_type]
            renamed = follower.linked.group(*owners_of(spec, joins, entry.key))
            if renamed and party is not None and not follower.is_settled(entry.place):
                gathered.waits_for = entry.place  # grants follow the linked owner
                return False
            gathered.renamed |= renamed
        erased = gathered.erased.get(entry.place)
        if erased is not None and not self._add_erased(follower, erased, gathered):
            return False
        if entry.record_type in follower.types:
            change = self._change(follower, entry, earlier.get(entry.place))
            gathered.changes += [] if change is None else [change]
        return True

    def _add_erased(self, follower: _Follower, erased: ErasedItem, gathered: _Gathered) -> bool:
        """Add the change of an erased record; False when the page must end before its erasure."""
        entry, party = erased.entry, follower.grants.party
        is_told = party is not None and party in erased.told
        if entry.record_type in self._consumers and is_told and follower.request.owner is None:
            if not follower.is_settled(entry.place):
                gathered.waits_for = entry.place
                return False
            gathered.resync.add(entry.owner)  # a grant that was withdrawn before
        if entry.record_type not in follower.types:
            return True
        if self._sees(follower, entry):
            gathered.changes.append(self._build_change(ChangeKind.CHANGED, entry, is_whole=True))
        elif is_told or self._sees(follower, entry, entry.subject):
            is_own = holds(HISTORY, entry.subject, follower.grants)
            is_own = is_own or entry.source in follower.request.caller.own_sources
            gathered.changes.append(self._build_change(ChangeKind.REMOVED, entry, is_whole=is_own))
        return True

    def _sees(
        self, follower: _Follower, entry: ChangedEntry, subject: Subject | None = None
    ) -> bool:
        if subject is None and entry.withdrawn:
            return False
        spec = self._registry[entry.record_type]
        scopes = follower.request.caller.scopes
        return may_see(spec, subject or entry.subject, scopes, follower.grants)

    def _change(
        self, follower: _Follower, entry: ChangedEntry, past: Stated | None
    ) -> Change | None:
        if entry.source in follower.foreign:
            was_own = any(source not in follower.foreign for source, *_ in entry.claims)
            return self._build_change(ChangeKind.REMOVED, entry) if was_own else None
        if self._sees(follower, entry):
            return self._build_change(ChangeKind.CHANGED, entry, is_whole=True)
        is_sender = entry.withdrawn and entry.source in follower.request.caller.own_sources
        if not is_sender and (
            past is None or not past.any_subject(lambda each: self._sees(follower, entry, each))
        ):
            return None
        is_own = entry.withdrawn and holds(HISTORY, entry.subject, follower.grants)
        return self._build_change(ChangeKind.REMOVED, entry, is_whole=is_sender or is_own)

    def _build_change(
        self, kind: ChangeKind, entry: ChangedEntry, *, is_whole: bool = False
    ) -> Change:
        header = Header(
            key=entry.key,
            owner=entry.owner,
            source=entry.source,
            revision=entry.revision,
            entry_id=entry.entry_id,
            accepted_at=entry.accepted_at,
            withdrawn=entry.withdrawn,
        )
        return Change(
            kind=kind,
            record_type=entry.record_type,
            item_id=entry.item_id,
            header=header if is_whole else None,
        )

    async def _answer(
        self, follower: _Follower, gathered: _Gathered, *, has_more: bool
    ) -> ChangePage:
        request, before, mark, wait_s = follower.request, follower.before, follower.mark, 0
        day = max(before.day, _day(follower.now))
        if request.owner is None:
            turned = await self.agreements.providers_changed(request.caller.party, before.day, day)
            gathered.resync |= set(turned)
        if gathered.renamed and PUBLIC_SCOPE in request.caller.scopes:
            gathered.resync |= gathered.renamed | await mentioning(
                self.database,
                gathered.renamed,
                types=follower.types,
                scopes=request.caller.scopes,
                grants=follower.grants,
            )
        if gathered.waits_for is not None:
            now = math.ceil(follower.now.timestamp())
            if gathered.waits_for[0] >= mark.xid:
                mark = Mark(follower.horizon.xid, now)
            wait_s = max(1, math.ceil(mark.at + SETTLED_S - now))
        position = replace(before, place=gathered.place, day=day, mark=mark)
        return ChangePage(
            changes=gathered.changes,
            resync=sorted(gathered.resync),
            end_cursor=encode(position, follower.horizon.epoch, follower.question),
            has_more=has_more,
            retry_after_s=wait_s,
        )


def _day(now: datetime) -> date:
    """Return the day whose grants have reached every worker."""
    return local_date(now - timedelta(seconds=SETTLED_S))
