"""`partner`: bookings that clients of the hub ask for: whose they are, and at which source.

- Who books is the client's own institution; its order has the client's id in its number, so that no
  other client can name it, be it of the same institution.
- The source is the one of this hub that owns the instrument and whose adapter books.
- A settled answer is given again to the same request (`promised`); one that is not, goes on.
- The operator cancels by `deltahub booking cancel`, with the number `<client>:<number>`.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from typing import Any, TypeAlias

from adapters._booking import BookingOutcome, BookingResult
from hub.customs.words import CustomsReason
from hub.errors import ErrorCode, RefusedError
from hub.harvest.source import HarvestSource
from hub.intake.batch import Idempotency
from hub.intake.idempotency import check_key
from hub.orders.limits import (
    BOOKING_TURN_S,
    BOOKINGS_AT_ONCE,
    BOOKINGS_OF_ONE,
    BOOKINGS_WAITING,
    ORDER_CHARACTERS_MAX,
)
from hub.orders.promised import forget, keep, taken
from hub.orders.service import CustomsRefusedError, OrderDesk, TimeWanted, local_id
from hub.policy.customs.decision import CustomsAnswer
from hub.store.fair import Asker, FairQueue, Shares
from schema.codes import ServicePurpose

Sources: TypeAlias = Callable[[], Awaitable[Mapping[str, HarvestSource]]]
LookAgain: TypeAlias = Callable[[str], Awaitable[None]]
"""Has the calendar of an instrument read anew; whatever comes of it, it does not raise."""
_ORDER = re.compile(rf"[A-Za-z0-9][A-Za-z0-9._-]{{0,{ORDER_CHARACTERS_MAX - 1}}}")
_DERIVED_CHARACTERS = 32
BY_CUSTOMS = "CUSTOMS"
"""The reason where customs law did not allow what was asked."""


class BookingState(StrEnum):
    """How a partner's booking stands."""

    TENTATIVE = "TENTATIVE"
    FIRM = "FIRM"
    REFUSED = "REFUSED"
    CANCELLED = "CANCELLED"
    UNKNOWN = "UNKNOWN"
    """Not booked, because nobody knows whether customs law allows it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PartnerRequest:
    """Who asks, and with which request; a request makes one change."""

    client: str
    party: str
    idempotency: Idempotency

    def order(self, told: str | None) -> str:
        """Return the client's number of an order: the one told, else one that follows of the key.

        Raises `RefusedError` BAD_USER_INPUT for what is no number.
        """
        if told is None:
            digest = sha256(self.idempotency.key.encode()).hexdigest()
            return f"k-{digest[:_DERIVED_CHARACTERS]}"
        if _ORDER.fullmatch(told) is None:
            raise RefusedError(
                ErrorCode.BAD_USER_INPUT,
                hint=f"order: 1 to {ORDER_CHARACTERS_MAX} letters, digits, '.', '_', '-' (first "
                "a letter or a digit)",
                hint_zh=f"order：1 至 {ORDER_CHARACTERS_MAX} 个字母、数字或 . _ -，"
                "以字母或数字开头",
            )
        return told

    def number(self, order: str) -> str:
        """Return the number that an order of this client has at the hub and at its source."""
        return f"{self.client}:{order}"


@dataclass(frozen=True, kw_only=True, slots=True)
class PartnerWish:
    """The time that a client wants; instants are aware, the end is not included."""

    instrument: str
    purpose: ServicePurpose
    start: datetime
    end: datetime
    order: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class BookingAnswer:
    """What a client is told. `order`: its own number of it, by which it cancels."""

    order: str
    instrument: str
    state: BookingState
    reason: str | None = None
    reference: str | None = None
    said: str = ""
    customs: tuple[CustomsReason, ...] = ()
    replayed: bool = False

    @property
    def is_settled(self) -> bool:
        """Whether the same request need never be worked on again."""
        is_open = self.state in {BookingState.TENTATIVE, BookingState.UNKNOWN}
        return not is_open and not self.customs


class PartnerDesk:
    """Takes the orders of clients."""

    def __init__(self, orders: OrderDesk, sources: Sources, look_again: LookAgain) -> None:
        self._orders, self._sources, self._look_again = orders, sources, look_again
        shares = Shares(client_runs=BOOKINGS_OF_ONE, client_waits=BOOKINGS_WAITING)
        self._turns = FairQueue(BOOKINGS_AT_ONCE, shares, BOOKING_TURN_S)

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
            try:
                result = await self._orders.request(source, wanted)
            except CustomsRefusedError as refusal:
                is_denied = refusal.answer.answer is CustomsAnswer.DENY
                return BookingAnswer(
                    order=order,
                    instrument=wish.instrument,
                    state=BookingState.REFUSED if is_denied else BookingState.UNKNOWN,
                    reason=BY_CUSTOMS,
                    customs=tuple(refusal.answer.reasons),
                )
            return _answer(order, wish.instrument, result)

        return await self._once(asking, wish.instrument, order, book)

    async def cancel(self, asking: PartnerRequest, instrument: str, order: str) -> BookingAnswer:
        """Give back a booking of this client; what is not its own is not there (NOT_FOUND)."""
        own = asking.order(order)

        async def give_back(source: HarvestSource) -> BookingAnswer:
            result = await self._orders.cancel(source, instrument, asking.number(own))
            return _answer(own, instrument, result)

        return await self._once(asking, instrument, own, give_back)

    async def _once(
        self,
        asking: PartnerRequest,
        instrument: str,
        order: str,
        work: Callable[[HarvestSource], Awaitable[BookingAnswer]],
    ) -> BookingAnswer:
        """Return the answer that this request has got already, or work for one and keep it."""
        check_key(asking.idempotency)
        database, mine = self._orders.database, (asking.client, asking.idempotency)
        async with self._turns.turn(Asker(asking.client)):
            earlier = await taken(database, *mine, self._orders.clock())
            if earlier is not None:
                return _read(earlier)
            try:
                answer = await work(await self._source_of(instrument))
            except RefusedError:
                await forget(database, *mine)
                raise
            if answer.is_settled:
                await keep(database, *mine, as_kept(answer, asking.number(order)))
            elif answer.customs:
                await forget(database, *mine)
        if answer.state in {BookingState.FIRM, BookingState.CANCELLED}:
            await self._look_again(instrument)
        return answer

    async def _source_of(self, instrument: str) -> HarvestSource:
        """Return the source at which an instrument is booked."""
        database = self._orders.database
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
        deployed = await self._sources()
        found = [
            source
            for name, owner in rows
            if (source := deployed.get(name)) is not None
            and source.adapter.booking is not None
            and owner in (source.owners or ())
        ]
        if len(found) == 1:
            return found[0]
        raise RefusedError(
            ErrorCode.NOT_BOOKABLE,
            hint="Book it at its owner's own system, or ask the operator whether that can be "
            "connected.",
            hint_zh="请在其所属机构自己的系统预约，或询问运营方能否接入该系统。",
        )


def _answer(order: str, instrument: str, result: BookingResult) -> BookingAnswer:
    return BookingAnswer(
        order=order,
        instrument=instrument,
        state=_STATES[result.outcome],
        reason=None if result.reason is None else result.reason.value,
        reference=result.reference,
        said=result.said,
    )


_STATES = {outcome: BookingState(outcome.value) for outcome in BookingOutcome}


def as_kept(answer: BookingAnswer, number: str) -> dict[str, Any]:
    """Return an answer as it is kept, with the record that it is about: erasing looks for that."""
    key = f"{answer.instrument}/{local_id(number)}"
    return {
        "booking": {**asdict(answer), "state": answer.state.value},
        "rows": [{"type": "ServiceOrder", "key": key}],
    }


def _read(kept: Mapping[str, Any]) -> BookingAnswer:
    told = kept["booking"]
    state = BookingState(told["state"])
    return replace(BookingAnswer(**{**told, "state": state, "customs": ()}), replayed=True)
