"""Parts of a long file: how many go at once, and in which order they are gathered."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from hub.cli.large_files import submit_parts
from hub.cli.progress import RowProgress
from hub.intake.files.cutting import FilePart
from hub.intake.files.large import LargeFile, open_large
from hub.intake.limits import PARTS_UNDER_WAY

PLAIN = """
title = "t"
{same_key}
[[record]]
type = "Instrument"
[record.fixed]
institutionKey = "moe:10335"
status = "IN_SERVICE"
[record.items]
localNo = "编号"
name.zh = "名称"
"""
SECOND = """
[[record]]
type = "Institution"
[record.fixed]
kind = "UNIVERSITY"
divisionCode = "330106"
[record.items]
institutionKey = {{ column = "编号", template = "moe:10335{{}}" }}
name.zh = "名称"
"""
TURNS = 20
"""Turns of the loop after which everything that can go on has done so."""


class Gathering:
    """In place of the report: which parts came, in which order."""

    def __init__(self) -> None:
        self.parts: list[int] = []

    def add(self, part: FilePart, answer: Mapping[str, Any] | None) -> None:
        assert answer == {"replayed": False, "part": part.number}
        self.parts.append(part.number)


class Hub:
    """Takes parts when it is told to."""

    def __init__(self) -> None:
        self.asked: list[int] = []
        self.cancelled: list[int] = []
        self._answers: dict[int, asyncio.Future[None]] = {}

    async def take(self, part: FilePart) -> Mapping[str, Any]:
        self.asked.append(part.number)
        answer = self._answers.setdefault(part.number, asyncio.Future())
        try:
            await answer
        except asyncio.CancelledError:
            self.cancelled.append(part.number)
            raise
        return {"replayed": False, "part": part.number}

    async def see(self, *asked: int) -> None:
        """Wait until these were asked for, and then see that no other is."""
        async with asyncio.timeout(10):
            while len(self.asked) < len(asked):
                await asyncio.sleep(0.001)
        for _ in range(TURNS):
            await asyncio.sleep(0.001)
        assert self.asked == list(asked)

    def answer(self, number: int, error: Exception | None = None) -> None:
        future = self._answers[number]
        if error is None:
            future.set_result(None)
        else:
            future.set_exception(error)


@pytest.fixture
def written(tmp_path: Path) -> Path:
    file = tmp_path / "t.csv"
    file.write_text("编号,名称\n" + "".join(f"E{n},电镜\n" for n in range(8)), "utf-8")
    return file


def opened(written: Path, mapping: str) -> Iterator[LargeFile]:
    with open_large(written, mapping, units_are_right=False) as large:
        yield large


@pytest.fixture
def any_order(written: Path) -> Iterator[LargeFile]:
    yield from opened(written, PLAIN.format(same_key=""))


@pytest.fixture(params=["revise", "several records"])
def in_order(written: Path, request: pytest.FixtureRequest) -> Iterator[LargeFile]:
    if request.param == "revise":
        yield from opened(written, PLAIN.format(same_key='same_key = "revise"'))
    else:
        yield from opened(written, (PLAIN + SECOND).format(same_key=""))


def sending(large: LargeFile, hub: Hub, gathering: Gathering) -> asyncio.Task[None]:
    progress = RowProgress(large.count, wanted=False)
    gathered: Any = gathering
    return asyncio.ensure_future(submit_parts(large, gathered, hub.take, progress, 2))


async def test_the_first_goes_alone_and_then_two_at_once_gathered_in_order(
    any_order: LargeFile,
) -> None:
    assert PARTS_UNDER_WAY == 2
    hub, gathering = Hub(), Gathering()
    sent = sending(any_order, hub, gathering)
    await hub.see(1)
    hub.answer(1)
    await hub.see(1, 2, 3)
    hub.answer(3)
    await hub.see(1, 2, 3)  # it is done, and not yet gathered
    assert gathering.parts == [1]
    hub.answer(2)
    await hub.see(1, 2, 3, 4)
    hub.answer(4)
    await sent
    assert gathering.parts == [1, 2, 3, 4]


async def test_where_the_order_counts_one_goes_after_another(in_order: LargeFile) -> None:
    hub, gathering = Hub(), Gathering()
    sent = sending(in_order, hub, gathering)
    for number in range(1, 5):
        await hub.see(*range(1, number + 1))
        hub.answer(number)
    await sent
    assert gathering.parts == [1, 2, 3, 4]


async def test_what_is_under_way_beside_a_part_that_fails_is_ended(any_order: LargeFile) -> None:
    hub, gathering = Hub(), Gathering()
    sent = sending(any_order, hub, gathering)
    await hub.see(1)
    hub.answer(1)
    await hub.see(1, 2, 3)
    hub.answer(2, OSError("the hub went away"))
    with pytest.raises(OSError, match="went away"):
        await sent
    assert gathering.parts == [1]
    assert hub.cancelled == [3]
