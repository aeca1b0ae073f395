"""`hearing`: what a database that begins anew is told by the other hubs before it decides anything.

A restored database, or one that is new, has lost what was agreed on since its backup, and so has
a hub that is new in the ring. Each peer is asked once in an epoch of the database, page by page:

- which services of this hub have your vouchers paid for: their grants and marks are put back;
- which services have you granted to vouchers whose money this hub keeps: what this database does
  not hold is a lost claim, and stops its voucher (`hub.vouchers.between.lost_claims`).

Until every peer has said both this hub grants nothing and moves no money of vouchers. The others'
word is taken because it was theirs to give. A hub that shares claims with nobody asks nobody.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from hub.audit.rows import AuditKind, AuditRow
from hub.audit.service import Audit
from hub.clock import Clock
from hub.policy.bounds import Missing
from hub.policy.vouchers.grants import GrantState
from hub.store.database import Database
from hub.store.epoch import horizon
from hub.vouchers.between import kept_grants
from hub.vouchers.between.errand_wire import claim_wire, granted_from_wire, marks_from_wire, name_of
from hub.vouchers.between.kept_grants import KeptGrant
from hub.vouchers.between.lost_rows import keep_lost
from hub.vouchers.between.ring import (
    PEER,
    ClaimRing,
    ErrandKind,
    PeerNotFoundError,
    PeerSilentError,
)
from hub.vouchers.limits import CLAIMS_OF_PEER_MAX, CLAIMS_PAGE, GRANT_AGAIN_S
from hub.vouchers.marks import ClaimName, put_back

_LOG = logging.getLogger(__name__)
_HEARD = b"""
INSERT INTO claim_peer (source, epoch, heard_at) VALUES (%s, %s, %s)
ON CONFLICT (source) DO UPDATE SET epoch = EXCLUDED.epoch, heard_at = EXCLUDED.heard_at"""


@dataclass(slots=True)
class PeerHearing:
    """Hears the hubs of the ring. `issuers`: whose vouchers' money this hub keeps."""

    database: Database
    ring: ClaimRing
    issuers: frozenset[str]
    audit: Audit
    clock: Clock
    _heard: set[str] = field(default_factory=set)
    """A database is restored while no hub runs on it: what was heard once stays so."""
    _asking: asyncio.Task[Missing | None] | None = None

    async def unheard(self) -> Missing | None:
        """Hear every peer that was not heard since this database began; return who is silent.

        Whoever wants to know it at the same time waits for the same answers.
        """
        if not await self.waiting():
            return None
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._hear_everybody())
        return await asyncio.shield(self._asking)

    async def waiting(self) -> list[str]:
        """Return the peers that have not been heard; asks nobody."""
        waiting = [peer for peer in await self.ring.peers() if peer not in self._heard]
        if waiting:
            epoch = (await horizon(self.database)).epoch
            rows = await self.database.writes.fetch_all(
                "SELECT source FROM claim_peer WHERE epoch = %s", (epoch,)
            )
            self._heard |= {source for (source,) in rows}
        return [peer for peer in waiting if peer not in self._heard]

    async def _hear_everybody(self) -> Missing | None:
        epoch = (await horizon(self.database)).epoch
        for peer in await self.waiting():
            try:
                await self._hear(peer, epoch)
            except (PeerSilentError, PeerNotFoundError, ValueError) as error:
                _LOG.warning("claims: %s is not heard yet: %r", peer, error)
                return Missing(PEER, peer)
        return None

    async def _hear(self, peer: str, epoch: str) -> None:
        paid = lost = 0
        async for claims in self._pages(peer, ErrandKind.CLAIMS, "claims", {}):
            for each in claims:
                await self._put_back(peer, each)
            paid += len(claims)
        if self.issuers:
            asked = {"issuers": sorted(self.issuers)}
            async for grants in self._pages(peer, ErrandKind.GRANTS, "grants", asked):
                told = [granted_from_wire(each) for each in grants]
                own = [each for each in told if each.name.issuer in self.issuers]
                async with self.database.writes.transaction() as connection:
                    lost += await keep_lost(self.database, connection, peer, own, self.clock())
        if lost:
            _LOG.error("claims: %s granted %d claims that this database has lost", peer, lost)
        await self._note(peer, {"claims": paid, "lost": lost})
        async with self.database.writes.transaction() as connection:
            await connection.execute(_HEARD, (peer, epoch, self.clock()))

    async def _pages(
        self, peer: str, kind: ErrandKind, member: str, asked: Mapping[str, Any]
    ) -> AsyncIterator[list[Any]]:
        """Give what a peer tells, in the order of the claims' names.

        ValueError for another form of answer, and for more than `CLAIMS_OF_PEER_MAX`.
        """
        after = ClaimName("", "", "")
        for _ in range(CLAIMS_OF_PEER_MAX // CLAIMS_PAGE):
            said = (await self.ring.ask(peer, kind, claim_wire(after, **asked))).get(member)
            if not isinstance(said, list) or len(said) > CLAIMS_PAGE:
                raise ValueError(f"{peer} tells no list of {member}")
            yield said
            if len(said) < CLAIMS_PAGE:
                return
            after = name_of(said[-1])
        raise ValueError(f"{peer} tells more than {CLAIMS_OF_PEER_MAX} {member}")

    async def _put_back(self, peer: str, wire: Any) -> None:
        """Put a grant back that this database does not hold."""
        told, marks = granted_from_wire(wire), marks_from_wire(wire)
        async with self.database.writes.transaction() as connection:
            stands = await kept_grants.held(connection, told.name)
            if stands is not None and stands.standing.state is GrantState.CONSUMED:
                return
            for other in await put_back(connection, told.name, marks):
                _LOG.error(
                    "claims: %s and %s hold one service or invoice", told.name.text, other.text
                )
            grant = KeptGrant(told.name, told.standing, peer, told.service, None)
            await kept_grants.keep(connection, grant, self.clock(), GRANT_AGAIN_S)

    async def _note(self, peer: str, detail: Mapping[str, Any]) -> None:
        await self.audit.act(
            AuditRow(
                at=self.clock(),
                kind=AuditKind.RELAY,
                action="claims heard",
                request_id=peer,
                detail={"hub": peer, **detail},
            )
        )
