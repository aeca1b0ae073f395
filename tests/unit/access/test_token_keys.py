"""The hub's own keys change over without a restart, and without a refused call."""

from __future__ import annotations

from pathlib import Path

import pytest

from hub.access.limits import KEY_ANNOUNCED_S, KEY_KEPT_S, KEYS_REREAD_S, TOKEN_LIFETIME_S
from hub.access.service import Access
from hub.access.token_keys import in_files, list_keys, rotate
from hub.client import HubClient
from hub.crypto import jws
from hub.errors import HubError
from hub.state import MemoryState
from tests.unit.access.world import BASE, World

KNOWN_S = KEYS_REREAD_S + 1


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "keys" / "token.pem"


@pytest.fixture
def world(path: Path) -> World:
    made = World()
    made.access = another_worker(made, path)
    return made


def another_worker(world: World, path: Path) -> Access:
    keys = in_files(path, world.clock)
    return Access(world.config, keys, world.store, MemoryState(world.clock), world.clock)


async def published(world: World) -> list[str]:
    async with world.http() as http:
        return [k["kid"] for k in (await http.get("/.well-known/jwks.json")).json()["keys"]]


def signer(token: str) -> str:
    return str(jws.parse(token).header["kid"])


async def test_a_new_key_is_announced_before_it_signs_and_the_old_one_stays_known(
    world: World, path: Path
) -> None:
    (old,) = await published(world)
    rotate(path, world.clock(), is_lost=False)
    world.clock.advance(KNOWN_S)
    both = await published(world)
    assert both[0] == old
    assert len(both) == 2
    before = await world.token()
    assert signer(before) == old
    world.clock.advance(KEY_ANNOUNCED_S - KNOWN_S)
    assert await world.call(before) == "TOKEN_EXPIRED"
    assert signer(await world.token()) == both[1]
    assert await published(world) == both
    world.clock.advance(KEY_KEPT_S)
    assert await published(world) == both[1:]


async def test_tokens_of_the_old_key_are_good_until_they_end(world: World, path: Path) -> None:
    rotate(path, world.clock(), is_lost=False)
    world.clock.advance(KEY_ANNOUNCED_S - 1)
    token = await world.token()
    world.clock.advance(2)
    assert signer(await world.token()) != signer(token)
    assert await world.call(token) == 200
    world.clock.advance(TOKEN_LIFETIME_S)
    assert await world.call(token) == "TOKEN_EXPIRED"


async def test_workers_change_over_at_one_moment_and_take_each_other_s_tokens_and_nonces(
    world: World, path: Path
) -> None:
    first, second = world.access, another_worker(world, path)
    rotate(path, world.clock(), is_lost=False)
    for _ in range(3):
        for issuing, taking in ((first, second), (second, first)):
            world.access = issuing
            token, nonce = await world.token(), issuing.dpop_nonce()
            world.access = taking
            assert await world.call(token) == 200
            assert taking._endpoints._nonces.accepts(nonce, world.clock())
        world.clock.advance(KEY_ANNOUNCED_S / 2)
    world.access = first
    last = signer(await world.token())
    world.access = second
    assert signer(await world.token()) == last


async def test_a_lost_key_ends_with_its_tokens_in_every_worker_within_five_seconds(
    world: World, path: Path
) -> None:
    first, second = world.access, another_worker(world, path)
    tokens = {}
    for worker in (first, second):
        world.access = worker
        tokens[worker] = await world.token()
        assert await world.call(tokens[worker]) == 200
    rotate(path, world.clock(), is_lost=True)
    world.clock.advance(KNOWN_S)
    for worker in (first, second):
        world.access = worker
        for token in tokens.values():
            assert await world.call(token) == "TOKEN_INVALID"
        assert await world.call(await world.token()) == 200
    assert len(await published(world)) == 1


async def test_a_partner_that_runs_on_reads_the_new_keys_when_it_meets_one(
    world: World, path: Path
) -> None:
    import httpx

    transport = httpx.ASGITransport(world.app())
    async with HubClient(BASE, "zju", world.key, clock=world.clock, transport=transport) as hub:
        rows = [{"type": "Instrument", "record": {"name": {"zh": "电镜"}}}]
        assert (await hub.push(rows, source="zju")).status == 202
        rotate(path, world.clock(), is_lost=True)
        world.clock.advance(KNOWN_S)
        assert (await hub.push(rows, source="zju")).status == 202


def test_only_one_key_is_announced_at_a_time_and_old_files_are_put_aside(
    world: World, path: Path
) -> None:
    rotate(path, world.clock(), is_lost=False)
    with pytest.raises(HubError, match="announced already"):
        rotate(path, world.clock(), is_lost=False)
    world.clock.advance(KEY_ANNOUNCED_S + KEY_KEPT_S + 1)
    rotate(path, world.clock(), is_lost=False)
    assert len(list_keys(path)) == 2
    assert [file.name for file in path.parent.iterdir() if file.suffix == ".ended"] == [
        "token.pem.ended"
    ]
    assert not [key for key in list_keys(path) if key.key.kid.startswith("-")]


async def test_a_file_that_cannot_be_read_leaves_what_was_known(world: World, path: Path) -> None:
    before = await published(world)
    path.with_name("token.1.pem").write_text("half a k")
    world.clock.advance(KNOWN_S)
    assert await published(world) == before
