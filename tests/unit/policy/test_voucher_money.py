"""The money of a voucher: its oracles, and what holds whatever messages come."""

from __future__ import annotations

from dataclasses import astuple
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.policy.bounds import Missing
from hub.policy.vouchers.buckets import Bucket, Buckets, Move
from hub.policy.vouchers.claim import FINAL, S, VoucherClaimStanding, VoucherStanding
from hub.policy.vouchers.messages import (
    Event,
    VoucherMessage,
    VoucherMoved,
    VoucherRefusal,
    VoucherRefused,
    VoucherWaits,
    answer,
)
from schema.codes import VoucherState
from tests.unit.policy.voucher_case import (
    CASH_UNTIL,
    SPRING,
    USE_UNTIL,
    after,
    message,
    vectors,
    voucher,
)

MONEY = vectors("money")


def test_money_goes_as_the_specification_says() -> None:
    standing = voucher(MONEY["granted"])
    for step in MONEY["step"]:
        told = answer(
            standing,
            message(
                step["event"],
                step.get("on", SPRING),
                claim_no=step["claim"],
                fen=step.get("fen", 0),
            ),
        )
        if "refused" in step:
            assert told == VoucherRefused(VoucherRefusal[step["refused"]])
        else:
            assert isinstance(told, VoucherMoved), (step, told)
            standing = told.voucher
        assert list(astuple(standing.buckets)) == step["expect"], step


def test_a_claim_that_expired_frees_nothing_and_is_told() -> None:
    reserved = after(
        voucher(),
        message(Event.RESERVE, claim_no="late", fen=300_000),
        message(Event.RESERVE, claim_no="in time", fen=200_000),
    )
    over = message(Event.USE_OVER, date(2026, 7, 1), not_in_time=frozenset({"late"}))
    assert answer(reserved, message(Event.USE_OVER, USE_UNTIL)) == VoucherRefused(
        VoucherRefusal.NOT_OVER
    )
    ended = after(reserved, over)
    assert ended.buckets == Buckets(0, reserved=200_000, expired=1_800_000)
    assert (ended.state, ended.claims["late"].state) == (VoucherState.EXPIRED_USE, S.RELEASED)
    assert after(ended, over) == ended, "the same message again changes nothing"
    done = after(ended, message(Event.CONSUME, date(2026, 7, 2), claim_no="in time", fen=150_000))
    assert done.buckets == Buckets(0, consumed=150_000, expired=1_850_000)


@pytest.mark.parametrize(
    ("counts", "left"), [(S.SUBMITTED, {"consumed": 200_000}), (S.SETTLED, {})]
)
def test_after_the_last_day_of_settlement_only_what_counts_is_left(
    counts: S, left: dict[str, int]
) -> None:
    made = after(
        voucher(),
        message(Event.RESERVE, claim_no="a", fen=200_000),
        message(Event.CONSUME, claim_no="a", fen=200_000),
        message(Event.SUBMIT, claim_no="a"),
        message(Event.RESERVE, claim_no="b", fen=100_000),
        message(Event.CONSUME, claim_no="b", fen=100_000),
    )
    day = date(2026, 10, 1)
    ended = after(made, message(Event.CASH_OVER, day, cash_counts=counts))
    assert ended.buckets == Buckets(0, expired=2_000_000 - sum(left.values()), **left)
    undecided = message(Event.CASH_OVER, day, cash_counts=Missing("voucher.cash_counts"))
    assert answer(made, undecided) == VoucherWaits(Missing("voucher.cash_counts"))


RESERVED = {"A": VoucherClaimStanding(state=S.RESERVED, fen=500_000)}
HELD = {"A": VoucherClaimStanding(state=S.CONSUMED, fen=500_000, holds=("SAME_SERVICE",))}
CITY_OK = {"A": VoucherClaimStanding(state=S.CITY_OK, fen=500_000)}
HELD_IN_REVIEW = {"A": VoucherClaimStanding(state=S.CITY_OK, fen=500_000, holds=("X",))}
R = VoucherRefusal


@pytest.mark.parametrize(
    ("claims", "asked", "told"),
    [
        ({}, {"event": "RESERVE", "fen": 0}, R.AMOUNT_INVALID),
        ({}, {"event": "RESERVE", "fen": -1}, R.AMOUNT_INVALID),
        ({}, {"event": "RESERVE", "fen": 1, "planned": (SPRING, date(2026, 7, 1))}, R.USE_EXPIRED),
        ({}, {"event": "RESERVE", "fen": 1, "on": date(2026, 7, 1)}, R.USE_EXPIRED),
        ({}, {"event": "RELEASE"}, R.CLAIM_UNKNOWN),
        (RESERVED, {"event": "RESERVE", "fen": 1}, R.CLAIM_EXISTS),
        (RESERVED, {"event": "CONSUME", "fen": 500_001}, R.AMOUNT_INVALID),
        (RESERVED, {"event": "CONSUME", "fen": 1, "checks": False}, R.CHECKS_INVALID),
        (RESERVED, {"event": "CONSUME", "fen": 1, "in_log": False}, R.NOT_IN_LOG),
        (RESERVED, {"event": "SUBMIT"}, R.STATE_NOT_FITTING),
        (HELD, {"event": "SUBMIT"}, R.HELD),
        (HELD, {"event": "REJECT", "reason": " "}, R.REASON_MISSING),
        (HELD_IN_REVIEW, {"event": "SETTLE", "fen": 1}, R.HELD),
        (CITY_OK, {"event": "HOLD"}, R.REASON_MISSING),
        (CITY_OK, {"event": "CLEAR"}, R.NOT_HELD),
        (RESERVED, {"event": "HOLD", "holds": ("X",)}, R.STATE_NOT_FITTING),
        (CITY_OK, {"event": "SETTLE", "fen": 1, "is_decided": False}, R.NOT_DECIDED),
        (CITY_OK, {"event": "SETTLE", "fen": 1, "checks": False}, R.CHECKS_INVALID),
    ],
)
def test_what_may_not_be_is_refused_with_its_code(
    claims: dict[str, VoucherClaimStanding], asked: dict[str, Any], told: VoucherRefusal
) -> None:
    standing = voucher(claims=claims)
    assert answer(standing, message(claim_no="A", **asked)) == VoucherRefused(told)


@pytest.mark.parametrize(
    ("claims", "asked", "fact"),
    [
        ({}, {"event": "RESERVE", "fen": 1, "planned": Missing("planned")}, "planned"),
        (RESERVED, {"event": "CONSUME", "fen": 1, "checks": Missing("power")}, "power"),
        (CITY_OK, {"event": "SETTLE", "fen": 1, "checks": Missing("peer")}, "peer"),
    ],
)
def test_unknown_is_no_state(
    claims: dict[str, VoucherClaimStanding], asked: dict[str, Any], fact: str
) -> None:
    told = answer(voucher(claims=claims), message(claim_no="A", **asked))
    assert told == VoucherWaits(Missing(fact))


def test_a_voucher_without_dates_is_not_spent() -> None:
    undated = voucher(use_until=Missing("useUntil"))
    told = answer(undated, message(Event.RESERVE, claim_no="A", fen=1))
    assert told == VoucherWaits(Missing("useUntil"))


def test_a_correction_downwards_gives_back() -> None:
    consumed = after(
        voucher(),
        message(Event.RESERVE, claim_no="A", fen=400_000),
        message(Event.CONSUME, claim_no="A", fen=400_000),
        message(Event.CAP, claim_no="A", fen=300_000),
    )
    assert consumed.buckets == Buckets(1_700_000, consumed=300_000)


def test_no_bucket_is_ever_below_nothing() -> None:
    for fen in (0, -1, 11):
        with pytest.raises(ValueError, match="cannot go"):
            Buckets(10).after(Move(Bucket.AVAILABLE, Bucket.RESERVED, fen))


DAYS = st.sampled_from([SPRING, USE_UNTIL, date(2026, 7, 1), CASH_UNTIL, date(2026, 10, 1)])
MESSAGES = st.builds(
    message,
    event=st.sampled_from(Event),
    on=DAYS,
    claim_no=st.sampled_from("ABC"),
    fen=st.integers(-1, 900),
    planned=st.one_of(st.tuples(DAYS, DAYS), st.just(Missing("planned"))),
    checks=st.one_of(st.booleans(), st.just(Missing("checks"))),
    in_log=st.booleans(),
    is_decided=st.booleans(),
    cash_counts=st.sampled_from([S.SUBMITTED, S.SETTLED]),
    not_in_time=st.frozensets(st.sampled_from("ABC")),
    holds=st.sampled_from([(), ("X",)]),
)
ONWARD = {S.CONSUMED: S.SUBMITTED, S.SUBMITTED: S.COUNTY_OK, S.COUNTY_OK: S.CITY_OK}


@settings(max_examples=300, deadline=None)
@given(st.lists(MESSAGES, max_size=40))
def test_no_message_makes_or_loses_money(messages: list[VoucherMessage]) -> None:
    standing = voucher(1000)
    for each in messages:
        before = standing
        told = answer(standing, each)
        if not isinstance(told, VoucherMoved):
            continue
        standing = told.voucher
        held = astuple(standing.buckets)
        assert sum(held) == standing.buckets.granted == 1000
        assert min(held) >= 0
        assert _sum(standing, S.RESERVED) == standing.buckets.reserved
        in_review = (S.CONSUMED, S.SUBMITTED, S.COUNTY_OK, S.CITY_OK)
        assert _sum(standing, *in_review) == standing.buckets.consumed
        assert _sum(standing, S.SETTLED, S.CLAWED_BACK) == standing.buckets.settled
        for number, claim in before.claims.items():
            if claim.state in FINAL:
                assert standing.claims[number] == claim
            if claim.holds:
                assert standing.claims[number].state is not ONWARD.get(claim.state, S.SETTLED)


def _sum(standing: VoucherStanding, *states: S) -> int:
    return sum(claim.fen for claim in standing.claims.values() if claim.state in states)
