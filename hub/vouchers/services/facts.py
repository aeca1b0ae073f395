"""`facts`: what the stored records of a service say, as the rules of vouchers ask for it; pure.

Nothing is taken for granted: what no record states is `Missing`. Payment and review are the steps
of the order that say who stated them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, TypeAlias

from hub.policy.bounds import Missing, all_of
from hub.policy.customs.decision import CustomsAnswer
from hub.policy.vouchers.amount import FenError, fen_of
from hub.policy.vouchers.facts import InvoiceTold, PowerTold, ServiceTold
from hub.vouchers.services.business import was_in_business
from schema.codes import Audience, ExclusionReason, OrderState, PowerState, PriceUnit
from schema.dates import local_date

Row: TypeAlias = Mapping[str, Any]
YUAN = "CNY"
HOUR_S = 3_600


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredService:
    """A service record with what belongs to it; rows are columns by name."""

    service: Row
    order: Row | None
    near: Sequence[Row]
    """Other orders of the same user on the same instrument."""
    offer: Row | None
    registrations: Sequence[Row]
    """Of the provider, by the registrar that granted the voucher."""
    relation: Row | None
    """The newest statement of holder and provider about one another."""
    business: Sequence[Row]
    """What registers said of the holder of the voucher."""
    has_rival: bool
    """Whether another record claims the instrument at the same time."""
    spans: Sequence[tuple[PowerState, datetime, datetime]]
    """What sensors saw within the claimed time."""
    is_sensed: bool
    legal_persons: Mapping[str, str]
    customs: CustomsAnswer | Missing
    in_log: bool
    commitment: str
    """Of the revision that was looked at: the salted hash in the log, hexadecimal."""
    used_in_year_fen: int
    """By the holder's other claims, in the year in which the service ended."""

    def person(self, key: str) -> str:
        """Return the legal person of an institution, by which it is compared."""
        return self.legal_persons.get(key, key)


def service_told(stored: StoredService, voucher_fen: int, order_no: str | None) -> ServiceTold:
    """Return the facts of a service for `hub.policy.vouchers.checks`."""
    row = stored.service
    user = row["user_key"]
    start, end = row["started_at"], row["ended_at"]
    return ServiceTold(
        provider=stored.person(row["owner"]),
        user=Missing("user") if user is None else stored.person(user),
        started_at=_stated(start, "startedAt"),
        ended_at=_stated(end, "endedAt"),
        claimed_s=claimed_s(row),
        charge_fen=fen(row["charge"], "charge"),
        voucher_fen=voucher_fen,
        is_chained=_is_chained(stored, order_no),
        booked_s=_booked_s(stored.order),
        longest_day_s=_longest_day_s(row),
        overlaps=Missing("overlap") if None in (start, end) else stored.has_rival,
        list_price_fen=_list_price_fen(stored),
        power=_power(stored),
        invoice=_invoice(stored),
        reviewed_by=_reviewed_by(stored),
        exclusions=frozenset(ExclusionReason[each] for each in row["exclusions"] or ()),
        registered=_is_registered(stored),
        controlled=_is_controlled(stored.relation),
        holder_active=Missing("status")
        if end is None
        else was_in_business(stored.business, local_date(end)),
        customs=stored.customs,
    )


def promised_to(told: ServiceTold, stored: StoredService, promised: str | None) -> ServiceTold:
    """Return the facts of a service with whether who gave it is whom its claim was reserved for.

    `promised`: that provider; None where no claim names one. One legal person may have many keys.
    """
    if promised is None:
        return told
    is_theirs = told.provider == stored.person(promised)
    return replace(told, is_chained=all_of((told.is_chained, is_theirs)))


def claimed_s(service: Row) -> int | Missing:
    """Return the claimed machine time in seconds."""
    hours = service["hours"]
    return Missing("hours") if hours is None else round(Decimal(hours) * HOUR_S)


def fen(money: Row | None, fact: str) -> int | Missing:
    """Return an amount of yuan in fen; `Missing` where it is not stated or cannot be told so."""
    if money is None:
        return Missing(fact)
    if money["currency"] != YUAN:
        return Missing(fact, "OTHER_CURRENCY")
    try:
        return fen_of(Decimal(money["amount"]))
    except FenError:
        return Missing(fact, "FEN_INEXACT")


def _stated(value: Any, fact: str) -> Any:
    return Missing(fact) if value is None else value


def _is_chained(stored: StoredService, order_no: str | None) -> bool | Missing:
    """Whether order, service and claim name each other and are of one user."""
    order, service = stored.order, stored.service
    if order is None:
        return Missing("chain", "NO_ORDER")
    if order["user_key"] is None or service["user_key"] is None:
        return Missing("chain")
    is_one = stored.person(order["user_key"]) == stored.person(service["user_key"])
    is_named = order["service_id"] in {None, service["local_id"]}
    return is_one and is_named and order_no in {None, order["local_id"]}


def _booked_s(order: Row | None) -> int | Missing:
    if order is None or order["start_at"] is None or order["end_at"] is None:
        return Missing("booking")
    return int((order["end_at"] - order["start_at"]).total_seconds())


def _longest_day_s(service: Row) -> int | Missing:
    """Return the most seconds of one day of Shanghai that the claimed time can lie in."""
    start, end, claimed = service["started_at"], service["ended_at"], claimed_s(service)
    if start is None or end is None or isinstance(claimed, Missing):
        return Missing("hoursOfDay")
    span = int((end - start).total_seconds())
    days = (local_date(end) - local_date(start)).days + 1
    return claimed if days == 1 or claimed > span else min(claimed, span, 86_400)


def _list_price_fen(stored: StoredService) -> int | Missing:
    """Return what the published price of that day makes of the quantity."""
    offer, service = stored.offer, stored.service
    if offer is None or service["ended_at"] is None:
        return Missing("listPrice", "NO_OFFER")
    day = local_date(service["ended_at"])
    since, until = offer["valid_from"] or date.min, offer["valid_until"] or date.max
    is_for_others = offer["audience"] != Audience.INSIDE.value
    price = fen(offer["price"], "listPrice")
    if not since <= day <= until or not is_for_others or isinstance(price, Missing):
        return Missing("listPrice", "NO_PRICE_IN_FORCE")
    counted = {
        PriceUnit.HOUR.value: service["hours"],
        PriceUnit.SAMPLE.value: service["samples_count"],
        PriceUnit.RUN.value: 1,
    }.get(offer["unit"])
    if counted is None:
        return Missing("listPrice", "NOT_COUNTED")
    least = fen(offer["minimum_charge"], "minimumCharge")
    total = int(Decimal(counted) * price)
    return total if isinstance(least, Missing) else max(total, least)


def _invoice(stored: StoredService) -> InvoiceTold | Missing:
    """Return what the payment of the order says: who paid how much against the invoice."""
    order = stored.order
    if order is None or _step(order, OrderState.PAID) is None:
        return Missing("invoice", "NOT_PAID")
    payer = order["payer_key"]
    return InvoiceTold(
        payer=Missing("payer") if payer is None else stored.person(payer),
        amount_fen=fen(order["charge"], "paid"),
        own_part_paid=True,
    )


def _reviewed_by(stored: StoredService) -> str | Missing:
    """Return the legal person whose account gave the review."""
    step = None if stored.order is None else _step(stored.order, OrderState.REVIEWED)
    if step is None:
        return Missing("review")
    stated_by = step.get("statedBy")
    return Missing("review", "NOT_SAID_BY_WHOM") if stated_by is None else stored.person(stated_by)


def _step(order: Row, state: OrderState) -> Row | None:
    """Return the last step of an order into a state."""
    found = [each for each in order["steps"] or () if each["state"] == state.value]
    return found[-1] if found else None


def _power(stored: StoredService) -> PowerTold | Missing:
    """Return for how long the instrument was seen on, and for how long nothing was seen."""
    start, end = stored.service["started_at"], stored.service["ended_at"]
    claimed = claimed_s(stored.service)
    if start is None or end is None or isinstance(claimed, Missing):
        return Missing("power")
    if not stored.is_sensed:
        return Missing("power", "NO_SENSOR")
    on = _covered_s(stored.spans, start, end, {PowerState.ON, PowerState.IN_USE})
    off = _covered_s(stored.spans, start, end, {PowerState.OFF})
    silent = max(0, int((end - start).total_seconds()) - on - off)
    return PowerTold(min(on, claimed), min(silent, claimed))


def _covered_s(
    spans: Iterable[tuple[PowerState, datetime, datetime]],
    start: datetime,
    end: datetime,
    states: set[PowerState],
) -> int:
    """Return how many seconds some state was seen, by whichever sensors."""
    covered, until = timedelta(), start
    for state, begins, ends in sorted(spans, key=lambda each: each[1]):
        first, last = max(begins, until), min(ends, end)
        if state in states and last > first:
            covered += last - first
            until = last
    return int(covered.total_seconds())


def _is_registered(stored: StoredService) -> bool | Missing:
    """Whether the provider was registered on the day; no registration at all is not known."""
    ended = stored.service["ended_at"]
    if not stored.registrations or ended is None:
        return Missing("registration")
    day = local_date(ended)
    return any(
        (each["valid_from"] or date.min) <= day <= (each["valid_until"] or date.max)
        for each in stored.registrations
    )


def _is_controlled(relation: Row | None) -> bool | Missing:
    if relation is None or relation["is_controlled"] is None:
        return Missing("relation")
    return bool(relation["is_controlled"])
