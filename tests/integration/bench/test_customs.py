"""The short form of `python -m bench.customs`: its steps on few questions, no look at durations."""

from __future__ import annotations

import pytest

from bench.customs import markdown, measured
from bench.place import postgres

pytestmark = pytest.mark.integration


async def test_every_decision_and_booking_is_what_it_must_be_and_the_share_is_a_part() -> None:
    with postgres() as server:
        found = await measured(server, decisions=20, booked=3)
    assert found.faults == []
    assert found.answers == {"ALLOW by rule 8": 40}
    assert len(found.booked_s) == len(found.customs_s) == 3
    assert 0 < found.share < 1
    page = markdown(found)
    assert "| share of the decision in all bookings | " in page
    assert "the desk: reads the store, decides, signs" in page
