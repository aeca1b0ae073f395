"""`turns`: long work in the event loop, done in short turns between which other work runs."""

from __future__ import annotations

from asyncio import sleep, to_thread
from collections.abc import Callable, Iterable, Iterator
from time import perf_counter
from typing import Any, TypeVar

T = TypeVar("T")
TURN_S = 0.004
"""Longest that one task works before others run, but for its smallest step."""


LITTLE_MAX = 64
"""Things that are worked on at once: to hand them to a thread would cost more than the work."""


async def aside(size: int, work: Callable[..., T], *arguments: Any) -> T:
    """Do work on so many things: a little at once, more in a thread beside the event loop."""
    return work(*arguments) if size <= LITTLE_MAX else await to_thread(work, *arguments)


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
