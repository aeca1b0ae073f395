"""Money that stays reserved for a service that does not come goes back, and is told of before."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from hub.policy.vouchers.messages import Event
from hub.store.database import Database
from hub.vouchers.closing import reservations_of
from hub.vouchers.money.audit import audit
from tests.integration.vouchers.followed_world import INSTRUMENT, ISSUER, FollowedWorld
from tests.integration.vouchers.test_stored_services import changed

pytestmark = pytest.mark.integration
PLANNED = date(2026, 10, 2)
LAST_SECOND = datetime(2026, 12, 31, 15, 59, 59, tzinfo=UTC)
"""Of the year, in Shanghai; the ninetieth day after the planned end."""
SOMEBODY_ELSE = "uscc:1133000099990002X0"
NUMBER = "RESERVATION_OVER.A"


async def reserved(database: Database, folder: Path) -> FollowedWorld:
    """Return a world with a reservation, and nothing of its order or service."""
    world = FollowedWorld(database, folder)
    await world.begin(service=None, order=None)
    voucher = world.voucher(ISSUER)
    later = {"useUntil": "2027-06-30", "cashUntil": "2027-09-30"}
    await world.state([{**voucher, "record": {**voucher["record"], **later}}])
    await world.send(Event.RESERVE, 500_000, planned=(PLANNED, PLANNED))
    return world


async def looked(world: FollowedWorld, at: datetime) -> tuple[int, str, str | None]:
    """Return how many are released then, how the claim stands, and what is told of it."""
    world.time.now = at
    released = await reservations_of(world.desk).look()
    told = await world.rows("voucher_finding_source", "number, state, detail")
    open_ = [each["detail"] for each in told if (each["number"], each["state"]) == (NUMBER, "OPEN")]
    return released, (await world.claim())["state"], open_[0] if open_ else None


def service(**members: Any) -> dict[str, Any]:
    since = {"startedAt": "2026-10-01T01:00:00Z", "endedAt": "2026-10-01T06:00:00Z"}
    return changed("service", **{**since, **members})["service"]


async def test_it_ends_with_the_last_second_of_its_last_day(database: Database, tmp_path) -> None:
    world = await reserved(database, tmp_path)
    early = await looked(world, LAST_SECOND - timedelta(days=30))
    assert early == (0, "RESERVED", None)
    assert await looked(world, LAST_SECOND) == (0, "RESERVED", "2026-12-31")
    assert await looked(world, LAST_SECOND + timedelta(seconds=1)) == (1, "RELEASED", None)
    assert (await looked(world, LAST_SECOND + timedelta(days=1)))[0] == 0
    rows = await world.rows("voucher_movement_source", "event, stated_by, reason", "number::int")
    assert rows[-1] == {
        "event": "RELEASE",
        "stated_by": None,
        "reason": "RESERVATION_OVER 2026-10-02",
    }
    found = await audit(database)
    assert found.is_sound, found.faults
    assert found.buckets.available == 2_000_000


async def test_what_may_be_claimed_still_keeps_it(database: Database, tmp_path) -> None:
    """A record that may be the service, or an order that was carried out."""
    world = await reserved(database, tmp_path)
    over = LAST_SECOND + timedelta(seconds=1)
    for whose in ({}, {"userKey": None}):  # the holder's, and one of whom nobody knows whose it is
        await world.state([service(**whose)])
        assert await looked(world, over) == (0, "RESERVED", "SERVICE")
    await world.state([service(userKey=SOMEBODY_ELSE), changed("order")["order"]])
    assert await looked(world, over) == (0, "RESERVED", "ORDER")
    await world.state([changed("order", localId="O-9")["order"]])
    withdrawn = {"key": f"{INSTRUMENT}/O-1", "reason": "entered twice"}
    await world.state([{"type": "ServiceOrder", "withdraw": withdrawn}])
    assert await looked(world, over) == (1, "RELEASED", None)
