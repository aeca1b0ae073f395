"""An attempt to book ends, whatever its source does, and then nothing is held to be firm."""

from __future__ import annotations

import asyncio
from typing import Any, cast

from adapters._booking import Ask, BookingOutcome, BookingReason, BookingResult, BookingSteps
from connectors.http.session import HttpSession
from hub.orders.booking import attempt


class Silent:
    """A source that takes a question and never answers it."""

    source = "silent"

    async def ask(self, _: Any) -> None:
        await asyncio.Event().wait()


def steps(ended: list[bool]) -> BookingSteps:
    try:
        yield Ask(path="api/reservations/")
    finally:
        ended.append(True)
    return BookingResult(outcome=BookingOutcome.FIRM)


async def test_a_source_that_never_answers_leaves_it_tentative() -> None:
    ended: list[bool] = []
    result = await attempt(cast("HttpSession", Silent()), steps(ended), seconds=0.01)
    assert (result.outcome, result.reason) == (
        BookingOutcome.TENTATIVE,
        BookingReason.SOURCE_SILENT,
    )
    assert ended == [True]
