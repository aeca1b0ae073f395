"""`deployed`: the desks of vouchers of one hub, as its settings say, for it and for commands."""

from __future__ import annotations

from dataclasses import dataclass

from hub.access.agreements import Agreements
from hub.access.token_keys import in_files
from hub.audit.service import Audit
from hub.customs.service import CustomsDesk
from hub.policy.law import Law, current_law
from hub.settings import Settings
from hub.store.database import Database
from hub.vouchers.attesting import AttestationDesk
from hub.vouchers.case_desk import VoucherCaseDesk
from hub.vouchers.fast_track import FastTracks
from hub.vouchers.kept_claims import KeptClaims
from hub.vouchers.service import VoucherDesk
from hub.vouchers.stored import StoredServices
from schema.parties import HUB_PARTY


@dataclass(frozen=True, kw_only=True, slots=True)
class VoucherDesks:
    """What takes messages, attests claims, sends them on the fast way, and shows cases."""

    messages: VoucherDesk
    attesting: AttestationDesk
    tracks: FastTracks
    cases: VoucherCaseDesk


def voucher_desks(
    settings: Settings,
    database: Database,
    agreements: Agreements,
    customs: CustomsDesk,
    audit: Audit,
    law: Law | None = None,
) -> VoucherDesks:
    """Return the desks of a hub; `law`: another than that which ships."""
    law, clock, party = law or current_law(), audit.clock, f"{HUB_PARTY}{settings.log_origin}"
    services = StoredServices(database, customs, law, settings.log_origin)
    issuers = frozenset(settings.voucher_issuers)
    desk = VoucherDesk(database, services, clock, party=party, issuers=issuers, law=law)
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
    )
