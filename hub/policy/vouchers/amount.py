"""`amount`: how many fen of a charge a voucher pays, by the rules of its region; pure.

    least of: rate x charge rounded down, cap of the order, cap of the year less what was used,
    what the voucher still holds

A charge up to the threshold of full deduction counts whole; the threshold itself is included (Civil
Code, article 1259: 以下 includes the number). The rules are those of the day on which the service
ended, in the region that pays. What no region states is `Missing`, never 0.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

from hub.policy.bounds import LackingError, Missing, known
from hub.policy.law import LawOnDay
from schema.dates import local_date

FEN_OF_YUAN = 100


class FenError(ValueError):
    """An amount of yuan has parts of a fen; it is refused and not rounded."""

    code = "FEN_INEXACT"


def fen_of(yuan: Decimal) -> int:
    """Return an amount in fen; `FenError` for one that has more than two decimals."""
    fen = yuan * FEN_OF_YUAN
    if not fen.is_finite() or fen != fen.to_integral_value():
        raise FenError(f"{yuan} yuan is not a whole number of fen")
    return int(fen)


@dataclass(frozen=True, kw_only=True, slots=True)
class Spent:
    """What is known beside the charge. `used_in_year`: by the same holder, fen."""

    used_in_year: int | Missing
    available: int | Missing


def voucher_year(ended_at: datetime) -> int:
    """Return the year whose cap a service counts for: that of Shanghai in which it ended."""
    return local_date(ended_at).year


def voucher_part(charge_fen: int, spent: Spent, law: LawOnDay) -> int:
    """Return what the voucher pays at most; LackingError where that hangs on a missing fact."""
    parts = [charge_fen if _is_small(charge_fen, law) else _share(charge_fen, law)]
    parts.append(_fen(law, "voucher.order_cap"))
    parts.append(max(0, _fen(law, "voucher.year_cap") - known(spent.used_in_year)))
    parts.append(known(spent.available))
    return min(parts)


def most_of(charge_fen: int | Missing, spent: Spent, law: LawOnDay) -> int | Missing:
    """Return what the voucher pays at most, or the fact for want of which nobody can tell."""
    try:
        return voucher_part(known(charge_fen), spent, law)
    except LackingError as lacking:
        return lacking.missing


def given_by(charge_fen: int | Missing, law: LawOnDay) -> int | Missing:
    """Return what the rules give of a charge, had the holder claimed nothing else."""
    return most_of(charge_fen, Spent(used_in_year=0, available=charge_fen), law)


def _is_small(charge_fen: int, law: LawOnDay) -> bool:
    return charge_fen <= _fen(law, "voucher.full_deduction")


def _share(charge_fen: int, law: LawOnDay) -> int:
    return int(Fraction(known(law.number("voucher.rate"))) * charge_fen)


def _fen(law: LawOnDay, name: str) -> int:
    return fen_of(known(law.number(name)))


@dataclass(frozen=True, slots=True)
class OrderShape:
    """An order of a holder at a provider on one instrument, to see whether one was split."""

    ordered_on: date
    charge_fen: int


def is_split_suspected(one: OrderShape, others: Iterable[OrderShape], law: LawOnDay) -> bool:
    """Whether orders near in time stay below the threshold of full deduction, not together.

    `others`: of the same holder, provider and instrument. A suspicion holds a claim for a person;
    it refuses nothing.
    """
    threshold = _fen(law, "voucher.full_deduction")
    days = timedelta(days=int(known(law.number("voucher.split_days"))))
    near = [each for each in others if abs(each.ordered_on - one.ordered_on) <= days]
    small = [each.charge_fen for each in (one, *near) if each.charge_fen <= threshold]
    return one.charge_fen <= threshold and len(small) > 1 and sum(small) > threshold
