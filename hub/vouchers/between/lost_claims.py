"""`lost_claims`: vouchers of this hub on which another hub knows a claim that is not here.

The home of a service granted it to a claim of which this database, come back from an old backup,
knows nothing, or not that it was consumed. What that claim took lies free here, so its voucher is
stopped for every other claim (`hub.policy.vouchers.lost_claims`) and a finding says who told it.

- The parties send reserve and consume for it again: the grant is asked for once more and given as
  before. When every claim that was told stands here, the voucher moves again.
- Where nobody comes, the issuer lifts the stop: CLEAR for that claim, with a reason. Nothing moves
  by it; the home of the service keeps what it knows as consumed, so that is not paid for again.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from hub.audit.rows import AuditKind, AuditRow
from hub.audit.service import Audit
from hub.errors import HubError
from hub.policy.bounds import Missing
from hub.policy.vouchers.corrections import VoucherFound
from hub.policy.vouchers.lost_claims import LostClaim, passes
from hub.policy.vouchers.messages import Event, VoucherRefusal
from hub.store.side_by_side import SideBySide
from hub.vouchers.answers import conflicting, shown
from hub.vouchers.between.hearing import PeerHearing
from hub.vouchers.between.lost_rows import (
    LostRow,
    lift,
    of_claim,
    open_of_voucher,
    to_tell,
    was_found,
)
from hub.vouchers.followed.findings import VoucherAbout, VoucherFindings
from hub.vouchers.limits import CLAIMS_LOOKED_MAX
from hub.vouchers.marks import ClaimName
from hub.vouchers.money.ledger import locked
from hub.vouchers.question import VoucherAsking, VoucherCase, VoucherTold, VoucherWanted
from schema.codes import VoucherClaimState, VoucherFindingKind

if TYPE_CHECKING:
    from hub.vouchers.service import VoucherDesk

_LOG = logging.getLogger(__name__)
RESTORED: Final = "restored"
"""What a voucher waits for: a claim on it that another hub knows has not come back yet."""
LOST: Final = VoucherFindingKind.CLAIM_LOST
DETAIL_MAX: Final = 200
"""Characters of a finding's detail."""


@dataclass(frozen=True, slots=True)
class LostClaims:
    """Stops the vouchers of a desk, and lets them go."""

    desk: VoucherDesk
    hearing: PeerHearing
    audit: Audit

    async def stop(self, reads: SideBySide, wanted: VoucherWanted) -> Missing | None:
        """Return why a message about a voucher has to wait, if it has; names hub and claim."""
        if not await self.hearing.ring.peers():
            return None
        told = {"issuer": wanted.issuer, "code": wanted.code, "claim": wanted.claim_no}
        rows = await reads.rows(open_of_voucher(self.desk.database), told)
        lost = [LostClaim(row["claim_no"], row["service"]) for row in rows]
        if passes(lost, wanted.event, wanted.claim_no, wanted.service):
            return None
        return Missing(RESTORED, f"{rows[0]['source']} {rows[0]['claim_no']}")

    async def has_lost(self, name: ClaimName) -> bool:
        """Whether a claim is one that another hub knows and that is not here."""
        async with self.desk.database.writes.connection() as connection:
            rows = await of_claim(self.desk.database, connection, name)
        return any(row.is_open for row in rows)

    async def may_have(self, name: ClaimName) -> bool:
        """Whether a claim is lost, or may be while not every hub has been heard."""
        return bool(await self.hearing.waiting()) or await self.has_lost(name)

    async def is_lifted_by(self, wanted: VoucherWanted) -> bool:
        """Whether a message may be one that lifts a stop, or did so."""
        if wanted.event is not Event.CLEAR:
            return False
        async with self.desk.database.writes.connection() as connection:
            return bool(await of_claim(self.desk.database, connection, wanted.name))

    async def lift(self, asking: VoucherAsking, wanted: VoucherWanted) -> VoucherTold:
        """Let a voucher go on without a claim; the same request again is answered as before.

        Where nothing is left to lift it is the ordinary message. Raises what the desk raises.
        """
        async with locked(self.desk.database, wanted.issuer, wanted.code) as connection:
            case = await self.desk.begin(connection, asking, wanted, is_whole=False)
            if isinstance(case, VoucherTold):
                return case
            rows = await of_claim(self.desk.database, connection, wanted.name)
            if any(row.request == asking.request for row in rows):
                if all(row.request_body != asking.body_hash for row in rows):
                    raise conflicting()
                return shown(case, _lifted(case, is_replayed=True))
            if not any(row.is_open for row in rows):
                statements = self.desk.statements(wanted.issuer)
                told = await self.desk.judge(connection, case, statements)
                await statements.write(connection)
                return told
            if not wanted.reason.strip():
                refused = VoucherRefusal.REASON_MISSING
                return VoucherTold(claim_no=wanted.claim_no, refused=refused)
            request = (asking.request, asking.body_hash)
            await lift(connection, wanted.name, request, self.desk.clock())
        await self._note(asking, wanted)
        return shown(case, _lifted(case))

    async def look(self) -> int:
        """Say of what was told, and of what has come back; return how many findings changed."""
        database, told = self.desk.database, 0
        async with database.writes.connection() as connection:
            rows = await to_tell(database, connection, CLAIMS_LOOKED_MAX)
        findings = VoucherFindings(database, self.desk.clock, self.desk.party)
        for name in dict.fromkeys(row.name for row in rows):
            async with database.writes.connection() as connection:
                known = await of_claim(database, connection, name)
            try:
                told += await findings.tell(_about(known[0]), _found(known), (), of=(LOST,))
            except HubError as error:  # what another hub told is no name of a claim
                _LOG.error("claims: that %s is lost cannot be stated: %s", name.text, error)
                continue
            async with database.writes.transaction() as connection:
                for row in known:
                    await was_found(connection, row)
        return told

    async def _note(self, asking: VoucherAsking, wanted: VoucherWanted) -> None:
        await self.audit.act(
            AuditRow(
                at=self.desk.clock(),
                kind=AuditKind.ACT,
                action="lost claim lifted",
                request_id=asking.request,
                client_id=asking.client,
                party=asking.party,
                reason=wanted.reason,
                detail={"claim": wanted.name.text},
            )
        )


def _lifted(case: VoucherCase, *, is_replayed: bool = False) -> VoucherTold:
    """Return how the claim stands; one that is not here at all stands in nobody's way."""
    claim = case.standing.claims.get(case.wanted.claim_no)
    return VoucherTold(
        claim_no=case.wanted.claim_no,
        state=VoucherClaimState.RELEASED if claim is None else claim.state,
        holds=() if claim is None else claim.holds,
        buckets=case.standing.buckets,
        replayed=is_replayed,
    )


def _about(row: LostRow) -> VoucherAbout:
    return VoucherAbout(
        issuer=row.name.issuer,
        code=row.name.code,
        claim_no=row.name.claim_no,
        holder=row.holder,
        provider=row.service.partition("/")[0],
    )


def _found(rows: list[LostRow]) -> tuple[VoucherFound, ...]:
    """Return what is told of one claim: who granted it what."""
    told = [f"{row.source} {row.service}" for row in rows if row.is_open]
    return (VoucherFound(kind=LOST, detail="; ".join(told)[:DETAIL_MAX]),) if told else ()
