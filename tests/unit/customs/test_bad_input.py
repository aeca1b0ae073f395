"""Facts that sources send late, twice, in part or against each other: never an ALLOW."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from hub.customs.disposal import estimate_of, original_value_fen
from hub.customs.words import reasons_of
from hub.errors import RefusedError
from hub.policy.customs.decision import CustomsAnswer, Procedure, Remedy, UseDecision
from hub.policy.law import current_law
from schema.codes import CustomsDistrict, ServicePurpose
from tests.unit.customs.stored_case import (
    APPROVAL,
    CLAIM,
    INSTRUMENT,
    NOW,
    OWNER,
    RECORD,
    STORED,
    TEM,
    USE,
    USER,
    decide,
    report,
)

ALLOW, DENY, UNKNOWN = CustomsAnswer.ALLOW, CustomsAnswer.DENY, CustomsAnswer.UNKNOWN
SUZHOU = {"district": CustomsDistrict.NANJING, "place": "苏州校区"}


def test_the_base_case_is_allowed_by_the_simple_procedure() -> None:
    decided = decide()
    assert (decided.answer, decided.rule, decided.procedure) == (ALLOW, 8, Procedure.SIMPLE_RECORD)
    way = ["RULE_8", "NRII_SINCE", "SIMPLE_RECORD"]
    assert [each.code for each in reasons_of(decided, is_told_all=True)] == way
    told = reasons_of(decided, is_told_all=False)
    assert [each.code for each in told] == ["RULE_8", "SIMPLE_RECORD"], "the day is not for others"


def unknown_for(stored: dict[str, Any], use: dict[str, Any] | None = None) -> str:
    """Return for want of what nothing is known; it is told in words too."""
    decided = decide(stored, use)
    assert decided.answer is UNKNOWN
    assert decided.missing is not None
    told = reasons_of(decided, is_told_all=False)[-1]
    assert told.zh != told.code != told.en
    return f"{decided.missing.fact}:{decided.missing.reason}"


def test_sources_that_contradict_each_other_on_the_status_decide_nothing() -> None:
    free = {**CLAIM, "source": "jiangsu", "customs_status": "NOT_SUPERVISED"}
    assert unknown_for({"claims": (CLAIM, free)}) == "customsStatus:CONTRADICTED"
    assert unknown_for({"claims": (free,)}) == "customsStatus:CONTRADICTED"
    made_here = {"key": "x", "owner": OWNER, "origin_country": "CHN", "classes": []}
    nothing = {"claims": (CLAIM, free), "supervisions": (), "instrument": made_here}
    assert unknown_for(nothing) == "customsStatus:CONTRADICTED"


@pytest.mark.parametrize(
    ("column", "other", "fact"),
    [
        ("released_on", date(2020, 6, 1), "releasedOn"),
        ("approved_place", "另一校区", "approvedPlace"),
        ("settled_on", date(2026, 1, 1), "settledOn"),
        ("nrii_since", date(2024, 10, 1), "nriiSince"),
        ("goods_kind", "MOTOR_VEHICLE", "goodsKind"),
    ],
)
def test_two_statements_of_one_declaration_that_differ_decide_nothing(
    column: str, other: Any, fact: str
) -> None:
    second = {**RECORD, "source": "zju", column: other}
    assert unknown_for({"supervisions": (RECORD, second)}) == f"{fact}:CONTRADICTED"


def test_a_release_after_today_is_no_release() -> None:
    record = {**RECORD, "released_on": date(2026, 11, 2)}
    use = {"first": date(2026, 12, 1), "last": date(2026, 12, 1)}
    assert unknown_for({"supervisions": (record,)}, use) == "releasedOn:AFTER_TODAY"


def test_an_arrival_or_an_end_of_supervision_after_today_frees_nothing() -> None:
    arrived = {**RECORD, "released_on": None, "arrived_on": date(2026, 11, 2)}
    use = {"first": date(2036, 1, 1), "last": date(2036, 1, 1)}
    assert unknown_for({"supervisions": (arrived,)}, use) == "arrivedOn:AFTER_TODAY"
    settled = {**RECORD, "settled_on": date(2026, 11, 2)}
    use = {"first": date(2026, 11, 2), "last": date(2026, 11, 2)}
    assert unknown_for({"supervisions": (settled,)}, use) == "settledOn:AFTER_TODAY"
    assert decide({"supervisions": (settled,)}).rule == 8, "until then it is supervised"


def test_an_approval_for_a_user_without_uscc_covers_nobody() -> None:
    approval = {**APPROVAL, "users": ["moe:10246"]}
    no_agreement = {"agreement_signed": False}
    assert decide({"approvals": (APPROVAL,)}, no_agreement).rule == 7
    decided = decide({"approvals": (approval,)}, no_agreement)
    assert (decided.answer, decided.remedy) == (DENY, Remedy.APPROVAL)
    assert unknown_for({"approvals": (approval,)}, {"user": "moe:10246"}) == "user:NO_USCC"


def test_who_uses_is_not_known_where_the_owner_has_no_uscc() -> None:
    persons = {"legal_persons": {USER: USER}}
    assert unknown_for(persons) == "user:OWNER_WITHOUT_USCC"
    assert decide(persons, {"user": OWNER}).rule == 6


def test_a_period_over_the_last_day_is_judged_by_its_first_day() -> None:
    reports = {"reports": (report(2025), report(2026))}
    over = decide(reports, {"first": date(2027, 5, 31), "last": date(2027, 6, 5)})
    assert (over.answer, over.rule) == (ALLOW, 8)
    after = decide(reports, {"first": date(2027, 6, 2), "last": date(2027, 6, 5)})
    assert (after.answer, after.rule) == (ALLOW, 3)
    refused = decide({"reports": ()}, {"first": date(2027, 6, 1), "last": date(2027, 6, 5)})
    assert (refused.answer, refused.remedy) == (DENY, Remedy.REPORT)


@pytest.mark.parametrize(
    ("filed_at", "answer"),
    [
        (datetime(2026, 6, 30, 15, 59, 59, tzinfo=UTC), ALLOW),
        (datetime(2026, 6, 30, 16, 0, 0, tzinfo=UTC), ALLOW),  # late, and done on 1 July
        (datetime(2026, 7, 1, 16, 0, 0, tzinfo=UTC), DENY),
    ],
)
def test_midnight_of_30_june_is_that_of_shanghai(filed_at: datetime, answer: CustomsAnswer) -> None:
    reports = (report(2025), report(2026, filed_at=filed_at))
    day = {"first": date(2026, 7, 1), "last": date(2026, 7, 1)}
    assert decide({"reports": reports}, day).answer is answer


def test_data_older_than_customs_max_age_decide_nothing() -> None:
    assert decide({"heard": {"customs": NOW - timedelta(hours=24)}}).answer is ALLOW
    old = {"customs": NOW - timedelta(hours=24, seconds=1)}
    assert unknown_for({"heard": old}) == "asOf:STALE"
    assert unknown_for({"heard": {**old, "other": NOW}}) == "asOf:STALE", "the oldest counts"


def test_while_the_connector_is_down_nothing_is_allowed() -> None:
    assert unknown_for({"heard": {}}) == "asOf:NO_SOURCE"
    assert unknown_for({"heard": {"customs": None}}) == "asOf:NEVER_HEARD"
    assert unknown_for({"is_whole": False}) == "records:TOO_MANY"


def test_an_agreement_that_nobody_states_is_not_known() -> None:
    assert unknown_for({}, {"agreement_signed": None}) == "agreementSigned:NOT_STATED_BY_OWNER"


@pytest.mark.parametrize(
    ("stored", "told"),
    [
        ({"approvals": ({**APPROVAL, "valid_until": None},)}, "approvals:PERIOD_NOT_STATED"),
        ({"approvals": ({**APPROVAL, "kind": "MOVE"},)}, "approvals:PLACE_NOT_STATED"),
        ({"approvals": ({**APPROVAL, "district": "NANJING"},)}, "approvals:PLACE_NOT_STATED"),
        (
            {"approvals": (APPROVAL, {**APPROVAL, "source": "zju", "users": []})},
            "approvals:CONTRADICTED",
        ),
        ({"reports": (report(2025), report(2026, filed_at=None))}, "reports:TIME_NOT_STATED"),
        ({"supervisions": ({**RECORD, "district": None},)}, "approvedPlace:NOT_STATED"),
        ({"supervisions": ()}, "releasedOn:NOT_STATED"),
    ],
)
def test_what_is_stated_in_part_helps_nobody(stored: dict[str, Any], told: str) -> None:
    assert unknown_for(stored) == told


def test_duty_without_its_days_is_not_paid() -> None:
    duty = {"key": "d", "valid_from": date(2026, 11, 1), "valid_until": None}
    use = {"purpose": ServicePurpose.OTHER}
    assert unknown_for({"duties": (duty,)}, use) == "duties:PERIOD_NOT_STATED"
    paid = {**duty, "valid_until": date(2026, 11, 30)}
    assert decide({"duties": (paid,)}, use).procedure is Procedure.DUTY_RECORD


def test_a_notice_that_two_sources_state_alike_is_one() -> None:
    twice = (APPROVAL, {**APPROVAL, "source": "zju"})
    decided = decide({"approvals": twice, "reports": ()})
    assert (decided.answer, decided.notice_no) == (ALLOW, "N-1")


def test_another_writing_of_a_place_is_the_same_place_and_another_place_is_not() -> None:
    same = {"district": CustomsDistrict.HANGZHOU, "place": " 紫金港校区 "}
    assert decide({}, same).rule == 8
    decided = decide({}, SUZHOU)
    assert (decided.answer, decided.remedy) == (DENY, Remedy.OTHER_DISTRICT)
    moved = {
        **APPROVAL,
        "kind": "OTHER_DISTRICT",
        "district": "NANJING",
        "allowed_place": "苏州校区",
    }
    assert decide({"approvals": (moved,)}, SUZHOU).procedure is Procedure.NOTICE


def test_of_two_declarations_the_one_in_term_decides() -> None:
    ended = {**RECORD, "key": "old/01", "declaration_no": "old", "released_on": date(2020, 1, 1)}
    assert decide({"supervisions": (ended, RECORD)}).rule == 8
    accessory = {**RECORD, "key": "new/02", "item_no": "02"}
    decided = decide({"supervisions": (RECORD, accessory)})
    assert (decided.answer, decided.remedy) == (DENY, Remedy.REPORT), "the accessory has no report"


@pytest.mark.parametrize(
    "wrong",
    [
        {"last": date(2026, 10, 31)},
        {"last": date(2027, 11, 2)},
        {"district": CustomsDistrict.HANGZHOU},
        {"place": "紫金港校区"},
        {"district": CustomsDistrict.HANGZHOU, "place": " "},
        {"user": ""},
        {"instrument": "x" * 501},
    ],
)
def test_a_question_that_means_nothing_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(RefusedError) as caught:
        replace(USE, **wrong).check()
    assert caught.value.hint_zh


CLINICAL = {"clinical": True, "purpose": ServicePurpose.OTHER}
NOTICE = {**APPROVAL, "kind": "CLINICAL"}
OF_ANOTHER = {"instrument_key": f"{OWNER}/TEM-2", "valid_from": date(2026, 1, 1), "classes": [TEM]}


def test_of_a_kind_are_instruments_that_share_a_class() -> None:
    def clinical(*others: dict[str, Any]) -> UseDecision:
        return decide({"approvals": (NOTICE,), "clinical": others}, CLINICAL)

    assert clinical().notice_no == "N-1"
    assert clinical(OF_ANOTHER).answer is DENY
    own = {**OF_ANOTHER, "instrument_key": INSTRUMENT}
    assert clinical(own).answer is ALLOW, "this one is not in its own way"
    other_kind = {**OF_ANOTHER, "classes": [{**TEM, "code": "020101"}]}
    assert clinical(other_kind).answer is ALLOW
    for changed, told in (
        ({"classes": None}, "clinicalOthers:CLASS_NOT_STATED"),
        ({"valid_from": None}, "clinicalOthers:PERIOD_NOT_STATED"),
    ):
        stored = {"approvals": (NOTICE,), "clinical": ({**OF_ANOTHER, **changed},)}
        assert unknown_for(stored, CLINICAL) == told


def test_an_estimate_is_made_of_one_item_with_a_known_value_only() -> None:
    day = date(2026, 11, 1)
    law = current_law().on(day, STORED.region)

    def estimate(value: int | None, **changed: Any) -> Any:
        return estimate_of(replace(STORED, **changed), value, day, law, NOW)

    made = estimate(360_000_000)
    assert (made.base_fen, made.released_on) == (70_000_000, date(2024, 6, 1)), "29 of 36 months"
    assert estimate(None).code == "value:NOT_STATED"
    accessory = {**RECORD, "key": "new/02", "item_no": "02"}
    assert estimate(1, supervisions=(RECORD, accessory)).code == "value:SEVERAL_ITEMS"
    ended = {**RECORD, "key": "old/01", "declaration_no": "old", "released_on": date(2020, 1, 1)}
    assert estimate(36, supervisions=(RECORD, ended)).base_fen == 7, "of the one in term"
    assert estimate(36, supervisions=(ended,)) is None
    unknown = {**RECORD, "released_on": None}
    assert estimate(36, supervisions=(unknown,)).code == "releasedOn:NOT_STATED"


@pytest.mark.parametrize(
    ("amount", "currency", "fen"),
    [
        ("3600000.00", "CNY", 360_000_000),
        ("3600000.00", "USD", None),
        ("0.001", "CNY", None),
        ("0", "CNY", None),
        (None, None, None),
    ],
)
def test_an_original_value_counts_in_whole_fen_of_yuan(
    amount: str | None, currency: str | None, fen: int | None
) -> None:
    value = None if amount is None else Decimal(amount)
    instrument = {"original_value_amount": value, "original_value_currency": currency}
    assert original_value_fen(instrument) == fen
