"""Sources whose live answers are known again by their bytes say the same all week."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from schema.registry import standard
from schema.traits import Covers, Occupies
from tests.contract.test_adapters import ADAPTERS, Harvested

STEADY = [
    name
    for name, adapter in ADAPTERS.items()
    if adapter.live is not None and adapter.live.is_steady
]
CALENDAR = {spec.name for trait in (Occupies, Covers) for spec, _ in standard().with_trait(trait)}


class ReadOnce(Harvested):
    """A source whose rows were read once, and are mapped at any moment."""

    def __init__(self, name: str, rows: list[Any], now: datetime) -> None:
        super().__init__(name)
        self._rows = rows
        self.context.now = now

    async def rows(self) -> list[Any]:
        return self._rows


@pytest.mark.parametrize("name", STEADY)
async def test_the_same_rows_say_the_same_at_any_moment_of_the_week(name: str) -> None:
    read = Harvested(name)
    rows, context = await read.rows(), read.context
    monday = context.window_start + timedelta(weeks=context.weeks_back)

    async def calendar(**after: float) -> list[dict[str, Any]]:
        made = await ReadOnce(name, rows, monday + timedelta(**after)).made()
        return [each for each in made if each["type"] in CALENDAR]

    first = await calendar()
    assert {each["type"] for each in first} == CALENDAR
    assert await calendar(days=3, hours=11, minutes=7) == first
    assert await calendar(days=7, microseconds=-1) == first


def test_a_source_that_says_who_is_at_work_now_is_not_steady() -> None:
    assert STEADY == ["anhui", "ecnu", "jiangsu", "shanghai"]
