"""The access layer behind a real server on the loopback address: what ASGI clients cannot show."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import anyio
import pytest
import uvicorn

from hub.access.config import local_config
from hub.access.service import Access
from hub.client import HubClient
from hub.clock import system_clock
from hub.state import MemoryState
from tests.unit.access.world import World

pytestmark = pytest.mark.integration
START_S = 10
HTTP_IMPLEMENTATIONS = ["httptools", "h11"]


@dataclass
class Running:
    world: World
    base: str
    port: int


@asynccontextmanager
async def running(http: str) -> AsyncIterator[Running]:
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    world = World()
    world.clock = system_clock  # type: ignore[assignment] # a real server has real time
    config = local_config(port, anonymous_reads=False)
    state = MemoryState(system_clock)
    world.access = Access(config, world.hub_key, world.store, state, system_clock)
    settings = uvicorn.Config(world.app(), http=http, log_level="warning", lifespan="off")
    server = uvicorn.Server(settings)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(server.serve, [listener])
        with anyio.fail_after(START_S):
            while not server.started:
                await anyio.sleep(0.01)
        try:
            yield Running(world, config.public_base, port)
        finally:
            server.should_exit = True


async def raw(port: int, request: bytes) -> bytes:
    stream = await anyio.connect_tcp("127.0.0.1", port)
    async with stream:
        await stream.send(request)
        with anyio.fail_after(START_S):
            return await stream.receive()


@pytest.mark.parametrize("http", HTTP_IMPLEMENTATIONS)
async def test_a_partner_queries_and_pushes_over_the_wire(http: str) -> None:
    async with (
        running(http) as hub,
        HubClient(hub.base, "zju", hub.world.key) as client,
    ):
        assert (await client.query("{a}"))["client"] == "zju"
        rows = [{"type": "Instrument", "record": {"name": {"zh": "电镜"}}}]
        answer = await client.push(rows, source="zju 电镜/a+b&c")
        assert answer.status == 202
        assert answer.body["rows"] == 1


@pytest.mark.parametrize("http", HTTP_IMPLEMENTATIONS)
@pytest.mark.parametrize(
    ("head", "statuses"),
    [
        (b"POST /graphql HTTP/1.1\r\nHost: evil.example\r\n", {b"421"}),
        (b"POST /graphql HTTP/1.1\r\nHost: {host}\r\nHost: evil.example\r\n", {b"400"}),
        (b"POST /graphql HTTP/1.1\r\nHost: {host}\r\nDPoP: a\r\nDPoP: b\r\n", {b"400"}),
        (b"POST /graphql HTTP/1.1\r\nHost: {host}\r\nDPoP: \xe9\r\n", {b"400"}),
        (b"POST /graphql HTTP/1.1\r\nHost: {host}\r\nClient-Cert: :AAAA:\r\n", {b"400"}),
        (b"POST /graphql HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer x\r\n", {b"401"}),
        (b"POST /graphql HTTP/1.1\r\nHost: {host}\r\n", {b"401"}),
        (b"POST http://evil.example/graphql HTTP/1.1\r\nHost: evil.example\r\n", {b"421", b"404"}),
        (
            b"POST http://evil.example/graphql HTTP/1.1\r\nHost: {host}\r\n",
            {b"401", b"404", b"400"},
        ),
        (b"POST @evil.example/graphql HTTP/1.1\r\nHost: {host}\r\n", {b"400", b"404"}),
    ],
)
async def test_a_bad_host_a_doubled_header_or_an_absolute_target_never_passes(
    http: str, head: bytes, statuses: set[bytes]
) -> None:
    async with running(http) as hub:
        host = f"127.0.0.1:{hub.port}".encode()
        request = head.replace(b"{host}", host) + b"Content-Length: 0\r\nConnection: close\r\n\r\n"
        answer = await raw(hub.port, request)
    assert answer.split(b" ")[1] in statuses
