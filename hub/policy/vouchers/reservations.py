"""`reservations`: how long a voucher's money stays reserved for a service that does not come; pure.

A reservation says until when its service is planned. The law gives it some days after that; then
it is over, unless the service was given after all, or another hub may know of it. What is not
known keeps it: money that may still be claimed is never freed. Sharing policy, clause 三(十一),
names no number of days; the one that ships is this hub's own (UNDECIDED).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from hub.policy.bounds import Missing
from hub.policy.law import LawOnDay

NOTICE_DAYS = 30
"""Days before its end from which holder and provider are told."""


class ReservationKeeper(StrEnum):
    """Why a reservation whose time is over stays all the same."""

    PENDING = "PENDING"
    """It is being claimed, and another hub has not answered."""
    HOME_ELSEWHERE = "HOME_ELSEWHERE"
    """Another hub has the provider's records: this one cannot see that there is none."""
    SERVICE = "SERVICE"
    """A record of the provider may be the service."""
    ORDER = "ORDER"
    """Its order was carried out: the record may come."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ReservationTold:
    """How a reservation stands to its end. `last_day`: the last day on which it is kept."""

    last_day: date
    is_over: bool
    kept_by: ReservationKeeper | None = None

    @property
    def is_released(self) -> bool:
        """Whether its money goes back."""
        return self.is_over and self.kept_by is None

    @property
    def detail(self) -> str:
        """Return what holder and provider are told: the day, or why it stays."""
        return self.last_day.isoformat() if self.kept_by is None else self.kept_by.value


def reservation_told(planned_until: date, law: LawOnDay) -> ReservationTold | None:
    """Say how a reservation stands that nothing is known to keep; `law`: of today, at the payer's.

    None where it is not near its end, or the law names no days.
    """
    days = law.number("voucher.reservation_days")
    if isinstance(days, Missing):
        return None
    last_day = planned_until + timedelta(days=int(days))
    if law.day <= max(planned_until, last_day - timedelta(days=NOTICE_DAYS)):
        return None
    return ReservationTold(last_day=last_day, is_over=law.day > last_day)
