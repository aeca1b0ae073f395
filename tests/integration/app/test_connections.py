"""Connections that say nothing, too much or too slowly are closed; others are served meanwhile."""

from __future__ import annotations

import asyncio
import resource
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import replace

import httpx
import pytest

from hub.app import build
from hub.cli.connections import make_room
from hub.cli.limits import BACKLOG, Bounds
from hub.cli.serve import bind, listening
from hub.clock import system_clock
from hub.settings import Settings
from hub.store.database import Database
from tests.eventually import until

pytestmark = pytest.mark.integration
QUICK = Bounds(header_s=0.5, silence_s=0.5, body_s=3.0, unsent_s=0.5)
START = b"POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
LONG_S = 20.0


class Served:
    """A hub that listens on the loopback; strangers come from other addresses of it."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.stack = AsyncExitStack()
        self.writers: list[asyncio.StreamWriter] = []

    async def connect(self, sent: bytes = b"", source: str = "127.0.0.2") -> asyncio.StreamReader:
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", self.port, local_addr=(source, 0)
        )
        self.stack.callback(writer.transport.abort)
        self.writers.append(writer)
        reader.writer = writer  # type: ignore[attr-defined]
        writer.write(sent)
        return reader

    async def answers(self) -> bool:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{self.port}") as client:
            return (await client.get("/log/vkey")).status_code == 200


@asynccontextmanager
async def served(database: Database, folder: object, bounds: Bounds) -> AsyncIterator[Served]:
    bound = bind("127.0.0.1", 0)
    port = bound.getsockname()[1]
    settings = Settings(data_dir=folder, port=port, anonymous=True)  # type: ignore[arg-type]
    hub = await build(settings, database, system_clock)
    async with listening(hub, bound, bounds):
        made = Served(port)
        async with made.stack:
            yield made


async def end(reader: asyncio.StreamReader) -> bytes:
    """Return what came until the hub hung up."""
    came = b""
    with suppress(ConnectionError):
        while part := await asyncio.wait_for(reader.read(65_536), LONG_S):
            came += part
    return came


async def closed(readers: list[asyncio.StreamReader]) -> int:
    return sum(reader.at_eof() or reader.exception() is not None for reader in readers)


async def test_silent_and_half_open_connections_are_closed(
    database: Database, tmp_path: object
) -> None:
    async with served(database, tmp_path, QUICK) as hub:
        sent = [b"", b"G", START, START + b"X: "]
        silent = [await hub.connect(sent[n % 4]) for n in range(100)]
        assert await hub.answers()
        ends = [await end(each) for each in silent]
    assert set(ends[::4]) == {b""}  # nothing was asked, nothing is answered
    assert all(each.startswith(b"HTTP/1.1 408 ") for n, each in enumerate(ends) if n % 4)
    assert b'"code":"REQUEST_TIMEOUT"' in ends[2]


async def test_one_address_keeps_so_many_connections_and_its_oldest_silent_ones_go_first(
    database: Database, tmp_path: object
) -> None:
    bounds = Bounds(address_connections=20)
    async with served(database, tmp_path, bounds) as hub:
        silent = [await hub.connect(START) for _ in range(300)]

        async def gone() -> bool:
            return await closed(silent) == 280

        await until(gone)
        assert await closed(silent[:280]) == 280
        assert await hub.answers()
        last = silent[-1]
        last.writer.write(b"Content-Length: 1\r\n\r\n{")  # type: ignore[attr-defined]
        assert (await last.readline()).startswith(b"HTTP/1.1 421 ")


@pytest.fixture
def few_descriptors() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def test_more_silent_connections_than_places_do_not_lock_anybody_out(
    database: Database, tmp_path: object
) -> None:
    bounds = Bounds(connections=200, address_connections=1000)
    async with served(database, tmp_path, bounds) as hub:
        for n in range(1_100):
            await hub.connect(source=f"127.0.0.{2 + n % 50}")
        assert await hub.answers()


def test_connections_leave_descriptors_to_database_and_log(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    raised: list[tuple[int, int]] = []
    for limits, places in (((256, 1_024), 384), ((1_024, 20_000), 8_000), ((64, 64), 1)):
        monkeypatch.setattr(resource, "getrlimit", lambda _, now=limits: now)
        monkeypatch.setattr(resource, "setrlimit", lambda _, now: raised.append(now))
        room = make_room(Bounds())
        assert room.connections == places
        assert room.connections + room.backlog <= max(limits[1] - 256, 2)
        assert room.backlog <= BACKLOG
    assert raised == [(1_024, 1_024), (20_000, 20_000)]


async def test_a_connection_at_work_is_not_closed_to_make_room(
    database: Database, tmp_path: object
) -> None:
    async with served(database, tmp_path, Bounds(connections=1)) as hub:
        busy = await hub.connect(START + b"Content-Length: 100\r\n\r\n{")
        await asyncio.sleep(0.1)
        other = await end(await hub.connect(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"))
        assert other.startswith(b"HTTP/1.1 503 ")
        assert b'"code":"OVERLOADED"' in other
        assert b"retry-after: 1" in other.lower()
        assert not busy.at_eof()


@pytest.mark.parametrize(
    "header",
    [
        b"X: " + b"x" * (64 << 20) + b"\r\n",
        b"X: " + b"x" * 70_000 + b"\r\n\r\n",
        b"x" * 70_000 + b": y\r\n\r\n",
        b"X: y\r\n" * 200 + b"\r\n",
    ],
    ids=["64 MiB", "a value", "a name", "200 lines"],
)
async def test_a_header_has_at_most_so_many_bytes_and_lines(
    database: Database, tmp_path: object, header: bytes
) -> None:
    async with served(database, tmp_path, Bounds()) as hub:
        answer = await end(await hub.connect(START + header))
        assert answer.startswith(b"HTTP/1.1 431 ") or answer == b""  # reset while it still sends
        if len(header) < 1 << 20:
            assert b'"code":"HEADER_TOO_LARGE"' in answer
        assert await hub.answers()


async def test_a_long_address_is_a_large_header(database: Database, tmp_path: object) -> None:
    async with served(database, tmp_path, Bounds()) as hub:
        answer = await end(await hub.connect(b"GET /" + b"x" * 70_000 + b" HTTP/1.1\r\n\r\n"))
    assert answer.startswith(b"HTTP/1.1 431 ")


@pytest.mark.parametrize("pause_s", [0.1, 2.0], ids=["drop by drop", "with a pause"])
async def test_a_body_comes_in_time(database: Database, tmp_path: object, pause_s: float) -> None:
    bounds = replace(QUICK, body_s=1.0, silence_s=30.0 if pause_s < 1 else 0.5)
    async with served(database, tmp_path, bounds) as hub:
        port = str(hub.port).encode()
        head = START.replace(b": x", b": 127.0.0.1:" + port)
        reader = await hub.connect(head + b"Content-Length: 9999\r\n\r\n")

        async def drip() -> None:
            while True:
                reader.writer.write(b" ")  # type: ignore[attr-defined]
                await asyncio.sleep(pause_s)

        dripping = asyncio.create_task(drip())
        assert (await end(reader)).startswith(b"HTTP/1.1 408 ")
        assert await hub.answers()
        dripping.cancel()


async def test_an_answer_that_nobody_takes_is_given_up(
    database: Database, tmp_path: object
) -> None:
    async with served(database, tmp_path, QUICK) as hub:
        ask = b"GET /standard/standard.md HTTP/1.1\r\nHost: x\r\n\r\n"
        reader = await hub.connect()
        reader.writer.transport.pause_reading()  # type: ignore[attr-defined]
        reader.writer.write(ask * 30)  # type: ignore[attr-defined]

        async def given_up() -> bool:
            reader.writer.write(b"x")  # type: ignore[attr-defined]
            return reader.writer.transport.is_closing()  # type: ignore[attr-defined,no-any-return]

        await until(given_up)


async def test_many_requests_on_one_connection_wait_up_to_a_bound(
    database: Database, tmp_path: object
) -> None:
    async with served(database, tmp_path, Bounds()) as hub:
        answer = await end(await hub.connect(b"GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n" * 500))
    assert b"HTTP/1.1 431 " in answer or answer.count(b"HTTP/1.1 404") < 100


async def test_whoever_hangs_up_amid_several_requests_is_no_failure(
    database: Database, tmp_path: object, caplog: pytest.LogCaptureFixture
) -> None:
    async with served(database, tmp_path, Bounds()) as hub:
        for _ in range(5):
            reader = await hub.connect(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n" * 20)
            await reader.readline()
            reader.writer.transport.abort()  # type: ignore[attr-defined]
        assert await hub.answers()
        await asyncio.sleep(0.3)
    assert [record for record in caplog.records if record.name == "uvicorn.error"] == []


async def test_what_is_no_http_is_told_so_in_the_hub_s_words(
    database: Database, tmp_path: object
) -> None:
    async with served(database, tmp_path, Bounds()) as hub:
        answer = await end(await hub.connect(b"\x16\x03\x01\x02\x00" * 20))
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b'"code":"NOT_HTTP"' in answer


async def test_a_caller_who_speaks_keeps_his_connection(
    database: Database, tmp_path: object
) -> None:
    async with served(database, tmp_path, QUICK) as hub:
        ask = b"GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n"
        reader = await hub.connect()
        for _ in range(3):
            reader.writer.write(ask)  # type: ignore[attr-defined]
            assert (await reader.readuntil(b"}")).startswith(b"HTTP/1.1 404 ")
            await asyncio.sleep(0.8)  # longer than a header may take
        assert not reader.at_eof()


async def test_the_header_after_a_request_at_work_has_its_bound_too(
    database: Database, tmp_path: object
) -> None:
    async with served(database, tmp_path, Bounds()) as hub:
        first = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
        answer = await end(await hub.connect(first + b"GET / HTTP/1.1\r\nX: " + b"x" * 900_000))
    assert b"\r\n\r\n" in answer or answer == b""
    assert answer.count(b"HTTP/1.1 ") <= 2
