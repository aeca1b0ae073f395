"""What a claim is known by follows its service record; what it meets then a person looks at."""

from __future__ import annotations

from typing import Any

import pytest

from hub.policy.vouchers.claim import S
from hub.policy.vouchers.fingerprints import Hit
from hub.policy.vouchers.messages import Event
from hub.store.database import Database
from tests.integration.vouchers.followed_world import INSTRUMENT, FollowedWorld, service
from tests.integration.vouchers.test_stored_services import ROWS, changed, record

pytestmark = pytest.mark.integration
OTHER_DAY = "2026-05-06"
FIRST, SECOND = "26330000000000000001", "26330000000000000002"
LATER = f"{INSTRUMENT}/S-2"


def on_day(members: dict[str, Any], day: str) -> dict[str, Any]:
    """Return members with their instants on another day."""
    return {
        name: f"{day}{value[10:]}"
        if name in {"startedAt", "endedAt", "startAt", "endAt"}
        else value
        for name, value in members.items()
    }


def second(day: str = OTHER_DAY, **members: Any) -> dict[str, Any]:
    """Return the other service; as it is stated it has a day and an invoice of its own."""
    stated = {**on_day(ROWS["service"]["record"], day), "localId": "S-2", "invoiceNo": SECOND}
    return record("ServiceRecord", **{**stated, **members})


def around_second() -> list[dict[str, Any]]:
    """Return the order and the sensor of the other service."""
    order = {**on_day(ROWS["order"]["record"], OTHER_DAY), "localId": "O-2", "serviceId": "S-2"}
    spans = [on_day(each, OTHER_DAY) for each in ROWS["power"]["record"]["spans"]]
    power = {**ROWS["power"]["record"], "day": OTHER_DAY, "spans": spans}
    return [record("ServiceOrder", **order), record("PowerDay", **power)]


@pytest.fixture
async def world(database: Database, tmp_path) -> FollowedWorld:
    """Two services, each claimed by a claim of its own: A and B."""
    made = FollowedWorld(database, tmp_path)
    dearer = changed("offer", price={"amount": "2000", "currency": "CNY"})["offer"]
    await made.begin(
        *around_second(), second(), offer=dearer, service=service("8000", invoiceNo=FIRST)
    )
    await made.claimed()
    await made.send(Event.RESERVE, 400_000, claim_no="B", order_no="O-2")
    told = await made.send(Event.CONSUME, 400_000, claim_no="B", service=LATER)
    assert (told.state, told.held_for) == (S.CONSUMED, ())
    await made.follow()
    assert await made.findings() == {}
    return made


async def holds(world: FollowedWorld) -> dict[str, set[str]]:
    rows = await world.rows("voucher_claim_source", "claim_no, hold_reasons")
    return {row["claim_no"]: set(row["hold_reasons"]) for row in rows}


async def moved_of_second(world: FollowedWorld) -> list[str]:
    rows = await world.rows("voucher_movement_source", "claim_no, event", "number::int")
    return [row["event"] for row in rows if row["claim_no"] == "B"]


async def test_a_service_that_is_corrected_to_what_another_claim_is_for_waits_for_a_person(
    world: FollowedWorld,
) -> None:
    await world.state([second("2026-05-04")])
    await world.follow()
    held = await holds(world)
    assert held["B"] >= {Hit.SAME_SERVICE.value, Hit.SAME_TIME.value}
    assert held["A"] == set()
    assert (await world.findings())["CLAIMED_TWICE.B"] == 400_000
    before = await moved_of_second(world)
    async with world.database.writes.connection() as connection:
        await connection.execute(b"DELETE FROM voucher_place")
    await world.follow()
    assert await moved_of_second(world) == before, "followed again from the beginning"
    await world.state([second()])
    await world.follow()
    assert "CLAIMED_TWICE.B" not in await world.findings()
    assert (await holds(world))["B"], "a hold is lifted by a person alone"


async def test_an_invoice_that_is_corrected_to_a_claimed_one_is_told_until_the_other_is_over(
    world: FollowedWorld,
) -> None:
    await world.state([second(invoiceNo="２６３３ 0000 0000 0000 0001")])
    await world.follow()
    assert (await holds(world))["B"] == {Hit.INVOICE_CLAIMED.value}
    assert await world.findings() == {"CLAIMED_TWICE.B": 400_000}
    assert (await world.send(Event.CLEAR, claim_no="B")).state is S.CONSUMED
    await world.follow()
    assert (await holds(world))["B"] == set(), "what a person lifted stays lifted"
    assert (await world.send(Event.REJECT)).state is S.REJECTED
    await world.follow()
    assert await world.findings() == {}


async def test_a_claim_that_is_over_closes_its_finding_and_what_it_was_known_by_is_free(
    world: FollowedWorld,
) -> None:
    await world.state([second(invoiceNo=FIRST)])
    await world.follow()
    assert await world.findings() == {"CLAIMED_TWICE.B": 400_000}
    await world.send(Event.REJECT, claim_no="B")
    await world.state([service("8000", invoiceNo=SECOND), second()])
    await world.follow()
    assert await world.findings() == {}
    again = {"claim_no": "C", "service": LATER}
    await world.send(Event.RESERVE, 400_000, claim_no="C", order_no="O-2")
    told = await world.send(Event.CONSUME, 400_000, **again)
    assert told.refused is Hit.INVOICE_CLAIMED, "A is known by its corrected invoice"
    await world.state([second(invoiceNo=FIRST)])
    told = await world.send(Event.CONSUME, 400_000, **again)
    assert told.state is S.CONSUMED, "and no longer by its former one"
