"""`service`: the change feed: what of the entries a follower is to look at again, in pages.

An event says "look again at this item" and holds no content. Content is read by `nodes` and lists,
whose compiled statements are the one way on which items are hidden. A mirror that looks again,
drops what is REMOVED and reads an owner anew that comes in `resync` equals what its client may
read.

- Each event is judged by the rule of visibility (`hub.access.visibility.may_see`) as things stand.
  Who may see what stands is told CHANGED. Who may not, but could see some earlier revision (it was
  public, his, or named him), is told REMOVED once: type and identity, nothing else. Owner, issuer
  and sender of what was withdrawn are told all of its header. Nobody else is told anything.
- What grants rights (`schema.traits.Grants`) changes what its consumer may read without an entry of
  the records concerned: its owner comes in `resync` when an entry of the grant is passed, and when
  the grant begins or ends by its dates between the day of the cursor and today.
- What links two keys renames what their owners have, and what others state of them. All of whom
  something readable may have had another name come in `resync` (`hub.exchange.linked`). A follower
  whose own party is linked, or is no longer, has other rights than before: it begins anew.
- Every worker goes by the grants of some seconds ago. A page therefore ends before a grant, or a
  link that grants follow, that may not have reached all of them yet, says when to come back, and
  remembers in its cursor by when it had been committed.
- A page looks at a bounded number of entries, so it may be empty and not the last.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

from hub.access.agreements import Agreements
from hub.access.grants import PartyGrants
from hub.access.visibility import Subject, holds, may_see
from hub.clock import Clock
from hub.errors import ErrorCode, RefusedError
from hub.exchange.entries import Scan, Told, scan
from hub.exchange.limits import PAGE_MAX, REVISIONS_MAX, SETTLED_S
from hub.exchange.linked import Linked, linked, mentioning, owners_of
from hub.exchange.page import Asked, Change, ChangeKind, ChangePage, Header
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
from hub.exchange.stated import Closed, Stated, stated
from hub.identity.links import Names
from hub.store.database import Database
from hub.store.epoch import Horizon, horizon
from schema.dates import local_date
from schema.item import camel
from schema.traits import Grants as Granting
from schema.traits import Joins
from schema.visibility import HISTORY, PUBLIC_SCOPE


@dataclass(frozen=True, slots=True)
class _Follower:
    """Who reads a page, and what it is judged by."""

    asked: Asked
    types: frozenset[str]
    """Types that it asked for and has the scope of."""
    grants: PartyGrants
    horizon: Horizon
    before: FeedPosition
    mark: Mark
    now: datetime
    linked: Linked
    question: Question

    def is_settled(self, place: Place) -> bool:
        """Whether every worker goes by what the entry there grants."""
        is_known = place[0] < self.mark.xid
        return is_known and self.now.timestamp() >= self.mark.at + SETTLED_S

    @property
    def awaits(self) -> Place | None:
        """The entry of a link of its own party by which all workers must go before it begins.

        Who reads one owner again follows the whole feed as well, and has waited there.
        """
        newest = self.linked.newest_of(self.asked.caller.party)
        begins = self.before.place == START and self.asked.owner is None
        return newest if begins and newest != START and not self.is_settled(newest) else None


@dataclass(slots=True)
class _Gathered:
    """What a page has so far."""

    place: Place
    changes: list[Change] = field(default_factory=list)
    resync: set[str] = field(default_factory=set)
    renamed: set[str] = field(default_factory=set)
    """Owners of what links may have given another name."""
    waits_for: Place | None = None


class ChangeFeed:
    """The change feed of one database."""

    def __init__(self, database: Database, agreements: Agreements, clock: Clock) -> None:
        self._database = database
        self._agreements = agreements
        self._clock = clock
        self._registry = database.records.registry
        granting = self._registry.with_trait(Granting)
        self._consumers = {spec.name: camel(trait.consumer) for spec, trait in granting}
        """By types that grant rights: the item that names whom."""
        self._scopes = {item.scope for spec in self._registry for item in spec.items}
        self._scopes |= {spec.scope for spec in self._registry}
        self._closed = {spec.name for spec in self._registry if not spec.rows.is_public}
        self._closed |= self._consumers.keys()
        self._joins = {spec.name: trait for spec, trait in self._registry.with_trait(Joins)}
        self._names = {camel(name) for spec in self._registry for name in spec.rows.named}
        self._names |= set(self._consumers.values())

    async def page(self, question: Asked) -> ChangePage:
        """Return the next page.

        Raises `RefusedError`: BAD_USER_INPUT, BAD_CURSOR, or CURSOR_RESET when the follower has to
        begin anew.
        """
        follower = await self._follower(question)
        gathered = _Gathered(follower.before.place, waits_for=follower.awaits)
        if gathered.waits_for is not None:
            return await self._answer(follower, gathered, has_more=True)
        scanned = await self._scan(follower)
        entries, is_cut = _readable(scanned.told)
        earlier = await self._stated(follower, entries, scanned.names)
        for each in entries:
            if len(gathered.changes) == question.first:
                return await self._answer(follower, gathered, has_more=True)
            if not self._tell(follower, each, earlier, gathered):
                return await self._answer(follower, gathered, has_more=True)
            gathered.place = each.place
        if is_cut:
            return await self._answer(follower, gathered, has_more=True)
        gathered.place = scanned.end
        return await self._answer(follower, gathered, has_more=not scanned.is_last)

    async def _follower(self, question: Asked) -> _Follower:
        caller, now = question.caller, self._clock()
        types = self._types(question.types)
        if not 1 <= question.first <= PAGE_MAX:
            raise RefusedError(ErrorCode.BAD_USER_INPUT, hint=f"first is from 1 to {PAGE_MAX}.")
        until = await horizon(self._database)
        links = await linked(self._database, until.restored_through)
        of = self._question(question, links)
        fresh = Mark(until.xid, math.ceil(now.timestamp()))
        before = FeedPosition(place=START, day=_day(now), mark=fresh)
        if question.after is not None:
            before = decode(question.after, until.epoch, of)
            if before.place[0] > until.xid:
                raise reset("The database is an older copy of the one that gave the cursor.")
        is_passed = before.mark.xid <= before.place[0]
        return _Follower(
            asked=question,
            types=frozenset(name for name in types if self._registry[name].scope in caller.scopes),
            grants=await self._agreements.of(caller.party),
            horizon=until,
            before=before,
            mark=fresh if is_passed else before.mark,
            now=now,
            linked=links,
            question=of,
        )

    def _question(self, wanted: Asked, links: Linked) -> Question:
        types = ["*"] if wanted.types is None else wanted.types
        caller = wanted.caller
        _, newest = links.newest_of(caller.party)
        return question(caller.party, types, wanted.owner, caller.scopes & self._scopes, newest)

    def _types(self, wanted: Iterable[str] | None) -> frozenset[str]:
        if wanted is None:
            return frozenset(self._registry.names)
        unknown = sorted(set(wanted) - set(self._registry.names))
        if unknown:
            known = ", ".join(self._registry.names)
            raise RefusedError(ErrorCode.BAD_USER_INPUT, hint=f"types are some of: {known}.")
        return frozenset(wanted)

    async def _scan(self, follower: _Follower) -> Scan:
        is_whole = follower.asked.owner is None
        return await scan(
            self._database,
            follower.horizon,
            follower.before.place,
            types=follower.types | set({*self._consumers, *self._joins} if is_whole else ()),
            owner=follower.asked.owner,
            closed=self._closed,
        )

    async def _stated(
        self, follower: _Follower, entries: list[Told], names: Names
    ) -> dict[Place, Stated]:
        """Read what was stated before of items that the follower does not see, and of grants."""
        unseen = [
            each
            for each in entries
            if each.record_type in self._consumers or not self._sees(follower, each)
        ]
        return await stated(
            self._database,
            follower.horizon,
            follower.before.place,
            # what was said once and stands has no more to it than what stands
            [each for each in unseen if each.revisions > 1 or each.record_type in self._consumers],
            closed=Closed(frozenset(self._closed), frozenset(self._names)),
            names=names,
        )

    def _tell(
        self,
        follower: _Follower,
        entry: Told,
        earlier: dict[Place, Stated],
        gathered: _Gathered,
    ) -> bool:
        """Add what an entry means to the follower; False when the page must end before it."""
        consumer = self._consumers.get(entry.record_type)
        party = follower.grants.party
        if consumer and party is not None and follower.asked.owner is None:
            past = earlier[entry.place]
            granted = {each.owner for each in past.subjects() if each.wire.get(consumer) == party}
            if granted and not follower.is_settled(entry.place):
                gathered.waits_for = entry.place
                return False
            gathered.resync |= granted
        if entry.record_type in self._joins and follower.asked.owner is None:
            spec, joins = self._registry[entry.record_type], self._joins[entry.record_type]
            renamed = follower.linked.group(*owners_of(spec, joins, entry.key))
            if renamed and party is not None and not follower.is_settled(entry.place):
                gathered.waits_for = entry.place  # grants follow the linked owner
                return False
            gathered.renamed |= renamed
        if entry.record_type in follower.types:
            change = self._change(follower, entry, earlier.get(entry.place))
            gathered.changes += [] if change is None else [change]
        return True

    def _sees(self, follower: _Follower, entry: Told, subject: Subject | None = None) -> bool:
        if subject is None and entry.withdrawn:
            return False
        spec = self._registry[entry.record_type]
        scopes = follower.asked.caller.scopes
        return may_see(spec, subject or entry.subject, scopes, follower.grants)

    def _change(self, follower: _Follower, entry: Told, past: Stated | None) -> Change | None:
        if self._sees(follower, entry):
            return self._made(ChangeKind.CHANGED, entry, is_whole=True)
        is_sender = entry.withdrawn and entry.source in follower.asked.caller.sources
        if not is_sender and (
            past is None or not past.concerned(lambda each: self._sees(follower, entry, each))
        ):
            return None
        is_own = entry.withdrawn and holds(HISTORY, entry.subject, follower.grants)
        return self._made(ChangeKind.REMOVED, entry, is_whole=is_sender or is_own)

    def _made(self, kind: ChangeKind, entry: Told, *, is_whole: bool) -> Change:
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
        question, before, mark, wait_s = follower.asked, follower.before, follower.mark, 0
        day = max(before.day, _day(follower.now))
        if question.owner is None:
            turned = await self._agreements.providers_changed(
                question.caller.party, before.day, day
            )
            gathered.resync |= set(turned)
        if gathered.renamed and PUBLIC_SCOPE in question.caller.scopes:
            gathered.resync |= gathered.renamed | await mentioning(
                self._database,
                gathered.renamed,
                types=follower.types,
                scopes=question.caller.scopes,
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
    """Return the day whose grants every worker goes by."""
    return local_date(now - timedelta(seconds=SETTLED_S))


def _readable(entries: list[Told]) -> tuple[list[Told], bool]:
    """Return as many entries as have few enough revisions together, and whether some are left."""
    left = REVISIONS_MAX
    for at, each in enumerate(entries):
        if at and each.revisions > left:
            return entries[:at], True
        left -= each.revisions
    return entries, False
