"""Vouchers whose money another system keeps: mirrored, looked at, and never corrected."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from hub.cli.main import assemble
from hub.store.database import Database
from hub.store.roles import READ
from hub.vouchers.money.audit import audit
from tests.databases import as_owner, as_role
from tests.integration.vouchers.followed_world import (
    CODE,
    HOLDER,
    PROVIDER,
    SERVICE,
    FollowedWorld,
)
from tests.integration.vouchers.test_stored_services import record

pytestmark = pytest.mark.integration
SYSTEM = "moe:10003"
"""A department whose own system moves its money."""


@pytest.fixture
async def world(database: Database, tmp_path) -> FollowedWorld:
    made = FollowedWorld(database, tmp_path)
    await made.begin()
    await made.state([made.voucher(SYSTEM, 1_000_000)])
    return made


def claim(world: FollowedWorld, number: str, state: str, **members: Any) -> dict[str, Any]:
    stated = {
        "issuerKey": SYSTEM,
        "code": CODE,
        "claimNo": number,
        "providerKey": PROVIDER,
        "holderKey": HOLDER,
        "state": state,
        "voucherFen": 400_000,
        "changedAt": world.time.now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        **members,
    }
    present = {name: value for name, value in stated.items() if value is not None}
    return record("VoucherClaim", **present)


async def test_claims_that_fit_are_no_finding(world: FollowedWorld) -> None:
    for state in ("RESERVED", "CONSUMED", "SUBMITTED", "CITY_OK"):
        await world.state([claim(world, "X", state)])
    await world.state([claim(world, "X", "SETTLED", settledFen=400_000)])
    await world.follow()
    assert await world.findings() == {}
    found = await audit(world.database)
    assert (found.is_sound, found.mirrored) == (True, 1)


async def test_more_than_was_granted_is_told_and_nothing_is_corrected(
    world: FollowedWorld,
) -> None:
    await world.state([claim(world, number, "CONSUMED") for number in "XYZ"])
    await world.follow()
    assert await world.findings() == {"OVERSPENT": 200_000}
    found = await audit(world.database)
    assert [(each.code, each.detail) for each in found.faults] == [("OVERSPENT", "200000 fen")]
    stated = await world.rows("voucher_claim_source", "voucher_fen, source")
    assert {each["source"] for each in stated} == {"customs"}
    assert [each["voucher_fen"] for each in stated] == [400_000] * 3
    await world.state([claim(world, "Z", "REJECTED")])
    await world.follow()
    assert await world.findings() == {}
    assert await world.findings("CLOSED") == {"OVERSPENT": 200_000}


async def test_a_state_that_nothing_leads_to_is_told_with_its_evidence(
    world: FollowedWorld,
) -> None:
    await world.state([claim(world, "X", "RELEASED")])
    await world.state([claim(world, "X", "SETTLED", settledFen=400_001)])
    await world.state([claim(world, "Y", "CONSUMED", voucherFen=None)])
    await world.follow()
    assert await world.findings() == {
        "STATE_NOT_FOLLOWING.X": None,
        "PAID_TOO_MUCH.X": 1,
        "AMOUNT_NOT_STATED.Y": None,
    }
    rows = await world.rows("voucher_finding_source", "number, detail, evidence")
    told = {each["number"]: each for each in rows}
    assert told["STATE_NOT_FOLLOWING.X"]["detail"] == "RELEASED SETTLED"
    entries = {each["entry"] for each in told["PAID_TOO_MUCH.X"]["evidence"]}
    ((entry,),) = await world.database.reads.fetch_all(
        "SELECT entry_id::text FROM voucher_claim_source WHERE claim_no = 'X'"
    )
    assert entry in entries


async def test_the_operator_lists_what_is_open(
    world: FollowedWorld, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    url = world.database.url
    monkeypatch.setenv("HUB_DATABASE_URL", url)
    monkeypatch.setenv("HUB_DATABASE_READ_URL", as_role(url, READ))
    monkeypatch.setenv("HUB_DATABASE_OWNER_URL", as_owner(url))
    monkeypatch.setenv("HUB_DATA_DIR", str(tmp_path))

    async def listed() -> tuple[int, str]:
        asked = ["voucher", "findings"]
        done = await asyncio.to_thread(CliRunner().invoke, assemble("voucher"), asked)
        return done.exit_code, done.output

    assert await listed() == (0, "0 项待处理 open\n")
    await world.state([claim(world, number, "CONSUMED") for number in "XYZ"])
    await world.follow()
    code, told = await listed()
    assert (code, told.count("✗")) == (1, 1)
    assert f"{SYSTEM}/{CODE}/OVERSPENT" in told
    assert "2,000.00 CNY" in told


async def test_movements_that_do_not_follow_are_told(world: FollowedWorld) -> None:
    move = {"source": "RESERVED", "target": "CONSUMED", "fen": 400_000}
    movement = record(
        "VoucherMovement",
        issuerKey=SYSTEM,
        code=CODE,
        number="1",
        holderKey=HOLDER,
        event="CONSUME",
        at=world.time.now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        claimNo="X",
        claimState="CONSUMED",
        moves=[move],
    )
    await world.state([movement])
    await world.follow()
    assert await world.findings() == {"MOVEMENT_NOT_FOLLOWING": None}
    assert [each.code for each in (await audit(world.database)).faults] == [
        "MOVEMENT_NOT_FOLLOWING"
    ]


async def test_a_claim_on_a_voucher_that_nobody_stated_is_told(world: FollowedWorld) -> None:
    await world.state([claim(world, "X", "CONSUMED", code="unheard-of")])
    await world.follow()
    assert await world.findings() == {"NOT_GRANTED.X": 400_000}


async def test_a_service_that_two_systems_claim_is_told(world: FollowedWorld) -> None:
    await world.claimed()
    await world.state([claim(world, "X", "CONSUMED", serviceKey=SERVICE)])
    await world.follow()
    assert await world.findings() == {"CLAIMED_TWICE.X": None, "CLAIMED_TWICE.A": 400_000}
    found = await audit(world.database)
    assert (found.vouchers, found.mirrored) == (1, 1)
    assert [each.code for each in found.faults] == ["CLAIMED_TWICE"]


async def test_a_service_withdrawn_after_their_settlement_is_told_of_theirs_as_well(
    world: FollowedWorld,
) -> None:
    settled = {"serviceKey": SERVICE, "settledFen": 400_000}
    await world.state([claim(world, "X", "SETTLED", **settled)])
    await world.withdraw()
    await world.follow()
    assert await world.findings() == {"CLAW_BACK_DUE.X": 400_000}
    world.time.now += timedelta(minutes=1)
    await world.state([claim(world, "X", "CLAWED_BACK", **settled)])
    await world.follow()
    assert await world.findings() == {}
