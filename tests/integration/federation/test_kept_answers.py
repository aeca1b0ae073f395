"""Answers that are given again: only to the same, only while nothing changed, never too old."""

from __future__ import annotations

from typing import Any

import pytest

from hub.graphql.kept_answers import frozen
from hub.graphql.limits import KEPT_S
from hub.graphql.scalars import NumberText
from tests.integration.federation.campus import booking
from tests.integration.federation.conftest import READER, STRANGER, World
from tests.integration.federation.questions import E1, E2, ONE, PAGE, free, of, stands
from tests.integration.federation.test_said_again import by_another_door
from tests.integration.federation.test_unkept import E9, secret  # noqa: F401 - a fixture

pytestmark = pytest.mark.integration
WISH = {"key": E1, "s": "PT5M"}


class Counted:
    """Counts the statements that make answers of a hub, and lets them run."""

    def __init__(self, world: World) -> None:
        self.answered = 0
        self._answer = world.database.answer
        world.database.answer = self._count

    async def _count(self, statement: bytes, *rest: Any) -> bytes | None:
        self.answered += b"pg_current_snapshot" not in statement
        return await self._answer(statement, *rest)


async def kept(world: World, variables: dict[str, Any] = WISH, text: str = ONE) -> dict[str, Any]:
    """Ask as often as it takes until an answer is kept; return the last one."""
    for _ in range(3):
        answer = await world.ask(text, variables)
    return answer


async def test_the_same_question_is_answered_without_a_statement_and_costs_the_same(
    world, monkeypatch
):
    monkeypatch.setattr("hub.graphql.service.current", lambda: None)  # no request of another test
    counted = Counted(world)
    first = await kept(world)
    before = counted.answered
    again = await world.ask(ONE, WISH)
    assert counted.answered == before
    assert {**again, "extensions": None} == {**first, "extensions": None}
    told, since = again["extensions"], first["extensions"]
    assert told["sources"] == since["sources"]
    assert told["cost"]["requested"] == since["cost"]["requested"]
    assert told["cost"]["remaining"] <= since["cost"]["remaining"]
    assert told["requestId"] != since["requestId"]
    assert stands(again) == ("OK", "STORE", None)


async def test_whoever_asks_otherwise_is_answered_for_himself(world):
    await kept(world)
    assert free(await world.ask(ONE, {**WISH, "key": E2})) == "0"
    assert stands(await world.ask(ONE, {"key": E1}))[1] == "STORE"
    counted = Counted(world)
    await world.ask(ONE, WISH, who=STRANGER)
    assert counted.answered > 0
    assert (await world.ask(ONE, {**WISH, "s": "P1000D"})).get("data") is None
    other = READER.__class__("other", "moe:10246", READER.kind, READER.scopes)
    before = counted.answered
    await world.ask(ONE, WISH, who=other)
    assert counted.answered > before


async def test_a_row_that_another_door_changes_is_seen_by_the_next_answer(world):
    assert free(await kept(world)) == "9"
    await by_another_door(world, {"withdraw": {"key": f"{E1}/b1", "reason": "by hand"}})
    assert free(await world.ask(ONE, WISH)) == "12"
    assert free(await kept(world)) == "12"


async def test_an_entry_that_is_committed_late_is_seen_too(world):
    """Its transaction began before the answer was kept, and ended after a later one."""
    async with world.database.writes.transaction() as early:
        await early.execute(
            b"INSERT INTO entry (record_type,source,authority,key,owner,issuer,revision,commitment,"
            b"withdrawal,assurance,channel,party,as_of,accepted_at) SELECT record_type,source,"
            b"authority,key || '-late',owner,issuer,revision,commitment,withdrawal,assurance,"
            b"channel,party,as_of,accepted_at FROM entry WHERE record_type = 'OpeningHours' LIMIT 1"
        )
        await kept(world)
        await by_another_door(world, {"withdraw": {"key": f"{E2}/b2", "reason": "by hand"}})
        await kept(world)
        counted = Counted(world)
        await world.ask(ONE, WISH)
        assert counted.answered == 0
    await world.ask(ONE, WISH)
    assert counted.answered > 0


async def test_it_is_kept_until_a_source_is_too_old_and_not_a_moment_longer(world):
    await world.ask(ONE, WISH)
    world.time.pass_by(minutes=4, seconds=59.5)
    counted = Counted(world)
    await kept(world)
    before = counted.answered
    world.time.pass_by(seconds=0.499)
    assert of(await world.ask(ONE, WISH))["servedFrom"] == "STORE"
    assert counted.answered == before
    world.time.pass_by(seconds=0.001)
    await world.ask(ONE, WISH)
    assert counted.answered > before
    assert len(world.campus.asked) == 1
    world.time.pass_by(seconds=0.001)
    assert of(await world.ask(ONE, WISH))["servedFrom"] == "LIVE"


async def test_it_is_looked_at_again_soon_however_old_it_may_be(world):
    await kept(world)
    world.time.pass_by(seconds=KEPT_S)
    async with world.database.writes.connection() as connection:
        await connection.execute(b"UPDATE source SET active = false")
    answer = await world.ask(ONE, WISH)
    assert answer["data"]["instrument"]["availability"]["status"] == "UNKNOWN"


async def test_a_clock_that_goes_back_is_given_nothing_from_the_future(world):
    await kept(world)
    world.time.pass_by(seconds=-1)
    counted = Counted(world)
    await world.ask(ONE, WISH)
    assert counted.answered > 0


async def test_what_was_told_live_and_what_is_not_as_fresh_as_asked_is_never_given_again(world):
    live = await world.ask(ONE, {"key": E1, "s": "PT0S"})
    assert of(live)["servedFrom"] == "LIVE"
    world.time.pass_by(milliseconds=100)
    assert of(await world.ask(ONE, {"key": E1, "s": "PT0S"}))["servedFrom"] == "CACHE"
    world.time.pass_by(minutes=10)
    world.fault(dead=True)
    counted = Counted(world)
    for _ in range(3):
        before = counted.answered
        assert stands(await world.ask(ONE, WISH))[0] == "ERROR"
        assert counted.answered > before


async def test_a_page_shows_what_came_in_whoever_asked_for_it(world):
    await kept(world, {"s": "PT5M"}, PAGE)
    world.campus.bookings.append(booking("E3", "new", 1, 8, 20))
    world.time.pass_by(milliseconds=900)
    await world.ask(ONE, {"key": f"{E1[:-1]}3", "s": "PT0S"})
    answer = await world.ask(PAGE, {"s": "PT5M"})
    hours = [n["availability"]["longestFreeHours"] for n in answer["data"]["instruments"]["nodes"]]
    assert hours == ["9", "0", "0"]


async def test_a_calendar_that_may_not_be_kept_is_gone_at_its_end(world, secret):  # noqa: F811
    wish = {"key": E9, "s": "PT1H"}
    assert free(await kept(world, wish)) == "9"
    world.time.pass_by(minutes=9, seconds=59.9)
    assert free(await kept(world, wish)) == "9"
    secret.switchboard.set({"dead": True})
    world.time.pass_by(seconds=0.1)
    gone = await world.ask(ONE, wish)
    assert gone["data"]["instrument"]["availability"]["status"] == "UNKNOWN"


def test_values_that_look_alike_are_not_the_same():
    values = (1, True, "1", NumberText("1"), [1], {"1": 1}, None, "", [], {})
    assert len({frozen(each) for each in values}) == len(values)
    assert frozen({"a": [1, {"b": None}]}) == frozen({"a": [1, {"b": None}]})
