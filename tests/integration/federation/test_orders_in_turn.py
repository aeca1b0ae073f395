"""Orders at other hubs: each has its turn to be asked about, whatever comes of the others."""

from __future__ import annotations

from datetime import timedelta

import pytest

from hub.intake.batch import Idempotency, RequestSignature
from hub.orders.asked import PartnerRequest
from hub.orders.forwarded import ForwardedOrders, OpenOrder
from hub.store.database import Database
from tests.integration.federation.conftest import NOW
from tests.standing_clock import StandingClock

pytestmark = pytest.mark.integration
SIGNATURE = RequestSignature("base", b"signature", "k" * 43)


async def begun(orders: ForwardedOrders, number: str, peer: str) -> None:
    asking = PartnerRequest(
        client="reader",
        party="moe:10358",
        idempotency=Idempotency(key=number, body_hash=b"1"),
        signature=SIGNATURE,
    )
    order = OpenOrder.of(peer, asking, "moe:10335/Z1", number, {"order": number})
    assert await orders.begin(order, SIGNATURE) is None


async def test_who_was_asked_about_longest_ago_comes_first_and_a_new_order_before_all(
    database: Database,
) -> None:
    clock = StandingClock(NOW)
    orders = ForwardedOrders(database, clock)

    async def turn() -> list[str]:
        clock.now += timedelta(minutes=1)
        return [each.order for each in await orders.due(clock.now, 2)]

    for number, peer in (("O-1", "zhejiang"), ("O-2", "zhejiang"), ("O-3", "jiangsu")):
        await begun(orders, number, peer)
        clock.now += timedelta(seconds=1)
    assert await turn() == ["O-1", "O-2"]
    assert await turn() == ["O-1", "O-3"], "who was never asked about, then the oldest"
    await begun(orders, "O-4", "jiangsu")
    assert await turn() == ["O-2", "O-4"]
    await orders.close("reader", "O-1")
    assert await turn() == ["O-2", "O-3"]


async def test_an_order_that_is_younger_has_no_turn_yet_and_its_signed_request_is_kept(
    database: Database,
) -> None:
    clock = StandingClock(NOW)
    orders = ForwardedOrders(database, clock)
    await begun(orders, "O-1", "zhejiang")
    assert await orders.due(clock.now, 9) == []
    clock.now += timedelta(seconds=1)
    (due,) = await orders.due(clock.now, 9)
    assert due.signature is not None
    assert (due.signature.base, due.peer, due.sent) == ("base", "zhejiang", {"order": "O-1"})
