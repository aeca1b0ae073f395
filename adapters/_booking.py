"""What an adapter says of booking: a protocol that asks its source and waits for replies; pure.

A protocol is a generator. It yields an `Ask` and is sent a `Reply`; it returns a `BookingResult`.
Whoever runs it (`hub.orders`) has the connection, the clock and the time limits. So every step can
be tested with replies in any order, and the same steps run against the real system.

A booking is FIRM only after the source was read again and nobody else has the time. As long as that
is not known it is TENTATIVE, and the same protocol with the same order goes on where it stopped.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeAlias

__all__ = [
    "Ask",
    "BookingAnswered",
    "BookingOutcome",
    "BookingProtocol",
    "BookingReason",
    "BookingResult",
    "BookingSteps",
    "BookingWish",
    "Cancellation",
    "NotSent",
    "Reply",
    "Unclear",
    "Unwilling",
]


@dataclass(frozen=True, kw_only=True, slots=True)
class BookingWish:
    """A time on an instrument that somebody wants. Instants are aware; the end is not included."""

    order: str
    """Number of the order at this hub; the booking carries it, so that it is found again."""
    local_no: str
    """The instrument's number in the standard."""
    user: str
    """Key of the institution that wants it."""
    start: datetime
    end: datetime
    now: datetime
    facts: Mapping[str, Any] = field(default_factory=dict)
    """What the adapter's docstring asks the operator for."""
    replaces: str | None = None
    """Number of the order whose booking this one takes the place of, once it is firm."""
    may_post: bool = True
    """Whether a new booking may be made; otherwise only what is there is worked on."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Ask:
    """One question of a protocol. `body`: JSON; a question with a body may change something."""

    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    method: str = "GET"
    body: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class BookingAnswered:
    """The source answered, with this JSON value."""

    value: Any


@dataclass(frozen=True, slots=True)
class Unwilling:
    """The source read the question and refuses it. `said`: its words."""

    said: str


@dataclass(frozen=True, slots=True)
class Unclear:
    """The question may have arrived and been done: no answer, a time-out, a server error."""


@dataclass(frozen=True, slots=True)
class NotSent:
    """The question did not reach the source; nothing was done."""


Reply: TypeAlias = BookingAnswered | Unwilling | Unclear | NotSent


class BookingReason(StrEnum):
    """Why a booking is not firm."""

    OCCUPIED = "OCCUPIED"
    OUTAGE = "OUTAGE"
    UNKNOWN_INSTRUMENT = "UNKNOWN_INSTRUMENT"
    USER_NOT_MAPPED = "USER_NOT_MAPPED"
    IN_THE_PAST = "IN_THE_PAST"
    AGAINST_RULES = "AGAINST_RULES"
    """Further ahead, shorter or longer than its owner lets anybody book it."""
    SOURCE_REFUSED = "SOURCE_REFUSED"
    SOURCE_SILENT = "SOURCE_SILENT"
    NOT_CANCELLED_YET = "NOT_CANCELLED_YET"
    NOT_THERE = "NOT_THERE"
    """Its system shows no such booking: none was made, or it was taken off there."""


class BookingOutcome(StrEnum):
    """How a booking stands."""

    TENTATIVE = "TENTATIVE"
    FIRM = "FIRM"
    REFUSED = "REFUSED"
    CANCELLED = "CANCELLED"
    EXPIRED = "EXPIRED"
    """Given up by the hub, because its system did not answer in time; no protocol ends so."""


@dataclass(frozen=True, kw_only=True, slots=True)
class BookingResult:
    """What came of a protocol. `reference`: the booking's number at the source, if it has one."""

    outcome: BookingOutcome
    reason: BookingReason | None = None
    reference: str | None = None
    said: str = ""
    """The source's own words, where it refused."""


BookingSteps: TypeAlias = Generator[Ask, Reply, BookingResult]


@dataclass(frozen=True, kw_only=True, slots=True)
class Cancellation:
    """A booking that is looked for, to be seen or given back."""

    order: str
    now: datetime
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class BookingProtocol:
    """How a source is booked, how a booking is looked for, and how it is given back.

    `find` ends FIRM where it is there, CANCELLED and NOT_THERE where it is not.
    """

    book: Callable[[BookingWish], BookingSteps]
    find: Callable[[Cancellation], BookingSteps]
    cancel: Callable[[Cancellation], BookingSteps]
