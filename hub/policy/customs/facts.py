"""`facts`: what a decision of customs law rests on, as far as it is known; pure.

`Missing` stands for what nobody stated, for what is too old, and for what sources contradict each
other on. An empty list is a statement: there is none.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, TypeAlias

from hub.policy.bounds import Missing
from schema.codes import CustomsApprovalKind, CustomsGoodsKind, CustomsStatus, ServicePurpose

MADE_HERE = "CHN"


@dataclass(frozen=True, slots=True)
class CustomsPlace:
    """Where an instrument stands or is used: the customs district, and the place in it."""

    district: str
    name: str


@dataclass(frozen=True, slots=True)
class Period:
    """Days of Shanghai, both included."""

    first: date
    last: date

    def covers(self, other: Period) -> bool:
        """Whether the other period lies within this one."""
        return self.first <= other.first and other.last <= self.last


@dataclass(frozen=True, kw_only=True, slots=True)
class Approval:
    """An approval by customs. `users`, `purposes`: empty where it names none; `place` None: any."""

    notice_no: str
    kind: CustomsApprovalKind
    period: Period
    purposes: frozenset[ServicePurpose] = frozenset()
    users: frozenset[str] = frozenset()
    place: CustomsPlace | None = None

    def covers(self, use: UseRequest) -> bool:
        """Whether it names the use's purpose and user, and its place and period."""
        return use.purpose in self.purposes and use.user in self.users and self.covers_place(use)

    def covers_place(self, use: UseRequest) -> bool:
        """Whether it covers where and when the instrument is used, whoever uses it."""
        return self.place in (None, use.place) and self.period.covers(use.period)


Approvals: TypeAlias = tuple[Approval, ...]


def _missing(fact: str) -> Any:
    return field(default_factory=lambda: Missing(fact))


@dataclass(frozen=True, kw_only=True, slots=True)
class CustomsFacts:
    """What is known of one instrument.

    `has_record`: a record of supervision exists, whatever the status says. `as_of`: when customs'
    data was last known to be so. `reports`: years with the instant at which their report was filed.
    """

    owner: str
    status: CustomsStatus | Missing
    origin: str | Missing = _missing("originCountry")
    has_record: bool = False
    as_of: datetime | Missing = _missing("asOf")
    kind: CustomsGoodsKind | Missing = _missing("goodsKind")
    released_on: date | Missing = _missing("releasedOn")
    arrived_on: date | Missing = _missing("arrivedOn")
    settled_on: date | Missing | None = None
    approved_place: CustomsPlace | Missing = _missing("approvedPlace")
    approved_uses: frozenset[ServicePurpose] | Missing = _missing("approvedUses")
    nrii_since: date | Missing | None = _missing("nriiSince")
    agreement_signed: bool | Missing = _missing("agreementSigned")
    approvals: Approvals | Missing = _missing("approvals")
    reports: tuple[tuple[int, datetime], ...] | Missing = _missing("reports")
    duties: tuple[Period, ...] | Missing = _missing("duties")
    clinical_others: tuple[date, ...] | Missing = _missing("clinicalOthers")
    """First days on which the hospital began to use another instrument of the kind clinically."""


@dataclass(frozen=True, kw_only=True, slots=True)
class UseRequest:
    """Somebody wants to use an instrument. `user`: key of a legal person with USCC."""

    user: str | Missing
    purpose: ServicePurpose
    place: CustomsPlace
    period: Period
    clinical: bool = False


def covered_by_all(periods: Iterable[Period], wanted: Period) -> bool:
    """Whether periods together cover every day of another one."""
    reached = wanted.first
    for each in sorted(periods, key=lambda period: period.first):
        if each.first > reached:
            break
        reached = max(reached, each.last + timedelta(days=1))
    return reached > wanted.last
