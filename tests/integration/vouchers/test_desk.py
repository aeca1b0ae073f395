"""The voucher desk on a store: money moves once, whoever sends what in which order."""

from __future__ import annotations

import asyncio
from dataclasses import astuple
from datetime import date
from typing import Any

import pytest

from hub.errors import ErrorCode, RefusedError
from hub.policy.bounds import Missing
from hub.policy.vouchers.claim import S
from hub.policy.vouchers.fingerprints import Hit
from hub.policy.vouchers.messages import Event, VoucherRefusal
from hub.store.database import Database
from hub.vouchers.closing import close_over
from hub.vouchers.money.audit import audit
from schema.codes import VoucherEvent
from tests.integration.vouchers.voucher_world import (
    CODE,
    HOLDER,
    ISSUER,
    PROVIDER,
    VoucherWorld,
    grant,
)
from tests.unit.policy.voucher_case import vectors

pytestmark = pytest.mark.integration


@pytest.fixture
async def world(database: Database) -> VoucherWorld:
    await grant(database, CODE)
    return VoucherWorld(database)


async def test_the_money_of_the_specification(world: VoucherWorld) -> None:
    """Table A2, message by message, through the log."""
    for step in vectors("money")["step"]:
        event = VoucherEvent[step["event"]]
        if "on" in step:
            world.on(step["on"])
        told = await world.send(event, step["claim"], step.get("fen", 0))
        if "refused" in step:
            assert told.refused is VoucherRefusal(step["refused"]), step
        else:
            assert (told.refused, told.missing) == (None, None), step
            assert told.buckets is not None
            assert list(astuple(told.buckets)) == step["expect"], step


async def test_the_same_request_moves_money_once(world: VoucherWorld) -> None:
    first = await world.send(Event.RESERVE, "A", 800_000, key="one", party=HOLDER)
    again = await world.send(Event.RESERVE, "A", 800_000, key="one", party=HOLDER)
    assert (again.replayed, again.state, again.buckets) == (True, S.RESERVED, first.buckets)
    for other in ({"fen": 1}, {"body": b"\1" * 32}, {"claim_no": "B"}):
        asked: dict[str, Any] = {"claim_no": "A", "fen": 800_000, **other}
        with pytest.raises(RefusedError) as refused:
            await world.send(Event.RESERVE, key="one", party=HOLDER, **asked)
        assert refused.value.code is ErrorCode.IDEMPOTENCY_CONFLICT


async def test_messages_at_once_never_take_more_than_there_is(world: VoucherWorld) -> None:
    """Twenty messages want 300,000 each of 2,000,000: six get it."""
    told = await asyncio.gather(*(world.send(Event.RESERVE, f"C{at}", 300_000) for at in range(20)))
    reserved = [each for each in told if each.state is S.RESERVED]
    refused = [each.refused for each in told if each.state is None]
    assert len(reserved) == 6
    assert set(refused) == {VoucherRefusal.INSUFFICIENT}


async def consumed(world: VoucherWorld, claim_no: str, fen: int = 100_000, **more: Any) -> Any:
    assert (await world.send(Event.RESERVE, claim_no, fen)).state is S.RESERVED
    return await world.send(Event.CONSUME, claim_no, fen, **more)


async def test_a_service_is_claimed_once(world: VoucherWorld) -> None:
    one = f"{PROVIDER}/TEM-1/one"
    assert (await consumed(world, "A", service=one)).state is S.CONSUMED
    second = await consumed(world, "B", service=one)
    assert (second.state, second.refused) == (None, Hit.ALREADY_CLAIMED)
    assert second.met[0].claim.claim_no == "A"
    await world.send(Event.REJECT, "A")
    assert (await world.send(Event.CONSUME, "B", 100_000, service=one)).state is S.CONSUMED


async def test_of_many_claims_for_one_service_one_is_taken(world: VoucherWorld) -> None:
    one = f"{PROVIDER}/TEM-1/one"
    claims = [f"C{at}" for at in range(12)]
    for claim in claims:
        await world.send(Event.RESERVE, claim, 100_000)
    told = await asyncio.gather(
        *(world.send(Event.CONSUME, claim, 100_000, service=one) for claim in claims)
    )
    assert sum(each.state is S.CONSUMED for each in told) == 1
    assert sum(each.refused is Hit.ALREADY_CLAIMED for each in told) == 11


async def test_an_invoice_pays_once_however_it_is_written(world: VoucherWorld) -> None:
    services = [f"{PROVIDER}/TEM-1/{at}" for at in range(2)]
    written = [("033001900104", "01234567"), ("033001900104", "ＮＯ. 0123 4567")]
    for key, invoice in zip(services, written, strict=True):
        world.services.facts[key] = {"invoice_told": invoice}
    assert (await consumed(world, "A", service=services[0])).state is S.CONSUMED
    assert (await consumed(world, "B", service=services[1])).refused is Hit.INVOICE_CLAIMED


async def test_a_suspicion_waits_for_a_person(world: VoucherWorld) -> None:
    """The same instrument, minutes, holder and amount under another number: held, not refused."""
    for claim in "AB":
        world.services.facts[f"{PROVIDER}/TEM-1/{claim}"] = {"instrument": "instr-1"}
    await consumed(world, "A")
    held = await consumed(world, "B")
    assert held.state is S.CONSUMED
    assert {each.hit for each in held.met} == {Hit.SAME_SERVICE, Hit.SAME_TIME}
    assert (await world.send(Event.SUBMIT, "B", party=PROVIDER)).refused is VoucherRefusal.HELD
    assert (await world.send(Event.CLEAR, "B")).state is S.CONSUMED
    assert (await world.send(Event.SUBMIT, "B", party=PROVIDER)).state is S.SUBMITTED


@pytest.mark.parametrize(
    ("event", "party"),
    [
        (Event.RESERVE, "moe:10246"),
        (Event.CONSUME, HOLDER),
        (Event.COUNTY, PROVIDER),
        (Event.CITY, HOLDER),
        (Event.SETTLE, PROVIDER),
        (Event.CLEAR, PROVIDER),
        (Event.CLAW_BACK, HOLDER),
        (Event.USE_OVER, ISSUER),
    ],
)
async def test_who_may_not(world: VoucherWorld, event: Event, party: str) -> None:
    await world.send(Event.RESERVE, "A", 100_000)
    claim = "B" if event is Event.RESERVE else "A"
    with pytest.raises(RefusedError) as refused:
        await world.send(event, claim, 100_000, party=party)
    assert refused.value.code is ErrorCode.FORBIDDEN


async def test_a_missing_fact_moves_nothing_and_is_named(world: VoucherWorld) -> None:
    world.services.facts[f"{PROVIDER}/TEM-1/A"] = {"power": Missing("power", "SILENT")}
    told = await consumed(world, "A")
    assert (told.state, told.refused) == (None, None)
    assert told.missing == Missing("power", "SILENT")
    world.services.facts.clear()
    assert (await world.send(Event.CONSUME, "A", 100_000)).state is S.CONSUMED


async def test_an_amount_that_nobody_states_is_missing_and_not_nothing(database: Database) -> None:
    await grant(database, CODE, fen=None)
    told = await VoucherWorld(database).send(Event.RESERVE, "A", 1)
    assert (told.state, told.refused, told.missing) == (None, None, Missing("granted"))


async def test_what_is_over_is_over(world: VoucherWorld) -> None:
    await consumed(world, "A")
    world.on(date(2026, 10, 1))
    assert (await world.send(Event.SUBMIT, "A", party=PROVIDER)).refused is (
        VoucherRefusal.CASH_EXPIRED
    )
    assert (await world.send(Event.RESERVE, "B", 1)).refused is VoucherRefusal.USE_EXPIRED


async def test_vouchers_of_others_are_not_this_hubs_business(world: VoucherWorld) -> None:
    others: tuple[dict[str, Any], ...] = ({"issuer": "moe:10002"}, {"code": "unknown"})
    for asked in others:
        with pytest.raises(RefusedError) as refused:
            await world.send(Event.RESERVE, "A", 1, **asked)
        assert refused.value.code is ErrorCode.NOT_FOUND


async def test_the_calendar_ends_a_voucher(world: VoucherWorld) -> None:
    """What is free expires after the last day of use, what was not submitted after that of cash."""
    one = f"{PROVIDER}/TEM-1/one"
    await consumed(world, "A", 700_000, service=one)
    await world.send(Event.RESERVE, "B", 300_000)
    world.on(date(2026, 6, 30))
    assert await close_over(world.desk, world.database) == 0
    world.on(date(2026, 7, 1))
    assert await close_over(world.desk, world.database) == 1
    assert await close_over(world.desk, world.database) == 0
    found = (await audit(world.database)).buckets
    assert astuple(found) == (0, 300_000, 700_000, 0, 1_000_000, 0)
    world.on(date(2026, 10, 1))
    assert await close_over(world.desk, world.database) == 1
    sound = await audit(world.database)
    assert sound.is_sound, sound.faults
    assert astuple(sound.buckets) == (0, 0, 0, 0, 2_000_000, 0)
    marks = await world.database.reads.fetch_all("SELECT count(*) FROM voucher_mark")
    assert marks == [(0,)]
