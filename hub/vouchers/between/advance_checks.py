"""`advance_checks`: a service is checked for a voucher before anything is claimed; nothing moves.

What is known of a service of another hub its home knows: that hub is asked, for whoever asks here,
and the checks are made on its answer by the law, the dates and the money of this one. While it does
not answer, each check that rests on it is UNKNOWN for want of that hub.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime
from secrets import token_hex
from typing import Any

from hub.audit.rows import AuditKind, AuditRow
from hub.audit.service import Audit
from hub.clock import Clock
from hub.policy.bounds import Missing
from hub.policy.vouchers.facts import ServiceTold
from hub.store.database import Database
from hub.vouchers.answers import kept_at, no_voucher, not_there
from hub.vouchers.between.errand_wire import AskedGrant
from hub.vouchers.between.home_answers import ask_home
from hub.vouchers.between.ring import (
    PEER,
    ClaimRing,
    ErrandKind,
    PeerNotFoundError,
    PeerSilentError,
)
from hub.vouchers.limits import ATTEMPT_BYTES
from hub.vouchers.money.ledger import read_voucher
from hub.vouchers.money.movements import standing_of
from hub.vouchers.question import GivenService, ServiceChecked, ServiceChecks, VoucherWanted


@dataclass(frozen=True, slots=True)
class ServiceAsker:
    """Who wants a service checked."""

    party: str
    client: str


class AdvanceChecks:
    """Checks services for vouchers beforehand. `ring`: the hubs that keep services of their own."""

    def __init__(
        self, database: Database, checks: ServiceChecks, ring: ClaimRing, audit: Audit, clock: Clock
    ) -> None:
        self._database, self._checks, self._ring = database, checks, ring
        self._audit, self._clock = audit, clock

    async def of(self, asker: ServiceAsker, wanted: VoucherWanted) -> ServiceChecked:
        """Check a service for a voucher; nothing moves and nothing is marked, here or there.

        Holder, issuer and provider may ask; for anybody else there is no such voucher
        (`RefusedError` NOT_FOUND). HOME_ELSEWHERE names the hub that knows the voucher. The home of
        a service tells it to its provider and to who may read the record: for others there is none.
        Vouchers whose money other systems keep are checked as well, on what those said.
        """
        async with self._database.reads.connection() as connection:
            found = await read_voucher(self._database, connection, wanted.issuer, wanted.code)
        if found is None and (place := await self._ring.place_of(wanted.issuer)) is not None:
            raise kept_at(place)
        if found is None or wanted.service is None:
            raise no_voucher()
        provider = wanted.service.partition("/")[0]
        if asker.party not in {found.granted.issuer, found.granted.holder, provider}:
            raise no_voucher()
        standing = standing_of(found.granted, found.movements)
        home = await self._ring.home_of(wanted.service)
        if home is None:
            return await self._checks.of(wanted.service, wanted, found, standing)
        given = await self._given(home, asker, wanted, found.granted.holder)
        return await self._checks.checked(given, wanted, found, standing)

    async def _given(
        self, home: str, asker: ServiceAsker, wanted: VoucherWanted, holder: str
    ) -> GivenService:
        """Ask the home of a service what it knows of it; what is silent is missing."""
        look = token_hex(ATTEMPT_BYTES)
        asked = AskedGrant(
            name=wanted.name,
            attempt=look,
            service=wanted.service or "",
            order_no=wanted.order_no,
            fen=wanted.fen,
            holder=holder,
            party=asker.party,
            client=asker.client,
        )
        await self._audit.act(
            AuditRow(
                at=self._clock(),
                kind=AuditKind.RELAY,
                action="service asked about",
                request_id=look,
                client_id=asker.client,
                party=asker.party,
                detail={"hub": home, "voucher": f"{wanted.issuer}/{wanted.code}"},
            )
        )
        try:
            given = (await ask_home(self._ring, home, ErrandKind.LOOK, asked)).answered.given
        except PeerNotFoundError as error:
            raise not_there() from error
        except PeerSilentError:
            given = None
        return given or unknown_service(asked.service, home, self._clock())


def unknown_service(service: str, home: str, now: datetime) -> GivenService:
    """Return a service of which its home says nothing: all facts are missing for want of it."""
    lacking, provider = Missing(PEER, home), service.partition("/")[0]
    told: dict[str, Any] = {each.name: lacking for each in fields(ServiceTold)}
    return GivenService(
        told=ServiceTold(**{**told, "provider": provider, "voucher_fen": 0}),
        claimed=lacking,
        in_log=False,
        charge_fen=None,
        item_id="",
        owner=provider,
        issuer=provider,
        user=None,
        instrument="",
        invoice=(None, None),
        as_of=now,
        commitment="",
    )
