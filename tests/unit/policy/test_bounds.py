"""Rules over facts with holes: what is said always leaves room for what is true."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.policy.bounds import Missing, all_of, any_of, at_both_ends
from hub.policy.customs.decision import CustomsAnswer, UseDecision, may_serve
from hub.policy.customs.disposal import DisposalKind, may_dispose
from hub.policy.customs.facts import (
    MADE_HERE,
    Approval,
    CustomsFacts,
    CustomsPlace,
    Period,
    UseRequest,
)
from hub.policy.vouchers.checks import CheckResult, Verified, verify
from hub.policy.vouchers.facts import ServiceTold
from schema.codes import CustomsApprovalKind, CustomsGoodsKind, CustomsStatus, ServicePurpose
from tests.holes import check_bounds, punched, some_holes
from tests.unit.policy.customs_case import ASKED_AT, HANGZHOU, current_law
from tests.unit.policy.test_vouchers import BAD
from tests.unit.policy.voucher_case import law, service, terms

EXAMPLES = int(os.environ.get("HUB_BOUNDS_EXAMPLES", "150"))
"""Of each rule; `tests.suites` runs more."""
OWNER, USER, OTHER = "uscc:12330000470003281P", "uscc:12100000470095016Q", "uscc:91330000000000000X"
CAMPUS, SUZHOU = CustomsPlace("2900", "campus"), CustomsPlace("2300", "Suzhou")
RELEASES = [date(2020, 2, 29), date(2023, 10, 31), date(2024, 6, 1), date(2026, 12, 1)]
USES = [date(2026, 11, 1), date(2027, 6, 1), date(2027, 6, 2), date(2029, 12, 2), date(2035, 1, 1)]
PERIODS = st.sampled_from(
    [
        Period(date(2026, 10, 1), date(2026, 12, 31)),
        Period(date(2026, 11, 1), date(2026, 11, 1)),
        Period(date(2020, 1, 1), date(2040, 1, 1)),
    ]
)
PLACES = st.sampled_from([CAMPUS, SUZHOU])
PURPOSES = st.frozensets(st.sampled_from(ServicePurpose))
APPROVALS = st.lists(
    st.builds(
        Approval,
        notice_no=st.sampled_from(["N-1", "N-2"]),
        kind=st.sampled_from(CustomsApprovalKind),
        period=PERIODS,
        purposes=PURPOSES,
        users=st.frozensets(st.sampled_from([USER, OTHER])),
        place=st.none() | PLACES,
    ),
    max_size=2,
).map(tuple)
FILED = st.sampled_from(
    [
        (),
        ((2025, datetime(2025, 5, 1, tzinfo=UTC)), (2026, datetime(2026, 6, 30, 16, tzinfo=UTC))),
        tuple((year, datetime(year, 5, 1, tzinfo=UTC)) for year in range(2021, 2031)),
    ]
)


@st.composite
def complete_facts(draw: st.DrawFn) -> CustomsFacts:
    """Draw facts without a hole, as records may state them.

    Goods are released before they arrive and before supervision of them ends. What was made here
    and has no record is not supervised: of such goods the law takes silence for a word.
    """
    released = draw(st.sampled_from(RELEASES))
    origin = draw(st.sampled_from(["DEU", MADE_HERE]))
    has_record = draw(st.booleans())
    settled = [day for day in (date(2026, 10, 31), date(2027, 6, 2)) if day >= released]
    free = [each for each in CustomsStatus if each is not CustomsStatus.SUPERVISED]
    is_native = origin == MADE_HERE and not has_record
    return CustomsFacts(
        owner=OWNER,
        status=draw(st.sampled_from(free if is_native else list(CustomsStatus))),
        origin=origin,
        has_record=has_record,
        as_of=ASKED_AT - timedelta(hours=draw(st.sampled_from([0, 1, 24]))),
        kind=draw(st.sampled_from(CustomsGoodsKind)),
        released_on=released,
        arrived_on=released + timedelta(days=draw(st.sampled_from([0, 9]))),
        settled_on=draw(st.sampled_from([None, *settled])),
        approved_place=draw(PLACES),
        approved_uses=draw(PURPOSES),
        nrii_since=draw(st.none() | st.sampled_from([date(2024, 9, 1), date(2026, 12, 1)])),
        agreement_signed=draw(st.booleans()),
        approvals=draw(APPROVALS),
        reports=draw(FILED),
        duties=draw(st.lists(PERIODS, max_size=2).map(tuple)),
        clinical_others=draw(
            st.sampled_from([(), (date(2023, 11, 1),), (date(2023, 11, 2),), (date(2026, 1, 1),)])
        ),
    )


HOLES = (
    *("status", "origin", "as_of", "kind", "released_on", "arrived_on", "settled_on"),
    *("approved_place", "approved_uses", "nrii_since", "agreement_signed", "approvals", "reports"),
    *("duties", "clinical_others"),
)
REQUESTS = st.builds(
    UseRequest,
    user=st.sampled_from([OWNER, USER]),
    purpose=st.sampled_from(ServicePurpose),
    place=PLACES,
    period=st.sampled_from(USES).map(lambda day: Period(day, day)),
    clinical=st.booleans(),
)


def leaves_room(said: UseDecision, true: UseDecision) -> bool:
    """Whether UNKNOWN was said, or the very same."""
    told = [(each.answer, each.procedure, each.remedy, each.notice_no) for each in (said, true)]
    return said.answer is CustomsAnswer.UNKNOWN or told[0] == told[1]


@settings(max_examples=EXAMPLES, deadline=None)
@given(facts=complete_facts(), holes=some_holes(HOLES), use=REQUESTS)
def test_a_use_is_never_allowed_or_denied_against_the_truth(
    facts: CustomsFacts, holes: list[str], use: UseRequest
) -> None:
    in_force = current_law().on(use.period.first, HANGZHOU)
    check_bounds(facts, holes, lambda known: may_serve(known, use, in_force, ASKED_AT), leaves_room)
    hidden = replace(use, user=Missing("user"))
    said = may_serve(facts, hidden, in_force, ASKED_AT)
    assert leaves_room(said, may_serve(facts, use, in_force, ASKED_AT))


@settings(max_examples=EXAMPLES, deadline=None)
@given(
    facts=complete_facts(),
    holes=some_holes(HOLES),
    kind=st.sampled_from(DisposalKind),
    on=st.sampled_from(USES),
)
def test_a_disposal_is_never_allowed_or_denied_against_the_truth(
    facts: CustomsFacts, holes: list[str], kind: DisposalKind, on: date
) -> None:
    in_force = current_law().on(on, HANGZHOU)
    check_bounds(
        facts, holes, lambda known: may_dispose(known, kind, on, in_force, ASKED_AT), leaves_room
    )


SERVICE_HOLES = tuple(name for name in ServiceTold.__dataclass_fields__ if name != "provider")


def leaves_room_in_each_check(said: Verified, true: Verified) -> bool:
    """Whether each check, and so the whole, says UNKNOWN or the very same."""
    pairs = [
        (told.result, real.result) for told, real in zip(said.checks, true.checks, strict=True)
    ]
    whole = said.verdict.value in ("UNKNOWN", true.verdict.value)
    return whole and all(told in (CheckResult.UNKNOWN, real) for told, real in pairs)


@settings(max_examples=EXAMPLES, deadline=None)
@given(faults=st.sets(st.sampled_from(list(BAD))), holes=some_holes(SERVICE_HOLES))
def test_a_service_never_counts_or_fails_against_the_truth(
    faults: set[Any], holes: list[str]
) -> None:
    changed: dict[str, Any] = {}
    for fault in faults:
        changed |= BAD[fault]
    in_force = law()
    check_bounds(
        service(**changed),
        holes,
        lambda known: verify(known, terms(), in_force),
        leaves_room_in_each_check,
    )


def test_a_rule_that_takes_silence_for_a_word_is_found_out() -> None:
    base = CustomsFacts(owner=OWNER, status=CustomsStatus.SUPERVISED, agreement_signed=False)

    def careless(known: CustomsFacts) -> UseDecision:
        told = known.agreement_signed is not False
        return UseDecision(answer=CustomsAnswer.ALLOW if told else CustomsAnswer.DENY)

    assert careless(punched(base, ["agreement_signed"])).answer is CustomsAnswer.ALLOW
    with pytest.raises(AssertionError, match="agreement_signed"):
        check_bounds(base, ["agreement_signed"], careless, leaves_room)


TRUTHS = st.lists(st.booleans(), max_size=5)


@given(truths=TRUTHS, hidden=st.sets(st.integers(0, 4)))
def test_the_connectives_leave_room_for_the_truth(truths: list[bool], hidden: set[int]) -> None:
    seen = [Missing(str(n)) if n in hidden else each for n, each in enumerate(truths)]
    for connective, plain in ((all_of, all), (any_of, any)):
        said = connective(seen)
        assert isinstance(said, Missing) or said is plain(truths)


@given(ends=st.tuples(st.integers(), st.integers()), true=st.integers(), limit=st.integers())
def test_a_verdict_at_both_ends_holds_in_between(
    ends: tuple[int, int], true: int, limit: int
) -> None:
    low, high = sorted(ends)
    said = at_both_ends(low, high, lambda amount: amount >= limit)
    if low <= true <= high and said.verdict is not None:
        assert said.verdict is (true >= limit)
