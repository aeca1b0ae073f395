"""What a caller wants fresher than the store has it is asked of its source, and then read."""

from __future__ import annotations

import pytest

from adapters._adapter import Context
from hub.harvest.known import known_keys
from tests.integration.federation.campus import booking
from tests.integration.federation.conftest import NOW, STRANGER
from tests.integration.federation.questions import DAY, E1, E2, ONE, PAGE, free, of, stands

pytestmark = pytest.mark.integration


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


async def test_a_page_is_asked_about_instrument_by_instrument_at_the_cost_of_its_source(world):
    world.campus.bookings.append(booking("E3", "new", 1, 8, 20))
    stored = await world.ask(PAGE)
    answer = await world.ask(PAGE, {"s": "PT1M"})
    assert sorted(each["yqbh"] for each in world.campus.asked) == ["E1", "E2", "E3"]
    hours = {
        row["localNo"]: row["availability"]["longestFreeHours"]
        for row in answer["data"]["instruments"]["nodes"]
    }
    assert hours == {"E1": "9", "E2": "0", "E3": "0"}
    cost = answer["extensions"]["cost"]["requested"] - stored["extensions"]["cost"]["requested"]
    assert 50 <= cost < 100


async def test_the_sources_of_a_connection_say_what_the_manifest_says(world):
    for variables in ({"s": "PT1M"}, {"s": "PT1M"}, {}):
        answer = await world.ask(PAGE, variables)
        assert answer["data"]["instruments"]["sources"] == answer["extensions"]["sources"]
    world.fault(dead=True)
    world.time.pass_by(minutes=5)
    answer = await world.ask(PAGE, {"s": "PT1M"})
    assert answer["data"]["instruments"]["sources"] == answer["extensions"]["sources"]
    assert stands(answer) == ("ERROR", "STORE", "SOURCE_UNAVAILABLE")


async def test_both_say_the_same_where_a_source_changes_meanwhile_and_nothing_is_named(world):
    text = "{ instruments { sources { id status servedFrom asOf latencyMs rows errorCode via } } }"
    seen = []
    for change in (
        "rows = 77",
        "last_error_code = 'X', via = '{hub.example/log}'",
        "active = false",
    ):
        await world.ask(text)
        async with world.database.writes.connection() as connection:
            await connection.execute(f"UPDATE source SET {change}".encode())
        for seconds in (0.0, 1.0):
            world.time.pass_by(seconds=seconds)
            answer = await world.ask(text)
            assert answer["data"]["instruments"]["sources"] == answer["extensions"]["sources"]
            seen.append(answer["extensions"]["sources"])
    assert [[each["rows"] for each in told] for told in seen[:2]] == [[30], [77]]
    assert [[(each["status"], each["via"]) for each in told] for told in seen[2:4]] == [
        [("OK", [])],
        [("ERROR", ["hub.example/log"])],
    ]
    assert seen[5] == []


async def test_a_search_by_free_time_is_looked_at_twice(world):
    world.campus.bookings.append(booking("E1", "new", 1, 8, 20))
    answer = await world.ask(
        f"""{{ instruments(first: 1, maxStaleness: "PT1M",
            filter: {{availableFor: {{{DAY}, hours: 4}}}}) {{ nodes {{ localNo }} }} }}"""
    )
    assert [row["localNo"] for row in answer["data"]["instruments"]["nodes"]] == ["E3"]
    assert [each["yqbh"] for each in world.campus.asked] == ["E1", "E3"]


async def test_a_request_says_it_for_all_of_its_fields(world):
    text = f'{{ instrument(by: {{key: "{E1}"}}) {{ availability({DAY}) {{ status }} }} }}'
    assert stands(await world.ask(text))[1] == "STORE"
    assert stands(await world.ask(text, maxStaleness="PT1M")) == ("OK", "LIVE", None)


async def test_an_operation_that_is_executed_is_freshened_too(world):
    world.campus.bookings.append(booking("E1", "new", 1, 13, 20))
    text = ONE.replace("instrument(", "serviceInfo { version } instrument(", 1)
    answer = await world.ask(text, {"key": E1, "s": "PT1M"})
    assert free(answer) == "2"
    assert stands(answer) == ("OK", "LIVE", None)


async def test_a_source_that_is_older_than_asked_is_stale_where_nobody_asks(world):
    text = '{ institutions(maxStaleness: "PT1M") { totalCount sources { id status errorCode } } }'
    answer = await world.ask(text)
    assert stands(answer) == ("STALE", "STORE", "SOURCE_STALE")
    assert answer["data"]["institutions"]["sources"] == [
        {"id": "campus", "status": "STALE", "errorCode": "SOURCE_STALE"}
    ]
    assert stands(await world.ask(text.replace("PT1M", "PT1H")))[0] == "OK"


async def test_what_is_not_there_or_not_to_be_read_is_not_asked_about(world):
    answer = await world.ask(ONE, {"key": "moe:10269/E9", "s": "PT0S"})
    assert answer["data"]["instrument"] is None
    await world.ask(ONE, {"key": E1, "s": "PT1M", "d": "PT11S"})
    assert world.campus.asked == []


async def test_a_source_that_ignores_the_filter_says_nothing_of_other_instruments(world):
    world.campus.knows_filter = False
    del world.campus.bookings[1]
    world.campus.bookings.append(booking("E3", "new", 1, 8, 20))
    answer = await world.ask(ONE, {"key": E1, "s": "PT1M"})
    assert (free(answer), *stands(answer)) == ("9", "OK", "LIVE", None)
    rows = await world.database.reads.fetch_all(
        "SELECT key FROM occupancy_source WHERE NOT withdrawn ORDER BY key"
    )
    assert rows == [(f"{E1}/b1",), (f"{E2}/b2",)]


async def test_a_harvest_does_not_miss_what_was_stated_after_it_began(world):
    world.campus.bookings.append(booking("E1", "new", 1, 13, 20))
    await world.ask(ONE, {"key": E1, "s": "PT1M"})
    began = Context(source="campus", now=NOW)
    later = Context(source="campus", now=world.time.now)
    assert f"{E1}/new" not in await known_keys(world.database, "Occupancy", began)
    assert f"{E1}/new" in await known_keys(world.database, "Occupancy", later)


async def test_a_calendar_that_harvests_have_lost_is_known_again_over_the_turn_of_the_year(world):
    world.time.pass_by(days=30)
    days = 'from: "2026-12-31T00:00:00+08:00", until: "2027-01-02T00:00:00+08:00"'
    text = ONE.replace(DAY, days)
    world.campus.bookings.append({**booking("E1", "eve", 31, 8, 20), "jssj": "2027-01-01 10:00:00"})
    lost = await world.ask(text, {"key": E1})
    assert lost["data"]["instrument"]["availability"]["status"] == "UNKNOWN"
    found = await world.ask(text, {"key": E1, "s": "PT1H"})
    assert (found["data"]["instrument"]["availability"]["status"], free(found)) == ("PARTLY", "10")
    await world.harvester.harvest(world.sources["campus"])
    assert free(await world.ask(text, {"key": E1})) == "10"
    rows = await world.database.reads.fetch_all(
        "SELECT count(*) FROM occupancy_coverage_source WHERE NOT withdrawn"
    )
    assert rows == [(3,)]
