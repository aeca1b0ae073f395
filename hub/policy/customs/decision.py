"""`decision`: may an instrument serve a use? ALLOW, DENY or UNKNOWN, by the first rule that fits.

1. a fact that is needed is missing, too old or contradicted: UNKNOWN
2. not supervised, or made here and nobody says otherwise: ALLOW
3. supervision was settled or has run out when the use begins: ALLOW
4. another place than the approved one, without approval: DENY
5. a purpose outside research, development and teaching: ALLOW with duty paid, else DENY
6. the owner itself: ALLOW for an approved use, else DENY
7. an approval names purpose, user, place and period: ALLOW
8. in the national platform, inside, by signed agreement, no report overdue: ALLOW
9. else DENY

- Rules are asked in this order, and only for the facts they need; a rule that cannot be answered
  ends in UNKNOWN. So taking a fact away never makes an ALLOW.
- A use over the last day of supervision is judged by its first day.
- Clinical use needs its own approval in place of rules 5 to 9.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from enum import StrEnum

from hub.policy.bounds import LackingError, Missing, Truth, all_of, known
from hub.policy.customs.facts import (
    MADE_HERE,
    Approval,
    CustomsFacts,
    CustomsPlace,
    Period,
    UseRequest,
    covered_by_all,
)
from hub.policy.customs.term import end_of_term, is_over, overdue_reports, reports_due
from hub.policy.law import LawOnDay, LawStatus, LawValue
from hub.policy.working_days import years_after
from schema.codes import CustomsApprovalKind, CustomsStatus, ServicePurpose
from schema.dates import SHANGHAI


class CustomsAnswer(StrEnum):
    """The answer to a use."""

    ALLOW = "ALLOW"
    DENY = "DENY"
    UNKNOWN = "UNKNOWN"


class Procedure(StrEnum):
    """What goes with an ALLOW: a service record in the national platform, a notice, a payment."""

    NONE = "NONE"
    SIMPLE_RECORD = "SIMPLE_RECORD"
    NOTICE = "NOTICE"
    DUTY_RECORD = "DUTY_RECORD"


class Remedy(StrEnum):
    """What would turn a DENY into an ALLOW."""

    APPROVAL = "APPROVAL"
    OTHER_DISTRICT = "OTHER_DISTRICT"
    DUTY = "DUTY"
    REPORT = "REPORT"


@dataclass(frozen=True, kw_only=True, slots=True)
class UseDecision:
    """The answer with its reasons.

    `missing`: the fact for want of which nothing is known. `nrii_since`: since when the national
    platform has it, where that allows the use. `valid_until`: None where it does not
    run out before the facts do.
    """

    answer: CustomsAnswer
    rule: int = 0
    procedure: Procedure = Procedure.NONE
    remedy: Remedy | None = None
    missing: Missing | None = None
    notice_no: str | None = None
    reports: tuple[int, ...] = ()
    nrii_since: date | None = None
    valid_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class _Case:
    """All that a rule may look at."""

    facts: CustomsFacts
    use: UseRequest
    law: LawOnDay
    asked_at: datetime

    @property
    def first(self) -> date:
        """The day by which the use is judged."""
        return self.use.period.first

    @property
    def today(self) -> date:
        """The day on which it is asked, in Shanghai."""
        return self.asked_at.astimezone(SHANGHAI).date()


Rule = Callable[[_Case], UseDecision | None]


def may_serve(
    facts: CustomsFacts, use: UseRequest, law: LawOnDay, asked_at: datetime
) -> UseDecision:
    """Decide on a use. `law`: of the day on which it begins, at the owner's place."""
    case = _Case(facts, use, law, asked_at)
    rules = RULES_OF_CLINICAL_USE if use.clinical else RULES
    for number, rule in rules:
        try:
            decided = rule(case)
            if decided is not None:
                return _with_validity(replace(decided, rule=number), case)
        except LackingError as error:
            return UseDecision(answer=CustomsAnswer.UNKNOWN, rule=number, missing=error.missing)
    raise AssertionError("the last rule fits every case")


def is_supervised(facts: CustomsFacts, on: date, law: LawOnDay, asked_at: datetime) -> bool:
    """Whether customs law asks anything of an instrument on a day; LackingError: nobody knows."""
    nowhere = CustomsPlace("", "")
    use = UseRequest(
        user=facts.owner, purpose=ServicePurpose.OTHER, place=nowhere, period=Period(on, on)
    )
    case = _Case(facts, use, law, asked_at)
    return all(rule(case) is None for _, rule in RULES_OF_STATUS)


def max_age(law: LawOnDay) -> timedelta:
    """Return how old data may be that decides; LackingError where the law states no such age."""
    return timedelta(seconds=int(known(law.number("customs.max_age")) * SECONDS_OF_AN_HOUR))


def undecided_parameters(decided: UseDecision, law: LawOnDay) -> tuple[str, ...]:
    """Return the parameters that an answer may rest on and that the law leaves open."""
    return undecided_among((name for rule, name in _PARAMETERS if rule <= decided.rule), law)


def undecided_among(names: Iterable[str], law: LawOnDay) -> tuple[str, ...]:
    """Return those of some parameters that the law leaves open."""
    values = map(law.value, names)
    return tuple(
        each.name
        for each in values
        if isinstance(each, LawValue) and each.status is LawStatus.UNDECIDED
    )


def strictest(decisions: Iterable[UseDecision]) -> UseDecision:
    """Return the answer to a use of goods that were imported as several items.

    Each item is judged by itself. What one denies is denied, what one leaves open is open; of
    several ALLOW it is the one that came last in the order of rules, and holds until the first of
    them ends.
    """
    answers = sorted(decisions, key=lambda each: (_STRICTNESS.index(each.answer), -each.rule))
    ends = [each.valid_until for each in answers if each.valid_until is not None]
    return replace(answers[0], valid_until=min(ends, default=None))


def approved_by(approval: Approval) -> UseDecision:
    """Return the ALLOW that an approval gives, until it ends."""
    return UseDecision(
        answer=CustomsAnswer.ALLOW,
        procedure=Procedure.NOTICE,
        notice_no=approval.notice_no,
        valid_until=_end(approval.period.last),
    )


def _allow(procedure: Procedure = Procedure.NONE) -> UseDecision:
    return UseDecision(answer=CustomsAnswer.ALLOW, procedure=procedure)


def _deny(remedy: Remedy, reports: tuple[int, ...] = ()) -> UseDecision:
    return UseDecision(answer=CustomsAnswer.DENY, remedy=remedy, reports=reports)


def _is_free(status: CustomsStatus | Missing) -> bool:
    return status in (
        CustomsStatus.NOT_SUPERVISED,
        CustomsStatus.RELEASED,
        CustomsStatus.NOT_DUTY_FREE,
    )


def _states_nothing(facts: CustomsFacts) -> bool:
    return isinstance(facts.status, Missing) or facts.status is CustomsStatus.UNKNOWN


def _facts_are_good(case: _Case) -> UseDecision | None:
    """Ask rule 1: nothing that is needed is missing, too old or contradicted."""
    facts = case.facts
    if isinstance(facts.status, Missing) and facts.status.reason == "CONTRADICTED":
        raise LackingError(facts.status)
    if _states_nothing(facts):
        if facts.origin == MADE_HERE and not facts.has_record:
            return None
        raise LackingError(Missing("customsStatus"))
    if case.asked_at - known(facts.as_of) > max_age(case.law):
        raise LackingError(Missing("asOf", "STALE"))
    if _is_free(facts.status) and facts.has_record and not _has_ended(case):
        raise LackingError(Missing("customsStatus", "CONTRADICTED"))
    return None


def _has_ended(case: _Case) -> bool:
    """Whether supervision was settled or has run out when the use begins."""
    settled = known(case.facts.settled_on)
    if settled is not None and settled <= case.first:
        if settled > case.today:  # announced, and not done yet
            raise LackingError(Missing("settledOn", "AFTER_TODAY"))
        return True
    return is_over(case.facts, case.first, case.law)


def _not_supervised(case: _Case) -> UseDecision | None:
    return _allow() if _is_free(case.facts.status) or _states_nothing(case.facts) else None


def _supervision_over(case: _Case) -> UseDecision | None:
    released = case.facts.released_on
    for fact, day in (("releasedOn", released), ("arrivedOn", case.facts.arrived_on)):
        if not isinstance(day, Missing) and day > case.today:
            raise LackingError(Missing(fact, "AFTER_TODAY"))
    if _has_ended(case):
        return _allow()
    if not isinstance(released, Missing) and released > case.first:
        raise LackingError(Missing("releasedOn", "AFTER_THE_USE"))
    return None


def _another_place(case: _Case) -> UseDecision | None:
    """Ask rule 4, before the owner's own use too: article 16 binds the owner as well."""
    approved, use = known(case.facts.approved_place), case.use
    if use.place == approved:
        return None
    moves = (CustomsApprovalKind.MOVE, CustomsApprovalKind.OTHER_DISTRICT)
    if any(each.kind in moves and each.covers_place(use) for each in known(case.facts.approvals)):
        return None
    is_elsewhere = use.place.district != approved.district
    return _deny(Remedy.OTHER_DISTRICT if is_elsewhere else Remedy.APPROVAL)


def _other_purpose(case: _Case) -> UseDecision | None:
    if case.use.purpose is not ServicePurpose.OTHER:
        return None
    if covered_by_all(known(case.facts.duties), case.use.period):
        return _allow(Procedure.DUTY_RECORD)
    return _deny(Remedy.DUTY)


def _owner_itself(case: _Case) -> UseDecision | None:
    if known(case.use.user) != case.facts.owner:
        return None
    is_approved = case.use.purpose in known(case.facts.approved_uses)
    return _allow() if is_approved else _deny(Remedy.APPROVAL)


def _approved(case: _Case) -> UseDecision | None:
    covering = (each for each in known(case.facts.approvals) if each.covers(case.use))
    approval = next(covering, None)
    return None if approval is None else approved_by(approval)


def _simple_procedure(case: _Case) -> UseDecision | None:
    met = known(all_of((*_conditions(case), _reports_filed(case))))
    if not met:
        return None
    return replace(_allow(Procedure.SIMPLE_RECORD), nrii_since=known(case.facts.nrii_since))


def _conditions(case: _Case) -> tuple[Truth, ...]:
    """Return the conditions of the simple procedure, but for the reports."""
    since: Truth | date | None = case.facts.nrii_since
    in_platform = (
        since if isinstance(since, Missing) else isinstance(since, date) and since <= case.first
    )
    is_inside = case.use.place == case.facts.approved_place
    return in_platform, is_inside, case.facts.agreement_signed


def _reports_filed(case: _Case) -> Truth:
    try:
        return not overdue_reports(case.facts, case.first, case.law)
    except LackingError as error:
        return error.missing


def _nothing_allows(case: _Case) -> UseDecision:
    if all_of(_conditions(case)) is True:
        return _deny(Remedy.REPORT, overdue_reports(case.facts, case.first, case.law))
    return _deny(Remedy.APPROVAL)


def _clinical_approval(case: _Case) -> UseDecision | None:
    """Ask for an approval for the hospital, and that none of the kind was given it lately."""
    user, first = known(case.use.user), case.first
    granted = [
        each
        for each in known(case.facts.approvals)
        if each.kind is CustomsApprovalKind.CLINICAL
        and user in each.users
        and each.covers_place(case.use)
    ]
    if not granted:
        return None
    years = int(known(case.law.number("customs.clinical_years")))
    others = known(case.facts.clinical_others)
    if any(began <= first < years_after(began, years) for began in others):
        return None
    return approved_by(granted[0])


SECONDS_OF_AN_HOUR = 3600
_STRICTNESS = (CustomsAnswer.DENY, CustomsAnswer.UNKNOWN, CustomsAnswer.ALLOW)
Numbered = tuple[tuple[int, Rule], ...]
RULES_OF_STATUS: Numbered = ((1, _facts_are_good), (2, _not_supervised), (3, _supervision_over))
RULES: Numbered = (
    *RULES_OF_STATUS,
    (4, _another_place),
    (5, _other_purpose),
    (6, _owner_itself),
    (7, _approved),
    (8, _simple_procedure),
    (9, _nothing_allows),
)
RULES_OF_CLINICAL_USE: Numbered = (
    *RULES_OF_STATUS,
    (4, _another_place),
    (7, _clinical_approval),
    (9, lambda _: _deny(Remedy.APPROVAL)),
)
_PARAMETERS = ((1, "customs.max_age"), (3, "customs.last_day"), (4, "customs.report_first_year"))
"""Parameters whose status is told, each with the first rule whose answer may rest on it."""
_UNDER_SUPERVISION = 4
"""The first rule that is asked only while supervision runs."""


def _with_validity(decided: UseDecision, case: _Case) -> UseDecision:
    """Add until when it holds: last day, approval's end, next report, age of the data."""
    fresh = while_data_are_fresh(decided, case.facts, case.law)
    if decided.rule < _UNDER_SUPERVISION:
        return fresh
    ends = [] if fresh.valid_until is None else [fresh.valid_until]
    return replace(fresh, valid_until=min([*ends, *_ends_of_supervision(case)], default=None))


def while_data_are_fresh(decided: UseDecision, facts: CustomsFacts, law: LawOnDay) -> UseDecision:
    """Return an answer that holds no longer than what customs said may decide."""
    if isinstance(facts.as_of, Missing):
        return decided
    end = facts.as_of + max_age(law)
    return replace(decided, valid_until=min(end, decided.valid_until or end))


def _ends_of_supervision(case: _Case) -> list[datetime]:
    """Return when supervision ends and when the next report is due, as far as that is known."""
    try:
        last = end_of_term(case.facts, case.law)
        due = reports_due(known(case.facts.released_on), last, case.law)
    except LackingError:
        return []
    coming = [day for _, day in due if day >= case.today]
    return [_end(day) for day in (last, *coming[:1])]


def _end(day: date) -> datetime:
    """Return the instant at which a day of Shanghai is over."""
    return datetime.combine(day + timedelta(days=1), time(), SHANGHAI)
