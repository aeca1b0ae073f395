"""What many ask at once is one statement, which begins after each of them asked."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from hub.store.limits import TOGETHER_MAX
from hub.store.together import Together


class Asked:
    """Answers with the double of each number, when it is let; keeps what it was asked together."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.may_go = asyncio.Event()
        self.together = Together(self._ask)

    async def _ask(self, numbers: Sequence[int]) -> Sequence[int]:
        self.batches.append(list(numbers))
        await self.may_go.wait()
        if 13 in numbers:
            raise ValueError("thirteen")
        return [2 * each for each in numbers]


async def _begun(*numbers: int, of: Asked) -> list[asyncio.Task[int]]:
    tasks = [asyncio.create_task(of.together.of(each)) for each in numbers]
    for _ in range(3):
        await asyncio.sleep(0)
    return tasks


async def test_who_comes_while_a_statement_runs_waits_for_the_next_one():
    asked = Asked()
    tasks = await _begun(1, of=asked)
    tasks += await _begun(2, 3, 2, of=asked)
    assert asked.batches == [[1]]
    asked.may_go.set()
    assert await asyncio.gather(*tasks) == [2, 4, 6, 4]
    assert asked.batches == [[1], [2, 3, 2]]
    assert await asked.together.of(5) == 10


async def test_a_failure_is_of_those_alone_whom_the_statement_was_to_answer():
    asked = Asked()
    first = await _begun(1, of=asked)
    second = await _begun(13, 4, of=asked)
    asked.may_go.set()
    assert await first[0] == 2
    for each in second:
        with pytest.raises(ValueError, match="thirteen"):
            await each
    assert await asked.together.of(4) == 8


async def test_who_gives_up_is_not_asked_for_and_takes_nothing_from_others():
    asked = Asked()
    first = await _begun(1, of=asked)
    tired, patient = await _begun(2, 3, of=asked)
    tired.cancel()
    first[0].cancel()
    await asyncio.sleep(0)
    asked.may_go.set()
    assert await patient == 6
    assert asked.batches == [[1], [3]]


async def test_one_statement_answers_a_bounded_number():
    asked = Asked()
    tasks = await _begun(0, *range(1000, 1000 + TOGETHER_MAX + 1), of=asked)
    asked.may_go.set()
    await asyncio.gather(*tasks)
    assert [len(batch) for batch in asked.batches] == [TOGETHER_MAX, 2]


async def test_whoever_waits_at_the_end_is_cancelled():
    asked = Asked()
    tasks = await _begun(1, of=asked)
    tasks += await _begun(2, of=asked)
    await asked.together.aclose()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(isinstance(each, asyncio.CancelledError) for each in results)
