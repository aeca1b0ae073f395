"""`keeping`: looks after claims that wait for another hub, and after grants that were given to one.

- A claim whose answer a hub owes is worked on again, from where it stopped; nothing is assumed
  meanwhile, however long that takes.
- The home of a service is told what became of a claim until it knows.
- The home of a voucher is asked about grants of which it said nothing for long.
- A database that begins anew hears every hub first (`hearing`), and what is found lost by that is
  told (`lost_claims`).

One worker at a time, by an advisory lock. A hub that does not answer is not asked again in the same
look.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from datetime import timedelta

import psycopg

from hub.errors import HubError
from hub.policy.vouchers.grants import SharedState
from hub.store.locks import SessionLock, only_worker
from hub.store.side_by_side import SideBySide
from hub.vouchers.between import shared
from hub.vouchers.between.granting import GrantDesk
from hub.vouchers.between.ring import PEER
from hub.vouchers.between.road import ClaimRoad
from hub.vouchers.between.shared import SharedClaim
from hub.vouchers.limits import CLAIM_AGAIN_S, CLAIM_LOOK_S, CLAIMS_LOOKED_MAX

_LOG = logging.getLogger(__name__)


class ClaimKeeping:
    """Looks after claims between hubs, beside a running hub."""

    def __init__(self, road: ClaimRoad, grants: GrantDesk, pause_s: float = CLAIM_LOOK_S) -> None:
        self.road, self.grants, self._pause_s = road, grants, pause_s

    async def run(self, stop: asyncio.Event) -> None:
        """Look, at once and after each pause, until `stop`."""
        while not stop.is_set():
            try:
                await self.look()
            except (HubError, psycopg.Error) as error:
                _LOG.warning("claims: %s", error)
            with suppress(TimeoutError):
                async with asyncio.timeout(self._pause_s):
                    await stop.wait()

    async def look(self, again_s: float = CLAIM_AGAIN_S) -> int:
        """Do what is due, unless another worker does it; return how many claims moved.

        `again_s`: how long a claim waits before it is worked on again.
        """
        async with only_worker(self.road.desk.database, SessionLock.CLAIMS) as is_ours:
            if not is_ours:
                return 0
            is_heard = await self.road.hearing.unheard() is None
            await self.road.lost.look()
            moved = await self._claims(again_s, is_heard=is_heard)
            return moved + await self.grants.look()

    async def _claims(self, again_s: float, *, is_heard: bool) -> int:
        desk = self.road.desk
        now, moved, silent = desk.clock(), 0, set[str | None]()
        before = now - timedelta(seconds=again_s)
        async with desk.database.writes.connection() as connection:
            waiting = await shared.due(connection, before, CLAIMS_LOOKED_MAX)
        for claim in waiting:
            async with desk.database.writes.transaction() as connection:
                await shared.was_asked(connection, claim.name, now)
            if claim.source in silent:
                continue
            if not is_heard and claim.standing.state is SharedState.PENDING:
                continue
            moved += await self._worked_on(claim)
            silent |= self.road.ring.away
        return moved

    async def _worked_on(self, claim: SharedClaim) -> bool:
        """Go on with one claim; return whether it moved."""
        if claim.standing.state is not SharedState.PENDING:
            return await self.road.tell(claim)
        async with self.road.desk.database.writes.transaction() as connection:
            if await self.road.lost.stop(SideBySide(connection), claim.wanted) is not None:
                return False
        try:
            told = await self.road.go_on(claim)
        except HubError as error:
            _LOG.warning("claim %s: %s", claim.name.text, error.code.name)
            return False
        return told.missing is None or told.missing.fact != PEER
