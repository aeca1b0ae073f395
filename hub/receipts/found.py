"""`found`: entries that somebody asks for, as far as he may see them: a few statements for all.

- Rights are judged by the present revision. Only owner and issuer may see older revisions and
  withdrawals. The source that sent a record may always see it whole: it knows the content; a hub,
  which sends for others, what it sent itself.
- What is not there, and what the caller may not see, cost the same statements; proofs are made
  after that.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from enum import IntEnum
from typing import NamedTuple

from hub.access.agreements import Agreements
from hub.access.clients import ClientKind
from hub.access.grants import PartyGrants
from hub.access.resource import Caller
from hub.access.visibility import Subject, hidden_items, may_see
from hub.identity.links import Names
from hub.ledger.policy import Policy
from hub.ledger.receipts import StoredReceipt, receipts_for
from hub.receipts.answer import ReceiptStanding
from hub.store.database import Database
from hub.store.fair import Asker, FairQueue, Shares
from hub.store.view import names_now
from hub.turns import Turns
from schema.visibility import HISTORY

_HEADER = """
SELECT e.entry_id, e.record_type, coalesce(f.source, e.source), e.authority, e.key, e.owner,
  e.issuer, e.withdrawal, b.canon, e.client_id
FROM entry e LEFT JOIN entry_body b USING (entry_id)
LEFT JOIN former_source f ON f.former = e.source
WHERE e.entry_id = ANY(%s)"""
NO_ENTRY = 0
"""An entry that never is."""
AT_ONCE = 3
"""Askers whose entries are looked for at once: one connection less than there are for reading …"""
OF_ONE = 2
"""… of them one client this often."""


class Sight(IntEnum):
    """How much of an entry somebody may see."""

    NOTHING = 0
    ROW = 1
    """Its existence and some of its items."""
    WHOLE = 2


class EntryHeader(NamedTuple):
    """What decides who may see an entry."""

    entry_id: int
    record_type: str
    source: str
    authority: str
    key: str
    owner: str
    issuer: str
    is_withdrawal: bool
    canon: bytes | None
    """None: it was erased."""
    client_id: str | None = None
    """Who sent it."""


class FoundEntry(NamedTuple):
    """An entry that somebody asked for, as far as he may see it."""

    receipt: StoredReceipt | None
    sight: Sight
    body: bytes
    standing: ReceiptStanding
    successor: int | None
    """The entry that its source states now in place of this one."""


NOTHING = FoundEntry(None, Sight.NOTHING, b"", ReceiptStanding.CURRENT, None)


class FoundEntries:
    """Finds entries for callers."""

    def __init__(self, database: Database, agreements: Agreements, policy: Policy) -> None:
        self._database = database
        self._agreements = agreements
        self._policy = policy
        self._standing_now = _standing_statement(database)
        self._turns = FairQueue(AT_ONCE, Shares(client_runs=OF_ONE), database.limits.wait_s)

    async def of(self, caller: Caller, entries: Sequence[int]) -> list[FoundEntry]:
        """Return receipt and bytes of each entry, and how much of it the caller may see."""
        async with self._turns.turn(Asker(caller.client_id or "nobody")):
            return await self._looked_for(caller, entries)

    async def _looked_for(self, caller: Caller, entries: Sequence[int]) -> list[FoundEntry]:
        reads = self._database.reads
        known = {
            row[0]: EntryHeader(*row) for row in await reads.fetch_all(_HEADER, (list(entries),))
        }
        headers = {each: known.get(each, self._nobodys) for each in entries}
        standings = await self._standings(list(headers.values()))
        grants = await self._agreements.of(caller.party)
        async with reads.connection() as connection:
            names = await names_now(connection, self._database.records)
        seen: dict[int, tuple[Sight, ReceiptStanding, int | None]] = {}
        turns = Turns()
        for (entry, header), (standing, successor) in zip(headers.items(), standings, strict=True):
            await turns.pause()
            sight = self._sight(caller, header, standing, grants, names)
            if entry in known and sight is not Sight.NOTHING:
                seen[entry] = sight, standing, successor
        receipts = await receipts_for(self._database, seen, self._policy) if seen else {}
        return [
            _as_found(receipts[each], headers[each].canon, *seen[each])
            if each in receipts
            else NOTHING
            for each in entries
        ]

    @property
    def _nobodys(self) -> EntryHeader:
        """Return a header that nobody may see, for which the same is asked as for any other."""
        first = next(iter(self._database.records.registry)).name
        return EntryHeader(NO_ENTRY, first, "", "", "", "", "", is_withdrawal=True, canon=b"{}")

    def _sight(
        self,
        caller: Caller,
        receipt: EntryHeader,
        standing: ReceiptStanding,
        grants: PartyGrants,
        every: Names,
    ) -> Sight:
        """Return how much the caller may see; old revisions and withdrawals fall under HISTORY."""
        is_its_own = caller.client_id is not None and receipt.client_id == caller.client_id
        if receipt.source in caller.own_sources or (caller.kind is ClientKind.PEER and is_its_own):
            return Sight.WHOLE  # the sender knows the content
        spec = self._database.records.registry[receipt.record_type]
        names = every.of_type(spec)
        subject = Subject(
            owner=names.party(receipt.owner),
            issuer=names.party(receipt.issuer),
            wire={}
            if receipt.is_withdrawal or receipt.canon is None
            else names.wire(spec, json.loads(receipt.canon)),
        )
        rule = None if standing is ReceiptStanding.CURRENT else HISTORY
        if not may_see(spec, subject, caller.scopes, grants, rule):
            return Sight.NOTHING
        return Sight.ROW if hidden_items(spec, subject, caller.scopes, grants) else Sight.WHOLE

    async def _standings(
        self, entries: Sequence[EntryHeader]
    ) -> list[tuple[ReceiptStanding, int | None]]:
        """Return whether each entry is what its source says now, and the entry that is instead."""
        named = [(each.record_type, each.source, each.authority, each.key) for each in entries]
        columns = [list(column) for column in zip(*named, strict=True)]
        rows = await self._database.reads.fetch_all(self._standing_now, columns)
        return [_standing(each, row) for each, row in zip(entries, rows, strict=True)]


def _standing(
    entry: EntryHeader, row: tuple[int | None, bool | None]
) -> tuple[ReceiptStanding, int | None]:
    now, is_withdrawn = row
    if now is None:
        return ReceiptStanding.WITHDRAWN, None  # nothing of it is kept: its content was erased
    successor = None if now == entry.entry_id else now
    if is_withdrawn:
        return ReceiptStanding.WITHDRAWN, successor
    if successor is None:
        return ReceiptStanding.CURRENT, None
    return ReceiptStanding.SUPERSEDED, successor


def _standing_statement(database: Database) -> str:
    """Return the one statement that finds what stands of claims, whatever their types.

    One for all types: how long it takes tells nothing of the type of an entry that is not shown.
    """
    found = " UNION ALL ".join(
        f"SELECT entry_id, withdrawn FROM {tables.source.name} c WHERE w.type = '{name}' "  # noqa: S608 - own names
        "AND c.source = w.source AND c.authority = w.authority AND c.key = w.key"
        for name, tables in database.records.tables.items()
    )
    return (
        "SELECT s.entry_id, s.withdrawn "  # noqa: S608 - own names
        "FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[])"
        " WITH ORDINALITY w (type, source, authority, key, n) "
        f"LEFT JOIN LATERAL ({found}) s ON true ORDER BY w.n"
    )


def _as_found(
    receipt: StoredReceipt,
    canon: bytes | None,
    sight: Sight,
    standing: ReceiptStanding,
    successor: int | None,
) -> FoundEntry:
    if canon is None and not receipt.is_erased:
        return NOTHING  # erased between the two statements
    shown = ReceiptStanding.ERASED if receipt.is_erased else standing
    return FoundEntry(receipt, sight, canon or b"", shown, successor)
