"""What follows for a claim from a corrected service, and what a fast track or a mirror lacks."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.policy.bounds import Missing
from hub.policy.vouchers.checks import (
    CheckCode,
    CheckResult,
    CheckTold,
    Verified,
    VoucherVerdict,
)
from hub.policy.vouchers.claim import FREED, S, VoucherClaimStanding
from hub.policy.vouchers.corrections import (
    IN_REVIEW,
    LIVE,
    TOLD,
    Correction,
    ServiceNow,
    VoucherFound,
    correction,
)
from hub.policy.vouchers.fast_track import FastTrackNeed, WholeService, fast_track
from hub.policy.vouchers.mirroring import StatedClaim, StatedDays, of_claim, of_voucher
from schema.codes import VoucherFindingKind as Kind
from schema.records.order_path import FIVE_STEPS
from tests.unit.policy.voucher_case import CASH_UNTIL, USE_UNTIL, law_with, vectors

VALID = Verified(VoucherVerdict.VALID, ())
UNKNOWN_CHARGE = Missing("charge")


def failing(*codes: CheckCode) -> Verified:
    told = tuple(CheckTold(each, CheckResult.FAIL) for each in codes)
    return Verified(VoucherVerdict.INVALID, told)


def now(
    charge: int | Missing = 800_000, gives: int | Missing = 400_000, verified: Verified = VALID
) -> ServiceNow:
    return ServiceNow(charge_fen=charge, gives_fen=gives, verified=verified)


def claim(state: S, fen: int = 400_000, holds: tuple[str, ...] = ()) -> VoucherClaimStanding:
    return VoucherClaimStanding(state=state, fen=fen, holds=holds)


@pytest.mark.parametrize("case", vectors("corrections")["case"], ids=lambda case: case["name"])
def test_what_follows_from_a_correction(case: dict[str, Any]) -> None:
    service = None
    if not case.get("withdrawn"):
        lacking = Missing("voucher.rate", "NO_VALUE_IN_FORCE")
        checks = [CheckCode[each] for each in case.get("failing", ())]
        service = now(
            case["charge"], case.get("gives", lacking), failing(*checks) if checks else VALID
        )
    follows = correction(claim(S[case["state"]]), 800_000, service)
    assert follows.cap_fen == case.get("cap")
    assert list(follows.holds) == case.get("holds", [])
    told = {each.kind.value: "" if each.fen is None else each.fen for each in follows.found}
    assert told == case.get("found", {})


@given(
    st.sampled_from(S),
    st.integers(1, 10**9),
    st.none() | st.integers(0, 10**9),
    st.none()
    | st.builds(
        now,
        st.just(UNKNOWN_CHARGE) | st.integers(0, 10**9),
        st.just(Missing("rate")) | st.integers(0, 10**9),
        st.sampled_from([VALID, failing(CheckCode.POWER), failing(CheckCode.AMOUNT)]),
    ),
)
def test_a_correction_never_gives_more_and_settles_to_rest(
    state: S, fen: int, claimed: int | None, service: ServiceNow | None
) -> None:
    """What was done is not done again, money never grows, and only live claims are touched."""
    standing = claim(state, fen)
    follows = correction(standing, claimed, service)
    assert {each.kind for each in follows.found} <= TOLD
    if state not in LIVE:
        assert (follows.cap_fen, follows.holds) == (None, ())
    if state in FREED | {S.RESERVED, S.CLAWED_BACK}:
        assert follows == Correction()
    if follows.cap_fen is not None:
        assert 0 < follows.cap_fen < fen
        assert follows.holds or state not in IN_REVIEW
        lowered = replace(standing, fen=follows.cap_fen)
        charge = None if service is None else service.charge_fen
        again = correction(lowered, charge if isinstance(charge, int) else claimed, service)
        assert again.cap_fen is None


@pytest.mark.parametrize("charge", [UNKNOWN_CHARGE, 800_000])
def test_what_nobody_ever_judged_is_no_correction(charge: int | Missing) -> None:
    """Of another system's claim without its charge nothing tells that the charge changed."""
    assert correction(claim(S.SETTLED), None, now(charge, Missing("voucher.rate"))) == Correction()


READY = WholeService(
    steps=[{"state": each} for each in ("CONFIRMED", "DONE", "DELIVERED", "PAID", "REVIEWED")],
    is_in_log=True,
    verdict=VoucherVerdict.VALID,
    holds=(),
)
ALLOWED = {"voucher.fast_track": "ALLOWED", "voucher.fast_track_days": "5"}
LACKING = {
    "BOOKED": replace(READY, steps=READY.steps[1:]),
    "USED": replace(READY, steps=[READY.steps[0], *READY.steps[2:]]),
    "RESULT": replace(READY, steps=[*READY.steps[:2], *READY.steps[3:]]),
    "PAID": replace(READY, steps=[*READY.steps[:3], READY.steps[4]]),
    "REVIEWED": replace(READY, steps=READY.steps[:4]),
    "IN_LOG": replace(READY, is_in_log=False),
    "CHECKS": replace(READY, verdict=VoucherVerdict.UNKNOWN),
    "NO_HOLD": replace(READY, holds=("SAME_TIME",)),
    "HOME": replace(READY, is_here=False),
}


def test_a_whole_service_goes_the_fast_way() -> None:
    track = fast_track(READY, law_with(ALLOWED), date(2026, 5, 6))
    assert (track.is_ready, track.due_on) == (True, date(2026, 5, 11))


@pytest.mark.parametrize("need", LACKING)
def test_what_the_fast_way_lacks_is_named(need: str) -> None:
    assert fast_track(LACKING[need], law_with(ALLOWED), None).wanting == (FastTrackNeed[need],)


def test_no_region_has_a_fast_way_unless_it_says_so() -> None:
    for rates in ({}, {"voucher.fast_track": "NOT_ALLOWED"}):
        track = fast_track(READY, law_with(rates), date(2026, 5, 6))
        assert track.wanting == (FastTrackNeed.REGION,)
        assert isinstance(track.due_on, Missing)


def test_without_an_order_all_five_steps_are_wanting() -> None:
    wanting = fast_track(replace(READY, steps=None), law_with(ALLOWED), None).wanting
    assert wanting == (FastTrackNeed.ORDER, *map(FastTrackNeed, FIVE_STEPS))


DAYS = StatedDays(use_until=USE_UNTIL, cash_until=CASH_UNTIL)
STATED = StatedClaim(
    claim_no="A", state=S.SETTLED, fen=400_000, settled_fen=400_000, changed_on=None
)
MIRRORED: dict[str, tuple[StatedClaim, list[VoucherFound]]] = {
    "as it should be": (
        replace(STATED, states=(S.RESERVED, S.CONSUMED, S.SUBMITTED, S.CITY_OK, S.SETTLED)),
        [],
    ),
    "steps that were never told": (replace(STATED, states=(S.RESERVED, S.SETTLED)), []),
    "out of a final state": (
        replace(STATED, states=(S.RELEASED, S.SETTLED)),
        [VoucherFound(kind=Kind.STATE_NOT_FOLLOWING, detail="RELEASED SETTLED")],
    ),
    "back from settlement": (
        replace(STATED, state=S.CONSUMED, settled_fen=None, states=(S.SETTLED, S.CONSUMED)),
        [VoucherFound(kind=Kind.STATE_NOT_FOLLOWING, detail="SETTLED CONSUMED")],
    ),
    "paid out more than it was for": (
        replace(STATED, settled_fen=400_001),
        [VoucherFound(kind=Kind.PAID_TOO_MUCH, fen=1)],
    ),
    "no amount": (
        replace(STATED, fen=None, settled_fen=None),
        [VoucherFound(kind=Kind.AMOUNT_NOT_STATED)],
    ),
    "reserved on the last day": (replace(STATED, state=S.RESERVED, changed_on=USE_UNTIL), []),
    "submitted after the last day": (
        replace(STATED, state=S.SUBMITTED, settled_fen=None, changed_on=date(2026, 10, 1)),
        [VoucherFound(kind=Kind.TOO_LATE, fen=400_000, detail="SUBMITTED")],
    ),
}


@pytest.mark.parametrize("case", MIRRORED)
def test_what_another_system_says_of_a_claim(case: str) -> None:
    stated, expected = MIRRORED[case]
    assert of_claim(stated, DAYS) == expected


def test_claims_of_another_system_hold_no_more_than_was_granted() -> None:
    claims = [STATED, replace(STATED, claim_no="B"), replace(STATED, state=S.REJECTED)]
    assert of_voucher(800_000, claims) == []
    assert of_voucher(799_999, claims) == [VoucherFound(kind=Kind.OVERSPENT, fen=1)]
    assert of_voucher(Missing("granted"), claims) == []
