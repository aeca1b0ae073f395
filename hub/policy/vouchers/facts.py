"""`facts`: what the checks of a service rest on, as far as it is known; pure.

`Missing` stands for what nobody stated, what is too old, and what sources contradict each other on.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from hub.policy.bounds import Missing
from hub.policy.customs.decision import CustomsAnswer
from schema.codes import ExclusionReason


@dataclass(frozen=True, kw_only=True, slots=True)
class VoucherTerms:
    """What a voucher says of itself. `available_fen`: before the claim that is checked."""

    holder: str | Missing
    use_from: date | Missing | None = None
    use_until: date | Missing = Missing("useUntil")
    available_fen: int | Missing = Missing("available")
    used_in_year_fen: int | Missing = Missing("usedInYear")


@dataclass(frozen=True, slots=True)
class PowerTold:
    """What sensors say of the claimed time, in seconds; the rest of it was off."""

    on_s: int
    silent_s: int


@dataclass(frozen=True, kw_only=True, slots=True)
class InvoiceTold:
    """An invoice as it is stated. `own_part_paid`: whether the enterprise paid its share."""

    payer: str | Missing
    amount_fen: int | Missing
    own_part_paid: bool | Missing


@dataclass(frozen=True, kw_only=True, slots=True)
class ServiceTold:
    """A service record with what belongs to it. Parties are keys of legal persons."""

    provider: str
    user: str | Missing
    started_at: datetime | Missing
    ended_at: datetime | Missing
    claimed_s: int | Missing
    """Claimed machine time in seconds."""
    charge_fen: int | Missing
    voucher_fen: int | Missing
    """Part that is claimed on the voucher."""
    is_chained: bool | Missing = Missing("chain")
    """Whether order, booking, usage and voucher name each other."""
    booked_s: int | Missing = Missing("booking")
    longest_day_s: int | Missing = Missing("hoursOfDay")
    """Most seconds that are claimed for one day of Shanghai."""
    overlaps: bool | Missing = Missing("overlap")
    """Whether another record claims the instrument at the same time."""
    list_price_fen: int | Missing = Missing("listPrice")
    """What the published price of that day makes of the quantity."""
    power: PowerTold | Missing = Missing("power")
    invoice: InvoiceTold | Missing = Missing("invoice")
    exclusions: frozenset[ExclusionReason] | Missing = Missing("exclusions")
    reviewed_by: str | Missing = Missing("review")
    """Legal person whose account gave the review."""
    registered: bool | Missing = Missing("registration")
    """Whether the provider was registered on the day of the service."""
    controlled: bool | Missing = Missing("relation")
    """Whether one of both controls the other, as was stated."""
    holder_active: bool | Missing = Missing("status")
    """Whether the enterprise was in business on the day of the service."""
    customs: CustomsAnswer | Missing = Missing("customs")
