"""`deployed`: the desks of vouchers of one hub, as its settings say, for it and for commands."""

from __future__ import annotations

from dataclasses import dataclass

from hub.access.agreements import Agreements
from hub.access.token_keys import in_files
from hub.audit.service import Audit
from hub.customs.service import CustomsDesk
from hub.settings import Settings
from hub.store.database import Database
from hub.vouchers.attested.attesting import AttestationDesk
from hub.vouchers.between.fingerprint_keys import ClaimKeys
from hub.vouchers.between.fingerprinting import ClaimFingerprints
from hub.vouchers.between.parts import VoucherParts
from hub.vouchers.between.proving import ServicesAbroad
from hub.vouchers.between.ring import ClaimRing, Sources
from hub.vouchers.cases.case_desk import VoucherCaseDesk
from hub.vouchers.fast_track import FastTracks
from hub.vouchers.followed.kept_claims import KeptClaims
from hub.vouchers.served import ServedVouchers
from hub.vouchers.service import VoucherDesk
from hub.vouchers.services.stored import StoredServices
from schema.parties import HUB_PARTY


@dataclass(frozen=True, kw_only=True, slots=True)
class VoucherDesks:
    """What takes messages, attests claims, sends them on the fast way, and shows cases."""

    messages: VoucherDesk
    attesting: AttestationDesk
    tracks: FastTracks
    cases: VoucherCaseDesk
    between: VoucherParts

    @property
    def served(self) -> ServedVouchers:
        """Return those that answer requests."""
        return ServedVouchers(
            messages=self.messages,
            attesting=self.attesting,
            tracks=self.tracks,
            cases=self.cases,
            errands=self.between.errands,
            advance=self.between.advance,
        )


def voucher_desks(
    settings: Settings,
    database: Database,
    agreements: Agreements,
    customs: CustomsDesk,
    audit: Audit,
    hubs: Sources,
) -> VoucherDesks:
    """Return the desks of a hub, by the law of its customs desk. `hubs`: its sources."""
    law, clock, party = customs.law, audit.clock, f"{HUB_PARTY}{settings.log_origin}"
    services = StoredServices(database, customs, law, settings.log_origin)
    issuers = frozenset(settings.voucher_issuers)
    desk = VoucherDesk(database, services, clock, party=party, issuers=issuers, law=law)
    prints = ClaimFingerprints(database, ClaimKeys(settings.claim_keys_file), settings.log_origin)
    ring = ClaimRing(hubs)
    return VoucherDesks(
        messages=desk,
        attesting=AttestationDesk(
            database,
            services,
            agreements,
            clock,
            base=settings.base,
            origin=settings.log_origin,
            key=in_files(settings.token_key, clock).signing,
            abroad=ServicesAbroad(database, ring, audit, settings.log_origin),
        ),
        tracks=FastTracks(
            database=database,
            desk=desk,
            checks=services,
            claims=KeptClaims(database, issuers),
            law=law,
            clock=clock,
            party=party,
        ),
        cases=VoucherCaseDesk(database, agreements, issuers, law),
        between=VoucherParts.of(desk, prints, agreements, audit, ring),
    )
