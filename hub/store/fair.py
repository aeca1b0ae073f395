"""`fair`: whose work is done next, so that a storm of one caller waits behind itself.

Statements, receipts and batches each have a queue of their own.

- One caller never has all connections, and all callers without a token together have a few: for
  whoever comes meanwhile there is one.
- Dear statements of all callers together never have all connections: who asks for little does not
  wait until one of them ends.
- Where statements wait, callers take turns: the next one is of the caller that was served longest
  ago, whatever the others have waiting.
- What waits is bounded for each caller, and for all without a token; what comes on top is refused
  with the time to come back, before anything was done for it.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from hub.errors import DatabaseUnavailableError, OverloadedError, RateLimitedError

BUSY_S = 1
"""When to come back where too much of a caller waits already."""


@dataclass(frozen=True, slots=True)
class Asker:
    """For whom a statement runs: a client, or somebody at an address."""

    name: str
    is_anonymous: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class StatementAllowance:
    """How long a statement may run, and whether it is dear (`hub.query.plan.limits.DEAR_COST`)."""

    seconds: float | None = None
    """None: as long as any."""
    is_dear: bool = False


UNBOUNDED = StatementAllowance()
HUB = Asker("")
"""The hub itself, which has no share of its own."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Shares:
    """Statements that run at once and that wait; of one client, one address, all addresses.

    `dear_runs`: dear ones that run at once, of all callers together.
    """

    client_runs: int = 4
    client_waits: int = 64
    address_runs: int = 2
    address_waits: int = 16
    anonymous_runs: int = 3
    anonymous_waits: int = 64
    dear_runs: int = 5


Waiter = asyncio.Future[None]
Place = tuple[Waiter, bool]
"""Who waits, and whether for a dear statement."""


class FairQueue:
    """Hands out `size` places in turns."""

    def __init__(self, size: int, shares: Shares, wait_s: float) -> None:
        self._free = size
        self._shares = shares
        self._wait_s = wait_s
        self._runs: dict[str, int] = {}
        self._anonymous_runs = self._anonymous_waits = self._dear_runs = 0
        self._waiting: OrderedDict[Asker, deque[Place]] = OrderedDict()

    async def enter(self, asker: Asker, *, is_dear: bool = False) -> None:
        """Wait for a place; whoever has one must `leave` in the same words.

        Raises `RateLimitedError` where too much of this caller waits already, `OverloadedError`
        (for the hub itself `DatabaseUnavailableError`) where no place became free in time.
        """
        if self._free and asker not in self._waiting and self._may_run(asker, is_dear):
            self._start(asker, is_dear)
            return
        loop = asyncio.get_running_loop()
        waiter: Waiter = loop.create_future()
        self._queue(asker).append((waiter, is_dear))
        self._anonymous_waits += asker.is_anonymous
        overdue = loop.call_later(self._wait_s, self._give_up, asker, (waiter, is_dear))
        try:
            await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled() and not waiter.exception():
                # A place came together with the cancellation.
                self.leave(asker, is_dear=is_dear)
            raise
        finally:
            overdue.cancel()
            self._forget(asker, (waiter, is_dear))
            self._anonymous_waits -= asker.is_anonymous

    @asynccontextmanager
    async def turn(self, asker: Asker) -> AsyncIterator[None]:
        """Have a place while the block runs; see `enter`."""
        await self.enter(asker)
        try:
            yield
        finally:
            self.leave(asker)

    def use(self) -> tuple[int, int]:
        """Return how many places are taken, and how many wait for one."""
        return sum(self._runs.values()), sum(map(len, self._waiting.values()))

    def leave(self, asker: Asker, *, is_dear: bool = False) -> None:
        """Give a place back; the next in turn gets it."""
        self._free += 1
        self._dear_runs -= is_dear
        left = self._runs[asker.name] - 1
        if left:
            self._runs[asker.name] = left
        else:
            del self._runs[asker.name]
        self._anonymous_runs -= asker.is_anonymous
        if self._waiting:
            self._serve()

    def _queue(self, asker: Asker) -> deque[Place]:
        shares, queue = self._shares, self._waiting.get(asker)
        waits = 0 if queue is None else len(queue)
        most = shares.address_waits if asker.is_anonymous else shares.client_waits
        is_full = asker is not HUB and waits >= most
        if is_full or (asker.is_anonymous and self._anonymous_waits >= shares.anonymous_waits):
            raise RateLimitedError(BUSY_S)
        if queue is None:
            queue = self._waiting[asker] = deque()
        return queue

    def _may_run(self, asker: Asker, is_dear: bool) -> bool:  # noqa: FBT001 - a part of a place
        if asker is HUB:
            return True
        if is_dear and self._dear_runs >= self._shares.dear_runs:
            return False
        shares, runs = self._shares, self._runs.get(asker.name, 0)
        if asker.is_anonymous:
            return runs < shares.address_runs and self._anonymous_runs < shares.anonymous_runs
        return runs < shares.client_runs

    def _start(self, asker: Asker, is_dear: bool) -> None:  # noqa: FBT001 - a part of a place
        self._free -= 1
        self._dear_runs += is_dear
        self._runs[asker.name] = self._runs.get(asker.name, 0) + 1
        self._anonymous_runs += asker.is_anonymous

    def _serve(self) -> None:
        """Give free places to those who wait, in turns."""
        while self._free and (asker := self._next()) is not None:
            waiting = self._waiting[asker]
            waiter, is_dear = waiting.popleft()
            if waiting:
                self._waiting.move_to_end(asker)
            else:
                del self._waiting[asker]
            self._start(asker, is_dear)
            waiter.set_result(None)

    def _next(self) -> Asker | None:
        """Return whose turn it is; waiters that have gone are dropped on the way."""
        for asker in list(self._waiting):
            waiting = self._waiting[asker]
            while waiting and waiting[0][0].done():
                del waiting[0]
            if not waiting:
                del self._waiting[asker]
            elif self._may_run(asker, waiting[0][1]):
                return asker
        return None

    def _give_up(self, asker: Asker, place: Place) -> None:
        waiter, _ = place
        if not waiter.done():
            detail = f"no connection became free in {self._wait_s} s"
            is_own = asker is HUB
            waiter.set_exception(
                DatabaseUnavailableError(detail) if is_own else OverloadedError(BUSY_S)
            )
            self._forget(asker, place)

    def _forget(self, asker: Asker, place: Place) -> None:
        waiting = self._waiting.get(asker)
        if waiting is not None and place in waiting:
            waiting.remove(place)
            if not waiting:
                del self._waiting[asker]
