"""What the operator ends is refused by every worker within five seconds, without a message."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from hub.access import assertion
from hub.access.clients import ClientChange, ClientStatus, KeyStatus
from hub.access.service import Access
from hub.state import MemoryState
from tests.unit.access.world import BASE, World

WITHIN_S = 5


async def end_key(world: World) -> None:
    await world.store.revoke_key(world.key.kid, KeyStatus.REVOKED, world.clock())


async def lose_key(world: World) -> None:
    await world.store.revoke_key(world.key.kid, KeyStatus.LOST, world.clock())


async def retire_key(world: World) -> None:
    await world.store.revoke_key(world.key.kid, KeyStatus.RETIRED, world.clock())


async def suspend(world: World) -> None:
    await world.store.set_status("zju", ClientStatus.SUSPENDED, world.clock())


async def remove(world: World) -> None:
    await world.store.set_status("zju", ClientStatus.REMOVED, world.clock())


async def narrow(world: World) -> None:
    await world.store.change("zju", ClientChange(scopes=("receipt:read",)), world.clock())


async def revoke_token(world: World) -> None:
    form = {
        "token": await world.token(),
        "client_assertion_type": assertion.ASSERTION_TYPE,
        "client_assertion": assertion.make("zju", BASE, world.key, world.clock()),
    }
    async with world.http() as http:
        assert (await http.post("/oauth/revoke", data=form)).status_code == 200


ENDS = [end_key, lose_key, retire_key, suspend, remove, narrow, revoke_token]


@pytest.mark.parametrize("end", ENDS)
async def test_every_worker_refuses_what_was_ended_within_five_seconds(
    end: Callable[[World], Awaitable[None]],
) -> None:
    world = World()
    workers = [world.access] + [
        Access(world.config, world.hub_key, world.store, MemoryState(world.clock), world.clock)
        for _ in range(2)
    ]
    tokens = []
    for worker in workers:
        world.access = worker
        tokens.append(await world.token())
        assert await world.call(tokens[-1]) == 200
    world.clock.advance(1)  # tokens and epochs are told apart by the second
    world.access = workers[0]
    await end(world)
    world.clock.advance(WITHIN_S)
    said = set()
    for worker in workers:
        world.access = worker
        said |= {await world.call(token) for token in tokens}
    assert said <= {"TOKEN_REVOKED", "CLIENT_INACTIVE"}


async def test_a_client_that_was_suspended_does_not_get_its_old_tokens_back() -> None:
    world = World()
    token = await world.token()
    world.clock.advance(1)
    await world.store.set_status("zju", ClientStatus.SUSPENDED, world.clock())
    await world.store.set_status("zju", ClientStatus.ACTIVE, world.clock())
    world.clock.advance(WITHIN_S)
    assert await world.call(token) == "TOKEN_REVOKED"
    assert await world.call(await world.token()) == 200
