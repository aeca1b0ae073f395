"""`disposal`: lease, transfer, pledge and scrapping during supervision, and the duty on the rest.

Order 245, articles 22 to 24. The duty is an estimate and never an assessment: the way of counting
was not verified (`customs.part_month_days` is UNDECIDED).
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from enum import StrEnum
from fractions import Fraction

from hub.policy.bounds import LackingError, known
from hub.policy.customs.decision import (
    CustomsAnswer,
    Procedure,
    Remedy,
    UseDecision,
    approved_by,
    is_supervised,
    undecided_among,
    while_data_are_fresh,
)
from hub.policy.customs.facts import (
    CustomsFacts,
    Period,
    covered_by_all,
)
from hub.policy.customs.term import term_years
from hub.policy.law import LawOnDay
from hub.policy.working_days import months_after
from schema.codes import CustomsApprovalKind, CustomsGoodsKind


class DisposalKind(StrEnum):
    """What an owner may want to do with an instrument. LEASE counts as other use (移作他用)."""

    LEASE = "LEASE"
    TRANSFER = "TRANSFER"
    PLEDGE = "PLEDGE"
    SCRAP = "SCRAP"


_APPROVALS = {
    DisposalKind.TRANSFER: CustomsApprovalKind.TRANSFER,
    DisposalKind.PLEDGE: CustomsApprovalKind.PLEDGE,
    DisposalKind.SCRAP: CustomsApprovalKind.SCRAP,
}


def may_dispose(
    facts: CustomsFacts, kind: DisposalKind, on: date, law: LawOnDay, asked_at: datetime
) -> UseDecision:
    """Decide on a disposal on a day."""
    try:
        decided = replace(_decide(facts, kind, on, (law, asked_at)), rule=RULE)
        return while_data_are_fresh(decided, facts, law)
    except LackingError as error:
        return UseDecision(answer=CustomsAnswer.UNKNOWN, rule=RULE, missing=error.missing)


def _decide(
    facts: CustomsFacts, kind: DisposalKind, on: date, judged: tuple[LawOnDay, datetime]
) -> UseDecision:
    allowed = UseDecision(answer=CustomsAnswer.ALLOW)
    if not is_supervised(facts, on, *judged):
        return allowed
    period = Period(on, on)
    if kind is DisposalKind.LEASE:
        if covered_by_all(known(facts.duties), period):
            return replace(allowed, procedure=Procedure.DUTY_RECORD)
        return UseDecision(answer=CustomsAnswer.DENY, remedy=Remedy.DUTY)
    for each in known(facts.approvals):
        if each.kind is _APPROVALS[kind] and each.period.covers(period):
            return approved_by(each)
    return UseDecision(answer=CustomsAnswer.DENY, remedy=Remedy.APPROVAL)


def undecided_of_disposal(
    decided: UseDecision, law: LawOnDay, *, is_estimated: bool
) -> tuple[str, ...]:
    """Return the parameters that an answer may rest on and that the law leaves open."""
    named = ["customs.max_age"]
    if decided.missing is None:
        named.append("customs.last_day")
    return undecided_among([*named, *(["customs.part_month_days"] if is_estimated else [])], law)


RULE = 22
"""The article of order 245 by which disposals are judged."""


def duty_base_fen(
    value_fen: int, kind: CustomsGoodsKind, released_on: date, on: date, law: LawOnDay
) -> int:
    """Return the value in fen on which duty would be due for the rest of the term: an estimate.

    LackingError where the law states no term.
    """
    term = term_years(kind, law) * 12
    spare = known(law.number("customs.part_month_days"))
    months = 0
    while months < term and months_after(released_on, months + 1) <= on:
        months += 1
    months += (on - months_after(released_on, months)).days > spare
    return int(value_fen * (1 - Fraction(min(months, term), term)))
