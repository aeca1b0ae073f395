"""What a caller wants fresher than the store has it is asked of its source, and then read."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.federation.campus import UNIVERSITY, booking
from tests.integration.federation.conftest import STRANGER

pytestmark = pytest.mark.integration
DAY = 'from: "2026-12-01T00:00:00+08:00", until: "2026-12-02T00:00:00+08:00"'
ONE = f"""query ($key: String!, $s: Duration, $d: Duration! = "PT2S") {{
  instrument(by: {{key: $key}}, maxStaleness: $s, deadline: $d) {{
    key availability({DAY}) {{ status longestFreeHours asOf }}
  }}
}}"""
E1, E2, E3 = (f"{UNIVERSITY}/E{n}" for n in (1, 2, 3))


def of(answer: dict[str, Any], source: str = "campus") -> dict[str, Any]:
    """What the manifest says of a source."""
    (entry,) = [each for each in answer["extensions"]["sources"] if each["id"] == source]
    return entry


def free(answer: dict[str, Any]) -> str:
    hours: str = answer["data"]["instrument"]["availability"]["longestFreeHours"]
    return hours


async def test_a_booking_made_meanwhile_is_seen_by_who_asks_for_fresh_data(world):
    world.campus.bookings.append(booking("E1", "new", 1, 13, 20))
    stored = await world.ask(ONE, {"key": E1})
    assert free(stored) == "9"
    assert world.campus.asked == []
    fresh = await world.ask(ONE, {"key": E1, "s": "PT5M"})
    assert free(fresh) == "2"
    assert [each["yqbh"] for each in world.campus.asked] == ["E1"]
    entry = of(fresh)
    assert (entry["status"], entry["servedFrom"]) == ("OK", "LIVE")
    assert entry["asOf"] == "2026-11-30T02:10:00Z"
    assert entry["latencyMs"] >= 0


async def test_what_is_fresh_enough_is_not_asked_for_again(world):
    await world.ask(ONE, {"key": E1, "s": "PT5M"})
    again = await world.ask(ONE, {"key": E1, "s": "PT5M"})
    assert len(world.campus.asked) == 1
    assert (of(again)["status"], of(again)["servedFrom"]) == ("OK", "STORE")


async def test_a_cancelled_booking_is_withdrawn_inside_the_window_only(world):
    del world.campus.bookings[0]
    world.campus.bookings.append(booking("E1", "other", 2, 9, 10))
    assert free(await world.ask(ONE, {"key": E1, "s": "PT0S"})) == "12"
    rows = await world.database.reads.fetch_all(
        "SELECT key FROM occupancy_source WHERE NOT withdrawn ORDER BY key"
    )
    assert rows == [(f"{E1}/other",), (f"{E2}/b2",)]


async def test_an_answer_with_nothing_new_writes_no_entry(world):
    count = "SELECT count(*) FROM entry"
    before = await world.database.reads.fetch_all(count)
    answer = await world.ask(ONE, {"key": E1, "s": "PT0S"})
    assert of(answer)["status"] == "OK"
    assert await world.database.reads.fetch_all(count) == before
    available = answer["data"]["instrument"]["availability"]
    assert available["asOf"] == "2026-11-30T02:10:00Z"


async def test_an_anonymous_caller_causes_no_question(world):
    answer = await world.ask(ONE, {"key": E1, "s": "PT5M"}, who=STRANGER)
    assert world.campus.asked == []
    assert of(answer)["status"] == "SKIPPED"
    assert of(answer)["servedFrom"] == "STORE"
    assert free(answer) == "9"
