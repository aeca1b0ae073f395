"""`parts`: the parts of one hub that share claims with other hubs, put together."""

from __future__ import annotations

from dataclasses import dataclass

from hub.access.agreements import Agreements
from hub.audit.service import Audit
from hub.vouchers.between.advance_checks import AdvanceChecks
from hub.vouchers.between.errands import ClaimErrands
from hub.vouchers.between.fingerprinting import ClaimFingerprints
from hub.vouchers.between.granting import GrantDesk
from hub.vouchers.between.keeping import ClaimKeeping
from hub.vouchers.between.ring import ClaimRing
from hub.vouchers.between.road import ClaimRoad
from hub.vouchers.service import VoucherDesk


@dataclass(frozen=True, slots=True)
class VoucherParts:
    """Who takes messages about vouchers, asks other hubs, answers them, and looks after both."""

    desk: VoucherDesk
    ring: ClaimRing
    errands: ClaimErrands
    keeping: ClaimKeeping
    advance: AdvanceChecks

    @classmethod
    def of(
        cls,
        desk: VoucherDesk,
        prints: ClaimFingerprints,
        agreements: Agreements,
        audit: Audit,
        ring: ClaimRing,
    ) -> VoucherParts:
        """Put the parts of one hub together; the desk takes claims by the road between hubs."""
        desk.road = road = ClaimRoad(desk, ring, prints, audit)
        grants = GrantDesk(desk.database, desk.checks, agreements, ring, road.hearing, desk.clock)
        errands = ClaimErrands(desk.database, ring, grants, prints, road.lost, audit, desk.clock)
        advance = AdvanceChecks(desk.database, desk.checks, ring, audit, desk.clock)
        return cls(desk, ring, errands, ClaimKeeping(road, grants), advance)
