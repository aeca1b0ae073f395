"""`home_hub`: orders of instruments whose home is another hub: asked there, held there, shown here.

- Only the home hub of an instrument books it. This hub asks it as a registered peer, for a client
  of its own (RFC 8693), in a signed request with an idempotency key; the number of the order there
  follows from the client and its number here, so it can be looked for.
- An order whose home does not answer is TENTATIVE here, never FIRM; it is kept in
  `forwarded_order`, with the client's signed request. Before anything is sent again the home is
  asked how the order of that number stands.
- A booked order stays there until it ends, and its home is asked now and then (`keeping`): what is
  stated of it later (use, result, charge, review) is known here without anybody asking.
- The record is the home's: same identity at both hubs. It is stated here as what this hub heard.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any

from connectors.errors import ConnectorError, SourceRefusedError
from connectors.http.session import HttpQuestion, parse_json
from hub.access.content_digest import content_digest
from hub.access.scopes import Scope
from hub.customs.words import CustomsReason
from hub.errors import ErrorCode, RefusedError
from hub.harvest.connections.errand import Principal
from hub.harvest.connections.hub import HubConnection
from hub.harvest.source import HarvestSource
from hub.intake.batch import Assurance, Batch, Channel, Evidence, Outcome
from hub.intake.service import submit
from hub.orders.asked import (
    BY_HOME,
    BookingAnswer,
    BookingState,
    PartnerMove,
    PartnerRequest,
    PartnerWish,
    PlacedOrder,
    derived,
)
from hub.orders.entries import RECORD, OrderEntries, local_id, refused
from hub.orders.forwarded import ForwardedOrders, OpenOrder
from hub.orders.limits import FORWARD_S
from hub.orders.wanted import ANOTHER_ORDER
from hub.query.plan.between_hubs import BOOKINGS, LOOK, REVIEW
from schema.canonical import canonical
from schema.dates import format_instant

SCOPES = (Scope.ORDERS_WRITE.value, Scope.CATALOGUE_READ.value)
GRAPHQL = "graphql"
_LOG = logging.getLogger(__name__)
_CHARACTERS_TOLD_MAX = 200


class _SilentError(Exception):
    """The home hub did not say what became of a question."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Forwarded:
    """What the home hub of an instrument is asked for, for a client of this hub.

    `order`: the client's number of the order; `sent_as`: its number at the home hub. `wish` is the
    input that is sent.
    """

    field: str
    asking: PartnerRequest
    instrument: str
    order: str
    sent_as: str
    wish: Mapping[str, Any]

    @classmethod
    def request(cls, asking: PartnerRequest, order: str, wish: PartnerWish) -> Forwarded:
        """Return the request of a booking."""
        time = {"startAt": format_instant(wish.start), "endAt": format_instant(wish.end)}
        more = {**time, "purpose": wish.purpose.value}
        return cls._of("requestBooking", asking, (wish.instrument, order), more)

    @classmethod
    def move(cls, asking: PartnerRequest, order: str, move: PartnerMove) -> Forwarded:
        """Return the request that moves a booking to the number `order`."""
        time = {"startAt": format_instant(move.start), "endAt": format_instant(move.end)}
        former = sent_as(asking.client, asking.order(move.order))
        more = {**time, "order": former, "newOrder": sent_as(asking.client, order)}
        return cls._of("moveBooking", asking, (move.instrument, order), more)

    @classmethod
    def cancel(cls, asking: PartnerRequest, instrument: str, order: str) -> Forwarded:
        """Return the request that gives a booking back."""
        return cls._of("cancelBooking", asking, (instrument, order), {})

    @classmethod
    def review(cls, asking: PartnerRequest, order_id: str, review: Mapping[str, Any]) -> Forwarded:
        """Return the statement of a review of an order, which is named by its identity."""
        return cls(
            field="stateOrderReview",
            asking=asking,
            instrument="",
            order="",
            sent_as="",
            wish={"orderId": order_id, **review},
        )

    @classmethod
    def _of(
        cls, field: str, asking: PartnerRequest, about: tuple[str, str], more: Mapping[str, Any]
    ) -> Forwarded:
        instrument, order = about
        number = sent_as(asking.client, order)
        return cls(
            field=field,
            asking=asking,
            instrument=instrument,
            order=order,
            sent_as=number,
            wish={"instrument": instrument, "order": number, **more},
        )

    @property
    def is_new(self) -> bool:
        """Whether it may make a booking, which must not be forgotten while its end is not known."""
        return self.field != "cancelBooking"

    @property
    def key(self) -> str:
        """Return the idempotency key that is sent: that of the client's request, made ours."""
        return f"f-{derived(self.field, self.asking.client, self.asking.idempotency.key)}"


class HomeHubs:
    """Asks the home hubs of instruments, and keeps what they say of orders."""

    def __init__(self, entries: OrderEntries) -> None:
        self._entries = entries
        self.open = ForwardedOrders(entries.database, entries.clock)

    async def ask(self, source: HarvestSource, asked: Forwarded) -> BookingAnswer:
        """Have the home hub do what a client wants, or go on with an order that is open.

        Raises `RefusedError` with what the home hub refuses, NOT_BOOKABLE where it takes no orders
        of this hub.
        """
        earlier = None
        if asked.is_new and asked.asking.signature is not None:
            told = OpenOrder.of(source.id, asked.asking, asked.instrument, asked.order, asked.wish)
            earlier = await self.open.begin(told, asked.asking.signature)
            if earlier is not None and earlier.sent != asked.wish:
                raise refused(ErrorCode.CONFLICT, ANOTHER_ORDER)
            if earlier is not None:
                stands = await self._earlier(source, asked)
                if stands is not None and stands.is_settled:
                    return await self.settle(source, stands, asked)
                if stands is not None and stands.reason == BY_HOME:
                    return stands
        try:
            answer = await self.answer(source, asked, BOOKINGS[asked.field], asked.field)
        except _SilentError:
            return _silent(source, asked)
        except RefusedError:
            if earlier is None:
                await self.open.close(asked.asking.client, asked.order)
            raise
        return await self.settle(source, answer, asked)

    async def look(self, source: HarvestSource, asked: Forwarded) -> BookingAnswer:
        """Ask the home hub how an order stands; it changes nothing there."""
        try:
            return await self.answer(source, asked, LOOK, "bookingOrder")
        except _SilentError:
            return _silent(source, asked)

    async def state_review(self, source: HarvestSource, asked: Forwarded) -> Mapping[str, Any]:
        """Pass a review on; return what the home hub says of the order then.

        Raises `RefusedError` with what it refuses, SOURCE_UNAVAILABLE where it does not answer.
        """
        try:
            said = await self._sent(source, asked, {"input": asked.wish}, REVIEW)
            return _payload_in(source, asked.field, said)
        except _SilentError:
            raise RefusedError(
                ErrorCode.SOURCE_UNAVAILABLE,
                hint="The instrument's home hub did not answer: send the same again.",
                hint_zh="仪器的归属枢纽没有应答，请原样重发。",
            ) from None

    async def settle(
        self, source: HarvestSource, answer: BookingAnswer, asked: Forwarded
    ) -> BookingAnswer:
        """Keep what the home hub says of an order, and close it here where it has ended."""
        await self.heard(source, answer, asked)
        return answer

    async def heard(self, source: HarvestSource, answer: BookingAnswer, asked: Forwarded) -> bool:
        """Do what `settle` does; return whether anything is new."""
        has_ended = answer.is_settled and answer.state is not BookingState.FIRM
        is_new = False
        if answer.placed is not None:
            is_new = await self._state(source, asked, answer.placed)
        if has_ended or answer.customs:
            await self.open.close(asked.asking.client, asked.order)
        return is_new or has_ended

    async def _earlier(self, source: HarvestSource, asked: Forwarded) -> BookingAnswer | None:
        """Return how an order stands of which the home was asked before; None: it has none."""
        try:
            return await self.look(source, asked)
        except RefusedError as error:
            if error.code is ErrorCode.NOT_FOUND:
                return None
            raise

    async def _state(self, source: HarvestSource, asked: Forwarded, placed: PlacedOrder) -> bool:
        """State the record as this hub heard it; the client's signed request is its evidence.

        Return whether it says anything new.
        """
        row = {"type": RECORD, "record": dict(placed.record), "authority": placed.authority}
        batch = Batch(
            source=source.id,
            party=self._entries.party,
            channel=Channel.LIVE,
            rows=[row],
            evidence=Evidence(
                assurance=Assurance.HUB_OBSERVED,
                request=asked.asking.signature,
                document_hash=sha256(canonical(dict(placed.record))).digest(),
                run_id=f"order at {source.id}",
            ),
            as_of=self._entries.clock(),
        )
        (outcome,) = (await submit(self._entries.database, batch, clock=self._entries.clock)).rows
        if outcome.outcome is Outcome.QUARANTINED:
            codes = sorted({problem.code for problem in outcome.problems})
            _LOG.warning("an order of %s is not as the standard wants it: %s", source.id, codes)
        return outcome.outcome is Outcome.ACCEPTED

    async def answer(
        self, source: HarvestSource, asked: Forwarded, document: str, field: str
    ) -> BookingAnswer:
        """Ask the home hub, and return what it says of the order."""
        wish: dict[str, Any] = {"input": asked.wish}
        if document == LOOK:
            wish = {"instrument": asked.instrument, "order": asked.sent_as}
        payload = _payload_in(source, field, await self._sent(source, asked, wish, document))
        try:
            return _answer_in(source, asked, payload)
        except (KeyError, TypeError, ValueError) as error:
            raise _strange(source, error) from error

    async def _sent(
        self, source: HarvestSource, asked: Forwarded, variables: Mapping[str, Any], document: str
    ) -> Any:
        body = json.dumps({"documentId": document, "variables": variables}).encode()
        headers = {
            "content-type": "application/json",
            "accept": "application/json",
            "accept-language": "en",
            "content-digest": content_digest(body),
        }
        if document != LOOK:
            headers["idempotency-key"] = asked.key
        question = HttpQuestion(
            path=GRAPHQL, method="POST", content=body, headers=headers, is_safe=document == LOOK
        )
        connection = _connection(source)
        behalf = Principal(subject=asked.asking.client, party=asked.asking.party, scopes=SCOPES)
        limits = replace(source.limits, read_s=FORWARD_S, total_s=FORWARD_S)
        try:
            async with (
                asyncio.timeout(FORWARD_S),
                connection.session(source.id, limits, behalf=behalf) as session,
            ):
                return parse_json(source.id, await session.ask(question))
        except SourceRefusedError as error:
            raise _not_taken(error.detail) from error
        except (ConnectorError, TimeoutError) as error:
            _LOG.warning("%s does not answer of an order: %s", source.id, type(error).__name__)
            raise _SilentError from error


def is_home_hub(source: HarvestSource) -> bool:
    """Whether a source is another hub, which books the instruments that are known from it."""
    return isinstance(source.connection, HubConnection)


def sent_as(client: str, order: str) -> str:
    """Return the number that a client's order has at a home hub."""
    return f"f-{derived(client, order)}"


def _connection(source: HarvestSource) -> HubConnection:
    assert isinstance(source.connection, HubConnection), "see is_home_hub"
    return source.connection


def _payload_in(source: HarvestSource, field: str, said: Any) -> Mapping[str, Any]:
    """Return the payload of a root field; raise what the other hub refuses."""
    answer = said if isinstance(said, dict) else {}
    try:
        if errors := answer.get("errors"):
            told = errors[0].get("extensions", {})
            if told.get("retryable"):
                raise _SilentError
            raise _not_taken(str(told.get("code", "")))
        payload: Mapping[str, Any] = answer["data"][field]
        if payload["userErrors"]:
            raise _as_refused(payload["userErrors"][0])
    except (AttributeError, KeyError, TypeError, IndexError) as error:
        raise _strange(source, error) from error
    return payload


def _strange(source: HarvestSource, error: Exception) -> _SilentError:
    """Return that an answer in another form says nothing of an order."""
    _LOG.warning("%s answers of an order in another form: %r", source.id, error)
    return _SilentError()


def _answer_in(
    source: HarvestSource, asked: Forwarded, payload: Mapping[str, Any]
) -> BookingAnswer:
    placed = payload["placed"]
    if placed is not None:
        placed = PlacedOrder(
            id=placed["id"],
            authority=placed["authority"],
            owner=asked.instrument.partition("/")[0],
            record=placed["record"],
        )
        _check_about(source, asked, placed.record)
    return BookingAnswer(
        order=asked.order,
        instrument=asked.instrument,
        state=BookingState[payload["state"]],
        reason=payload["reason"],
        reference=payload["reference"],
        said=payload["said"] or "",
        customs=tuple(
            CustomsReason(code=each["code"], zh=each["zh"], en=each["en"])
            for each in payload["customsReasons"]
        ),
        placed=placed,
        via=_connection(source).url,
    )


def _check_about(source: HarvestSource, asked: Forwarded, record: Mapping[str, Any]) -> None:
    """Raise ValueError for the record of another order: a peer speaks only of what was asked."""
    number = local_id(f"{_connection(source).client_id}:{asked.sent_as}")
    about = (record["instrumentKey"], record["localId"], record.get("userKey"))
    if about != (asked.instrument, number, asked.asking.party):
        raise ValueError("the record is of another order")


def _as_refused(problem: Mapping[str, Any]) -> RefusedError:
    code = str(problem["code"])
    known = ErrorCode[code] if code in ErrorCode.__members__ else ErrorCode.NOT_BOOKABLE
    told = str(problem["message"])[:_CHARACTERS_TOLD_MAX]
    return RefusedError(
        known,
        hint=f"The instrument's home hub says: {told}",
        hint_zh=f"仪器的归属枢纽答复：{told}",
    )


def _not_taken(detail: str) -> RefusedError:
    """Return the refusal of a home hub that takes no orders of this one."""
    return RefusedError(
        ErrorCode.NOT_BOOKABLE,
        hint="The instrument's home hub takes no orders of this hub "
        f"({detail[:_CHARACTERS_TOLD_MAX]}): ask the operator.",
        hint_zh=f"仪器的归属枢纽不受理本枢纽的预约（{detail[:_CHARACTERS_TOLD_MAX]}），请联系运营方。",
    )


def _silent(source: HarvestSource, asked: Forwarded) -> BookingAnswer:
    return BookingAnswer(
        order=asked.order,
        instrument=asked.instrument,
        state=BookingState.TENTATIVE,
        reason=BY_HOME,
        via=_connection(source).url,
    )
