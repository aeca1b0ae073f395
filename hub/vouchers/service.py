"""`service`: the voucher desk: takes messages about vouchers whose money this hub keeps.

1. Who may say it: the holder, the provider or the issuer; what decides is the issuer's alone.
2. The voucher is locked; the same request again is answered as before, and moves nothing.
3. What a claim is for is checked, and marked (`hub.vouchers.marks`).
4. `hub.policy.vouchers.messages.answer` says what the message does; that is written.

UNKNOWN is no state: where a fact is missing nothing happens, and the answer names it. Vouchers of
other issuers are their own systems' business: the hub keeps what those say.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from hub.clock import Clock
from hub.errors import ErrorCode, RefusedError
from hub.policy.bounds import Missing
from hub.policy.law import EVERYWHERE, Law, current_law
from hub.policy.vouchers.claim import FREED, VoucherStanding
from hub.policy.vouchers.messages import (
    Event,
    VoucherMessage,
    VoucherMoved,
    answer,
)
from hub.store.copying import Connection
from hub.store.database import Database
from hub.store.fair import Asker, FairQueue, Shares
from hub.store.side_by_side import SideBySide, reads_of
from hub.vouchers.answers import (
    kept_at,
    moved,
    no_service,
    no_voucher,
    not_moved,
    said_of,
    shown,
    told_before,
)
from hub.vouchers.between import shared
from hub.vouchers.limits import MESSAGES_AT_ONCE, MESSAGES_OF_ONE, MESSAGES_WAITING, TURN_S
from hub.vouchers.marks import Met, free, mark_all
from hub.vouchers.may_say import BY_ISSUER, check_may
from hub.vouchers.money.balances import KeptBalance, find
from hub.vouchers.money.ledger import (
    MOVEMENT,
    locked,
    movement_of_request,
    open_ledger,
    read_claims,
    read_voucher,
)
from hub.vouchers.money.movements import standing_of
from hub.vouchers.money.rows import rows_of
from hub.vouchers.money.statements import LedgerStatements
from hub.vouchers.other_person import check_other_person
from hub.vouchers.question import (
    LookedAt,
    ServiceChecks,
    VoucherAsking,
    VoucherCase,
    VoucherMessageSent,
    VoucherTold,
    VoucherWanted,
)
from hub.vouchers.rounds import MessageRounds

if TYPE_CHECKING:
    from hub.vouchers.between.road import ClaimRoad
from schema.codes import VoucherClaimState, VoucherEvent
from schema.dates import format_instant, local_date


class VoucherDesk:
    """Takes messages. `issuers`: whose vouchers' money this hub keeps; `party`: the hub's own."""

    def __init__(
        self,
        database: Database,
        checks: ServiceChecks,
        clock: Clock,
        *,
        party: str,
        issuers: frozenset[str],
        law: Law | None = None,
    ) -> None:
        self.database = database
        self.checks = checks
        self.clock = clock
        self.party = party
        self.issuers = issuers
        self.law = law or current_law()
        self._opened: set[str] = set()
        shares = Shares(client_runs=MESSAGES_OF_ONE, client_waits=MESSAGES_WAITING)
        self._turns = FairQueue(MESSAGES_AT_ONCE, shares, TURN_S)
        self._rounds = MessageRounds(database, self)
        self.road: ClaimRoad | None = None
        """By which claims go that other hubs have a say in; None: there are no other hubs."""

    async def take(self, asking: VoucherAsking, wanted: VoucherWanted) -> VoucherTold:
        """Do what a message asks, or say why not.

        `RefusedError`: NOT_FOUND (no such voucher, or not of this hub), HOME_ELSEWHERE (that hub
        is named), FORBIDDEN (who may not say it), IDEMPOTENCY_CONFLICT, BAD_USER_INPUT. `HubError`
        TIMEOUT where others were first.
        """
        await self.open(wanted.issuer)
        if self.road is not None:
            if (silent := await self.road.hearing.unheard()) is not None:
                return VoucherTold(claim_no=wanted.claim_no, missing=silent)
            if await self.road.is_needed(wanted):
                return await self.road.take(asking, wanted)
        async with self._turns.turn(Asker(asking.client)):
            return await self._rounds.take(asking, wanted)

    async def idle(self, most_s: float) -> None:
        """Wait until no message is under way, at most for so long: what can wait lets them go."""
        await self._rounds.idle(most_s)

    def statements(self, issuer: str) -> LedgerStatements:
        """Return where what messages of one transaction leave is collected."""
        return LedgerStatements(self.database, issuer, self.party, self.clock)

    async def look(
        self, connection: Connection, messages: Sequence[VoucherMessageSent], *, is_whole: bool
    ) -> list[LookedAt]:
        """Return each message with its voucher, or its answer where nothing is left to judge.

        The caller holds the locks of the vouchers. `is_whole`: read all their movements.
        """
        beside = SideBySide(connection)
        return await asyncio.gather(
            *(self.begin(connection, *each, is_whole=is_whole, beside=beside) for each in messages),
            return_exceptions=True,
        )

    async def check(self, cases: Sequence[VoucherCase]) -> list[VoucherCase | BaseException]:
        """Return each case with what the checks say of its service, where it needs that."""
        if not any(each.wanted.is_checked for each in cases):
            return list(cases)
        async with reads_of(self.database.reads) as beside:
            return await asyncio.gather(
                *(self._checked(each, beside) for each in cases), return_exceptions=True
            )

    async def mark(self, connection: Connection, cases: Sequence[VoucherCase]) -> list[VoucherCase]:
        """Return cases, of which no two meet each other, with what their services meet.

        Whatever claims a service keeps its marks from here on.
        """
        claims = [(each.wanted.name, each.claimed) for each in cases]
        marked = [(name, claimed) for name, claimed in claims if claimed is not None]
        if not marked:
            return list(cases)
        met = dict(
            zip((name for name, _ in marked), await mark_all(connection, marked), strict=True)
        )
        return [replace(each, met=met.get(each.wanted.name, ())) for each in cases]

    async def begin(
        self,
        connection: Connection,
        asking: VoucherAsking,
        wanted: VoucherWanted,
        *,
        is_whole: bool = True,
        beside: SideBySide | None = None,
    ) -> VoucherCase | VoucherTold:
        """Return a message before its service is looked at, or the answer that it gets at once."""
        if is_whole:
            case = await self.case_of(connection, asking, wanted)
            earlier = await movement_of_request(self.database, connection, asking.request)
        else:
            case, earlier = await self.case_of_claim(connection, asking, wanted, beside)
        if earlier is not None:
            return shown(case, told_before(case, earlier))
        check_may(case)
        if wanted.event in BY_ISSUER:
            await check_other_person(self.database, connection, asking, wanted)
        if (stop := await self._stop(beside or SideBySide(connection), wanted)) is not None:
            return VoucherTold(claim_no=wanted.claim_no, missing=stop)
        granted = case.voucher.granted.granted_fen
        if isinstance(granted, Missing):  # not stated is not nothing
            return VoucherTold(claim_no=wanted.claim_no, missing=granted)
        return case

    async def judge(
        self, connection: Connection, case: VoucherCase, statements: LedgerStatements
    ) -> VoucherTold:
        """Return what comes of a message; what it leaves is in `statements`."""
        return shown(case, await self._judge(connection, case, statements))

    async def close(self, issuer: str, code: str, event: VoucherEvent) -> VoucherStanding | None:
        """End a voucher whose last day is over; None where nothing changes by it.

        `event`: USE_OVER or CASH_OVER. A claim that is reserved stays until it is known whether its
        service ended in time, at the longest until the last day of settlement is over.
        """
        await self.open(issuer)
        wanted = VoucherWanted(issuer=issuer, code=code, event=event, claim_no="")
        async with locked(self.database, issuer, code) as connection:
            if await self._stop(SideBySide(connection), wanted) is not None:
                return None
            case = await self.case_of(connection, None, wanted)
            told = answer(case.standing, self.message(case, ()))
            if not isinstance(told, VoucherMoved) or told.voucher == case.standing:
                return None
            await self.write(connection, case, told)
            return told.voucher

    async def open(self, issuer: str) -> None:
        """Open the ledger of an issuer whose money this hub keeps.

        `RefusedError`: HOME_ELSEWHERE where another hub does, NOT_FOUND where another system does.
        """
        if issuer not in self.issuers:
            home = None if self.road is None else await self.road.ring.place_of(issuer)
            if home is not None:
                raise kept_at(home)
            raise RefusedError(
                ErrorCode.NOT_FOUND,
                hint="This hub keeps no money of that issuer's vouchers; ask the issuer's own "
                "system.",
                hint_zh="本枢纽不管理该单位所发创新券的资金，请使用其自己的系统。",
            )
        if issuer not in self._opened:
            await open_ledger(self.database, issuer, self.clock())
            self._opened.add(issuer)

    async def case_of(
        self, connection: Connection, asking: VoucherAsking | None, wanted: VoucherWanted
    ) -> VoucherCase:
        """Return a voucher with all its claims, made from all its movements.

        `RefusedError` NOT_FOUND where there is none.
        """
        found = await read_voucher(self.database, connection, wanted.issuer, wanted.code)
        if found is None:
            raise no_voucher()
        standing = standing_of(found.granted, found.movements)
        claims = [replace(wanted.name, claim_no=number) for number in standing.claims]
        return VoucherCase(
            asking=asking,
            wanted=wanted,
            voucher=found,
            standing=standing,
            stated=await read_claims(self.database, connection, claims),
        )

    async def case_of_claim(
        self,
        connection: Connection,
        asking: VoucherAsking,
        wanted: VoucherWanted,
        beside: SideBySide | None = None,
    ) -> tuple[VoucherCase, Mapping[str, Any] | None]:
        """Return a voucher with the one claim that is asked about, and what the request did before.

        One statement, however long the voucher is. `RefusedError` NOT_FOUND where there is none.
        """
        reads = beside or SideBySide(connection)
        found = await find(self.database, reads, wanted.name, asking.request)
        if found is None:
            raise no_voucher()
        case = VoucherCase(
            asking=asking,
            wanted=wanted,
            voucher=found.voucher,
            standing=found.standing,
            stated=found.claims,
        )
        return case, found.earlier

    async def _stop(self, reads: SideBySide, wanted: VoucherWanted) -> Missing | None:
        """Return for what a message has to wait since claims on its voucher were lost."""
        return None if self.road is None else await self.road.lost.stop(reads, wanted)

    async def _checked(self, case: VoucherCase, beside: SideBySide) -> VoucherCase:
        """Return a case with what the checks say of its service, for messages that need it."""
        wanted = case.wanted
        if not wanted.is_checked:
            return case
        service = wanted.service or case.stated.get(wanted.claim_no, {}).get("service_key")
        if service is None:
            raise no_service()
        checked = await self.checks.of(service, wanted, case.voucher, case.standing, beside)
        return replace(case, checked=checked)

    async def _judge(
        self, connection: Connection, case: VoucherCase, statements: LedgerStatements
    ) -> VoucherTold:
        checked, is_new = case.checked, case.wanted.event is Event.CONSUME
        said = said_of(case)
        if checked is not None and is_new:
            if isinstance(checked.claimed, Missing):
                return replace(said, missing=checked.claimed)
            said = replace(said, met=case.met)
            refusing = next((each.hit for each in said.met if each.hit.refuses), None)
            if refusing is not None:
                return replace(said, refused=refusing)
        told = answer(case.standing, self.message(case, said.met))
        if isinstance(told, VoucherMoved):
            await self._state(connection, case, told, statements)
            return moved(said, told)
        if is_new and case.standing.has_no_marks(case.wanted.claim_no):
            await free(connection, case.wanted.name)
        return not_moved(said, told)

    def message(self, case: VoucherCase, met: Sequence[Met]) -> VoucherMessage:
        """Return what the rules of vouchers are asked."""
        wanted, checked, now = case.wanted, case.checked, self.clock()
        region = case.voucher.granted.region
        place = EVERYWHERE if isinstance(region, Missing) else region
        counts = self.law.on(local_date(now), place).word("voucher.cash_counts")
        return VoucherMessage(
            event=wanted.event,
            at=now,
            claim_no=wanted.claim_no,
            fen=wanted.fen,
            planned=Missing("planned") if wanted.planned is None else wanted.planned,
            checks=Missing("checks") if checked is None else checked.verified.is_valid,
            in_log=checked is not None and checked.in_log,
            is_decided=wanted.event in BY_ISSUER,
            reason=wanted.reason,
            holds=case.holds_for(met),
            cash_counts=counts if isinstance(counts, Missing) else VoucherClaimState[counts],
        )

    async def begin_abroad(
        self, connection: Connection, asking: VoucherAsking, wanted: VoucherWanted
    ) -> VoucherCase | VoucherTold:
        """Begin a message that another hub is asked for; the answer where it cannot help it."""
        case = await self.begin(connection, asking, wanted, is_whole=False)
        if isinstance(case, VoucherTold):
            return case
        message = replace(self.message(case, ()), checks=True, in_log=True)
        foreseen = answer(case.standing, message)
        if isinstance(foreseen, VoucherMoved):
            return case
        return shown(case, not_moved(VoucherTold(claim_no=wanted.claim_no), foreseen))

    async def write(self, connection: Connection, case: VoucherCase, told: VoucherMoved) -> None:
        """Write down what a message did by itself, in the transaction that locks its voucher."""
        statements = self.statements(case.wanted.issuer)
        await self._state(connection, case, told, statements)
        await statements.write(connection)

    async def _state(
        self,
        connection: Connection,
        case: VoucherCase,
        told: VoucherMoved,
        statements: LedgerStatements,
    ) -> None:
        """State what a message did, and let the marks of claims go that it ended."""
        before, wanted = case.standing.claims, case.wanted
        changed = [
            replace(wanted.name, claim_no=number)
            for number, claim in told.voucher.claims.items()
            if claim != before.get(number) or number == wanted.claim_no
        ]
        rows = rows_of(case, told, case.stated, format_instant(self.clock()))
        made = sum(each["type"] == MOVEMENT for each in rows)
        statements.add(
            rows,
            KeptBalance(wanted.issuer, wanted.code, case.voucher.last + made, told.voucher),
            None if case.asking is None else case.asking.signature,
        )
        for name in changed:
            if told.voucher.claims[name.claim_no].state in FREED:
                await free(connection, name)
                await shared.end(connection, name)
