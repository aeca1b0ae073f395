"""Real servers on the loopback interface that answer as a test tells them to."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from tests.loopback import loopback_server

Script = Callable[["Peer"], Awaitable[None]]


@dataclass
class Peer:
    """One accepted connection, as the script of a test sees it."""

    number: int
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    server: "RawServer"

    async def request(self) -> tuple[bytes, bytes]:
        """Read one request: head and body."""
        head = await self.reader.readuntil(b"\r\n\r\n")
        lower = head.lower()
        body = b""
        if b"content-length:" in lower:
            length = int(lower.split(b"content-length:")[1].split(b"\r\n")[0])
            body = await self.reader.readexactly(length)
        elif b"transfer-encoding: chunked" in lower:
            while size := int(await self.reader.readline(), 16):
                body += await self.reader.readexactly(size)
                await self.reader.readline()
            await self.reader.readline()
        self.server.requests.append(head.split(b"\r\n")[0].decode())
        return head, body

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def ok(self, body: bytes = b"ok", extra: bytes = b"") -> None:
        await self.send(
            b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n%b\r\n%b" % (len(body), extra, body)
        )

    def hang_up(self) -> None:
        self.writer.transport.abort()


@dataclass
class RawServer:
    """What a running server saw."""

    url: str = ""
    port: int = 0
    connections: int = 0
    requests: list[str] = field(default_factory=list)


@asynccontextmanager
async def serving(
    script: Script, context: ssl.SSLContext | None = None
) -> AsyncIterator[RawServer]:
    state = RawServer()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        state.connections += 1
        await script(Peer(state.connections, reader, writer, state))

    async with loopback_server(accept, context) as state.port:
        state.url = f"{'https' if context else 'http'}://127.0.0.1:{state.port}"
        yield state


@pytest.fixture(scope="session", params=[False, True], ids=["asyncio", "uvloop"])
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, bool]]:
    """The hub runs on uvloop, commands and tests on asyncio: the transport must do on both."""
    return "asyncio", {"use_uvloop": request.param}


@pytest.fixture
def raw_server() -> Callable[..., object]:
    return serving
