"""How far whoever follows the feed for vouchers is, and what was found, as Prometheus is told."""

from __future__ import annotations

import psycopg
import pytest

from hub.operate.exposition import figures_of
from hub.operate.figures import Figures
from hub.policy.vouchers.claim import S
from hub.store.database import Database
from hub.watching.metrics import METRICS
from tests.databases import as_owner
from tests.integration.vouchers.followed_world import ORIGIN, FollowedWorld

pytestmark = pytest.mark.integration


@pytest.fixture
async def world(database: Database, tmp_path) -> FollowedWorld:
    made = FollowedWorld(database, tmp_path)
    await made.begin()
    return made


async def told(world: FollowedWorld) -> dict[str, float]:
    """Return the figures of vouchers by name and labels."""
    figures = await Figures(world.database, ORIGIN, world.time).look()
    lines = METRICS.exposition(figures_of(figures)).decode().splitlines()
    pairs = (line.rsplit(" ", 1) for line in lines if line.startswith("deltahub_voucher"))
    return {name: float(value) for name, value in pairs}


async def test_what_was_not_looked_at_yet_and_what_was_found_is_told(world: FollowedWorld) -> None:
    await world.claimed(S.SETTLED)
    behind = await told(world)
    assert behind["deltahub_voucher_feed_behind"] > 0
    assert behind["deltahub_voucher_feed_behind_seconds"] > 0
    await world.withdraw()
    await world.follow()
    after = await told(world)
    assert after["deltahub_voucher_feed_behind"] == 0
    assert after["deltahub_voucher_feed_behind_seconds"] == 0
    assert after['deltahub_voucher_findings_open{kind="CLAW_BACK_DUE"}'] == 1


async def test_what_cannot_be_followed_is_counted_and_stops_nothing(
    world: FollowedWorld, database_url: str
) -> None:
    await world.claimed()
    with psycopg.connect(as_owner(database_url), autocommit=True) as owner:
        owner.execute("DELETE FROM voucher_movement_source WHERE event = 'RESERVE'")
    before = sum(each for name, each in (await told(world)).items() if "failures" in name)
    await world.withdraw()
    await world.follow()
    after = await told(world)
    assert sum(each for name, each in after.items() if "failures" in name) > before
    assert after["deltahub_voucher_feed_behind"] == 0
