"""The way of an order: every pair of states, and paths that somebody might try."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from schema.codes import OrderState as S
from schema.identifiers import Flaw
from schema.records.order_path import (
    ENDED,
    FIVE_STEPS,
    RULES,
    is_of_hub,
    may_follow,
    missing_in,
    order_guard,
)
from schema.traits import GuardedChange

BOOKED = (S.REQUESTED, S.TENTATIVE, S.CONFIRMED)
AFTER_BOOKING = {S.IN_SERVICE, S.DONE, S.DELIVERED, S.CHARGED, S.PAID, S.REVIEWED}
NOW = datetime(2026, 11, 26, 1, 0, tzinfo=UTC)


def steps(*states: S) -> list[dict[str, str]]:
    return [
        {"state": each.name, "at": f"2026-11-26T01:{at:02}:00Z"} for at, each in enumerate(states)
    ]


def order(*states: S, **more: Any) -> dict[str, Any]:
    return {"userKey": "moe:10246", "state": states[-1].name, "steps": steps(*states), **more}


def judged(previous: dict[str, Any] | None, then: dict[str, Any] | None) -> Flaw | None:
    return order_guard(GuardedChange(previous=previous, next=then, rows={}, at=NOW))


def test_the_table_has_every_state() -> None:
    assert set(RULES) == set(S)


def test_a_tentative_order_ends_firm_refused_expired_or_cancelled_and_no_other_way() -> None:
    tentative = (S.REQUESTED, S.TENTATIVE)
    assert {each for each in S if may_follow(tentative, each)} == {S.CONFIRMED, *ENDED}


def test_nothing_follows_an_end() -> None:
    for end in ENDED:
        path = (*BOOKED[:2], end)
        assert not [each for each in S if may_follow(path, each)], end


def test_what_is_firm_is_used_or_given_back_and_never_refused() -> None:
    assert {each for each in S if may_follow(BOOKED, each)} == {
        S.CANCELLED,
        *(AFTER_BOOKING - {S.REVIEWED}),
    }


@pytest.mark.parametrize("used", [S.IN_SERVICE, S.DONE, S.DELIVERED])
def test_what_was_used_is_not_given_back(used: S) -> None:
    assert not may_follow((*BOOKED, used), S.CANCELLED)
    assert may_follow((*BOOKED, S.PAID), S.CANCELLED), "what was only paid is"


def test_steps_after_a_booking_come_in_any_order_and_correct_themselves() -> None:
    arrived = [*BOOKED, S.PAID, S.DELIVERED, S.DONE, S.REVIEWED, S.CHARGED, S.PAID, S.REVIEWED]
    assert all(may_follow(arrived[:at], each) for at, each in enumerate(arrived))
    assert not may_follow((*BOOKED, S.PAID), S.REVIEWED), "nobody reviews what was not done"
    assert not may_follow((*BOOKED, S.DONE), S.IN_SERVICE), "it does not begin after its end"


def test_the_five_steps_are_named_until_they_are_shown() -> None:
    assert missing_in(steps(S.REQUESTED)) == list(FIVE_STEPS)
    whole = (*BOOKED, S.IN_SERVICE, S.DONE, S.DELIVERED, S.CHARGED, S.PAID, S.REVIEWED)
    assert missing_in(steps(*whole)) == []
    assert missing_in(steps(*whole[:-2])) == ["PAID", "REVIEWED"]


def test_a_guarded_order_only_grows() -> None:
    firm = order(*BOOKED)
    assert judged(None, firm) is None
    assert judged(firm, order(*BOOKED, S.DONE)) is None
    assert judged(firm, None) is None, "its operator withdraws it"
    for wrong in (
        order(*BOOKED, S.REVIEWED),
        order(S.REQUESTED, S.TENTATIVE, S.REFUSED),
        order(*BOOKED[:2]),
        {**order(*BOOKED, S.DONE), "state": "PAID"},
        {**firm, "steps": []},
        {**firm, "steps": [{**each, "at": "2026-11-26T02:00:00Z"} for each in firm["steps"]]},
    ):
        flaw = judged(firm, wrong)
        assert flaw is not None, wrong
        assert flaw.code == "ORDER_STEP"
    other = judged(firm, {**order(*BOOKED, S.DONE), "userKey": "moe:10284"})
    assert other is not None
    assert other.code == "ORDER_CHANGED"


@pytest.mark.parametrize(
    ("key", "of_hub"),
    [
        ("moe:10335/lab1-1/hub:fudan-a:O-1", True),
        ("moe:10335/lab1-1/O-1", False),
        ("moe:10335/hub:x/O-1", False),
        ("moe:10335", False),
    ],
)
def test_only_orders_that_a_hub_placed_are_guarded(key: str, of_hub: bool) -> None:
    assert is_of_hub(key) is of_hub
