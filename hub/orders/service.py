"""`service`: an order of a time on an instrument, from the wish to what its owner's system says.

1. The instrument is one that this source owns, and customs law allows the use (`hub.customs`).
2. The order is written down as TENTATIVE, before anything is asked of the source.
3. The adapter's protocol is run; what came of it is the next step of the order.

The same order again goes on where it stopped: it never makes a second booking. One that stays
unclear is given up after a while (`settle`): what was written at the source is taken back first.
The time is shown as taken once the source's calendar is read again. Partners come by
`hub.orders.partner`; what follows after the booking is `hub.orders.steps`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from adapters._booking import (
    BookingOutcome,
    BookingProtocol,
    BookingReason,
    BookingResult,
    BookingSteps,
    BookingWish,
    Cancellation,
)
from connectors.http.session import HttpSession
from hub.clock import Clock
from hub.customs.answer import UseAnswer
from hub.customs.question import UseQuestion
from hub.customs.service import CustomsDesk
from hub.errors import ErrorCode, RefusedError
from hub.harvest.source import HarvestSource, register
from hub.orders.booking import alone_at, attempt
from hub.orders.entries import (
    NO_ORDER,
    KeptOrder,
    NextStep,
    OrderEntries,
    SignedWord,
    order_of,
    refused,
)
from hub.orders.wanted import (
    NewTime,
    TimeWanted,
    check_length,
    check_same,
    given_up_at,
    wanted_by,
)
from hub.policy.customs.decision import CustomsAnswer
from hub.store.database import Database
from schema.codes import OrderState, ServicePurpose
from schema.dates import local_date
from schema.records.order_path import ENDED, OPEN

STATES = {
    BookingOutcome.TENTATIVE: OrderState.TENTATIVE,
    BookingOutcome.FIRM: OrderState.CONFIRMED,
    BookingOutcome.REFUSED: OrderState.REFUSED,
    BookingOutcome.CANCELLED: OrderState.CANCELLED,
    BookingOutcome.EXPIRED: OrderState.EXPIRED,
}
OUTCOMES = {state: outcome for outcome, state in STATES.items()}
MOVED = "MOVED"
"""Begins the note of a cancellation that a move made; the number of the new order follows."""
NOT_THERE = (
    "该来源没有这台仪器",
    "this source has no such instrument",
    "预约只能在仪器所属机构自己的系统进行",
    "an instrument is booked at the system of its owner only",
)
NOT_BOOKED_HERE = (
    "枢纽不能在该来源预约",
    "the hub cannot book at this source",
    "请在机构自己的系统预约",
    "book at the institution's own system",
)
NOT_FIRM = (
    "只有已确认且尚无后续步骤的预约可以改期",
    "only a booking that is firm, and that no further step has followed, can be moved",
    "请先查看订单的状态",
    "look at the state of the order first",
)
USED_ALREADY = (
    "订单已使用，不能取消",
    "the order was used and cannot be given back",
    "请与仪器管理单位联系",
    "speak with the owner of the instrument",
)


class CustomsRefusedError(RefusedError):
    """Customs law is not known to allow a use; `answer` is what it answers."""

    def __init__(self, answer: UseAnswer) -> None:
        super().__init__(
            ErrorCode.FORBIDDEN,
            f"海关监管答复为 {answer.answer}，不能预约",
            f"customs law answers {answer.answer}: not booked",
            hint_zh="；".join(each.zh for each in answer.reasons),
            hint="; ".join(each.en for each in answer.reasons),
        )
        self.answer = answer


@dataclass(frozen=True, slots=True)
class OrderDesk:
    """Takes orders. `party`: the hub's own, which vouches for what it saw."""

    database: Database
    customs: CustomsDesk
    party: str
    clock: Clock

    @property
    def entries(self) -> OrderEntries:
        """Return where orders are written down."""
        return OrderEntries(self.database, self.party, self.clock)

    async def request(
        self, source: HarvestSource, wanted: TimeWanted, word: SignedWord | None = None
    ) -> BookingResult:
        """Book a time at the system that owns the instrument, or go on with an order.

        Raises `RefusedError` NOT_FOUND, FORBIDDEN or BAD_USER_INPUT for what cannot be booked here,
        CONFLICT for an order of this number that wants something else.
        """
        _protocol(source)
        check_length(wanted.start, wanted.end)
        await self._local_no(source, wanted.instrument)
        await register(self.database, source, self.clock())
        async with alone_at(self.database, wanted.instrument):
            return await self._go_on(source, wanted, word)

    async def move(
        self, source: HarvestSource, new: NewTime, word: SignedWord | None = None
    ) -> BookingResult:
        """Book another time in place of a firm booking, which stays until the new one is firm.

        Raises what `request` raises, NOT_FOUND where there is no such order and CONFLICT where it
        is not firm.
        """
        _protocol(source)
        async with alone_at(self.database, new.instrument):
            former = await self.entries.at(source.id, new.instrument, new.replaces)
            if former is None:
                raise refused(ErrorCode.NOT_FOUND, NO_ORDER)
            begun = await self.entries.at(source.id, new.instrument, new.order)
            if begun is None and former.state is not OrderState.CONFIRMED:
                raise refused(ErrorCode.CONFLICT, NOT_FIRM)
            check_length(new.start, new.end)
            wanted = TimeWanted(
                order=new.order,
                instrument=new.instrument,
                user=str(former.user),
                purpose=ServicePurpose[former.record["purpose"]],
                start=new.start,
                end=new.end,
                replaces=new.replaces,
            )
            return await self._go_on(source, wanted, word)

    async def cancel(
        self, source: HarvestSource, instrument: str, order: str, word: SignedWord | None = None
    ) -> BookingResult:
        """Give back the booking of an order; `RefusedError` NOT_FOUND where there is none."""
        protocol = _protocol(source)
        async with alone_at(self.database, instrument):
            kept = await self.entries.at(source.id, instrument, order)
            if kept is None:
                raise refused(ErrorCode.NOT_FOUND, NO_ORDER)
            if kept.state in ENDED:
                return as_it_stands(kept)
            if not kept.may_take(OrderState.CANCELLED):
                raise refused(ErrorCode.CONFLICT, USED_ALREADY)
            steps = protocol.cancel(self._looked_for(source, order))
            result, seen = await self._asked(source, steps)
            if result.outcome is not BookingOutcome.TENTATIVE:
                await self._state(source, kept.record, result, word=word, seen=seen)
        return result

    async def settle(self, source: HarvestSource, kept: KeptOrder) -> BookingResult:
        """Give up an order that is open for too long, once nothing of it is left at its source.

        While the source does not answer it stays open, until the time that it wanted is over.
        """
        protocol, instrument = _protocol(source), str(kept.record["instrumentKey"])
        async with alone_at(self.database, instrument):
            now = await self.entries.at(source.id, instrument, kept.number)
            if now is None or now.state not in OPEN or self.clock() < given_up_at(now.record):
                return as_it_stands(now or kept)
            if "movedFrom" in now.record:
                wish = await self._wish(source, wanted_by(now), may_post=False)
                result, seen = await self._asked(source, protocol.book(wish))
            else:
                steps = protocol.cancel(self._looked_for(source, now.number))
                result, seen = await self._asked(source, steps)
            is_over = self.clock() >= datetime.fromisoformat(now.record["endAt"])
            if result.outcome is BookingOutcome.CANCELLED or (
                result.outcome is BookingOutcome.TENTATIVE and is_over
            ):
                result = replace(result, outcome=BookingOutcome.EXPIRED)
            await self._state(source, now.record, result, seen=seen)
        return result

    async def _go_on(
        self, source: HarvestSource, wanted: TimeWanted, word: SignedWord | None
    ) -> BookingResult:
        """Begin an order or go on with it; nobody else works at the instrument meanwhile."""
        protocol = _protocol(source)
        kept = await self.entries.at(source.id, wanted.instrument, wanted.order)
        if kept is not None:
            check_same(kept, wanted)
            if kept.state is OrderState.CONFIRMED:
                return await self._looked_at(source, kept)
            if kept.state not in OPEN:
                return as_it_stands(kept)
        await self._ask_customs(wanted)
        wish = await self._wish(source, wanted)
        if kept is None:
            record = await self.entries.begin(source.id, wanted.wire, word)
        else:
            record = kept.record
        result, seen = await self._asked(source, protocol.book(wish))
        await self._state(source, record, result, seen=seen)
        return result

    async def _looked_at(self, source: HarvestSource, kept: KeptOrder) -> BookingResult:
        """Look whether a firm booking is there still, and whether what it replaced is gone."""
        steps = _protocol(source).find(self._looked_for(source, kept.number))
        result, seen = await self._asked(source, steps)
        if result.outcome is BookingOutcome.CANCELLED:
            await self._state(source, kept.record, result, seen=seen)
            return result
        await self._close_former(source, kept.record)
        return as_it_stands(kept)

    async def _state(
        self,
        source: HarvestSource,
        record: Mapping[str, Any],
        result: BookingResult,
        *,
        word: SignedWord | None = None,
        seen: bytes | None = None,
    ) -> None:
        """Write down what came of an attempt, unless the order stands so already."""
        state = STATES[result.outcome]
        if record["state"] == state.value:
            return
        note = None if result.reason is None else result.reason.value
        step = NextStep(state, note=note, word=word, seen=seen)
        stated = await self.entries.add(source.id, record, step, reference=result.reference)
        if state is OrderState.CONFIRMED:
            await self._close_former(source, stated)

    async def _close_former(self, source: HarvestSource, record: Mapping[str, Any]) -> None:
        """State that the order in place of which this one is firm has no booking any more."""
        number = record.get("movedFrom")
        if number is None:
            return
        former = await self.entries.at(source.id, record["instrumentKey"], order_of(number))
        if former is not None and former.may_take(OrderState.CANCELLED):
            step = NextStep(OrderState.CANCELLED, note=f"{MOVED} {record['localId']}")
            await self.entries.add(source.id, former.record, step)

    async def _asked(
        self, source: HarvestSource, steps: BookingSteps
    ) -> tuple[BookingResult, bytes | None]:
        """Run a protocol against its source; return its result and a hash of what it answered."""
        heard = sha256()
        async with source.session() as session:
            result = await attempt(_over_http(session), steps, heard=heard.update)
        is_heard = heard.digest() != sha256().digest()
        return result, heard.digest() if is_heard else None

    async def _wish(
        self, source: HarvestSource, wanted: TimeWanted, *, may_post: bool = True
    ) -> BookingWish:
        return BookingWish(
            order=wanted.order,
            local_no=await self._local_no(source, wanted.instrument),
            user=wanted.user,
            start=wanted.start,
            end=wanted.end,
            now=self.clock(),
            facts=source.facts,
            replaces=wanted.replaces,
            may_post=may_post,
        )

    def _looked_for(self, source: HarvestSource, order: str) -> Cancellation:
        return Cancellation(order=order, now=self.clock(), facts=source.facts)

    async def _ask_customs(self, wanted: TimeWanted) -> None:
        """Raise unless customs law is known to allow the use."""
        last_moment = wanted.end - timedelta(microseconds=1)
        answer = await self.customs.decide(
            UseQuestion(
                instrument=wanted.instrument,
                user=wanted.user,
                purpose=wanted.purpose,
                first=local_date(wanted.start),
                last=local_date(last_moment),
            )
        )
        if answer.answer is not CustomsAnswer.ALLOW:
            raise CustomsRefusedError(answer)

    async def _local_no(self, source: HarvestSource, key: str) -> str:
        """Return the number that an instrument has at this source."""
        table = self.database.records.tables["Instrument"].source.name
        rows = await self.database.reads.fetch_all(
            f"SELECT local_no FROM {table} WHERE source = %s AND key = %s AND NOT withdrawn",  # noqa: S608 - own name
            (source.id, key),
        )
        if not rows:
            raise refused(ErrorCode.NOT_FOUND, NOT_THERE)
        return str(rows[0][0])


def _protocol(source: HarvestSource) -> BookingProtocol:
    if source.adapter.booking is None:
        raise refused(ErrorCode.FORBIDDEN, NOT_BOOKED_HERE)
    return source.adapter.booking


def _over_http(session: object) -> HttpSession:
    if not isinstance(session, HttpSession):
        raise TypeError("a source that is booked is reached over HTTP")
    return session


def as_it_stands(kept: KeptOrder) -> BookingResult:
    """Return what an order's record says of its booking; what was used was booked."""
    note = kept.record["steps"][-1].get("note")
    return BookingResult(
        outcome=OUTCOMES.get(kept.state, BookingOutcome.FIRM),
        reason=BookingReason(note) if note in BookingReason.__members__ else None,
        reference=kept.record.get("reference"),
    )
