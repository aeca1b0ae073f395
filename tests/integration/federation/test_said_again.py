"""What a source says again word for word is only noted; whatever changed meanwhile is put right."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hub.federation.deployed import LiveSources
from hub.federation.service import Federation
from hub.graphql.hooks import ServiceFacts
from hub.graphql.service import Engine, Parts
from hub.intake.batch import Assurance, Batch, Channel, Evidence
from hub.intake.renewing import fingerprint, renewal_statement
from hub.intake.service import submit
from hub.watching.metrics import METRICS
from tests.integration.federation.campus import booking
from tests.integration.federation.conftest import PARTY, World
from tests.integration.federation.questions import E1, ONE, free, of

pytestmark = pytest.mark.integration
NOW = {"key": E1, "s": "PT0S"}
ANOTHER_DAY = booking("E1", "b3", 3, 9, 11)
"""Without any booking the university would not be believed."""


def rows_taken() -> float:
    """How many rows of the university intake was given, whatever became of them."""
    lines = METRICS.exposition().decode().splitlines()
    begin = "deltahub_intake_rows_total{"
    mine = (each for each in lines if each.startswith(begin) and 'source="campus"' in each)
    return sum(float(each.rpartition(" ")[2]) for each in mine)


async def asked_later(world: World) -> str:
    """The longest free time of the day, by an answer that nobody kept."""
    world.time.pass_by(seconds=5)
    answer = await world.ask(ONE, NOW)
    assert of(answer)["status"] == "OK"
    return free(answer)


async def by_another_door(world: World, row: dict[str, object]) -> None:
    batch = Batch(
        source="campus",
        party=PARTY,
        channel=Channel.HARVEST,
        rows=[{"type": "Occupancy", **row}],
        evidence=Evidence(assurance=Assurance.HUB_OBSERVED, document_hash=b"d" * 32),
        as_of=world.time(),
    )
    await submit(world.database, batch, clock=world.time)


async def test_what_stands_needs_no_batch_the_first_time_and_later(world):
    before = rows_taken()
    assert before > 0
    assert await asked_later(world) == "9"
    world.campus.bookings.append(booking("E2", "c9", 3, 9, 10))  # of another instrument
    assert await asked_later(world) == "9"
    assert rows_taken() == before
    rows = await world.database.reads.fetch_all(
        "SELECT h.as_of FROM heard h JOIN occupancy_coverage_source c USING (entry_id)"
        " WHERE c.instrument_key = %s",
        (E1,),
    )
    assert rows == [(world.time(),)]


async def test_a_booking_that_goes_and_comes_again_is_seen_each_time(world):
    (first, *others) = world.campus.bookings = [*world.campus.bookings, ANOTHER_DAY]
    assert await asked_later(world) == "9"
    world.campus.bookings = others
    assert await asked_later(world) == "12"
    world.campus.bookings = [first, *others]
    assert await asked_later(world) == "9"


async def test_a_row_that_another_door_withdrew_stands_again_after_the_same_answer(world):
    assert await asked_later(world) == "9"
    await by_another_door(world, {"withdraw": {"key": f"{E1}/b1", "reason": "by hand"}})
    assert free(await world.ask(ONE, {"key": E1})) == "12"
    assert await asked_later(world) == "9"


async def test_a_row_that_another_door_added_is_withdrawn_by_the_same_answer(world):
    assert await asked_later(world) == "9"
    record = {
        "instrumentKey": E1,
        "localId": "ghost",
        "kind": "RESERVATION",
        "certainty": "FIRM",
        "startAt": "2026-12-01T05:00:00Z",
        "endAt": "2026-12-01T12:00:00Z",
    }
    await by_another_door(world, {"record": record})
    assert free(await world.ask(ONE, {"key": E1})) == "2"
    assert await asked_later(world) == "9"


async def test_what_another_worker_heard_meanwhile_is_put_right_by_the_same_answer(world):
    facts = ServiceFacts(version="1", standard_version="1", sandbox=True)
    sources = LiveSources(None, lambda: world.sources)
    federation = Federation(world.database, world.state, world.time, PARTY, sources)
    parts = Parts(facts=facts, state=world.state, federation=federation)
    other = replace(world, engine=Engine(world.database, world.time, parts))
    (first, *others) = world.campus.bookings = [*world.campus.bookings, ANOTHER_DAY]
    assert await asked_later(world) == "9"
    world.campus.bookings = others
    assert await asked_later(other) == "12"
    world.campus.bookings = [first, *others]
    assert await asked_later(world) == "9"
    await federation.aclose()


async def test_whatever_came_last_each_question_is_put_once(world):
    counts = []

    async def asks(expected: str) -> None:
        before = len(world.campus.asked)
        assert await asked_later(world) == expected
        counts.append(len(world.campus.asked) - before)

    (first, *others) = world.campus.bookings = [*world.campus.bookings, ANOTHER_DAY]
    await asks("9")  # new
    await asks("9")  # the same bytes
    world.campus.bookings = others
    await asks("12")  # others, found out while the last question is put again
    await asks("12")
    world.campus.bookings = [first, *others]
    await asks("9")
    await by_another_door(world, {"withdraw": {"key": f"{E1}/b1", "reason": "by hand"}})
    await asks("9")  # the same bytes, and the store has something else
    assert counts == [1] * len(counts)


async def test_the_next_week_has_a_coverage_of_its_own(world):
    assert await asked_later(world) == "9"
    world.time.pass_by(days=6, hours=13, minutes=49, seconds=45)  # ten seconds before Monday there
    count = "SELECT count(*) FROM occupancy_coverage_source WHERE instrument_key = %s"
    assert await world.database.reads.fetch_all(count, (E1,)) == [(1,)]
    await asked_later(world)
    assert await world.database.reads.fetch_all(count, (E1,)) == [(1,)]
    await asked_later(world)
    assert await world.database.reads.fetch_all(count, (E1,)) == [(2,)]


async def test_a_source_that_may_not_state_it_any_more_is_not_believed_again(world):
    assert await asked_later(world) == "9"
    async with world.database.writes.connection() as connection:
        await connection.execute(b"UPDATE source SET owners = '{moe:10246}'")
    world.time.pass_by(seconds=5)
    answer = await world.ask(ONE, NOW)
    assert of(answer)["status"] == "BAD_DATA"


def test_a_fingerprint_names_keys_and_contents_in_any_order():
    one = {"a/1": b"\x01", "a/2": b"\x02"}
    assert fingerprint(one) == fingerprint(dict(reversed(one.items())))
    others = ({}, {"a/1": b"\x01"}, {"a/1": b"\x02", "a/2": b"\x01"}, {**one, "a/3": b""})
    assert len({fingerprint(each) for each in (one, *others)}) == 5


async def test_noting_what_was_heard_waits_for_no_disk_and_asks_nothing_of_what_comes_next(world):
    statement = renewal_statement(world.database, "Occupancy")
    shown = "SHOW synchronous_commit"
    async with world.database.writes.connection() as connection:
        async with connection.transaction():
            await connection.execute(statement, ("[]",))
            assert await (await connection.execute(shown)).fetchone() == ("off",)
        assert await (await connection.execute(shown)).fetchone() == ("on",)
