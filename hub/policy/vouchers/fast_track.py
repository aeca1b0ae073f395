"""`fast_track`: may a claim be submitted without anybody's application (无感直兑)? Pure.

It may where booking, use, payment, result and review are all in the log under one order, the checks
of the service say VALID, nothing holds the claim and the region that pays allows it. Where anything
is wanting the claim goes the ordinary way, and all that is wanting is named.

Sharing policy, clause 三(十一). It names no number of days and no region that has begun: both are
parameters, and no value of either ships.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Any

from hub.policy.bounds import Missing
from hub.policy.law import LawOnDay
from hub.policy.vouchers.checks import VoucherVerdict
from schema.records.order_path import FIVE_STEPS, missing_in


class FastTrackNeed(StrEnum):
    """What the fast track needs, in the order in which it is told."""

    ORDER = "ORDER"
    BOOKED = "BOOKED"
    USED = "USED"
    PAID = "PAID"
    RESULT = "RESULT"
    REVIEWED = "REVIEWED"
    IN_LOG = "IN_LOG"
    CHECKS = "CHECKS"
    NO_HOLD = "NO_HOLD"
    HOME = "HOME"
    """This hub being the home of the service: it asks no other one for a grant in its own name."""
    REGION = "REGION"


@dataclass(frozen=True, kw_only=True, slots=True)
class WholeService:
    """What is known of the service that a claim is for. `steps`: of its order, in wire form."""

    steps: Sequence[Mapping[str, Any]] | None
    """None: no order is known for the claim."""
    is_in_log: bool
    """Whether order and service record have their places in the log."""
    verdict: VoucherVerdict | None
    """Of the checks; None where there is no service record to check."""
    holds: Collection[str]
    is_here: bool = True
    """Whether this hub is the home of the service."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FastTrack:
    """Whether a claim goes the fast way. `due_on`: by when the region pays, where it says so."""

    wanting: tuple[FastTrackNeed, ...]
    due_on: date | Missing

    @property
    def is_ready(self) -> bool:
        """Whether nothing is wanting."""
        return not self.wanting


def has_all_steps(steps: Sequence[Mapping[str, Any]] | None) -> bool:
    """Whether an order is known and has gone all five steps: else nothing else matters."""
    return steps is not None and not missing_in(steps)


def fast_track(service: WholeService, law: LawOnDay, last_step_on: date | None) -> FastTrack:
    """Say what the fast track lacks. `law`: of today, where the payer is."""
    needs = FastTrackNeed
    if service.steps is None:
        wanting = [needs.ORDER, *(needs(name) for name in FIVE_STEPS)]
    else:
        wanting = [needs(name) for name in missing_in(service.steps)]
    if not service.is_in_log:
        wanting.append(needs.IN_LOG)
    if service.verdict is not VoucherVerdict.VALID:
        wanting.append(needs.CHECKS)
    if service.holds:
        wanting.append(needs.NO_HOLD)
    if not service.is_here:
        wanting.append(needs.HOME)
    if law.word("voucher.fast_track") != "ALLOWED":
        wanting.append(needs.REGION)
    return FastTrack(wanting=tuple(wanting), due_on=_due_on(law, last_step_on))


def _due_on(law: LawOnDay, last_step_on: date | None) -> date | Missing:
    days = law.number("voucher.fast_track_days")
    if isinstance(days, Missing):
        return days
    if last_step_on is None:
        return Missing("lastStep")
    return last_step_on + timedelta(days=int(days))
