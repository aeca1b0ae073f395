"""Connections to a source are kept between questions, and only while they are what they were."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

import pytest

from connectors.errors import SourceUnavailableError
from connectors.http.session import HttpQuestion, HttpSession
from hub.federation.sessions import KeptSessions
from hub.harvest.connections import HttpConnection, StaticToken
from hub.harvest.source import HarvestSource
from tests.integration.federation.campus import source_at

ROWS_MAX = 100


@dataclass
class Server:
    """What a university heard: by connection, the heads of its requests."""

    url: str = ""
    connections: list[list[str]] = field(default_factory=list)
    hangs_up_after: int = 1_000
    """Requests of one connection that are answered; the next one is read, and never answered."""

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads: list[str] = []
        self.connections.append(heads)
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                heads.append(head)
                if len(heads) > self.hangs_up_after:
                    return
                more = b"Content-Type: application/json\r\nSet-Cookie: who=first\r\n"
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n" + more + b"\r\n{}")
                await writer.drain()
        except asyncio.IncompleteReadError:
            pass
        finally:
            writer.close()


@asynccontextmanager
async def serving() -> AsyncIterator[Server]:
    made = Server()
    server = await asyncio.start_server(made.talk, "127.0.0.1", 0)
    made.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield made
    finally:
        server.close()


async def asked(
    kept: KeptSessions,
    source: HarvestSource,
    ask: Callable[[HttpSession], Awaitable[object]] = lambda session: session.get("x"),
) -> None:
    async with kept.of(source, ROWS_MAX) as session:
        assert isinstance(session, HttpSession)
        await ask(session)


async def test_questions_one_after_another_share_a_connection_and_no_cookie():
    async with serving() as server:
        kept, source = KeptSessions(), source_at(server.url)
        for _ in range(3):
            await asked(kept, source)
        assert [len(heads) for heads in server.connections] == [3]
        assert not any("cookie" in head.lower() for head in server.connections[0])
        await kept.aclose()


async def test_questions_at_once_have_a_connection_each():
    async with serving() as server:
        kept, source = KeptSessions(), source_at(server.url)
        async with kept.of(source, ROWS_MAX) as one, kept.of(source, ROWS_MAX) as other:
            assert one is not other
        await kept.aclose()


async def test_a_source_whose_file_changed_is_asked_where_it_is_now_and_as_it_says():
    async with serving() as server, serving() as moved:
        kept, source = KeptSessions(), source_at(server.url)
        await asked(kept, source)
        connection = HttpConnection(base_url=moved.url, auth=StaticToken("Bearer new"))
        await asked(kept, replace(source, connection=connection))
        await asked(kept, replace(source, connection=connection))
        assert [len(heads) for heads in server.connections] == [1]
        assert len(moved.connections) == 2
        assert all("Bearer new" in heads[0] for heads in moved.connections)
        await kept.aclose()


async def test_a_session_of_the_former_source_is_not_kept_when_it_comes_back():
    async with serving() as server:
        kept, source = KeptSessions(), source_at(server.url)
        now = replace(source)
        async with kept.of(source, ROWS_MAX) as session:
            await asked(kept, now)
            await session.get("x")
        await asked(kept, now)
        assert sorted(len(heads) for heads in server.connections) == [1, 2]
        await kept.aclose()


@pytest.mark.parametrize("is_safe", [True, False])
async def test_a_connection_that_the_source_closed_repeats_only_what_changes_nothing(is_safe):
    async with serving() as server:
        server.hangs_up_after = 1
        kept, source = KeptSessions(), source_at(server.url)
        await asked(kept, source)
        question = HttpQuestion(path="x", method="POST", content=b"{}", is_safe=is_safe)
        if is_safe:
            await asked(kept, source, lambda session: session.ask(question))
        else:
            with pytest.raises(SourceUnavailableError) as refused:
                await asked(kept, source, lambda session: session.ask(question))
            assert refused.value.was_sent
        posts = [h for heads in server.connections for h in heads if h.startswith("POST")]
        assert len(posts) == (2 if is_safe else 1)
        await kept.aclose()


async def test_a_question_that_failed_or_was_cut_off_leaves_no_connection():
    async with serving() as server:
        kept, source = KeptSessions(), source_at(server.url)
        with pytest.raises(RuntimeError):
            await asked(kept, source, _failing)
        await asked(kept, source)
        assert len(server.connections) == 2
        await kept.aclose()
        await asked(kept, source)
        await asked(kept, source)
        assert len(server.connections) == 4


async def _failing(session: HttpSession) -> None:
    await session.get("x")
    raise RuntimeError("cut off")
