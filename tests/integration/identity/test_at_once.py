"""Sources of one record that speak at once, through two workers with locks of their own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from hub.intake import service as intake
from hub.intake import write as writing
from hub.intake.batch import Outcome
from hub.store import settling
from hub.store.check import check
from hub.store.database import Database
from hub.store.rebuild import rebuild
from tests.integration.identity.conftest import (
    A,
    B,
    C,
    Hub,
    Said,
    U,
    derived,
    hours,
    instrument,
    key_of,
    link,
    offer,
)

pytestmark = pytest.mark.integration
OWNERS = (A, B, C, U)
ROUNDS = 12
PATIENCE_S = 0.3
"""How long a writer is waited for that should be waiting itself."""


@pytest.fixture
async def workers(hub: Hub, shared_url: str) -> AsyncIterator[tuple[Hub, Hub]]:
    """Two workers on one database."""
    async with Database(shared_url) as other:
        yield hub, Hub(other)


def said_in(source: str, number: int, order: int) -> list[Said]:
    """Return what a platform says in a round about everybody's instruments, in some order."""
    made: list[Said] = []
    for owner in OWNERS[::order]:
        key = f"{owner}/1"
        more = {"manufacturer": source} if source == "q" else {"functions": source}
        made += [
            instrument(owner, model=f"{source}{number}", **more),
            offer(key, price=f"{number + 1}.00"),
            hours(key, opens=f"0{number % 9}:00"),
        ]
    return made


@pytest.mark.parametrize("links", [False, True], ids=["facts", "facts and links"])
async def test_sources_in_opposite_orders_give_what_a_rebuild_gives(
    workers: tuple[Hub, Hub], links: bool
) -> None:
    one, other = workers
    for number in range(ROUNDS):
        at_once = [
            one.say("p", *said_in("p", number, 1)),
            other.say("q", *said_in("q", number, -1)),
            other.say("a", instrument(A, model=f"a{number}"), hours(f"{A}/1")),
            one.say("d", *said_in("d", number, -1)[6:][::-1], signed_by=B),
        ]
        if links:
            joined = link(A, U)
            at_once.insert(number % 4, one.say("op", key_of(joined) if number % 2 else joined))
        async with asyncio.timeout(15):
            found = await asyncio.gather(*at_once)
        assert all(row.outcome is not Outcome.QUARANTINED for rows in found for row in rows)
    await one.assert_right()
    models = await one.rows("SELECT model FROM instrument WHERE institution_key = 'moe:10335'")
    assert models == [(f"a{ROUNDS - 1}",)]


@pytest.mark.parametrize("order", [1, -1])
async def test_workers_that_meet_at_the_same_claims_of_one_source_lose_nothing(
    workers: tuple[Hub, Hub], order: int
) -> None:
    one, other = workers
    for number in range(ROUNDS):
        async with asyncio.timeout(15):
            await asyncio.gather(
                one.say("p", *said_in("p", number, 1)),
                other.say("p", *said_in("p", number + 100, order)),
            )
    revisions = await one.rows("SELECT DISTINCT revision FROM instrument_source")
    assert revisions == [(2 * ROUNDS,)]
    await one.assert_right()


async def shown(hub: Hub) -> list[tuple[Any, ...]]:
    """Return what is shown of the instrument that two speak of."""
    return await hub.rows(f"SELECT model, contact FROM instrument WHERE owner <> '{C}'")


async def meet(workers: tuple[Hub, Hub], patched: pytest.MonkeyPatch) -> bool:
    """Let a platform write while what the own system wrote of the same thing is not committed.

    The own system's transaction waits before its last statement until the platform's has looked for
    other claims, or shows no sign of doing so. Return whether the platform's did look meanwhile.
    """
    own, platform = workers
    await own.say("c", instrument(C))  # the first batch of all makes others wait for another reason
    written, looked = asyncio.Event(), asyncio.Event()
    is_early = False
    heard_from: Any = intake.heard_from
    contested: Any = settling._contested

    async def waits(connection: Any, source: str, **given: Any) -> None:
        nonlocal is_early
        if source == "a":
            written.set()
            try:
                async with asyncio.timeout(PATIENCE_S):
                    await looked.wait()
                is_early = True
            except TimeoutError:
                pass
        await heard_from(connection, source, **given)

    async def looks(*given: Any) -> Any:
        found = await contested(*given)
        if written.is_set():
            looked.set()
        return found

    patched.setattr(intake, "heard_from", waits)
    patched.setattr(settling, "_contested", looks)
    first = asyncio.create_task(own.say("a", instrument(A, model="own")))
    await written.wait()
    await asyncio.gather(platform.say("p", instrument(A, model="platform", contact="c")), first)
    return is_early


async def test_a_writer_waits_for_another_that_writes_of_the_same_owner(
    workers: tuple[Hub, Hub], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        assert not await meet(workers, patched)
    assert await shown(workers[0]) == [("own", "c")]
    await workers[0].assert_right()


async def test_without_that_wait_the_outcome_depends_on_who_came_last(
    workers: tuple[Hub, Hub], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the locks are for: the same meeting without them stores what no rebuild gives."""

    async def nothing(*_: Any) -> None:
        pass

    with monkeypatch.context() as patched:
        patched.setattr(writing, "lock_owners", nothing)
        assert await meet(workers, patched)
    one = workers[0]
    wrong = [("platform", "c")]
    assert await shown(one) == wrong
    report = await check(one.database, ["Instrument"])
    assert {each.table for each in report.differences} == {"instrument", "instrument_listing"}
    before = await derived(one.database)
    await rebuild(one.database)
    assert await derived(one.database) != before
    assert await shown(one) == [("own", "c")]


async def test_writers_of_linked_instruments_of_two_owners_wait_for_each_other(
    workers: tuple[Hub, Hub], monkeypatch: pytest.MonkeyPatch
) -> None:
    own, other = workers
    await own.say("op", link(f"{A}/1", f"{B}/1"))
    written, passed = asyncio.Event(), asyncio.Event()
    heard_from: Any = intake.heard_from
    contested: Any = settling._contested

    async def waits(connection: Any, source: str, **given: Any) -> None:
        if source == "a":
            written.set()
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(PATIENCE_S):
                    await passed.wait()
        await heard_from(connection, source, **given)

    async def looks(*given: Any) -> Any:
        if written.is_set():
            passed.set()
        return await contested(*given)

    with monkeypatch.context() as patched:
        patched.setattr(intake, "heard_from", waits)
        patched.setattr(settling, "_contested", looks)
        first = asyncio.create_task(own.say("a", instrument(A, model="A")))
        await written.wait()
        await asyncio.gather(other.say("b", instrument(B, contact="B")), first)
    assert await shown(own) == [("A", "B")]
    await own.assert_right()
