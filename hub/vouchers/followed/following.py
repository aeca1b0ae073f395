"""`following`: follows the change feed for vouchers, and goes round open claims now and then.

- A service record that was corrected or withdrawn: the claims for it (`corrections`).
- A service, order or claim that changed: whether the claim goes the fast way (`fast_track`).
- What another system says of its vouchers: whether it holds together (`mirror`).
- What else the fast way rests on (a register, a sensor, a parameter whose day has come) is noticed
  when the next round comes by, within `ROUND_S`.

One worker at a time, by an advisory lock. The place in the feed is written after what was done up
to it; after a kill that is done again, and everything here is the same when done twice. An entry
that the log has not yet taken is waited for: what follows from it rests on its receipt. So are the
other hubs where a database begins anew.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import psycopg

from hub.clock import Clock
from hub.errors import ErrorCode, HubError
from hub.exchange.entries import ChangedEntry, scan
from hub.exchange.position import START, Place
from hub.exchange.watch import FeedWatch
from hub.store.database import Database
from hub.store.epoch import horizon
from hub.store.locks import SessionLock, only_worker
from hub.vouchers.fast_track import OPEN, FastTracks
from hub.vouchers.followed.corrections import JUDGED, OVER, VoucherCorrections
from hub.vouchers.followed.findings import VoucherFindings
from hub.vouchers.followed.granted_since import GrantedSince
from hub.vouchers.followed.kept_claims import KeptClaims, Row, name_of
from hub.vouchers.followed.known_again import TWICE, KnownAgain
from hub.vouchers.followed.mirror import MIRRORED, look_at
from hub.vouchers.limits import FOLLOW_PAUSE_S, LOG_PAUSE_S, ROUND_CLAIMS, ROUND_S, STANDS_BACK_S
from hub.vouchers.marks import ClaimName
from hub.vouchers.money.ledger import CLAIM, MOVEMENT, VOUCHER
from hub.vouchers.money.movements import MovementError
from hub.vouchers.service import VoucherDesk
from hub.watching.metrics import METRICS
from schema.codes import VoucherClaimState

_LOG = logging.getLogger(__name__)
SERVICE, ORDER = "ServiceRecord", "ServiceOrder"
OF_VOUCHERS = frozenset({CLAIM, MOVEMENT, VOUCHER})
FOLLOWED = OF_VOUCHERS | {SERVICE, ORDER}
AGAIN = frozenset({ErrorCode.TIMEOUT, ErrorCode.DATABASE_UNAVAILABLE})
_READ = "SELECT epoch, xid, entry_id, round_after, round_at FROM voucher_place WHERE name = 'entry'"
_WRITE = b"""
INSERT INTO voucher_place (name, epoch, xid, entry_id, round_after, round_at)
VALUES ('entry', %s, %s, %s, %s, %s)
ON CONFLICT (name) DO UPDATE SET epoch = EXCLUDED.epoch, xid = EXCLUDED.xid,
  entry_id = EXCLUDED.entry_id, round_after = EXCLUDED.round_after, round_at = EXCLUDED.round_at"""
_NOT_IN_LOG = """
SELECT e.entry_id FROM unnest(%s::bigint[]) e (entry_id)
WHERE NOT EXISTS (SELECT FROM leaf l WHERE l.entry_id = e.entry_id)"""


@dataclass(frozen=True, slots=True)
class FollowedTo:
    """How far the feed was followed, and the round over open claims (None: none is on)."""

    epoch: str
    place: Place
    round_after: str | None
    round_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class VoucherFollowing:
    """Follows what concerns vouchers."""

    database: Database
    clock: Clock
    watch: FeedWatch
    claims: KeptClaims
    corrections: VoucherCorrections
    fast_tracks: FastTracks
    findings: VoucherFindings
    granted: GrantedSince

    @classmethod
    def of(cls, fast_tracks: FastTracks, watch: FeedWatch) -> VoucherFollowing:
        """Put together who follows for the vouchers of a desk, and sends them on the fast way."""
        database, desk, clock = fast_tracks.database, fast_tracks.desk, fast_tracks.clock
        findings = VoucherFindings(database, clock, fast_tracks.party)
        corrections = VoucherCorrections(
            database=database,
            desk=desk,
            checks=fast_tracks.checks,
            findings=findings,
            known=KnownAgain(database=database, claims=fast_tracks.claims, findings=findings),
            party=fast_tracks.party,
        )
        return cls(
            database=database,
            clock=clock,
            watch=watch,
            claims=fast_tracks.claims,
            corrections=corrections,
            fast_tracks=fast_tracks,
            findings=findings,
            granted=GrantedSince(database, findings),
        )

    @property
    def desk(self) -> VoucherDesk:
        """The desk that takes messages about these vouchers."""
        return self.fast_tracks.desk

    async def run(self, stop: asyncio.Event) -> None:
        """Follow until `stop` is set."""
        with self.watch.listening() as bell:
            while not stop.is_set():
                bell.clear()
                rest_s = 0.0
                try:
                    while not rest_s and not stop.is_set():
                        rest_s = await self.look()
                except (HubError, psycopg.Error) as error:
                    METRICS.voucher_not_followed(_code(error))
                    _LOG.warning("vouchers: the change feed is not followed: %s", error)
                    rest_s = LOG_PAUSE_S
                await _rung(bell, stop, rest_s)

    async def look(self) -> float:
        """Do what follows from the next page of the feed, unless another worker does it.

        Returns for how many seconds to rest unless the feed moves; 0: there may be more to do.
        """
        async with only_worker(self.database, SessionLock.VOUCHERS) as is_ours:
            if not is_ours:
                return FOLLOW_PAUSE_S
            road = self.desk.road
            if road is not None and await road.hearing.unheard() is not None:
                return LOG_PAUSE_S  # no message is taken yet, and what follows is said once
            return await self._page()

    async def _page(self) -> float:
        until = await horizon(self.database)
        before = await self._read(until.epoch)
        page = await scan(self.database, until, before.place, types=FOLLOWED, owner=None, closed=())
        entries, place = await self._in_log(page.entries, before.place, page.end)
        claimed = await self.claims.claimed(
            [each.item_id for each in entries if each.record_type == SERVICE],
            [each.item_id for each in entries if each.record_type == ORDER],
        )
        touched: list[Row] = []
        looked: dict[str, bool] = {}
        for each in entries:
            if each.item_id in claimed or each.record_type == CLAIM:
                touched += await self._follow(each, looked)
        touched += await self._beside([each.key for each in entries if each.record_type == CLAIM])
        await self._mirror(entries, touched)
        await self.granted.look([each.item_id for each in entries if each.record_type == SERVICE])
        after = await self._round(replace(before, place=place))
        async with self.database.writes.transaction() as connection:
            values = (after.epoch, str(place[0]), place[1], after.round_after, after.round_at)
            await connection.execute(_WRITE, values)
        if after.round_after is not None:
            return 0.0
        if place != page.end:
            return LOG_PAUSE_S
        return FOLLOW_PAUSE_S if page.is_last else 0.0

    async def _read(self, epoch: str) -> FollowedTo:
        rows = await self.database.writes.fetch_all(_READ)
        if rows and rows[0][0] == epoch:
            _, xid, entry_id, round_after, round_at = rows[0]
            return FollowedTo(epoch, (int(xid), entry_id), round_after, round_at)
        return FollowedTo(epoch, START, None, self.clock())  # a database that was restored: anew

    async def _in_log(
        self, entries: Sequence[ChangedEntry], before: Place, end: Place
    ) -> tuple[Sequence[ChangedEntry], Place]:
        """Return the first entries that the log has, and the place in the feed after them."""
        asked = [each.entry_id for each in entries]
        rows = await self.database.reads.fetch_all(_NOT_IN_LOG, (asked,))
        outside = {entry for (entry,) in rows}
        for at, each in enumerate(entries):
            if each.entry_id in outside:
                return entries[:at], entries[at - 1].place if at else before
        return entries, end

    async def _follow(self, entry: ChangedEntry, looked: dict[str, bool]) -> Sequence[Row]:
        """Do what follows from one entry; return the claims that it touches.

        `looked`: claims that were looked at for this page, and whether their services were too.
        What several entries touch is looked at once: as it is now.
        """
        rows: Sequence[Row] = ()
        if entry.record_type == SERVICE:
            rows = await self.claims.for_service(entry.item_id)
        elif entry.record_type == ORDER:
            rows = await self.claims.for_order(entry.item_id)
        elif entry.record_type == CLAIM:
            named = await self.claims.named(ClaimName(*entry.key.split("/")))
            rows = () if named is None else (named,)
        is_own_change = entry.record_type == CLAIM
        for row in rows:
            if row["key"] not in looked or not (is_own_change or looked[row["key"]]):
                looked[row["key"]] = await self._look(row, is_own_change=is_own_change)
        return rows

    async def _beside(self, changed: Sequence[str]) -> Sequence[Row]:
        """Look at claims that others than themselves concern, of which `changed` are the keys.

        Those for the same service, and those of which it was found that they are for what another
        one is for: that one may be over by now.
        """
        if not changed:
            return ()
        rows = list(await self.claims.sharing(changed))
        for issuer, code, claim_no in await self.findings.open_of(TWICE):
            name = ClaimName(issuer, code, claim_no)
            named = await self.claims.named(name) if issuer in self.claims.issuers else None
            rows += [] if named is None else [named]
        for row in rows:
            await self._look(row)
        return rows

    async def _mirror(self, entries: Sequence[ChangedEntry], touched: Sequence[Row]) -> None:
        """Look at each voucher of another system that entries or claims are about, once."""
        keys = [each.key.split("/") for each in entries if each.record_type in OF_VOUCHERS]
        vouchers = {(issuer, code) for issuer, code, *_ in keys}
        vouchers |= {(row["issuer_key"], row["code"]) for row in touched}
        for issuer, code in sorted(vouchers):
            if issuer not in self.claims.issuers:
                for each in await look_at(self.database, issuer, code):
                    await self.findings.tell(each.about, each.found, each.evidence, of=MIRRORED)

    async def _look(self, row: Row, *, is_own_change: bool = False) -> bool:
        """Do what follows for a claim; return whether its service was looked at too.

        `is_own_change`: it is the claim that changed, and not what it is for.

        What is busy or away is tried again with the whole page; what stays wrong with one voucher
        (`deltahub voucher audit` tells it) does not stop the others.
        """
        state, again = VoucherClaimState[row["state"]], row
        await self.desk.idle(STANDS_BACK_S)
        is_whole = not is_own_change
        try:
            is_whole = is_whole or not await self.corrections.is_as_judged(row)
            if is_whole and state in JUDGED | OVER:
                await self.corrections.look(row)
                again = await self.claims.named(name_of(row)) or row
            if state in OPEN:
                await self.fast_tracks.go(again)
        except MovementError as error:
            METRICS.voucher_not_followed(error.code)
            _LOG.error("claim %s: %s", row["key"], error)
        except HubError as error:
            if error.code in AGAIN:
                raise
            METRICS.voucher_not_followed(error.code.value)
            _LOG.error("claim %s: %s", row["key"], error)
        return is_whole

    async def _round(self, followed: FollowedTo) -> FollowedTo:
        """Look at the next open claims of a round; begin one where the last one is old."""
        now = self.clock()
        if followed.round_after is None:
            if now - followed.round_at < timedelta(seconds=ROUND_S):
                return followed
            followed = replace(followed, round_after="", round_at=now)
        rows = await self.claims.open_after(followed.round_after or "")
        for row in rows:
            await self._look(row)
        last = rows[-1]["key"] if len(rows) == ROUND_CLAIMS else None
        return replace(followed, round_after=last)


def _code(error: HubError | psycopg.Error) -> str:
    """Return by what a failure is counted."""
    return error.code.value if isinstance(error, HubError) else "DATABASE"


async def _rung(bell: asyncio.Event, stop: asyncio.Event, timeout_s: float) -> None:
    """Wait until one of both is set, at most for so long."""
    waits = [asyncio.create_task(each.wait()) for each in (bell, stop)]
    try:
        await asyncio.wait(waits, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for each in waits:
            each.cancel()
