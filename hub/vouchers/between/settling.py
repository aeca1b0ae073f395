"""`settling`: how a claim is settled whose service is kept at another hub.

The checks are made again before money is paid out. What they rest on is what the home of the
service knows by now, so that is asked first; a hub that does not answer leaves the claim as it is
(UNKNOWN for want of that peer), and whoever decided sends the message again. Nothing is written
before the answer is there: a settlement needs no retry of the hub's own.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TypeAlias

from hub.policy.bounds import Missing
from hub.vouchers.answers import not_there
from hub.vouchers.between import shared
from hub.vouchers.between.abroad import GrantAnswer
from hub.vouchers.between.home_answers import ask_home
from hub.vouchers.between.ring import (
    PEER,
    ClaimRing,
    ErrandKind,
    PeerNotFoundError,
    PeerSilentError,
)
from hub.vouchers.between.shared import SharedClaim
from hub.vouchers.money.ledger import locked
from hub.vouchers.question import (
    GivenService,
    VoucherAsking,
    VoucherCase,
    VoucherTold,
    VoucherWanted,
)
from hub.vouchers.service import VoucherDesk

Note: TypeAlias = Callable[[SharedClaim, str, dict[str, object]], Awaitable[None]]
"""Writes down what is asked of another hub, and for whom."""


class SettlingAbroad:
    """Settles claims whose services other hubs keep."""

    def __init__(self, desk: VoucherDesk, ring: ClaimRing, note: Note) -> None:
        self._desk, self._ring, self._note = desk, ring, note

    async def claim_of(self, wanted: VoucherWanted) -> SharedClaim | None:
        """Return the claim of a message, if another hub is the home of what it paid for."""
        async with self._desk.database.writes.transaction() as connection:
            return await shared.consumed_abroad(connection, wanted.name)

    async def take(self, asking: VoucherAsking, wanted: VoucherWanted) -> VoucherTold:
        """Settle a claim, or say why not; raises what `VoucherDesk.take` raises."""
        async with locked(self._desk.database, wanted.issuer, wanted.code) as connection:
            case = await self._desk.begin_abroad(connection, asking, wanted)
        if isinstance(case, VoucherTold):
            return case
        answered = await self._answered(asking, case)
        if answered.given is not None:
            return await self._settled(asking, wanted, answered.given)
        return VoucherTold(
            claim_no=wanted.claim_no, refused=answered.refused, missing=answered.missing
        )

    async def _answered(self, asking: VoucherAsking, case: VoucherCase) -> GrantAnswer:
        claim = await self.claim_of(case.wanted)
        if claim is None or claim.source is None:  # it was ended this moment
            return GrantAnswer(missing=Missing(PEER, "another"))
        try:
            return await self._facts(claim, claim.source, asking, case)
        except PeerSilentError as silent:
            return GrantAnswer(missing=Missing(PEER, silent.source))

    async def _settled(
        self, asking: VoucherAsking, wanted: VoucherWanted, given: GivenService
    ) -> VoucherTold:
        """Judge the message on what its home said, under the lock of the voucher."""
        async with locked(self._desk.database, wanted.issuer, wanted.code) as connection:
            case = await self._desk.begin(connection, asking, wanted, is_whole=False)
            if isinstance(case, VoucherTold):
                return case
            kept = case.stated.get(wanted.claim_no, {})
            ordered = replace(wanted, order_no=wanted.order_no or kept.get("order_no"))
            checked = await self._desk.checks.checked(given, ordered, case.voucher, case.standing)
            statements = self._desk.statements(wanted.issuer)
            told = await self._desk.judge(connection, replace(case, checked=checked), statements)
            await statements.write(connection)
        return told

    async def _facts(
        self, claim: SharedClaim, source: str, asking: VoucherAsking, case: VoucherCase
    ) -> GrantAnswer:
        """Ask the home of a service what it knows by now."""
        holder = case.voucher.granted.holder
        asked = claim.asked(holder, asking.party, asking.client)
        await self._note(claim, "claim facts asked", {"hub": source})
        try:
            return (await ask_home(self._ring, source, ErrandKind.FACTS, asked)).answered
        except PeerNotFoundError as error:
            raise not_there() from error
