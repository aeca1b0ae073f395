"""`reservations`: money that was reserved for a service of which no record came is given back.

Some days before, a finding tells holder and provider of the day; after it the hub releases the
claim, with its reason in the movement. It is decided under the lock of the voucher, so a claim that
is being consumed, and may be waiting for another hub, stays (`hub.policy.vouchers.reservations`).
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Final

from hub.errors import HubError
from hub.policy.bounds import Missing
from hub.policy.law import EVERYWHERE
from hub.policy.vouchers.claim import S
from hub.policy.vouchers.corrections import VoucherFound
from hub.policy.vouchers.messages import Event
from hub.policy.vouchers.reservations import ReservationKeeper, ReservationTold, reservation_told
from hub.store.copying import Connection
from hub.store.legal_persons import legal_persons
from hub.store.side_by_side import reads_of
from hub.vouchers.between import shared
from hub.vouchers.followed.corrections import own_message
from hub.vouchers.followed.findings import VoucherFindings
from hub.vouchers.followed.kept_claims import KeptClaims, Row, about, name_of
from hub.vouchers.limits import BEFORE_PLANNED_DAYS, OVER_AT_ONCE, OVER_MAX, RELATED_MAX
from hub.vouchers.marks import ClaimName
from hub.vouchers.money.ledger import CLAIM, locked
from hub.vouchers.money.movements import MovementError
from hub.vouchers.question import VoucherCase, VoucherWanted
from hub.vouchers.service import VoucherDesk
from schema.codes import VoucherFindingKind
from schema.dates import local_date, local_day
from schema.records.order_path import USED

_LOG = logging.getLogger(__name__)
OVER: Final = VoucherFindingKind.RESERVATION_OVER
_USERS = """
SELECT DISTINCT s.user_key FROM {service} s WHERE s.owner = %(provider)s AND NOT s.withdrawn
  AND (s.ended_at IS NULL OR s.ended_at >= %(since)s)
  AND NOT EXISTS (SELECT FROM {claim} c WHERE c.service_key = s.key AND NOT c.withdrawn
    AND c.key <> %(key)s AND c.state NOT IN ('RELEASED', 'REJECTED'))
LIMIT %(most)s"""
_ORDERS = """
SELECT 1 FROM {order} o WHERE o.owner = %(provider)s AND o.local_id = %(order_no)s
  AND NOT o.withdrawn AND EXISTS (
    SELECT FROM jsonb_array_elements(coalesce(o.steps, '[]')) e WHERE e ->> 'state' = ANY(%(used)s))
LIMIT 1"""


@dataclass(frozen=True, slots=True)
class Reservations:
    """Ends reservations on vouchers of a desk, and says so beforehand."""

    desk: VoucherDesk
    claims: KeptClaims
    findings: VoucherFindings

    async def look(self) -> int:
        """Do what is due today; return how many were released."""
        await self._close_told()
        today, after, released = local_date(self.desk.clock()), "", 0
        for _ in range(OVER_MAX // OVER_AT_ONCE):
            rows = await self.claims.reserved_until(today, after, OVER_AT_ONCE)
            for row in rows:
                try:
                    released += await self._look_at(row)
                except (HubError, MovementError) as error:
                    _LOG.warning("reservation %s is not ended: %s", row["key"], error)
            if len(rows) < OVER_AT_ONCE:
                return released
            after = rows[-1]["key"]
        _LOG.warning("more than %d reservations are over: those after %s wait", OVER_MAX, after)
        return released

    async def _look_at(self, row: Row) -> bool:
        """Tell of a reservation, or release it; return whether it was released."""
        name = name_of(row)
        wanted = VoucherWanted(
            issuer=name.issuer, code=name.code, claim_no=name.claim_no, event=Event.RELEASE
        )
        await self.desk.open(name.issuer)
        async with locked(self.desk.database, name.issuer, name.code) as connection:
            case = await self.desk.case_of(connection, None, wanted)
            told = await self._told(connection, case, row)
            if told is not None and told.is_released:
                await self._release(connection, case, row["planned_until"])
        if told is None:
            return False
        found = () if told.is_released else (_found(row, told),)
        await self.findings.tell(about(row), found, (row["entry_id"],), of=(OVER,))
        return told.is_released

    async def _told(
        self, connection: Connection, case: VoucherCase, row: Row
    ) -> ReservationTold | None:
        claim = case.standing.claims.get(case.wanted.claim_no)
        if claim is None or claim.state is not S.RESERVED:
            return None  # it was consumed or released this moment
        region = case.voucher.granted.region
        place = EVERYWHERE if isinstance(region, Missing) else region
        law = self.desk.law.on(local_date(self.desk.clock()), place)
        told = reservation_told(row["planned_until"], law)
        return told and replace(told, kept_by=await self._kept_by(connection, row))

    async def _kept_by(self, connection: Connection, row: Row) -> ReservationKeeper | None:
        if await shared.held(connection, name_of(row)) is not None:
            return ReservationKeeper.PENDING
        road, provider = self.desk.road, row["provider_key"]
        if road is not None and await road.lost.has_lost(name_of(row)):
            return ReservationKeeper.PENDING
        if road is not None and await road.ring.home_of(provider) is not None:
            return ReservationKeeper.HOME_ELSEWHERE
        if await self._may_have_come(row):
            return ReservationKeeper.SERVICE
        tables = self.desk.database.records.tables
        orders = await self.desk.database.reads.fetch_all(
            _ORDERS.format(order=tables["ServiceOrder"].source.name),
            {**row, "provider": provider, "used": [each.value for each in USED]},
        )
        return ReservationKeeper.ORDER if orders else None

    async def _may_have_come(self, row: Row) -> bool:
        """Whether the provider has a record that may be the service.

        One that another claim holds is not; one of whom it is not known who the user is may be.
        """
        database = self.desk.database
        early = row["planned_until"] - timedelta(days=BEFORE_PLANNED_DAYS)
        of = {each: database.records.tables[each].source.name for each in ("ServiceRecord", CLAIM)}
        found = await database.reads.fetch_all(
            _USERS.format(service=of["ServiceRecord"], claim=of[CLAIM]),
            {
                "provider": row["provider_key"],
                "since": local_day(min(local_date(row["changed_at"]), early))[0],
                "key": row["key"],
                "most": RELATED_MAX,
            },
        )
        users = {user for (user,) in found}
        if None in users or len(found) == RELATED_MAX:
            return True
        async with reads_of(database.reads) as reads:
            persons = await legal_persons(reads, database.records, {*users, row["holder_key"]})
        holder = persons.get(row["holder_key"])
        return any(holder is None or persons.get(each) in {None, holder} for each in users)

    async def _release(self, connection: Connection, case: VoucherCase, planned: date) -> None:
        wanted = replace(case.wanted, reason=f"{OVER.value} {planned.isoformat()}")
        asking = own_message(wanted, self.desk.party, OVER.value)
        statements = self.desk.statements(wanted.issuer)
        told = replace(case, wanted=wanted, asking=asking)
        await self.desk.judge(connection, told, statements)
        await statements.write(connection)

    async def _close_told(self) -> None:
        """Close what was told of claims that are reserved no longer."""
        for issuer, code, claim_no in await self.findings.open_of(OVER):
            if issuer in self.desk.issuers:
                row = await self.claims.named(ClaimName(issuer, code, claim_no))
                if row is not None and row["state"] != S.RESERVED.value:
                    await self.findings.tell(about(row), (), (row["entry_id"],), of=(OVER,))


def _found(row: Row, told: ReservationTold) -> VoucherFound:
    return VoucherFound(kind=OVER, fen=row["voucher_fen"], detail=told.detail)
