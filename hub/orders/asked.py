"""`asked`: what clients ask of the booking desk and what they are told; pure.

A client's order has the client's id in its number, so that no other client can name it, be it of
the same institution. A peer hub that asks for a client of its own is a client like others; the
user is then the institution that the peer names, and the peer vouches for that.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from typing import Any

from adapters._booking import BookingOutcome, BookingResult
from hub.customs.words import CustomsReason
from hub.errors import ErrorCode, RefusedError
from hub.intake.batch import Idempotency, RequestSignature
from hub.orders.entries import RECORD, KeptOrder, SignedWord, local_id
from hub.orders.limits import ORDER_CHARACTERS_MAX
from schema.codes import ServicePurpose

_ORDER = re.compile(rf"[A-Za-z0-9][A-Za-z0-9._-]{{0,{ORDER_CHARACTERS_MAX - 1}}}")
_DERIVED_CHARACTERS = 32
BY_CUSTOMS = "CUSTOMS"
"""The reason where customs law did not allow what was asked."""
BY_HOME = "HOME_HUB_SILENT"
"""The reason where the instrument's home hub did not answer."""


BOOKED_ITEMS = (
    *("instrumentKey", "localId", "state", "userKey", "purpose", "requestedAt", "startAt"),
    *("endAt", "reference", "movedFrom", "steps"),
)
"""Items of a record that whoever booked may see with the right to book alone."""


class BookingState(StrEnum):
    """How a partner's booking stands."""

    TENTATIVE = "TENTATIVE"
    FIRM = "FIRM"
    REFUSED = "REFUSED"
    CANCELLED = "CANCELLED"
    EXPIRED = "EXPIRED"
    UNKNOWN = "UNKNOWN"
    """Not booked, because nobody knows whether customs law allows it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PartnerRequest:
    """Who asks, and with which request; a request makes one change.

    `party`: the institution that books. `peer`: the party of the hub that asks for it, if one does.
    """

    client: str
    party: str
    idempotency: Idempotency
    signature: RequestSignature | None = None
    peer: str | None = None

    def order(self, told: str | None) -> str:
        """Return the client's number of an order: the one told, else one that follows of the key.

        Raises `RefusedError` BAD_USER_INPUT for what is no number.
        """
        if told is None:
            return f"k-{derived(self.idempotency.key)}"
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

    @property
    def word(self) -> SignedWord | None:
        """Return on whose word an order of this request is."""
        return (
            None if self.signature is None else SignedWord(self.peer or self.party, self.signature)
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class PartnerWish:
    """The time that a client wants; instants are aware, the end is not included."""

    instrument: str
    purpose: ServicePurpose
    start: datetime
    end: datetime
    order: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class PartnerMove:
    """The time to which a client moves its order, under a new number of its own."""

    instrument: str
    order: str
    start: datetime
    end: datetime
    new_order: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class PlacedOrder:
    """An order as its home hub holds it: what was booked, and what names it at every hub.

    What followed (result, charge, payment, review) is read as `ServiceOrder`, with its scopes.
    """

    id: str
    authority: str
    owner: str
    record: Mapping[str, Any]

    @classmethod
    def of(cls, kept: KeptOrder) -> PlacedOrder:
        """Return what whoever placed an order is told of it."""
        booked = {name: kept.record[name] for name in BOOKED_ITEMS if name in kept.record}
        return cls(id=kept.item_id, authority=kept.authority, owner=kept.owner, record=booked)


@dataclass(frozen=True, kw_only=True, slots=True)
class BookingAnswer:
    """What a client is told. `order`: its own number of it, by which it cancels.

    `via`: the address of the home hub that answered, or did not, where it is not this one.
    """

    order: str
    instrument: str
    state: BookingState
    reason: str | None = None
    reference: str | None = None
    said: str = ""
    customs: tuple[CustomsReason, ...] = ()
    placed: PlacedOrder | None = None
    via: str | None = None
    replayed: bool = False

    @property
    def is_settled(self) -> bool:
        """Whether the same request need never be worked on again."""
        is_open = self.state in {BookingState.TENTATIVE, BookingState.UNKNOWN}
        return not is_open and not self.customs


def answer_of(
    order: str, instrument: str, result: BookingResult, kept: KeptOrder | None
) -> BookingAnswer:
    """Return what a client is told of what came of its order."""
    return BookingAnswer(
        order=order,
        instrument=instrument,
        state=STATES[result.outcome],
        reason=None if result.reason is None else result.reason.value,
        reference=result.reference,
        said=result.said,
        placed=None if kept is None else PlacedOrder.of(kept),
    )


STATES = {outcome: BookingState(outcome.value) for outcome in BookingOutcome}


def derived(*parts: str) -> str:
    """Return a number that follows from some texts, and from no others."""
    text = "\n".join(f"{len(part)} {part}" for part in parts)
    return sha256(text.encode()).hexdigest()[:_DERIVED_CHARACTERS]


def as_kept(answer: BookingAnswer, number: str) -> dict[str, Any]:
    """Return an answer as it is kept, with the record that it is about: erasing looks for that."""
    key = f"{answer.instrument}/{local_id(number)}"
    return {
        "booking": {**asdict(answer), "state": answer.state.value},
        "rows": [{"type": RECORD, "key": key}],
    }


def read_kept(kept: Mapping[str, Any]) -> BookingAnswer:
    """Return an answer that was kept, as one that is given again."""
    told = kept["booking"]
    placed = told.get("placed")
    members = {
        **told,
        "state": BookingState(told["state"]),
        "customs": (),
        "placed": placed and PlacedOrder(**placed),
    }
    return replace(BookingAnswer(**members), replayed=True)
