"""Whoever reads only what the log serves can compute everything again."""

from __future__ import annotations

import base64
import hashlib
import json

import httpx
import pytest
from starlette.applications import Starlette

from hub.ledger.checkpoint import read_checkpoint
from hub.ledger.endpoint import LogEndpoints
from hub.ledger.note import parse_vkey
from hub.ledger.policy import parse_policy

from .conftest import ORIGIN, RememberingSigner


@pytest.fixture
async def client(log, database):
    app = Starlette(routes=LogEndpoints(database, log.signer.key).routes())
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://log.test") as opened:
        yield opened


# An independent reader: RFC 6962 by its recursive definition and tile paths by the C2SP text.


def mth(hashes: list[bytes]) -> bytes:
    if not hashes:
        return hashlib.sha256(b"").digest()
    if len(hashes) == 1:
        return hashes[0]
    k = 1
    while k * 2 < len(hashes):
        k *= 2
    return hashlib.sha256(b"\x01" + mth(hashes[:k]) + mth(hashes[k:])).digest()


def tile_path(level: int | str, number: int, width: int) -> str:
    digits = f"{number:03d}" if number < 1000 else f"x{number // 1000:03d}/{number % 1000:03d}"
    return f"/log/tile/{level}/{digits}" + ("" if width == 256 else f".p/{width}")


async def read_level(client: httpx.AsyncClient, level: int, count: int) -> list[bytes]:
    hashes: list[bytes] = []
    for number in range(-(-count // 256)):
        width = min(256, count - number * 256)
        answer = await client.get(tile_path(level, number, width))
        assert answer.status_code == 200, answer.text
        assert len(answer.content) == width * 32
        hashes += [answer.content[i : i + 32] for i in range(0, width * 32, 32)]
    return hashes


async def read_head(client: httpx.AsyncClient) -> tuple[int, bytes]:
    lines = (await client.get("/log/checkpoint")).text.split("\n")
    return int(lines[1]), base64.b64decode(lines[2])


@pytest.mark.parametrize("sizes", [(1,), (256,), (5, 300), (255, 2, 256, 513)])
async def test_tiles_alone_give_the_root_of_the_checkpoint(log, client, sizes) -> None:
    for size in sizes:
        log.add(size)
        await log.sequencer().catch_up()
    size, root = await read_head(client)
    assert size == sum(sizes)
    leaves = await read_level(client, 0, size)
    assert mth(leaves) == root
    above = await read_level(client, 1, size // 256)
    assert above == [mth(leaves[i * 256 : (i + 1) * 256]) for i in range(size // 256)]


async def test_entries_hash_to_the_leaves_and_show_no_record(log, client) -> None:
    log.add(260)
    await log.sequencer().catch_up()
    leaves = await read_level(client, 0, 260)
    entries: list[bytes] = []
    for number, width in ((0, 256), (1, 4)):
        data = (await client.get(tile_path("entries", number, width))).content
        while data:
            length = int.from_bytes(data[:2], "big")
            entries.append(data[2 : 2 + length])
            data = data[2 + length :]
    assert [hashlib.sha256(b"\x00" + entry).digest() for entry in entries] == leaves
    for entry in entries:
        assert json.loads(entry).keys() <= {"v", "t", "h", "p", "k", "s"}


async def test_every_narrower_tile_is_a_prefix_of_the_wider(log, client) -> None:
    log.add(7)
    await log.sequencer().catch_up()
    whole = (await client.get("/log/tile/0/000.p/7")).content
    for width in range(1, 8):
        assert (await client.get(f"/log/tile/0/000.p/{width}")).content == whole[: width * 32]
    log.add(300)
    await log.sequencer().catch_up()
    assert (await client.get("/log/tile/0/000")).content[: len(whole)] == whole
    assert (await client.get("/log/tile/0/000.p/7")).content == whole


async def test_leaves_that_are_not_signed_yet_are_not_served(log, client) -> None:
    log.add(3)
    await log.sequencer().catch_up()
    log.add(2)
    await log.sequencer().catch_up()
    log.sql("DELETE FROM checkpoint WHERE size = 5")  # as between leaves and checkpoint
    assert (await client.get("/log/tile/0/000.p/3")).status_code == 200
    assert (await client.get("/log/tile/0/000.p/4")).status_code == 404
    assert (await client.get("/log/tile/entries/000.p/4")).status_code == 404


async def test_full_tiles_may_be_kept_for_ever_and_the_head_not(log, client) -> None:
    log.add(257)
    await log.sequencer().catch_up()
    full = await client.get("/log/tile/0/000")
    assert "immutable" in full.headers["cache-control"]
    assert full.headers["content-type"] == "application/octet-stream"
    part = await client.get("/log/tile/0/001.p/1")
    assert "immutable" not in part.headers["cache-control"]
    head = await client.get("/log/checkpoint")
    assert head.headers["cache-control"] == "public, max-age=1"
    assert head.headers["content-type"] == "text/plain; charset=utf-8"
    ranged = await client.get("/log/tile/0/000", headers={"Range": "bytes=0-31"})
    assert (ranged.status_code, len(ranged.content)) == (200, 8192)


async def test_key_and_policy_are_what_a_verifier_pins(log, client) -> None:
    log.add(1)
    await log.sequencer().catch_up()
    key = parse_vkey((await client.get("/log/vkey")).text.removesuffix("\n"))
    policy = parse_policy((await client.get("/log/policy")).content)
    assert policy.logs == (key,)
    assert not policy.asks_witnesses
    assert read_checkpoint((await client.get("/log/checkpoint")).content, key).size == 1


NO_TILES = (
    *("0/0", "0/000.p/0", "0/000.p/256", "0/000.p/257", "0/x000/001", "-1/000", "9/000", "00/000"),
    *("0/000/", "0//000", "0/%2e%2e%2f000", "entries/", "0/000.p/", "0/" + "x001/" * 40 + "001"),
)


@pytest.mark.parametrize("path", NO_TILES)
async def test_a_path_that_is_no_tile_is_a_bad_request(log, client, path) -> None:
    answer = await client.get(f"/log/tile/{path}")
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == "BAD_USER_INPUT"


async def test_what_the_log_does_not_have_is_not_found_with_a_code(log, client) -> None:
    answer = await client.get("/log/checkpoint", headers={"Accept-Language": "en"})
    assert answer.status_code == 404
    log.add(1)
    await log.sequencer().catch_up()
    for path in ("0/000", "0/001.p/1", "1/000.p/1", "entries/000", "7/000.p/1"):
        answer = await client.get(f"/log/tile/{path}")
        assert (answer.status_code, answer.json()["code"]) == (404, "NOT_FOUND")
        assert answer.headers["content-type"] == "application/problem+json"
    answer = await client.get("/log/tile/0/0")
    assert (answer.status_code, answer.json()["code"]) == (400, "BAD_USER_INPUT")


async def test_a_log_that_stands_still_is_served_under_its_name(log, database, client) -> None:
    log.add(260)
    await log.sequencer().catch_up()
    paths = ("checkpoint", "tile/0/000", "tile/0/001.p/4", "tile/1/000.p/1", "tile/entries/000")
    before = [(await client.get(f"/log/{path}")).content for path in paths]
    second = RememberingSigner("hub.delta.example/tile/second", b"second")
    log.add(2)
    await log.sequencer(signer=second).catch_up()
    third = RememberingSigner(second.key.name, b"third")
    await log.sequencer(signer=third).catch_up()
    app = Starlette(routes=LogEndpoints(database, third.key).routes())
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app), base_url="http://log.test"
    ) as now:
        after = [(await now.get(f"/log/{ORIGIN}/{path}")).content for path in paths]
        assert after == before
        for prefix in ("/log", f"/log/{second.key.name}"):
            note = (await now.get(f"{prefix}/checkpoint")).content
            assert read_checkpoint(note, third.key).size == 2
            assert len((await now.get(f"{prefix}/tile/0/000.p/2")).content) == 64
        assert (await now.get(f"/log/{ORIGIN}/tile/0/000.p/0")).status_code == 400
        for path in ("nowhere.example/checkpoint", "nowhere.example/tile/0/000.p/1"):
            assert (await now.get(f"/log/{path}")).status_code == 404
        policy = parse_policy((await now.get("/log/policy")).content)
        assert policy.logs[0] == third.key
        assert set(policy.logs) == {log.signer.key, second.key, third.key}
        listed = {each["origin"]: each for each in (await now.get("/log/origins")).json()["logs"]}
    assert listed[ORIGIN] == {
        "origin": ORIGIN,
        "size": 260,
        "isGrowing": False,
        "keys": [log.signer.key.encode()],
        "path": f"/log/{ORIGIN}",
    }
    grown = listed[second.key.name]
    assert (grown["size"], grown["isGrowing"]) == (2, True)
    assert sorted(grown["keys"]) == sorted([second.key.encode(), third.key.encode()])


@pytest.mark.parametrize("record_type", ["Other", "no type"])
async def test_an_entry_that_was_changed_is_not_served_as_a_leaf(log, client, record_type) -> None:
    log.add(1)
    await log.sequencer().catch_up()
    log.sql("UPDATE entry SET record_type = %s", (record_type,))
    answer = await client.get("/log/tile/entries/000.p/1")
    assert (answer.status_code, answer.json()["code"]) == (500, "INTERNAL")
