"""What follows for a claim when its service record is corrected or withdrawn (table A4)."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from hub.policy.vouchers.claim import S
from hub.policy.vouchers.messages import Event, VoucherRefusal
from hub.store.database import Database
from hub.vouchers.followed.corrections import VoucherCorrections
from hub.vouchers.followed.kept_claims import Row
from hub.vouchers.money.audit import audit
from tests.eventually import until
from tests.integration.vouchers.followed_world import PROVIDER, SERVICE, FollowedWorld, service
from tests.integration.vouchers.test_stored_services import changed

pytestmark = pytest.mark.integration
DEARER = changed("offer", price={"amount": "2000", "currency": "CNY"})["offer"]

GRANTED_ABROAD = b"""
INSERT INTO service_grant (issuer, code, claim_no, attempt, state, source, service, commitment,
  granted_at, ask_at)
VALUES ('moe:10999', 'V-1', 'X', 'one', 'CONSUMED', 'other-hub', %s, %s, now(), now())"""


@pytest.fixture
async def world(database: Database, tmp_path) -> FollowedWorld:
    made = FollowedWorld(database, tmp_path)
    await made.begin(offer=DEARER)
    return made


async def test_a_service_that_is_corrected_downwards_lowers_its_claim(world: FollowedWorld) -> None:
    """8,000.00 to 6,000.00 after CONSUMED 400,000 at 0.5: capped to 300,000, 100,000 back."""
    await world.claimed()
    await world.follow()
    await world.state([service("6000")])
    await world.follow()
    claim = await world.claim()
    assert claim == {
        "state": "CONSUMED",
        "voucher_fen": 300_000,
        "charge_fen": 600_000,
        "own_fen": 300_000,
        "holds": [],
    }
    assert await world.events() == ["RESERVE", "CONSUME", "CAP"]
    found = await audit(world.database)
    assert found.is_sound, found.faults
    assert (found.buckets.available, found.buckets.consumed) == (1_700_000, 300_000)
    (cap,) = [
        row
        for row in await world.rows("voucher_movement_source", "event, stated_by, reason, request")
        if row["event"] == "CAP"
    ]
    assert cap["stated_by"] is None
    assert "SERVICE_LOWERED" in cap["reason"]
    assert cap["request"]


async def test_the_same_revision_lowers_a_claim_once_whoever_looks_again(
    world: FollowedWorld,
) -> None:
    """Followed again from the beginning, as after a kill or a restored backup: nothing moves."""
    await world.claimed()
    await world.state([service("6000")])
    await world.follow()
    before = await world.events()
    async with world.database.writes.connection() as connection:
        await connection.execute(b"DELETE FROM voucher_place")
    await world.follow()
    assert await world.events() == before
    assert (await world.claim())["voucher_fen"] == 300_000
    await world.state([service("4000")])
    await world.follow()
    claim = (
        await world.claim()
    )  # at most 5,000.00 counts whole: 4,000.00, of which 3,000.00 is held
    assert claim["voucher_fen"] == 300_000


async def test_a_service_that_is_corrected_upwards_moves_nothing_and_is_told(
    world: FollowedWorld,
) -> None:
    await world.claimed()
    paid = changed("order", charge={"amount": "9000", "currency": "CNY"})["order"]
    await world.state([service("8000.50"), paid])
    await world.follow()
    claim = await world.claim()
    assert (claim["voucher_fen"], claim["charge_fen"], claim["holds"]) == (400_000, 800_000, [])
    assert await world.findings() == {"SERVICE_RAISED.A": 50}
    await world.state([service("8000")])
    await world.follow()
    assert await world.findings() == {}


@pytest.mark.parametrize("state", [S.SUBMITTED, S.CITY_OK])
async def test_what_is_in_review_is_lowered_and_waits_for_a_person(
    world: FollowedWorld, state: S
) -> None:
    await world.claimed(state)
    await world.state([service("6000")])
    await world.follow()
    claim = await world.claim()
    assert (claim["state"], claim["voucher_fen"]) == (state.value, 300_000)
    assert claim["holds"] == ["SERVICE_LOWERED"]
    assert await world.findings() == {"SERVICE_LOWERED.A": 100_000}
    onward: dict[S, tuple[Event, int]] = {
        S.SUBMITTED: (Event.COUNTY, 0),
        S.CITY_OK: (Event.SETTLE, 300_000),
    }
    event, fen = onward[state]
    assert (await world.send(event, fen)).refused is VoucherRefusal.HELD
    assert (await world.send(Event.CLEAR)).state is state
    await world.follow()
    assert await world.findings() == {}
    assert (await world.send(event, fen)).refused is None


async def test_a_record_that_is_withdrawn_after_settlement_is_to_be_clawed_back(
    world: FollowedWorld,
) -> None:
    await world.claimed(S.SETTLED)
    await world.withdraw()
    await world.follow()
    assert await world.findings() == {"CLAW_BACK_DUE.A": 400_000}
    assert (await world.claim())["state"] == "SETTLED"  # to claw back is a decision
    (finding,) = await world.rows("voucher_finding_source", "evidence, issuer, owner")
    assert {each["recordType"] for each in finding["evidence"]} == {
        "ServiceRecord",
        "VoucherClaim",
    }
    assert (await world.send(Event.CLAW_BACK, 400_000)).state is S.CLAWED_BACK
    await world.follow()
    assert await world.findings() == {}
    assert await world.findings("CLOSED") == {"CLAW_BACK_DUE.A": 400_000}


async def test_a_record_that_is_withdrawn_while_it_is_claimed_holds_the_claim(
    world: FollowedWorld,
) -> None:
    await world.claimed()
    await world.withdraw()
    await world.follow()
    claim = await world.claim()
    assert (claim["state"], claim["voucher_fen"]) == ("CONSUMED", 400_000)
    assert claim["holds"] == ["SERVICE_WITHDRAWN"]
    assert await world.findings() == {"SERVICE_WITHDRAWN.A": 400_000}
    assert (await world.send(Event.SUBMIT)).refused is VoucherRefusal.HELD
    await world.state([service("8000")])
    await world.follow()
    assert (await world.send(Event.CLEAR)).state is S.CONSUMED
    await world.follow()
    assert await world.findings() == {}
    assert (await world.send(Event.SUBMIT)).state is S.SUBMITTED


async def test_a_hold_that_a_person_lifted_comes_back_with_another_revision_only(
    world: FollowedWorld,
) -> None:
    await world.claimed()
    await world.withdraw()
    await world.follow()
    await world.send(Event.CLEAR)
    await world.follow()
    assert (await world.claim())["holds"] == []
    assert await world.findings() == {"SERVICE_WITHDRAWN.A": 400_000}  # it is still so


async def test_a_check_that_fails_since_a_correction_is_told_and_holds(
    world: FollowedWorld,
) -> None:
    await world.claimed()
    await world.state([service("8000", exclusions=["OFFICIAL_DUTY"])])
    await world.follow()
    assert await world.findings() == {"SERVICE_NOT_VALID.A": 400_000}
    (finding,) = await world.rows("voucher_finding_source", "detail")
    assert finding["detail"] == "EXCLUDED"
    assert (await world.claim())["holds"] == ["SERVICE_NOT_VALID"]


async def test_a_running_hub_follows_by_itself_and_one_worker_at_a_time(
    world: FollowedWorld,
) -> None:
    """Two followers are rung by the feed; the claim is lowered once."""
    await world.claimed()
    stop = asyncio.Event()
    watch = world.following.watch
    runs = [watch.run(stop), world.following.run(stop), world.following.run(stop)]
    tasks = [asyncio.create_task(each) for each in runs]
    try:
        await world.state([service("6000")])
        await until(lambda: _is_lowered(world))
    finally:
        stop.set()
        await asyncio.gather(*tasks)
    assert await world.events() == ["RESERVE", "CONSUME", "CAP"]


async def _is_lowered(world: FollowedWorld) -> bool:
    await world.sequencer.catch_up()
    return bool((await world.claim())["voucher_fen"] == 300_000)


async def test_a_service_that_another_hubs_voucher_paid_for_is_told_here_when_it_is_corrected(
    world: FollowedWorld,
) -> None:
    ((commitment,),) = await world.database.reads.fetch_all(
        "SELECT commitment FROM entry WHERE record_type = 'ServiceRecord'"
    )
    async with world.database.writes.connection() as connection:
        await connection.execute(GRANTED_ABROAD, (SERVICE, bytes(commitment).hex()))
    await world.state([service("7000")])
    await world.follow()
    assert await world.findings() == {"SERVICE_UNCLEAR.X": None}
    (finding,) = await world.rows("voucher_finding_source", "issuer_key, detail, provider_key")
    assert finding == {
        "issuer_key": "moe:10999",
        "detail": "CORRECTED_SINCE_GRANT",
        "provider_key": PROVIDER,
    }
    await world.state([service("8000")])
    await world.follow()
    assert await world.findings() == {}, "it is again what was granted"
    await world.withdraw()
    await world.follow()
    assert await world.findings() == {"SERVICE_WITHDRAWN.X": None}


@pytest.mark.parametrize("before_s", [59, 61])
async def test_a_claim_of_a_service_that_stands_is_not_checked_twice(
    world: FollowedWorld, monkeypatch: pytest.MonkeyPatch, before_s: int
) -> None:
    """What was stated just before may be what the claim was not judged by yet."""
    looked: list[str] = []
    corrections = type(world.following.corrections)
    look = corrections.look

    async def counted(self: VoucherCorrections, row: Row) -> int:
        looked.append(row["state"])
        return await look(self, row)

    monkeypatch.setattr(corrections, "look", counted)
    await world.claimed(S.RESERVED)
    await world.state([service("7900")])
    await world.follow()
    world.time.now += timedelta(seconds=before_s - 60)  # and a message comes a minute later
    assert (await world.send(Event.CONSUME, 395_000)).state is S.CONSUMED
    await world.follow()
    assert looked == ["CONSUMED"] * (before_s < 60)
    looked.clear()
    await world.state([service("6000")])
    await world.follow()
    assert looked, "a change of the service is looked at whenever it comes"
    assert (await world.claim())["voucher_fen"] == 300_000
