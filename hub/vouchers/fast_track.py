"""`fast_track`: submits claims by itself where the whole service is in the log (无感直兑).

A claim that was reserved for an order is consumed, then submitted, each by a message of the hub's
own that moves money once; whoever is killed between the two goes on with the second. Either is
judged by the desk like any other: under the lock of the voucher, by the checks as they are then.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from psycopg.rows import dict_row

from hub.clock import Clock
from hub.errors import ErrorCode, RefusedError
from hub.policy.bounds import Missing
from hub.policy.law import EVERYWHERE, Law
from hub.policy.vouchers.checks import CheckTold, VoucherVerdict
from hub.policy.vouchers.claim import S, VoucherClaimStanding
from hub.policy.vouchers.fast_track import FastTrack, WholeService, fast_track, has_all_steps
from hub.policy.vouchers.messages import Event
from hub.store.database import Database
from hub.vouchers.followed.corrections import own_message
from hub.vouchers.followed.kept_claims import KeptClaims, Row, name_of
from hub.vouchers.money.ledger import KeptVoucher, read_voucher
from hub.vouchers.money.movements import standing_of
from hub.vouchers.question import FAST_TRACK, ServiceChecked, ServiceChecks, VoucherWanted
from hub.vouchers.service import VoucherDesk
from schema.codes import VoucherEvent
from schema.dates import local_date

OPEN = frozenset({S.RESERVED, S.CONSUMED})


@dataclass(frozen=True, kw_only=True, slots=True)
class FastTrackTold:
    """How a claim stands to the fast track. `state`: of the claim."""

    state: S
    track: FastTrack
    checks: tuple[CheckTold, ...]
    looked_at: tuple[str, str] | None
    """Identity and owner of the service record that was checked."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Case:
    row: Row
    voucher: KeptVoucher
    claim: VoucherClaimStanding
    service: str | None
    checked: ServiceChecked | None
    track: FastTrack


@dataclass(frozen=True, kw_only=True, slots=True)
class FastTracks:
    """Sends claims on the fast way. `party`: the hub's own."""

    database: Database
    desk: VoucherDesk
    checks: ServiceChecks
    claims: KeptClaims
    law: Law
    clock: Clock
    party: str

    async def told(self, party: str, wanted: VoucherWanted) -> FastTrackTold:
        """Say what a claim's fast track lacks, to issuer, holder and provider; else NOT_FOUND."""
        row = await self.claims.named(wanted.name)
        case = None if row is None else await self._case(row, is_told=True)
        if case is None or party not in {
            case.voucher.granted.issuer,
            case.voucher.granted.holder,
            case.row["provider_key"],
        }:
            raise RefusedError(
                ErrorCode.NOT_FOUND,
                hint="claimNo: a claim on a voucher whose money this hub keeps, and which is yours",
                hint_zh="claimNo：本枢纽管理额度且与贵单位有关的申兑编号",
            )
        checked = case.checked
        return FastTrackTold(
            state=case.claim.state,
            track=case.track,
            checks=checked.verified.checks if checked else (),
            looked_at=(checked.item_id, checked.owner) if checked else None,
        )

    async def go(self, row: Row) -> int:
        """Consume and submit a claim if nothing is wanting; return how many steps it went."""
        case = await self._case(row)
        if case is None or case.claim.state not in OPEN or not case.track.is_ready:
            return 0
        steps = 0
        if case.claim.state is S.RESERVED:
            assert case.checked is not None, "what was not checked is not ready"
            most = case.checked.most_fen
            if isinstance(most, Missing) or min(most, case.claim.fen) <= 0:
                return 0
            fen = min(most, case.claim.fen)
            if not await self._send(case, Event.CONSUME, fen=fen):
                return 0
            steps = 1
            again = await self.claims.named(name_of(row))
            case = None if again is None else await self._case(again)
            if case is None or not case.track.is_ready:
                return steps  # it met another claim: a person looks first
        return steps + await self._send(case, Event.SUBMIT)

    async def _send(self, case: _Case, event: VoucherEvent, *, fen: int = 0) -> int:
        name = name_of(case.row)
        wanted = VoucherWanted(
            issuer=name.issuer,
            code=name.code,
            claim_no=name.claim_no,
            event=event,
            fen=fen,
            service=case.service if event is Event.CONSUME else None,
            order_no=case.row["order_no"],
            reason=FAST_TRACK,
        )
        told = await self.desk.take(own_message(wanted, self.party, FAST_TRACK), wanted)
        return int(told.state is not None and not told.replayed)

    async def _case(self, row: Row, *, is_told: bool = False) -> _Case | None:
        """Return what is known of a claim; None where this hub does not keep its money.

        Unless it `is_told`, None as well where more is wanting than the checks could say.
        """
        issuer, code = row["issuer_key"], row["code"]
        if issuer not in self.desk.issuers:
            return None
        order = await self._order(row)
        steps = None if order is None else order["steps"] or ()
        if not is_told and not has_all_steps(steps):
            return None
        async with self.database.writes.connection() as connection:
            voucher = await read_voucher(self.database, connection, issuer, code)
        if voucher is None:
            return None
        standing = standing_of(voucher.granted, voucher.movements)
        claim = standing.claims.get(row["claim_no"])
        if claim is None:
            return None
        service = row["service_key"] or _service_of(order)
        is_here = await self._is_here(row)
        foreseen = self._track(voucher, claim, order, is_checked=True, is_here=is_here)
        if not is_told and not foreseen.is_ready:
            return None
        checked = None
        if service is not None:
            wanted = VoucherWanted(
                issuer=issuer,
                code=code,
                event=Event.CONSUME,
                claim_no=row["claim_no"],
                order_no=row["order_no"],
            )
            checked = await self._checked(service, wanted, voucher, claim)
        track = self._track(voucher, claim, order, checked, is_here=is_here)
        return _Case(
            row=row, voucher=voucher, claim=claim, service=service, checked=checked, track=track
        )

    async def _is_here(self, row: Row) -> bool:
        """Whether no other hub is the home of whoever gives the service."""
        road, provider = self.desk.road, row["provider_key"]
        return road is None or await road.ring.home_of(provider) is None

    async def _checked(
        self, service: str, wanted: VoucherWanted, voucher: KeptVoucher, claim: VoucherClaimStanding
    ) -> ServiceChecked | None:
        """Return what the checks say of a service for what the voucher may pay of it."""
        standing = standing_of(voucher.granted, voucher.movements)
        try:
            found = await self.checks.of(service, wanted, voucher, standing)
            most = found.most_fen
            if claim.state is S.RESERVED and not isinstance(most, Missing) and 0 < most < claim.fen:
                # less than was reserved is paid: that is what is checked
                found = await self.checks.of(service, replace(wanted, fen=most), voucher, standing)
        except RefusedError as error:
            if error.code is not ErrorCode.NOT_FOUND:
                raise
            return None
        return found

    def _track(
        self,
        voucher: KeptVoucher,
        claim: VoucherClaimStanding,
        order: Row | None,
        checked: ServiceChecked | None = None,
        *,
        is_here: bool,
        is_checked: bool = False,
    ) -> FastTrack:
        """Say what is wanting. `is_checked`: as if the checks had been made and were VALID."""
        steps = None if order is None else order["steps"] or ()
        region = voucher.granted.region
        place = EVERYWHERE if isinstance(region, Missing) else region
        service = WholeService(
            steps=steps,
            is_in_log=is_checked
            or bool(order and order["is_in_log"] and checked and checked.in_log),
            verdict=VoucherVerdict.VALID
            if is_checked
            else None
            if checked is None
            else checked.verified.verdict,
            holds=claim.holds,
            is_here=is_here,
        )
        last = max((datetime.fromisoformat(each["at"]) for each in steps or ()), default=None)
        law = self.law.on(local_date(self.clock()), place)
        return fast_track(service, law, None if last is None else local_date(last))

    async def _order(self, row: Row) -> Mapping[str, Any] | None:
        """Return the order of a claim, and whether it has its place in the log."""
        table = self.database.records.tables["ServiceOrder"].source.name
        async with (
            self.database.reads.connection() as connection,
            connection.cursor(row_factory=dict_row) as cursor,
        ):
            await cursor.execute(
                "SELECT o.instrument_key, o.service_id, o.steps, EXISTS ("  # noqa: S608 - own name
                "SELECT FROM leaf l WHERE l.entry_id = o.entry_id) AS is_in_log "
                f"FROM {table} o WHERE o.owner = %(provider)s AND NOT o.withdrawn AND o.speaks "
                "AND (o.local_id = %(order)s "
                "OR o.instrument_key || '/' || o.service_id = %(service)s) "
                "ORDER BY o.local_id = %(order)s DESC NULLS LAST LIMIT 1".encode(),
                {
                    "provider": row["provider_key"],
                    "order": row["order_no"],
                    "service": row["service_key"],
                },
            )
            return await cursor.fetchone()


def _service_of(order: Mapping[str, Any] | None) -> str | None:
    """Return the key of the service record in which an order ended, where it names one."""
    if order is None or order["service_id"] is None:
        return None
    return f"{order['instrument_key']}/{order['service_id']}"
