"""Callers take turns, and a storm of one waits behind itself."""

from __future__ import annotations

import asyncio

import pytest

from hub.errors import DatabaseUnavailableError, OverloadedError, RateLimitedError
from hub.store.fair import HUB, Asker, FairQueue, Shares

STORM, VICTIM = Asker("storm"), Asker("victim")
SHARES = Shares(
    client_runs=2, client_waits=5, address_runs=1, address_waits=2,
    anonymous_runs=2, anonymous_waits=3,
)  # fmt: skip


class Hall:
    """Statements that run until they are let go, in the order in which they began."""

    def __init__(self, size: int, shares: Shares = SHARES, wait_s: float = 60.0) -> None:
        self.queue = FairQueue(size, shares, wait_s)
        self.began: list[str] = []
        self._running: dict[str, asyncio.Event] = {}
        self.tasks: dict[str, asyncio.Task[None]] = {}

    async def ask(self, asker: Asker, name: str) -> None:
        self.tasks[name] = asyncio.create_task(self._run(asker, name))
        await asyncio.sleep(0)

    async def _run(self, asker: Asker, name: str) -> None:
        await self.queue.enter(asker)
        self.began.append(name)
        self._running[name] = asyncio.Event()
        await self._running[name].wait()
        self.queue.leave(asker)

    async def let_go(self, name: str) -> None:
        self._running.pop(name).set()
        for _ in range(4):
            await asyncio.sleep(0)

    async def end(self) -> None:
        while self._running:
            await self.let_go(next(iter(self._running)))
        await asyncio.gather(*self.tasks.values(), return_exceptions=True)


async def test_one_caller_never_has_every_place() -> None:
    hall = Hall(3)
    for n in range(5):
        await hall.ask(STORM, f"s{n}")
    await hall.ask(VICTIM, "v")
    assert hall.began == ["s0", "s1", "v"]
    await hall.end()
    assert len(hall.began) == 6


async def test_callers_who_wait_take_turns_whatever_the_others_have_waiting() -> None:
    hall = Hall(1)
    await hall.ask(HUB, "busy")
    for n in range(4):
        await hall.ask(STORM, f"s{n}")
    await hall.ask(VICTIM, "v0")
    await hall.ask(VICTIM, "v1")
    await hall.let_go("busy")
    await hall.end()
    assert hall.began == ["busy", "s0", "v0", "s1", "v1", "s2", "s3"]


async def test_callers_without_a_token_share_a_few_places() -> None:
    hall = Hall(8)
    for n in range(3):
        await hall.ask(Asker(f"address {n}", is_anonymous=True), f"a{n}")
        await hall.ask(Asker(f"address {n}", is_anonymous=True), f"b{n}") if not n else None
    await hall.ask(VICTIM, "v")
    assert hall.began == ["a0", "a1", "v"]
    await hall.end()
    assert sorted(hall.began) == ["a0", "a1", "a2", "b0", "v"]


@pytest.mark.parametrize(("asker", "most"), [(STORM, 2 + 5), (Asker("a", is_anonymous=True), 3)])
async def test_what_waits_is_bounded_and_the_rest_is_told_when_to_come_back(
    asker: Asker, most: int
) -> None:
    hall = Hall(8)
    for n in range(most):
        await hall.ask(asker, str(n))
    with pytest.raises(RateLimitedError) as refused:
        await hall.queue.enter(asker)
    assert refused.value.retry_after_s == 1
    await hall.end()
    assert len(hall.began) == most
    await hall.queue.enter(asker)  # there is room again


async def test_a_wait_without_a_turn_ends() -> None:
    hall = Hall(1, wait_s=0.01)
    await hall.ask(HUB, "busy")
    with pytest.raises(OverloadedError):
        await hall.queue.enter(VICTIM)
    with pytest.raises(DatabaseUnavailableError):
        await hall.queue.enter(HUB)
    await hall.let_go("busy")
    await hall.queue.enter(VICTIM)


async def test_whoever_goes_away_leaves_his_place_to_others() -> None:
    hall = Hall(1)
    await hall.ask(HUB, "busy")
    await hall.ask(STORM, "gone")
    await hall.ask(VICTIM, "v")
    hall.tasks["gone"].cancel()
    await asyncio.sleep(0)
    await hall.let_go("busy")
    assert hall.began == ["busy", "v"]
    await hall.ask(STORM, "together")
    hall._running["v"].set()
    await asyncio.sleep(0)
    hall.tasks["together"].cancel()  # as its turn comes
    await hall.end()
    await asyncio.wait_for(hall.queue.enter(VICTIM), 5)
