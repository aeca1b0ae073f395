"""The fast track (无感直兑): the hub submits by itself, once, and names what is wanting."""

from __future__ import annotations

import pytest

from hub.errors import RefusedError
from hub.policy.vouchers.claim import S
from hub.policy.vouchers.fast_track import FastTrackNeed
from hub.policy.vouchers.messages import Event
from hub.store.database import Database
from hub.vouchers.money.audit import audit
from hub.vouchers.question import VoucherWanted
from tests.integration.vouchers.followed_world import (
    CODE,
    HOLDER,
    ISSUER,
    PROVIDER,
    RATES,
    FollowedWorld,
)
from tests.integration.vouchers.test_stored_services import STEPS, changed

pytestmark = pytest.mark.integration
NEED = FastTrackNeed
WHOLE = [*STEPS[:3], {**STEPS[2], "state": "DELIVERED"}, *STEPS[3:]]
ALLOWED = {**RATES, "voucher.fast_track": "ALLOWED", "voucher.fast_track_days": "5"}
WANTED = VoucherWanted(issuer=ISSUER, code=CODE, event=Event.SUBMIT, claim_no="A")


def order(*steps: dict[str, str]) -> dict[str, object]:
    return changed("order", steps=list(steps), state=steps[-1]["state"])["order"]


async def begun(database: Database, tmp_path, rates=ALLOWED, *steps) -> FollowedWorld:
    world = FollowedWorld(database, tmp_path, rates)
    await world.begin(order=order(*(steps or WHOLE)))
    return world


async def test_a_whole_service_is_consumed_and_submitted_by_the_hub(
    database: Database, tmp_path
) -> None:
    """Nobody applies: of 500,000 that were reserved the 400,000 that the rules give are claimed."""
    world = await begun(database, tmp_path)
    await world.claimed(S.RESERVED)
    await world.follow()
    claim = await world.claim()
    assert (claim["state"], claim["voucher_fen"]) == ("SUBMITTED", 400_000)
    assert await world.events() == ["RESERVE", "CONSUME", "SUBMIT"]
    await world.follow()
    assert await world.events() == ["RESERVE", "CONSUME", "SUBMIT"]
    stated_by = await world.rows("voucher_movement_source", "event, stated_by, reason")
    assert [each["stated_by"] for each in stated_by] == [ISSUER, None, None]
    found = await audit(database)
    assert found.is_sound, found.faults


async def test_what_is_wanting_is_named_and_the_claim_waits_for_it(
    database: Database, tmp_path
) -> None:
    world = await begun(database, tmp_path, ALLOWED, *WHOLE[:-1])
    await world.claimed(S.RESERVED)
    await world.follow()
    assert (await world.claim())["state"] == "RESERVED"
    told = await world.tracks.told(HOLDER, WANTED)
    assert told.track.wanting == (NEED.REVIEWED, NEED.CHECKS)  # a check asks for the review as well
    assert {each.code.value for each in told.checks if each.missing is not None} == {"REVIEW"}
    for party in (PROVIDER, ISSUER):
        assert (await world.tracks.told(party, WANTED)).track == told.track
    with pytest.raises(RefusedError):
        await world.tracks.told("moe:10246", WANTED)
    await world.state([order(*WHOLE)])
    await world.follow()
    assert (await world.claim())["state"] == "SUBMITTED"


async def test_who_is_killed_between_the_steps_goes_on_with_the_second(
    database: Database, tmp_path, monkeypatch
) -> None:
    """Killed after the first message was taken and before anything else was written down."""
    world = await begun(database, tmp_path)
    await world.claimed(S.RESERVED)
    take = world.desk.take

    class KilledError(BaseException):
        pass

    async def killed(asking, wanted):
        await take(asking, wanted)
        raise KilledError

    monkeypatch.setattr(world.desk, "take", killed)
    with pytest.raises(KilledError):
        await world.follow()
    assert await world.events() == ["RESERVE", "CONSUME"]
    monkeypatch.setattr(world.desk, "take", take)
    await world.follow()
    assert await world.events() == ["RESERVE", "CONSUME", "SUBMIT"]


async def test_without_its_region_a_claim_goes_the_ordinary_way(
    database: Database, tmp_path
) -> None:
    world = await begun(database, tmp_path, RATES)
    await world.claimed(S.CONSUMED)
    await world.follow()
    assert (await world.claim())["state"] == "CONSUMED"
    assert (await world.tracks.told(HOLDER, WANTED)).track.wanting == (NEED.REGION,)


async def test_what_looks_split_is_held_until_a_person_lifts_it(
    database: Database, tmp_path
) -> None:
    """Two orders of the pair within seven days, each within the full deduction, together above."""
    rates = {**ALLOWED, "voucher.full_deduction": "10000"}
    world = await begun(database, tmp_path, rates)
    paid = {**order(*WHOLE)["record"], "requestedAt": "2026-05-01T01:00:00Z"}  # type: ignore[dict-item]
    other = {**paid, "localId": "O-2", "serviceId": "S-9", "requestedAt": "2026-05-08T01:00:00Z"}
    await world.state([{"type": "ServiceOrder", "record": each} for each in (paid, other)])
    await world.claimed(S.RESERVED)
    await world.follow()
    claim = await world.claim()
    assert (claim["state"], claim["holds"]) == ("CONSUMED", ["SPLIT_SUSPECTED"])
    assert (await world.tracks.told(HOLDER, WANTED)).track.wanting == (NEED.NO_HOLD,)
    assert (await world.send(Event.CLEAR)).state is S.CONSUMED
    await world.follow()
    assert (await world.claim())["state"] == "SUBMITTED"


async def test_what_no_entry_tells_is_noticed_by_the_next_round(
    database: Database, tmp_path
) -> None:
    """A register that speaks later changes neither order nor service nor claim."""
    world = FollowedWorld(database, tmp_path, ALLOWED)
    await world.begin(order=order(*WHOLE), relation=None)
    await world.claimed(S.RESERVED)
    await world.follow()
    assert (await world.claim())["state"] == "RESERVED"
    statement = changed("relation")["relation"]
    await world.state([statement])
    await world.follow()
    assert (await world.claim())["state"] == "RESERVED"
    world.time.now = world.time.now.replace(hour=7)
    await world.follow()
    assert (await world.claim())["state"] == "SUBMITTED"
