"""`wanted`: the time that an order wants, and how its record says so; pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hub.errors import ErrorCode
from hub.orders.entries import KeptOrder, local_id, order_of, refused
from hub.orders.limits import GIVEN_UP_AFTER
from schema.codes import ServicePurpose
from schema.dates import format_instant

ANOTHER_ORDER = (
    "该订单编号已用于另一预约",
    "an order of this number wants something else",
    "新的预约使用新的编号",
    "give a new booking a new number",
)
NO_TIME = (
    "预约的结束时间必须晚于开始时间",
    "a booking ends after it begins",
    "请更正后重试",
    "correct it and ask again",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class TimeWanted:
    """Who wants which instrument when. `order`: a number of the caller's; instants are aware."""

    order: str
    instrument: str
    user: str
    purpose: ServicePurpose
    start: datetime
    end: datetime
    replaces: str | None = None
    """Number of the order in place of which it is wanted."""

    @property
    def wire(self) -> dict[str, str]:
        """Return what the order wants, as in its record; another wish needs another number."""
        moved = {} if self.replaces is None else {"movedFrom": local_id(self.replaces)}
        return {
            "instrumentKey": self.instrument,
            "localId": local_id(self.order),
            "userKey": self.user,
            "purpose": self.purpose.value,
            "startAt": format_instant(self.start),
            "endAt": format_instant(self.end),
            **moved,
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class NewTime:
    """The time to which the booking of an order is to be moved, under a number of its own."""

    instrument: str
    order: str
    replaces: str
    start: datetime
    end: datetime


def check_length(start: datetime, end: datetime) -> None:
    """Refuse a time that ends before it begins."""
    if start >= end:
        raise refused(ErrorCode.BAD_USER_INPUT, NO_TIME)


def check_same(kept: KeptOrder, wanted: TimeWanted) -> None:
    """Refuse a number that stands for another wish; one that says `movedFrom` is another too."""
    wire = wanted.wire
    names = {*wire, "movedFrom"}
    if any(kept.record.get(name) != wire.get(name) for name in names):
        raise refused(ErrorCode.CONFLICT, ANOTHER_ORDER)


def wanted_by(kept: KeptOrder) -> TimeWanted:
    """Return what an order wants, from its record."""
    record, former = kept.record, kept.record.get("movedFrom")
    return TimeWanted(
        order=kept.number,
        instrument=record["instrumentKey"],
        user=record["userKey"],
        purpose=ServicePurpose[record["purpose"]],
        start=datetime.fromisoformat(record["startAt"]),
        end=datetime.fromisoformat(record["endAt"]),
        replaces=None if former is None else order_of(former),
    )


def given_up_at(record: Mapping[str, Any]) -> datetime:
    """Return when an order that is still open is given up."""
    return datetime.fromisoformat(record["requestedAt"]) + GIVEN_UP_AFTER
