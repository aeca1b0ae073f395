"""Many sources behind one answer: who is silent, who is asked, who could answer, how it went."""

from __future__ import annotations

from contextlib import AsyncExitStack
from dataclasses import replace

import pytest

from hub.federation.limits import FAILURES_MIN, OPEN_S
from hub.harvest.report import RunStatus
from hub.harvest.source import register
from hub.sandbox.serve import serving
from tests.integration.federation.campus import Campus, booking, source_at
from tests.integration.federation.conftest import STRANGER
from tests.integration.federation.provinces import key_of, province, stock_of
from tests.integration.federation.questions import DAY, E1, E2, ONE, PAGE, code, stands

pytestmark = pytest.mark.integration
SCALE = 0.02
"""So few instruments that each platform still has as many as its metadata want."""


async def test_one_silent_source_neither_nulls_nor_delays_nor_empties_another(world):
    async with AsyncExitStack() as stack:
        switches, keys = {}, {"campus": E1}
        for name in ("shanghai", "jiangsu"):
            made = province(name, world.time, SCALE)
            world.sources[name], switches[name] = await stack.enter_async_context(made)
            report = await world.harvester.harvest(world.sources[name])
            assert report.status is RunStatus.OK, report.message
            stock = stock_of(name, world.time, SCALE)
            keys[name] = key_of(next(one for one in stock if one.has_calendar))
        world.time.pass_by(minutes=10)
        world.campus.bookings.append(booking("E1", "new", 1, 13, 20))
        switches["shanghai"].set({"dead": True})
        switches["jiangsu"].set({"slow": 60})
        fields = [
            f'{name}: instrument(by: {{key: "{key}"}}, maxStaleness: "PT1M", deadline: "PT2S")'
            f" {{ availability({DAY}) {{ status longestFreeHours }} occupancies {{ totalCount }} }}"
            for name, key in keys.items()
        ]
        answer = await world.ask(f"{{ {' '.join(fields)} }}")
        assert "errors" not in answer
        shown = {name: one["availability"] for name, one in answer["data"].items()}
        assert shown["campus"]["longestFreeHours"] == "2"
        assert shown["shanghai"]["status"] != "UNKNOWN"  # Jiangsu tells no hours of opening
        assert all(one["occupancies"]["totalCount"] > 0 for one in answer["data"].values())
        assert stands(answer) == ("OK", "LIVE", None)
        assert stands(answer, "shanghai") == ("ERROR", "STORE", "SOURCE_UNAVAILABLE")
        assert stands(answer, "jiangsu") == ("TIMEOUT", "STORE", "SOURCE_TIMEOUT")
        hasty = f"{{ {' '.join(fields)} }}".replace("PT2S", "PT0.05S")
        assert code(await world.ask(hasty, onSourceError="FAIL")).startswith("SOURCE_")


@pytest.mark.parametrize("how", [{"s": "PT0S"}, {}])
async def test_an_anonymous_caller_causes_no_question_however_he_asks(world, how):
    freshness = {} if how else {"maxStaleness": "PT0S", "deadline": "PT10S"}
    for text in (ONE, PAGE):
        await world.ask(text, {"key": E1, **how} if text is ONE else how, who=STRANGER, **freshness)
    assert world.campus.asked == []
    answer = await world.ask(PAGE, how, who=STRANGER, **freshness)
    assert stands(answer) == ("SKIPPED", "STORE", "SOURCE_STALE")


async def test_defaults_of_a_request_hold_where_a_field_says_nothing(world):
    text = f"""query ($s: Duration) {{
      a: instrument(by: {{key: "{E1}"}}, maxStaleness: $s) {{ availability({DAY}) {{ status }} }}
    }}"""
    await world.ask(text, {"s": "P1D"}, maxStaleness="PT0S")
    assert world.campus.asked == []  # what the field says goes before
    await world.ask(text, {"s": None}, maxStaleness="PT1M")
    assert len(world.campus.asked) == 1
    world.time.pass_by(minutes=2)
    world.fault(slow=60)
    late = await world.ask(text, maxStaleness="PT1M", deadline="PT0.05S", onSourceError="PARTIAL")
    assert stands(late) == ("TIMEOUT", "STORE", "SOURCE_TIMEOUT")


async def test_a_request_costs_fifty_for_each_source_however_many_instruments(world):
    async with serving(Campus(("F1",)).app) as url:
        world.sources["other"] = source_at(url, "other")
        await world.harvester.harvest(world.sources["other"])
        world.time.pass_by(minutes=5)
        stored, fresh = await world.ask(PAGE), await world.ask(PAGE, {"s": "PT1M"})
    costs = [each["extensions"]["cost"]["requested"] for each in (stored, fresh)]
    assert 100 <= costs[1] - costs[0] < 150


async def test_what_came_into_a_page_too_late_to_be_asked_is_stale(world):
    search = f"""{{ instruments(first: 1, maxStaleness: "PT1M",
        filter: {{availableFor: {{{DAY}, hours: 4}}}}) {{ nodes {{ localNo }} }} }}"""
    world.campus.bookings = [booking("E1", "n1", 1, 8, 20), booking("E2", "later", 2, 8, 9)]
    await world.ask(ONE, {"key": E2, "s": "PT1M"})  # it is free …
    world.campus.bookings.append(booking("E2", "n2", 1, 8, 20))  # … and taken again
    world.time.pass_by(minutes=5)
    answer = await world.ask(search)
    assert [row["localNo"] for row in answer["data"]["instruments"]["nodes"]] == ["E3"]
    assert [each["yqbh"] for each in world.campus.asked] == ["E2", "E1", "E2"]
    assert stands(answer) == ("STALE", "STORE", "SOURCE_STALE")


async def test_only_sources_that_could_answer_are_named(world):
    other = source_at("http://127.0.0.1:9", "elsewhere")
    await register(world.database, replace(other, owners=("moe:10358",)), world.time.now)
    everybody = {"campus", "elsewhere"}

    def named(answer):
        told = {each["id"] for each in answer["extensions"]["sources"]}
        field = next(iter(answer["data"].values()))
        if field is not None and "sources" in field:
            assert {each["id"] for each in field["sources"]} == told
        return told

    listed = "{ totalCount sources { id } }"
    for text, expected in (
        (f"{{ instruments {listed} }}", everybody),
        (f'{{ instrument(by: {{key: "{E1}"}}) {{ key }} }}', {"campus"}),
        ('{ instrument(by: {key: "moe:10358/1"}) { key } }', {"elsewhere"}),
        (
            f'{{ instruments(filter: {{institutionKey: {{eq: "moe:10269"}}}}) {listed} }}',
            {"campus"},
        ),
        (f"{{ institutions(filter: {{provinces: [ANHUI]}}) {listed} }}", {"elsewhere"}),
        (f"{{ institutions(filter: {{provinces: [SHANGHAI]}}) {listed} }}", everybody),
        (f"{{ institutions(filter: {{provinces: [OTHER]}}) {listed} }}", everybody),
        (f'{{ a: instrument(by: {{key: "{E1}"}}) {{ key }} b: institutions {listed} }}', everybody),
    ):
        answer = await world.ask(text)
        assert named(answer) == expected, text
        assert named(await world.ask(text, maxStaleness="P1D")) == expected, text
    found = await world.ask(f'{{ instrument(by: {{key: "{E1}"}}) {{ id }} }}')
    by_id = f'{{ node(id: "{found["data"]["instrument"]["id"]}") {{ id }} }}'
    assert "campus" in named(await world.ask(by_id))


async def test_the_history_of_a_source_tells_questions_readings_and_breakers(world):
    history = "history(first: 20) { at kind recordType status servedFrom latencyMs rows errorCode }"
    text = f"{{ sources {{ id {history} }} }}"

    async def events():
        await world.federation.history.flush()
        (source,) = (await world.ask(text))["data"]["sources"]
        return source["history"]

    (reading,) = await events()
    assert (reading["kind"], reading["status"], reading["errorCode"]) == ("HARVEST", "OK", None)
    assert reading["rows"] > 0
    await world.ask(ONE, {"key": E1, "s": "PT1M"})
    live, _ = await events()
    assert live["at"] == "2026-11-30T02:10:00Z"
    told = [live[each] for each in ("kind", "recordType", "status", "servedFrom", "rows")]
    assert told == ["LIVE", "Occupancy", "OK", "LIVE", 1]
    world.fault(dead=True)
    for _ in range(FAILURES_MIN):
        world.time.pass_by(seconds=5)
        await world.ask(ONE, {"key": E1, "s": "PT0S"})
    opened, failed, *_ = await events()
    assert (opened["kind"], opened["status"]) == ("BREAKER", "OPEN")
    assert (failed["status"], failed["servedFrom"]) == ("ERROR", "NONE")
    assert failed["errorCode"] == "SOURCE_UNAVAILABLE"
    world.fault()
    world.time.pass_by(seconds=OPEN_S + 1)
    assert stands(await world.ask(ONE, {"key": E1, "s": "PT0S"}))[0] == "OK"
    first, second, *_ = await events()
    assert {first["status"], second["status"]} == {"CLOSED", "OK"}
    assert len((await world.ask(text.replace("20", "1")))["data"]["sources"][0]["history"]) == 1
