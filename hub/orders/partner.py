"""`partner`: bookings that clients of the hub ask for: whose they are, and where they are made.

- Who books is the client's own institution (`asked`).
- The place is the source of this hub that owns the instrument and whose adapter books; where there
  is none, the hub from which the instrument is known, which is its home (`home_hub`).
- A settled answer is given again to the same request (`promised`); one that is not, goes on.
- The operator cancels by `deltahub booking cancel`, with the number `<client>:<number>`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeAlias

from adapters._booking import BookingResult
from hub.errors import ErrorCode, RefusedError
from hub.harvest.source import HarvestSource
from hub.intake.idempotency import check_key
from hub.orders.asked import (
    BY_CUSTOMS,
    BookingAnswer,
    BookingState,
    PartnerMove,
    PartnerRequest,
    PartnerWish,
    answer_of,
    as_kept,
    read_kept,
)
from hub.orders.entries import NO_ORDER, refused
from hub.orders.home_hub import Forwarded, HomeHubs, is_home_hub
from hub.orders.limits import (
    BOOKING_TURN_S,
    BOOKINGS_AT_ONCE,
    BOOKINGS_OF_ONE,
    BOOKINGS_WAITING,
    FORWARDED_AT_ONCE,
)
from hub.orders.promised import forget, keep, taken
from hub.orders.service import CustomsRefusedError, OrderDesk, as_it_stands
from hub.orders.steps import Sources, StepDesk
from hub.orders.wanted import NewTime, TimeWanted
from hub.policy.customs.decision import CustomsAnswer
from hub.store.fair import Asker, FairQueue, Shares

LookAgain: TypeAlias = Callable[[str], Awaitable[None]]
"""Has the calendar of an instrument read anew; whatever comes of it, it does not raise."""
Work: TypeAlias = Callable[[HarvestSource], Awaitable[BookingAnswer]]


class PartnerDesk:
    """Takes the orders of clients."""

    def __init__(self, orders: OrderDesk, sources: Sources, look_again: LookAgain) -> None:
        self.orders, self.sources, self._look_again = orders, sources, look_again
        self.home_hubs = HomeHubs(orders.entries)
        shares = Shares(client_runs=BOOKINGS_OF_ONE, client_waits=BOOKINGS_WAITING)
        self._turns = FairQueue(BOOKINGS_AT_ONCE, shares, BOOKING_TURN_S)
        self._away = FairQueue(FORWARDED_AT_ONCE, shares, BOOKING_TURN_S)
        """Who waits for another hub holds no connection, and keeps nobody from booking here."""
        self.steps = StepDesk(orders.entries, sources, self._turns, self.home_hubs)

    async def request(self, asking: PartnerRequest, wish: PartnerWish) -> BookingAnswer:
        """Book a time for a client's institution, or go on with its order.

        Raises `RefusedError`: NOT_FOUND, NOT_BOOKABLE, BAD_USER_INPUT, IDEMPOTENCY_CONFLICT, and
        CONFLICT for an order of this number that wants something else. `HubError` TIMEOUT or
        OVERLOADED where others book for too long.
        """
        order = asking.order(wish.order)
        wanted = TimeWanted(
            order=asking.number(order),
            instrument=wish.instrument,
            user=asking.party,
            purpose=wish.purpose,
            start=wish.start,
            end=wish.end,
        )

        async def book(source: HarvestSource) -> BookingAnswer:
            if is_home_hub(source):
                return await self.home_hubs.ask(source, Forwarded.request(asking, order, wish))
            return await self._told(
                source,
                asking,
                (wish.instrument, order),
                self.orders.request(source, wanted, asking.word),
            )

        return await self._once(asking, wish.instrument, order, book)

    async def move(self, asking: PartnerRequest, move: PartnerMove) -> BookingAnswer:
        """Move a client's firm booking to another time, under a new number.

        The former booking stays until the new one is firm. Raises what `request` raises, and
        CONFLICT for one that is not firm.
        """
        order, former = asking.order(move.new_order), asking.order(move.order)
        if order == former:
            raise RefusedError(
                ErrorCode.BAD_USER_INPUT,
                hint="newOrder: another number than that of the order that is moved",
                hint_zh="newOrder：须与原订单编号不同",
            )
        new = NewTime(
            instrument=move.instrument,
            order=asking.number(order),
            replaces=asking.number(former),
            start=move.start,
            end=move.end,
        )

        async def book(source: HarvestSource) -> BookingAnswer:
            if is_home_hub(source):
                answer = await self.home_hubs.ask(source, Forwarded.move(asking, order, move))
                if answer.state is BookingState.FIRM:
                    await self._heard_again(source, asking, move.instrument, former)
                return answer
            return await self._told(
                source, asking, (move.instrument, order), self.orders.move(source, new, asking.word)
            )

        return await self._once(asking, move.instrument, order, book)

    async def cancel(self, asking: PartnerRequest, instrument: str, order: str) -> BookingAnswer:
        """Give back a booking of this client; what is not its own is not there (NOT_FOUND)."""
        own = asking.order(order)

        async def give_back(source: HarvestSource) -> BookingAnswer:
            if is_home_hub(source):
                return await self.home_hubs.ask(source, Forwarded.cancel(asking, instrument, own))
            work = self.orders.cancel(source, instrument, asking.number(own), asking.word)
            return await self._told(source, asking, (instrument, own), work)

        return await self._once(asking, instrument, own, give_back)

    async def look(self, asking: PartnerRequest, instrument: str, order: str) -> BookingAnswer:
        """Say how an order of this client stands; nothing of it is changed, at its home neither."""
        own = asking.order(order)
        source = await self._place_of(asking, instrument)
        if is_home_hub(source):
            return await self._heard_again(source, asking, instrument, own)
        kept = await self.orders.entries.at(source.id, instrument, asking.number(own))
        if kept is None:
            raise refused(ErrorCode.NOT_FOUND, NO_ORDER)
        return answer_of(own, instrument, as_it_stands(kept), kept)

    async def _heard_again(
        self, source: HarvestSource, asking: PartnerRequest, instrument: str, order: str
    ) -> BookingAnswer:
        """Ask a home hub how an order stands, and keep what it says."""
        asked = Forwarded.cancel(asking, instrument, order)
        return await self.home_hubs.settle(source, await self.home_hubs.look(source, asked), asked)

    async def _told(
        self,
        source: HarvestSource,
        asking: PartnerRequest,
        about: tuple[str, str],
        work: Awaitable[BookingResult],
    ) -> BookingAnswer:
        """Return what a client is told of an order that was worked on here."""
        instrument, order = about
        try:
            result = await work
        except CustomsRefusedError as refusal:
            is_denied = refusal.answer.answer is CustomsAnswer.DENY
            return BookingAnswer(
                order=order,
                instrument=instrument,
                state=BookingState.REFUSED if is_denied else BookingState.UNKNOWN,
                reason=BY_CUSTOMS,
                customs=tuple(refusal.answer.reasons),
            )
        kept = await self.orders.entries.at(source.id, instrument, asking.number(order))
        return answer_of(order, instrument, result, kept)

    async def _once(
        self, asking: PartnerRequest, instrument: str, order: str, work: Work
    ) -> BookingAnswer:
        """Return the answer that this request has got already, or work for one and keep it."""
        check_key(asking.idempotency)
        database, mine = self.orders.database, (asking.client, asking.idempotency)
        turns = await self._turns_at(asking, instrument)
        async with turns.turn(Asker(asking.client)):
            earlier = await taken(database, *mine, self.orders.clock())
            if earlier is not None:
                return read_kept(earlier)
            try:
                answer = await work(await self._place_of(asking, instrument))
            except RefusedError:
                await forget(database, *mine)
                raise
            if answer.is_settled:
                await keep(database, *mine, as_kept(answer, asking.number(order)))
            elif answer.customs:
                await forget(database, *mine)
        if answer.via is None and answer.state in {BookingState.FIRM, BookingState.CANCELLED}:
            await self._look_again(instrument)
        return answer

    async def _turns_at(self, asking: PartnerRequest, instrument: str) -> FairQueue:
        """Return where a request waits; what cannot be booked is refused in its turn."""
        try:
            is_away = is_home_hub(await self._place_of(asking, instrument))
        except RefusedError:
            is_away = False
        return self._away if is_away else self._turns

    async def _place_of(self, asking: PartnerRequest, instrument: str) -> HarvestSource:
        """Return the source at which an instrument is booked, or the hub that is its home.

        What a peer asks for is never passed on: only the home hub books, and the peer knows it.
        """
        database = self.orders.database
        table = database.records.tables["Instrument"].source.name
        rows = await database.reads.fetch_all(
            f"SELECT source, owner FROM {table} WHERE key = %s AND NOT withdrawn",  # noqa: S608 - own name
            (instrument,),
        )
        if not rows:
            raise RefusedError(
                ErrorCode.NOT_FOUND,
                hint="instrument: the key of an instrument that the hub knows",
                hint_zh="instrument：枢纽所知仪器的主键",
            )
        deployed = await self.sources()
        known = [(source, owner) for name, owner in rows if (source := deployed.get(name))]
        own = [
            source
            for source, owner in known
            if source.adapter.booking is not None and owner in (source.owners or ())
        ]
        peers = [source for source, _ in known if is_home_hub(source)]
        found = own or ([] if asking.peer else peers)
        if len(found) == 1:
            return found[0]
        raise RefusedError(
            ErrorCode.NOT_BOOKABLE,
            hint="Book it at its owner's own system, or ask the operator whether that can be "
            "connected.",
            hint_zh="请在其所属机构自己的系统预约，或询问运营方能否接入该系统。",
        )
