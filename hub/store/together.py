"""`Together`: one statement for all who ask while the one before it runs.

What many ask at once is asked of PostgreSQL once: whoever comes while a statement is under way
waits for the next one, which answers all of them. So each answer is of a statement that began after
it was asked for, as if everybody had asked alone; and the busier it is, the less an answer costs.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from hub.store.limits import TOGETHER_MAX

__all__ = ["Together"]

AskedT = TypeVar("AskedT")
FoundT = TypeVar("FoundT")


class Together(Generic[AskedT, FoundT]):
    """Answers those who ask together. `ask` gets what is asked, and answers in the same order."""

    def __init__(self, ask: Callable[[Sequence[AskedT]], Awaitable[Sequence[FoundT]]]) -> None:
        self._ask = ask
        self._waiting: deque[tuple[AskedT, asyncio.Future[FoundT]]] = deque()
        self._running: asyncio.Task[None] | None = None

    async def of(self, asked: AskedT) -> FoundT:
        """Return the answer; raises what the statement raised for all that it was to answer."""
        waits: asyncio.Future[FoundT] = asyncio.get_running_loop().create_future()
        self._waiting.append((asked, waits))
        if self._running is None:
            self._running = asyncio.create_task(self._run())
        return await waits

    async def aclose(self) -> None:
        """Cancel the statement under way; whoever waits is cancelled too."""
        if self._running is not None:
            self._running.cancel()
            await asyncio.gather(self._running, return_exceptions=True)

    async def _run(self) -> None:
        taken: list[tuple[AskedT, asyncio.Future[FoundT]]] = []
        try:
            while self._waiting:
                taken = self._take()
                if taken:
                    await self._answer(taken)
        finally:
            self._running = None
            for _, waits in (*taken, *self._waiting):  # all but nobody, unless this was cancelled
                waits.cancel()
            self._waiting.clear()

    def _take(self) -> list[tuple[AskedT, asyncio.Future[FoundT]]]:
        """Return who is answered next; who has given up meanwhile is not asked for."""
        count = min(len(self._waiting), TOGETHER_MAX)
        taken = (self._waiting.popleft() for _ in range(count))
        return [each for each in taken if not each[1].done()]

    async def _answer(self, taken: Sequence[tuple[AskedT, asyncio.Future[FoundT]]]) -> None:
        try:
            found = await self._ask([asked for asked, _ in taken])
        except Exception as error:  # noqa: BLE001 - it is raised where it was asked
            for _, waits in taken:
                if not waits.done():
                    waits.set_exception(error)
            return
        for (_, waits), each in zip(taken, found, strict=True):
            if not waits.done():
                waits.set_result(each)
