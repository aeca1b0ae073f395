"""`served`: the desks of vouchers that answer requests, as one typed value."""

from __future__ import annotations

from dataclasses import dataclass

from hub.vouchers.attested.attesting import AttestationDesk
from hub.vouchers.between.advance_checks import AdvanceChecks
from hub.vouchers.between.errands import ClaimErrands
from hub.vouchers.cases.case_desk import VoucherCaseDesk
from hub.vouchers.fast_track import FastTracks
from hub.vouchers.service import VoucherDesk


@dataclass(frozen=True, kw_only=True, slots=True)
class ServedVouchers:
    """What takes messages, attests, tracks, shows cases, answers hubs, checks; None: not served."""

    messages: VoucherDesk | None = None
    attesting: AttestationDesk | None = None
    tracks: FastTracks | None = None
    cases: VoucherCaseDesk | None = None
    errands: ClaimErrands | None = None
    advance: AdvanceChecks | None = None


NO_VOUCHERS = ServedVouchers()
"""Of a hub, or of a test, that serves nothing of vouchers."""
