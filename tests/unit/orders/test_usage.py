"""Which use was for an order, where sources say it, hint at it, or leave it open."""

from __future__ import annotations

import pytest

from hub.orders.usage import FIRM_STATES, OrderUse, the_use

NAMED = OrderUse("usage-1", None, b"", is_named=True)
OTHER_NAMED = OrderUse("usage-2", None, b"", is_named=True)
NEAR = OrderUse("usage-3", None, b"", is_named=False)
OTHER_NEAR = OrderUse("usage-4", None, b"", is_named=False)


@pytest.mark.parametrize(
    ("found", "use"),
    [
        ([], None),
        ([NEAR], NEAR),
        ([NAMED], NAMED),
        ([NEAR, NAMED, OTHER_NEAR], NAMED),
        ([NEAR, OTHER_NEAR], None),
        ([NAMED, OTHER_NAMED], None),
    ],
)
def test_one_that_is_named_or_the_only_one(found: list[OrderUse], use: OrderUse | None) -> None:
    assert the_use(found) is use


def test_use_is_looked_for_of_firm_orders_alone() -> None:
    assert "CONFIRMED" in FIRM_STATES
    assert not set(FIRM_STATES) & {"REQUESTED", "TENTATIVE", "REFUSED", "EXPIRED"}
