"""`checks`: does a service count for a voucher? VALID, INVALID or UNKNOWN, check by check; pure.

Every check is asked and told, so that nobody comes back for the second fault after mending the
first. One that fails makes the whole INVALID; else one that lacks a fact makes it UNKNOWN.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

from hub.policy.bounds import LackingError, Missing, Truth, all_of, at_both_ends, known
from hub.policy.customs.decision import CustomsAnswer
from hub.policy.law import LawOnDay
from hub.policy.vouchers.amount import Spent, voucher_part
from hub.policy.vouchers.facts import ServiceTold, VoucherTerms
from schema.dates import local_date

DAY_S = 86_400


class CheckCode(StrEnum):
    """What is checked, in the order in which it is told."""

    CHAIN = "CHAIN"
    HOLDER = "HOLDER"
    PROVIDER = "PROVIDER"
    SAME_PERSON = "SAME_PERSON"
    CONTROLLED = "CONTROLLED"
    USE_DATE = "USE_DATE"
    STATUS = "STATUS"
    POWER = "POWER"
    OVERLAP = "OVERLAP"
    HOURS = "HOURS"
    PRICE = "PRICE"
    AMOUNT = "AMOUNT"
    INVOICE = "INVOICE"
    EXCLUDED = "EXCLUDED"
    REVIEW = "REVIEW"
    CUSTOMS = "CUSTOMS"


class CheckResult(StrEnum):
    """The result of one check."""

    PASS = "PASS"  # noqa: S105 - a word, not a password
    FAIL = "FAIL"
    UNKNOWN = "UNKNOWN"


class VoucherVerdict(StrEnum):
    """The result of all."""

    VALID = "VALID"
    INVALID = "INVALID"
    UNKNOWN = "UNKNOWN"


@dataclass(frozen=True, slots=True)
class CheckTold:
    """One check. `missing`: the fact for want of which it is unknown; `parameter`: of the law."""

    code: CheckCode
    result: CheckResult
    missing: Missing | None = None
    parameter: str | None = None


@dataclass(frozen=True, slots=True)
class Verified:
    """The verdict with every check."""

    verdict: VoucherVerdict
    checks: tuple[CheckTold, ...]

    def told(self, result: CheckResult) -> tuple[CheckCode, ...]:
        """Return the checks that ended so."""
        return tuple(each.code for each in self.checks if each.result is result)

    @property
    def is_valid(self) -> bool | Missing:
        """Whether it is VALID; what is missing first where that is UNKNOWN."""
        if self.verdict is VoucherVerdict.UNKNOWN:
            return next(each.missing for each in self.checks if each.missing is not None)
        return self.verdict is VoucherVerdict.VALID


@dataclass(frozen=True, slots=True)
class _Asked:
    service: ServiceTold
    voucher: VoucherTerms
    law: LawOnDay


def verify(service: ServiceTold, voucher: VoucherTerms, law: LawOnDay) -> Verified:
    """Check a service for a voucher. `law`: of the day on which it ended, where the payer is."""
    asked = _Asked(service, voucher, law)
    checks = tuple(_told(code, asked) for code in CheckCode)
    results = {each.result for each in checks}
    if CheckResult.FAIL in results:
        return Verified(VoucherVerdict.INVALID, checks)
    if CheckResult.UNKNOWN in results:
        return Verified(VoucherVerdict.UNKNOWN, checks)
    return Verified(VoucherVerdict.VALID, checks)


def _told(code: CheckCode, asked: _Asked) -> CheckTold:
    check, parameter = CHECKS[code]
    try:
        found = check(asked)
    except LackingError as lacking:
        found = lacking.missing
    if isinstance(found, Missing):
        return CheckTold(code, CheckResult.UNKNOWN, found, parameter)
    return CheckTold(code, CheckResult.PASS if found else CheckResult.FAIL, None, parameter)


def _negated(truth: Truth) -> Truth:
    return truth if isinstance(truth, Missing) else not truth


def _both(conditions: Iterable[Callable[[], Truth]]) -> Truth:
    """Join conditions of which each may lack a fact: one that fails decides without the others."""
    return all_of([_truth(each) for each in conditions])


def _truth(condition: Callable[[], Truth]) -> Truth:
    try:
        return condition()
    except LackingError as lacking:
        return lacking.missing


def _use_date(asked: _Asked) -> Truth:
    """Ask that the service ended, by the clock of Shanghai, by the last day of use."""
    service, voucher = asked.service, asked.voucher

    def begun() -> Truth:
        if voucher.use_from is None:
            return True
        return local_date(known(service.started_at)) >= known(voucher.use_from)

    def in_time() -> Truth:
        return local_date(known(service.ended_at)) <= known(voucher.use_until)

    def in_order() -> Truth:
        return known(service.started_at) < known(service.ended_at)

    return _both((in_time, begun, in_order))


def _power(asked: _Asked) -> Truth:
    """Ask that the instrument was on for the claimed time, silence counted as either."""
    claimed, power = known(asked.service.claimed_s), known(asked.service.power)
    share = Fraction(known(asked.law.number("voucher.power_share")))
    if claimed <= 0:
        return False
    low = Fraction(power.on_s, claimed)
    high = min(Fraction(1), Fraction(power.on_s + power.silent_s, claimed))
    judged = at_both_ends(low, high, lambda on: on >= share)
    return Missing("power", "SILENT") if judged.verdict is None else judged.verdict


def _hours(asked: _Asked) -> Truth:
    service = asked.service
    return _both(
        (
            lambda: known(service.claimed_s) <= known(service.booked_s),
            lambda: known(service.longest_day_s) <= DAY_S,
        )
    )


def _price(asked: _Asked) -> Truth:
    return known(asked.service.charge_fen) <= known(asked.service.list_price_fen)


def _amount(asked: _Asked) -> Truth:
    """Ask that no more is claimed than the rules of the region give."""
    service, voucher = asked.service, asked.voucher
    claimed, charge = known(service.voucher_fen), known(service.charge_fen)
    if not 0 < claimed <= charge:
        return False
    spent = Spent(used_in_year=voucher.used_in_year_fen, available=voucher.available_fen)
    return claimed <= voucher_part(charge, spent, asked.law)


def _invoice(asked: _Asked) -> Truth:
    invoice = known(asked.service.invoice)
    return _both(
        (
            lambda: known(invoice.payer) == known(asked.voucher.holder),
            lambda: known(invoice.amount_fen) >= known(asked.service.charge_fen),
            lambda: invoice.own_part_paid,
        )
    )


def _holder(asked: _Asked) -> Truth:
    return known(asked.service.user) == known(asked.voucher.holder)


def _customs(asked: _Asked) -> Truth:
    answer = known(asked.service.customs)
    if answer is CustomsAnswer.UNKNOWN:
        return Missing("customs", "UNDECIDED")
    return answer is CustomsAnswer.ALLOW


CHECKS: dict[CheckCode, tuple[Callable[[_Asked], Truth], str | None]] = {
    CheckCode.CHAIN: (lambda asked: asked.service.is_chained, None),
    CheckCode.HOLDER: (_holder, None),
    CheckCode.PROVIDER: (lambda asked: asked.service.registered, None),
    CheckCode.SAME_PERSON: (
        lambda asked: known(asked.service.user) != asked.service.provider,
        None,
    ),
    CheckCode.CONTROLLED: (lambda asked: _negated(asked.service.controlled), None),
    CheckCode.USE_DATE: (_use_date, None),
    CheckCode.STATUS: (lambda asked: asked.service.holder_active, None),
    CheckCode.POWER: (_power, "voucher.power_share"),
    CheckCode.OVERLAP: (lambda asked: _negated(asked.service.overlaps), None),
    CheckCode.HOURS: (_hours, None),
    CheckCode.PRICE: (_price, None),
    CheckCode.AMOUNT: (_amount, "voucher.rate"),
    CheckCode.INVOICE: (_invoice, None),
    CheckCode.EXCLUDED: (lambda asked: not known(asked.service.exclusions), None),
    CheckCode.REVIEW: (
        lambda asked: known(asked.service.reviewed_by) == known(asked.service.user),
        None,
    ),
    CheckCode.CUSTOMS: (_customs, None),
}
