"""`turns`: long work in the event loop, done in short turns between which other work runs."""

from __future__ import annotations

from asyncio import sleep
from collections.abc import Iterable, Iterator
from time import perf_counter
from typing import TypeVar

T = TypeVar("T")
TURN_S = 0.004
"""Longest that one task works before others run, but for its smallest step."""


class Turns:
    """The turns of one task."""

    def __init__(self) -> None:
        self._until = perf_counter() + TURN_S

    async def pause(self) -> None:
        """Let others run if this turn has lasted long enough; call it between two steps."""
        if perf_counter() >= self._until:
            await sleep(0)
            self._until = perf_counter() + TURN_S


def one_turn(items: Iterator[T], most: int) -> Iterable[T]:
    """Yield what can be made of these items in one turn, at least one and at most so many."""
    until = perf_counter() + TURN_S
    for _, each in zip(range(most), items, strict=False):
        yield each
        if perf_counter() >= until:
            return
