"""What a voucher may do while claims on it are lost; every event, every kind of claim."""

from __future__ import annotations

import pytest

from hub.policy.vouchers.lost_claims import LostClaim, passes
from hub.policy.vouchers.messages import Event

LOST = (LostClaim("A", "lab/T-1/S-1"), LostClaim("B", "lab/T-1/S-2"))


@pytest.mark.parametrize("event", Event)
def test_without_a_lost_claim_everything_passes(event: Event) -> None:
    assert passes((), event, "A", "lab/T-1/S-9")


def test_of_other_claims_passes_what_takes_nothing() -> None:
    passing = {each for each in Event if passes(LOST, each, "C", "lab/T-1/S-1")}
    assert passing == {Event.RELEASE, Event.CAP, Event.HOLD, Event.REJECT}


def test_of_a_lost_claim_passes_what_brings_it_back_or_lifts_it() -> None:
    passing = {each for each in Event if passes(LOST, each, "A", "lab/T-1/S-1")}
    assert passing == {Event.RESERVE, Event.CONSUME, Event.CLEAR}


@pytest.mark.parametrize("service", [None, "", "lab/T-1/S-2"])
def test_a_lost_claim_comes_back_for_its_own_service(service: str | None) -> None:
    assert not passes(LOST, Event.CONSUME, "A", service)


@pytest.mark.parametrize("event", [Event.USE_OVER, Event.CASH_OVER])
def test_a_voucher_does_not_end(event: Event) -> None:
    assert not passes(LOST, event, "")


def test_two_hubs_told_one_number() -> None:
    both = (LostClaim("A", "x"), LostClaim("A", "y"))
    assert [passes(both, Event.CONSUME, "A", each) for each in ("x", "y", "z")] == [
        *(True, True),
        False,
    ]
